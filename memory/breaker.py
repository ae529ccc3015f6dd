"""An embedder behind a circuit breaker: after a failure nobody waits for it until a pause is over. Blocks.

What fails and may be back (`Unavailable`) or has to be mended outside (`Misconfigured`) opens it; what is wrong with
what the embedder gave, or with its name, is raised each time.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from ..orchestrator.errors import Misconfigured, Unavailable
from .embedding import Embedder, Vector

#: What an embedder raises that is down: a search goes by words then.
DOWN = (Unavailable, Misconfigured)
#: The pause after a failure, in seconds; it doubles with each that follows, up to the most.
PAUSE_S, PAUSE_MOST_S = 30.0, 300.0
#: How long to wait for one's turn while others have texts embedded, in seconds.
TURN_S = 10.0


class Breaker:
    """An `Embedder` that fails at once while the one behind it is down. May be shared by threads, which take turns."""

    def __init__(self, embedder: Embedder, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._embedder, self._now_s = embedder, now_s
        self._turn = Lock()
        self._failures, self._until_s = 0, 0.0
        self._id, self._dimensions = "", 0
        #: What it raised last, as long as it has not answered since.
        self.failed: Exception | None = None

    @property
    def is_semantic(self) -> bool:
        return self._embedder.is_semantic

    @property
    def id(self) -> str:
        """The embedder's; empty as long as it is down and has not said it yet."""
        if not self._id and not self.is_open:
            try:
                with self._asking():
                    self._id, self._dimensions = self._embedder.id, self._embedder.dimensions
            except DOWN:
                return ""
        return self._id

    @property
    def dimensions(self) -> int:
        """The embedder's; 0 as long as its id is not known."""
        return self._dimensions if self.id else 0

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """What the embedder gives. Raises what it does; while the breaker is open, at once, as it did last."""
        with self._asking():
            return self._embedder.embed(texts)

    @property
    def is_open(self) -> bool:
        """Whether a pause is on."""
        return self._now_s() < self._until_s

    def close(self) -> None:
        """End the pause: the next text is sent."""
        self._until_s = 0.0

    @contextmanager
    def _asking(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=TURN_S):
            raise Unavailable(f"the embedder has been at work on other texts for {TURN_S:g} s; try again later")
        try:
            if self.failed is not None and self.is_open:
                raise self.failed
            try:
                yield
            except DOWN as error:
                self._failures += 1
                self._until_s = self._now_s() + min(PAUSE_MOST_S, PAUSE_S * 2 ** (self._failures - 1))
                self.failed = error
                raise
            self._failures, self.failed = 0, None
        finally:
            self._turn.release()
