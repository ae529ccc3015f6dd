"""Gives what a search by words found a new order, by meaning: no index of vectors, only the candidates are embedded."""

from collections.abc import Sequence
from operator import mul
from typing import Protocol

from .embedding import Embedder
from .ranking import fuse

#: So many candidates are embedded at the most; those behind keep their order, behind.
CANDIDATES = 50
#: Cosines are rounded to so many decimals, which float32 can tell apart: what differs by less is a tie.
DIGITS = 6


class Reranker(Protocol):
    """Says how well texts answer a query, each read together with it: a cross-encoder, or a model that judges."""

    def score(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """One number per text, the higher the better."""
        ...


def rerank(query: str, texts: Sequence[str], embedder: Embedder, keep: int) -> list[int]:
    """The places in `texts` (found by words, best first) of the `keep` best ones: words and meaning fused by rank.

    A tie goes to the earlier text. An embedder that is not semantic changes nothing.
    """
    order = list(range(len(texts)))
    candidates = texts[:CANDIDATES]
    if keep < 1 or not candidates or not embedder.is_semantic:
        return order[: max(0, keep)]
    asked, *vectors = embedder.embed([query, *candidates])
    cosines = [round(sum(map(mul, asked, vector)), DIGITS) for vector in vectors]
    nearest = sorted(order[:CANDIDATES], key=lambda place: -cosines[place])
    return [*fuse(order[:CANDIDATES], nearest), *order[CANDIDATES:]][:keep]
