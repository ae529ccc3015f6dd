"""Vectors for texts: what an embedder promises, and the one that needs no weights."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from .words import words

Vector = Sequence[float]


class Embedder(Protocol):
    """Turns texts into vectors. `id` names it in the index: another id means that the index is built anew."""

    @property
    def id(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def is_semantic(self) -> bool:
        """Whether near vectors mean near meanings. Only then do they take part in ranking."""
        ...

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One vector of length 1 and of `dimensions` numbers per text, in order."""
        ...


def cosine(one: Vector, other: Vector) -> float:
    """Of two vectors of length 1."""
    import numpy

    return float(numpy.dot(numpy.asarray(one), numpy.asarray(other)))


class HashedEmbedder:
    """Each stem adds to four signed slots chosen by its hash: stateless, never stale, and not semantic.

    It makes BM25 worse when fused with it (measured on Cranfield and the PEPs), so it only fills the index.
    """

    id = "hash-256"
    dimensions = 256
    is_semantic = False

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        import numpy

        rows = numpy.zeros((len(texts), self.dimensions))
        for row, text in zip(rows, texts, strict=True):
            for stem, count in Counter(words(text)).items():
                weight = 1 + math.log(count)
                for slot, sign in _slots(stem, self.dimensions):
                    row[slot] += sign * weight
        lengths = numpy.linalg.norm(rows, axis=1)
        rows[lengths == 0, 0] = 1.0  # a text without words: cosine has no direction for zero
        lengths[lengths == 0] = 1.0
        vectors: list[Vector] = (rows / lengths[:, None]).tolist()
        return vectors


@lru_cache(maxsize=1 << 16)
def _slots(stem: str, dimensions: int) -> tuple[tuple[int, float], ...]:
    hashed = hashlib.blake2b(stem.encode(), digest_size=16).digest()
    numbers = (int.from_bytes(hashed[at : at + 4], "little") for at in range(0, 16, 4))
    return tuple(((number >> 1) % dimensions, 1.0 if number & 1 else -1.0) for number in numbers)
