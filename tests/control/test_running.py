"""What a running job does when it is told to, on real and on virtual time; no socket is in between."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.control.protocol import Approve, Budget, Cancel, Pause, Resume, Steer
from bullpen.orchestrator.envelope import Result, Status
from bullpen.orchestrator.gateway.model import Card
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.launched import LaunchedJob
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.settings import Settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.testing.contracts import backend
from bullpen.orchestrator.worker import Context, Contract, Worker

pytestmark = pytest.mark.anyio


class Ask(Worker):
    """Asks a model so many times, one after the other."""

    slots = 1

    async def run(self, task: int, ctx: Context) -> str:
        return " ".join([await ctx.ask("ask", n=n) for n in range(task)])


class Wait(Worker):
    """Waits so many seconds."""

    slots = 1

    async def run(self, task: float, ctx: Context) -> str:
        ctx.note("begun")
        await anyio.sleep(task)
        return "waited"


class Use(Worker):
    """Waits so many seconds, then uses a tool."""

    async def run(self, task: float, ctx: Context) -> str:
        await anyio.sleep(task)
        return str(await ctx.call("hammer"))


class Hammer:
    """The only tool there is."""

    def describe(self) -> Sequence[Mapping[str, Any]]:
        return ()

    async def call(self, name: str, args: Mapping[str, Any], key: str) -> Any:
        return name


@asynccontextmanager
async def hammers(folder: Path) -> AsyncIterator[Hammer]:
    yield Hammer()


class Mail(Worker):
    """Sends a mail, if it may."""

    async def run(self, task: float, ctx: Context) -> str:
        await ctx.approve("send the mail", within_s=task, to="ada@example.org")
        return "sent"


class Doing:
    """Does one plan, then what it is told, a task a note."""

    def __init__(self, *tasks: tuple[str, Any]) -> None:
        self.first = Plan(tasks=tuple(PlannedTask(id=f"t{n}", worker=w, input=i) for n, (w, i) in enumerate(tasks)))
        self.heard: list[tuple[str, ...]] = []

    def __call__(self, workers: Sequence[Contract], settings: Settings) -> "Doing":
        return self

    async def brief(self, question: str, ctx: Context) -> str:
        return question

    async def plan(self, brief: str, ctx: Context) -> Plan:
        return self.first

    async def review(self, brief: str, results: Sequence[Result], ctx: Context) -> Plan | None:
        notes = await ctx.steering()
        self.heard.append(notes)
        tasks = tuple(PlannedTask(id=note, worker="wait", input=0.0) for note in notes)
        return Plan(tasks=tasks) if tasks else None


def _launched(
    *tasks: tuple[str, Any], model: ScriptedModel | None = None, budget_usd: float | None = None, **settings: Any
) -> AbstractAsyncContextManager[LaunchedJob]:
    @asynccontextmanager
    async def launched() -> AsyncIterator[LaunchedJob]:
        team = Team(supervisor=Doing(*tasks), workers=(Ask, Wait, Use, Mail), toolbox=hammers)
        async with scripted_system(team, model or ScriptedModel({"ask": "so"}, delay_s=1), **settings) as system:
            async with system.launch("What is there?", budget_usd=budget_usd) as job:
                yield job

    return launched()


async def _until(job: LaunchedJob, kind: str) -> Event:
    async for event in job.events():
        if event.kind == kind:
            return event
    raise AssertionError(f"no {kind}")


def _kinds(job: LaunchedJob, area: str) -> list[str]:
    return [event.kind for event in job._events if event.kind.startswith(area)]


async def test_a_paused_job_begins_neither_a_call_nor_a_task_and_ends_what_is_in_flight() -> None:
    model = ScriptedModel({"ask": "so"}, delay_s=0.05)
    async with _launched(("ask", 2), ("ask", 1), model=model) as job:
        await _until(job, "model.asked")
        told = await job.control(Pause())
        await anyio.sleep(0.5)
        calls, answered = len(model.requests), _kinds(job, "model.answered")
        went_on = await job.control(Resume())
        report = await job.result()

    assert told.is_done and went_on.said == "resumed"
    assert (calls, len(answered)) == (1, 1)
    assert report.status is Status.OK
    assert len(model.requests) == 3
    paused, resumed = [event for event in job._events if event.kind.startswith("control.")]
    assert (paused.kind, resumed.kind) == ("control.paused", "control.resumed")
    assert paused.value["by"]["pid"] is not None
    assert (paused.sender, paused.task) == ("user", "job")


async def test_no_task_that_waits_for_its_slot_begins_while_paused() -> None:
    model = ScriptedModel({"ask": "so"}, delay_s=0.05)
    async with _launched(("ask", 1), ("ask", 1), model=model) as job:
        await _until(job, "model.asked")
        await job.control(Pause())
        await _until(job, "task.returned")
        await anyio.sleep(0.2)
        asked = len(model.requests)
        await job.control(Resume())
        await job.result()

    assert asked == 1
    assert len(model.requests) == 2


async def test_neither_a_task_without_a_model_nor_a_tool_call_begins_while_paused() -> None:
    async with _launched(("wait", 0.05), ("wait", 0.0), ("use", 0.05)) as job:
        await _until(job, "worker.noted")
        await job.control(Pause())
        await _until(job, "task.returned")
        await anyio.sleep(0.2)
        meanwhile = _kinds(job, "task.returned") + _kinds(job, "tool.")
        await job.control(Resume())
        report = await job.result()

    assert meanwhile == ["task.returned"]
    assert report.status is Status.OK
    assert set(job.results) == {"t0", "t1", "t2"}


class Thinking(Doing):
    """Asks a model before it is content."""

    async def review(self, brief: str, results: Sequence[Result], ctx: Context) -> Plan | None:
        await ctx.ask("ask")
        return None


async def test_what_begins_during_a_pause_has_its_whole_time_after_it() -> None:
    team = Team(supervisor=Thinking(("wait", 0.05)), workers=(Wait,))
    async with scripted_system(team, ScriptedModel({"ask": "so"}, delay_s=0.01), task_timeout_s=0.3) as system:
        async with system.launch("What is there?") as job:
            await _until(job, "worker.noted")
            await job.control(Pause())
            await anyio.sleep(0.8)
            await job.control(Resume())
            report = await job.result()

    assert report.status is Status.OK


async def test_no_attempt_runs_out_of_time_while_paused() -> None:
    async with _launched(
        ("ask", 2), ("wait", 0.3), model=ScriptedModel({"ask": "so"}, delay_s=0.1), task_timeout_s=0.6
    ) as job:
        await _until(job, "model.asked")
        await job.control(Pause())
        await anyio.sleep(1.0)
        await job.control(Resume())
        report = await job.result()

    assert report.status is Status.OK
    assert report.gaps == ()
    assert len(_kinds(job, "task.sent")) == 2


@pytest.mark.parametrize("anyio_backend", [backend("virtual time")])
async def test_a_pause_longer_than_the_lease_does_no_task_twice() -> None:
    model = ScriptedModel({"ask": "so"}, delay_s=1)
    async with _launched(("ask", 2), ("ask", 1), model=model, task_timeout_s=10) as job:
        await _until(job, "model.asked")
        await job.control(Pause())
        await anyio.sleep(3600)
        await job.control(Resume())
        report = await job.result()

    assert report.status is Status.OK
    assert len(_kinds(job, "task.sent")) == len(_kinds(job, "task.returned")) == 2
    assert len(model.requests) == 3


async def test_what_runs_out_of_time_by_itself_still_does_after_a_pause() -> None:
    async with _launched(("wait", 60.0), task_timeout_s=0.2, starts_most=1) as job:
        await _until(job, "worker.noted")
        await job.control(Pause())
        await anyio.sleep(0.3)
        await job.control(Resume())
        report = await job.result()

    assert [(gap.task, gap.reason) for gap in report.gaps] == [("t0", "TimedOut")]


async def test_the_deadline_of_the_job_goes_on_while_it_is_paused() -> None:
    team = Team(supervisor=Doing(("ask", 2)), workers=(Ask, Wait, Mail))
    async with scripted_system(team, ScriptedModel({"ask": "so"}, delay_s=0.1)) as system:
        async with system.launch("What is there?", deadline_s=0.5) as job:
            await _until(job, "model.asked")
            await job.control(Pause())
            report = await job.result()

    assert [(gap.task, gap.reason) for gap in report.gaps] == [("job", "Deadline")]


async def test_pausing_twice_and_resuming_what_runs_is_said_and_not_recorded() -> None:
    async with _launched(("wait", 0.2)) as job:
        await _until(job, "worker.noted")
        running = await job.control(Resume())
        await job.control(Pause())
        again = await job.control(Pause())
        await job.control(Resume())
        await job.result()

    assert running.said == f"it is not paused but running, in process {os.getpid()}"
    assert again.said == "it was paused already"
    assert _kinds(job, "control.") == ["control.paused", "control.resumed"]


async def test_the_supervisor_hears_each_note_once_at_its_next_decision() -> None:
    supervisor = Doing(("wait", 0.1))
    async with scripted_system(Team(supervisor=supervisor, workers=(Wait,)), ScriptedModel({})) as system:
        async with system.launch("What is there?") as job:
            await _until(job, "worker.noted")
            await job.control(Steer(text="costs"))
            await job.control(Steer(text="letters"))
            report = await job.result()

    assert supervisor.heard == [("costs", "letters"), ()]
    assert set(job.results) == {"t0", "costs", "letters"}
    assert report.status is Status.OK


async def test_a_note_that_no_decision_follows_is_a_gap() -> None:
    async with _launched(("wait", 0.1), rounds_most=1) as job:
        await _until(job, "steering.read")
        await job.control(Steer(text="too late"))
        report = await job.result()

    assert [(gap.reason, gap.detail) for gap in report.gaps] == [("SteeredTooLate", "too late")]
    assert report.status is Status.PARTIAL


async def test_an_approved_worker_goes_on_and_the_answer_is_on_record() -> None:
    async with _launched(("mail", 60.0)) as job:
        asked = await _until(job, "approval.asked")
        told = await job.control(Approve(id=asked.value["id"][:3]))
        report = await job.result()

    assert told.said == "approved: send the mail"
    assert job.results["t0"].output == "sent"
    assert report.status is Status.OK
    assert asked.value["details"] == {"to": "ada@example.org"}
    assert _kinds(job, "approval.") == ["approval.asked", "approval.answered"]
    answered = next(event for event in job._events if event.kind == "approval.answered")
    assert (answered.step, answered.phase, answered.value["is_refused"]) == (asked.step, "result", False)


async def test_a_refusal_fails_the_task_once_with_its_reason() -> None:
    async with _launched(("mail", 60.0)) as job:
        await _until(job, "approval.asked")
        await job.control(Approve(is_refused=True, reason="not before Monday"))
        report = await job.result()

    (gap,) = report.gaps
    assert (gap.task, gap.reason) == ("t0", "Refused")
    assert "not before Monday" in gap.detail
    assert len(_kinds(job, "task.sent")) == 1


async def test_an_approval_that_nobody_gives_in_time_is_withdrawn_and_refused() -> None:
    async with _launched(("mail", 0.1)) as job:
        await _until(job, "approval.withdrawn")
        late = await job.control(Approve())
        report = await job.result()

    assert not late.is_done
    assert "waits for no approval" in late.said
    assert [gap.reason for gap in report.gaps] == ["Refused"]


async def test_no_attempt_runs_out_of_time_while_a_person_is_asked() -> None:
    async with _launched(("mail", 60.0), ("wait", 0.2), task_timeout_s=0.3) as job:
        await _until(job, "approval.asked")
        await anyio.sleep(0.6)
        await job.control(Approve())
        report = await job.result()

    assert report.status is Status.OK


async def test_of_several_approvals_one_has_to_be_named() -> None:
    async with _launched(("mail", 60.0), ("mail", 60.0)) as job:
        await _until(job, "approval.asked")
        await anyio.lowlevel.checkpoint()
        names = [event.value["id"] for event in job._events if event.kind == "approval.asked"]
        vague = await job.control(Approve())
        wrong = await job.control(Approve(id="zz"))
        for name in names:
            assert (await job.control(Approve(id=name))).is_done
        await job.result()

    assert len(set(names)) == 2
    assert not vague.is_done and "is 2 of the approvals" in vague.said
    assert not wrong.is_done and "is 0 of the approvals" in wrong.said
    assert all(name in vague.said for name in names)


async def test_a_cancelled_job_ends_with_what_it_has() -> None:
    async with _launched(("wait", 0.0), ("wait", 60.0)) as job:
        await _until(job, "task.returned")
        told = await job.control(Cancel())
        report = await job.result()
        after = await job.control(Pause())

    assert told.is_done
    assert report.status is Status.CANCELLED
    assert job.results["t0"].output == "waited"
    assert "t1" in next(gap.detail for gap in report.gaps if gap.reason == "Cancelled")
    assert (after.is_done, "has ended" in after.said) == (False, True)
    assert _kinds(job, "control.") == ["control.cancelled"]


async def test_a_job_that_is_cancelled_before_it_has_begun_ends_at_once() -> None:
    async with _launched(("wait", 60.0)) as job:
        job.cancel()
        report = await job.result()
        job.cancel()

    assert report.status is Status.CANCELLED
    assert job.results == {}


async def test_a_paused_job_can_be_cancelled_while_it_asks_leave() -> None:
    async with _launched(("mail", 60.0)) as job:
        await _until(job, "approval.asked")
        await job.control(Pause())
        await job.control(Cancel())
        report = await job.result()

    assert report.status is Status.CANCELLED
    assert _kinds(job, "approval.") == ["approval.asked", "approval.withdrawn"]


PRICED = Card(prices=Prices(1.0, 1.0))


async def test_a_raised_budget_lets_later_calls_be_made() -> None:
    model = ScriptedModel({"ask": "so"}, delay_s=0.05, card=PRICED)
    supervisor = Doing()
    asking = PlannedTask(id="asking", worker="ask", input=1, after=("first",))
    supervisor.first = Plan(tasks=(PlannedTask(id="first", worker="wait", input=0.1), asking))
    async with scripted_system(Team(supervisor=supervisor, workers=(Ask, Wait)), model) as system:
        async with system.launch("What is there?", budget_usd=0.0) as job:
            await _until(job, "worker.noted")
            told = await job.control(Budget(usd=5.0))
            report = await job.result()

    assert told.facts["was_usd"] == 0.0
    assert (report.status, len(model.requests)) == (Status.OK, 1)


async def test_a_budget_is_never_less_than_what_is_spent_and_reserved() -> None:
    model = ScriptedModel({"ask": "so"}, delay_s=0.2, card=PRICED)
    async with _launched(("ask", 1), model=model, budget_usd=5.0) as job:
        await anyio.sleep(0.1)
        told = await job.control(Budget(usd=0.0))
        report = await job.result()

    assert not told.is_done
    assert "is reserved for calls under way" in told.said
    assert report.status is Status.OK
    assert _kinds(job, "control.") == []
