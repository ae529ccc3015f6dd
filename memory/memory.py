"""A project's memory on disk: `ports.Memory` over records, words and vectors. One process owns a folder.

Everything that blocks runs in one thread at a time, so the parts below need no locks of their own.
"""

import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import anyio
from anyio import to_thread

from ..orchestrator.clock import Clock, SystemClock
from ..orchestrator.errors import BadInput, Unavailable
from ..orchestrator.evidence import Document, File, Passage, Source
from ..orchestrator.metadata import Condition, Mentions
from ..orchestrator.text import clean
from .catalogue import Catalogue, only
from .chroma import BATCH, VectorIndex
from .chunking import SIZE, chunk
from .embedding import Embedder, HashedEmbedder
from .files import Files
from .large import cut_large
from .lexical import Lexical
from .minilm import MiniLM, find_weights
from .ranking import CANDIDATES, fuse
from .records import Records
from .rerank import rerank
from .rules import is_markdown

#: Documents stored in one transaction.
DOCUMENTS = 64

#: How many passages are put in order by meaning: embedding one takes some 20 ms, once.
RERANKED = 24

T = TypeVar("T")


@asynccontextmanager
async def open_memory(
    folder: Path, *, embedder: Embedder | None = None, reranker: Embedder | None = None, clock: Clock | None = None
) -> AsyncIterator["ProjectMemory"]:
    """The memory kept in this folder, made if there is none. Leaving writes what the vector index still lacks.

    What is found by words is put in order by `reranker`, by meaning: MiniLM, unless told otherwise, where its weights
    are at hand.

    Raises: BadInput when the folder cannot be written, or when another process has it open.
    """
    weights = find_weights() if reranker is None else None
    reranker = MiniLM(weights) if weights else reranker
    made = partial(ProjectMemory, folder, embedder or HashedEmbedder(), clock or SystemClock(), reranker)
    memory = await to_thread.run_sync(made)
    try:
        yield memory
        await memory.settle()
    finally:
        with anyio.CancelScope(shield=True):
            await memory.aclose()


class ProjectMemory:
    """The open memory of one folder. See `ports.Memory` for what each method promises."""

    def __init__(self, folder: Path, embedder: Embedder, clock: Clock, reranker: Embedder | None = None) -> None:
        self._folder, self._clock, self._reranker = folder, clock, reranker
        self._limiter = anyio.CapacityLimiter(1)
        self._lock = _lock(folder)
        try:
            self._records = Records(folder / "records.sqlite")
            self._files = Files(folder / "records.sqlite", str(SIZE))
        except BaseException:
            os.close(self._lock)
            raise
        self._vectors = VectorIndex(folder, self._records, embedder)
        self._lexical: Lexical | None = None
        self._catalogues: dict[tuple[str, ...], Catalogue] = {}
        self._is_semantic, self._has_changed = embedder.is_semantic, False

    async def ingest(self, corpus: str, documents: Iterable[Document], files: Sequence[File] = ()) -> int:
        changed = 0
        for batch in _batches(documents):
            changed += await self._blocking(self._ingest, corpus, batch)
        if files:  # after their documents, so that a crash between the two only has them read once more
            await self._blocking(self._files.put, clean(corpus), files)
        return changed

    async def files(self, corpus: str) -> Mapping[str, File]:
        return await self._blocking(self._files.known, clean(corpus))

    async def duplicates(self, corpus: str) -> Mapping[str, str]:
        return await self._blocking(self._records.duplicates, clean(corpus))

    async def retain(self, corpus: str, keep: Sequence[str]) -> int:
        return await self._blocking(self._retain, corpus, keep)

    async def search(
        self, query: str, *, corpora: Sequence[str], limit: int, sources: Sequence[str] = ()
    ) -> tuple[Passage, ...]:
        return await self._blocking(self._search, query, [clean(corpus) for corpus in corpora], limit, sources)

    async def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        return await self._blocking(lambda: {word: self._words().rarity(word) for word in words})

    async def mentions(self, question: str, *, corpora: Sequence[str]) -> Mentions:
        return await self._blocking(lambda: self._catalogue(corpora).mentions(question, self._words().holding))

    async def select(
        self, where: Sequence[Condition], *, corpora: Sequence[str], fields: Sequence[str] = ()
    ) -> tuple[Source, ...]:
        return await self._blocking(
            lambda: tuple(only(source, fields) for source in self._catalogue(corpora).select(where))
        )

    async def source(self, source: str) -> Source | None:
        return await self._blocking(self._records.source, source)

    async def read(self, source: str, start: int, end: int) -> str:
        return await self._blocking(self._records.read, source, start, end)

    async def add(self, key: str, text: str, *, source: str, start: int, end: int, writer: str, scope: str) -> None:
        note = partial(self._add, key, text, source=source, start=start, end=end, writer=writer, scope=scope)
        await self._blocking(note)

    async def settle(self) -> None:
        """Bring the vector index up to date. Where vectors do not rank, notes wait: opening the index costs seconds."""
        await self._blocking(partial(self._vectors.catch_up, may_wait=not (self._is_semantic or self._has_changed)))

    async def aclose(self) -> None:
        """Close everything as it is and give the folder free. What the vector index lacks stays on record."""
        await self._blocking(self._close)

    # In the thread

    async def _blocking(self, act: Callable[..., T], *args: object) -> T:
        try:
            return await to_thread.run_sync(partial(act, *args), limiter=self._limiter)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(
                f"memory {str(self._folder)!r} failed: {error}; look at its disk, then try again"
            ) from error

    def _ingest(self, corpus: str, documents: Sequence[Document]) -> int:
        corpus, at, changed = clean(corpus), self._clock.wall_ms(), 0
        self._files.forget(corpus, documents)
        with self._records.transaction():
            for document in documents:
                if not self._records.is_current(corpus, document):
                    chunks = cut_large(clean(document.text), partial(chunk, is_markdown=is_markdown(document)))
                    self._records.put(corpus, document, chunks, at)
                    changed += 1
        self._catalogues.clear()  # an address may have changed, where nothing else has
        if changed:
            self._forget_indexes()
            self._vectors.catch_up(at_least=BATCH)
        return changed

    def _retain(self, corpus: str, keep: Sequence[str]) -> int:
        with self._records.transaction():
            gone = self._records.retain(clean(corpus), keep)
        if gone:
            self._files.forget_unknown(clean(corpus))
            self._forget_indexes()
        return gone

    def _forget_indexes(self) -> None:
        """Documents have changed: what was made of them is made anew when it is asked for."""
        self._has_changed, self._lexical = True, None
        self._catalogues.clear()

    def _words(self) -> Lexical:
        if self._lexical is None:
            self._lexical = Lexical(self._records.passages(), self._records.notes())
        return self._lexical

    def _catalogue(self, corpora: Sequence[str]) -> Catalogue:
        wanted = tuple(sorted({clean(corpus) for corpus in corpora}))
        if wanted not in self._catalogues:
            self._catalogues[wanted] = Catalogue(self._records.sources(wanted))
        return self._catalogues[wanted]

    def _search(self, query: str, corpora: Sequence[str], limit: int, sources: Sequence[str]) -> tuple[Passage, ...]:
        if limit < 1 or not corpora:
            return ()
        depth = max(limit, CANDIDATES) if self._is_semantic else max(limit, RERANKED)
        ranking = self._words().rank(query, corpora, depth, self._records.numbers(sources) if sources else None)
        if self._is_semantic:
            ranking = fuse(ranking, self._vectors.nearest(query, corpora, depth))
        if self._reranker is None:
            return self._records.spans(ranking, limit)
        found = self._records.spans(ranking, max(limit, RERANKED))
        texts = [f"{passage.title}\n{passage.text}" for passage in found]
        return tuple(found[place] for place in rerank(query, texts, self._reranker, limit))

    def _add(self, key: str, text: str, *, source: str, start: int, end: int, writer: str, scope: str) -> None:
        at = self._clock.wall_ms()
        with self._records.transaction():
            note, replaced = self._records.put_note(
                key, text, source=source, start=start, end=end, writer=writer, scope=scope, at=at
            )
        if replaced:
            self._lexical = None
        elif note and self._lexical:
            self._lexical.add_note(note)

    def _close(self) -> None:
        with ExitStack() as closing:  # each is closed, whatever the others do; the lock goes last
            closing.callback(os.close, self._lock)
            closing.callback(self._records.close)
            closing.callback(self._files.close)
            closing.callback(self._vectors.close)


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    rest = iter(documents)
    while batch := list(islice(rest, DOCUMENTS)):
        yield batch


def _lock(folder: Path) -> int:
    """An open file that the operating system locks for this process until it is closed, however that happens."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise BadInput(
            f"cannot keep memory in {str(folder)!r}: {error.strerror}; give a folder that can be written"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 20, 0).decode().strip() or "unknown"
        os.close(lock)
        raise BadInput(
            f"memory {str(folder)!r} is open in process {holder}; wait until it ends, or give another folder"
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock
