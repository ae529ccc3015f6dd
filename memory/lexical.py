"""Ranks records by words: BM25 over the passages (bm25s), and the notes by the same formula and statistics.

Derived from the records and kept in the process alone. A new note costs its own words; a changed document costs
the whole index, once, at the next query.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .ranking import DIGITS, K1, B, Place, Statistics, relevance
from .records import Entry
from .words import words

#: Minus the score, then the place: ascending order is best first.
Hit = tuple[float, Place]


class Lexical:
    """An index of passages and notes, ready to be asked."""

    def __init__(self, passages: Iterable[Entry], notes: Iterable[Entry]) -> None:
        """`passages` come in the order of their places."""
        self._passages = _Passages(passages)
        self._notes: dict[str, dict[int, tuple[Place, Mapping[str, int]]]] = {}
        for note in notes:
            self.add_note(note)

    def add_note(self, note: Entry) -> None:
        self._notes.setdefault(note.scope, {})[note.place.record] = note.place, Counter(words(note.text))

    def rank(self, query: str, scopes: Sequence[str], limit: int) -> list[int]:
        """Record numbers, best first; a tie goes to the earlier place. Only records that share a word."""
        asked = list(dict.fromkeys(words(query)))
        hits = self._passages.hits(asked, scopes, limit)
        for scope in set(scopes):
            for place, counts in self._notes.get(scope, {}).values():
                if score := relevance(asked, counts, self._passages.statistics):
                    hits.append((-score, place))
        # Passages never share a span, so the best `limit` of them and every note hold the best `limit` spans.
        return [place.record for _, place in sorted(hits)]


class _Passages:
    """The immutable part: one sparse matrix of scores."""

    def __init__(self, passages: Iterable[Entry]) -> None:
        import numpy

        vocabulary: dict[str, int] = {}
        codes: dict[str, int] = {}
        rows: list[list[int]] = []
        scopes: list[int] = []
        self._places: list[Place] = []
        for passage in passages:
            rows.append([vocabulary.setdefault(word, len(vocabulary)) for word in words(passage.text)])
            scopes.append(codes.setdefault(passage.scope, len(codes)))
            self._places.append(passage.place)
        self._codes, self._scopes = codes, numpy.array(scopes, dtype=numpy.int32)
        self._vocabulary = vocabulary
        self._index = _index(rows, vocabulary) if vocabulary else None
        mean_length = sum(map(len, rows)) / len(rows) if rows else 0.0
        self.statistics = Statistics(len(rows), mean_length, self._holding)

    def _holding(self, word: str) -> int:
        if self._index is None or word not in self._vocabulary:
            return 0
        column = self._vocabulary[word]
        first, last = self._index.scores["indptr"][column : column + 2]
        return int(last - first)

    def hits(self, asked: Sequence[str], scopes: Sequence[str], limit: int) -> list[Hit]:
        import numpy

        known = [self._vocabulary[word] for word in asked if word in self._vocabulary]
        if self._index is None or not known:
            return []
        wanted = [self._codes[scope] for scope in scopes if scope in self._codes]
        scores = self._index.get_scores(known, weight_mask=numpy.isin(self._scopes, wanted)).round(DIGITS)
        best = numpy.argsort(-scores, kind="stable")[:limit]  # stable: a tie goes to the earlier place
        return [(-float(scores[at]), self._places[at]) for at in best if scores[at] > 0]


def _index(rows: list[list[int]], vocabulary: dict[str, int]) -> Any:
    import bm25s

    index = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float64")
    index.index((rows, vocabulary), create_empty_token=False, show_progress=False)
    return index
