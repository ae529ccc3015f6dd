"""Finds passages: by words, by meaning where vectors are there, and by both as one ranking. Blocks.

Ranks are fused where every record of the scopes asked has its vector. Where many lack one, what words found is ranked
again by meaning: a large corpus answers at once, while its vectors are filled in behind.
"""

from collections.abc import Sequence
from pathlib import Path

from ..orchestrator.evidence import Passage
from ..orchestrator.ports import Explained
from ..orchestrator.regular_files import keep_private
from .breaker import DOWN, Breaker
from .chroma import EXACT, ChromaIndex
from .database import Database
from .embedding import HashedEmbedder, Vector, cosine
from .lexical import Lexical
from .notes import Notes
from .postings import KEPT_FROM, Postings, half_made, load, postings_of, save
from .ranking import CANDIDATES, diversify, of_both
from .records import Entry, Records
from .rerank import Reranker, rerank
from .vectors import Vectors, best

#: How many passages are ranked again by meaning: embedding one takes some 15 ms, once.
RERANKED = 24
#: So many records that lack a vector are embedded while somebody waits; more are left to the work behind.
AT_ONCE = 100

#: A closeness is rounded to so many decimals: it is put on record, and less is no difference in meaning.
CLOSENESS_DIGITS = 4


class Retrieval:
    """The indexes of one open memory, made when they are asked for the first time."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        records: Records,
        notes: Notes,
        vectors: Vectors,
        index: ChromaIndex,
        embedder: Breaker,
        reranker: Reranker | None = None,
    ) -> None:
        self._database, self._records, self._notes = database, records, notes
        self._vectors, self._index, self._embedder = vectors, index, embedder
        self._reranker = reranker
        self._words_file = folder / "words.npz"
        for file in (self._words_file, half_made(self._words_file)):
            keep_private(file)
        self._lexical: Lexical | None = None
        self._kept: tuple[str, Postings] | None = None
        self._filled: set[tuple[str, ...]] = set()

    @property
    def words(self) -> Lexical:
        if self._lexical is None:
            self._lexical = Lexical(self._postings(), self._notes.entries())
        return self._lexical

    def _postings(self) -> Postings:
        """Of all passages: as they were kept, or made now, from what was kept and the passages that have come."""
        state = f"{self._database.id} {self._records.state()}"
        kept = self._kept or load(self._words_file) or ("", None)
        if kept[1] is None or kept[0] != state:
            is_ours = kept[0].startswith(self._database.id)
            made = postings_of(self._records.passages(), kept[1] if is_ours else None)
            if len(made.places) >= KEPT_FROM:
                save(made, self._words_file, state)
            self._kept = state, made
            return made
        self._kept = kept[0], kept[1]
        return kept[1]

    def forget(self) -> None:
        """Documents have changed: what was made of them is made anew."""
        self._lexical = None
        self._filled.clear()

    def note(self, entry: Entry | None, gone: Sequence[Entry]) -> None:
        """A note has come, and others have gone."""
        self._filled.clear()
        if self._lexical is not None:
            for old in gone:
                self._lexical.drop_note(old)
            if entry is not None:
                self._lexical.add_note(entry)

    def search(
        self, query: str, scopes: Sequence[str], limit: int, *, sources: set[int] | None = None, diversity: float = 0.0
    ) -> tuple[Passage, ...]:
        """At most `limit` passages, best first."""
        if limit < 1 or not scopes or (sources is not None and not sources):
            return ()
        ranking = self._judged(query, self._rank(query, scopes, limit, sources))
        if diversity:
            ranking = self._diversified(ranking, scopes, limit, diversity)
        return self._records.spans(ranking, limit, scopes)

    def closeness(self, question: str, texts: Sequence[str]) -> tuple[float, ...] | None:
        """The cosine between a question and each text; None where the embedder is not semantic or is down."""
        if not self._embedder.is_semantic or not self._vectors.is_ready:
            return None
        try:
            embedded = self._embedder.embed([question, *texts])
        except DOWN:  # the breaker keeps it, for whoever asks why
            return None
        asked, *vectors = self._vectors.checked(embedded, 1 + len(texts))
        return tuple(round(cosine(asked, vector), CLOSENESS_DIGITS) for vector in vectors)

    def explain(self, query: str, scopes: Sequence[str], limit: int) -> tuple[Explained, ...]:
        """What a search finds and why: each passage's place among those found by words and among the nearest."""
        depth = max(limit, CANDIDATES)
        words = self.words.rank(query, scopes, depth)
        near = self._near(query, scopes, depth)
        found = []
        for number in self._rank(query, scopes, limit, None)[:limit]:
            [text] = self._records.worded([number])
            for passage in self._records.spans([number], 1, scopes):
                by_words = words.index(number) + 1 if number in words else 0
                by_meaning = near.index(number) + 1 if number in near else 0
                shared = self.words.shared(query, text)
                found.append(Explained(passage=passage, by_words=by_words, by_meaning=by_meaning, words=shared))
        return tuple(found)

    def _rank(self, query: str, scopes: Sequence[str], limit: int, sources: set[int] | None) -> list[int]:
        depth = max(limit, CANDIDATES)
        words = self.words.rank(query, scopes, depth, sources)
        if not self._embedder.is_semantic or not self._vectors.is_ready:
            return words
        try:
            return self._with_meaning(query, words, scopes, limit, sources)
        except DOWN:  # the breaker keeps it, for whoever asks why
            return words

    def _with_meaning(
        self, query: str, words: list[int], scopes: Sequence[str], limit: int, sources: set[int] | None
    ) -> list[int]:
        """What words found and what is near, as one ranking. Raises what the embedder does."""
        depth = max(limit, CANDIDATES)
        vector = self._asked(query)  # it is short: an embedder that is down is not sent all the rest, and waited for
        if self._ranks_by_meaning(scopes):
            return of_both(words, self._nearest(vector, scopes, depth, sources))
        found = words[: max(limit, RERANKED)]
        texts = self._records.worded(found)
        return [found[place] for place in rerank(query, texts, self._embedder, len(found))] + words[len(found) :]

    def _near(self, query: str, scopes: Sequence[str], limit: int) -> list[int]:
        """The nearest, where vectors rank; none while the embedder is down."""
        try:
            is_ranked = self._ranks_by_meaning(scopes)
            return self._nearest(self._asked(query), scopes, limit, None) if is_ranked else []
        except DOWN:
            return []

    def _judged(self, query: str, ranking: list[int]) -> list[int]:
        """The best of a ranking in the re-ranker's order, if there is one. A tie keeps the order it had."""
        if self._reranker is None:
            return ranking
        best, rest = ranking[:CANDIDATES], ranking[CANDIDATES:]
        scores = self._reranker.score(query, self._records.worded(best))
        return [number for _, number in sorted(zip(scores, best, strict=True), key=lambda pair: -pair[0])] + rest

    def _ranks_by_meaning(self, scopes: Sequence[str]) -> bool:
        """Whether each record of these scopes has a vector; a few that lack one get it now."""
        wanted = tuple(sorted(set(scopes)))
        if not self._embedder.is_semantic or not self._vectors.is_ready:
            return False
        if wanted not in self._filled:
            lacking = self._vectors.lacking(AT_ONCE + 1, wanted)
            if len(lacking) > AT_ONCE:
                return False
            vectors = self._embedder.embed([text for _, text in lacking])
            with self._database.transaction():
                self._vectors.keep([record for record, _ in lacking], vectors)
            self._filled.add(wanted)
        return True

    def _asked(self, query: str) -> Vector:
        """The query's vector. Raises what the embedder does."""
        checked: list[Vector] = self._vectors.checked(self._embedder.embed([query]), 1)
        return checked[0]

    def _nearest(self, vector: Vector, scopes: Sequence[str], limit: int, sources: set[int] | None) -> list[int]:
        gone = self._records.gone(scopes)
        if sources is not None or self._records.count(scopes) <= EXACT or len(gone) > EXACT:
            found = self._vectors.nearest(vector, scopes, limit, sources=sources)
        else:
            found = self._index.nearest(vector, scopes, limit, gone=gone)
            found += self._vectors.nearest_pending(vector, scopes, limit)  # only now: the index may have lost all
        return [near.record for near in best(found, limit)]

    def _diversified(self, ranking: Sequence[int], scopes: Sequence[str], limit: int, diversity: float) -> list[int]:
        """The ranking's candidates, with those put off that say again what stands before them."""
        candidates = ranking[: max(limit, CANDIDATES)]
        vectors = self._comparable(candidates)
        order = diversify(candidates, lambda one, other: cosine(vectors[one], vectors[other]), diversity, limit)
        chosen = set(order)
        return [*order, *(number for number in ranking if number not in chosen)]

    def _comparable(self, numbers: Sequence[int]) -> dict[int, Vector]:
        """A vector for each record: the one on record, or what its words hash to."""
        kept = self._vectors.of(numbers)
        if self._embedder.is_semantic and len(kept) == len(numbers):
            return kept
        return dict(zip(numbers, HashedEmbedder().embed(self._records.worded(numbers)), strict=True))
