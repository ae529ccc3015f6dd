"""A disk without room: the job waits, asks no model and loses nothing, and goes on when there is room."""

import errno
import io
import logging
from pathlib import Path
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.cli.progress import Lines, follow
from bullpen.orchestrator.control.protocol import Pause, State
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.errors import StorageFull
from bullpen.orchestrator.gateway.model import Request
from bullpen.orchestrator.journal import file, storage
from bullpen.orchestrator.journal.disk import write_all
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import Rung, load_settings
from bullpen.orchestrator.system import open_system
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel
from bullpen.orchestrator.worker import Context, Worker

from ..dispatch.planned import Planned


class Ask(Worker):
    """Asks three times."""

    async def run(self, task: str, ctx: Context) -> list[str]:
        return [await ctx.ask("q", n=n) for n in range(3)]


class Disk:
    """Has room, or not."""

    def __init__(self) -> None:
        self.is_full = False
        #: Which answer is the last for which there is room.
        self.last = 0

    def write_all(self, handle: int, content: bytes) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "no space left on device")
        write_all(handle, content)

    def fill(self, request: Request) -> str:
        """An answer, after which there may be no more room."""
        self.is_full = self.is_full or request.inputs["n"] == self.last
        return "so"


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(storage, "write_all", disk.write_all)
    monkeypatch.setattr(file, "_ROOM_EVERY_S", 0.01)
    return disk


def system(folder: Path, model: ScriptedModel, **settings: Any) -> Any:
    plan = Plan(tasks=(PlannedTask(id="t", worker="ask", input=""),))
    team = Team(supervisor=Planned(plan), workers=(Ask,), providers={"scripted": model})
    return open_system(load_settings(project=folder, rungs=(Rung(model="scripted:m"),), **settings), team)


async def waiting(caplog: pytest.LogCaptureFixture) -> None:
    def has_begun() -> bool:
        return any("free room: the job waits" in record.getMessage() for record in caplog.records)

    with anyio.fail_after(5):
        while not has_begun():  # noqa: ASYNC110 - the log tells nobody
            await anyio.sleep(0.01)


def test_a_job_waits_for_room_and_goes_on(tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    model = ScriptedModel({"q": disk.fill})

    async def run() -> tuple[Any, list[str]]:
        async with system(tmp_path, model, task_timeout_s=0.5) as opened, opened.launch("What?") as job:
            with caplog.at_level(logging.WARNING, "bullpen"):
                await waiting(caplog)
            await anyio.sleep(0.8)  # longer than an attempt may take: its time stands still
            assert len(model.requests) == 1
            state, pause = await job.control(State()), await job.control(Pause())
            assert (state.said, state.facts["full"]) == ("waiting for room on the disk", await job.room(is_there=False))
            assert (pause.is_done, pause.said) == (
                False,
                f"nothing was done, since it could not be put on record: {state.facts['full']}",
            )
            disk.is_full = False
            model_answers_plainly()
            return await job.result(), [event.kind async for event in job.events()]

    def model_answers_plainly() -> None:
        disk.fill = lambda request: "so"  # type: ignore[method-assign]

    report, kinds = anyio.run(run)

    assert report.status is Status.OK
    assert len(model.requests) == 3
    assert kinds.count("journal.storage_full") == 1
    assert kinds.count("task.sent") == 1


def test_whoever_leaves_does_not_wait_for_room(tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    model = ScriptedModel({"q": disk.fill})

    async def run() -> None:
        async with system(tmp_path, model) as opened, opened.launch("What?"):
            with caplog.at_level(logging.WARNING, "bullpen"):
                await waiting(caplog)

    with pytest.raises(StorageFull, match="free room"):
        anyio.run(run)


@pytest.mark.parametrize("last", [0, 2])
def test_who_watches_is_told_whatever_there_is_no_room_for(
    tmp_path: Path, disk: Disk, last: int, capsys: pytest.CaptureFixture[str]
) -> None:
    disk.last = last  # with 2, the end of the job

    async def run() -> None:
        async with system(tmp_path, ScriptedModel({"q": disk.fill})) as opened, opened.launch("What?") as job:
            async with anyio.create_task_group() as group:
                group.start_soon(follow, job)
                with anyio.fail_after(5):
                    assert "no space left on device; free room" in await job.room(is_there=False)
                    await anyio.sleep(0.05)
                disk.is_full, disk.last = False, 9
                await job.result()

    anyio.run(run)

    told = [line.partition(" s  ")[2] for line in capsys.readouterr().err.splitlines()]
    assert [line.endswith("free room: the job waits for it") for line in told if line.startswith("! run")] == [True]
    assert [line.startswith("there is room") for line in told if "on the disk again" in line] == [True] * (last == 0)


def test_a_job_goes_on_where_nothing_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("sys.stderr", Full())

    Lines().say("there is more")
