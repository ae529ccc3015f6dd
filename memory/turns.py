"""Whose turn it is at a memory: whoever waits for an answer goes before the work that is done behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Turns:
    """One holder at a time; `behind` waits until nobody else does. Not to be taken twice by one thread."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._is_taken, self.waiting = False, 0

    @contextmanager
    def first(self) -> Iterator[None]:
        """A turn for somebody who waits."""
        with self._changed:
            self.waiting += 1
            self._changed.wait_for(lambda: not self._is_taken)
            self.waiting -= 1
            self._is_taken = True
        with self._given_back():
            yield

    @contextmanager
    def behind(self) -> Iterator[None]:
        """A turn for work that can wait."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken and not self.waiting)
            self._is_taken = True
        with self._given_back():
            yield

    @contextmanager
    def _given_back(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()
