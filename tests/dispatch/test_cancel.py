"""A job that is cancelled at any moment ends once, in time, with what it had and what that cost; nothing runs on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
import trio

from bullpen.memory import open_in_memory
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.evidence import Claim, Document, Finding, Quote, Report, Source, Unreadable
from bullpen.orchestrator.gateway.model import Card
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.launched import LaunchedJob
from bullpen.orchestrator.ports import Memory, MemoryFactory
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.settings import Settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.testing.contracts import BACKENDS, backend
from bullpen.orchestrator.worker import Context, Worker

from .awaits import Awaits
from .planned import Planned

TEXT = "The pilot cost 48,000 crowns. It carried 9,120 passengers. It was extended by a year. Nobody says who paid."
SENTENCES = [f"{sentence}." for sentence in TEXT.rstrip(".").split(". ")]


#: What the workers of the last job have claimed, when they returned.
RETURNED: list[str] = []


class Read(Worker):
    """Looks in memory, asks, has the last of them look as well, and claims a sentence."""

    async def run(self, task: int, ctx: Context) -> Finding:
        (passage, *_) = await ctx.memory.search(SENTENCES[task], limit=1)
        ctx.note("found", source=passage.source)
        await ctx.ask("q", text=task)
        await ctx.ask("q", text=task, again=1)
        if task == 2:
            await ctx.delegate(Read, 3)
        start = TEXT.index(SENTENCES[task])
        quote = Quote(source=passage.source, start=start, end=start + len(SENTENCES[task]), text=SENTENCES[task])
        claim = Claim(text=SENTENCES[task], quotes=(quote,))
        await ctx.memory.add(claim)
        RETURNED.append(claim.text)
        return Finding(about=str(task), claims=(claim,))


class Sum(Worker):
    """Comes after the others, asks once more and says what they say."""

    async def run(self, task: str, ctx: Context) -> Finding:
        await ctx.ask("q", text="sum")
        return Finding(about="all", claims=tuple(claim for r in ctx.results for claim in r.read(Finding).claims))


async def read_corpus(paths: Sequence[Path], known: object = None) -> AsyncIterator[Document | Unreadable]:
    await anyio.lowlevel.checkpoint()
    yield Document(id="pilot", title="The pilot", uri="pilot.txt", text=TEXT)


def plan() -> Plan:
    reads = tuple(PlannedTask(id=f"read-{n}", worker="read", input=n) for n in range(3))
    return Plan(tasks=(*reads, PlannedTask(id="sum", worker="sum", input="", after=tuple(task.id for task in reads))))


@dataclass
class Cancelled:
    """What there was to see of one job."""

    awaits: int
    report: Report
    events: list[Event]
    #: Claims that had been returned when it was cancelled.
    returned_then: list[str]
    #: Requests when it was cancelled, and in all.
    asked_then: int
    asked: int
    seconds: float
    #: Tasks that are there now and were not before.
    orphans: list[Any] = field(default_factory=list)


async def cancelled(at: int | None) -> Cancelled:
    """The reference job, cancelled before the resumption with this number; None is not at all."""
    model = ScriptedModel({"q": "so"}, card=Card(Prices(1.0, 10.0)), delay_s=0.01)
    team = Team(supervisor=Planned(plan()), workers=(Read, Sum), memory=open_in_memory, corpus=read_corpus)
    before, when, then = living(), list[float](), list[int]()
    returned_then: list[str] = []
    RETURNED.clear()

    def cancel() -> None:
        when.append(anyio.current_time())
        then.append(len(model.requests))
        returned_then.extend(RETURNED)
        job.cancel()

    awaits = Awaits(at, cancel)
    async with scripted_system(team, model) as system:
        awaits.watch()
        async with system.launch("What?", corpus=Path(__file__)) as job:
            report = await job.result()
            counted, ended_s = awaits.count, anyio.current_time()
    await anyio.lowlevel.checkpoint()
    return Cancelled(
        awaits=counted,
        report=report,
        events=[event async for event in job.events()],
        returned_then=returned_then,
        asked_then=then[0] if then else 0,
        asked=len(model.requests),
        seconds=ended_s - when[0] if when else 0.0,
        orphans=[task for task in living() if task not in before],
    )


def living() -> list[Any]:
    """Every task of the event loop; of trio's, how many there are."""
    try:
        return list(asyncio.all_tasks())
    except RuntimeError:
        return list(range(trio.lowlevel.current_statistics().tasks_living))


def run(name: str, at: int | None) -> Cancelled:
    """Each on an event loop of its own, as a job of its own would be."""
    kind, options = backend(name)
    return anyio.run(cancelled, at, backend=kind, backend_options=options)


def check(seen: Cancelled) -> None:
    """What must hold wherever it was cancelled."""
    kinds = [event.kind for event in seen.events]
    assert (kinds.count("job.finished"), kinds[-1]) == (1, "job.finished")
    assert seen.seconds <= 1
    assert seen.orphans == []
    spent = sum(event.value["micro_usd"] for event in seen.events if event.kind == "model.attempted")
    assert seen.report.cost_usd == spent / 1e6
    returned = [
        event.value["output"] for event in seen.events if event.kind == "task.returned" and event.value["output"]
    ]
    found = {claim["text"] for output in returned for claim in output["claims"]}
    assert {claim.text for claim in seen.report.claims} == found
    assert found >= set(seen.returned_then)
    if seen.report.status is Status.CANCELLED:
        assert seen.asked == seen.asked_then
        assert [gap.reason for gap in seen.report.gaps] == ["Cancelled"]
        assert "cancelled" in seen.report.text
    else:
        assert seen.report.status is Status.OK


@pytest.mark.parametrize("name", BACKENDS)
def test_a_job_may_be_cancelled_at_each_await(name: str) -> None:
    whole = run(name, None)
    check(whole)
    seen = [run(name, at) for at in range(1, whole.awaits + 1)]
    for each in seen:
        check(each)
    statuses = [each.report.status for each in seen]
    kept = {len(each.report.claims) for each in seen if each.report.status is Status.CANCELLED}

    assert whole.awaits > 40
    assert whole.report.cost_usd > 0
    assert statuses.count(Status.CANCELLED) > 0.8 * whole.awaits
    assert kept >= {0, 4}


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return backend(request.param)


@asynccontextmanager
async def launched(memory: MemoryFactory, **settings: Any) -> AsyncIterator[LaunchedJob]:
    team = Team(supervisor=Planned(plan()), workers=(Read, Sum), memory=memory, corpus=read_corpus)
    model = ScriptedModel({"q": "so"}, delay_s=0.01)
    async with scripted_system(team, model, **settings) as system:
        async with system.launch("What?", corpus=Path(__file__)) as job:
            yield job


async def ends(job: LaunchedJob) -> list[str]:
    return [event.kind async for event in job.events() if event.kind == "job.finished"]


@pytest.mark.anyio
async def test_a_job_cancelled_before_it_has_begun_says_that_nothing_was_begun() -> None:
    async with launched(open_in_memory) as job:
        job.cancel()
        job.cancel()
        report = await job.result()

    assert report.status is Status.CANCELLED
    assert "nothing that was begun" in report.gaps[0].detail
    assert await ends(job) == ["job.finished"]


@pytest.mark.anyio
async def test_cancelling_a_job_that_has_ended_changes_nothing() -> None:
    async with launched(open_in_memory) as job:
        report = await job.result()
        job.cancel()

    assert report.status is Status.OK
    assert await ends(job) == ["job.finished"]


class Slow:
    """A memory that, once it is told to, does not find where a quote is from."""

    def __init__(self, memory: Memory, fault: Callable[[], Awaitable[None]]) -> None:
        self._memory, self._fault = memory, fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def source(self, source: str) -> Source | None:
        await self._fault()
        return await self._memory.source(source)


def failing(fault: Callable[[], Awaitable[None]]) -> MemoryFactory:
    @asynccontextmanager
    async def factory(folder: Path, settings: Settings) -> AsyncIterator[Memory]:
        async with open_in_memory(folder) as memory:
            yield cast(Memory, Slow(memory, fault))

    return factory


async def breaks() -> None:
    raise OSError("the disk is gone")


@pytest.mark.anyio
@pytest.mark.parametrize(("fault", "reason"), [(anyio.sleep_forever, "TimedOut"), (breaks, "OSError")])
async def test_a_job_ends_in_bounded_time_where_evidence_cannot_be_checked(
    fault: Callable[[], Awaitable[None]], reason: str
) -> None:
    async with launched(failing(fault), finish_timeout_s=0.2) as job:
        report = await job.result()

    assert report.seconds < 2
    assert report.claims == ()
    assert [(gap.task, gap.reason) for gap in report.gaps] == [("evidence", reason)]
    assert "4 claims could not be checked" in report.gaps[0].detail
    assert await ends(job) == ["job.finished"]


@pytest.mark.anyio
async def test_a_reader_that_breaks_ends_the_job_on_record_and_is_raised() -> None:
    async def read(paths: Sequence[Path], known: object = None) -> AsyncIterator[Document | Unreadable]:
        yield Document(id="pilot", title="", uri="", text=TEXT)
        raise OSError("the disk is gone")

    team = Team(supervisor=Planned(plan()), workers=(Read, Sum), memory=open_in_memory, corpus=read)
    jobs: list[LaunchedJob] = []
    with pytest.raises(OSError, match="disk is gone"):
        async with scripted_system(team, ScriptedModel({})) as system:
            async with system.launch("What?", corpus=Path(__file__)) as job:
                jobs.append(job)
                await job.result()

    (finished,) = [event.value async for event in jobs[0].events() if event.kind == "job.finished"]
    assert (finished["status"], finished["gaps"][0]["reason"]) == ("failed", "OSError")
