"""Many jobs at once on virtual time, over a provider that fails: what breaker and limiter cost, beside having neither.

Which calls fail is fixed by their job, their number and how often they were asked, so that both ways meet the same.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import anyio
import pytest

from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.clock import monotonic_s
from bullpen.orchestrator.errors import NoAnswer
from bullpen.orchestrator.gateway.attempt import Attempt
from bullpen.orchestrator.gateway.chain import Chain, Course
from bullpen.orchestrator.gateway.deployment import Deployment
from bullpen.orchestrator.gateway.health import Health
from bullpen.orchestrator.gateway.limit import Limit
from bullpen.orchestrator.gateway.model import Completion, Model, Request
from bullpen.orchestrator.gateway.pool import Pool
from bullpen.orchestrator.gateway.record import Record
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock, ScriptedModel

from .stacks import asked

TRANSIENT = (Outcome.RATE_LIMITED, Outcome.SERVER_ERROR, Outcome.UNREACHABLE, Outcome.CUT, Outcome.SERVER_TIMED_OUT)
RUNG = Rung(model="scripted:m")


class Failing:
    """Takes `latency_s` for each request, `slots` of them at a time; fails that share, and all while it is down."""

    def __init__(self, load: "Load") -> None:
        self._load, self._times = load, Counter[str]()
        self._slots = anyio.CapacityLimiter(load.slots)
        self.model = ScriptedModel(self._answer)
        self.model.complete, self._complete = self.complete, self.model.complete  # type: ignore[method-assign]
        self.asked_at_s: list[float] = []
        self.good_at_s: list[float] = []

    async def complete(self, request: Request) -> Completion:
        self.asked_at_s.append(monotonic_s())
        async with self._slots:
            await anyio.sleep(self._load.latency_s)
        return await self._complete(request)

    def _answer(self, request: Request) -> Any:
        load, text = self._load, request.inputs["text"]
        self._times[text] += 1
        chance = Random(f"{load.seed} {text} {self._times[text]}")
        is_down = load.down_from_s <= monotonic_s() < load.down_until_s
        if is_down or chance.random() < load.share:
            return Completion(chance.choice(load.kinds))
        self.good_at_s.append(monotonic_s())
        return "fine"


@dataclass(frozen=True)
class Load:
    jobs: int
    calls: int
    share: float
    latency_s: float = 0.1
    kinds: Sequence[Outcome] = TRANSIENT
    seed: int = 0
    slots: int = 1000
    down_from_s: float = 0.0
    down_until_s: float = 0.0


@dataclass
class Went:
    """How it went: when each job that was done had ended, and when each that was lost had."""

    done_at_s: list[float] = field(default_factory=list)
    lost_at_s: list[float] = field(default_factory=list)
    asked_at_s: list[float] = field(default_factory=list)
    good_at_s: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return max(self.done_at_s + self.lost_at_s)


def guarded(deployment: Deployment) -> Model:
    return Limit(Health(Attempt(deployment), deployment), deployment.limiter)


def run(load: Load, layers: Callable[[Deployment], Model] = guarded) -> Went:
    """All jobs at once, each with its calls in turn; a job whose call nobody answers is lost."""
    went = Went()

    async def job(n: int, deployment: Deployment) -> None:
        pool = Pool([(deployment, layers(deployment))])
        model = Record(Chain([(RUNG, pool)], Course(), Random(n)))
        journal = InMemoryJournal("job", ManualClock())
        try:
            for call in range(load.calls):
                await model.complete(asked(journal, f"{n} {call}"))
        except NoAnswer:
            went.lost_at_s.append(monotonic_s())
        else:
            went.done_at_s.append(monotonic_s())

    async def story() -> None:
        provider = Failing(load)
        deployment = Deployment.of(RUNG, provider.model)
        async with anyio.create_task_group() as group:
            for n in range(load.jobs):
                group.start_soon(job, n, deployment)
        went.asked_at_s, went.good_at_s = provider.asked_at_s, provider.good_at_s

    virtual_time.run(story)
    return went


@pytest.mark.parametrize("kinds", [TRANSIENT, (Outcome.RATE_LIMITED,)])
@pytest.mark.parametrize(("jobs", "calls"), [(1, 60), (10, 20), pytest.param(60, 13, marks=pytest.mark.slow)])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.3])
def test_up_to_three_failures_in_ten_cost_no_more_than_they_do_without_breaker_and_limiter(
    jobs: int, calls: int, share: float, kinds: Sequence[Outcome]
) -> None:
    load = Load(jobs, calls, share, kinds=kinds)
    guarded_, bare = run(load), run(load, Attempt)

    assert guarded_.seconds <= 1.25 * bare.seconds
    assert len(guarded_.lost_at_s) <= len(bare.lost_at_s)


@pytest.mark.parametrize("kinds", [TRANSIENT, (Outcome.RATE_LIMITED,)])
@pytest.mark.parametrize(("jobs", "slots"), [(10, 1), (100, 10), pytest.param(300, 30, marks=pytest.mark.slow)])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_up_to_three_failures_in_ten_a_provider_is_used_as_far_as_it_goes(
    jobs: int, slots: int, share: float, kinds: Sequence[Outcome]
) -> None:
    """Good answers a second, until the last jobs leave it idle, beside the healthy share of what it could give."""
    load = Load(jobs, 13, share, kinds=kinds, slots=slots)
    good_at_s = run(load).good_at_s

    busy = good_at_s[: len(good_at_s) * 4 // 5]
    rate = len(busy) / (busy[-1] - busy[0])
    assert rate >= 0.8 * (1 - share) * slots / load.latency_s


@pytest.mark.parametrize("kinds", [TRANSIENT, (Outcome.RATE_LIMITED,)])
@pytest.mark.parametrize("jobs", [1, 10, 60])
@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_above_that_every_job_ends_within_twice_its_time_without_them(
    jobs: int, share: float, kinds: Sequence[Outcome]
) -> None:
    load = Load(jobs, 13, share, kinds=kinds)

    assert run(load).seconds <= 2 * run(load, Attempt).seconds


def test_after_an_outage_all_jobs_go_on_and_no_herd_comes() -> None:
    """Down from 2 s to 7 s, for 60 jobs that had been served well."""
    went = run(Load(60, 60, 0.0, kinds=(Outcome.SERVER_ERROR,), down_from_s=2.0, down_until_s=7.0))
    while_down = sum(2.0 + 2.0 <= at_s < 7.0 for at_s in went.asked_at_s)

    assert went.lost_at_s == []
    assert while_down <= 5
    assert went.seconds <= 6.0 + 5.0 + 5.0 + 3.0
