"""An event loop on which waiting takes no time: when nothing is left to do, its clock jumps to the next thing due.

For code that does nothing outside of its process. A thread of anyio's that is at work is waited for.
"""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")
#: What is due no sooner than this is due never, in seconds: asyncio asks for no longer wait.
_NEVER_S = 24 * 3600.0


class NothingLeft(RuntimeError):
    """Everything waits for something that will never come."""


class _Jumping(selectors.DefaultSelector):
    """Never waits for what is due later, but for what a thread may bring."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        #: How many threads are at work.
        self.busy: Callable[[], int] = lambda: 0

    def select(self, timeout: float | None = None) -> Any:
        if self.busy():
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            if timeout is None or timeout >= _NEVER_S:
                raise NothingLeft("nothing is left that could ever happen on this event loop")
            self.now_s += max(timeout, 0.0)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s

    def wait_for_threads(self, busy: Callable[[], int]) -> None:
        self._jumping.busy = busy


def run(main: Callable[[], Awaitable[T]]) -> T:
    """The value of `main`, run on such a loop."""

    async def started() -> T:
        loop, threads = asyncio.get_running_loop(), anyio.to_thread.current_default_thread_limiter()
        assert isinstance(loop, _Loop)
        loop.wait_for_threads(lambda: threads.borrowed_tokens)
        return await main()

    return anyio.run(started, backend_options={"loop_factory": _Loop})
