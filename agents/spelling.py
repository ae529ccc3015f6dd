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


def corrections(asked: Mapping[str, float], odd: Sequence[str], rarity: Mapping[str, float]) -> dict[str, str]:
    """For each odd word the commonest of the spellings one letter away, where one is common enough.

    None where most words of the question, `asked` with their rarity, stand nowhere even then: it is in another language
    or on something else, and what it is like is chance.
    """
    best = {word: min(one_edit_away(word), key=lambda spelt: rarity.get(spelt, 1.0)) for word in odd}
    found = {word: spelt for word, spelt in best.items() if rarity.get(spelt, 1.0) < _RARE_MOST}
    left = [word for word, rare in asked.items() if rare == 1 and word not in found]
    return found if 2 * len(left) <= len(asked) else {}


def respelt(text: str, corrected: Mapping[str, str]) -> str:
    """The text with these words corrected, wherever they stand as whole words."""
    for word, spelt in corrected.items():
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", spelt, text)
    return text
