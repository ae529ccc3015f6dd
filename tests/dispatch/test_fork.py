"""A job done another way from an event of its run: what is asked anew is what depends on the change, and no more."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.evidence import Draft, Gap
from bullpen.orchestrator.gateway.model import Request
from bullpen.orchestrator.ids import compact
from bullpen.orchestrator.journal.difference import difference
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.journal.reader import Run, run_of
from bullpen.orchestrator.limits import Limits
from bullpen.orchestrator.order import order_again
from bullpen.orchestrator.replay import replay
from bullpen.orchestrator.rules.compose import RULER
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import load_settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker
from bullpen.tools import open_toolbox, tool

from .planned import Planned

TOLD: list[str] = []


@tool
def tell(text: str) -> str:
    """Tell somebody."""
    TOLD.append(text)
    return f"told {text}"


class Look(Worker):
    """Asks about one thing and tells it."""

    async def run(self, task: str, ctx: Context) -> str:
        return str(await ctx.call("tell", text=await ctx.ask("look", about=task)))


class Write(Worker):
    """Has it written up."""

    async def run(self, task: None, ctx: Context) -> Draft:
        found = [result.output for result in ctx.results]
        return Draft(gaps=(Gap(task="write", reason="Said", detail=await ctx.ask("write", found=found)),))


class Shorten(Worker):
    """Writes it up in its own way."""

    name = "write"

    async def run(self, task: None, ctx: Context) -> Draft:
        return Draft(gaps=(Gap(task="write", reason="Short", detail=compact(len(ctx.results))),))


PLAN = Plan(
    tasks=(
        PlannedTask(id="a", worker="look", input="a"),
        PlannedTask(id="b", worker="look", input="b"),
        PlannedTask(id="write", worker="write", input=None, after=("a", "b")),
    )
)
TEAM = Team(supervisor=Planned(PLAN), workers=(Look, Write), toolbox=open_toolbox(tell))


def model(asked: list[str], way: str = "") -> ScriptedModel:
    def answer(request: Request) -> str:
        what = compact(request.inputs.get("about") or request.inputs.get("found"))
        asked.append(f"{request.prompt} {what}")
        return f"{way}{request.prompt} of {what}"

    return ScriptedModel({"look": answer, "write": answer})


async def launched(asked: list[str]) -> Run:
    async with scripted_system(TEAM, model(asked)) as system, system.launch("What?") as job:
        report = await job.result()
        return run_of(Path(f"{report.job}.run"), [event async for event in job.events()])


async def forked(
    run: Run, asked: list[str], at: int | None = None, *, way: str = "", team: Team = TEAM, **settings: Any
) -> Run:
    async with scripted_system(team, model(asked, way), **settings) as system:
        await anyio.lowlevel.checkpoint()
        system.chance.getrandbits(64)  # another id than the first job's
        async with system.fork(run, at, ["something"]) as job:
            report = await job.result()
            return run_of(Path(f"{report.job}.run"), [event async for event in job.events()])


@pytest.fixture
def run() -> Run:
    TOLD.clear()
    asked: list[str] = []
    run = virtual_time.run(lambda: launched(asked))
    assert asked == ['look "a"', 'look "b"', 'write ["told look of \\"a\\"","told look of \\"b\\""]']
    assert len(TOLD) == 2
    return run


def fork(run: Run, *args: Any, **given: Any) -> tuple[Run, list[str]]:
    asked: list[str] = []
    return virtual_time.run(lambda: forked(run, asked, *args, **given)), asked


def seq(events: Sequence[Event], kind: str, task: str) -> int:
    return next(event.seq for event in events if (event.kind, event.task) == (kind, task))


def text(run: Run) -> str:
    assert run.report is not None
    return run.report.text


def test_a_fork_without_a_change_takes_everything_over_and_tells_nobody_twice(run: Run) -> None:
    after, asked = fork(run)

    assert (asked, len(TOLD)) == ([], 2)
    assert text(after).partition(RULER)[0] == text(run).partition(RULER)[0]
    assert after.id != run.id
    assert after.accepted["fork"] == {"of": run.id, "at": len(run.events), "origin": run.id, "set": ["something"]}
    assert after.cost.micro_usd == 0
    assert difference(run, after).text == ()


def test_another_model_is_asked_from_the_event_on(run: Run) -> None:
    """The second look is asked anew, answers otherwise, and so what comes after it is asked anew as well."""
    after, asked = fork(run, seq(run.events, "model.answered", "a"), way="new ")

    assert asked == ['look "b"', 'write ["told look of \\"a\\"","told new look of \\"b\\""]']
    assert TOLD[2:] == ['new look of "b"']
    path = {step.task: (step.asked, step.taken_over) for step in difference(run, after).tasks}
    assert path == {"a": (0, 2), "b": (2, 0), "write": (1, 0)}
    assert any(line.startswith("+") and "new write" in line.casefold() for line in difference(run, after).text)


def test_the_same_answers_from_another_model_are_told_to_nobody_again(run: Run) -> None:
    _, asked = fork(run, 0)

    assert len(asked) == 3
    assert len(TOLD) == 2


def test_with_another_prompt_only_what_depends_on_it_is_asked_anew(run: Run, tmp_path: Path) -> None:
    prompt = tmp_path / "write.md"
    prompt.write_text("---\nversion: 2\n---\n[system]\nBe brief.\n[user]\n{{ found | show }}\n", encoding="utf-8")

    after, asked = fork(run, prompts={"write": prompt}, way="brief ")

    assert [each.partition(" ")[0] for each in asked] == ["write"]
    assert "brief write" in text(after).casefold()


def test_with_another_worker_only_its_tasks_are_done_anew(run: Run) -> None:
    after, asked = fork(run, team=TEAM.replacing(Shorten))

    assert (asked, len(TOLD)) == ([], 2)
    assert after.report is not None
    assert [gap.detail for gap in after.report.gaps] == ["2"]


def test_a_fork_can_be_forked_and_replayed(run: Run) -> None:
    first, _ = fork(run, 0, way="new ")
    second, asked = fork(first)
    came = replay(second, TEAM, load_settings())

    assert (asked, text(second)) == ([], text(first))
    assert second.origin == run.id
    assert second.changes == ("something", "something")
    assert came.is_same


def test_an_event_that_is_not_there_is_named(run: Run) -> None:
    with pytest.raises(BadInput, match=rf"has no event 999; it has 1 to {len(run.events)}"):
        fork(run, 999)


def test_a_prompt_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"prompt 'write' cannot be read from .*none\.md'"):
        fork(run, prompts={"write": tmp_path / "none.md"})


def test_a_worker_that_replaces_nobody_is_named() -> None:
    class Other(Worker):
        """Nobody's place is its."""

        async def run(self, task: str, ctx: Context) -> str:
            return task

    with pytest.raises(BadInput, match="'other' replaces nobody: the team has look, write"):
        TEAM.replacing(Other)


class Say(Worker):
    """Writes it in so many words."""

    name = "write"

    async def run(self, task: None, ctx: Context) -> Draft:
        said = await ctx.ask("write", found=str(ctx.limits.effort), length=ctx.limits.length)
        return Draft(gaps=(Gap(task="write", reason="Said", detail=said),))


def test_limits_are_on_record_a_fork_changes_them_and_a_replay_goes_by_the_record() -> None:
    """Whatever is set when the record is gone through again."""
    team = TEAM.replacing(Say)
    asked: list[str] = []

    async def launched_short() -> Run:
        async with scripted_system(team, model(asked), rounds_most=3) as system:
            async with system.launch("What?", effort="quick", length="short") as job:
                report = await job.result()
                return run_of(Path(f"{report.job}.run"), [event async for event in job.events()])

    async def forked_long(run: Run) -> Run:
        async with scripted_system(team, model(asked), length="longer", effort="deep") as system:
            await anyio.lowlevel.checkpoint()
            system.chance.getrandbits(64)
            async with system.fork(run, changes=["length=long"]) as job:
                report = await job.result()
                return run_of(Path(f"{report.job}.run"), [event async for event in job.events()])

    run = virtual_time.run(launched_short)
    assert run.accepted["limits"] == {"effort": "quick", "length": "short", "rounds_most": 3}
    assert replay(run, team, load_settings(effort="deep", length="endless")).is_same

    del asked[:]
    after = virtual_time.run(lambda: forked_long(run))
    assert after.accepted["limits"] == {"effort": "quick", "length": "long", "rounds_most": 3}
    assert asked == ['write "quick"']  # the looks are taken over
    assert replay(after, team, load_settings()).is_same


def test_a_run_of_an_earlier_version_goes_by_what_is_set(run: Run) -> None:
    """Its record does not have the limits."""
    accepted = {name: value for name, value in run.accepted.items() if name != "limits"}

    assert order_again(accepted, {"rounds_most": 5}, {}).limits.rounds_most == 5
    assert order_again(accepted, {}, {}).limits == Limits()
    assert order_again(run.accepted, {"rounds_most": 5}, {}).limits == Limits()
