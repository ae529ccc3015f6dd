"""The process that has a memory's folder: it alone opens what is in there, and does one thing at a time.

That is why a search of any process sees every write that has been acknowledged: both are done here, each in its turn,
and a write is answered when it is on disk.
"""

import logging
import os
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from ..orchestrator.errors import BadInput, Unavailable
from .listener import Listener
from .methods import Call
from .store import Parts, Store
from .wire import Hello

_LOG = logging.getLogger("bullpen.memory")


def hello_of(parts: Parts) -> Hello:
    """How a process with these parts presents itself."""
    embedder = parts.embedder
    return Hello(embedder=embedder.id, is_semantic=embedder.is_semantic, fresh=parts.fresh)


def socket_of(folder: Path) -> Path:
    """Where the owner of a folder is reached."""
    return folder.absolute() / "memory.sock"


class Owner:
    """The store of a folder, for this process and for those that connect."""

    def __init__(self, folder: Path, lock: int, parts: Parts) -> None:
        """`lock` is the folder's. Blocks. Raises: what `Store` raises, and the lock is given back then."""
        self._folder, self._mine = folder, hello_of(parts)
        self._limiter = anyio.CapacityLimiter(1)
        self._store = Store(folder, lock, parts)
        self._listener: Listener | None = None
        try:
            self._listener = Listener(socket_of(folder), self._welcome, self._do)
        except OSError as error:
            _LOG.warning("memory %r cannot be reached by other processes: %s", str(folder), error)

    async def ask(self, call: Call) -> Any:
        """Do it; what may take long lets others go before it."""
        limiter = None if call.method.waits else self._limiter
        return await to_thread.run_sync(partial(self._do, call), limiter=limiter)

    async def leave(self) -> None:
        """Index what has come, where it is little."""
        await to_thread.run_sync(self._store.leave)

    async def aclose(self) -> None:
        """Answer what others have asked, close everything as it is and give the folder free."""
        await to_thread.run_sync(self._close)

    def _close(self) -> None:
        if self._listener is not None:
            self._listener.stop()
            self._store.rest()  # who waits for vectors asks the next owner
            self._listener.close()
        self._store.close()

    def _do(self, call: Call) -> Any:
        try:
            return call.done_by(self._store)
        except (OSError, sqlite3.Error) as error:
            self._store.doubt()
            raise Unavailable(
                f"memory {str(self._folder)!r} failed: {error}; look at its disk, then try again"
            ) from error

    def _welcome(self, hello: Hello) -> None:
        mine, other = self._mine.embedder, hello.embedder
        if not mine or not other:
            return  # one of them has not been told yet by an embedder that is down
        is_open = f"memory {str(self._folder)!r} is open in process {os.getpid()} with embedder {mine!r}"
        if hello.fresh and other != mine:
            raise BadInput(f"{is_open}; vectors of {other!r} are made anew when that process has ended")
        if hello.is_semantic and self._mine.is_semantic and other != mine:
            raise BadInput(f"{is_open}, not {other!r}; open it with that embedder, or when that process has ended")
