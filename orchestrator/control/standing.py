"""What people have asked of a job and what it waits for, worked out from its events, live or read back. Pure."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..journal.events import FINISHED, Event

#: The areas of events that matter here.
HEARD = frozenset({"control", "approval", "steering", "job"})


class Approval(NamedTuple):
    """What a worker asks leave for. `id` is the same in a resumed job; `until_ms` is wall-clock time, for people."""

    id: str
    task: str
    what: str
    details: dict[str, Any]
    until_ms: int


class Answer(NamedTuple):
    """What a person said to it."""

    is_refused: bool
    reason: str


@dataclass(slots=True)
class Standing:
    """Give it every event of a job. A new owner begins unpaused and waits for nobody: its workers ask again."""

    is_paused: bool = False
    has_ended: bool = False
    #: In USD, as it was last set at run time; None when it was not.
    budget_usd: float | None = None
    #: What the supervisor has been told and has not read, oldest first.
    notes: list[str] = field(default_factory=list)
    #: By id, what is waited for and how it was answered.
    waiting: dict[str, Approval] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    #: Of the owner whose events were heard last.
    epoch: int = 0

    @property
    def stands_still(self) -> bool:
        """Whether it waits for a person, so that no attempt at a task runs out of time meanwhile."""
        return self.is_paused or bool(self.waiting)

    @property
    def state(self) -> str:
        """In a word or two, for a job whose process lives."""
        if self.is_paused:
            return "paused"
        return "waiting for approval" if self.waiting else "running"

    def hear(self, event: Event) -> None:
        """Take an event in."""
        if event.epoch > self.epoch:
            self.epoch, self.is_paused = event.epoch, False
            self.waiting.clear()
        match event.kind:
            case "control.paused" | "control.resumed":
                self.is_paused = event.kind == "control.paused"
            case "control.steered":
                self.notes.append(event.value["text"])
            case "steering.read":
                del self.notes[: len(event.value)]
            case "control.budget_set":
                self.budget_usd = event.value["usd"]
            case "approval.asked":
                self._wait_for(event)
            case "control.approved" | "control.refused":
                body = event.value
                self.waiting.pop(body["id"], None)
                self.answers[body["id"]] = Answer(event.kind == "control.refused", body["reason"])
            case "approval.withdrawn":
                self.waiting.pop(event.value["id"], None)
            case _:
                self.has_ended = self.has_ended or event.kind == FINISHED

    def _wait_for(self, event: Event) -> None:
        body = event.value
        until_ms = event.at_ms + round(body["within_s"] * 1000)
        self.waiting[body["id"]] = Approval(body["id"], event.task, body["what"], body["details"], until_ms)
