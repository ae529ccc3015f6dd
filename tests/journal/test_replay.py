"""Jobs that are gone through again from their records alone: the report comes out the same, byte for byte."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from bullpen.memory import open_in_memory
from bullpen.memory.in_memory import InMemory
from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.errors import BadInput, NoAnswer, ToolError
from bullpen.orchestrator.evidence import Claim, Document, Draft, Finding, Gap, Quote, Unreadable
from bullpen.orchestrator.gateway.model import Card, Completion, Request
from bullpen.orchestrator.ids import compact
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.journal.reader import Run, run_of
from bullpen.orchestrator.order import Options
from bullpen.orchestrator.ports import MemoryFactory
from bullpen.orchestrator.replay import Replay, replay
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.settings import Settings, load_settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker
from bullpen.tools import open_toolbox, tool

from ..dispatch.planned import Planned

TEXT = "The pilot cost 48,000 crowns. It carried 9,120 passengers."


class Do(Worker):
    """Does what it says."""

    async def run(self, task: str, ctx: Context) -> Any:
        match task.split():
            case ["ask", prompt]:
                return await ctx.ask(prompt)
            case ["try", prompt]:
                try:
                    return await ctx.ask(prompt)
                except NoAnswer as error:
                    return f"none: {error}"
            case ["race"]:
                said: list[str] = []
                async with anyio.create_task_group() as group:
                    for n in range(4):
                        group.start_soon(self._ask, ctx, n, said)
                return sorted(said)
            case ["call", tool]:
                try:
                    return await ctx.call(tool, text="x")
                except ToolError as error:
                    return f"tool: {error}"
            case ["delegate", *rest]:
                return (await ctx.delegate(Do, " ".join(rest))).output
            case ["wait", seconds]:
                await anyio.sleep(float(seconds))
            case ["wrong"]:
                raise KeyError("wrong")
            case ["quote"]:
                (passage, *_) = await ctx.memory.search("pilot cost")
                quote = Quote(source=passage.source, start=0, end=29, text=TEXT[:29])
                claim = Claim(text=TEXT[:29], quotes=(quote,))
                await ctx.memory.add(claim)
                return Finding(about="cost", claims=(claim,)).model_dump(mode="json")
        return task

    async def _ask(self, ctx: Context, n: int, said: list[str]) -> None:
        said.append(await ctx.ask("q", about=n))


class Write(Worker):
    """Says what everybody said, and claims what they claim."""

    async def run(self, task: None, ctx: Context) -> Draft:
        outputs = {result.task: result.output for result in ctx.results}
        found = [Finding.model_validate(output) for output in outputs.values() if isinstance(output, dict)]
        said = tuple(Gap(task=name, reason="Said", detail=compact(output)) for name, output in outputs.items())
        return Draft(claims=tuple(claim for finding in found for claim in finding.claims), gaps=said)


async def corpus(paths: Sequence[Path], known: object = None) -> AsyncIterator[Document | Unreadable]:
    yield Document(id="pilot", title="The pilot", uri="pilot.txt", text=TEXT)
    yield Unreadable(uri="other.pdf", reason="no text in it")


@tool
def shout(text: str) -> str:
    """Say it aloud."""
    return text.upper()


@tool
def break_down(text: str) -> str:
    """Fail."""
    raise ToolError(f"no {text}")


@dataclass(frozen=True)
class Job:
    """One of the jobs that are replayed: its tasks, what is missing in the end, and how it is bounded."""

    tasks: tuple[str, ...]
    gaps: tuple[str, ...] = ()
    bounds: Options = field(default_factory=lambda: Options(corpus=__file__))
    cancelled_after_s: float | None = None


JOBS = {
    "answers": Job(("ask q", "ask slow", "race")),
    "quotes": Job(("quote", "ask q")),
    "nobody answers": Job(("ask broken", "try broken", "ask q"), ("NoAnswer",)),
    "tools": Job(("call shout", "call break_down", "call none")),
    "delegates": Job(("delegate ask q", "delegate delegate ask slow")),
    "raises": Job(("wrong", "ask q"), ("KeyError",)),
    "runs out of time": Job(("wait 3600", "ask q"), ("TimedOut",)),
    "deadline": Job(("ask hangs", "ask q"), ("Deadline",), Options(corpus=__file__, deadline_s=20.0)),
    "budget": Job(("ask q", "ask slow"), ("BudgetExceeded",), Options(corpus=__file__, budget_usd=0.041012)),
    "cancelled": Job(("ask hangs", "wait 2", "ask q"), ("Cancelled",), cancelled_after_s=5.0),
    "nothing": Job(("nothing",)),
}


def team(tasks: Sequence[str], memory: MemoryFactory = open_in_memory) -> Team:
    planned = tuple(PlannedTask(id=f"t{n}", worker="do", input=what) for n, what in enumerate(tasks))
    written = PlannedTask(id="write", worker="write", input=None, after=tuple(task.id for task in planned))
    return Team(
        supervisor=Planned(Plan(tasks=(*planned, written))),
        workers=(Do, Write),
        memory=memory,
        toolbox=open_toolbox(shout, break_down),
        corpus=corpus,
    )


class Paced(ScriptedModel):
    """Takes its time over some prompts."""

    async def complete(self, request: Request) -> Completion:
        await anyio.sleep({"slow": 3, "hangs": float("inf")}.get(request.prompt, 0.01))
        return await super().complete(request)


def model() -> ScriptedModel:
    replies = {
        "q": lambda request: f"so {request.inputs.get('about', '')}",
        "slow": "late",
        "broken": Completion(Outcome.SERVER_ERROR, detail="500"),
    }
    return Paced(replies, card=Card(Prices(1.0, 10.0)))


class LoopClock:
    """The event loop's time as the time of day."""

    def wall_ms(self) -> int:
        return round(anyio.current_time() * 1000)


SETTINGS: dict[str, Any] = {"task_timeout_s": 60.0, "starts_most": 2}


def kept() -> MemoryFactory:
    """A memory that several processes open, one after the other."""
    memory = InMemory()

    @asynccontextmanager
    async def open_it(folder: Path, settings: Settings) -> AsyncIterator[InMemory]:
        yield memory

    return open_it


async def recorded(job: Job, before: Sequence[Event] = (), memory: MemoryFactory = open_in_memory) -> Run:
    """The run of a job; with the events of a process that was killed, gone on with."""
    async with scripted_system(
        team(job.tasks, memory), model(), before=before, clock=LoopClock(), **SETTINGS
    ) as system:
        begun = system.resume(before[0].job) if before else system.launch("What?", **job.bounds)
        async with begun as launched:
            if job.cancelled_after_s is not None:
                await anyio.sleep(job.cancelled_after_s)
                launched.cancel()
            report = await launched.result()
            events = [event async for event in launched.events()]
    missing = [gap.reason for gap in report.gaps if gap.reason not in ("Said", "other.pdf")]
    assert missing == list(job.gaps), report.gaps
    return run_of(Path(f"{report.job}.run"), events)


def again(run: Run, job: Job) -> Replay:
    return replay(run, team(job.tasks), load_settings(**SETTINGS))


@pytest.mark.parametrize("name", JOBS)
def test_a_replay_is_the_same_byte_for_byte_and_reaches_for_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = JOBS[name]
    run = virtual_time.run(lambda: recorded(job))

    def refuse(*_: Any) -> None:
        raise AssertionError("a replay opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = run.events
    came = again(run, job)

    assert came.replayed == came.recorded
    assert (came.is_same, came.missing) == (True, ())
    assert run.events == before


@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_was_killed_and_gone_on_with_is_replayed_the_same(name: str) -> None:
    job = JOBS[name]
    memory = kept()
    whole = virtual_time.run(lambda: recorded(job, memory=memory))
    for killed_after in range(1, len(whole.events), 7):
        run = virtual_time.run(lambda n=killed_after: recorded(job, whole.events[:n], memory))  # type: ignore[misc]
        came = again(run, job)

        assert came.replayed == came.recorded
        assert came.missing == ()


def test_a_worker_that_asks_for_something_else_comes_out_differently() -> None:
    job = JOBS["answers"]
    run = virtual_time.run(lambda: recorded(job))

    came = again(run, Job(("ask q", "ask other", "race")))

    assert (came.is_same, came.missing) == (False, ("model.asked",))


def test_a_team_that_goes_another_way_is_refused_by_name() -> None:
    job = JOBS["answers"]
    run = virtual_time.run(lambda: recorded(job))

    with pytest.raises(BadInput, match="with this team, which waits for what is not on record"):
        again(run, Job((*job.tasks, "ask q")))


def test_what_has_not_ended_cannot_be_compared() -> None:
    job = JOBS["answers"]
    run = virtual_time.run(lambda: recorded(job))

    with pytest.raises(BadInput, match="is interrupted: it has no report to compare with"):
        again(run_of(run.path, run.events[:-1]), job)
