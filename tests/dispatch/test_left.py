"""A job that an earlier process has left unfinished is gone on with when the same is launched again."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.journal.reader import list_runs, open_run
from bullpen.orchestrator.order import Options
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import Rung, load_settings
from bullpen.orchestrator.system import System, open_system
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned

GIVEN = "01a1fe91-b75a-7e72-bd9b-5fafa241a69d"


class Ask(Worker):
    """Asks twice."""

    async def run(self, task: str, ctx: Context) -> list[str]:
        return [await ctx.ask("q", n=n) for n in range(2)]


class Restless(ScriptedModel):
    """Answers the first call and never the second, until it is told to."""

    is_stuck = True

    async def complete(self, request: Any) -> Any:
        if self.is_stuck and request.inputs["n"]:
            self.requests.append(request)
            await anyio.sleep_forever()
        return await super().complete(request)


def opened(folder: Path, model: ScriptedModel) -> Any:
    plan = Plan(tasks=(PlannedTask(id="t", worker="ask", input=""),))
    team = Team(supervisor=Planned(plan), workers=(Ask,), providers={"scripted": model})
    return open_system(load_settings(project=folder, rungs=(Rung(model="scripted:m"),)), team)


async def launch(system: System, question: str, **options: Any) -> tuple[str, bool]:
    given: Options = {**options}  # type: ignore[typeddict-item]
    async with system.launch(question, **given) as job:
        await job.result()
        return job.id, job.is_resumed


async def leave(folder: Path, model: Restless) -> str:
    """A job that is dropped when it waits for its second answer."""
    async with opened(folder, model) as system, system.launch("What?") as job:
        async for event in job.events():
            if event.kind == "model.asked" and len(model.requests) == 1:
                break
        with anyio.fail_after(5):
            while len(model.requests) < 2:  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.005)
        return str(job.id)


def test_the_same_job_goes_on_once_and_another_is_new(tmp_path: Path) -> None:
    model = Restless({"q": "so"})
    left = anyio.run(leave, tmp_path, model)
    model.is_stuck = False
    model.requests.clear()

    async def again() -> list[tuple[str, bool]]:
        async with opened(tmp_path, model) as system:
            return [await launch(system, "What?"), await launch(system, "What?")]

    (first, is_resumed), (second, is_new) = anyio.run(again)

    assert (first, is_resumed) == (left, True)
    assert (second != left, is_new) == (True, False)
    assert [request.inputs["n"] for request in model.requests] == [1, 0, 1]
    assert open_run(left, tmp_path / "runs").status == "ok"


@pytest.mark.parametrize("how", ["launched", "resumed by its file", "resumed by its id"])
def test_a_job_goes_on_in_its_file_whatever_that_is_called(tmp_path: Path, how: str) -> None:
    model, runs = Restless({"q": "so"}), tmp_path / "runs"
    left = anyio.run(leave, tmp_path, model)
    (runs / f"{left}.run").rename(runs / "mycopy.run")
    model.is_stuck = False
    model.requests.clear()

    async def again() -> str:
        async with opened(tmp_path, model) as system:
            if how == "launched":
                return (await launch(system, "What?"))[0]
            async with system.resume("mycopy" if how == "resumed by its file" else left) as job:
                await job.result()
                return str(job.id)

    assert anyio.run(again) == left
    assert [request.inputs["n"] for request in model.requests] == [1]  # the first is on record
    (path,) = list_runs(runs)
    assert (path.name, {event.job for event in open_run(path).events}) == ("mycopy.run", {left})
    assert open_run(path).status == "ok"


@pytest.mark.parametrize(
    "other",
    [
        ("Who?", {}),
        ("What?", {"effort": "deep"}),
        ("What?", {"deadline_s": 60.0}),
        ("What?", {"anew": True}),
        ("What?", {"id": GIVEN}),
    ],
)
def test_another_job_is_not_the_same(tmp_path: Path, other: tuple[str, dict[str, Any]]) -> None:
    model = Restless({"q": "so"})
    left = anyio.run(leave, tmp_path, model)
    model.is_stuck = False

    async def again() -> tuple[str, bool]:
        async with opened(tmp_path, model) as system:
            return await launch(system, other[0], **other[1])

    job, is_resumed = anyio.run(again)

    assert (job != left, is_resumed) == (True, False)
    assert open_run(left, tmp_path / "runs").status == "interrupted"


def test_a_job_bears_the_id_that_it_was_given(tmp_path: Path) -> None:
    model = ScriptedModel({"q": "so"})
    given = GIVEN

    async def with_id(job: str) -> str:
        async with opened(tmp_path, model) as system:
            return (await launch(system, "What?", id=job))[0]

    assert anyio.run(with_id, given) == given
    assert [path.stem for path in list_runs(tmp_path / "runs")] == [given]
    with pytest.raises(BadInput, match=f"there is a job {given} already"):
        anyio.run(with_id, given)
    with pytest.raises(BadInput, match=r"'\.\./x' is no id for a job; give a UUID"):
        anyio.run(with_id, "../x")


def test_a_job_of_another_project_is_not_there_and_leaves_nothing(tmp_path: Path) -> None:
    async def resume(job: str) -> None:
        async with opened(tmp_path, ScriptedModel({})) as system, system.resume(job):
            pass

    for job in ("01a1fe91-b75a-7e72-bd9b-5fafa241a69d", "../x", "latest"):
        with pytest.raises(BadInput, match=f"there is no job '{job}' in"):
            anyio.run(resume, job)
    assert not list_runs(tmp_path / "runs")
