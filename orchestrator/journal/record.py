"""Where a reader finds the events of a run: in memory, read whole and checked, or in the file, by its index. Blocks."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Protocol

from .events import Event
from .index import AREAS, Index, keep_index, line_at, load_index
from .lines import NOTHING, Head, event_after, hash_in, read_on
from .overview import Overview, overview_of
from .storage import open_to_read, read_events, read_from, read_whole

#: A run of fewer events gets no index, and one that has grown by fewer no new one.
LEAST = 2_000


class Record(Protocol):
    """The events of a run, from its beginning to a certain one. What it reads may raise JournalDamaged."""

    @property
    def job(self) -> str:
        """The job that the first of them names; empty where there is none."""
        ...

    @property
    def overview(self) -> Overview:
        """What they come to."""
        ...

    def whole(self) -> "Whole":
        """Every event, read and checked."""
        ...

    def of_task(self, task: str) -> tuple[Event, ...]:
        """The events of one task."""
        ...

    def of_areas(self, *areas: str) -> tuple[Event, ...]:
        """The events whose kinds begin with one of these words, of `AREAS`."""
        ...


class Whole:
    """In memory."""

    def __init__(self, events: Sequence[Event], overview: Overview) -> None:
        self.events, self.overview = tuple(events), overview

    @property
    def job(self) -> str:
        """The first event's."""
        return self.events[0].job if self.events else ""

    def whole(self) -> "Whole":
        """Itself."""
        return self

    def of_task(self, task: str) -> tuple[Event, ...]:
        """The events of one task."""
        return tuple(event for event in self.events if event.task == task)

    def of_areas(self, *areas: str) -> tuple[Event, ...]:
        """The events of these areas."""
        assert AREAS.issuperset(areas), areas
        return tuple(event for event in self.events if event.area in areas)


class Indexed:
    """In the file. What is read of it is checked by its hash; where that is not right, the run is read whole."""

    def __init__(self, path: Path, index: Index) -> None:
        self._path, self._index = path, index

    @cached_property
    def job(self) -> str:
        """The first event's."""
        events = self._of([1])
        return (self.whole().events if events is None else events)[0].job

    @property
    def overview(self) -> Overview:
        """What its index says."""
        return self._index.overview

    def whole(self) -> Whole:
        """Every event, read and checked now."""
        events = read_events(self._path)[: self._index.head.seq]
        return Whole(events, overview_of(events))

    def of_task(self, task: str) -> tuple[Event, ...]:
        """The events of one task."""
        events = self._of(self._index.places.by_task.get(task, ()))
        return self.whole().of_task(task) if events is None else events

    def of_areas(self, *areas: str) -> tuple[Event, ...]:
        """The events of these areas."""
        assert AREAS.issuperset(areas), areas
        by_area = self._index.places.by_area
        events = self._of(sorted(seq for area in areas for seq in by_area.get(area, ())))
        return self.whole().of_areas(*areas) if events is None else events

    def event(self, seq: int) -> Event:
        """One event."""
        events = self._of((seq,))
        return self.whole().events[seq - 1] if events is None else events[0]

    def _of(self, seqs: Iterable[int]) -> tuple[Event, ...] | None:
        """The events with these numbers, in order; None where one is not in its place, or not as its hash says."""
        places, head, events = self._index.places.events, NOTHING, list[Event]()
        with BufferedReader(open_to_read(self._path)) as file:
            parts = self._index.parts(file)
            try:
                for seq in seqs:
                    if head.seq != seq - 1:
                        head = Head(seq - 1, 0, hash_in(line_at(file, places[seq - 2])))
                    event = event_after(head, line_at(file, places[seq - 1]), parts)
                    head = Head(event.seq, event.epoch, event.hash)
                    events.append(event)
            except (ValueError, KeyError, TypeError):
                return None
        return tuple(events)


def open_record(path: Path) -> Record:
    """Open a run by its index and what has been written since, or read it whole, and keep an index of a long one.

    Raises BadInput where there is no such run or it is of another format, JournalDamaged where what was read of it is
    damaged: by the index, no more than what has been written since.
    """
    with BufferedReader(open_to_read(path)) as file:
        index = load_index(path)
        kept = index.head.seq if index else 0
        if index is not None and _follows(path, index, file):
            record: Record = Indexed(path, index)
        else:
            index, kept = Index(), 0
            found = read_whole(path, file)
            index.take(found)
            record = Whole(found.events, index.overview)
        if index.head.seq - kept >= LEAST and index.is_of(file):
            keep_index(path, index)
    return record


def _follows(path: Path, index: Index, file: BinaryIO) -> bool:
    """Read on behind an index; False where the run does not begin with what it says, or not go on from there."""
    if not index.is_of(file):
        return False
    found = index.end(file)
    read_on(found, read_from(path, file, index.size))
    if found.damage is None:
        index.take(found)
    return found.damage is None
