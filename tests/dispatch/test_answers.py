"""What a worker is told of an answer: who gave it, and that the record tells the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.errors import NoAnswer
from bullpen.orchestrator.evidence import Draft, Gap
from bullpen.orchestrator.gateway.model import Completion
from bullpen.orchestrator.gateway.record import restored
from bullpen.orchestrator.ids import compact
from bullpen.orchestrator.journal.reader import Run, run_of
from bullpen.orchestrator.replay import replay
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import Rung, load_settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned

PLAN = Plan(tasks=(PlannedTask(id="t", worker="check", input="x"),))
RUNGS = (Rung(model="scripted:large", tier=3), Rung(model="scripted:small", tier=2), Rung(model="scripted:tiny"))


class Check(Worker):
    """Has something written and checked, and tells who did."""

    role = "judge"

    async def run(self, task: str, ctx: Context) -> Draft:
        writer = await ctx.answer("write")
        checker = await ctx.answer("check", returns=list[int], floor=writer.tier, other_than=writer.rung)
        told = [[each.value, each.model, each.rung, each.tier, each.is_stand_in] for each in (writer, checker)]
        return Draft(gaps=(Gap(task="check", reason="Told", detail=compact([told, checker.degraded])),))


def model(down: Sequence[str]) -> ScriptedModel:
    def answer(request: Any) -> Any:
        if request.rung.model_name in down:
            return Completion(Outcome.UNTRUSTED)
        return "text" if request.prompt == "write" else [1, 2]

    return ScriptedModel(answer)


async def done(down: Sequence[str], rungs: Sequence[Rung] = RUNGS, fork_of: Run | None = None, **settings: Any) -> Run:
    team = Team(supervisor=Planned(PLAN), workers=(Check,))
    async with scripted_system(team, model(down), rungs=tuple(rungs), **settings) as system:
        if fork_of is not None:
            await anyio.lowlevel.checkpoint()
            system.chance.getrandbits(64)  # another id than the first job's
        async with system.fork(fork_of) if fork_of else system.launch("What?") as job:
            report = await job.result()
            return run_of(Path(f"{report.job}.run"), [event async for event in job.events()])


async def resumed(run: Run, down: Sequence[str]) -> Run:
    team = Team(supervisor=Planned(PLAN), workers=(Check,))
    before = [event for event in run.events if event.kind not in ("task.returned", "job.finished")]
    upto = next(n for n, event in enumerate(run.events) if event.kind == "task.returned")
    async with scripted_system(team, model(down), before=before[:upto], rungs=RUNGS) as system:
        async with system.resume(run.id) as job:
            report = await job.result()
            return run_of(Path(f"{report.job}.run"), [event async for event in job.events()])


def told(run: Run) -> str:
    assert run.report is not None
    return next(gap.detail for gap in run.report.gaps if gap.reason == "Told")


STOOD_IN = "scripted:small answered, not scripted:large: scripted:large untrusted"
TOLD = compact(
    [
        [["text", "small", "scripted:small", 2, True], [[1, 2], "small", "scripted:small", 2, True]],
        [STOOD_IN],
    ]
)


def test_an_answer_tells_its_rung_tier_and_stand_in_and_the_record_tells_the_same() -> None:
    """Once more from the record: resumed where every model is gone, replayed, and forked."""
    run = virtual_time.run(lambda: done(("large",)))
    everyone = ("large", "small", "tiny")

    assert told(run) == TOLD
    assert told(virtual_time.run(lambda: resumed(run, everyone))) == TOLD
    assert replay(run, Team(supervisor=Planned(PLAN), workers=(Check,)), load_settings()).is_same
    assert told(virtual_time.run(lambda: done(everyone, fork_of=run))) == TOLD


def test_another_rung_of_no_lesser_tier_checks_where_there_is_one() -> None:
    equal = (Rung(model="scripted:large", tier=3), Rung(model="scripted:small", tier=3))
    run = virtual_time.run(lambda: done((), equal))
    named = virtual_time.run(lambda: done((), equal, chains={"judge": ("scripted:large", "scripted:small")}))
    alone = virtual_time.run(lambda: done(()))

    assert '[[1,2],"small","scripted:small",3,false]],[]]' in told(run)
    assert '[[1,2],"large","scripted:large",3,false]],[]]' in told(named)
    assert '[[1,2],"large","scripted:large",3,false]],[]]' in told(alone)


class Demand(Worker):
    """Asks for more than there is."""

    role = "judge"

    async def run(self, task: str, ctx: Context) -> str:
        with pytest.raises(NoAnswer, match="scripted:large is of tier 3; this call needs 4 to 9") as refused:
            await ctx.answer("check", floor=4)
        return str(refused.value)


def test_where_no_rung_is_of_the_tier_it_is_said_in_words() -> None:
    async def story() -> Status:
        plan = Plan(tasks=(PlannedTask(id="t", worker="demand", input="x"),))
        team = Team(supervisor=Planned(plan), workers=(Demand,))
        async with scripted_system(team, model(()), rungs=RUNGS) as system, system.launch("What?") as job:
            return (await job.result()).status

    assert virtual_time.run(story) is Status.OK


def test_an_answer_of_an_earlier_versions_record_tells_the_rung_and_no_tier() -> None:
    attempt = {
        "rung": "main",
        "lane": "l",
        "outcome": "ok",
        "model": "m",
        "detail": "",
        "estimated": "",
        "usage": {"tokens_in": 1, "tokens_out": 1},
        "micro_usd": 0,
        "price_source": "",
        "seconds": 0.0,
    }
    recorded = {"outcome": "ok", "text": "x", "usage": {"tokens_in": 1, "tokens_out": 1}}
    for degraded in ([], ["low"]):
        receipt = {"attempts": [attempt], "passed_over": [], "degraded": degraded}
        found = restored({**recorded, "receipt": receipt}).receipt
        assert (found.rung, found.tier, found.is_stand_in) == ("main", 0, bool(degraded))
