"""What people have answered stays answered: a later attempt, or a resumed job, goes by the record."""

from typing import Any

import anyio
import pytest

from bullpen.orchestrator.control.asking import ask_leave, read_notes
from bullpen.orchestrator.control.controls import Controls
from bullpen.orchestrator.errors import Refused
from bullpen.orchestrator.journal.events import Entry, Event
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.journal import Ways
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.testing import ManualClock

pytestmark = pytest.mark.anyio


class Desk:
    """A journal with controls that hear it, and one question."""

    def __init__(self) -> None:
        self.controls, self.events = Controls(), list[Event]()
        listeners = (self.controls.hear, self.events.append)
        self.journal = InMemoryJournal("job", ManualClock(), Ways(listeners=listeners))

    async def ask(self) -> None:
        """An attempt at the task asks, as every attempt does."""
        await ask_leave(Steps(self.journal, "job", "t1", "mail"), self.controls, "send", {}, within_s=60)

    def say(self, kind: str, **body: Any) -> None:
        self.journal.append(Entry(kind, body, task="job"))

    @property
    def asked(self) -> list[str]:
        return [event.value["id"] for event in self.events if event.kind == "approval.asked"]


async def _answered(desk: Desk, kind: str) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(desk.ask)
        await anyio.wait_all_tasks_blocked()
        desk.say(kind, id=desk.asked[0], reason="so be it")


async def test_an_approval_on_record_is_not_asked_for_again() -> None:
    desk = Desk()
    await _answered(desk, "control.approved")
    desk.controls = Controls()  # a resumed job's, which has heard nothing
    await desk.ask()

    assert len(desk.asked) == 1


async def test_a_refusal_on_record_still_refuses() -> None:
    desk = Desk()
    with pytest.raises(ExceptionGroup) as caught:
        await _answered(desk, "control.refused")
    with pytest.raises(Refused, match="so be it"):
        await desk.ask()

    assert caught.group_contains(Refused, match="so be it")
    assert len(desk.asked) == 1


async def test_an_answer_that_its_worker_did_not_live_to_hear_is_heard_by_the_next_attempt() -> None:
    desk = Desk()
    with anyio.move_on_after(0.01):
        await desk.ask()
    desk.say("control.approved", id=desk.asked[0], reason="")
    await desk.ask()

    assert len(desk.asked) == 1
    assert [event.kind for event in desk.events][:2] == ["approval.asked", "approval.withdrawn"]


async def test_a_decision_hears_the_notes_it_heard_before() -> None:
    desk = Desk()
    desk.say("control.steered", text="costs")

    async def heard(task: str) -> tuple[str, ...]:
        return await read_notes(Steps(desk.journal, "job", task, "supervisor"), desk.controls)

    first = await heard("review-1")
    desk.say("control.steered", text="letters")

    assert first == await heard("review-1") == ("costs",)
    assert await heard("review-2") == ("letters",)
    assert await heard("review-3") == ()
