"""What happened, in order: the entry that is written, the event that is kept, and the chain that binds them.

An event's kind is `area.what_happened`, past tense, stable for ever. Its body is JSON text. `phase` says what an event
is to its step: an intent before the effect, its one result, or a failure, which is kept and never reused. The hash of
an event covers all of it and the hash before it, so that nothing can be altered unnoticed; the body counts by its own
hash, so that it does not matter how a body is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic_core import from_json

from ..ids import compact, digest

Phase = Literal["", "intent", "result", "failed"]

ACCEPTED = "job.accepted"
RESUMED = "job.resumed"
CANCELLED = "job.cancelled"
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
    def area(self) -> str:
        """The first word of the kind."""
        return self.kind.partition(".")[0]

    @property
    def head(self) -> str:
        """Everything before the body, as the opening of a JSON object."""
        return head_of(self[:_HEAD])


_HEAD = Event._fields.index("body")
#: What stands before the body, in this order.
HEAD = Event._fields[:_HEAD]


def head_of(values: Sequence[Any]) -> str:
    """An event's values before the body, as the opening of a JSON object."""
    return compact(dict(zip(HEAD, values, strict=True)))[:-1]


def link(prev: str, head: str, body: str | bytes) -> str:
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
