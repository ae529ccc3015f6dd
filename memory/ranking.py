"""How well words match, and how rankings become one. Pure rules; knows no store.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), in Lucene's form;
Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion" (2009).
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

K1 = 1.5
B = 0.75
#: Relevance is rounded to so many decimals: what differs only in how a sum was rounded is a tie.
DIGITS = 9
#: How much a first place counts over a tenth: the paper's value.
FUSION_K = 60


class Place(NamedTuple):
    """Where a record stands in the memory: of two equally good ones, the smaller place wins."""

    source: int
    start: int
    end: int
    record: int


@dataclass(frozen=True)
class Statistics:
    """What BM25 knows about a memory: its passages alone, so that a note never moves a passage's score."""

    passages: int
    mean_length: float
    holding: Callable[[str], int]
    """How many passages hold a word."""

    def rarity(self, word: str) -> float:
        """The inverse document frequency, always positive."""
        holding = self.holding(word)
        return math.log(1 + (self.passages - holding + 0.5) / (holding + 0.5))


def relevance(query: Iterable[str], counts: Mapping[str, int], statistics: Statistics) -> float:
    """BM25 of one text, as the counts of its words, for the words of a query; 0 when they share none."""
    length = sum(counts.values()) / (statistics.mean_length or 1.0)
    damping = K1 * (1 - B + B * length)
    terms = (statistics.rarity(word) * counts[word] / (damping + counts[word]) for word in query if word in counts)
    return round(sum(terms), DIGITS)


def statistics_of(texts: Sequence[Mapping[str, int]]) -> Statistics:
    """The statistics of these texts, each given as the counts of its words."""
    holding = Counter(word for counts in texts for word in counts)
    length = sum(sum(counts.values()) for counts in texts)
    return Statistics(len(texts), length / len(texts) if texts else 0.0, lambda word: holding[word])


def fuse(*rankings: Sequence[int]) -> list[int]:
    """One ranking out of several by reciprocal rank; a tie goes to what an earlier ranking named first."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1 / (FUSION_K + rank)
    return sorted(scores, key=lambda item: -scores[item])
