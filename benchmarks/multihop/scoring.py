"""How retrieval over several hops is scored, and how two ways to retrieve are compared on the same questions. Pure."""

import random
from collections.abc import Sequence, Set
from math import comb
from typing import NamedTuple

RESAMPLES, SEED = 10_000, 20260824


class Interval(NamedTuple):
    """A mean and its 95% bootstrap interval."""

    mean: float
    low: float
    high: float


def recall(found: Sequence[str], gold: Set[str], most: int) -> float:
    """The share of the gold documents among the first `most` found."""
    return len(gold & set(found[:most])) / len(gold)


def has_all(found: Sequence[str], gold: Set[str], most: int) -> bool:
    """Whether all gold documents are among the first `most` found."""
    return gold <= set(found[:most])


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> tuple[int, int, float]:
    """How many questions were gained, how many lost, and the exact two-sided p of such a split by chance."""
    gained = sum(new and not old for old, new in zip(before, after, strict=True))
    lost = sum(old and not new for old, new in zip(before, after, strict=True))
    changed, fewer = gained + lost, min(gained, lost)
    tail = sum(comb(changed, k) for k in range(fewer + 1)) / 2**changed
    return gained, lost, min(1.0, 2 * tail)


def difference(before: Sequence[float], after: Sequence[float]) -> Interval:
    """The mean of the paired differences, with its interval: questions are drawn again, the same ones each time."""
    differences = [new - old for old, new in zip(before, after, strict=True)]
    draw = random.Random(SEED)
    n = len(differences)
    means = sorted(sum(draw.choices(differences, k=n)) / n for _ in range(RESAMPLES))
    return Interval(sum(differences) / n, means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1])
