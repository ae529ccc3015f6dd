"""A thread that writes journals, so that a commit costs one hop and no pool. For asyncio.

anyio's worker threads do the same at twice the price, and a job commits often (`docs/decisions/0002`).
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import anyio

from ..errors import Refused

T = TypeVar("T")
Done = Callable[[BaseException | None], None]


class Writer:
    """Runs functions one after the other in its own thread, for callers on asyncio."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal writer", daemon=True)
        self._thread.start()

    def submit(self, function: Callable[[], None], done: Done) -> None:
        """Have the function run; `done` is called on this event loop afterwards, with what it raised or None.

        Raises Refused when the writer has been closed.
        """
        if not self._thread.is_alive():
            raise Refused("this system is closed: launch jobs inside the `async with` block that opened it")
        loop = asyncio.get_running_loop()

        def work() -> None:
            error: BaseException | None = None
            try:
                function()
            except BaseException as raised:
                error = raised
            loop.call_soon_threadsafe(done, error)

        self._asked.put(work)

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
        while work := self._asked.get():
            work()
