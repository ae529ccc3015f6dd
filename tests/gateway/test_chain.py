"""Who is asked, how often and when: the chain over scripted models, on real and on virtual time."""

import math
from itertools import pairwise
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.orchestrator.clock import monotonic_s
from bullpen.orchestrator.errors import BudgetExceeded, Misconfigured, NoAnswer
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.model import Card, Completion, Piece, Request
from bullpen.orchestrator.rules.outcome import RULES, Outcome
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ScriptedModel
from bullpen.orchestrator.testing.contracts import BACKENDS, backend

from .stacks import GOOD, always, asked, says, stack, stacked, typed

VIRTUAL = backend("virtual time")
#: For what waits for seconds or minutes.
only_virtual = pytest.mark.parametrize("anyio_backend", [VIRTUAL], ids=["virtual time"])


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return backend(request.param)


def fails(outcome: Outcome, **fields: Any) -> ScriptedModel:
    return always(Completion(outcome, **fields))


def counts(*models: ScriptedModel) -> list[int]:
    return [len(model.requests) for model in models]


# ---------------------------------------------------------------- who


@pytest.mark.anyio
async def test_rungs_are_asked_in_order_until_one_answers() -> None:
    models = [fails(Outcome.UNREACHABLE), fails(Outcome.TIMED_OUT), says("third"), says("never asked")]
    model, _, request = stack(models)
    completion = await model.complete(request)

    assert completion.text == "third"
    assert [attempt.outcome for attempt in completion.receipt.attempts] == ["unreachable", "timed_out", "ok"]
    assert counts(*models) == [1, 1, 1, 0]
    assert completion.receipt.degraded == (
        "scripted:m2 answered, not scripted:m0: scripted:m0 unreachable, scripted:m1 timed_out",
    )


@pytest.mark.anyio
async def test_when_no_rung_answers_the_error_tells_each_outcome() -> None:
    model, journal, request = stack([fails(Outcome.STALLED, detail="slow"), fails(Outcome.UNTRUSTED)])
    with pytest.raises(NoAnswer, match=r"scripted:m0 stalled \(slow\); scripted:m1 untrusted"):
        await model.complete(request)

    assert journal.events[-1].kind == "model.failed"


@pytest.mark.anyio
async def test_a_rung_serves_its_roles_only() -> None:
    rungs = [(Rung(model="scripted:a", roles=("judge",)), [says("a")]), (Rung(model="scripted:b"), [says("b")])]
    model, _, request = stacked(rungs)

    completion = await model.complete(request)
    assert completion.text == "b"
    assert completion.receipt.passed_over == ("scripted:a does not serve role 'r'",)
    assert completion.receipt.degraded == ()


@pytest.mark.anyio
async def test_a_role_has_a_chain_of_its_own() -> None:
    course = Course(chains={"r": ("scripted:b",), "default": ("scripted:a",)})
    rungs = [(Rung(model="scripted:a"), [always("a")]), (Rung(model="scripted:b"), [always("b")])]
    model, _, request = stacked(rungs, course=course)

    assert (await model.complete(request)).text == "b"
    assert (await model.complete(request._replace(role="other"))).text == "a"


@pytest.mark.anyio
async def test_no_rung_below_the_floor_or_above_the_ceiling_is_asked() -> None:
    rungs = [(Rung(model=f"scripted:{tier}", tier=tier), [always(str(tier))]) for tier in (1, 2, 3)]
    model, _, request = stacked(rungs, course=Course(floors={"r": 2}))

    assert (await model.complete(request)).text == "2"
    assert (await model.complete(request._replace(floor=3))).text == "3"
    assert (await model.complete(request._replace(role="other", ceiling=1))).text == "1"
    low, _, request = stacked(list(reversed(rungs)), course=Course(ceilings={"r": 2}))
    assert (await low.complete(request)).text == "2"
    assert (await low.complete(request._replace(ceiling=1))).text == "1"
    with pytest.raises(NoAnswer, match="scripted:1 is of tier 1; this call needs 4 to 9"):
        await model.complete(request._replace(floor=4))


@pytest.mark.anyio
async def test_our_own_mistake_is_an_error_where_nobody_else_can_be_asked() -> None:
    for outcome in (Outcome.KEY_REFUSED, Outcome.NO_SUCH_MODEL, Outcome.BAD_REQUEST, Outcome.NO_QUOTA):
        refused = fails(outcome)
        model, _, request = stack([refused], api_key_env="MY_KEY")
        with pytest.raises(Misconfigured, match=r"scripted:m0.*: (set|add|mend)"):
            await model.complete(request)
        assert counts(refused) == [1]


@pytest.mark.anyio
async def test_our_own_mistake_on_one_rung_is_not_the_reason_where_another_one_failed() -> None:
    model, _, request = stack([fails(Outcome.KEY_REFUSED), fails(Outcome.UNTRUSTED)])
    with pytest.raises(NoAnswer, match="scripted:m0 key_refused; scripted:m1 untrusted"):
        await model.complete(request)


@pytest.mark.anyio
async def test_a_refused_key_is_said_aloud_and_its_rung_is_out_for_the_job() -> None:
    refused = fails(Outcome.KEY_REFUSED, detail="401")
    model, journal, request = stack([refused, always("fine")], api_key_env="MY_KEY")
    first, second = [await model.complete(request._replace(inputs={"text": text})) for text in "ab"]

    assert (first.text, second.text) == ("fine", "fine")
    assert counts(refused) == [1]
    (notice,) = [event.value for event in journal.events if event.kind == "rung.refused"]
    assert notice["mend"] == "the key was refused: set MY_KEY to a valid one"
    assert first.receipt.degraded == second.receipt.degraded
    assert "scripted:m0 key_refused" in first.receipt.degraded[0]


@pytest.mark.anyio
async def test_a_third_opinion_on_a_refusal_is_not_asked_for() -> None:
    models = [fails(Outcome.REFUSED), fails(Outcome.REFUSED), says("never asked")]
    model, _, request = stack(models)
    with pytest.raises(NoAnswer, match="refused"):
        await model.complete(request)

    assert counts(*models) == [1, 1, 0]


@pytest.mark.anyio
async def test_a_refusal_where_json_was_asked_for_is_not_asked_for_again() -> None:
    refuses = always("I'm sorry, but I can't help with that.")
    model, _, request = stack([refuses, says(GOOD)])
    completion = await model.complete(typed(request))

    assert [attempt.outcome for attempt in completion.receipt.attempts] == ["refused", "ok"]


# ---------------------------------------------------------------- again


@pytest.mark.anyio
async def test_a_poor_answer_is_asked_for_again_with_what_was_wrong() -> None:
    scripted = says('{"name": "a"}', GOOD)
    model, journal, request = stack([scripted])
    completion = await model.complete(typed(request))

    assert completion.value == {"name": "a", "size": 1}
    assert "size: Field required" in scripted.requests[1].messages[-1].content
    assert scripted.requests[1].messages[-2].content == '{"name": "a"}'
    assert [attempt.outcome for attempt in completion.receipt.attempts] == ["off_schema", "ok"]
    assert [e.value["text"] for e in journal.events if e.kind == "model.attempted"] == ['{"name": "a"}', GOOD]


@pytest.mark.anyio
async def test_an_answer_off_its_schema_three_times_goes_to_the_next_rung() -> None:
    model, _, request = stack([says("no", "no", "no"), says(GOOD)])
    completion = await model.complete(typed(request))

    assert completion.value["size"] == 1
    assert len(completion.receipt.attempts) == 4


@pytest.mark.anyio
async def test_a_cut_answer_is_asked_for_once_with_more_room() -> None:
    short, scripted = Completion(Outcome.TRUNCATED, text="Once upon"), says()
    scripted = says(short, "Once upon a time.")
    model, _, request = stack([scripted], tokens_out_most=100)

    assert (await model.complete(request)).text == "Once upon a time."
    assert scripted.requests[1].tokens_out_most == 200


@pytest.mark.anyio
async def test_text_that_stays_cut_is_used_and_labelled() -> None:
    model, _, request = stack([fails(Outcome.TRUNCATED, text="Once upon")])
    completion = await model.complete(request)

    assert completion.text == "Once upon"
    assert completion.receipt.degraded == ("scripted:m0 cut its answer short at its bound of tokens",)


@pytest.mark.anyio
async def test_of_several_cut_texts_the_longest_is_used_and_shown_again() -> None:
    models = [fails(Outcome.TRUNCATED, text="Once upon a time"), fails(Outcome.TRUNCATED, text="Once")]
    shown: list[Piece] = []
    model, _, request = stack(models)
    completion = await model.complete(request._replace(watch=shown.append))

    assert completion.text == "Once upon a time"
    assert shown == [Piece("Once upon a time", "scripted:m0")]


@pytest.mark.anyio
async def test_json_that_is_cut_is_no_answer() -> None:
    model, _, request = stack([fails(Outcome.TRUNCATED, text='{"name": "a"')])
    with pytest.raises(NoAnswer, match="truncated"):
        await model.complete(typed(request))


@only_virtual
@pytest.mark.anyio
async def test_the_last_rung_is_given_more_chances_than_those_that_have_another_one_below() -> None:
    models = [fails(Outcome.UNREACHABLE), fails(Outcome.UNREACHABLE)]
    model, _, request = stack(models)
    with pytest.raises(NoAnswer, match="unreachable"):
        await model.complete(request)

    assert counts(*models) == [1, 3]


@pytest.mark.anyio
async def test_a_provider_without_schemas_is_asked_in_words() -> None:
    scripted = says(Completion(Outcome.NO_SCHEMA_MODE), GOOD)
    model, _, request = stack([scripted])

    assert (await model.complete(typed(request))).value["name"] == "a"
    assert [request.is_prompted for request in scripted.requests] == [False, True]


@only_virtual
@pytest.mark.anyio
async def test_a_retry_waits_no_shorter_than_it_was_told() -> None:
    at: list[float] = []

    def answer(request: Request) -> Any:
        at.append(monotonic_s())
        return Completion(Outcome.RATE_LIMITED, retry_after_s=7.0) if len(at) < 3 else "fine"

    model, _, request = stack([ScriptedModel(answer)])
    assert (await model.complete(request)).text == "fine"
    assert [7.0 <= later - earlier <= 8.0 for earlier, later in pairwise(at)] == [True, True]


@only_virtual
@pytest.mark.anyio
async def test_a_wait_beyond_patience_goes_to_the_next_rung_at_once() -> None:
    busy = fails(Outcome.RATE_LIMITED, retry_after_s=120.0)
    model, _, request = stack([busy, always("fine")])
    began_s = monotonic_s()
    first, second = [await model.complete(request._replace(inputs={"text": text})) for text in "ab"]

    assert monotonic_s() - began_s < 1
    assert counts(busy) == [1]
    assert first.text == second.text == "fine"
    assert second.receipt.passed_over == ("scripted:m0: cooling for 120 s",)


@only_virtual
@pytest.mark.anyio
async def test_a_server_error_is_retried_twice_with_growing_pauses_and_none_after_the_last() -> None:
    at: list[float] = []

    def answer(request: Request) -> Completion:
        at.append(monotonic_s())
        return Completion(Outcome.SERVER_ERROR)

    model, _, request = stack([ScriptedModel(answer), always("fine")])
    began_s = monotonic_s()
    await model.complete(request)

    first, second = at[1] - at[0], at[2] - at[1]
    assert len(at) == 3
    assert 0.5 <= first <= 1.0 <= second <= 2.0
    assert monotonic_s() == pytest.approx(began_s + first + second)


@only_virtual
@pytest.mark.anyio
async def test_where_all_are_cooling_the_call_waits_for_the_first_of_them() -> None:
    scripted = says(Completion(Outcome.RATE_LIMITED, retry_after_s=50.0), "x", "y")
    model, _, request = stack([scripted], attempts_most=1)
    with pytest.raises(NoAnswer):
        await model.complete(request)
    began_s = monotonic_s()

    assert (await model.complete(request._replace(inputs={"text": "b"}))).text == "x"
    assert 50.0 <= monotonic_s() - began_s <= 51.0


# ---------------------------------------------------------------- balance


@pytest.mark.anyio
async def test_a_rung_with_several_deployments_asks_the_least_busy() -> None:
    rung = Rung(model="scripted:m", deployments=({"name": "east"}, {"name": "west"}))  # type: ignore[arg-type]
    models = [always("a", delay_s=0.05), always("b", delay_s=0.05)]
    model, journal, _ = stacked([(rung, models)])

    async with anyio.create_task_group() as group:
        for n in range(10):
            group.start_soon(model.complete, asked(journal, str(n)))

    assert counts(*models) == [5, 5]
    assert {event.value["rung"] for event in journal.events if event.kind == "model.attempted"} == {"east", "west"}


@only_virtual
@pytest.mark.anyio
async def test_a_slow_deployment_is_asked_less_often() -> None:
    rung = Rung(model="scripted:m", deployments=({"name": "slow"}, {"name": "quick"}))  # type: ignore[arg-type]
    slow, quick = always("a", delay_s=10.0), always("b", delay_s=1.0)
    model, journal, _ = stacked([(rung, [slow, quick])])

    async with anyio.create_task_group() as group:
        for n in range(10):
            group.start_soon(model.complete, asked(journal, str(n)))
            await anyio.sleep(1.5)

    assert counts(slow, quick) == [2, 8]


@pytest.mark.anyio
async def test_a_key_that_refuses_many_calls_at_once_is_said_aloud_once() -> None:
    model, journal, _ = stack([fails(Outcome.KEY_REFUSED), always("fine")])

    async with anyio.create_task_group() as group:
        for n in range(5):
            group.start_soon(model.complete, asked(journal, str(n)))

    assert len([event for event in journal.events if event.kind == "rung.refused"]) == 1


@only_virtual
@pytest.mark.anyio
async def test_another_deployment_is_asked_at_once_when_one_fails() -> None:
    rung = Rung(model="scripted:m", deployments=({"name": "east"}, {"name": "west"}))  # type: ignore[arg-type]
    model, _, request = stacked([(rung, [fails(Outcome.RATE_LIMITED, retry_after_s=30.0), always("west")])])
    began_s = monotonic_s()
    completion = await model.complete(request)

    assert completion.text == "west"
    assert monotonic_s() == began_s
    assert completion.receipt.degraded == ()


@only_virtual
@pytest.mark.anyio
async def test_a_broken_deployment_is_left_alone_until_it_is_probed() -> None:
    down = fails(Outcome.SERVER_ERROR)
    model, _, request = stack([down, always("fine")])
    for n in range(30):
        await model.complete(request._replace(inputs={"text": str(n)}))

    assert len(down.requests) <= 6


@only_virtual
@pytest.mark.anyio
async def test_who_waited_for_a_turn_does_not_ask_what_has_broken_meanwhile() -> None:
    down = fails(Outcome.UNTRUSTED)
    rungs = [(Rung(model="scripted:down", concurrency_most=1), [down]), (Rung(model="scripted:b"), [always("fine")])]
    model, journal, _ = stacked(rungs)

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(model.complete, asked(journal, str(n)))

    assert len(down.requests) == 5


@pytest.mark.anyio
async def test_only_who_has_to_recover_is_left_alone_for_as_long_as_it_says() -> None:
    model, _, request = stack([says(Completion(Outcome.EMPTY, retry_after_s=500.0), "fine")])

    assert (await model.complete(request)).text == "fine"


# ---------------------------------------------------------------- streams


@pytest.mark.anyio
async def test_what_was_shown_of_a_broken_stream_is_void() -> None:
    def streams(*pieces: str, outcome: Outcome = Outcome.OK) -> ScriptedModel:
        def answer(request: Request) -> Completion:
            for piece in pieces:
                assert request.watch is not None
                request.watch(Piece(piece))
            return Completion(outcome, text="".join(pieces))

        return ScriptedModel(answer)

    shown: list[Piece] = []
    model, _, request = stack([streams("Once ", outcome=Outcome.INTERRUPTED), streams("Once ", "upon")])
    completion = await model.complete(request._replace(watch=shown.append))

    assert completion.text == "Once upon"
    assert [(piece.text, piece.interrupted) for piece in shown] == [
        *(("Once ", False), ("", True), ("Once ", False), ("upon", False))
    ]


# ---------------------------------------------------------------- bounds


@pytest.mark.anyio
async def test_a_bound_of_money_keeps_a_rung_from_being_asked() -> None:
    dear = always("dear", card=Card(Prices(1000, 1000)))
    model, _, request = stack([dear], limit=1000, tokens_out_most=100)
    with pytest.raises(BudgetExceeded):
        await model.complete(request)
    with pytest.raises(BudgetExceeded):
        await stack([always("x", card=Card(Prices(1, 1)))])[0].complete(request._replace(allowance=10))

    assert counts(dear) == [0]


OUTCOMES = st.sampled_from([each for each in Outcome if each is not Outcome.COOLING])
FAULTS = st.builds(
    lambda outcome, wait_s, delay_s: (Completion(outcome, retry_after_s=wait_s), delay_s),
    OUTCOMES,
    st.none() | st.floats(0, 200),
    st.sampled_from([0.0, 0.0, 0.3, 40.0, 500.0]),
)


@settings(max_examples=150, deadline=None)
@given(
    scripts=st.lists(st.lists(FAULTS, min_size=1, max_size=4), min_size=1, max_size=3),
    tiers=st.lists(st.integers(1, 3), min_size=3, max_size=3),
    floor=st.integers(0, 3),
    attempts_most=st.integers(1, 4),
    timeout_s=st.floats(1, 400),
)
def test_a_call_keeps_its_order_its_bounds_and_its_deadline(
    scripts: list[list[tuple[Completion, float]]], tiers: list[int], floor: int, attempts_most: int, timeout_s: float
) -> None:
    """Models asked in order, attempts bounded, never below the floor, every attempt on the receipt, ended in time.

    What was not asked of a model, such as what went over a connection that had been closed, is no attempt, and is made
    up for as often as its rule says.
    """
    sent: list[int] = []
    uncounted: list[tuple[int, Outcome]] = []

    def scripted(n: int, script: list[tuple[Completion, float]]) -> ScriptedModel:
        model = ScriptedModel(lambda request: script[min(len(model.requests), len(script)) - 1][0])
        complete = model.complete

        async def slowly(request: Request) -> Completion:
            sent.append(n)
            await anyio.sleep(script[min(len(model.requests), len(script) - 1)][1])
            completion = await complete(request)
            uncounted.extend([] if completion.outcome.rule.is_counted else [(n, completion.outcome)])
            return completion

        model.complete = slowly  # type: ignore[method-assign]
        return model

    rungs = [
        (Rung(model=f"scripted:{n}", tier=tiers[n], attempts_most=attempts_most), [scripted(n, script)])
        for n, script in enumerate(scripts)
    ]

    async def story() -> None:
        model, journal, request = stacked(rungs, course=Course(timeout_s=timeout_s))
        began_s = monotonic_s()
        try:
            completion = await model.complete(request._replace(floor=floor))
            assert [attempt.rung for attempt in completion.receipt.attempts] == [f"scripted:{n}" for n in sent]
        except (NoAnswer, Misconfigured):
            pass
        assert monotonic_s() - began_s <= timeout_s + 0.5
        attempted = [event.value["rung"] for event in journal.events if event.kind == "model.attempted"]
        assert attempted == [f"scripted:{n}" for n in sent]

    anyio.run(story, backend=VIRTUAL[0], backend_options=VIRTUAL[1])
    assert sent == sorted(sent)
    for n in set(sent):
        assert sent.count(n) - [each for each, _ in uncounted].count(n) <= attempts_most
    assert all(uncounted.count(each) <= 1 + each[1].rule.again_last for each in uncounted)
    assert all(tiers[n] >= floor for n in sent)


def test_every_outcome_has_a_rule_and_every_mistake_of_ours_a_mend() -> None:
    assert RULES.keys() == set(Outcome)
    assert all(rule.mend for rule in RULES.values() if rule.is_out)
    assert all(rule.again <= rule.again_last for rule in RULES.values())


@only_virtual
@pytest.mark.anyio
async def test_two_hundred_callers_of_a_provider_that_is_down_send_it_probes_alone_and_all_get_their_answer() -> None:
    at: list[float] = []

    def answer(request: Request) -> Any:
        at.append(monotonic_s())
        return Completion(Outcome.SERVER_ERROR) if began_s <= monotonic_s() < began_s + 60 else "fine"

    model, journal, _ = stack([ScriptedModel(answer, delay_s=0.1)])
    began_s = math.inf
    for n in range(8):
        await model.complete(asked(journal, f"while it is well {n}"))
    began_s = monotonic_s()
    answers: list[str] = []

    async def ask(n: int) -> None:
        answers.append((await model.complete(asked(journal, str(n)))).text)

    async with anyio.create_task_group() as group:
        for n in range(200):
            group.start_soon(ask, n)

    assert answers == ["fine"] * 200
    down = [when - began_s for when in at if 2.0 < when - began_s < 60]
    assert len(down) <= 6
