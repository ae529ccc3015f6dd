"""Shares with intervals, and how well a score tells two kinds apart."""

import random
import re
import statistics
from collections.abc import Sequence
from typing import NamedTuple

_WORD = re.compile(r"[^\W_]+")


class Share(NamedTuple):
    """How many of how many, and the 95 % interval of Wilson."""

    hits: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.hits / self.of if self.of else 0.0


def share(hits: int, of: int) -> Share:
    """Source: Wilson 1927, the score interval."""
    if not of:
        return Share(0, 0, 0.0, 1.0)
    z, p = 1.96, hits / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * (p * (1 - p) / of + z * z / (4 * of * of)) ** 0.5
    return Share(hits, of, max(0.0, middle - half), min(1.0, middle + half))


def overlap(sentence: str, evidence: Sequence[str]) -> float:
    """The share of the sentence's words of three letters or more, or digits, that stand in the evidence."""
    words = [word for word in _WORD.findall(sentence.casefold()) if len(word) > 2 or word.isdigit()]
    there = set(_WORD.findall(" ".join(evidence).casefold()))
    return sum(word in there for word in words) / len(words) if words else 1.0


def best(sentence: str, evidence: Sequence[str], most: int) -> list[str]:
    """The `most` texts that share most words with the sentence, in their order."""
    wanted = set(_WORD.findall(sentence.casefold()))
    ranked = sorted(range(len(evidence)), key=lambda n: -len(wanted & set(_WORD.findall(evidence[n].casefold()))))
    return [evidence[n] for n in sorted(ranked[:most])]


def balanced(guesses: Sequence[bool], truths: Sequence[bool]) -> float:
    """The mean of the shares of either kind that is guessed right."""
    rights = [
        [guess == truth for guess, truth in zip(guesses, truths, strict=True) if truth is kind]
        for kind in (True, False)
    ]
    return statistics.mean(statistics.mean(kind) if kind else 0.0 for kind in rights)


def threshold(scores: Sequence[float], truths: Sequence[bool]) -> float:
    """The score from which on `True` is guessed, where that is most often right on the balance."""
    return max(sorted(set(scores)), key=lambda least: balanced([score >= least for score in scores], truths))


class Accuracy(NamedTuple):
    """Balanced accuracy with its 95 % interval over 1,000 draws."""

    value: float
    low: float
    high: float


def accuracy(guesses: Sequence[bool], truths: Sequence[bool], seed: int = 1) -> Accuracy:
    """Balanced accuracy, and where it lies when cases are drawn again."""
    chance, cases = random.Random(seed), list(range(len(truths)))
    drawn = []
    for _ in range(1_000):
        some = chance.choices(cases, k=len(cases))
        drawn.append(balanced([guesses[n] for n in some], [truths[n] for n in some]))
    drawn.sort()
    return Accuracy(balanced(guesses, truths), drawn[25], drawn[974])
