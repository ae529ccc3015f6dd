"""A thread that writes journals, so that a commit costs one hop and no pool. For asyncio.

anyio's worker threads do the same at twice the price, and a job commits often (`docs/decisions/0002`).
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import anyio

from ..errors import Refused

T = TypeVar("T")
#: How often a process that holds runs gives a sign of life, in seconds: several times within a lease.
BEAT_S = 5.0
Done = Callable[[BaseException | None], None]


class Writer:
    """Runs functions one after the other in its own thread, for callers on asyncio."""

    def __init__(self, beat_s: float = BEAT_S) -> None:
        self._beat_s = beat_s
        self._asked: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        #: What is called every `beat_s` seconds while the process lives, however long its event loop is held up.
        self.beats: set[Callable[[], None]] = set()
        self._thread = threading.Thread(target=self._work, name="journal writer", daemon=True)
        self._thread.start()

    def submit(self, function: Callable[[], None], done: Done) -> None:
        """Have the function run; `done` is called on this event loop afterwards, with what it raised or None.

        Raises Refused when the writer has been closed.
        """
        self.check()
        loop = asyncio.get_running_loop()

        def work() -> None:
            error: BaseException | None = None
            try:
                function()
            except BaseException as raised:
                error = raised
            loop.call_soon_threadsafe(done, error)

        self._asked.put(work)

    def check(self) -> None:
        """Raise Refused when the writer has been closed."""
        if not self._thread.is_alive():
            raise Refused("this system is closed: launch jobs inside the `async with` block that opened it")

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """The function's value, or what it raises. Once begun it is waited for: a write cannot be half abandoned."""
        ended, values = anyio.Event(), list[T]()
        errors: list[BaseException | None] = []

        def done(error: BaseException | None) -> None:
            errors.append(error)
            ended.set()

        with anyio.CancelScope(shield=True):
            self.submit(lambda: values.append(function(*args)), done)
            await ended.wait()
        if errors[0] is not None:
            raise errors[0]
        return values[0]

    def close(self) -> None:
        """Finish what was asked for and end the thread. Blocking; closing twice is harmless."""
        self._asked.put(None)
        self._thread.join()

    def _work(self) -> None:
        beat_at_s = time.monotonic() + self._beat_s
        while True:
            with contextlib.suppress(queue.Empty):
                work = self._asked.get(timeout=max(0.0, beat_at_s - time.monotonic()))
                if work is None:
                    return
                work()
            if time.monotonic() >= beat_at_s:
                for beat in tuple(self.beats):
                    beat()
                beat_at_s = time.monotonic() + self._beat_s
