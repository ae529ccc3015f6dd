"""What a run held when its owner opened it: what resuming, forking and replaying go by."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

import anyio

from ..errors import InDoubt, Refused, restored
from .events import FINISHED, Entry, Event

#: The results of the steps `MODEL` and `WRITE`.
ANSWERED, WRITTEN = "model.answered", "memory.written"
_Said = tuple[str, str, str, str, str]


class Past:
    """The events before this owner's first. Of a new run, none."""

    #: Whether nothing may happen that is not on record.
    is_tape = False

    def __init__(self, events: Sequence[Event] = ()) -> None:
        self.events = tuple(events)
        #: Results that were used again instead of an effect, by step.
        self.reused: dict[str, Event] = {}
        #: Of a fork: the job whose name its steps' keys have, and the results that it may take over, by step.
        self.origin = ""
        self.branch: Mapping[str, Event] = {}
        self._in_doubt: dict[str, Event] = {}
        #: What was put on record beside steps, oldest first, until it is said again.
        self._said: defaultdict[_Said, list[Event]] = defaultdict(list)
        for event in self.events:
            self._take(event)

    def _take(self, event: Event) -> None:
        if event.phase == "intent":
            self._in_doubt[event.step] = event
        elif event.phase:
            if event.phase == "result" or event.value["type"] != InDoubt.__name__:  # which left it as it was
                self._in_doubt.pop(event.step, None)
        elif not event.step:
            self._said[_said(event, event.body)].append(event)

    def take_over(self, origin: str, events: Sequence[Event], at: int) -> None:
        """Of a fork: the results of another run that stand where the same is asked here; of models, up to event `at`.

        What was written to memory is written again: it was another job's.
        """
        self.origin = origin
        results = (event for event in events if event.phase == "result" and event.kind != WRITTEN)
        self.branch = {event.step: event for event in results if event.seq <= at or event.kind != ANSWERED}

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

    async def reach(self, kind: str, task: str) -> None:
        """Return when this may happen to the task: at once, unless it is a tape on which it never did."""

    async def end_of(self, step: str, intent: str | None) -> Event:
        """For a tape: how a step that is done again ended then."""
        raise AssertionError("a job that goes on does its steps itself")


class Tape(Past):
    """The events of a job that has ended, to be gone through again: nothing happens that did not happen then.

    What had not ended when its attempt or its job did never ends, so that time limits and cancellations strike where
    they struck.
    """

    is_tape = True

    def __init__(self, events: Sequence[Event]) -> None:
        #: By step, how each time that it was done ended, in order: its result, a failure, or, with its intent, not.
        self._ends: defaultdict[str, deque[Event]] = defaultdict(deque)
        super().__init__(tuple(event for event in events if event.kind != FINISHED))
        last = max((event.epoch for event in self.events), default=0)
        for step, ends in self._ends.items():  # its last owner began anew: of what came before, results alone counted
            self._ends[step] = deque(end for end in ends if end.epoch == last or end.phase == "result")
        self._happened = {(event.kind, event.task) for event in self.events}
        #: The intents of steps that were asked for and are not on it.
        self.missing: list[str] = []

    def _take(self, event: Event) -> None:
        super()._take(event)
        if not event.phase:
            return
        ends = self._ends[event.step]
        if ends and ends[-1].phase == "intent" and event.phase != "intent":
            ends.pop()  # this is its end
        ends.append(event)

    async def reach(self, kind: str, task: str) -> None:
        """Return at once where it happened; never where it did not."""
        if (kind, task) not in self._happened:
            await anyio.sleep_forever()

    async def end_of(self, step: str, intent: str | None) -> Event:
        """The result of a step, if that is how it ended then; what it failed with is raised, or it never ends.

        Raises Refused for one that was never begun; where no intent goes on record, nobody knows.
        """
        ends = self._ends.get(step)
        if ends and ends[0].phase == "result":
            return ends[0]
        if ends is None and intent:
            self.missing.append(intent)
            raise Refused(f"{intent}: nothing like it is on record; the code, a prompt or an input is not what it was")
        if ends and (ended := ends.popleft()).phase == "failed":
            raise restored(ended.value["type"], ended.value["detail"])
        await anyio.sleep_forever()
        raise AssertionError("for ever is over")


def _said(of: Entry | Event, body: str) -> _Said:
    return of.kind, of.task, of.sender, of.recipient, body
