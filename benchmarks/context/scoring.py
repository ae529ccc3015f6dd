"""How much of what should have been kept was kept. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bullpen import Passage


class Kept(NamedTuple):
    """Over all questions: the mean share of the evidence that was kept, and the share of questions with all of it."""

    mean: float
    all: float
    questions: int


def kept(shares: Sequence[float]) -> Kept:
    """The summary of a share for each question."""
    return Kept(sum(shares) / len(shares), sum(share == 1.0 for share in shares) / len(shares), len(shares))


def covered(texts: Mapping[str, str], source: str, gold: Iterable[tuple[int, int]], chosen: Sequence[Passage]) -> float:
    """The share of the characters of a source's gold spans, white space aside, that stand in what was chosen.

    A span whose words stand elsewhere in it as well is there: the same text in another place says the same.
    """
    had = {at for passage in chosen if passage.source == source for at in range(passage.start, passage.end)}
    said = "\n".join(_folded(passage.text) for passage in chosen)
    wanted = found = 0
    for start, end in gold:
        marks = [at for at in range(start, end) if not texts[source][at].isspace()]
        wanted += len(marks)
        found += len(marks) if _folded(texts[source][start:end]) in said else len(had.intersection(marks))
    return found / wanted if wanted else 1.0


def _folded(text: str) -> str:
    return " ".join(text.split())
