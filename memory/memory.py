"""A project's memory on disk: `ports.KeptMemory` over the store of one folder, whoever has it open.

The process that gets the folder's lock is its owner, and the others ask it. When it leaves or is killed, the next that
wants something gets the lock and goes on; a call that was in hand is made again, and a write is done once all the same.
"""

import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import anyio
from anyio import to_thread

from ..orchestrator.clock import Clock, SystemClock
from ..orchestrator.errors import Unavailable
from ..orchestrator.evidence import Document, File
from ..orchestrator.settings import Settings
from . import lock
from .breaker import Breaker
from .calls import CallId
from .choice import AUTO, embedder_of
from .chunking import Chunking
from .client import Client, Left
from .embedding import Embedder
from .methods import METHODS, Call, Method
from .owner import Owner, hello_of, socket_of
from .rerank import Reranker
from .store import Parts, Store

#: Documents stored in one transaction, and their characters, but for one that is longer alone.
DOCUMENTS, CHARACTERS = 64, 4 << 20
#: How long a folder may be somebody's whom nobody reaches, in seconds: who opens or leaves a large one is busy so long.
REACHED_S = 30.0
#: How long to wait before another look, in seconds.
_LOOK_S = 0.02
#: How many owners may go while they work on one call: it may be what ends them.
OWNERS_MOST = 5

P = ParamSpec("P")
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
    another embedder are forgotten, and all are made anew. While another process has the folder open, its parts do the
    work.

    Neighbouring passages share at most `overlap` tokens (`Chunking`). Documents stored with another overlap, or by
    other rules, are cut anew when they are ingested next, and are found as they were until then.

    Raises: BadInput when the folder cannot be written, when it holds the vectors of another semantic embedder or is
    open with one, for settings that name no embedder, or for an overlap that is negative or longer than a passage;
    Unavailable when another process has it open and does not answer.
    """
    named = embedder_of(settings.embedder if settings else AUTO, settings) if embedder is None else embedder
    parts = Parts(Breaker(named), clock or SystemClock(), reranker, fresh, Chunking(overlap=overlap))
    memory = ProjectMemory(folder, parts)
    await memory.open()
    try:
        yield memory
        await memory.leave()
    finally:
        with anyio.CancelScope(shield=True):
            await memory.aclose()


def _asked(
    act: Callable[Concatenate[Store, P], T],
) -> "Callable[Concatenate[ProjectMemory, P], Coroutine[Any, Any, T]]":
    """The store's method, asked of whoever has the folder open."""
    method = METHODS[act.__name__]

    @wraps(act)
    async def ask(self: "ProjectMemory", /, *args: P.args, **named: P.kwargs) -> T:
        result: T = await self.ask(method, method.named(*args, **named))
        return result

    return ask


class ProjectMemory:
    """The open memory of one folder. See `ports.KeptMemory` for what each method promises."""

    def __init__(self, folder: Path, parts: Parts) -> None:
        self._folder, self._parts = folder, parts
        self._seat: Owner | Client | None = None
        self._sitting, self._is_closed = anyio.Lock(), False
        self._id, self._numbers = uuid.uuid4().hex, count(1)
        #: The numbers of writes that have no answer yet.
        self._in_hand: set[int] = set()

    retain = _asked(Store.retain)
    search = _asked(Store.search)
    neighbours = _asked(Store.neighbours)
    rarity = _asked(Store.rarity)
    closeness = _asked(Store.closeness)
    mentions = _asked(Store.mentions)
    select = _asked(Store.select)
    cards = _asked(Store.cards)
    fields = _asked(Store.fields)
    look_up = _asked(Store.look_up)
    source = _asked(Store.source)
    read = _asked(Store.read)
    add = _asked(Store.add)
    recall = _asked(Store.recall)
    resolve = _asked(Store.resolve)
    forget = _asked(Store.forget)
    stored = _asked(Store.stored)
    remarks = _asked(Store.remarks)
    explain = _asked(Store.explain)
    forget_source = _asked(Store.forget_source)
    settle = _asked(Store.settle)
    rebuild = _asked(Store.rebuild)
    files = _asked(Store.files)
    duplicates = _asked(Store.duplicates)
    _store = _asked(Store.ingest)
    _keep_files = _asked(Store.keep_files)
    _sources = _asked(Store.export_sources)
    _notes = _asked(Store.export_notes)

    async def ingest(self, corpus: str, documents: Iterable[Document], files: Sequence[File] = ()) -> int:
        changed = 0
        for batch in _batches(documents):
            changed += await self._store(corpus, batch)
        if files:  # after their documents, so that a crash between the two only has them read once more
            await self._keep_files(corpus, files)
        return changed

    async def export(self) -> AsyncIterator[Mapping[str, Any]]:
        for page in (self._sources, self._notes):
            last = 0
            while rows := await page(last, DOCUMENTS):
                for _, row in rows:
                    yield row
                last = rows[-1][0]

    # Whom to ask

    @property
    def is_owner(self) -> bool:
        """Whether this process has the folder open itself."""
        return isinstance(self._seat, Owner)

    async def open(self) -> None:
        """Become the folder's owner, or find the one there is. Raises: see `open_memory`."""
        await self._seated()

    async def ask(self, method: Method, arguments: dict[str, Any]) -> Any:
        """What the folder's owner says. Raises: what it raises; Unavailable where there is none to be had."""
        if not method.writes:
            return await self._repeated(lambda: Call(method, arguments))
        number = next(self._numbers)
        self._in_hand.add(number)
        try:
            return await self._repeated(lambda: Call(method, arguments, CallId(self._id, number, min(self._in_hand))))
        finally:
            self._in_hand.remove(number)

    async def _repeated(self, call: Callable[[], Call]) -> Any:
        for attempt in range(OWNERS_MOST):
            seat, asked = await self._seated(), call()
            if not attempt and isinstance(seat, Owner):
                asked = asked._replace(id=None)  # nobody else can have done it
            try:
                return await seat.ask(asked)
            except Left:
                await self._stand_up(seat)
        raise Unavailable(
            f"{OWNERS_MOST} processes that had memory {str(self._folder)!r} open have gone while they worked on one "
            "call; it may be what ends them"
        )

    async def _seated(self) -> Owner | Client:
        if self._seat is not None:
            return self._seat
        async with self._sitting:
            if self._is_closed:
                raise Unavailable(f"memory {str(self._folder)!r} is closed; open it again")
            self._seat = self._seat or await self._sit_down()
            return self._seat

    async def _stand_up(self, seat: Owner | Client) -> None:
        """This one is gone; whoever comes first looks for another."""
        async with self._sitting:
            if self._seat is seat:
                self._seat = None
                await seat.aclose()

    async def _sit_down(self) -> Owner | Client:
        until_s = time.monotonic() + REACHED_S
        while time.monotonic() < until_s:
            if owner := await to_thread.run_sync(self._take):
                return owner
            client = Client(self._folder, socket_of(self._folder), hello_of(self._parts))
            try:
                await client.open()
            except Left:
                await anyio.sleep(_LOOK_S)
            else:
                return client
        raise Unavailable(
            f"memory {str(self._folder)!r} is open in process {lock.holder(self._folder)}, which cannot be reached; "
            "wait until it ends, or give another folder"
        )

    def _take(self) -> Owner | None:
        taken = lock.take(self._folder)
        return None if taken is None else Owner(self._folder, taken, self._parts)

    async def leave(self) -> None:
        """Index what has come, where it is little and ours to do."""
        if isinstance(self._seat, Owner):
            await self._seat.leave()

    async def aclose(self) -> None:
        """Close everything as it is and give the folder free. What is not indexed stays on record."""
        async with self._sitting:
            self._is_closed = True
            if self._seat is not None:
                await self._seat.aclose()
                self._seat = None


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    characters = 0
    for document in documents:
        if batch and (len(batch) == DOCUMENTS or characters + len(document.text) > CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(document)
        characters += len(document.text)
    if batch:
        yield batch
