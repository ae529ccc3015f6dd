"""Typing errors: a word that stands nowhere, and one letter away from it a word that the documents use. Pure.

Source: Peter Norvig, "How to Write a Spelling Corrector" (2007); one edit reaches most errors (Damerau 1964: 80 %).
"""

import re
from collections.abc import Mapping, Sequence
from string import ascii_lowercase

#: A shorter word has too many others one letter away; so many words of a question are looked at, at the most.
LETTERS_LEAST, WORDS_MOST = 5, 4
#: A word as rare as this is not what somebody has meant to write: of two odd words neither is the other's correction.
_RARE_MOST = 0.8
_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)*")


def misspelt(rarity: Mapping[str, float]) -> list[str]:
    """The words that stand nowhere and may be typing errors; not what is no word of plain letters."""
    odd = [word for word, rare in rarity.items() if rare == 1 and len(word) >= LETTERS_LEAST]
    return [word for word in odd if word.isascii() and word.isalpha()][:WORDS_MOST]


def one_edit_away(word: str) -> list[str]:
    """All spellings, in small letters, with one letter dropped, two that stand side by side swapped, or one another, or
    one more."""
    small = word.lower()
    parts = [(small[:n], small[n:]) for n in range(len(small) + 1)]
    dropped = [a + b[1:] for a, b in parts if b]
    swapped = [a + b[1] + b[0] + b[2:] for a, b in parts if len(b) > 1]
    other = [a + letter + b[1:] for a, b in parts if b for letter in ascii_lowercase]
    added = [a + letter + b for a, b in parts for letter in ascii_lowercase]
    return [spelt for spelt in dict.fromkeys([*swapped, *dropped, *added, *other]) if spelt != small]


def likely(odd: Sequence[str], rarity: Mapping[str, float]) -> dict[str, list[str]]:
    """For each odd word the spellings one letter away that are common enough, the commonest first; no word has none.

    Rarity goes by stems, so that some of them may be no words.
    """
    found = {word: [spelt for spelt in one_edit_away(word) if rarity.get(spelt, 1.0) < _RARE_MOST] for word in odd}
    return {word: sorted(ways, key=lambda spelt: rarity[spelt]) for word, ways in found.items() if ways}


def corrections(asked: Mapping[str, float], ways: Mapping[str, Sequence[str]], texts: Sequence[str]) -> dict[str, str]:
    """For each odd word the first of its likely spellings that the documents write so.

    None where most words of the question, `asked` with their rarity, stand nowhere even then: it is in another language
    or on something else, and what it is like is chance.
    """
    said = {word for text in texts for word in _WORD.findall(text.lower())}
    first = {word: next((spelt for spelt in likeliest if spelt in said), "") for word, likeliest in ways.items()}
    found = {word: spelt for word, spelt in first.items() if spelt}
    left = [word for word, rare in asked.items() if rare == 1 and word not in found]
    return found if 2 * len(left) <= len(asked) else {}


def respelt(text: str, corrected: Mapping[str, str]) -> str:
    """The text with these words corrected, wherever they stand as whole words."""
    for word, spelt in corrected.items():
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", spelt, text)
    return text
