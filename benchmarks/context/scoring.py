"""How much of what should have been kept was kept. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Kept(NamedTuple):
    """Over all questions: the mean share of the evidence that was kept, and the share of questions with all of it."""

    mean: float
    all: float
    questions: int


def kept(shares: Sequence[float]) -> Kept:
    """The summary of a share for each question."""
    return Kept(sum(shares) / len(shares), sum(share == 1.0 for share in shares) / len(shares), len(shares))


def covered(text: str, gold: Iterable[tuple[int, int]], spans: Iterable[tuple[int, int]]) -> float:
    """The share of the gold spans' characters, but for white space, that stand in any of the spans; 1 for no gold."""
    wanted = {at for start, end in gold for at in range(start, end) if not text[at].isspace()}
    had = {at for start, end in spans for at in range(start, end)}
    return len(wanted & had) / len(wanted) if wanted else 1.0
