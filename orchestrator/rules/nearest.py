"""Which of several texts is most like another one, and where the two differ. Pure; a text is a sequence of lines."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

Lines = Sequence[str]

#: How much of a differing line is shown, and how much of it stands before the first difference, in characters.
_SHOWN, _BEFORE = 60, 16


def nearest(asked: Lines, known: Sequence[Lines]) -> Lines:
    """The one of `known`, which has at least one, that shares most words with `asked`; of equals the first."""
    words = " ".join(asked).split()
    return max(known, key=lambda lines: SequenceMatcher(None, " ".join(lines).split(), words).quick_ratio())


def difference(known: Lines, asked: Lines, *, most: int = 8) -> list[str]:
    """The differing lines, `- ` in `known` and `+ ` in `asked`, each cut to the place; at most `most` and what is left.

    Empty where the two are equal.
    """
    told = [line for pair in _pairs(known, asked) for line in _cut(*pair)]
    left = len(told) - most
    return told if left <= 0 else [*told[:most], f"… and {left} more differing lines"]


def _pairs(known: Lines, asked: Lines) -> Iterator[tuple[str | None, str | None]]:
    for tag, a, a_end, b, b_end in SequenceMatcher(None, known, asked, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from zip_longest(known[a:a_end], asked[b:b_end])


def _cut(old: str | None, new: str | None) -> Iterator[str]:
    start = 0 if old is None or new is None else max(0, _shared(old, new) - _BEFORE)
    for sign, line in (("-", old), ("+", new)):
        if line is not None:
            shown = line[start : start + _SHOWN]
            yield f"{sign} {'…' if start else ''}{shown}{'…' if len(line) > start + _SHOWN else ''}"


def _shared(old: str, new: str) -> int:
    """How many characters the two begin with in common."""
    return next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
