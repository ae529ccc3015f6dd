"""A question's own parts: `what did it cost, and why was it extended?` asks twice. English. Pure."""

import re

from .language import STOP, WORD, terms
from .reading import Kind

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


def resolved(part: str) -> str:
    """A part with its subject in place of the word that points at it: `who used night bus` for `who used it (…)`."""
    said, bracket, subject = part.partition(" (")
    subject = subject.removesuffix(")")
    if not bracket:
        return part
    return _POINTING.sub(subject, said, count=1) if _POINTING.search(said) else f"{said} {subject}"


def _leans(part: str) -> bool:
    """Whether a part cannot stand alone: it says little, or points at what was named before it."""
    return len(terms(part)) <= _ALONE_LEAST or _POINTING.search(part) is not None


def _subject(part: str) -> list[str]:
    """What the first part is about: its telling words, without the verb that ends "what did … cost"."""
    telling = [word for word in WORD.findall(part) if word.lower() not in STOP]
    return telling[:-1] if len(telling) > 1 and _VERB_LAST.match(part) else telling


#: What words a question of each kind is asked in, the kinds in the order in which they are looked for.
_KINDS: dict[Kind, str] = {
    "comparison": r"\b(?:compar\w+|differ\w*|versus|vs|pros and cons|trade-?offs?)\b",
    "history": r"\b(?:histor\w+|evol\w+|timeline|over (?:the )?(?:years|time)|progress\w*|succession|successive)\b"
    r"|\bhow (?:did|has|have|was|were)\b.*\b(?:arriv|become|c[ao]me|develop|grow|grew|chang|get|got|emerg)\w*",
    "list": r"\b(?:which|what|list|name|all|every|each)\b(?:\W+\w+){0,3}?\W+(?:(?!\w*(?:ss|us|is)\b)\w{3,}s)\b.*"
    r"\b(?:were|are|have|do|did|name|concern|describe|recommend|affect)\b"
    r"|\bwhich (?:of the )?(?:[\w-]+ ){0,2}?(?!does\b|\w*(?:ss|us|is)\b)\w{3,}s\b(?! (?:an?|the|its?|this)\b)",
    "survey": r"\b(?:overview|survey|summar\w+|state of|policies|proposals|approaches|phases|proposed)\b",
    "how": r"^\s*how\b",
}


def kind_of(question: str) -> Kind:
    """The form of answer that a question asks for, by its words."""
    return next((kind for kind, words in _KINDS.items() if re.search(words, question, re.IGNORECASE)), "fact")


#: What parts an enumeration, and what stands before and behind the things that it names.
_AND = re.compile(r"\s*(?:,|;|:|\b(?:and|or|to|versus|vs|from|between|with)\b)\s*", re.IGNORECASE)


def items_of(part: str) -> list[str]:
    """The things that a part of a question enumerates: `net2`, `failure` and `adler`; none where it names one."""
    pieces = [piece.strip(" ?.()") for piece in _AND.split(part)]
    found = [piece for piece in pieces if terms(piece)]
    return found if len(found) > 1 else []
