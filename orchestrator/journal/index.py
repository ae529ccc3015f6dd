"""The index of a long run: what is asked for most, and where the rest begins, so that it need not be read whole.

`JOB.idx` beside the run, three lines of JSON: its version and a checksum of the others; the overview and the last
event; where lines begin, and whose they are. It is derived: never needed, and made again where it is missing,
damaged, or of another run than the one that stands there. The hash of the last event tells, since it covers all that is
before it. Blocking.
"""

import contextlib
import os
import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json

from ..errors import BadInput
from ..ids import compact, digest
from ..regular_files import read_regular, replacing
from .lines import FORMAT, HEADER, NOTHING, Content, Head, part_in
from .overview import Overview, restored
from .parts import NAME, Parts

SUFFIX = ".idx"
#: Goes up whenever something else is counted or kept.
VERSION = 2
#: Areas, the first words of kinds, whose events are found by it: what a job as a whole is about, few in any run.
AREAS = frozenset({"job", "control", "approval", "steering", "evidence"})


@dataclass(slots=True)
class Places:
    """Where lines begin, in bytes: those of events in their order, from seq 1. Tasks and areas name theirs by seq."""

    events: list[int] = field(default_factory=list)
    by_task: dict[str, list[int]] = field(default_factory=dict)
    by_area: dict[str, list[int]] = field(default_factory=dict)
    #: The names of all parts, sorted, with nothing between them; and where each begins.
    names: str = ""
    parts: list[int] = field(default_factory=list)

    def add(self, found: Content) -> None:
        """Take in what has been read."""
        self.events += found.places
        for event in found.events:
            if event.area in AREAS:
                self.by_area.setdefault(event.area, []).append(event.seq)
            if event.task:
                self.by_task.setdefault(event.task, []).append(event.seq)
        if found.part_places:
            names = (self.names[at : at + NAME] for at in range(0, len(self.names), NAME))
            both = sorted((dict(zip(names, self.parts, strict=True)) | found.part_places).items())
            self.names, self.parts = "".join(name for name, _ in both), [place for _, place in both]

    def of_part(self, name: str) -> int:
        """Where a part begins. Raises KeyError where there is none of that name."""
        n = bisect_left(range(len(self.parts)), name, key=lambda n: self.names[n * NAME : (n + 1) * NAME])
        if self.names[n * NAME : (n + 1) * NAME] != name:
            raise KeyError(name)
        return self.parts[n]


@dataclass(slots=True)
class Index:
    """What has been read of a run, but for its events."""

    overview: Overview = field(default_factory=Overview)
    head: Head = NOTHING
    #: Where the line of the last event begins, and where what has been read ends, in bytes.
    last: int = 0
    size: int = len(HEADER)
    is_open: bool = False
    #: As JSON, until somebody asks: most want the overview alone.
    kept_places: bytes = b"{}"
    _places: Places | None = None

    @property
    def places(self) -> Places:
        """Where its lines begin."""
        if self._places is None:
            self._places = Places(**from_json(self.kept_places))
        return self._places

    def take(self, found: Content) -> None:
        """Go on with what has been read behind it."""
        if not found.events:
            return  # parts that no event needs yet, or an owner that has let go
        for event in found.events:
            self.overview.hear(event)
        self.places.add(found)
        self.head, self.last = found.head, found.places[-1]
        self.size, self.is_open = found.size, found.is_open

    def end(self, file: BinaryIO) -> Content:
        """Where reading the run goes on."""
        return Content(parts=self.parts(file), head=self.head, size=self.size, is_open=self.is_open)

    def parts(self, file: BinaryIO) -> Parts:
        """The parts of the run in this file."""
        return Parts(_Texts(file, self))

    def is_of(self, file: BinaryIO) -> bool:
        """Whether the run in this file begins with what has been read."""
        if os.fstat(file.fileno()).st_size < self.size or line_at(file, 0) + b"\n" != HEADER:
            return False
        return line_at(file, self.last).endswith(f'"hash":"{self.head.hash}"}}'.encode())


class _Texts(dict[str, str]):
    """The texts of parts, each read when it is first asked for."""

    def __init__(self, file: BinaryIO, index: Index) -> None:
        super().__init__()
        self._file, self._index = file, index

    def __missing__(self, name: str) -> str:
        found, text = part_in(line_at(self._file, self._index.places.of_part(name)))
        if found != name:
            raise KeyError(name)
        self[name] = text
        return text


def line_at(file: BinaryIO, place: int) -> bytes:
    """The line that begins there, without its end."""
    file.seek(place)
    return file.readline().removesuffix(b"\n")


def load_index(run: Path) -> Index | None:
    """The index beside a run; None where there is none, it is of another version or damaged."""
    try:
        header, _, kept = read_regular(run.with_suffix(SUFFIX)).partition(b"\n")
    except (OSError, BadInput):  # whatever is in the way: the run itself is there to be read
        return None
    if header != _header(kept):
        return None
    summary, places, _ = kept.split(b"\n")
    return _index(from_json(summary), places)


def keep_index(run: Path, index: Index) -> None:
    """Write it beside its run, whole or not at all; where that is not possible, there is none."""
    summary = {name: getattr(index, name) for name in ("overview", "head", "last", "size", "is_open")}
    kept = b"".join(compact(line).encode() + b"\n" for line in (summary, index.places))
    beside = run.with_suffix(f"{SUFFIX}-{os.getpid()}-{threading.get_ident()}")
    # A folder that is only for reading, a full disk, something else in its place: the run is read without it.
    with contextlib.suppress(OSError, BadInput), replacing(run.with_suffix(SUFFIX), beside) as file:
        file.write(_header(kept) + b"\n" + kept)


def _header(kept: bytes) -> bytes:
    return f'{{"index":{VERSION},"format":{FORMAT},"hash":"{digest(kept)}"}}'.encode()


def _index(summary: Mapping[str, Any], places: bytes) -> Index:
    overview, head = restored(summary["overview"]), Head(*summary["head"])
    return Index(**{**summary, "overview": overview, "head": head}, kept_places=places)
