"""A run at a glance, counted from its events as they come: tasks, cost, when, and whether it has ended. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .events import FINISHED, Event
from .tally import Tally


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task of a run: who did it, how often it was started, how it ended, how long it took, what it cost."""

    id: str
    worker: str
    after: tuple[str, ...]
    attempts: int
    #: A status, or `running` where no result is on record.
    status: str
    seconds: float
    cost_usd: float
    #: How much of it is an estimate.
    estimated_usd: float
    failure: str

    @property
    def parent(self) -> str:
        """The task that delegated this one; empty for a planned task."""
        return self.id.rpartition("/")[0]


@dataclass(slots=True)
class _Task:
    worker: str = ""
    after: list[str] = field(default_factory=list)
    attempts: int = 0
    #: The event that sent it first; 0 for what is named as a task and is none of the plan.
    sent_seq: int = 0
    sent_ms: int = 0
    heard_ms: int = 0
    returned_ms: int = 0
    status: str = "running"
    micro_usd: int = 0
    estimated_micro_usd: int = 0
    failure: str = ""

    def hear(self, event: Event) -> None:
        self.heard_ms = event.at_ms
        if event.kind == "task.sent":
            self._sent(event)
        elif event.kind == "task.returned":
            ended = event.value
            self.returned_ms, self.status = event.at_ms, ended.get("status", "running")
            failure = ended.get("failure")
            self.failure = f"{failure['type']}: {failure['detail']}" if failure else ""

    def _sent(self, event: Event) -> None:
        self.attempts += 1
        if self.attempts == 1:
            self.worker, self.after = event.recipient, event.value["after"]
            self.sent_seq, self.sent_ms = event.seq, event.at_ms

    def view(self, name: str) -> TaskView:
        seconds = max(0, (self.returned_ms or self.heard_ms) - self.sent_ms) / 1000
        cost = (self.micro_usd / 1e6, self.estimated_micro_usd / 1e6)
        return TaskView(name, self.worker, tuple(self.after), self.attempts, self.status, seconds, *cost, self.failure)


@dataclass(slots=True)
class Overview:
    """Give it every event of a run, in order."""

    #: How many events there are.
    length: int = 0
    began_ms: int = 0
    heard_ms: int = 0
    #: How long it took, each event after the one before it: none takes less than nothing where the clock was set back.
    lasted_ms: int = 0
    is_finished: bool = False
    cost: Tally = field(default_factory=Tally)
    by_task: dict[str, _Task] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Count one event."""
        if not self.length:
            self.began_ms = self.heard_ms = event.at_ms
        self.length = event.seq
        self.lasted_ms += max(0, event.at_ms - self.heard_ms)
        self.heard_ms = event.at_ms
        self.is_finished = event.kind == FINISHED
        spent, estimated = self.cost.micro_usd, self.cost.estimated_micro_usd
        self.cost.hear(event)
        if event.task:
            task = self.by_task.get(event.task)
            if task is None:
                task = self.by_task[event.task] = _Task()
            task.hear(event)
            task.micro_usd += self.cost.micro_usd - spent
            task.estimated_micro_usd += self.cost.estimated_micro_usd - estimated

    @property
    def tasks(self) -> tuple[TaskView, ...]:
        """Every task that was sent, in the order in which they were first sent."""
        sent = sorted((task.sent_seq, name) for name, task in self.by_task.items() if task.sent_seq)
        return tuple(self.by_task[name].view(name) for _, name in sent)


def overview_of(events: Iterable[Event]) -> Overview:
    """The overview of a run's events, from its first on."""
    found = Overview()
    for event in events:
        found.hear(event)
    return found


def restored(kept: Mapping[str, Any]) -> Overview:
    """An overview that was kept as JSON, its fields by name."""
    cost: dict[str, Any] = kept["cost"]
    counted = {name: Counter(cost[name]) for name in ("lanes", "models", "poor", "by_sender")}
    spans = {int(epoch): (first, last) for epoch, (first, last) in cost["spans"].items()}
    by_task = {name: _Task(**task) for name, task in kept["by_task"].items()}
    return Overview(**{**kept, "cost": Tally(**{**cost, **counted, "spans": spans}), "by_task": by_task})
