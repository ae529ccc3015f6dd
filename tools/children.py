"""Several child processes at work at once, each fed by a thread of its own."""

import os
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from queue import LifoQueue
from threading import Event
from types import TracebackType
from typing import Self, TypeVar

from .child import Child, Limits

#: So many children at most: each may take as much memory as its limit says.
MOST = 4
#: Seconds between two looks at whether the job still wants what it waits for.
_TICK = 0.2

T = TypeVar("T")


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Children:
    """Does work that needs a child, as many pieces at once as there are processors. Close it, or use `with`.

    `check` is called several times a second by whoever waits; what it raises is raised.
    """

    def __init__(self, limits: Limits | None = None, check: Callable[[], object] = lambda: None) -> None:
        self.count = min(MOST, cores())
        self._check, self._is_closed = check, Event()
        self._children = [Child(limits, self._go_on) for _ in range(self.count)]
        self._idle: LifoQueue[Child] = LifoQueue()  # so that one piece after another starts one process
        for child in self._children:
            self._idle.put(child)
        self._threads = ThreadPoolExecutor(self.count, thread_name_prefix="parser")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def begin(self, work: Callable[[Child], T]) -> Callable[[], T]:
        """Have it done as soon as a child is free; what is returned waits for it. First come, first served."""
        future = self._threads.submit(self._do, work)
        return lambda: self._result(future)

    def close(self) -> None:
        """Ends what is being done, at once, and every process."""
        self._is_closed.set()
        for child in self._children:
            child.stop()
        self._threads.shutdown(cancel_futures=True)
        for child in self._children:
            child.close()

    def _do(self, work: Callable[[Child], T]) -> T:
        child = self._idle.get()
        try:
            return work(child)
        finally:
            self._idle.put(child)

    def _result(self, future: Future[T]) -> T:
        while not wait([future], _TICK).done:
            self._check()
        return future.result()

    def _go_on(self) -> None:
        if self._is_closed.is_set():
            raise CancelledError
