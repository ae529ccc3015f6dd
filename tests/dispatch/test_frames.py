"""Workers that raise what nobody catches, never end, ignore being cancelled or hold up the loop: each has a name in the
record, its siblings deliver, and the job ends once and in time."""

import asyncio
import contextlib
import gc
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.evidence import Report
from bullpen.orchestrator.frames import frame, places
from bullpen.orchestrator.frames.frame import GIVEN_UP, Frames
from bullpen.orchestrator.frames.watchdog import STALLED, watched
from bullpen.orchestrator.launched import LaunchedJob
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned

pytestmark = pytest.mark.anyio
on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])
Deed = Callable[[Context], Awaitable[Any]]
SIBLINGS = ("before", "after")
TIMEOUT_S = 0.3


class OwnException(BaseException):
    """No Exception, as some libraries have them."""


class Sibling(Worker):
    """Delivers, some time after the others have misbehaved."""

    async def run(self, task: float, ctx: Context) -> str:
        await anyio.sleep(task)
        return await ctx.ask("q")


def misbehaving(deed: Deed) -> type[Worker]:
    class Rogue(Worker):
        """Misbehaves."""

        async def run(self, task: None, ctx: Context) -> str:
            return str(await deed(ctx))

    return Rogue


async def run(deed: Deed, *, model: ScriptedModel | None = None, **settings: Any) -> tuple[Report, LaunchedJob]:
    """A job of the rogue and its siblings, which must deliver; checks that it ended once."""
    rogue = misbehaving(deed)
    siblings = [PlannedTask(id=name, worker="sibling", input=0.2) for name in SIBLINGS]
    made = Plan(tasks=(siblings[0], PlannedTask(id="rogue", worker="rogue", input=None), siblings[1]))
    team = Team(supervisor=Planned(made), workers=(rogue, Sibling))
    given = {"task_timeout_s": TIMEOUT_S, "starts_most": 1, **settings}
    async with scripted_system(team, model or ScriptedModel({"q": "fine"}), **given) as system:
        async with system.launch("What?") as job:
            report = await job.result()
    kinds = [event.kind async for event in job.events()]
    assert (kinds.count("job.finished"), kinds[-1]) == (1, "job.finished")
    assert [job.results[name].output for name in SIBLINGS] == ["fine", "fine"]
    return report, job


async def remarks(job: LaunchedJob, kind: str) -> list[dict[str, Any]]:
    return [event.value async for event in job.events() if event.kind == kind]


def raising(error: BaseException) -> Deed:
    async def deed(ctx: Context) -> str:
        raise error

    return deed


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), OwnException(), GeneratorExit()])
async def test_what_nobody_catches_is_a_failed_task(error: BaseException) -> None:
    report, _ = await run(raising(error))

    assert [(gap.task, gap.reason) for gap in report.gaps] == [("rogue", type(error).__name__)]
    assert report.status is Status.PARTIAL


async def test_what_is_raised_after_waiting_fails_the_task_as_well() -> None:
    async def deed(ctx: Context) -> str:
        await anyio.sleep(0.05)
        raise SystemExit

    report, _ = await run(deed)

    assert report.gaps[0].reason == "SystemExit"


@on_asyncio
async def test_a_cancellation_that_nobody_asked_for_is_a_failed_task() -> None:
    report, _ = await run(raising(asyncio.CancelledError()))

    assert [(gap.task, gap.reason) for gap in report.gaps] == [("rogue", "CancelledError")]


@on_asyncio
async def test_a_worker_that_cancels_its_own_task_fails() -> None:
    async def deed(ctx: Context) -> str:
        cancel_own_task()
        await asyncio.sleep(1)
        return "done"

    report, _ = await run(deed)

    assert [(gap.task, gap.reason) for gap in report.gaps] == [("rogue", "CancelledError")]


@on_asyncio
async def test_a_worker_that_cancels_its_own_task_and_returns_has_returned() -> None:
    async def deed(ctx: Context) -> str:
        cancel_own_task()
        return "done"

    report, job = await run(deed)

    assert job.results["rogue"].output == "done"
    assert report.status is Status.OK


def cancel_own_task() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


async def test_a_result_after_the_deadline_is_not_used() -> None:
    async def deed(ctx: Context) -> str:
        with contextlib.suppress(BaseException):
            await anyio.sleep_forever()
        return "late"

    report, job = await run(deed)

    assert [(gap.task, gap.reason) for gap in report.gaps] == [("rogue", "TimedOut")]
    assert job.results["rogue"].output is None


async def test_a_worker_past_its_deadline_asks_no_model() -> None:
    model = ScriptedModel({"q": "fine"})
    refused = []

    async def deed(ctx: Context) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                try:
                    await ctx.ask("q", again=7)
                except Exception as error:
                    refused.append(type(error).__name__)

    await run(deed, model=model)

    assert refused == ["Refused"]
    assert len(model.requests) == len(SIBLINGS)


async def swallow(ctx: Context) -> str:
    while True:
        try:
            await asyncio.sleep(1)
        except BaseException:
            continue


async def swallow_in_scopes(ctx: Context) -> str:
    while True:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 1)
                with anyio.move_on_after(0.6):
                    await anyio.sleep_forever()
        except BaseException:
            continue


async def swallow_without_waiting_long(ctx: Context) -> str:
    while True:
        try:
            await asyncio.sleep(0)
        except BaseException:
            continue


@on_asyncio
@pytest.mark.parametrize("deed", [swallow, swallow_in_scopes, swallow_without_waiting_long])
async def test_a_worker_that_swallows_its_cancellation_is_given_up_and_named(deed: Deed) -> None:
    before = asyncio.all_tasks()
    started_s = time.monotonic()
    report, job = await run(deed)
    took_s = time.monotonic() - started_s

    given_up = [gap for gap in report.gaps if gap.reason == "GivenUp"]
    assert [gap.task for gap in given_up] == ["rogue"]
    assert f"{__file__}:" in given_up[0].detail
    assert [__file__ in told["at"] for told in await remarks(job, GIVEN_UP)] == [True]
    assert took_s < TIMEOUT_S + 1.5
    await asyncio.sleep(0)
    gc.collect()
    assert asyncio.all_tasks() == before


@on_asyncio
async def test_a_thread_that_cannot_be_stopped_is_waited_for_and_its_worker_cleans_up() -> None:
    cleaned = []

    async def deed(ctx: Context) -> None:
        try:
            await anyio.to_thread.run_sync(time.sleep, TIMEOUT_S + 0.7)
        finally:
            cleaned.append(True)

    report, job = await run(deed)

    assert [(gap.task, gap.reason) for gap in report.gaps] == [("rogue", "TimedOut")]
    assert (cleaned, await remarks(job, GIVEN_UP)) == ([True], [])


@on_asyncio
async def test_what_hides_behind_a_shield_is_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "_SHIELD_S", 0.3)

    async def deed(ctx: Context) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep_forever()

    report, job = await run(deed)

    assert [(gap.task, gap.reason) for gap in report.gaps] == [("rogue", "GivenUp")]
    assert [__file__ in told["at"] for told in await remarks(job, GIVEN_UP)] == [True]


@on_asyncio
async def test_leaving_a_job_does_not_wait_for_a_worker_that_will_not_stop() -> None:
    team = Team(
        supervisor=Planned(Plan(tasks=(PlannedTask(id="rogue", worker="rogue", input=None),))),
        workers=(misbehaving(swallow),),
    )
    before = asyncio.all_tasks()
    with anyio.fail_after(2):
        async with scripted_system(team, ScriptedModel({})) as system, system.launch("What?") as job:
            async for event in job.events():
                if event.kind == "task.sent":
                    await asyncio.sleep(0.05)
                    break

    assert len(await remarks(job, GIVEN_UP)) == 1
    assert asyncio.all_tasks() == before


async def test_a_worker_that_never_returns_is_timed_out() -> None:
    report, _ = await run(lambda ctx: anyio.sleep_forever())

    assert [(gap.task, gap.reason) for gap in report.gaps] == [("rogue", "TimedOut")]


@on_asyncio
async def test_a_worker_that_blocks_the_loop_is_named_with_its_line(caplog: pytest.LogCaptureFixture) -> None:
    async def deed(ctx: Context) -> str:
        time.sleep(0.9)  # noqa: ASYNC251 - the point
        return "done"

    with caplog.at_level(logging.WARNING, "bullpen"):
        report, job = await run(deed, stall_s=0.3, task_timeout_s=5)

    (stalled,) = await remarks(job, STALLED)
    assert stalled["worker"] == "rogue"
    assert __file__ in stalled["at"]
    assert 0.3 <= stalled["seconds"] < 1.2
    assert any(f"loop stalled in worker 'rogue' at {__file__}" in reason for reason in report.degraded)
    assert any("has been blocked" in record.getMessage() for record in caplog.records)
    assert report.status is Status.OK


@on_asyncio
async def test_a_worker_that_blocks_the_loop_beyond_its_deadline_fails() -> None:
    """Its siblings, whose time it took as well, are started again."""
    blocks = iter([True])

    async def deed(ctx: Context) -> str:
        if next(blocks, False):
            time.sleep(0.6)  # noqa: ASYNC251 - the point
        return "done"

    _, job = await run(deed, task_timeout_s=0.5, starts_most=2)

    ended = [event.value async for event in job.events() if (event.kind, event.task) == ("task.returned", "rogue")]
    assert [(end["status"], end["failure"] and end["failure"]["type"]) for end in ended] == [
        ("failed", "TimedOut"),
        ("ok", None),
    ]


@on_asyncio
async def test_a_loop_that_only_waits_is_not_stalled() -> None:
    async def deed(ctx: Context) -> str:
        await asyncio.sleep(0.6)
        return "done"

    _, job = await run(deed, stall_s=0.2, task_timeout_s=5)

    assert await remarks(job, STALLED) == []


@on_asyncio
async def test_a_watchdog_can_be_called_off_at_any_moment() -> None:
    for n in range(200):
        with watched(Frames(), 0.004):
            await asyncio.sleep(0.0005 + n % 7 * 0.0001)


def code_at(file: str, source: str) -> dict[str, Any]:
    """What this source defines, as if it stood in this file."""
    defined: dict[str, Any] = {}
    exec(compile(source, file, "exec"), defined)
    return defined


ROOMS = Path(frame.__file__).parents[2]
BLOCK = "import time\ndef block():\n    time.sleep(0.7)\n"
IMPORT = "def block():\n    import slow_to_find\n"


class SlowToFind:
    """An importer that takes its time over one module, and does not find it."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "slow_to_find":
            time.sleep(0.7)


@on_asyncio
@pytest.mark.parametrize("source", [BLOCK, IMPORT])
@pytest.mark.parametrize(
    ("file", "is_accused"),
    [
        (str(ROOMS / "orchestrator" / "doors.py"), False),
        (str(ROOMS / "memory" / "words.py"), False),
        (str(ROOMS / "tools" / "files.py"), False),
        (str(ROOMS / "agents" / "search.py"), True),
        ("/srv/team.py", True),
    ],
)
async def test_a_worker_is_named_where_its_own_code_blocks_and_not_where_the_platform_does(
    file: str, is_accused: bool, source: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "meta_path", [SlowToFind, *sys.meta_path])
    blocking = code_at(file, source)["block"]

    async def deed(ctx: Context) -> str:
        with contextlib.suppress(ImportError):
            blocking()
        return "done"

    with caplog.at_level(logging.WARNING, "bullpen"):
        report, job = await run(deed, stall_s=0.2, task_timeout_s=5)

    assert bool(await remarks(job, STALLED)) == bool(report.degraded) == is_accused
    said = [record.getMessage() for record in caplog.records if "has been blocked" in record.getMessage()]
    assert len(said) == 1 and file.rpartition("/")[2] in said[0]


FILES = st.sampled_from(
    [
        "/srv/team.py",
        f"{ROOMS}/orchestrator/doors.py",
        "/usr/lib/python3/dist-packages/lib.py",
        str(Path(json.__file__)),
        "<frozen importlib._bootstrap>",
    ]
)


@given(outer=st.lists(FILES), inner=st.lists(FILES))
def test_the_platform_is_at_it_where_its_code_is_the_innermost_that_is_anybodys(
    outer: list[str], inner: list[str]
) -> None:
    frames = [(compile("", file, "exec"), 1) for file in (*outer, str(frame.__file__), *inner)]

    own = inner[: inner.index("<frozen importlib._bootstrap>")] if "<frozen importlib._bootstrap>" in inner else inner
    calling = [file for file in own if "team" in file or "doors" in file]
    at, is_platform = places.blocked(frames)
    assert is_platform == (bool(calling) and "doors" in calling[-1])
    assert not calling or at == f"{calling[-1]}:1"
