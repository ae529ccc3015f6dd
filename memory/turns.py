"""Whose turn it is at a memory: whoever waits for an answer goes before the work that is done behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident


class Turns:
    """One thread at a time; `behind` waits until nobody else does. A turn within a first one is part of it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._holder, self.waiting = 0, 0

    @contextmanager
    def first(self) -> Iterator[None]:
        """A turn for somebody who waits."""
        if self._holder == get_ident():
            yield
            return
        with self._changed:
            self.waiting += 1
            self._changed.wait_for(lambda: not self._holder)
            self.waiting -= 1
            self._holder = get_ident()
        with self._given_back():
            yield

    @contextmanager
    def behind(self) -> Iterator[None]:
        """A turn for work that can wait."""
        with self._changed:
            self._changed.wait_for(lambda: not self._holder and not self.waiting)
            self._holder = get_ident()
        with self._given_back():
            yield

    @contextmanager
    def _given_back(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._changed:
                self._holder = 0
                self._changed.notify_all()
