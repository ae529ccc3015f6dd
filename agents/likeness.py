"""Whether two sentences say the same, or say different figures of the same thing. Pure."""

import re

from .language import terms

_FIGURE = re.compile(
    r"(?P<sign>[£$€])?\s?(?P<number>\d+(?:[.,]\d+)*)(?:\s?(?P<unit>%|per cent|percent|(?!per )[a-z]{3,}))?"
    r"(?:\s(?:per|a|each)\s(?P<each>[a-z]{3,}))?",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"\bhow (?:many|much|long|far|old|often|large|big|high)\b|\b(?:costs?|prices?|budget|number|amount|share|total)\b",
    re.IGNORECASE,
)
#: What is asked about must have so many words before two sentences that hold them are about the same thing.
_ASKED_LEAST = 2
#: Sentences that share at least so much of their words, and have so many, are about the same thing.
_ALIKE, _ALIKE_LEAST = 0.5, 4
#: One that holds at least so much of the other's words repeats it.
_SAME = 0.85


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of words in common."""
    return len(one & other) / len(one | other) if one | other else 0.0


def figures(text: str) -> dict[str, frozenset[str]]:
    """The numbers in a sentence by what they count: a currency, a percentage, or the word that follows."""
    found: dict[str, set[str]] = {}
    for match in _FIGURE.finditer(text):
        counted = match["sign"] or " ".join(terms(match["unit"] or ""))
        each = f" {' '.join(terms(match['each']))}" if match["each"] else ""
        found.setdefault(counted + each, set()).add(match["number"])
    return {counted: frozenset(numbers) for counted, numbers in found.items()}


def is_conflict(one: str, other: str, about: str = "") -> bool:
    """Whether two sentences name different figures for the same thing.

    They do when nearly all their words are the same; or when both hold all that a question `about` a quantity names,
    two words at least, and count in the same currency or unit.
    """
    first, second = figures(one), figures(other)
    numbers = [frozenset().union(*found.values()) for found in (first, second)]
    if not all(numbers) or numbers[0] & numbers[1]:
        return False
    words = [frozenset(term for term in terms(text) if not term[0].isdigit()) for text in (one, other)]
    if min(map(len, words)) >= _ALIKE_LEAST and jaccard(*words) >= _ALIKE:
        return True
    asked = frozenset(terms(about))
    both = _QUANTITY.search(about) and len(asked) >= _ASKED_LEAST and asked <= words[0] & words[1]
    return bool(both and (first.keys() & second.keys()) - {""})


def is_repetition(one: str, other: str) -> bool:
    """Whether one of two sentences says nearly all that the other says, in the same words and numbers."""
    if is_conflict(one, other):
        return False
    first, second = frozenset(terms(one)), frozenset(terms(other))
    return len(first & second) > _SAME * max(1, min(len(first), len(second))) if first and second else one == other
