"""Looking for an answer in earlier runs: the journal is the only record of what models have said. Blocking.

Where each answer stands is remembered, so that a look reads what has been written since the last one and one answer.
"""

import os
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import BullpenError, JournalDamaged
from ..ids import digest
from .events import Event
from .index import Index
from .lines import read_on
from .reader import list_runs
from .record import Indexed
from .step import MODEL
from .storage import open_to_read, read_from, read_whole

#: How many runs are looked through, the newest first.
_RUNS_MOST = 50


class Answers:
    """What models have said in the runs of a folder. For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._known = folder, dict[Path, _Answered]()

    def find(self, intent: str, *, since_ms: int, until_ms: int) -> tuple[dict[str, Any], int] | None:
        """The youngest answer to a call with this intent (the hash of its body) and its time, in ms since 1970.

        Only what a model said in that time: an answer that was itself found on record is passed by, as is one of the
        future, whose age nobody knows.
        """
        self._look()
        there = [(at_ms, n, run, seq) for n, run in enumerate(self._known.values()) for at_ms, seq in run.given(intent)]
        for at_ms, _, run, seq in sorted(there, key=lambda answer: (answer[0], answer[1], answer[3]), reverse=True):
            if since_ms <= at_ms <= until_ms and (event := run.event(seq)):
                return event.value, at_ms
        return None

    def _look(self) -> None:
        newest = list_runs(self._folder)[-_RUNS_MOST:]
        self._known = {path: self._known.get(path) or _Answered(path) for path in newest}
        for run in self._known.values():
            run.look()


class _Answered:
    """Where the answers of one run stand; nowhere where it cannot be read: `bullpen jobs` says so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    def _forget(self) -> None:
        self._index = Index()
        self._stamp = 0, 0, 0
        #: By the step, what was asked; by that, when it was answered, in ms since 1970, and by which event.
        self._asked: dict[str, bytes] = {}
        self._given: dict[bytes, list[tuple[int, int]]] = {}

    def given(self, intent: str) -> Iterable[tuple[int, int]]:
        """When calls with this intent were answered, and by which events."""
        return self._given.get(bytes.fromhex(intent), ())

    def event(self, seq: int) -> Event | None:
        """An event, checked by its hash; None where it cannot be read any more."""
        try:
            return Indexed(self._path, self._index).event(seq)
        except (BullpenError, OSError, IndexError):
            return None

    def look(self) -> None:
        """Take in what has been written since the last look."""
        try:
            with BufferedReader(open_to_read(self._path)) as file:
                there = os.fstat(file.fileno())
                stamp = there.st_ino, there.st_size, there.st_mtime_ns
                if stamp != self._stamp:
                    self._take(self._read(file))
                    self._stamp = stamp
        except (BullpenError, OSError, ValueError, KeyError, TypeError):  # or its events are of another shape
            self._forget()

    def _read(self, file: BinaryIO) -> list[Event]:
        """What is new in it. Raises BadInput or JournalDamaged where it cannot be read."""
        if self._index.is_of(file):
            found = self._index.end(file)
            read_on(found, read_from(self._path, file, self._index.size))
            if found.damage:
                raise JournalDamaged(str(found.damage))
        else:
            self._forget()
            found = read_whole(self._path, file)
        self._index.take(found)
        return found.events

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.kind == MODEL.intent:
                self._asked[event.step] = bytes.fromhex(digest(event.body))
            elif event.kind == MODEL.result and event.step in self._asked and _is_a_models(event):
                self._given.setdefault(self._asked[event.step], []).append((event.at_ms, event.seq))


def _is_a_models(event: Event) -> bool:
    attempts = event.value["receipt"]["attempts"]
    return bool(attempts) and attempts[-1]["outcome"] == "ok"
