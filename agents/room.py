"""What there is room for in a prompt: the first of some lines or names, and notes of every point in turn. Pure."""

from collections.abc import Sequence
from itertools import zip_longest

from ..orchestrator.rules.tokens import estimate
from .reading import Note

#: Tokens of a list of names in a prompt.
NAMES_TOKENS = 600
#: Tokens of a note beside its words, about: its number and its point.
_MARKS = 10


def fitting(lines: Sequence[str], most: int) -> list[str]:
    """The first of the lines, as many as have about `most` tokens together."""
    kept: list[str] = []
    for line in lines:
        most -= estimate(line)
        if most < 0:
            break
        kept.append(line)
    return kept


def named(names: Sequence[str], most: int = NAMES_TOKENS) -> list[str]:
    """The first of the names, as many as there is room for, and how many others there are."""
    kept = fitting(names, most)
    left = len(names) - len(kept)
    return [*kept, *([f"and {left} more"] if left else [])]


def within(notes: Sequence[Note], most: int) -> tuple[list[Note], int]:
    """The notes that have about `most` tokens together, in their order, and how many are left out.

    Tables come first, since what is counted cannot be told without them; then the first note of each point, the second
    of each, and so on, so that no point is lost for another.
    """
    groups: dict[int, list[int]] = {}
    for n, note in enumerate(notes):
        groups.setdefault(-1 if note.is_table else note.point, []).append(n)
    tables = groups.pop(-1, [])
    turns = (n for turn in zip_longest(*groups.values()) for n in turn if n is not None)
    kept: set[int] = set()
    for n in (*tables, *turns):
        most -= estimate(notes[n].text) + _MARKS
        if most < 0:
            break
        kept.add(n)
    return [notes[n] for n in sorted(kept)], len(notes) - len(kept)
