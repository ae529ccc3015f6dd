"""A process died in the middle of a tool's call: what a resumed job does is what the tool says of itself."""

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.control.protocol import Approve
from bullpen.orchestrator.errors import ToolError
from bullpen.orchestrator.evidence import Draft, Gap
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.launched import LaunchedJob
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker
from bullpen.tools import open_toolbox, tool

from .planned import Planned

pytestmark = pytest.mark.anyio
#: The tools that were called, with the keys that they were given.
CALLS: list[tuple[str, str]] = []


@tool(in_doubt="retry")
async def look(text: str, idempotency_key: str) -> str:
    """Look something up."""
    CALLS.append(("look", idempotency_key))
    return text


@tool(in_doubt="skip")
async def launch_rocket(text: str, idempotency_key: str) -> str:
    """Launch it."""
    CALLS.append(("launch_rocket", idempotency_key))
    return text


@tool
async def mail(text: str, idempotency_key: str) -> str:
    """Send it."""
    CALLS.append(("mail", idempotency_key))
    return text


class Call(Worker):
    """Calls a tool and says what came of it."""

    async def run(self, task: str, ctx: Context) -> Draft:
        try:
            said = await ctx.call(task, text="x")
        except ToolError as error:
            said = f"{type(error).__name__}: {error}"
        return Draft(gaps=(Gap(task="t", reason="Said", detail=said),))


def team(name: str) -> Team:
    plan = Plan(tasks=(PlannedTask(id="t", worker="call", input=name),))
    return Team(supervisor=Planned(plan), workers=(Call,), toolbox=open_toolbox(look, launch_rocket, mail))


async def said(job: LaunchedJob) -> str:
    return (await job.result()).gaps[-1].detail


async def killed(name: str) -> list[Event]:
    """The events of a job whose process died when the tool had been called."""
    CALLS.clear()
    async with scripted_system(team(name), ScriptedModel({})) as system, system.launch("What?") as job:
        assert await said(job) == "x"
        events = [event async for event in job.events()]
    begun = next(n for n, event in enumerate(events, start=1) if event.kind == "tool.asked")
    return events[:begun]


async def resumed(name: str, before: Sequence[Event], answer: Approve | None = None) -> tuple[str, list[Event]]:
    async with scripted_system(team(name), ScriptedModel({}), before=before) as system:
        async with system.resume(before[0].job) as job:
            if answer:
                async for event in job.events():
                    if event.kind == "approval.asked":
                        await job.control(answer)
                        break
            return await said(job), [event async for event in job.events()]


async def test_what_may_be_done_twice_is_done_again_under_the_same_key() -> None:
    detail, events = await resumed("look", await killed("look"))

    assert detail == "x"
    assert [name for name, _ in CALLS] == ["look", "look"]
    assert len({key for _, key in CALLS}) == 1
    assert [event.kind for event in events].count("step.in_doubt") == 1


async def test_what_must_not_be_done_twice_is_left_however_often_the_job_is_resumed() -> None:
    detail, events = await resumed("launch_rocket", await killed("launch_rocket"))
    failed = next(n for n, event in enumerate(events, start=1) if event.kind == "tool.failed")
    again, _ = await resumed("launch_rocket", events[:failed])

    assert "InDoubt: tool 'launch_rocket' was called by a process that is gone" in detail
    assert again == detail
    assert len(CALLS) == 1


@pytest.mark.parametrize("is_refused", [False, True])
async def test_otherwise_a_person_decides(is_refused: bool) -> None:
    before = await killed("mail")
    with anyio.fail_after(10):
        detail, events = await resumed("mail", before, Approve(is_refused=is_refused, reason="it was sent"))

    asked: list[Any] = [event.value for event in events if event.kind == "approval.asked"]
    assert [each["what"] for each in asked] == ["call tool 'mail' again: nobody knows how it ended"]
    assert len(CALLS) == (1 if is_refused else 2)
    assert ("it was sent" in detail) == is_refused


def test_nobody_is_told_of_the_key() -> None:
    assert "idempotency_key" not in str(mail.describe())
