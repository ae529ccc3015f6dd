"""What a program that listens to the logger `bullpen` hears: failures as warnings, one line at a job's end."""

import logging

import pytest

from bullpen.orchestrator.ids import compact
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.log import log_event
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned

pytestmark = pytest.mark.anyio


class Ask(Worker):
    """Asks what nobody answers."""

    async def run(self, task: str, ctx: Context) -> str:
        return await ctx.ask("q")


async def test_a_call_that_fails_is_a_warning_and_the_end_of_a_job_a_line(caplog: pytest.LogCaptureFixture) -> None:
    plan = Plan(tasks=(PlannedTask(id="t", worker="ask", input=""),))
    with caplog.at_level(logging.INFO, "bullpen"):
        async with scripted_system(Team(supervisor=Planned(plan), workers=(Ask,)), ScriptedModel({})) as system:
            async with system.launch("What?") as job:
                await job.result()

    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    (ended,) = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert warned
    assert all("event='model.failed'" in line and f"job='{job.id}'" in line and "task='t'" in line for line in warned)
    assert ended.startswith(f"event='job.finished' job='{job.id}' status='failed'")
    assert "gaps=1 claims=0" in ended


@pytest.mark.parametrize(
    "kind", ["model.failed", "memory.failed", "tool.failed", "corpus.failed", "worker.given_up", "loop.stalled"]
)
async def test_what_a_person_should_know_of_is_a_warning_and_the_rest_is_not(
    caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    with caplog.at_level(logging.INFO, "bullpen"):
        for name in (kind, kind.partition(".")[0] + ".asked"):
            log_event(event(name))

    (record,) = caplog.records
    assert (record.levelno, f"event='{kind}'" in record.getMessage()) == (logging.WARNING, True)


def event(kind: str) -> Event:
    return Event(1, "j", "t", "", "", 0, kind, 0, "a", "b", compact({"detail": "why"}), "")
