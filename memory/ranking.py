"""How well words match, and how rankings become one. Pure rules; knows no store.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), in Lucene's form;
Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion" (2009).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

K1 = 1.5
B = 0.75
#: Relevance is rounded to so many decimals: what differs only in how a sum was rounded is a tie.
DIGITS = 9
#: Relevance feedback: from how many of the best passages, how many words, and their share of the query's weight.
FEEDBACK_TEXTS, FEEDBACK_WORDS, FEEDBACK_SHARE = 8, 15, 0.4
#: How much the ranking by the expanded query counts beside the one by the query, and how steeply both fall.
FEEDBACK_WEIGHT, FEEDBACK_K = 0.2, 10
#: Candidates that each ranking names before rankings are fused.
CANDIDATES = 50
#: How much a first place counts over a tenth: the paper's value.
FUSION_K = 60
#: How much a place among the nearest counts beside one by words.
MEANING_WEIGHT = 0.7


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


def relevance(query: Mapping[str, float], counts: Mapping[str, int], statistics: Statistics) -> float:
    """BM25 of one text, as the counts of its words, for the weighted words of a query; 0 when they share none."""
    length = sum(counts.values()) / (statistics.mean_length or 1.0)
    damping = K1 * (1 - B + B * length)
    terms = (
        weight * statistics.rarity(word) * counts[word] / (damping + counts[word])
        for word, weight in query.items()
        if word in counts
    )
    return round(sum(terms), DIGITS)


def holding(stems: Sequence[str], statistics: Statistics) -> int:
    """How many passages hold a word: for one of several stems, as many as hold the rarest."""
    return min(map(statistics.holding, stems), default=0)


def rarity(stems: Sequence[str], statistics: Statistics) -> float:
    """1 for a word that no passage holds, near 0 for one in nearly all; 0 for one without stems."""
    return max(map(statistics.rarity, stems), default=0.0) / statistics.rarity("")


def weighted(words: Iterable[str]) -> dict[str, float]:
    """A query as asked: each word once, all of one weight."""
    return dict.fromkeys(words, 1.0)


def expand(query: Mapping[str, float], best: Sequence[Mapping[str, int]], statistics: Statistics) -> dict[str, float]:
    """The query with the words that tell its best passages (counts, best first) from the rest: relevance feedback.

    Source: Lavrenko and Croft, "Relevance-Based Language Models" (2001), with idf in place of the background model.
    """
    told: dict[str, float] = defaultdict(float)
    for counts in best[:FEEDBACK_TEXTS]:
        length = sum(counts.values()) or 1
        for word, count in counts.items():
            told[word] += count / length * statistics.rarity(word)
    chosen = sorted(told.items(), key=lambda item: (-item[1], item[0]))[:FEEDBACK_WORDS]
    whole, asked = sum(weight for _, weight in chosen) or 1.0, sum(query.values()) or 1.0
    expanded = {word: (1 - FEEDBACK_SHARE) * weight / asked for word, weight in query.items()}
    for word, weight in chosen:
        expanded[word] = expanded.get(word, 0.0) + FEEDBACK_SHARE * weight / whole
    return expanded


def statistics_of(texts: Sequence[Mapping[str, int]]) -> Statistics:
    """The statistics of these texts, each given as the counts of its words."""
    holding = Counter(word for counts in texts for word in counts)
    length = sum(sum(counts.values()) for counts in texts)
    return Statistics(len(texts), length / len(texts) if texts else 0.0, lambda word: holding[word])


def fuse(*rankings: Sequence[int], weights: Sequence[float] = (), k: int = FUSION_K) -> list[int]:
    """One ranking out of several by reciprocal rank, all of weight 1 unless told otherwise.

    A tie goes to what an earlier ranking named first.
    """
    scores: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + weight / (k + rank)
    return sorted(scores, key=lambda item: -scores[item])


def with_feedback(asked: Sequence[int], fuller: Sequence[int]) -> list[int]:
    """The ranking for what was asked, nudged by the one for the expanded query.

    Feedback finds more, but alone it loses sight of a name that was asked for: measured in `benchmarks/answers`.
    """
    return fuse(asked, fuller, weights=(1.0, FEEDBACK_WEIGHT), k=FEEDBACK_K)


def of_both(words: Sequence[int], nearest: Sequence[int]) -> list[int]:
    """One ranking out of what words found and what is nearest in meaning (measured in decision 0021)."""
    return fuse(words, nearest, weights=(1.0, MEANING_WEIGHT))


def diversify(ranking: Sequence[int], similar: Callable[[int, int], float], diversity: float, keep: int) -> list[int]:
    """The `keep` best of a ranking, each time the one that is high in it and unlike those chosen before.

    `diversity` weighs being unlike (1 alone) against the place in the ranking (0 alone); `similar` is a cosine. A tie
    goes to what the ranking named first. Source: Carbonell and Goldstein, "The Use of MMR" (1998), on reciprocal ranks.
    """
    worth = {item: (FUSION_K + 1) / (FUSION_K + rank) for rank, item in enumerate(ranking, start=1)}
    likest = dict.fromkeys(ranking, 0.0)
    chosen: list[int] = []
    while likest and len(chosen) < keep:
        item = max(likest, key=lambda item: (1 - diversity) * worth[item] - diversity * likest[item])
        chosen.append(item)
        del likest[item]
        for other in likest:
            likest[other] = max(likest[other], round(similar(item, other), DIGITS))
    return chosen
