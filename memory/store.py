"""The memory of one folder, as its owner has it: records, what agents wrote, and the indexes made of them. Blocks.

Each method takes its turn, so that the parts below need no locks of their own; the work behind gives way.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from ..orchestrator.clock import Clock
from ..orchestrator.errors import BullpenError, Unavailable
from ..orchestrator.evidence import Card, Document, File, Passage, Source
from ..orchestrator.lookup import Select, Summary, Table
from ..orchestrator.metadata import Condition, Mentions
from ..orchestrator.ports import Explained, Note, Stored
from ..orchestrator.rules import lookup
from ..orchestrator.text import clean
from . import salvage
from .breaker import Breaker
from .calls import CallId, Calls
from .cards import HEAD, cards_of, summary_of
from .catalogue import Catalogue, only
from .chroma import ChromaIndex
from .chunking import DEFAULT, Chunking, chunk
from .files import Files
from .filler import Filler
from .large import cut_large
from .notes import Notes, Written
from .records import Records
from .rerank import Reranker
from .retrieval import AT_ONCE, Retrieval
from .turns import Turns
from .vectors import Vectors

#: Passages that are indexed before leaving, at a millisecond each.
LITTLE = 1_000

P = ParamSpec("P")
T = TypeVar("T")


def _in_turn(act: Callable[Concatenate["Store", P], T]) -> Callable[Concatenate["Store", P], T]:
    """The method, done when it is this caller's turn."""

    @wraps(act)
    def taken(self: "Store", /, *args: P.args, **named: P.kwargs) -> T:
        with self._turns.first():
            return act(self, *args, **named)

    return cast(Callable[Concatenate["Store", P], T], taken)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a store is made of. With `fresh`, vectors of another embedder are forgotten."""

    embedder: Breaker
    clock: Clock
    reranker: Reranker | None = None
    fresh: bool = False
    chunking: Chunking = DEFAULT


class Store:
    """See `ports.Memory` and `ports.KeptMemory` for what each method promises."""

    def __init__(self, folder: Path, lock: int, parts: Parts) -> None:
        """`lock` is the folder's, and is given back on closing, or where opening fails.

        Raises: BadInput when the folder cannot be written, or holds the vectors of another semantic embedder.
        """
        embedder, chunking = parts.embedder, parts.chunking
        self._clock, self._embedder, self._chunking = parts.clock, embedder, chunking
        self._turns = Turns()
        with ExitStack() as opening:
            opening.callback(os.close, lock)
            self._database = salvage.opened(folder / "records.sqlite")
            opening.callback(self._database.close)
            self._records, self._notes = Records(self._database, chunking), Notes(self._database)
            self._vectors, self._files = Vectors(self._database), Files(self._database, chunking.id)
            self._calls = Calls(self._database)
            self._calls.forget_old(self._clock.wall_ms())
            self._folder, self._is_fresh, self._is_mine = folder, parts.fresh, False
            self._index = ChromaIndex(folder, self._records, memory=self._database.id)
            self._adopt()
            opening.callback(self._index.close)
            self._retrieval = Retrieval(
                folder, self._database, self._records, self._notes, self._vectors, self._index, embedder, parts.reranker
            )
            self._filler = Filler(self._turns, self._database, self._vectors, self._index, embedder)
            self._catalogues: dict[tuple[str, ...], Catalogue] = {}
            self._is_filling = False
            self._closing = opening.pop_all()

    def _adopt(self) -> None:
        """Take the vectors that are kept for the embedder's, once it has said whose these are: it may be down.

        Raises: BadInput where they are those of another semantic embedder.
        """
        if not self._vectors.is_ready and self._embedder.id:
            self._is_mine = self._vectors.adopt(self._embedder, self._folder, fresh=self._is_fresh)
            self._index.adopt(self._embedder.id)

    def rest(self) -> None:
        """Stop the work behind; whoever waits for it waits no longer."""
        self._filler.stop()

    def doubt(self) -> None:
        """Something failed below: whoever opens the folder next is to check all of it."""
        self._database.doubt()

    def close(self) -> None:
        """Stop the work behind and close everything as it is; what is not indexed stays on record."""
        self.rest()
        with self._turns.first():
            self._closing.close()  # each is closed, whatever the others do; the lock goes last

    # Documents

    @_in_turn
    def ingest(self, corpus: str, documents: Sequence[Document]) -> int:
        corpus, at, changed = clean(corpus), self._clock.wall_ms(), 0
        with self._database.transaction():
            self._files.forget(corpus, documents)
            for document in documents:
                if not self._records.is_current(corpus, document):
                    chunks = cut_large(clean(document.text), partial(chunk, chunking=self._chunking))
                    self._records.put(corpus, document, chunks, at)
                    changed += 1
        self._catalogues.clear()  # an address may have changed, where nothing else has
        if changed:
            self._documents_changed()
        return changed

    @_in_turn
    def retain(self, corpus: str, keep: Sequence[str]) -> int:
        with self._database.transaction():
            gone = self._records.retain(clean(corpus), keep)
            if gone:
                self._files.forget_unknown(clean(corpus))
        if gone:
            self._documents_changed()
        return gone

    @_in_turn
    def keep_files(self, corpus: str, files: Sequence[File]) -> None:
        with self._database.transaction():
            self._files.put(clean(corpus), files)

    @_in_turn
    def files(self, corpus: str) -> Mapping[str, File]:
        return self._files.known(clean(corpus))

    @_in_turn
    def duplicates(self, corpus: str) -> Mapping[str, str]:
        return self._records.duplicates(clean(corpus))

    def _documents_changed(self) -> None:
        self._is_filling = False
        self._catalogues.clear()
        self._retrieval.forget()

    def settle(self) -> None:
        """Wait until every vector is made and indexed. Raises: what the embedder does, and BadInput."""
        self._embedder.close()
        with self._turns.first():
            self._adopt()
        if not self._vectors.is_ready and self._embedder.failed is not None:
            raise self._embedder.failed
        if self._is_mine:
            self._filler.wake()
            self._filler.wait()
            failed = self._filler.failed
            if isinstance(failed, BullpenError):
                raise failed
            if failed is not None:
                raise Unavailable(f"vectors of {self._embedder.id!r} cannot be made: {failed}") from failed

    def leave(self) -> None:
        """Index what has come, where that takes a moment; more of it is left to the work behind, the next time.

        What fails there has been logged, and loses nothing.
        """
        with self._turns.first():
            is_little = len(self._vectors.lacking(AT_ONCE + 1)) <= AT_ONCE
            is_little = is_little and self._index.behind() <= LITTLE
        if is_little and self._is_mine:
            self._filler.wake()
            self._filler.wait()

    # Finding

    @_in_turn
    def search(
        self,
        query: str,
        *,
        corpora: Sequence[str],
        limit: int,
        sources: Sequence[str] = (),
        where: Sequence[Condition] = (),
        diversity: float = 0.0,
    ) -> tuple[Passage, ...]:
        scopes = [clean(corpus) for corpus in corpora]
        wanted = self._records.numbers(sources) if sources else None
        if where:
            met = self._records.numbers([source.id for source in self._catalogue(scopes).select(where)])
            wanted = met if wanted is None else wanted & met
        self._adopt()
        found = self._retrieval.search(query, scopes, limit, sources=wanted, diversity=diversity)
        self._fill()
        return found

    def _fill(self) -> None:
        """Begin, behind, with what is not indexed, where vectors rank: once after documents have changed.

        And again where that has failed, once the embedder may be asked again.
        """
        has_failed = self._filler.failed is not None and not self._embedder.is_open
        if self._is_mine and self._embedder.is_semantic and (has_failed or not self._is_filling):
            self._is_filling = True
            self._filler.wake()

    @_in_turn
    def explain(self, query: str, *, corpora: Sequence[str], limit: int) -> tuple[Explained, ...]:
        self._adopt()
        return self._retrieval.explain(query, [clean(corpus) for corpus in corpora], limit)

    @_in_turn
    def neighbours(self, source: str, start: int, end: int, *, before: int = 1, after: int = 1) -> tuple[Passage, ...]:
        return self._records.neighbours(source, start, end, before=before, after=after)

    @_in_turn
    def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        return {word: self._retrieval.words.rarity(word) for word in words}

    @_in_turn
    def closeness(self, question: str, texts: Sequence[str]) -> tuple[float, ...] | None:
        self._adopt()
        return self._retrieval.closeness(question, texts)

    @_in_turn
    def mentions(self, question: str, *, corpora: Sequence[str]) -> Mentions:
        return self._catalogue(corpora).mentions(question, self._retrieval.words.holding)

    @_in_turn
    def select(
        self, where: Sequence[Condition], *, corpora: Sequence[str], fields: Sequence[str] = ()
    ) -> tuple[Source, ...]:
        return tuple(only(source, fields) for source in self._catalogue(corpora).select(where))

    @_in_turn
    def cards(self, *, corpora: Sequence[str], sources: Sequence[str] = ()) -> tuple[Card, ...]:
        catalogue, wanted = self._catalogue(corpora), set(map(clean, sources))
        found = [source for source in catalogue.select(()) if not sources or source.id in wanted]
        return cards_of(catalogue, found, self._records.heads([source.id for source in found], HEAD))

    @_in_turn
    def fields(self, *, corpora: Sequence[str]) -> Summary:
        return summary_of(self._catalogue(corpora))

    @_in_turn
    def look_up(self, select: Select, *, corpora: Sequence[str]) -> Table:
        return lookup.run(select, self._catalogue(corpora).by_field, self._records.text)

    @_in_turn
    def source(self, source: str) -> Source | None:
        return self._records.source(source)

    @_in_turn
    def read(self, source: str, start: int, end: int) -> str:
        return self._records.read(source, start, end)

    def _catalogue(self, corpora: Sequence[str]) -> Catalogue:
        wanted = tuple(sorted({clean(corpus) for corpus in corpora}))
        if wanted not in self._catalogues:
            self._catalogues[wanted] = Catalogue(self._records.sources(wanted))
        return self._catalogues[wanted]

    # What agents write

    @_in_turn
    def add(self, note: Note, *, expects: int | None = None) -> Note:
        return self._written(lambda: self._notes.put(_cleaned(note, self._clock.wall_ms()), expects=expects))

    @_in_turn
    def recall(self, about: str, *, scopes: Sequence[str] | None = None, history: bool = False) -> tuple[Note, ...]:
        wanted = None if scopes is None else [clean(scope) for scope in scopes]
        return self._notes.about(clean(about), wanted, history=history)

    @_in_turn
    def resolve(self, key: str, *, reason: str, writer: str, expects: int | None = None) -> Note:
        at, key = self._clock.wall_ms(), clean(key)
        return self._written(
            lambda: self._notes.resolve(key, expects=expects, reason=clean(reason), writer=clean(writer), at=at)
        )

    @_in_turn
    def forget(self, key: str) -> bool:
        with self._database.transaction():
            gone = self._notes.forget(clean(key))
        self._retrieval.note(None, gone or ())
        return gone is not None

    def _written(self, write: Callable[[], Written]) -> Note:
        with self._database.transaction():
            written = write()
        self._retrieval.note(written.entry, written.gone)
        return written.note

    # For other processes

    @_in_turn
    def once(self, call: CallId, act: Callable[[], T], as_json: Callable[[T], Any], of_json: Callable[[Any], T]) -> T:
        """What `act`, a write of this store, comes to; where it has been done already, what it came to then.

        The write and what came of it are one transaction: a process that dies leaves both or neither.
        """
        kept = self._calls.result(call)
        if kept is not None:
            return of_json(json.loads(kept))
        try:
            with self._database.transaction():
                result = act()
                self._calls.keep(call, json.dumps(as_json(result)), self._clock.wall_ms())
        except sqlite3.Error:
            self._documents_changed()  # the indexes may know what the file does not hold
            raise
        return result

    # Keeping

    @_in_turn
    def remarks(self) -> tuple[str, ...]:
        failed = self._embedder.failed
        down = "" if failed is None else f"words alone rank, since vectors cannot be had: {failed}"
        return tuple(filter(None, (self._database.remark, down)))

    @_in_turn
    def stored(self) -> Stored:
        counts = self._records.counts()
        failed = self._filler.failed
        return Stored(
            sources=counts.sources,
            passages=counts.passages,
            notes=counts.notes,
            corpora=self._records.corpora(),
            embedder=self._embedder.id or "unknown, as it cannot be asked",
            is_semantic=self._embedder.is_semantic,
            vectors=self._vectors.count(),
            lacking=self._vectors.lacking_count(),
            pending=self._index.behind(),
            conflicts=self._notes.conflicts(),
            failed="" if failed is None else str(failed),
            damage=self._database.damage(),
        )

    def rebuild(self) -> None:
        """Make every vector and index anew with this embedder; waits for all of it. Raises what `settle` does."""
        self._embedder.close()
        with self._turns.first():
            self._adopt()
            if not self._vectors.is_ready and self._embedder.failed is not None:
                raise self._embedder.failed
            self._index.clear()
            self._vectors.clear(self._embedder)
            self._is_mine = True
            self._documents_changed()
        self.settle()

    @_in_turn
    def export_sources(self, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        return self._records.exported(after, limit)

    @_in_turn
    def export_notes(self, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        return self._notes.exported(after, limit)

    @_in_turn
    def forget_source(self, source: str) -> bool:
        with self._database.transaction():
            is_gone = self._records.forget(source)
        if is_gone:
            self._documents_changed()
        return is_gone


def _cleaned(note: Note, at: int) -> Note:
    texts = {name: clean(value) for name, value in note if isinstance(value, str)}
    return note.model_copy(update={**texts, "at": at})
