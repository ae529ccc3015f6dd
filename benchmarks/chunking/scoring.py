"""How much of what a question needs is found, and how much of what is found it needs: by characters. Pure.

As the benchmark of Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval" (2024), counts them: a text that
two passages share counts once as found and twice as read.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bullpen.memory.chunking import Chunk

Span = tuple[int, int]
#: How many times questions are drawn again for an interval, and the seed of the draw.
DRAWS, SEED = 10_000, 20_240_703


class Piece(NamedTuple):
    """A passage and the text it is of."""

    corpus: str
    chunk: Chunk

    @property
    def span(self) -> Span:
        return self.chunk.start, self.chunk.end


class Scores(NamedTuple):
    """Of one question, from 0 to 1."""

    recall: float
    precision: float
    precision_omega: float
    """The share of what is needed in the passages that hold any of it: what a perfect search would reach."""
    iou: float


class Difference(NamedTuple):
    """How much more the one has than the other on average, with its interval of 95 %, and on how many questions."""

    mean: float
    low: float
    high: float
    more: int
    less: int


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same characters as spans that do not touch, in order."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def common(some: Iterable[Span], others: Sequence[Span]) -> list[Span]:
    """The characters that are in both."""
    shared = [(max(a, c), min(b, d)) for a, b in some for c, d in others]
    return merged((start, end) for start, end in shared if start < end)


def score(corpus: str, references: Sequence[Span], found: Sequence[Piece], pieces: Sequence[Piece]) -> Scores:
    """Of one question: `references` are what it needs of `corpus`; `found` are some of all `pieces`, of any corpus."""
    needed = merged(references)
    covered = length(common([piece.span for piece in found if piece.corpus == corpus], needed))
    read = length(piece.span for piece in found)
    holding = [piece.span for piece in pieces if piece.corpus == corpus and common([piece.span], needed)]
    perfect = length(common(holding, needed))
    return Scores(
        recall=covered / length(needed),
        precision=covered / read if read else 0.0,
        precision_omega=perfect / (length(merged(holding)) + length(needed) - perfect),
        iou=covered / (read + length(needed) - covered),
    )


def difference(some: Sequence[float], others: Sequence[float]) -> Difference:
    """Of two sequences of scores of the same questions, by drawing questions again (bootstrap)."""
    import numpy

    by_question = numpy.array(some) - numpy.array(others)
    draws = numpy.random.default_rng(SEED).integers(len(by_question), size=(DRAWS, len(by_question)))
    low, high = numpy.quantile(by_question[draws].mean(axis=1), (0.025, 0.975))
    more, less = int((by_question > 0).sum()), int((by_question < 0).sum())
    return Difference(float(by_question.mean()), float(low), float(high), more, less)
