"""A job that was killed after any of its events is resumed: it ends as it would have, and pays for nothing twice."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.evidence import Report
from bullpen.orchestrator.gateway.model import Request
from bullpen.orchestrator.journal.events import Event, first_break
from bullpen.orchestrator.rules.compose import RULER
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned
from .test_jobs import Join, plan

pytestmark = pytest.mark.anyio


class Search(Worker):
    """Asks twice, the second time about the first answer, and takes a note."""

    async def run(self, task: str, ctx: Context) -> str:
        first = await ctx.ask("first", about=task)
        ctx.note("asked", about=task)
        return await ctx.ask("second", about=first)


TEAM = Team(supervisor=Planned(plan("a", "b", "c", join=True)), workers=(Search, Join))


def model(asked: list[str]) -> ScriptedModel:
    def answer(prompt: str) -> Any:
        def said(request: Request) -> str:
            asked.append(f"{prompt} {request.inputs['about']}")
            return f"{prompt} of {request.inputs['about']}"

        return said

    return ScriptedModel({name: answer(name) for name in ("first", "second")})


async def launch(asked: list[str]) -> tuple[Report, list[Event]]:
    async with scripted_system(TEAM, model(asked)) as system, system.launch("What is there?") as job:
        return await job.result(), [event async for event in job.events()]


async def resume(before: Sequence[Event], asked: list[str]) -> tuple[Report, list[Event]]:
    async with scripted_system(TEAM, model(asked), before=before) as system, system.resume(before[0].job) as job:
        return await job.result(), [event async for event in job.events()]


def told(events: Sequence[Event]) -> Counter[tuple[str, str, str]]:
    """What a transcript says, but for times, owners and what was begun again."""
    left_out = {"model.asked", "model.attempted", "step.in_doubt", "job.resumed", "job.finished"}
    said = ((event, event.value["text"] if event.kind == "model.answered" else event.body) for event in events)
    return Counter((event.kind, event.task, text) for event, text in said if event.kind not in left_out)


async def test_wherever_it_was_killed_it_ends_the_same_and_nothing_is_asked_twice() -> None:
    asked: list[str] = []
    report, whole = await launch(asked)
    assert len(asked) == len(set(asked)) == 6

    for killed_after in range(1, len(whole)):
        before, again = whole[:killed_after], list[str]()
        resumed, events = await resume(before, again)

        answered = sum(event.kind == "model.answered" for event in before)
        begun = sum(event.kind == "model.asked" for event in before) - answered
        assert resumed.text.partition(RULER)[0] == report.text.partition(RULER)[0]
        assert len(again) == 6 - answered
        assert events[:killed_after] == before
        assert events[killed_after].kind == "job.resumed"
        assert first_break(events) is None
        assert {event.epoch for event in events[killed_after:]} == {2}
        assert sum(event.kind == "step.in_doubt" for event in events) == begun
        assert told(events) - told(before) == told(whole) - told(before)


async def test_a_job_may_be_killed_and_resumed_again_and_again() -> None:
    asked: list[str] = []
    report, whole = await launch([])
    before = whole[:1]
    while before[-1].kind != "job.finished":
        resumed, events = await resume(before, asked)
        before = events[: min(len(before) + 10, len(events))]

    assert resumed.text.partition(RULER)[0] == report.text.partition(RULER)[0]
    assert told(events) == told(whole)
    assert [event.kind for event in events].count("model.answered") == 6


async def test_what_has_ended_or_never_began_is_not_resumed() -> None:
    _, whole = await launch([])
    with pytest.raises(BadInput, match="has ended as ok"):
        await resume(whole, [])
    with pytest.raises(BadInput, match="was never accepted"):
        await resume([whole[1]], [])
