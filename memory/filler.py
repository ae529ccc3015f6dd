"""Fills vectors in behind, while questions are answered: what lacks one is embedded, what has one is indexed.

Its thread sleeps until it is woken, gives way to whoever waits for the memory, and keeps what it has done in small
transactions: stopped or killed, it goes on there the next time.
"""

import logging
from threading import Condition, Thread

from .chroma import BATCH, ChromaIndex
from .database import Database
from .embedding import Embedder, Vector
from .turns import Turns
from .vectors import Vectors

_LOG = logging.getLogger("bullpen.memory")

#: Texts embedded between two looks at whether to stop: a question's own embedding waits for no more than these.
SLICE = 8
#: Vectors kept in one transaction.
KEPT = 64


class Filler:
    """The work behind one memory. `failed` is the last error, until the work goes on."""

    def __init__(
        self, turns: Turns, database: Database, vectors: Vectors, index: ChromaIndex, embedder: Embedder
    ) -> None:
        self._turns, self._database = turns, database
        self._vectors, self._index, self._embedder = vectors, index, embedder
        self._changed = Condition()
        #: How often work was asked for, and up to which of these it is done.
        self._asked = self._done = 0
        self._is_stopping = False
        self._thread: Thread | None = None
        self.failed: BaseException | None = None

    def wake(self) -> None:
        """There may be something to do."""
        with self._changed:
            self._asked += 1
            self._changed.notify_all()
            if self._thread is None:
                self._thread = Thread(target=self._run, name="bullpen-vectors", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Wait until nothing that was asked for is left to do, or it has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopping or self._done == self._asked)

    def stop(self) -> None:
        """Stop after the slice in hand; what is left stays on record."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while asked := self._next():
            try:
                while not self._is_stopping and self._step():
                    pass
                failed: BaseException | None = None
            except (
                BaseException
            ) as error:  # even a panic of Chroma's: whoever waits is told, and the next wake tries again
                _LOG.warning("vectors are not filled in: %s", error)
                failed = error
            with self._changed:
                self._done, self.failed = asked, failed
                self._changed.notify_all()

    def _next(self) -> int:
        """Up to where work is asked for, once it is; 0 to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopping or self._asked > self._done)
            return 0 if self._is_stopping else self._asked

    def _step(self) -> bool:
        """Some vectors, or some of the index; False when nothing is left."""
        with self._turns.behind():
            lacking = self._vectors.lacking(KEPT)
            is_behind = self._index.is_behind() or (bool(lacking) and self._index.is_needed())
        if is_behind:
            import chromadb  # noqa: F401 - half a second, which is nobody's turn
        made: list[Vector] = []
        for at in range(0, len(lacking), SLICE):
            if self._is_stopping:
                break
            made += self._embedder.embed([text for _, text in lacking[at : at + SLICE]])
        with self._turns.behind():
            if made:
                with self._database.transaction():
                    self._vectors.keep([record for record, _ in lacking[: len(made)]], made)
            moved = self._index.catch_up(at_least=BATCH if lacking else 1)
            return bool(lacking or moved)
