"""A run as bytes: lines of JSON in commits, each ended by an empty line. Pure.

    {"format":3}
    {"part":"3f…","text":"…"}                                     a part of a long body, before it is first needed
    {"seq":1,"job":"…", … ,"body":{…},"hash":"…"}                 an event, or with "parts":[level,"names"] for "body"
                                                                  the end of the commit
    {"closed":1}                                                  its owner has let go of it

A commit is written when the one before it is on disk. So a line that is no good in the last commit is what a crash has
left of a write that nobody was told of; anywhere else it is damage.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic_core import from_json

from ..ids import compact
from .events import GENESIS, HEAD, Event, link
from .parts import WHOLE_MOST, Cut, Parts

FORMAT = 3
HEADER = f'{{"format":{FORMAT}}}\n'.encode()
END = b"\n"


class Damage(NamedTuple):
    """The first event that cannot be read or trusted, why, and how many commits there are behind it."""

    seq: int
    reason: str
    later: int

    def __str__(self) -> str:
        return f"damaged at event {self.seq}: {self.reason}; {self.later} later commits cannot be read"


@dataclass(slots=True)
class Content:
    """What a run holds: its events, which hold together, as far as there is no damage."""

    events: list[Event] = field(default_factory=list)
    parts: Parts = field(default_factory=Parts)
    #: How many bytes that is; what is behind them, if anything, is left over from a crash.
    size: int = len(HEADER)
    damage: Damage | None = None


def lines_of(event: Event, head: str, parts: Parts) -> bytes:
    """An event, whose head is given, as lines; `parts` holds what has been written and learns what is new."""
    if len(event.body) <= WHOLE_MOST:
        return f'{head},"body":{event.body},"hash":"{event.hash}"}}\n'.encode()
    cut, new = parts.cut(event.body)
    for name, text in new.items():
        parts.keep(name, text)
    before = "".join(f'{{"part":"{name}","text":{compact(text)}}}\n' for name, text in new.items())
    return f'{before}{head},"parts":[{cut.level},"{cut.text}"],"hash":"{event.hash}"}}\n'.encode()


def whole(events: Sequence[Event]) -> bytes:
    """A run that holds these events, a journal from its start, and has been let go of."""
    parts = Parts()
    commit = b"".join(lines_of(event, event.head, parts) for event in events)
    return HEADER + commit + END + closed_after(len(events)) + END


def closed_after(seq: int) -> bytes:
    """The line that says that the owner has let go of the run."""
    return f'{{"closed":{seq}}}\n'.encode()


def is_unborn(content: bytes) -> bool:
    """Whether a file with this content never held a commit on disk: its process or its machine died before that."""
    if HEADER.startswith(content):
        return True
    first, _, behind = content.partition(b"\n\n")
    return first.startswith(b"\0") and not behind.strip(b"\0")


def read(content: bytes) -> Content:
    """What a run with these bytes holds. They begin with the header."""
    found = Content()
    *commits, rest = content[len(HEADER) :].split(b"\n\n")
    for n, commit in enumerate(commits):
        problem = _take(commit.split(b"\n"), found)
        if problem:
            later = len(commits) - n - 1 + bool(rest)
            found.damage = Damage(len(found.events) + 1, problem, later) if later else None
            return found
        found.size += len(END)
    _take(rest.split(b"\n")[:-1], found)
    return found


def _take(lines: Sequence[bytes], found: Content) -> str:
    """Read lines until one is no good; what is wrong with it, or nothing."""
    for line in lines:
        try:
            _take_one(line.decode(), found)
        except (ValueError, KeyError, TypeError) as error:  # JSON of another shape is no good either
            return str(error) or type(error).__name__
        found.size += len(line) + len(b"\n")
    return ""


def _take_one(line: str, found: Content) -> None:
    """Read one line. Raises ValueError, KeyError or TypeError where it is no good."""
    if line.startswith('{"part":'):
        part = from_json(line)
        found.parts.keep(part["part"], part["text"])
    elif line.startswith('{"closed":'):
        if from_json(line) != {"closed": len(found.events)}:
            raise ValueError("the run was closed after another event")
    else:
        prev = found.events[-1] if found.events else None
        found.events.append(_event(line, found.parts, prev))


def _event(line: str, parts: Parts, prev: Event | None) -> Event:
    """The event in a line.

    Inside a string of JSON a quotation mark has a backslash before it, so the first `,"body":` is no part of one.
    """
    rest, _, ending = line.rpartition(',"hash":"')
    head, is_whole, body = rest.partition(',"body":')
    if not is_whole:
        head, _, cut = rest.partition(',"parts":')
        body = parts.whole(Cut(*from_json(cut)))
    values = from_json(head + "}")
    if tuple(values) != HEAD or not ending.endswith('"}'):
        raise ValueError("it is no event")
    event = Event._make((*values.values(), body, ending[:-2]))
    seq, epoch, before = (prev.seq, prev.epoch, prev.hash) if prev else (0, 0, GENESIS)
    if event.seq != seq + 1:
        raise ValueError(f"event {event.seq} stands in its place")
    if event.epoch < epoch:
        raise ValueError(f"it is of epoch {event.epoch}, whose owner had lost the run to that of epoch {epoch}")
    if event.hash != link(before, head, body):
        raise ValueError("it does not follow from the event before it")
    return event
