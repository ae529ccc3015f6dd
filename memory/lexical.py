"""Ranks records by words: BM25 over the passages (bm25s), and the notes by the same formula and statistics.

Derived from the records and kept in the process alone. A new note costs its own words; a changed document costs
the whole index, once, at the next query.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .ranking import (
    CANDIDATES,
    DIGITS,
    FEEDBACK_TEXTS,
    K1,
    B,
    Place,
    Statistics,
    expand,
    holding,
    rarity,
    relevance,
    weighted,
    with_feedback,
)
from .records import Entry
from .words import words

#: Minus the score, then the place: ascending order is best first.
Hit = tuple[float, Place]


class Lexical:
    """An index of passages and notes, ready to be asked."""

    def __init__(self, passages: Iterable[Entry], notes: Iterable[Entry]) -> None:
        """`passages` come in the order of their places."""
        self._passages = _Passages(passages)
        self._notes: dict[str, _Notes] = defaultdict(_Notes)
        for note in notes:
            self.add_note(note)

    def add_note(self, note: Entry) -> None:
        self._notes[note.scope].add(note)

    def drop_note(self, note: Entry) -> None:
        self._notes[note.scope].drop(note)

    def rank(self, query: str, scopes: Sequence[str], limit: int, sources: Container[int] | None = None) -> list[int]:
        """Record numbers, best first; a tie goes to the earlier place. Only records that share a word with the query.

        With `sources` (numbers), of theirs alone.
        """
        asked = weighted(words(query))
        rankings = [
            self._ranking(asked, wanted, scopes, max(limit, CANDIDATES), sources)
            for wanted in (asked, self._passages.expanded(asked, scopes))
        ]
        return with_feedback(*rankings)

    def _ranking(
        self,
        asked: Mapping[str, float],
        wanted: Mapping[str, float],
        scopes: Sequence[str],
        limit: int,
        sources: Container[int] | None,
    ) -> list[int]:
        """The best records for the words wanted, of those that share a word with what was asked."""
        hits = self._passages.hits(asked, wanted, scopes, limit, sources)
        for scope in set(scopes) & self._notes.keys():
            for place, counts in self._notes[scope].sharing(asked):
                score = relevance(wanted, counts, self._passages.statistics)
                if score and (sources is None or place.source in sources):
                    hits.append((-score, place))
        return [place.record for _, place in sorted(hits)[:limit]]

    def shared(self, query: str, text: str) -> tuple[str, ...]:
        """The words, as stems, that a query and a text share: the rarest first."""
        shared = set(words(query)) & set(words(text))
        return tuple(sorted(shared, key=lambda word: (-self._passages.statistics.rarity(word), word)))

    def holding(self, word: str) -> int:
        return holding(words(word), self._passages.statistics)

    def rarity(self, word: str) -> float:
        return rarity(words(word), self._passages.statistics)


class _Notes:
    """The notes of one scope, by the words in them."""

    def __init__(self) -> None:
        self._notes: dict[int, tuple[Place, Mapping[str, int]]] = {}
        self._holding: dict[str, set[int]] = defaultdict(set)

    def add(self, note: Entry) -> None:
        counts = Counter(words(note.text))
        self._notes[note.place.record] = note.place, counts
        for word in counts:
            self._holding[word].add(note.place.record)

    def drop(self, note: Entry) -> None:
        _, counts = self._notes.pop(note.place.record)
        for word in counts:
            self._holding[word].discard(note.place.record)

    def sharing(self, asked: Iterable[str]) -> Iterator[tuple[Place, Mapping[str, int]]]:
        """Those that hold at least one of these words."""
        found = set().union(*(self._holding.get(word, ()) for word in asked))
        return (self._notes[record] for record in found)


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
        self._vocabulary, self._words = vocabulary, list(vocabulary)
        self._rows = [array("l", row) for row in rows]
        self._index = _index(rows, vocabulary) if vocabulary else None
        mean_length = sum(map(len, rows)) / len(rows) if rows else 0.0
        self.statistics = Statistics(len(rows), mean_length, self._holding)

    def _holding(self, word: str) -> int:
        if self._index is None or word not in self._vocabulary:
            return 0
        column = self._vocabulary[word]
        first, last = self._index.scores["indptr"][column : column + 2]
        return int(last - first)

    def expanded(self, query: Mapping[str, float], scopes: Sequence[str]) -> dict[str, float]:
        """The query's words with those that its best passages add, weighted."""
        best = self._best(self._scores(query) * self._mask(scopes, None), FEEDBACK_TEXTS)
        return expand(query, [self._counts(at) for _, at in best], self.statistics)

    def hits(
        self,
        asked: Mapping[str, float],
        wanted: Mapping[str, float],
        scopes: Sequence[str],
        limit: int,
        sources: Container[int] | None,
    ) -> list[Hit]:
        sharing = self._scores(asked) > 0
        found = self._best(self._scores(wanted) * sharing * self._mask(scopes, sources), limit)
        return [(-score, self._places[at]) for score, at in found]

    def _mask(self, scopes: Sequence[str], sources: Container[int] | None) -> Any:
        import numpy

        wanted = [self._codes[scope] for scope in scopes if scope in self._codes]
        mask = numpy.isin(self._scopes, wanted)
        if sources is not None:
            mask &= numpy.fromiter((place.source in sources for place in self._places), bool, len(self._places))
        return mask

    def _scores(self, query: Mapping[str, float]) -> Any:
        """BM25 of every passage for the weighted words of a query."""
        import numpy

        scores = numpy.zeros(len(self._places))
        held = self._index.scores if self._index else {}
        for word, weight in query.items():
            if word in self._vocabulary:
                first, last = held["indptr"][self._vocabulary[word] :][:2]
                scores[held["indices"][first:last]] += weight * held["data"][first:last]
        return scores

    def _best(self, scores: Any, limit: int) -> list[tuple[float, int]]:
        """Score and number of the best passages."""
        import numpy

        scores = scores.round(DIGITS)
        best = numpy.argsort(-scores, kind="stable")[:limit]  # stable: a tie goes to the earlier place
        return [(float(scores[at]), int(at)) for at in best if scores[at] > 0]

    def _counts(self, at: int) -> dict[str, int]:
        return {self._words[code]: count for code, count in Counter(self._rows[at]).items()}


def _index(rows: list[list[int]], vocabulary: dict[str, int]) -> Any:
    import bm25s

    index = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float64")
    index.index((rows, vocabulary), create_empty_token=False, show_progress=False)
    return index
