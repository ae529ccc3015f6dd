"""What happened, in order: the entry that is written, the event that is kept, and the chain that binds them.

An event's kind is `area.what_happened`, past tense, stable for ever. Its body is JSON text. `phase` says what an event
is to its step: an intent before the effect, its one result, or a failure, which is kept and never reused. The hash of
an event covers all of it and the hash before it, so that nothing can be altered unnoticed; the body counts by its own
hash, so that it does not matter how a body is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from pydantic_core import from_json

from ..clock import Clock
from ..ids import compact, digest

Phase = Literal["", "intent", "result", "failed"]
Listener = Callable[["Event"], None]

ACCEPTED = "job.accepted"
RESUMED = "job.resumed"
FINISHED = "job.finished"
#: The hash before the first event.
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody wants on record. `body` is anything that JSON can carry."""

    kind: str
    body: Any
    task: str = ""
    step: str = ""
    phase: Phase = ""
    sender: str = ""
    recipient: str = ""


class Event(NamedTuple):
    """One row of a journal. `at_ms` is wall-clock time, for people; order is `seq`, from 1 without gaps."""

    seq: int
    job: str
    task: str
    step: str
    phase: Phase
    epoch: int
    kind: str
    at_ms: int
    sender: str
    recipient: str
    body: str
    hash: str

    @property
    def value(self) -> Any:
        """The body, parsed."""
        return from_json(self.body)

    @property
    def head(self) -> str:
        """Everything before the body, as the opening of a JSON object."""
        return head_of(self[:_HEAD])


class Journal(Protocol):
    """One job's events. Appending is immediate and in order; `commit` makes everything appended so far durable."""

    def append(self, entry: Entry) -> Event:
        """Put an entry on record; it rides along in the next commit."""
        ...

    async def commit(self) -> None:
        """Return when every event appended so far survives a crash of the process and of the machine."""
        ...

    def result_of(self, step: str) -> Event | None:
        """The one result of a step, if it has been recorded."""
        ...

    async def aclose(self) -> None:
        """Commit, then let go of the file; closing twice is harmless."""
        ...


_HEAD = Event._fields.index("body")
#: What stands before the body, in this order.
HEAD = Event._fields[:_HEAD]


def head_of(values: Sequence[Any]) -> str:
    """An event's values before the body, as the opening of a JSON object."""
    return compact(dict(zip(HEAD, values, strict=True)))[:-1]


def link(prev: str, head: str, body: str) -> str:
    """The hash of the event with this head and body, after the one whose hash is `prev`."""
    return digest(f"{prev}{head}{digest(body)}")


def first_break(events: Sequence[Event]) -> int | None:
    """The seq from which these events, a journal from its start, cannot be trusted; None when all can."""
    prev = GENESIS
    for expected, event in enumerate(events, start=1):
        if event.seq != expected or event.hash != link(prev, event.head, event.body):
            return expected
        prev = event.hash
    return None


@dataclass(frozen=True, slots=True)
class Ways:
    """How a journal is kept: by which epoch of its owner, who is told of each event, and what is never written."""

    epoch: int = 1
    listeners: tuple[Listener, ...] = ()
    #: Values, such as provider keys, that become `[secret]` wherever they would be recorded.
    secrets: tuple[str, ...] = ()
    #: How many seconds an owner may give no sign of life before a run is taken over from it.
    lease_s: float = 15.0

    def without_secrets(self, text: str) -> str:
        """The text with every secret value replaced."""
        for secret in self.secrets:
            text = text.replace(secret, "[secret]")
        return text


#: One owner, nobody told, nothing secret.
PLAINLY = Ways()


class Chain:
    """The rules of one job's journal, the same for each way of keeping it.

    `seq` has no gaps, a step has one result, and nothing follows the terminal event.
    """

    def __init__(self, job: str, clock: Clock, ways: Ways, before: Sequence[Event] = ()) -> None:
        """Start a journal, or go on after the events `before`, which hold together."""
        self.job, self._clock, self._ways = job, clock, ways
        self.seq, self._prev = 0, GENESIS
        self._results: dict[str, Event] = {}
        self._finished = False
        self._epoch = ways.epoch
        for event in before:
            self._remember(event)
            self._epoch = max(self._epoch, event.epoch + 1)

    def seal(self, entry: Entry) -> tuple[Event, str]:
        """The next event, and its head.

        Raises AssertionError for a second result of a step and for anything after the end.
        """
        assert not self._finished, f"{entry.kind} after {FINISHED} in job {self.job}"
        assert entry.phase != "result" or entry.step not in self._results, f"step {entry.step} has a result already"
        values = (
            *(self.seq + 1, self.job, entry.task, entry.step, entry.phase, self._epoch, entry.kind),
            *(self._clock.wall_ms(), entry.sender, entry.recipient),
        )
        body = self._ways.without_secrets(compact(entry.body))
        head = head_of(values)
        event = Event(*values, body, link(self._prev, head, body))
        self._remember(event)
        for listener in self._ways.listeners:
            listener(event)
        return event, head

    def result_of(self, step: str) -> Event | None:
        """The one result of a step, if there is one."""
        return self._results.get(step)

    def _remember(self, event: Event) -> None:
        self.seq, self._prev = event.seq, event.hash
        self._finished = self._finished or event.kind == FINISHED
        if event.phase == "result":
            self._results[event.step] = event
