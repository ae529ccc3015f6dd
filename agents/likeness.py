"""Whether two sentences say the same, or say different figures of the same thing. Pure."""

import re

from .language import terms

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
#: Sentences that share at least so much of their words, and have so many, are about the same thing.
_ALIKE, _ALIKE_LEAST = 0.5, 4
#: One that holds at least so much of the other's words repeats it.
_SAME = 0.85


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of words in common."""
    return len(one & other) / len(one | other) if one | other else 0.0


def is_conflict(one: str, other: str) -> bool:
    """Whether two sentences speak of the same in nearly the same words and name different numbers."""
    figures = [frozenset(_NUMBER.findall(text)) for text in (one, other)]
    words = [frozenset(term for term in terms(text) if not term[0].isdigit()) for text in (one, other)]
    differ = bool(figures[0] and figures[1]) and not figures[0] & figures[1]
    return differ and min(map(len, words)) >= _ALIKE_LEAST and jaccard(*words) >= _ALIKE


def is_repetition(one: str, other: str) -> bool:
    """Whether one of two sentences says nearly all that the other says, in the same words and numbers."""
    if is_conflict(one, other):
        return False
    first, second = frozenset(terms(one)), frozenset(terms(other))
    return len(first & second) > _SAME * max(1, min(len(first), len(second))) if first and second else one == other
