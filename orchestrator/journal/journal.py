"""What a journal is, and the rules that hold for each way of keeping it."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..clock import Clock
from ..ids import compact
from ..rules.redaction import forms_of, redacted
from .events import FINISHED, GENESIS, Entry, Event, head_of, link
from .past import Past

Listener = Callable[[Event], None]
_LOG = logging.getLogger("bullpen")


class Journal(Protocol):
    """One job's events. Appending is immediate and in order; `commit` makes everything appended so far durable."""

    @property
    def past(self) -> Past:
        """What was on record when it was opened."""
        ...

    def append(self, entry: Entry) -> Event:
        """Put an entry on record; it rides along in the next commit. What the past says already is not said again."""
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


@dataclass(frozen=True, slots=True)
class Ways:
    """How a journal is kept: by which epoch of its owner, who is told of each event, and what is never written."""

    epoch: int = 1
    listeners: tuple[Listener, ...] = ()
    #: Values, such as provider keys, that become `[secret]` wherever they would be recorded, however encoded.
    secrets: tuple[str, ...] = ()
    #: Who is told why there is no room for the record, and, with nothing, that there is again.
    on_full: Callable[[str], None] = lambda why: None
    #: How many seconds an owner may give no sign of life before a run is taken over from it.
    lease_s: float = 15.0
    #: What its file is called, without its ending, where that is not the job's id.
    file: str = ""


#: One owner, nobody told, nothing secret.
PLAINLY = Ways()


class Chain:
    """The rules of one job's journal, the same for each way of keeping it.

    `seq` has no gaps, a step has one result, and nothing follows the terminal event.
    """

    def __init__(self, job: str, clock: Clock, ways: Ways, past: Past | None = None) -> None:
        """Start a journal, or go on after the events of its past, which hold together."""
        self.job, self._clock, self.ways, self._secret = job, clock, ways, forms_of(ways.secrets)
        self.past = past or Past()
        self.seq, self._prev = 0, GENESIS
        self._results: dict[str, Event] = {}
        self.has_ended = False
        self._epoch = ways.epoch
        #: The places of the listeners that have failed, each with what it raised.
        self._failed: set[tuple[int, type[Exception]]] = set()
        for event in self.past.events:
            self._remember(event)
            self._epoch = max(self._epoch, event.epoch + 1)

    def seal(self, entry: Entry) -> tuple[Event, str]:
        """The next event, and its head.

        Raises AssertionError for a second result of a step and for anything after the end.
        """
        assert not self.has_ended, f"{entry.kind} after {FINISHED} in job {self.job}"
        assert entry.phase != "result" or entry.step not in self._results, f"step {entry.step} has a result already"
        values = (
            *(self.seq + 1, self.job, entry.task, entry.step, entry.phase, self._epoch, entry.kind),
            *(self._clock.wall_ms(), entry.sender, entry.recipient),
        )
        body = self._body(entry)
        head = head_of(values)
        event = Event(*values, body, link(self._prev, head, body))
        self._remember(event)
        return event, head

    def tell(self, event: Event) -> None:
        """Let the listeners know of an event that is kept, each whatever another does.

        One that raises has missed the event and is told of the next; it is logged once for each type of error.
        """
        for place, listener in enumerate(self.ways.listeners):
            try:
                listener(event)
            except Exception as error:
                if (place, type(error)) not in self._failed:
                    self._failed.add((place, type(error)))
                    name = getattr(listener, "__qualname__", repr(listener))
                    told = "job %s: listener %s has missed event %d, %s: %s (said once for each type of error)"
                    _LOG.exception(told, self.job, name, event.seq, type(error).__name__, error)

    def said(self, entry: Entry) -> Event | None:
        """The event of the past that says the same; see `Past.said`."""
        return self.past.said(entry, self._body(entry)) if self.past.events else None

    def result_of(self, step: str) -> Event | None:
        """The one result of a step, if there is one."""
        return self._results.get(step)

    def _body(self, entry: Entry) -> str:
        body = compact(entry.body)
        return compact(redacted(json.loads(body), self._secret)) if self._secret.are_in(body) else body

    def _remember(self, event: Event) -> None:
        self.seq, self._prev = event.seq, event.hash
        self.has_ended = self.has_ended or event.kind == FINISHED
        if event.phase == "result":
            self._results[event.step] = event
