"""A call that is cut off at any moment gives everything back, and what it may have cost is on record."""

import contextlib
from random import Random
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.orchestrator.clock import monotonic_s
from bullpen.orchestrator.errors import BadInput, BudgetExceeded, BullpenError, CassetteMiss, NoAnswer, Overloaded
from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.gateway import open_gateway
from bullpen.orchestrator.gateway.model import Card, Completion, Piece, Request, Usage
from bullpen.orchestrator.gateway.stack import compose
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.settings import Deployment, Rung, load_settings
from bullpen.orchestrator.testing import ManualClock, ScriptedModel
from bullpen.orchestrator.testing.contracts import BACKENDS, backend

from .stacks import always, asked, deployed, says, stack, stacked

VIRTUAL = backend("virtual time")
only_virtual = pytest.mark.parametrize("anyio_backend", [VIRTUAL], ids=["virtual time"])
PRICED = Card(Prices(1, 1))


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return backend(request.param)


def attempts(journal: InMemoryJournal) -> list[Any]:
    return [event.value for event in journal.events if event.kind == "model.attempted"]


# ---------------------------------------------------------------- cancelled anywhere

SCRIPT = st.lists(
    st.sampled_from([Outcome.OK, Outcome.OK, Outcome.SERVER_ERROR, Outcome.RATE_LIMITED, Outcome.TRUNCATED]),
    min_size=1,
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(
    scripts=st.lists(SCRIPT, min_size=3, max_size=3),
    cancelled_at_s=st.lists(st.floats(0, 60), min_size=1, max_size=12),
    limit=st.none() | st.integers(600, 9000),
)
def test_a_call_that_is_cancelled_anywhere_gives_back_all_it_held(
    scripts: list[list[Outcome]], cancelled_at_s: list[float], limit: int | None
) -> None:
    """Two jobs share a rung of two deployments that allow one request at a time and twenty a minute, and one below."""
    sent = [0]

    def scripted(script: list[Outcome]) -> ScriptedModel:
        def answer(request: Request) -> Completion:
            sent[0] += 1
            return Completion(script[sent[0] % len(script)], text="so", retry_after_s=2.0)

        return ScriptedModel(answer, delay_s=3.0, card=PRICED)

    two = (Deployment(name="east"), Deployment(name="west"))
    bounds: dict[str, Any] = {"concurrency_most": 1, "tokens_out_most": 100}
    rungs = [
        (
            Rung(model="scripted:a", deployments=two, requests_per_minute=20, **bounds),
            [scripted(s) for s in scripts[:2]],
        ),
        (Rung(model="scripted:b", **bounds), [scripted(scripts[2])]),
    ]

    async def story() -> None:
        places = deployed(rungs)
        jobs = [(Ledger("job", limit), InMemoryJournal("job", ManualClock())) for _ in range(2)]
        models = [compose(places, ledger, Course(timeout_s=50), Random(0)) for ledger, _ in jobs]

        async def call(n: int, at_s: float) -> None:
            with anyio.move_on_after(at_s):
                with contextlib.suppress(BullpenError):
                    await models[n % 2].complete(asked(jobs[n % 2][1], str(n)))

        async with anyio.create_task_group() as group:
            for n, at_s in enumerate(cancelled_at_s):
                group.start_soon(call, n, at_s)

        for deployment in (each for _, several in places for each in several):
            held = deployment.limiter.statistics()
            assert (held.in_flight, held.waiting, deployment.load, deployment.breaker.probe_at_s) == (0, 0, 0, None)
        for ledger, journal in jobs:
            assert ledger.reserved == 0
            assert ledger.spent == sum(attempt["micro_usd"] for attempt in attempts(journal))

    anyio.run(story, backend=VIRTUAL[0], backend_options=VIRTUAL[1])


@only_virtual
@pytest.mark.anyio
async def test_a_cancelled_attempt_is_on_record_as_spent_in_full() -> None:
    model, journal, request = stack([always("late", delay_s=10, card=PRICED)], limit=100_000)
    with anyio.move_on_after(5):
        await model.complete(request)

    (attempt,) = attempts(journal)
    assert (attempt["outcome"], attempt["seconds"], attempt["price_source"]) == ("cancelled", 5.0, "estimated")
    assert attempt["micro_usd"] > 4096


@only_virtual
@pytest.mark.anyio
async def test_a_probe_that_is_cancelled_lets_the_next_one_in() -> None:
    is_down = [True]
    scripted = ScriptedModel(lambda request: Completion(Outcome.SERVER_ERROR) if is_down[0] else "up", delay_s=1.0)
    rungs = deployed([(Rung(model="scripted:m", attempts_most=1), [scripted])])
    journal = InMemoryJournal("job", ManualClock())
    model = compose(rungs, Ledger("job", None), Course(backoff_s=0.0), Random(0))
    for n in range(5):
        with pytest.raises(NoAnswer):
            await model.complete(asked(journal, str(n)))
    await anyio.sleep(31)
    is_down[0] = False
    with anyio.move_on_after(0.5):
        await model.complete(asked(journal, "the probe"))
    began_s = monotonic_s()

    assert (await model.complete(asked(journal, "next"))).text == "up"
    assert monotonic_s() == began_s + 1.0


# ---------------------------------------------------------------- what nobody expected


@pytest.mark.anyio
async def test_a_provider_that_breaks_is_an_outcome_on_record_and_the_next_rung_is_asked() -> None:
    model, journal, request = stack(
        [always(KeyError("choices"), card=PRICED), always("fine", card=PRICED)], limit=10**6
    )
    completion = await model.complete(request)

    assert completion.text == "fine"
    broken, _ = attempts(journal)
    assert (broken["outcome"], broken["price_source"]) == ("broken", "estimated")
    assert broken["detail"] == "the provider raised KeyError: 'choices'"
    assert completion.receipt.degraded == ("scripted:m1 answered, not scripted:m0: scripted:m0 broken",)


@pytest.mark.anyio
async def test_a_provider_that_keeps_breaking_is_left_alone() -> None:
    breaks = always(ValueError("bug"))
    model, journal, _ = stack([breaks, always("fine")])
    for n in range(8):
        await model.complete(asked(journal, str(n)))

    assert len(breaks.requests) == 5


@pytest.mark.anyio
async def test_what_a_provider_raises_on_purpose_ends_the_call() -> None:
    model, journal, request = stack([always(CassetteMiss("not recorded")), always("never asked")])
    with pytest.raises(CassetteMiss):
        await model.complete(request)

    assert attempts(journal) == []


@pytest.mark.anyio
async def test_whoever_watches_and_raises_gets_that_back_and_no_other_rung_pays_for_it() -> None:
    def streams(request: Request) -> str:
        assert request.watch is not None
        request.watch(Piece("Once"))
        return "Once"

    def watch(piece: Piece) -> None:
        raise LookupError("no screen")

    second = says("never asked")
    model, journal, request = stack([ScriptedModel(streams), second])
    with pytest.raises(LookupError, match="no screen"):
        await model.complete(request._replace(watch=watch))

    assert second.requests == []
    assert [attempt["outcome"] for attempt in attempts(journal)] == ["broken"]
    assert journal.events[-1].kind == "model.failed"


# ---------------------------------------------------------------- time that is over


@only_virtual
@pytest.mark.anyio
async def test_whoever_waits_for_the_budget_waits_no_longer_than_its_deadline() -> None:
    model, journal, request = stack([always("late", delay_s=100, card=PRICED)], limit=5000)

    async with anyio.create_task_group() as group:
        group.start_soon(model.complete, request)
        await anyio.sleep(1)
        began_s = monotonic_s()
        with pytest.raises(NoAnswer, match="its time was over while it waited"):
            await model.complete(asked(journal, "b")._replace(deadline_s=began_s + 5))
        assert monotonic_s() <= began_s + 5.5


@pytest.mark.anyio
async def test_calls_whose_time_is_over_say_nothing_of_the_deployment() -> None:
    scripted = always("fine")
    model, journal, request = stack([scripted])
    for n in range(10):
        with pytest.raises(NoAnswer, match="its time was over before it could be sent"):
            await model.complete(asked(journal, str(n))._replace(deadline_s=monotonic_s() - 1))

    assert (await model.complete(request)).text == "fine"
    assert len(scripted.requests) == 1


@only_virtual
@pytest.mark.anyio
async def test_a_list_of_prices_that_does_not_come_keeps_nobody_beyond_the_deadline() -> None:
    class Slow(ScriptedModel):
        async def card(self) -> Card:
            await anyio.sleep(1000)
            return Card()

    model, _, request = stack([Slow("x")])  # type: ignore[arg-type]
    began_s = monotonic_s()
    with pytest.raises(NoAnswer, match="its time was over while it waited"):
        await model.complete(request._replace(deadline_s=began_s + 5))

    assert monotonic_s() <= began_s + 5.5


# ---------------------------------------------------------------- who else can answer


@pytest.mark.anyio
async def test_a_refused_key_of_one_deployment_leaves_the_other_ones() -> None:
    rung = Rung(model="scripted:m", deployments=tuple(Deployment(name=name) for name in "abc"))
    models = [always(Completion(Outcome.KEY_REFUSED)), always(Completion(Outcome.NO_QUOTA)), always("fine")]
    model, journal, request = stacked([(rung, models), (Rung(model="scripted:below"), [says("never asked")])])
    completion = await model.complete(request)

    assert completion.text == "fine"
    assert [attempt.rung for attempt in completion.receipt.attempts] == ["a", "b", "c"]
    assert completion.receipt.passed_over == ()
    assert (await model.complete(asked(journal, "again"))).receipt.attempts[0].rung == "c"


@pytest.mark.anyio
async def test_one_jobs_refused_key_is_tried_again_by_the_next_job() -> None:
    answers = [Completion(Outcome.KEY_REFUSED), "the key was mended"]
    rungs = deployed([(Rung(model="scripted:m"), [ScriptedModel(lambda request: answers.pop(0))])])
    for expected in ("refused", "mended"):
        journal = InMemoryJournal("job", ManualClock())
        try:
            told = (await compose(rungs, Ledger("job", None), Course(), Random(0)).complete(asked(journal))).text
        except BullpenError as error:
            told = str(error)
        assert expected in told


@only_virtual
@pytest.mark.anyio
async def test_a_rung_that_is_too_dear_does_not_keep_the_call_from_waiting_for_one_that_cools() -> None:
    answers = [Completion(Outcome.RATE_LIMITED, retry_after_s=20.0), "cheap"]
    cools = ScriptedModel(lambda request: answers.pop(0), card=PRICED)
    rungs = [
        (Rung(model="scripted:cheap", attempts_most=1), [cools]),
        (Rung(model="scripted:dear"), [always("x", card=Card(Prices(9000, 9000)))]),
    ]
    model, journal, request = stacked(rungs, limit=100_000)
    with pytest.raises(BullpenError):
        await model.complete(request)

    assert (await model.complete(asked(journal, "b"))).text == "cheap"


@only_virtual
@pytest.mark.anyio
async def test_the_wait_for_a_rung_that_cools_counts_from_when_it_said_so() -> None:
    cools = says(Completion(Outcome.RATE_LIMITED, retry_after_s=50.0), "cool")
    slow = ScriptedModel(lambda request: Completion(Outcome.UNTRUSTED), delay_s=25.0)
    rungs = [(Rung(model="scripted:cools", attempts_most=1), [cools]), (Rung(model="scripted:slow"), [slow])]
    model, journal, request = stacked(rungs, course=Course(timeout_s=60.0))
    with pytest.raises(NoAnswer):
        await model.complete(request)
    began_s = monotonic_s()

    assert (await model.complete(asked(journal, "b"))).text == "cool"
    assert monotonic_s() - began_s <= 26.0


@only_virtual
@pytest.mark.anyio
async def test_a_rung_passed_over_for_want_of_a_turn_is_a_fallback_that_is_told() -> None:
    slow = always("slow", delay_s=300)
    rungs = [
        (Rung(model="scripted:busy", concurrency_most=1, timeout_s=400), [slow]),
        (Rung(model="scripted:b"), [always("b")]),
    ]
    model, journal, request = stacked(rungs)

    async with anyio.create_task_group() as group:
        group.start_soon(model.complete, request)
        await anyio.sleep(1)
        completion = await model.complete(asked(journal, "b"))
        group.cancel_scope.cancel()

    assert completion.text == "b"
    assert completion.receipt.degraded == ("scripted:b answered, not scripted:busy: scripted:busy overloaded",)


@pytest.mark.anyio
async def test_a_rung_passed_over_for_its_price_is_a_fallback_that_is_told() -> None:
    rungs = [
        (Rung(model="scripted:dear"), [always("x", card=Card(Prices(9000, 9000)))]),
        (Rung(model="scripted:cheap"), [always("cheap", card=PRICED)]),
    ]
    model, _, request = stacked(rungs, limit=100_000)
    completion = await model.complete(request)

    assert completion.receipt.degraded == ("scripted:cheap answered, not scripted:dear: scripted:dear over budget",)


@pytest.mark.anyio
async def test_a_second_attempt_that_no_longer_fits_the_budget_leaves_the_cut_answer() -> None:
    cut = always(Completion(Outcome.TRUNCATED, text="Once upon"), card=PRICED)
    model, journal, request = stack([cut], limit=350, tokens_out_most=200)
    completion = await model.complete(request)

    assert completion.text == "Once upon"
    assert len(cut.requests) == len(completion.receipt.attempts) == len(attempts(journal)) == 1


@only_virtual
@pytest.mark.anyio
async def test_what_found_no_turn_was_not_spent() -> None:
    ledger, journal = Ledger("job", 100_000), InMemoryJournal("job", ManualClock())
    rung = Rung(model="scripted:m", concurrency_most=1, timeout_s=400)
    model = compose(deployed([(rung, [always("slow", delay_s=100, card=PRICED)])]), ledger, Course(), Random(0))

    async with anyio.create_task_group() as group:
        group.start_soon(model.complete, asked(journal, "a"))
        await anyio.sleep(1)
        with pytest.raises(Overloaded):
            await model.complete(asked(journal, "b"))

    (attempt,) = attempts(journal)
    assert (ledger.reserved, ledger.spent) == (0, attempt["micro_usd"])


@pytest.mark.anyio
async def test_a_factory_that_breaks_closes_what_was_opened_before_and_names_its_rung() -> None:
    class Closes(ScriptedModel):
        closed = 0

        async def aclose(self) -> None:
            self.closed += 1

    first = Closes("x")  # type: ignore[arg-type]

    def factory(rung: Rung) -> Closes:
        if rung.name == "west":
            raise OSError("no such file")
        return first

    rung = Rung(model="mine:m", deployments=(Deployment(name="east"), Deployment(name="west")))
    with pytest.raises(BadInput, match="the provider of rung 'west' cannot be made: OSError: no such file"):
        async with open_gateway(load_settings(rungs=(rung,)), {}, (), {"mine": factory}):
            raise AssertionError("it opened")

    assert first.closed == 1


@pytest.mark.anyio
async def test_the_key_is_not_in_what_a_provider_broke_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-0123456789")
    breaks = always(ValueError("GET https://x.invalid/?key=sk-0123456789"))
    model, journal, request = stack([breaks], api_key_env="MY_KEY")
    with pytest.raises(NoAnswer, match=r"\?key=\[key\]"):
        await model.complete(request)

    assert "sk-0123456789" not in str(journal.events)


@only_virtual
@pytest.mark.anyio
async def test_chance_makes_nobody_wait_beyond_the_deadline() -> None:
    cools = always(Completion(Outcome.RATE_LIMITED, retry_after_s=50.0))
    rung = Rung(model="scripted:m", attempts_most=1)
    model, journal, request = stacked([(rung, [cools])], course=Course(backoff_s=500.0, timeout_s=55.0))
    with pytest.raises(NoAnswer):
        await model.complete(request)
    began_s = monotonic_s()
    with pytest.raises(NoAnswer):
        await model.complete(asked(journal, "b"))

    assert monotonic_s() - began_s <= 55.5


@pytest.mark.anyio
async def test_no_usage_that_a_provider_tells_costs_more_than_was_reserved_and_a_refusal_costs_nothing() -> None:
    absurd = Completion(Outcome.OK, text="so", usage=Usage(10**9, 10**9))
    ledger, journal = Ledger("job", 10**6), InMemoryJournal("job", ManualClock())
    answers = [Completion(Outcome.RATE_LIMITED, retry_after_s=0.0), absurd]
    scripted = ScriptedModel(lambda request: answers.pop(0), card=PRICED)
    model = compose(deployed([(Rung(model="scripted:m"), [scripted])]), ledger, Course(), Random(0))
    completion = await model.complete(asked(journal))

    refused, answered = completion.receipt.attempts
    assert (refused.micro_usd, refused.price_source) == (0, "not charged")
    assert answered.micro_usd == ledger.spent < 5000


@pytest.mark.anyio
async def test_a_call_with_an_allowance_is_not_made_where_nobody_knows_its_price() -> None:
    unpriced = always("x")
    model, _, request = stack([unpriced])
    with pytest.raises(BudgetExceeded, match="the price of rung 'scripted:m0' is not known"):
        await model.complete(request._replace(allowance=10**6))

    assert unpriced.requests == []
