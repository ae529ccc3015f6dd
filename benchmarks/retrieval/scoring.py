"""How good a ranking is, and whether one way is better than another on the same questions. Pure."""

import math
import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

#: Resamples of the paired bootstrap.
RESAMPLES = 10_000


class Scores(NamedTuple):
    """One question: nDCG of the first ten, and the share of what is relevant among the first hundred."""

    ndcg: float
    recall: float


def score(ranked: Sequence[str], gains: Mapping[str, float]) -> Scores:
    """The scores of a ranking of documents (each once, best first); `gains` of those that are relevant.

    nDCG with linear gains, as trec_eval and BEIR have it.
    """
    ideal = _dcg(sorted(gains.values(), reverse=True)[:10])
    found = _dcg([gains.get(document, 0.0) for document in ranked[:10]])
    return Scores(found / ideal, sum(document in gains for document in ranked[:100]) / len(gains))


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


class Difference(NamedTuple):
    """The mean difference of two ways on the same questions, its 95 % interval, and how often chance does as well."""

    mean: float
    low: float
    high: float
    p: float


def difference(these: Sequence[float], those: Sequence[float], seed: int = 0) -> Difference:
    """By a paired bootstrap; `p` is two-sided."""
    chance = random.Random(seed)
    gaps = [one - other for one, other in zip(these, those, strict=True)]
    means = sorted(sum(chance.choices(gaps, k=len(gaps))) / len(gaps) for _ in range(RESAMPLES))
    above = sum(mean > 0 for mean in means) / RESAMPLES
    p = min(1.0, 2 * min(above, 1 - above))
    return Difference(sum(gaps) / len(gaps), means[int(RESAMPLES * 0.025)], means[int(RESAMPLES * 0.975)], p)
