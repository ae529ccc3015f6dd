"""The names in a sentence, told by how they are written, without a dictionary. Pure.

A word with a capital is one, but for common words and, where a sentence begins, for words that may well be others: what
stands alone there and looks like a plural, an adverb or an abstract noun, or is not followed by a verb. Acronyms and
words with a capital inside are names wherever they stand. In German, and where nearly all words have a capital, as in a
headline, capitals tell nothing else.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from .read import WORD
from .tables import COMMON, GERMAN, ORDINARY_ENDINGS, VERBS


class Name(NamedTuple):
    """A word that is a name or a part of one, and where it stands."""

    start: int
    end: int
    text: str

    @property
    def is_acronym(self) -> bool:
        return self.text.isupper() or (self.text[:-1].isupper() and self.text[-1] == "s")


#: What a sentence, or something like one, begins behind.
_BEGINS = re.compile(r"(?:^|[.!?:;…|] ?|\"|^'| ')[\s(*_'\"-]*$")
#: Of so many long words more than three in four have a capital where capitals tell nothing.
_TITLE_LEAST = 6


def names_in(rest: str) -> Iterator[Name]:
    """The names, word by word and in order, of a sentence without its days, figures and codes."""
    words = [Name(found.start(), found.end(), found[0]) for found in WORD.finditer(rest)]
    tells = not _is_german(words) and not _is_title(words)
    for n, word in enumerate(words):
        if not word.text[0].isupper() or len(word.text) < 2:
            continue
        if word.is_acronym or not word.text[1:].islower():
            yield word
        elif tells and word.text.casefold() not in COMMON and (not _begins(rest, word) or _is_subject(rest, words, n)):
            yield word


def _is_german(words: list[Name]) -> bool:
    small = [word.text for word in words if word.text.islower()]
    hits = sum(word in GERMAN for word in small)
    return hits >= 2 and hits * 5 >= len(small)


def _is_title(words: list[Name]) -> bool:
    long = [word.text for word in words[1:] if len(word.text) > 3]
    return len(long) >= _TITLE_LEAST and sum(word[0].isupper() for word in long) * 4 > 3 * len(long)


def _begins(rest: str, word: Name) -> bool:
    return _BEGINS.search(rest, max(0, word.start - 4), word.start) is not None


def _is_subject(rest: str, words: list[Name], n: int) -> bool:
    """Whether the first word of a sentence is a name by what it is and by what follows."""
    word = words[n].text.lower()
    if word.endswith(ORDINARY_ENDINGS):
        return False
    if n + 1 == len(words):
        return False
    after, gap = words[n + 1], rest[words[n].end : words[n + 1].start]
    if gap == " " and after.text[0].isupper() and after.text.lower() not in COMMON:
        return True
    if gap == "'" and after.text == "s":
        return True
    return gap == " " and (after.text in VERBS or after.text.endswith("ed"))
