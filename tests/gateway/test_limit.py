"""The layer that waits: on real and on virtual time, with many workers, cancellations and a provider in trouble."""

from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.clock import monotonic_s
from bullpen.orchestrator.envelope import Priority
from bullpen.orchestrator.errors import Overloaded
from bullpen.orchestrator.gateway.limit import Limit, Limiter
from bullpen.orchestrator.gateway.model import Completion, Model, Request, Usage
from bullpen.orchestrator.gateway.templates import Message, Template
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.rules import breaker as rules
from bullpen.orchestrator.rules.limit import Limits
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock
from bullpen.orchestrator.testing.contracts import BACKENDS, backend

pytestmark = pytest.mark.anyio

OK = Completion(Outcome.OK)


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return backend(request.param)


@pytest.fixture
def pace(anyio_backend_name: str) -> float:
    """What a second of a story lasts: on virtual time a second, on real time a hundredth of one."""
    return 1.0 if anyio_backend_name == "trio" else 0.01


#: For stories whose figures a busy machine would blur.
on_virtual_time = pytest.mark.parametrize("anyio_backend", ["virtual time"], indirect=True)


def ask(job: str = "job", **fields: Any) -> Request:
    journal = InMemoryJournal(job, ManualClock())
    return Request(Steps(journal, job, "t", "w"), "r", "ask", {}, Template("ask", "1", "", ""), **fields)


class Provider:
    """Answers after `seconds` with what `answer` says; counts who is in it at once."""

    def __init__(self, seconds: float = 0.0, answer: Callable[["Provider"], Completion] = lambda _: OK) -> None:
        self.seconds, self._answer = seconds, answer
        self.inside = self.inside_most = 0
        self.asked: list[Request] = []
        self.asked_at_s: list[float] = []
        self.refused_at_s: list[float] = []
        self.outcomes = Counter[Outcome]()

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        self.asked_at_s.append(monotonic_s())
        self.inside += 1
        self.inside_most = max(self.inside_most, self.inside)
        try:
            completion = self._answer(self)
            self.outcomes[completion.outcome] += 1
            if completion.outcome is Outcome.RATE_LIMITED:
                self.refused_at_s.append(monotonic_s())
            await anyio.sleep(self.seconds if completion.outcome is Outcome.OK else self.seconds / 20)
            return completion
        finally:
            self.inside -= 1


class Gated(Provider):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = anyio.Event()

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        await self.go.wait()
        return OK


def limited(inner: Model, **limits: Any) -> tuple[Limit, Limiter]:
    limiter = Limiter("acme/large", Limits(**limits))
    return Limit(inner, limiter), limiter


async def blocked(
    group: anyio.abc.TaskGroup, work: Callable[[Request], Coroutine[Any, Any, Any]], *requests: Request
) -> None:
    """Start the calls and wait until none of them can go on."""
    for request in requests:
        group.start_soon(work, request)
    await anyio.wait_all_tasks_blocked()


async def test_a_free_place_is_taken_at_once_and_given_back() -> None:
    model, limiter = limited(Provider())

    assert await model.complete(ask()) is OK
    assert limiter.statistics() == (0, 0, 1000, None, None)


async def test_never_more_are_in_flight_than_the_limit_and_all_are_answered(pace: float) -> None:
    provider = Provider(seconds=pace)
    model, limiter = limited(provider, concurrency_start=5, concurrency_most=5)
    async with anyio.create_task_group() as group:
        await blocked(group, model.complete, *(ask() for _ in range(40)))
        assert limiter.statistics()[:3] == (5, 35, 5)

    assert (provider.inside_most, len(provider.asked)) == (5, 40)
    assert limiter.statistics()[:3] == (0, 0, 5)


async def test_the_order_is_by_class_then_by_turns() -> None:
    provider = Gated()
    model, _ = limited(provider, concurrency_start=1, concurrency_most=1)
    async with anyio.create_task_group() as group:
        await blocked(group, model.complete, ask("first"))
        for job, priority in (("low", Priority.LOW), ("a", Priority.NORMAL), ("a", Priority.NORMAL)):
            await blocked(group, model.complete, ask(job, priority=priority))
        await blocked(group, model.complete, ask("b"))
        await blocked(group, model.complete, ask("high", priority=Priority.HIGH))
        provider.go.set()

    assert [request.steps.job for request in provider.asked] == ["first", "high", "a", "b", "a", "low"]


async def test_how_long_it_waited_is_on_record(pace: float) -> None:
    model, limiter = limited(Provider(seconds=10 * pace), concurrency_start=1, concurrency_most=1)
    first, second = ask(), ask()
    async with anyio.create_task_group() as group:
        await blocked(group, model.complete, first, second)

    recorded = [event for each in (first, second) for event in each.steps.journal.events]  # type: ignore[attr-defined]
    (event,) = recorded
    assert (event.kind, event.recipient) == ("model.waited", limiter.name)
    assert event.value["seconds"] >= 9.99 * pace


# ---------------------------------------------------------------- bounds


async def test_a_full_queue_refuses_and_queues_nothing() -> None:
    provider = Gated()
    model, limiter = limited(provider, concurrency_start=1, concurrency_most=1, waiting_most=2)
    async with anyio.create_task_group() as group:
        await blocked(group, model.complete, *(ask() for _ in range(3)))
        with pytest.raises(Overloaded, match=r"'acme/large': 2 requests wait already.*waiting_most.*add a rung"):
            await model.complete(ask())
        assert limiter.statistics()[:2] == (1, 2)
        provider.go.set()

    assert len(provider.asked) == 3


async def test_where_nothing_may_wait_a_free_place_is_still_given() -> None:
    provider = Gated()
    model, _ = limited(provider, concurrency_start=1, concurrency_most=1, waiting_most=0, requests_per_minute=600)
    async with anyio.create_task_group() as group:
        await blocked(group, model.complete, ask())
        with pytest.raises(Overloaded, match="0 requests wait already"):
            await model.complete(ask())
        provider.go.set()


async def test_nobody_waits_longer_than_is_allowed(pace: float) -> None:
    provider = Gated()
    model, limiter = limited(provider, concurrency_start=1, concurrency_most=1, wait_most_s=6 * pace)
    async with anyio.create_task_group() as group:
        await blocked(group, model.complete, ask())
        began_s = monotonic_s()
        with pytest.raises(Overloaded, match=r"'acme/large': no turn in .*wait_most_s.*1 in flight of 1, 1 wait"):
            await model.complete(ask())
        assert monotonic_s() - began_s >= 6 * pace
        assert limiter.statistics()[:2] == (1, 0)
        provider.go.set()


async def test_a_deadline_is_kept_in_the_queue(pace: float) -> None:
    provider = Gated()
    model, _ = limited(provider, concurrency_start=1, concurrency_most=1)
    async with anyio.create_task_group() as group:
        await blocked(group, model.complete, ask())
        with anyio.fail_after(30):
            with pytest.raises(Overloaded, match="its deadline"):
                await model.complete(ask(deadline_s=monotonic_s() + 3 * pace))
            with pytest.raises(Overloaded, match=r"of at most 0\.0 s"):
                await model.complete(ask(deadline_s=monotonic_s() - 1))
        provider.go.set()

    assert len(provider.asked) == 1


async def test_who_would_wait_in_vain_for_the_minute_is_told_at_once() -> None:
    model, _ = limited(Provider(), requests_per_minute=1)
    await model.complete(ask())
    began_s = monotonic_s()
    with pytest.raises(Overloaded, match=r"no turn in 0\.0 s of at most 20\.0 s"):
        await model.complete(ask(deadline_s=began_s + 20))

    assert monotonic_s() - began_s < 1


# ---------------------------------------------------------------- per minute


@on_virtual_time
async def test_requests_per_minute_are_kept_and_used() -> None:
    provider = Provider(seconds=0.1)
    model, _ = limited(provider, requests_per_minute=30, wait_most_s=600)
    async with anyio.create_task_group() as group:
        await blocked(group, model.complete, *(ask(f"job{n % 3}") for n in range(90)))

    at_s = provider.asked_at_s
    assert all(later - earlier >= 60 - 1e-6 for earlier, later in zip(at_s, at_s[30:], strict=False))
    assert at_s[-1] - at_s[0] <= 90 * 2 / 0.9


@on_virtual_time
async def test_tokens_are_estimated_before_and_corrected_after() -> None:
    used = replace(OK, usage=Usage(100, 50))
    provider = Provider(seconds=1, answer=lambda _: used)
    model, limiter = limited(provider, tokens_per_minute=6000)
    request = ask(messages=(Message("user", "x" * 300),), rung=Rung(model="acme:large", tokens_out_most=400))
    async with anyio.create_task_group() as group:
        await blocked(group, model.complete, request)
        assert limiter.statistics().tokens_left == pytest.approx(600 - 500)

    assert limiter.statistics().tokens_left == pytest.approx(600 - 150 + 5401 / 60)


@pytest.mark.parametrize(("outcome", "kept"), [(Outcome.OK, 400), (Outcome.TIMED_OUT, 400), (Outcome.RATE_LIMITED, 0)])
async def test_what_a_call_used_that_does_not_tell_is_what_it_reserved(outcome: Outcome, kept: int) -> None:
    """But for an end of which it is known that nothing was used."""
    model, limiter = limited(Provider(answer=lambda _: Completion(outcome)), tokens_per_minute=6000)
    await model.complete(ask(rung=Rung(model="acme:large", tokens_out_most=400)))

    assert limiter.statistics().tokens_left == pytest.approx(600 - kept, abs=90)


@on_virtual_time
async def test_a_refund_lets_the_next_through_without_waiting_for_the_minute() -> None:
    provider = Provider(seconds=1, answer=lambda _: replace(OK, usage=Usage(10, 10)))
    model, _ = limited(provider, tokens_per_minute=600, wait_most_s=5)
    async with anyio.create_task_group() as group:
        request = ask(rung=Rung(model="acme:large", tokens_out_most=600))
        await blocked(group, model.complete, request, request)

    assert provider.asked_at_s[1] - provider.asked_at_s[0] < 5


# ---------------------------------------------------------------- cancellation


async def test_a_cancelled_waiter_leaves_no_trace(pace: float) -> None:
    provider = Gated()
    model, limiter = limited(provider, concurrency_start=1, concurrency_most=1)
    async with anyio.create_task_group() as group:
        await blocked(group, model.complete, ask())
        with anyio.move_on_after(pace):
            await model.complete(ask())
        assert limiter.statistics()[:2] == (1, 0)
        await blocked(group, model.complete, ask("next"))
        provider.go.set()

    assert [request.steps.job for request in provider.asked] == ["job", "next"]


async def test_a_cancelled_call_gives_its_place_back() -> None:
    provider = Gated()
    model, limiter = limited(provider, concurrency_start=1, concurrency_most=1)
    async with anyio.create_task_group() as group:
        async with anyio.create_task_group() as cancelled:
            await blocked(cancelled, model.complete, ask())
            await blocked(group, model.complete, ask("next"))
            cancelled.cancel_scope.cancel()
        await anyio.wait_all_tasks_blocked()
        assert limiter.statistics()[:2] == (1, 0)
        provider.go.set()

    assert [request.steps.job for request in provider.asked] == ["job", "next"]


async def test_a_place_given_to_one_who_is_cancelled_at_that_moment_goes_to_the_next() -> None:
    provider = Gated()
    model, limiter = limited(provider, concurrency_start=1, concurrency_most=1, requests_per_minute=600)
    async with anyio.create_task_group() as group:
        holder = await limiter.enter(ask())
        async with anyio.create_task_group() as cancelled:
            await blocked(cancelled, model.complete, ask("cancelled"))
            await blocked(group, model.complete, ask("next"))
            cancelled.cancel_scope.cancel()
            limiter.leave(holder, OK)
        await anyio.wait_all_tasks_blocked()
        assert [request.steps.job for request in provider.asked] == ["next"]
        assert limiter.statistics()[:2] == (1, 0)
        left = limiter.statistics().requests_left
        assert left is not None
        assert left >= 58
        provider.go.set()


@on_virtual_time
async def test_when_the_next_in_line_for_a_bucket_is_cancelled_the_one_behind_has_the_alarm() -> None:
    provider = Provider()
    model, _ = limited(provider, requests_per_minute=2)
    await model.complete(ask())
    async with anyio.create_task_group() as group:
        async with anyio.create_task_group() as cancelled:
            await blocked(cancelled, model.complete, ask("cancelled"))
            await blocked(group, model.complete, ask("next"))
            cancelled.cancel_scope.cancel()

    assert [request.steps.job for request in provider.asked] == ["job", "next"]
    assert provider.asked_at_s[1] - provider.asked_at_s[0] == pytest.approx(30)


async def test_an_error_beneath_gives_the_place_back() -> None:
    def breaks(_: Provider) -> Completion:
        raise ValueError("broken")

    model, limiter = limited(Provider(answer=breaks), concurrency_start=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            await model.complete(ask())

    assert limiter.statistics()[:3] == (0, 0, 1)


# ---------------------------------------------------------------- a provider in trouble


@on_virtual_time
async def test_it_settles_near_what_a_provider_allows_with_few_refusals() -> None:
    """Four at once, 429 beyond: 32 workers, 1600 answers of a second each, at best 400 s."""
    provider = Provider(
        seconds=1, answer=lambda it: OK if it.inside <= 4 else replace(OK, outcome=Outcome.RATE_LIMITED)
    )
    model, limiter = limited(provider, wait_most_s=3600)
    began_s = monotonic_s()

    async def work() -> None:
        for _ in range(50):
            while (await model.complete(ask())).outcome is not Outcome.OK:
                pass

    async with anyio.create_task_group() as group:
        for _ in range(32):
            group.start_soon(work)

    seconds, settled_s = monotonic_s() - began_s, began_s + 20
    asked = sum(at_s >= settled_s for at_s in provider.asked_at_s)
    refused = sum(at_s >= settled_s for at_s in provider.refused_at_s)
    assert provider.outcomes[Outcome.OK] == 1600
    assert 1600 / seconds >= 0.8 * 4
    assert refused <= 0.03 * asked
    assert provider.outcomes[Outcome.RATE_LIMITED] - refused <= 3 * 32
    assert limiter.statistics().limit <= 5


class Broken:
    """The breaker of a deployment, asked when a place was had: who waited while it opened does not ask either."""

    def __init__(self, inner: Provider, bounds: rules.Bounds) -> None:
        self._inner, self.breaker = inner, rules.Breaker(bounds)
        self.opened_at_s: list[float] = []

    async def complete(self, request: Request) -> Completion:
        began_s = monotonic_s()
        if not rules.may_ask(self.breaker, began_s):
            return Completion(Outcome.UNREACHABLE, detail="its breaker is open")
        self.breaker, ok = rules.begin(self.breaker, began_s), None
        try:
            completion = await self._inner.complete(request)
            ok = completion.outcome is Outcome.OK
        finally:
            now_s = monotonic_s()
            was_closed = self.breaker.open_until_s is None
            self.breaker = rules.heard(self.breaker, ok, began_s=began_s, now_s=now_s)
            if was_closed and self.breaker.open_until_s is not None:
                self.opened_at_s.append(now_s)
        return completion


async def test_two_hundred_workers_do_not_storm_a_provider_that_is_down(pace: float) -> None:
    """Down for 60 s: five failures open the breaker, then one probe each 30 s; all are answered in the end."""
    up_at_s = monotonic_s() + 60 * pace
    provider = Provider(
        seconds=pace, answer=lambda _: OK if monotonic_s() >= up_at_s else Completion(Outcome.SERVER_ERROR)
    )
    open_s = 30 * pace
    bounds = rules.Bounds(period_s=open_s, open_first_s=open_s, open_most_s=open_s, probe_s=4 * open_s)
    broken = Broken(provider, bounds)
    model, limiter = limited(broken, wait_most_s=600, concurrency_start=8)
    answered = 0

    async def work(n: int) -> None:
        nonlocal answered
        request = ask(f"job{n % 5}")
        while (await model.complete(request)).outcome is not Outcome.OK:
            wait_s = rules.ready_at_s(broken.breaker) - monotonic_s()
            await anyio.sleep(min(max(wait_s, 0.1 * pace), pace))
        answered += 1

    async with anyio.create_task_group() as group:
        for n in range(200):
            group.start_soon(work, n)

    (opened_at_s,) = broken.opened_at_s
    before = sum(at_s <= opened_at_s for at_s in provider.asked_at_s)
    while_open = sum(opened_at_s < at_s < up_at_s for at_s in provider.asked_at_s)
    assert before <= 8 + 4  # those in flight, and one after each failure but the one that opened it
    assert while_open <= 2
    assert answered == 200
    assert provider.outcomes[Outcome.OK] == 200
    assert limiter.statistics()[:2] == (0, 0)
