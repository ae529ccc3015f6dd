"""A project's memory on disk: `ports.Memory` over the store of one folder, whose work is done in threads."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio import to_thread

from ..orchestrator.clock import Clock, SystemClock
from ..orchestrator.errors import Unavailable
from ..orchestrator.evidence import Document, File, Found, Note, Passage, Source, Stored
from ..orchestrator.metadata import Condition, Mentions
from ..orchestrator.settings import Settings
from .choice import AUTO, embedder_of
from .chunking import Chunking
from .embedding import Embedder
from .rerank import Reranker
from .store import Store

#: Documents stored in one transaction.
DOCUMENTS = 64

T = TypeVar("T")


@asynccontextmanager
async def open_memory(
    folder: Path,
    settings: Settings | None = None,
    *,
    embedder: Embedder | None = None,
    reranker: Reranker | None = None,
    clock: Clock | None = None,
    fresh: bool = False,
    overlap: int = 0,
) -> AsyncIterator["ProjectMemory"]:
    """The memory kept in this folder, made if there is none. Leaving indexes what has come, where it is little.

    What is found by words and what is nearest by the embedder's vectors become one ranking, where it is semantic:
    unless given, the one that `settings` name; by default MiniLM where its weights are at hand, else the hashed one,
    with which words alone rank. A `reranker` has the last word on the best of them. With `fresh`, the vectors of
    another embedder are forgotten, and all are made anew.

    Neighbouring passages share at most `overlap` tokens (`Chunking`). Documents stored with another overlap, or by
    other rules, are cut anew when they are ingested next, and are found as they were until then.

    Raises: BadInput when the folder cannot be written, when another process has it open, when it holds the vectors of
    another semantic embedder, for settings that name no embedder, or for an overlap that is negative or longer than a
    passage.
    """
    named = embedder_of(settings.embedder if settings else AUTO, settings) if embedder is None else embedder
    chunking = Chunking(overlap=overlap)
    made = partial(Store, folder, named, clock or SystemClock(), reranker, fresh, chunking)
    store = await to_thread.run_sync(made)
    memory = ProjectMemory(folder, store)
    try:
        yield memory
        await memory.leave()
    finally:
        with anyio.CancelScope(shield=True):
            await memory.aclose()


class ProjectMemory:
    """The open memory of one folder. See `ports.KeptMemory` for what each method promises."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder, self._store = folder, store
        self._limiter = anyio.CapacityLimiter(1)

    async def ingest(self, corpus: str, documents: Iterable[Document], files: Sequence[File] = ()) -> int:
        changed = 0
        for batch in _batches(documents):
            changed += await self._do(self._store.ingest, corpus, batch)
        if files:  # after their documents, so that a crash between the two only has them read once more
            await self._do(self._store.keep_files, corpus, files)
        return changed

    async def files(self, corpus: str) -> Mapping[str, File]:
        return await self._do(self._store.files, corpus)

    async def duplicates(self, corpus: str) -> Mapping[str, str]:
        return await self._do(self._store.duplicates, corpus)

    async def retain(self, corpus: str, keep: Sequence[str]) -> int:
        return await self._do(self._store.retain, corpus, keep)

    async def search(
        self,
        query: str,
        *,
        corpora: Sequence[str],
        limit: int,
        sources: Sequence[str] = (),
        where: Sequence[Condition] = (),
        diversity: float = 0.0,
    ) -> tuple[Passage, ...]:
        search = partial(self._store.search, corpora=corpora, limit=limit, sources=sources)
        return await self._do(partial(search, where=where, diversity=diversity), query)

    async def neighbours(
        self, source: str, start: int, end: int, *, before: int = 1, after: int = 1
    ) -> tuple[Passage, ...]:
        return await self._do(partial(self._store.neighbours, before=before, after=after), source, start, end)

    async def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        return await self._do(self._store.rarity, words)

    async def mentions(self, question: str, *, corpora: Sequence[str]) -> Mentions:
        return await self._do(partial(self._store.mentions, corpora=corpora), question)

    async def select(
        self, where: Sequence[Condition], *, corpora: Sequence[str], fields: Sequence[str] = ()
    ) -> tuple[Source, ...]:
        return await self._do(partial(self._store.select, corpora=corpora, fields=fields), where)

    async def source(self, source: str) -> Source | None:
        return await self._do(self._store.source, source)

    async def read(self, source: str, start: int, end: int) -> str:
        return await self._do(self._store.read, source, start, end)

    async def add(self, note: Note, *, expects: int | None = None) -> Note:
        return await self._do(partial(self._store.add, expects=expects), note)

    async def recall(
        self, about: str, *, scopes: Sequence[str] | None = None, history: bool = False
    ) -> tuple[Note, ...]:
        return await self._do(partial(self._store.recall, scopes=scopes, history=history), about)

    async def resolve(self, key: str, *, reason: str, writer: str, expects: int | None = None) -> Note:
        return await self._do(partial(self._store.resolve, reason=reason, writer=writer, expects=expects), key)

    async def forget(self, key: str) -> bool:
        return await self._do(self._store.forget, key)

    # Keeping

    async def stored(self) -> Stored:
        return await self._do(self._store.stored)

    async def explain(self, query: str, *, corpora: Sequence[str], limit: int) -> tuple[Found, ...]:
        return await self._do(partial(self._store.explain, corpora=corpora, limit=limit), query)

    async def export(self) -> AsyncIterator[Mapping[str, Any]]:
        for page in (self._store.export_sources, self._store.export_notes):
            last = 0
            while rows := await self._do(page, last, DOCUMENTS):
                for _, row in rows:
                    yield row
                last = rows[-1][0]

    async def forget_source(self, source: str) -> bool:
        return await self._do(self._store.forget_source, source)

    async def settle(self) -> None:
        """Wait until every vector is made and indexed. Raises: Unavailable where that fails."""
        await self._behind(self._store.settle)

    async def rebuild(self) -> None:
        await self._behind(self._store.rebuild)

    async def leave(self) -> None:
        """Index what has come, where it is little."""
        await self._behind(self._store.leave)

    async def aclose(self) -> None:
        """Close everything as it is and give the folder free. What is not indexed stays on record."""
        await self._behind(self._store.close)

    async def _do(self, act: Callable[..., T], *args: Any) -> T:
        """One after another."""
        return await self._in_thread(partial(act, *args), self._limiter)

    async def _behind(self, act: Callable[[], T]) -> T:
        """What may take long lets others go before it."""
        return await self._in_thread(act, None)

    async def _in_thread(self, act: Callable[[], T], limiter: anyio.CapacityLimiter | None) -> T:
        try:
            return await to_thread.run_sync(act, limiter=limiter)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(
                f"memory {str(self._folder)!r} failed: {error}; look at its disk, then try again"
            ) from error


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    rest = iter(documents)
    while batch := list(islice(rest, DOCUMENTS)):
        yield batch
