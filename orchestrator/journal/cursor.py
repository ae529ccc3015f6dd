"""A run that is read as it grows: each look reads what has been written since the last one. Blocking."""

import os
from io import FileIO
from pathlib import Path

from .events import Event
from .lines import Content, read_on
from .storage import open_to_read, read_from, read_whole


class Cursor:
    """Goes by the file's size and the last event's hash. Another file in its place is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self._path = path
        #: Kept open: the number of a file that nobody holds may be given to the one that replaces it.
        self._file: FileIO | None = None
        self._found = Content()
        self._size = -1
        #: The epoch and the seq of the last event that was told.
        self._told = 0, 0

    def look(self) -> list[Event]:
        """The events that have been written since the last look, each once.

        Raises BadInput where the run cannot be read, JournalDamaged where it is damaged.
        """
        if not self._goes_on():
            self._begin()
        new = [event for event in self._found.events if self._is_new(event)]
        self._found.events.clear()
        self._found.places.clear()
        self._found.part_places.clear()
        seq, epoch, _ = self._found.head
        self._told = max(self._told, (epoch, seq))
        return new

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _is_new(self, event: Event) -> bool:
        """What was told and never acknowledged may be gone, and another owner's events stand in its place."""
        epoch, seq = self._told
        return event.epoch > epoch or event.seq > seq

    def _goes_on(self) -> bool:
        """Read on where the last look ended; False where what is there now does not follow."""
        if self._file is None or not self._found.head.seq or not self._is_same(self._file):
            return False
        size = os.fstat(self._file.fileno()).st_size
        if size == self._size:
            return True
        if size < self._found.size:
            return False
        self._size = size
        read_on(self._found, read_from(self._path, self._file, self._found.size))
        return self._found.damage is None

    def _is_same(self, file: FileIO) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(file.fileno()))
        except FileNotFoundError:
            return False

    def _begin(self) -> None:
        self.close()
        self._file = open_to_read(self._path)
        self._size = os.fstat(self._file.fileno()).st_size
        self._found = read_whole(self._path, self._file)
