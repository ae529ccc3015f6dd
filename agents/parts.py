"""A question's own parts: `what did it cost, and why was it extended?` asks twice. English. Pure."""

import re

from .language import STOP, WORD, terms

_ASKING = r"(?=(?:who|what|when|where|which|why|how)\b)"
_PART = re.compile(rf"[?;]\s+|,?\s+and\s+{_ASKING}|,\s+{_ASKING}", re.IGNORECASE)
_VERB_LAST = re.compile(r"\w+ (?:did|does|do|was|were|will|has|have|had|can|could|should)\b", re.IGNORECASE)
#: A part that asks about what was named before it, if only in words that say little: `who used it`.
_OF_THAT = re.compile(r"(?:who|what|when|where|which|why|how)\b.*\b(?:it|its|they|them|their)\b", re.IGNORECASE)
_PARTS_MOST = 6
#: A later part of at most so many telling words, or with such a word, is about the subject of the first.
_ALONE_LEAST = 3
_POINTING = re.compile(r"\b(?:it|its|they|them|their|each|this|these|those|that)\b", re.IGNORECASE)


def split_question(question: str) -> list[str]:
    """The question's own parts, each of which has words of its own; the whole where it has only one."""
    parts = [part.strip(" ?;,.") for part in _PART.split(question)]
    first = next((n for n, part in enumerate(parts) if terms(part)), len(parts))
    telling = [part for n, part in enumerate(parts) if terms(part) or (n > first and _OF_THAT.match(part))]
    if len(telling) < 2:
        return [question.strip()]
    subject = " ".join(_subject(telling[0]))
    return [
        part if n == 0 or not _leans(part) else f"{part} ({subject})" for n, part in enumerate(telling[:_PARTS_MOST])
    ]


def _leans(part: str) -> bool:
    """Whether a part cannot stand alone: it says little, or points at what was named before it."""
    return len(terms(part)) <= _ALONE_LEAST or _POINTING.search(part) is not None


def _subject(part: str) -> list[str]:
    """What the first part is about: its telling words, without the verb that ends "what did … cost"."""
    telling = [word for word in WORD.findall(part) if word.lower() not in STOP]
    return telling[:-1] if len(telling) > 1 and _VERB_LAST.match(part) else telling
