"""The wall clock is for people: where it is set, back or ahead, nothing is lost, hidden or takes less than no time."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import anyio
from hypothesis import example, given
from hypothesis import strategies as st

from bullpen.orchestrator.cli.watch import _told
from bullpen.orchestrator.ids import made_ms, new_job_id
from bullpen.orchestrator.journal.clearing import ended_runs, outdated
from bullpen.orchestrator.journal.events import Entry, Event
from bullpen.orchestrator.journal.journal import PLAINLY, Chain
from bullpen.orchestrator.journal.overview import overview_of
from bullpen.orchestrator.journal.reader import list_runs, open_run
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import Rung, load_settings
from bullpen.orchestrator.system import open_system
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ManualClock, ScriptedModel
from bullpen.orchestrator.worker import Context, Worker

from ..dispatch.planned import Planned
from .making import put_run

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
#: By how much the clock goes on, or is set, before the next event or job.
STEPS = st.lists(st.integers(-5_000, 5_000), max_size=20)
CLOCK = ManualClock()


class SetBack(Worker):
    """Works while somebody sets the clock back by an hour."""

    async def run(self, task: str, ctx: Context) -> str:
        CLOCK.advance(500)
        ctx.note("half an hour ago")
        CLOCK.advance(-HOUR_MS)
        return "done"


def events_at(steps: Sequence[int], epoch: int = 1) -> list[Event]:
    clock, found = ManualClock(), list[Event]()
    chain = Chain("job", clock, PLAINLY)
    for n, step in enumerate(steps):
        clock.advance(step)
        found.append(
            chain.seal(
                Entry("task.sent" if n == 0 else "worker.noted", {"after": [], "attempt": 1, "text": "so"}, task="t")
            )[0]
        )
    return found


@given(STEPS, st.sets(st.sampled_from(["notes", "f47ac10b-58cc-4372-a567-0e02b2c3d479"])))
@example([0, 0, -5_000], set())
def test_a_new_job_sorts_behind_all_that_are_there(steps: list[int], named: set[str]) -> None:
    clock, chance, jobs = ManualClock(), Random(0), list[str]()
    for step in steps:
        clock.advance(step)
        jobs.append(new_job_id(clock, chance, {*jobs, *named}))
        assert made_ms(jobs[-1]) >= clock.wall_ms()

    assert jobs == sorted(set(jobs))
    assert all(made_ms(name) == -1 for name in named)


@given(STEPS.filter(bool))
@example([0, 500, -5_000, 300])
def test_nothing_takes_less_than_no_time(steps: list[int]) -> None:
    overview = overview_of(events_at(steps))
    (task,) = overview.tasks
    worked_ms = sum(max(0, step) for step in steps[1:])

    assert (overview.lasted_ms, overview.cost.seconds) == (worked_ms, worked_ms / 1000)
    assert task.seconds >= 0
    assert not _told(events_at(steps)[-1], overview.began_ms).lstrip().startswith("-")


def test_the_latest_job_is_the_one_that_was_launched_last(tmp_path: Path) -> None:
    plan = Plan(tasks=(PlannedTask(id="t", worker="set_back", input=""),))
    team = Team(supervisor=Planned(plan), workers=(SetBack,), providers={"scripted": ScriptedModel({})})

    async def run() -> list[str]:
        jobs = []
        settings = load_settings(project=tmp_path, rungs=(Rung(model="scripted:m"),))
        for _ in range(2):
            async with open_system(settings, team, clock=CLOCK) as system:
                for _ in range(2):
                    async with system.launch("What?") as job:
                        report = await job.result()
                    assert 0.5 <= report.seconds < 1
                    jobs.append(str(job.id))
        return jobs

    jobs = anyio.run(run)
    latest = open_run("latest", tmp_path / "runs")

    assert [path.stem for path in list_runs(tmp_path / "runs")] == jobs
    assert latest.id == jobs[-1]
    assert 0.5 <= latest.seconds < 1
    assert [task.seconds for task in latest.tasks] == [0]


def test_a_run_that_ended_while_the_clock_was_wrong_is_not_old(tmp_path: Path) -> None:
    now_ms = 1_800_000_000_000
    ids = [new_job_id(ManualClock(now_ms - days * DAY_MS), Random(days)) for days in (40, 1)]
    for job in ids:
        put_run(tmp_path, job, at_ms=0)  # as a machine has it whose battery is empty

    assert [run.job for run in outdated(ended_runs(tmp_path, interrupted=False), now_ms, days=30, most=None)] == ids[:1]
