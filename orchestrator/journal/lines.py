"""A run as bytes: lines of JSON in commits, each ended by an empty line. Pure.

    {"format":3}
    {"part":"3f…","text":"…"}                                     a part of a long body, before it is first needed
    {"seq":1,"job":"…", … ,"body":{…},"hash":"…"}                 an event, or with "parts":[level,"names"] for "body"
                                                                  the end of the commit
    {"closed":1}                                                  its owner has let go of it

A commit is written when the one before it is on disk. So a line that is no good in the last commit is what a crash has
left of a write that nobody was told of; anywhere else it is damage.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic_core import from_json

from ..ids import compact
from .events import FINISHED, GENESIS, HEAD, Event, link
from .parts import WHOLE_MOST, Cut, Parts

FORMAT = 3
HEADER = f'{{"format":{FORMAT}}}\n'.encode()
END = b"\n"
_BEFORE_BODY, _BEFORE_HASH = b',"body":', b',"hash":"'
#: How many bytes from its end the hash of an event begins, and what stands before it.
_HASH = len(GENESIS) + len('"}')
_ENDING = _HASH + len(_BEFORE_HASH)


class Damage(NamedTuple):
    """The first event that cannot be read or trusted, why, and how many commits there are behind it."""

    seq: int
    reason: str
    later: int

    def __str__(self) -> str:
        return f"damaged at event {self.seq}: {self.reason}; {self.later} later commits cannot be read"


class Head(NamedTuple):
    """The last event of what has been read: what the next one must follow from."""

    seq: int
    epoch: int
    hash: str


#: Before the first event.
NOTHING = Head(0, 0, GENESIS)


@dataclass(slots=True)
class Content:
    """What a run holds: its events, which hold together, as far as there is no damage. Reading can go on from here.

    Whoever follows a run may take `events` and `places` away.
    """

    events: list[Event] = field(default_factory=list)
    #: Where the line of each event begins, in bytes; and that of each part.
    places: list[int] = field(default_factory=list)
    part_places: dict[str, int] = field(default_factory=dict)
    parts: Parts = field(default_factory=Parts)
    head: Head = NOTHING
    #: How many bytes that is; what is behind them, if anything, is left over from a crash.
    size: int = len(HEADER)
    #: Whether the last commit has no end yet.
    is_open: bool = False
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
    return content.startswith(b"\0") and not content.partition(b"\n\n")[2].strip(b"\0")


def is_over(tail: bytes) -> bool:
    """Whether the last bytes of a run say that its owner has let go of it behind its terminal event.

    They say so when the event is on disk. Where they do not, only the whole run tells how it ended.
    """
    *_, last_commit, _, _ = b"", b"", *tail.split(b"\n" + END)
    try:
        last = from_json(last_commit.rpartition(b"\n")[2])
        return bool(last["kind"] == FINISHED and tail.endswith(END + closed_after(last["seq"]) + END))
    except (ValueError, KeyError, TypeError):
        return False


def read(content: bytes) -> Content:
    """What a run with these bytes holds. They begin with the header."""
    found = Content()
    read_on(found, [content[len(HEADER) :]])
    return found


def read_on(found: Content, blocks: Iterable[bytes]) -> None:
    """Go on with a run: `blocks`, one after the other, are all that stands behind `found.size`."""
    blocks, unended = iter(blocks), b""
    for block in blocks:
        *lines, unended = (unended + block).split(b"\n")
        for n, line in enumerate(lines):
            try:
                _take(line, found)
            except (ValueError, KeyError, TypeError) as error:  # JSON of another shape is no good either
                later = _commits_behind(b"\n".join((*lines[n:], unended)) + b"".join(blocks))
                reason = str(error) or type(error).__name__
                found.damage = Damage(found.head.seq + 1, reason, later) if later else None
                return


def _commits_behind(rest: bytes) -> int:
    """How many commits stand behind the one that `rest` begins in; what has no end counts as one.

    That the owner has let go is a commit of its own: where it stands in this one, the end between them is damaged.
    """
    _, *later = rest.split(b"\n\n")
    behind = len(later) - 1 + bool(later[-1]) if later else 0
    return behind or int(b'\n{"closed":' in rest)


def _take(line: bytes, found: Content) -> None:
    """Read one line. Raises ValueError, KeyError or TypeError where it is no good."""
    if not line and found.is_open:
        found.is_open = False
    elif line.startswith(b'{"part":'):
        name, text = part_in(line)
        found.parts.keep(name, text)
        found.part_places[name] = found.size
        found.is_open = True
    elif line.startswith(b'{"closed":'):
        if from_json(line) != {"closed": found.head.seq}:
            raise ValueError("the run was closed after another event")
        found.is_open = True
    else:
        event = event_after(found.head, line, found.parts)
        found.events.append(event)
        found.places.append(found.size)
        found.head = Head(event.seq, event.epoch, event.hash)
        found.is_open = True
    found.size += len(line) + len(b"\n")


def part_in(line: bytes) -> tuple[str, str]:
    """The name and the text of the part in a line. Raises ValueError, KeyError or TypeError where it is none."""
    part = from_json(line)
    return part["part"], part["text"]


def event_after(head: Head, line: bytes, parts: Parts) -> Event:
    """The event in a line, which must follow from the one before it. Raises ValueError or TypeError where not."""
    opening, body, hash = _pieces(line, parts)
    event = _event(opening, body, hash)
    if event.seq != head.seq + 1:
        raise ValueError(f"event {event.seq} stands in its place")
    if event.epoch < head.epoch:
        raise ValueError(f"it is of epoch {event.epoch}, whose owner had lost the run to that of epoch {head.epoch}")
    if event.hash != link(head.hash, opening, body):
        raise ValueError("it does not follow from the event before it")
    return event


def hash_in(line: bytes) -> str:
    """The hash in the line of an event. Raises ValueError where there is none."""
    if line[-_ENDING:-_HASH] != _BEFORE_HASH or line[-2:] != b'"}':
        raise ValueError("it is no event")
    return line[-_HASH:-2].decode()


def _pieces(line: bytes, parts: Parts) -> tuple[str, bytes, str]:
    """The head, the body and the hash in the line of an event.

    Inside a string of JSON a quotation mark has a backslash before it, so the first `,"body":` is no part of one.
    """
    hash = hash_in(line)
    at = line.find(_BEFORE_BODY)
    if at >= 0:
        return line[:at].decode(), line[at + len(_BEFORE_BODY) : -_ENDING], hash
    head, _, cut = line[:-_ENDING].partition(b',"parts":')
    return head.decode(), parts.whole(Cut(*from_json(cut))).encode(), hash


def _event(head: str, body: bytes, hash: str) -> Event:
    values = from_json(head + "}")
    if tuple(values) != HEAD:
        raise ValueError("it is no event")
    return Event._make((*values.values(), body.decode(), hash))
