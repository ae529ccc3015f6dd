"""A disk without room: the job waits, asks no model and loses nothing, and goes on when there is room."""

import errno
import logging
from pathlib import Path
from typing import Any

import anyio
import pytest

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

    def write_all(self, handle: int, content: bytes) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "no space left on device")
        write_all(handle, content)

    def fill(self, request: Request) -> str:
        """An answer, after which there is no more room, the first time."""
        self.is_full = self.is_full or request.inputs["n"] == 0
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
