"""What an attempt is said to have cost: nothing where nothing can have been charged, an estimate where nobody knows."""

import contextlib
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.errors import BudgetExceeded, Misconfigured, NoAnswer
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.model import Card, Completion, Piece, Usage
from bullpen.orchestrator.gateway.providers.openai_http import OpenAIHttp
from bullpen.orchestrator.gateway.providers.openai_shape import Answer, Asked
from bullpen.orchestrator.gateway.providers.reading import read
from bullpen.orchestrator.journal.tally import Tally
from bullpen.orchestrator.rules.outcome import RULES, Outcome
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.settings import Deployment, Rung, Settings
from bullpen.orchestrator.system import open_system
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing.contracts import backend
from bullpen.orchestrator.testing.provider import Fails, Reply, Says, ScriptedProvider
from bullpen.orchestrator.worker import Context, Worker

from ..dispatch.planned import Planned
from .stacks import GOOD, always, says, stack, stacked, typed
from .wire import plain, raw_server

PRICED = Card(Prices(1, 2))
pytestmark = pytest.mark.anyio


@pytest.fixture(params=["virtual time"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return backend(request.param)


def tallied(events: Any) -> Tally:
    tally = Tally()
    for event in events:
        tally.hear(event)
    return tally


# ---------------------------------------------------------------- what is free


@given(st.integers(200, 599), st.sampled_from([b"", b"{}", b'{"error": {"message": "no"}}', b"<html>"]))
def test_an_http_error_is_free_but_for_those_behind_which_a_model_may_have_worked(status: int, body: bytes) -> None:
    outcome = read(Answer(status, {}, body), Asked()).outcome

    assert outcome.rule.is_free == (status >= 300 and status not in (408, 504))


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "no"}}',
        b'{"error": {"message": "no", "code": 503}}',
        b'{"choices": [{"message": {"content": "x"}, "finish_reason": "error"}]}',
    ],
)
def test_an_error_in_a_200_is_not_known_to_be_free(body: bytes) -> None:
    assert not read(Answer(200, {}, body), Asked()).outcome.rule.is_free


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_an_attempt_costs_nothing_the_counted_tokens_or_an_estimate_that_is_told(outcome: Outcome) -> None:
    for usage in (Usage(), Usage(3, 1)):
        model, journal, request = stack([always(Completion(outcome, text="x", usage=usage), card=PRICED)])
        with contextlib.suppress(NoAnswer, Misconfigured):
            await model.complete(request)
        attempts = [event.value for event in journal.events if event.kind == "model.attempted"]
        for attempt in attempts:
            if usage != Usage():
                assert (attempt["micro_usd"], attempt["estimated"]) == (5, "")
            elif RULES[outcome].is_free:
                assert (attempt["micro_usd"], attempt["estimated"]) == (0, "")
            else:
                assert attempt["micro_usd"] > 2 * 4096
                assert attempt["estimated"]
        told = tallied(journal.events)
        assert told.estimated_micro_usd == sum(each["micro_usd"] for each in attempts if each["estimated"])
        assert bool(told.estimated_micro_usd) == any("estimated" in reason for reason in told.degraded)


@pytest.mark.parametrize(
    ("usage", "why"),
    [
        (Usage(), "no usage"),
        (Usage(0, 5), "fewer tokens"),
        (Usage(5, 0), "fewer tokens"),
        (Usage(10**8, 10**8), "more tokens"),
        (Usage(5, 10**6), "more tokens"),
    ],
)
async def test_a_usage_that_cannot_be_is_replaced_by_the_most_it_could_be_and_told(usage: Usage, why: str) -> None:
    model, journal, request = stack([always(Completion(Outcome.OK, text="x", usage=usage), card=PRICED)])
    (attempt,) = (await model.complete(request)).receipt.attempts

    assert why in attempt.estimated
    assert (attempt.price_source, attempt.micro_usd > 2 * 4096) == ("estimated", True)
    assert any("the cost is estimated: rung scripted:m0: it told" in each for each in tallied(journal.events).degraded)


async def test_an_estimate_that_uses_up_a_budget_is_named_by_its_refusal() -> None:
    model, _, request = stack([always(Completion(Outcome.OK, text="x"), card=PRICED)], limit=16_000)
    await model.complete(request)

    with pytest.raises(BudgetExceeded, match=r"is spent \(0\.008\d+ of it estimated\)"):
        await model.complete(request._replace(again=1))


# ---------------------------------------------------------------- what came of an attempt is on record


@given(st.lists(st.sampled_from([GOOD, '{"name": "a"}', "{nothing", "", "I'm sorry, but I can't help with that."])))
def test_the_record_has_what_came_of_each_attempt_and_so_has_the_receipt(answers: list[str]) -> None:
    async def story() -> None:
        model, journal, request = stack([says(*answers, *[GOOD] * 3)])
        try:
            receipt = [each.outcome for each in (await model.complete(typed(request))).receipt.attempts]
        except NoAnswer:
            receipt = []
        recorded = [event.value["outcome"] for event in journal.events if event.kind == "model.attempted"]
        texts = [event.value["text"] for event in journal.events if event.kind == "model.attempted"]
        expected = {GOOD: "ok", '{"name": "a"}': "off_schema", "{nothing": "off_schema", "": "off_schema"}
        assert recorded == [expected.get(text, "refused") for text in texts]
        assert not receipt or recorded == receipt
        assert sum(tallied(journal.events).poor.values()) == sum(outcome != "ok" for outcome in recorded)

    anyio.run(story)


# ---------------------------------------------------------------- over HTTP


class Ask(Worker):
    """Asks what it is told to, ten times."""

    async def run(self, task: str, ctx: Context) -> str:
        return " ".join([await ctx.ask("ask", question=f"{task} {n}") for n in range(10)])


def test_a_job_worth_a_third_of_a_cent_survives_twelve_server_errors_on_a_budget_of_two_cents() -> None:
    """Ten answers of 170 and 100 tokens at $1 and $2 a million come to $0.0037."""
    answer: Reply = Says("fine", tokens_in=170, tokens_out=100)
    script: list[Reply] = [*[Fails(500), Fails(503), answer] * 6, *[answer] * 4]
    with ScriptedProvider(script) as server:
        # Four names for one address, so that none of them fails so often that it would be left alone.
        rung = Rung(
            model="openai_http:m",
            deployments=tuple(Deployment(base_url=server.url) for _ in range(4)),
            price_in_usd=1,
            price_out_usd=2,
        )

        async def story() -> Any:
            plan = Plan(tasks=(PlannedTask(id="ask-1", worker="ask", input="how?"),))
            team = Team(Planned(plan), (Ask,))
            async with open_system(Settings(rungs=(rung,), backoff_s=0.001), team) as system:
                async with system.launch("How much?", budget_usd=0.02) as job:
                    return await job.result()

        report = anyio.run(story)

    assert len(server.asked) == report.calls.model == 22
    assert (report.status, report.cost_usd, report.estimated_usd) == ("ok", 0.0037, 0.0)


@pytest.mark.parametrize("thought", ["<think>1 or 2?</think>\n\n", "1 or 2?\n</think>\n\n", ""])
def test_whoever_watches_a_stream_sees_the_answer_without_the_thinking(thought: str) -> None:
    pieces: list[Piece] = []
    with ScriptedProvider([Says(f"{thought}It is 2 now.")]) as server:
        rung = Rung(model="openai_http:m", base_url=server.url)

        async def story() -> Completion:
            provider = OpenAIHttp(rung)
            model, _, request = stacked([(rung, [provider])])
            completion = await model.complete(request._replace(watch=pieces.append))
            await provider.aclose()
            return completion

        completion = anyio.run(story)

    void = max((n for n, piece in enumerate(pieces) if piece.interrupted), default=-1)
    assert completion.text == "".join(piece.text for piece in pieces[void + 1 :]) == "It is 2 now."
    assert ("1 or 2?" not in "".join(piece.text for piece in pieces)) == (not thought.startswith("1"))


@pytest.mark.parametrize("found", [b"<html>", b'{"error": {"message": "no"}}'])
def test_a_question_that_was_not_sent_since_no_model_was_found_costs_nothing(found: bytes) -> None:
    async def story() -> Tally:
        async def answer(writer: Any) -> None:
            writer.write(plain(found))
            await writer.drain()

        async with raw_server(answer) as server:
            rung = Rung(model="openai_http:auto", base_url=server.url, price_in_usd=1, price_out_usd=2)
            provider = OpenAIHttp(rung)
            model, journal, request = stacked([(rung, [provider])], course=Course(backoff_s=0.001))
            with contextlib.suppress(NoAnswer, Misconfigured):
                await model.complete(request)
            await provider.aclose()
        assert {head.split()[0] for head, _ in server.requests} == {b"GET"}
        return tallied(journal.events)

    tally = anyio.run(story)
    assert tally.micro_usd == tally.estimated_micro_usd == 0
    assert not any("estimated" in reason for reason in tally.degraded)
