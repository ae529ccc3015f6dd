"""A thread that notices when the event loop is blocked, and by whom.

For asyncio: a thread is invisible to a clock that jumps. It asks the loop for a sign of life several times in the
bound; nothing is done per job or per task.
"""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .frame import Frame, Frames
from .places import blocked, stack

STALLED = "loop.stalled"
_LOG = logging.getLogger("bullpen")
#: Signs of life that are asked for within the bound. A stall is seen when it is longer than the bound and one more.
_SIGNS = 8
#: How long a sign may still take after the bound: whoever was stopped as a whole is not stalled when it goes on, in s.
_LAST_CHANCE_S = 0.05


class _Sight(NamedTuple):
    """What the watchdog saw when the bound was over: which worker's code was at it, if any was, and where."""

    frame: Frame | None
    at: str

    def __str__(self) -> str:
        return f"in worker {self.frame.name!r} at {self.at}" if self.frame else f"by no worker, at {self.at}"


@contextmanager
def watched(frames: Frames, bound_s: float) -> Iterator[Frames]:
    """Watch the running loop until the end of the block, where it is asyncio's and there is a bound."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        yield frames
        return
    if not bound_s:
        yield frames
        return
    watchdog = _Watchdog(frames, bound_s, loop)
    try:
        yield frames
    finally:
        watchdog.close()


class _Watchdog:
    """Watches one loop, from another thread than the loop's, which makes it."""

    def __init__(self, frames: Frames, bound_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self._frames, self._bound_s, self._loop = frames, bound_s, loop
        self._watched_thread = threading.get_ident()
        self._closed, self._alive = threading.Event(), threading.Event()
        self._asked_s = 0.0
        #: Held by whoever says that the loop lives, or that it does not.
        self._verdict = threading.Lock()
        self._sight: _Sight | None = None
        self._thread = threading.Thread(target=self._watch, name="loop watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; it waits for nothing then."""
        self._closed.set()
        self._alive.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self._alive.clear()  # before looking whether it is over: `close` sets both
            if self._closed.wait(self._bound_s / _SIGNS):
                return
            self._asked_s = time.monotonic()
            self._loop.call_soon_threadsafe(self._live)
            if self._alive.wait(self._bound_s) or self._alive.wait(_LAST_CHANCE_S):
                continue
            sight = self._look()
            with self._verdict:
                if self._alive.is_set():
                    continue
                self._sight = sight
            _LOG.warning("the event loop has been blocked for %.1f s %s", time.monotonic() - self._asked_s, sight)
            self._alive.wait()

    def _look(self) -> _Sight:
        at, is_platform = blocked(stack(sys._current_frames().get(self._watched_thread)))
        return _Sight(None if is_platform else self._frames.of_task(asyncio.current_task(self._loop)), at)

    def _live(self) -> None:
        """On the loop: it lives. What it was blocked by goes on record before its frame can end."""
        with self._verdict:
            self._alive.set()
            sight, self._sight = self._sight, None
        if sight is None or sight.frame is None or sight.frame.has_ended:
            return
        seconds = round(time.monotonic() - self._asked_s, 1)
        sight.frame.remark(STALLED, {"seconds": seconds, "worker": sight.frame.name, "at": sight.at})
