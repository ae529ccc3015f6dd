"""Ranks records by words: BM25 over the passages (bm25s), and the notes by the same formula and statistics.

Derived from the records. A new note costs its own words; a changed document costs the whole index, once, at the next
query.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from .postings import Postings
from .ranking import (
    CANDIDATES,
    DIGITS,
    FEEDBACK_TEXTS,
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

#: So many sets of scopes are remembered with the passages in them.
_MASKS = 64

#: Minus the score, then the place: ascending order is best first.
Hit = tuple[float, Place]


class Lexical:
    """An index of passages and notes, ready to be asked."""

    def __init__(self, passages: Postings, notes: Iterable[Entry]) -> None:
        self._passages = _Passages(passages)
        self._notes: dict[str, _Notes] = defaultdict(_Notes)
        for note in notes:
            self.add_note(note)

    def add_note(self, note: Entry) -> None:
        self._notes[note.scope].add(note)

    def drop_note(self, note: Entry) -> None:
        self._notes[note.scope].drop(note)

    def rank(self, query: str, scopes: Sequence[str], limit: int, sources: Collection[int] | None = None) -> list[int]:
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
        sources: Collection[int] | None,
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
    """The immutable part: a sparse matrix of scores."""

    def __init__(self, postings: Postings) -> None:
        self._held = postings
        self._codes = {word: code for code, word in enumerate(postings.vocabulary)}
        starts = postings.starts.tolist()
        self._held_by = [last - first for first, last in pairwise(starts)]
        self._masks: dict[tuple[str, ...], Any] = {}
        count = len(postings.places)
        self.statistics = Statistics(count, len(postings.texts) / count if count else 0.0, self._holding)

    def _holding(self, word: str) -> int:
        return self._held_by[self._codes[word]] if word in self._codes else 0

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
        sources: Collection[int] | None,
    ) -> list[Hit]:
        sharing = self._scores(asked) > 0
        found = self._best(self._scores(wanted) * sharing * self._mask(scopes, sources), limit)
        return [(-score, Place(*self._held.places[at].tolist())) for score, at in found]

    def _mask(self, scopes: Sequence[str], sources: Collection[int] | None) -> Any:
        """Which passages are in these scopes, and of these sources."""
        import numpy

        wanted = tuple(sorted(set(scopes)))
        if wanted not in self._masks:
            if len(self._masks) == _MASKS:
                self._masks.clear()
            codes = [code for code, scope in enumerate(self._held.scopes) if scope in wanted]
            self._masks[wanted] = numpy.isin(self._held.scope_of, codes)
        mask = self._masks[wanted]
        return mask if sources is None else mask & numpy.isin(self._held.places[:, 0], list(sources))

    def _scores(self, query: Mapping[str, float]) -> Any:
        """BM25 of every passage for the weighted words of a query."""
        import numpy

        scores = numpy.zeros(len(self._held.places))
        for word, weight in query.items():
            if word in self._codes:
                first, last = self._held.starts[self._codes[word] :][:2]
                scores[self._held.passages[first:last]] += weight * self._held.scores[first:last]
        return scores

    def _best(self, scores: Any, limit: int) -> list[tuple[float, int]]:
        """Score and number of the best passages; a tie goes to the earlier one."""
        import numpy

        found = numpy.flatnonzero(scores > 0)
        told = scores[found].round(DIGITS)
        if len(found) > limit:  # to put all of them in order would take longer than all the rest
            keep = told >= numpy.partition(told, len(told) - limit)[len(told) - limit]
            found, told = found[keep], told[keep]
        order = numpy.argsort(-told, kind="stable")[:limit]
        return [(float(told[at]), int(found[at])) for at in order if told[at] > 0]

    def _counts(self, at: int) -> dict[str, int]:
        first, last = int(self._held.ends[at - 1]) if at else 0, int(self._held.ends[at])
        codes = Counter(self._held.texts[first:last].tolist())
        return {self._held.vocabulary[code]: count for code, count in codes.items()}
