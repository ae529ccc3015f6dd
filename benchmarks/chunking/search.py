"""The searches that a cut is judged by: the nearest vectors, as published, words alone, and the memory's own."""

import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy

from bullpen.memory.embedding import Embedder, Vector
from bullpen.memory.lexical import Lexical
from bullpen.memory.postings import postings_of
from bullpen.memory.ranking import CANDIDATES, Place, of_both
from bullpen.memory.records import Entry

from .scoring import Piece

#: Texts embedded between two words of progress.
BATCH = 256


class Kept:
    """An embedder whose vectors are kept in a file: each text is embedded once."""

    is_semantic = True

    def __init__(self, embedder: Embedder, path: Path) -> None:
        self.id, self.dimensions = embedder.id, embedder.dimensions
        self._embedder = embedder
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")
        self._vectors: dict[bytes, Any] = {
            key: numpy.frombuffer(vector, dtype=numpy.float32)
            for key, vector in self._database.execute("SELECT key, vector FROM vectors")
        }

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        keys = [blake2b(text.encode(), digest_size=16).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors}
        for at in range(0, len(new), BATCH):
            self._add(list(new.items())[at : at + BATCH])
            if len(new) > BATCH:
                print(f"  embedded {min(at + BATCH, len(new)):,} of {len(new):,}", file=sys.stderr, flush=True)
        return [self._vectors[key] for key in keys]

    def _add(self, batch: Sequence[tuple[bytes, str]]) -> None:
        vectors = numpy.array(self._embedder.embed([text for _, text in batch]), dtype=numpy.float32)
        self._vectors.update(zip([key for key, _ in batch], vectors, strict=True))
        rows = [(key, vector.tobytes()) for (key, _), vector in zip(batch, vectors, strict=True)]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
        self._database.execute("COMMIT")


def by_vectors(pieces: Sequence[Piece], questions: Sequence[str], embedder: Embedder, limit: int) -> list[list[Piece]]:
    """The nearest pieces of each question."""
    stored = numpy.array(embedder.embed([piece.chunk.text for piece in pieces]))
    asked = numpy.array(embedder.embed(questions))
    best = numpy.argsort(-(asked @ stored.T), axis=1, kind="stable")[:, :limit]
    return [[pieces[at] for at in row] for row in best]


def by_words(pieces: Sequence[Piece], questions: Sequence[str], embedder: Embedder, limit: int) -> list[list[Piece]]:
    """What the memory finds where there is no MiniLM."""
    return [found[:limit] for found in _candidates(pieces, questions)]


def by_memory(pieces: Sequence[Piece], questions: Sequence[str], embedder: Embedder, limit: int) -> list[list[Piece]]:
    """What the memory finds by words and by meaning, as one ranking."""
    nearest = by_vectors(pieces, questions, embedder, CANDIDATES)
    both = zip(_candidates(pieces, questions), nearest, strict=True)
    places = {piece: at for at, piece in enumerate(pieces)}
    ranked = [of_both([places[piece] for piece in words], [places[piece] for piece in near]) for words, near in both]
    return [[pieces[at] for at in ranking[:limit]] for ranking in ranked]


def _candidates(pieces: Sequence[Piece], questions: Sequence[str]) -> Iterator[list[Piece]]:
    """The first pieces of each question, by words."""
    numbers: Mapping[str, int] = {corpus: n for n, corpus in enumerate(dict.fromkeys(p.corpus for p in pieces))}
    entries = [
        Entry(Place(numbers[corpus], chunk.start, chunk.end, at), corpus, f"{chunk.heading}\n{chunk.text}")
        for at, (corpus, chunk) in enumerate(pieces)
    ]
    words = Lexical(postings_of(sorted(entries, key=lambda entry: entry.place)), ())
    for question in questions:
        yield [pieces[at] for at in words.rank(question, list(numbers), CANDIDATES)[:CANDIDATES]]
