"""Which examples to show a model: those nearest to what it is asked, and not the same thing twice. Pure.

Source: Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking" (1998).
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from ..orchestrator.rules.tokens import estimate
from .embedding import Embedder
from .ranking import Statistics, statistics_of
from .words import words

#: What likeness to an example that was chosen already takes away from likeness to the input, from 0 to 1.
DIVERSITY = 0.3
#: Likenesses are rounded to so many decimals: what differs by less is a tie, and the earlier example wins.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Example:
    """What a model was asked, and what it should have said."""

    input: str
    output: str


#: How like two of the texts are, by number, from 0 to 1.
_Likeness = Callable[[int, int], float]


def choose_examples(
    text: str,
    pool: Sequence[Example],
    most: int,
    *,
    budget: int | None = None,
    embedder: Embedder | None = None,
    diversity: float = DIVERSITY,
    count: Callable[[str], int] = estimate,
) -> tuple[Example, ...]:
    """At most `most` examples whose inputs are nearest to a text, the nearest first, within `budget` tokens.

    Nearness is of meaning where there is a semantic embedder, else of words, the rare ones counting most; an example
    that has nothing in common with the text is not chosen. Equal pools give equal choices.
    """
    texts = [text, *(example.input for example in pool)]
    like = _by_meaning(texts, embedder) if embedder and embedder.is_semantic else _by_words(texts)
    nearness = [like(0, n) for n in range(1, len(texts))]
    sizes = [count(example.input) + count(example.output) for example in pool]
    room = math.inf if budget is None else budget
    chosen: list[int] = []
    left = [n for n, near in enumerate(nearness) if near > 0]
    alike = dict.fromkeys(left, 0.0)
    while len(chosen) < most and (left := [n for n in left if sizes[n] <= room]):
        best = max(left, key=lambda n: round((1 - diversity) * nearness[n] - diversity * alike[n], _DIGITS))
        left.remove(best)
        chosen.append(best)
        room -= sizes[best]
        alike = {n: max(alike[n], like(best + 1, n + 1)) for n in left}
    return tuple(pool[n] for n in chosen)


def _by_words(texts: Sequence[str]) -> _Likeness:
    """The cosine of the texts' words, each weighted by its rarity."""
    counts = [Counter(words(text)) for text in texts]
    statistics = statistics_of(counts[1:])
    vectors = [_unit(each, statistics) for each in counts]
    return lambda one, other: sum(weight * vectors[other].get(word, 0.0) for word, weight in vectors[one].items())


def _unit(counts: Mapping[str, int], statistics: Statistics) -> dict[str, float]:
    weights = {word: (1 + math.log(count)) * statistics.rarity(word) for word, count in counts.items()}
    length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return {word: weight / length for word, weight in weights.items()}


def _by_meaning(texts: Sequence[str], embedder: Embedder) -> _Likeness:
    vectors = embedder.embed(texts)
    return lambda one, other: sum(map(mul, vectors[one], vectors[other]))
