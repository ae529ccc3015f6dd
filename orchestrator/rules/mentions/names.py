"""The names in a sentence, told by how they are written, without a dictionary. Pure.

A word with a capital is one, but for common words and, where a sentence begins, for words that may well be others: what
stands alone there and looks like a plural, an adverb or an abstract noun, or is not followed by a verb. Acronyms and
words with a capital inside are names wherever they stand; in German nothing else is, since nouns have a capital too.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from .read import WORD
from .tables import ADVERBS, COMMON, GERMAN, ORDINARY_ENDINGS, VERBS


class Name(NamedTuple):
    """A word that is a name or a part of one, and where it stands."""

    start: int
    end: int
    text: str

    @property
    def is_acronym(self) -> bool:
        """Whether it is one, or the plural of one."""
        return self.text.isupper() or (len(self.text) > 2 and self.text[:-1].isupper() and self.text[-1] == "s")


#: What a sentence, or something like one, begins behind.
_BEGINS = re.compile(r"(?:^|[.!?:;…|] ?|\"|^'| ')[\s(*_'\"-]*$")


def names_in(rest: str) -> Iterator[Name]:
    """The names, word by word and in order, of a sentence without its days, figures and codes."""
    words = [Name(found.start(), found.end(), found[0]) for found in WORD.finditer(rest)]
    tells = not _is_german(words)
    for n, word in enumerate(words):
        if not word.text[0].isupper() or len(word.text) < 2:
            continue
        is_odd = word.is_acronym or not word.text[1:].islower()
        may_be = tells and word.text.casefold() not in COMMON
        if is_odd or (may_be and (not _begins(rest, word) or _is_subject(rest, words, n))):
            yield word


def _is_german(words: list[Name]) -> bool:
    small = [word.text for word in words if word.text.islower()]
    hits = sum(word in GERMAN for word in small)
    return hits >= 2 and hits * 5 >= len(small)


def _begins(rest: str, word: Name) -> bool:
    return _BEGINS.search(rest, max(0, word.start - 4), word.start) is not None


def _is_subject(rest: str, words: list[Name], n: int) -> bool:
    """Whether the first word of a sentence is a name by what it is and by what follows."""
    if n + 1 == len(words):
        return False
    gap = rest[words[n].end : words[n + 1].start]
    if gap == "'":
        return words[n + 1].text == "s"
    if gap != " " or words[n].text.endswith(ORDINARY_ENDINGS):
        return False
    after = words[n + 1].text
    if after in ADVERBS and n + 2 < len(words):
        after = words[n + 2].text
    return (after[0].isupper() and after.casefold() not in COMMON) or after in VERBS or after.endswith("ed")
