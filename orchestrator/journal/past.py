"""What a run held when its owner opened it: what resuming goes by. Pure."""

from collections import defaultdict
from collections.abc import Sequence

from .events import Entry, Event

_Said = tuple[str, str, str, str, str]


class Past:
    """The events before this owner's first. Of a new run, none."""

    def __init__(self, events: Sequence[Event] = ()) -> None:
        self.events = tuple(events)
        #: Results that were used again instead of an effect, by step.
        self.reused: dict[str, Event] = {}
        self._in_doubt: dict[str, Event] = {}
        #: What was put on record beside steps, oldest first, until it is said again.
        self._said: defaultdict[_Said, list[Event]] = defaultdict(list)
        for event in self.events:
            self._take(event)

    def _take(self, event: Event) -> None:
        if event.phase == "intent":
            self._in_doubt[event.step] = event
        elif event.phase:
            self._in_doubt.pop(event.step, None)
        elif not event.step:
            self._said[_said(event, event.body)].append(event)

    def reuse(self, result: Event) -> None:
        """A result on record stands for its effect."""
        if result.seq <= len(self.events):
            self.reused[result.step] = result

    def is_in_doubt(self, step: str) -> bool:
        """Whether the step's effect was begun by an earlier owner, and nobody knows how it ended."""
        return step in self._in_doubt

    def said(self, entry: Entry, body: str) -> Event | None:
        """The event that says this already: a resumed job goes the same way again, and is put on record once."""
        if not self._said or entry.step or entry.phase:
            return None
        before = self._said.get(_said(entry, body))
        return before.pop(0) if before else None

    @property
    def seconds(self) -> float:
        """How long its owners have worked on it, each from its first event to its last."""
        spans: dict[int, tuple[int, int]] = {}
        for event in self.events:
            first, _ = spans.setdefault(event.epoch, (event.at_ms, event.at_ms))
            spans[event.epoch] = first, event.at_ms
        return sum(last - first for first, last in spans.values()) / 1000


def _said(of: Entry | Event, body: str) -> _Said:
    return of.kind, of.task, of.sender, of.recipient, body
