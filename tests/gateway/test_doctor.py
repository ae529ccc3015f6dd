"""What an examination finds of a deployment, for each way in which it can answer or fail, and that it tells no key."""

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen import research_team
from bullpen.orchestrator.errors import Misconfigured
from bullpen.orchestrator.gateway.deployment import Deployment
from bullpen.orchestrator.gateway.doctor import (
    Bench,
    Check,
    Diagnosis,
    State,
    examine,
    examine_all,
    hidden,
    key_check,
)
from bullpen.orchestrator.gateway.doctor_mends import address_of, mend_of
from bullpen.orchestrator.gateway.gateway import provider_of
from bullpen.orchestrator.gateway.model import Card, Completion, Request, Usage
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock, ScriptedModel
from bullpen.orchestrator.testing.contracts import backend
from bullpen.orchestrator.testing.provider import Fails, Raw, Reply, Says, ScriptedProvider, says_json
from bullpen.orchestrator.testing.provider.faults_address import ADDRESSES

KNOWN = Card(Prices(1.0, 2.0), 8000)
GREEN = {"colour": "green"}
NOTES = {
    "notes": [
        {"point": 1, "text": "The Corvin cost 412,000 crowns.", "sentences": [4]},
        {"point": 2, "text": "Its piles had rotted.", "sentences": [7]},
    ]
}
CHOICE = {"sentences": [7]}
WELL = {"doctor_greeting": "hello", "doctor_colour": GREEN, "doctor_notes": NOTES, "doctor_choice": CHOICE}


over_http = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@pytest.fixture
def anyio_backend() -> Any:
    """No test here waits; those that ask a server over HTTP say so."""
    return backend("virtual time")


async def found(
    answers: Any, *, card: Card = KNOWN, delay_s: float = 0.0, rung: Rung | None = None, **bench: Any
) -> Diagnosis:
    """What is found of a deployment whose model answers so."""
    model = ScriptedModel(answers, card=card, delay_s=delay_s)
    bench = {"provider_of": model, "clock": ManualClock(), **bench}
    return await examine(Deployment.of(rung or Rung(model="scripted:m"), model), Bench(**bench))


def check(diagnosis: Diagnosis, name: str) -> Check:
    [only] = [each for each in diagnosis.checks if each.name == name]
    return only


def greets_with(outcome: Outcome, detail: str = "", **more: Any) -> dict[str, Any]:
    return {"doctor_greeting": Completion(outcome, detail=detail, **more), "doctor_colour": GREEN}


@pytest.mark.anyio
async def test_all_is_well() -> None:
    diagnosis = await found(WELL, card=KNOWN)

    assert [(each.name, each.state) for each in diagnosis.checks] == [
        ("key", State.SKIPPED),
        ("model", State.OK),
        ("schema", State.OK),
        ("ability", State.OK),
        ("context", State.OK),
        ("price", State.OK),
        ("clock", State.SKIPPED),
    ]
    assert check(diagnosis, "model").detail == "answered in 0.00 s as m"
    assert not [each for each in diagnosis.checks if each.mend]
    assert diagnosis.can_answer
    assert diagnosis.micro_usd is not None
    assert diagnosis.micro_usd > 0


@pytest.mark.anyio
async def test_the_questions_are_tiny() -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Any:
        asked.append(request)
        return WELL[request.prompt]

    await found(answer)
    assert [request.tokens_out_most for request in asked] == [32, 256, 2048]
    assert sum(len(message.content) for request in asked for message in request.messages) < 3_000


@pytest.mark.parametrize("outcome", [each for each in Outcome if each not in (Outcome.OK, Outcome.COOLING)])
def test_every_outcome_has_a_mend(outcome: Outcome) -> None:
    mend = mend_of(Rung(model="openai_http:m", base_url="http://x.invalid/v1"), Completion(outcome), "A_KEY")

    assert mend
    assert "{" not in mend


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("outcome", "detail", "state", "mend"),
    [
        (Outcome.KEY_REFUSED, "HTTP 401; no", State.FAILED, "the key was refused: set A_KEY to a valid one"),
        (Outcome.KEY_REFUSED, "HTTP 403; no", State.FAILED, "the key in A_KEY may not do this"),
        (Outcome.NO_SUCH_MODEL, "HTTP 404", State.FAILED, "mend `model` or `base_url`"),
        (Outcome.NO_QUOTA, "HTTP 429", State.FAILED, "the account of A_KEY has no credit left"),
        (Outcome.UNREACHABLE, "ClientConnectorDNSError: x", State.FAILED, "no such host as in"),
        (Outcome.UNREACHABLE, "ConnectionTimeoutError: x", State.FAILED, "look at firewall"),
        (Outcome.UNREACHABLE, "ClientConnectorError: x", State.FAILED, "start the server"),
        (Outcome.UNTRUSTED, "", State.FAILED, "no certificate we trust"),
        (Outcome.REDIRECTED, "HTTP 307 to x", State.FAILED, "set base_url to the address it points to"),
        (Outcome.NOT_JSON, "<html>", State.FAILED, "no OpenAI-compatible interface"),
        (Outcome.EMPTY, "", State.FAILED, "says nothing"),
        (Outcome.RATE_LIMITED, "HTTP 429", State.WARNING, "wait a little"),
    ],
)
async def test_what_came_of_a_greeting_is_told_with_its_mend(
    outcome: Outcome, detail: str, state: State, mend: str
) -> None:
    rung = Rung(model="scripted:m", api_key_env="A_KEY")
    diagnosis = await found(greets_with(outcome, detail), rung=rung, environment={"A_KEY": "x"})
    model = check(diagnosis, "model")

    assert model.state is state
    assert model.detail.startswith(str(outcome))
    assert mend in model.mend
    assert diagnosis.can_answer is (state is State.WARNING)
    assert check(diagnosis, "schema").state is State.SKIPPED


@pytest.mark.anyio
async def test_how_long_to_wait_is_told() -> None:
    diagnosis = await found(greets_with(Outcome.RATE_LIMITED, retry_after_s=12.0))

    assert "wait 12 s" in check(diagnosis, "model").mend


@pytest.mark.anyio
async def test_a_model_that_takes_too_long_is_given_up() -> None:
    diagnosis = await found(WELL, delay_s=9.0, timeout_s=5.0)

    assert check(diagnosis, "model").detail == "timed_out: no answer in 5.0 s"
    assert "--timeout" in check(diagnosis, "model").mend


@pytest.mark.anyio
async def test_another_model_than_the_one_that_was_asked_is_named() -> None:
    other = Completion(Outcome.OK, text="hello", model="m-mini", finish_reason="stop", usage=Usage(3, 1))
    model = check(await found({**WELL, "doctor_greeting": other}), "model")

    assert model.state is State.WARNING
    assert "as m-mini, not as m" in model.detail
    assert 'set model = "scripted:m-mini"' in model.mend


@pytest.mark.anyio
async def test_a_greeting_that_was_cut_short_is_an_answer() -> None:
    diagnosis = await found(greets_with(Outcome.TRUNCATED, text="Hel"))

    assert check(diagnosis, "model").state is State.OK
    assert check(diagnosis, "schema").state is State.OK


@pytest.mark.anyio
async def test_a_key_that_is_not_set_or_cannot_be_sent_is_ours_to_mend() -> None:
    rung = Rung(model="scripted:m", api_key_env="A_KEY")
    unset = await found(greets_with(Outcome.KEY_REFUSED), rung=rung)
    unsendable = await found(lambda request: Misconfigured("the key in A_KEY has characters …"), rung=rung)

    assert check(unset, "key") == Check(
        "key", State.FAILED, "A_KEY is not set", "set A_KEY, or name another variable as api_key_env"
    )
    assert [(each.name, each.state) for each in unsendable.checks] == [("key", State.FAILED)]
    assert not unsendable.can_answer


def test_the_usual_variables_are_looked_at_where_a_rung_names_none() -> None:
    def usual(model: str, **environment: str) -> Check:
        return key_check(Rung(model=model), environment)

    assert usual("litellm:anthropic/claude", ANTHROPIC_API_KEY="x").detail == "ANTHROPIC_API_KEY is set"
    assert usual("litellm:gpt-4o", OPENAI_API_KEY="x").state is State.OK
    assert usual("openai_http:m", OPENAI_API_KEY=" ").state is State.SKIPPED
    assert usual("embedded:m").detail == "needs none"


@pytest.mark.anyio
async def test_a_provider_that_raises_is_found_out_too() -> None:
    diagnosis = await found(lambda request: RuntimeError("broken"))

    assert check(diagnosis, "model").detail == "broken: the provider raised RuntimeError: broken"
    assert not diagnosis.can_answer


@pytest.mark.anyio
async def test_what_needs_nothing_says_so() -> None:
    [only] = (await found({})).checks

    assert (only.state, only.detail) == (State.OK, "needs nothing: answers its team's own prompts")


REFUSING = [
    (Outcome.NO_SCHEMA_MODE, State.WARNING),
    (Outcome.UNSUPPORTED, State.FAILED),
    (Outcome.BAD_REQUEST, State.FAILED),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("outcome", "state"), REFUSING)
@pytest.mark.parametrize("taken", ["tool", "prompted"])
async def test_another_way_to_ask_for_a_schema_is_tried(outcome: Outcome, state: State, taken: str) -> None:
    def answer(request: Request) -> Any:
        assert request.rung is not None
        well = request.schema is None or request.rung.schema_mode == taken
        return WELL[request.prompt] if well else Completion(outcome, detail="no response_format")

    schema = check(await found(answer), "schema")
    assert (schema.state, schema.mend) == (state, f'set schema_mode = "{taken}"')


@pytest.mark.anyio
@pytest.mark.parametrize(("outcome", "state"), REFUSING)
async def test_a_model_that_gives_no_json_at_all_cannot_answer(outcome: Outcome, state: State) -> None:
    diagnosis = await found({"doctor_greeting": "hello", "doctor_colour": Completion(outcome)})

    assert check(diagnosis, "schema").state is State.FAILED
    assert not diagnosis.can_answer


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"colour": "blue"}, State.WARNING),
        ("It is green.", State.WARNING),
        (Completion(Outcome.TRUNCATED, text='{"col'), State.SKIPPED),
        (Completion(Outcome.RATE_LIMITED), State.WARNING),
    ],
)
async def test_an_answer_that_breaks_its_schema_is_a_warning(answer: Any, state: State) -> None:
    schema = check(await found({"doctor_greeting": "hello", "doctor_colour": answer}), "schema")

    assert schema.state is state
    assert bool(schema.mend) is (state is State.WARNING)


@pytest.mark.anyio
async def test_what_is_not_known_of_a_model_can_be_set() -> None:
    bare = await found(WELL, card=Card())
    with_budget = await found(WELL, card=Card(), has_budget=True)
    rung = Rung(model="scripted:m", price_in_usd=0, price_out_usd=0.5, context_tokens=100)
    told = await found(WELL, card=Card(), rung=rung)

    own = await found(WELL, card=Card(), rung=Rung(model="scripted:m", base_url="http://127.0.0.1:1/v1"))

    assert check(own, "price").state is State.OK
    assert own.micro_usd == 0
    assert (check(bare, "price").state, check(with_budget, "price").state) == (State.WARNING, State.FAILED)
    assert check(bare, "price").mend == "set price_in_usd and price_out_usd"
    assert check(bare, "context").mend == "set context_tokens"
    assert bare.micro_usd is None
    assert not with_budget.can_answer
    assert check(told, "price").detail == "$0 in, $0.5 out, per million tokens (settings)"
    assert check(told, "context").detail == "100 tokens (settings)"


@pytest.mark.anyio
async def test_what_was_not_charged_costs_nothing() -> None:
    assert (await found(greets_with(Outcome.KEY_REFUSED), card=Card())).micro_usd == 0
    assert (await found(greets_with(Outcome.SERVER_ERROR), card=Card())).micro_usd == 0
    assert (await found(greets_with(Outcome.ERROR_IN_200), card=Card())).micro_usd is None


@pytest.mark.anyio
@over_http
@pytest.mark.parametrize(("ahead_s", "says"), [(3600, "ahead of"), (-3600, "behind"), (0, "")])
async def test_a_clock_that_is_off_is_found_by_the_servers_date(ahead_s: int, says: str) -> None:
    clock = ManualClock(time.time_ns() // 1_000_000 + ahead_s * 1000)
    with ScriptedProvider([]) as server:
        rung = Rung(model="scripted:m", base_url=server.url)
        clocked = check(await found(WELL, rung=rung, clock=clock), "clock")

        assert server.asked == []
    assert clocked.state is (State.WARNING if says else State.OK)
    assert says in clocked.detail
    assert bool(clocked.mend) is bool(says)


@pytest.mark.anyio
@over_http
async def test_a_server_that_is_not_there_tells_no_date() -> None:
    rung = Rung(model="scripted:m", base_url="http://nowhere.invalid/v1")

    assert check(await found(WELL, rung=rung), "clock").state is State.SKIPPED


@pytest.mark.anyio
@over_http
@pytest.mark.parametrize("lane", ["openai_http:m", "litellm:openai/m"])
async def test_both_lanes_are_examined_over_http(lane: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", KEY)
    refusal = Fails(401, f"Incorrect API key provided: sk-se***********cdef or {KEY}")
    for replies, state in (([Says("hello"), says_json(GREEN)], State.OK), ([refusal], State.FAILED)):
        with ScriptedProvider(replies) as server:
            rung = Rung(model=lane, base_url=server.url, api_key_env="A_KEY")
            deployment = Deployment.of(rung, provider_of(rung, research_team.providers))
            bench = Bench(
                lambda other: provider_of(other, research_team.providers), environment={"A_KEY": KEY}, secrets=(KEY,)
            )
            diagnosis = await examine(deployment, bench)
            await deployment.provider.aclose()

        assert check(diagnosis, "model").state is state
        assert check(diagnosis, "key").detail == "A_KEY is set"
        assert "sk-se" not in repr(diagnosis)
        assert "cdef" not in repr(diagnosis)


async def over_http_at(lane: str, url: str) -> Diagnosis:
    """What is found of a lane at an address, with the team's real providers."""
    rung = Rung(model=lane, base_url=url, price_in_usd=1, price_out_usd=2, context_tokens=8000)
    deployment = Deployment.of(rung, provider_of(rung, research_team.providers))
    try:
        return await examine(deployment, Bench(lambda other: provider_of(other, research_team.providers)))
    finally:
        await deployment.provider.aclose()


LANES = pytest.mark.parametrize("lane", ["openai_http:m", "litellm:openai/m"])


@pytest.mark.anyio
@over_http
@LANES
@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("unknown_host", "no such host as in http://provider.invalid/v1"),
        ("refused", "start the server at http://127.0.0.1:"),
        ("self_signed", "has no certificate we trust"),
        ("expired", "has no certificate we trust"),
    ],
)
async def test_an_address_where_something_is_wrong_is_told_with_its_mend(lane: str, name: str, mend: str) -> None:
    with ADDRESSES[name].opened() as url:
        diagnosis = await over_http_at(lane, url)

    assert mend in check(diagnosis, "model").mend
    assert check(diagnosis, "clock").state is State.SKIPPED
    assert "ssl:" not in check(diagnosis, "model").detail
    assert diagnosis.micro_usd == 0


@pytest.mark.anyio
@over_http
@LANES
@pytest.mark.parametrize(
    ("reply", "mend"),
    [
        (Fails(403), "the key in OPENAI_API_KEY may not do this"),
        (Fails(404), "mend `model` or `base_url`"),
        (Fails(429, retry_after_s=7), "wait "),
        (Fails(500), "ask again later"),
        (Raw(b"", status=307, headers={"Location": "http://other.invalid/v1"}), "set base_url to the address"),
        (Raw(b"<html><body>Welcome</body></html>", content_type="text/html"), "no OpenAI-compatible interface"),
        (Says("Hello!", model="another"), "another"),
    ],
)
async def test_a_reply_where_something_is_wrong_is_told_with_its_mend(lane: str, reply: Reply, mend: str) -> None:
    with ScriptedProvider(lambda body: reply) as server:
        diagnosis = await over_http_at(lane, server.url)

    model = check(diagnosis, "model")
    assert model.state in (State.FAILED, State.WARNING)
    assert mend in model.mend
    assert check(diagnosis, "clock").state is State.OK


@pytest.mark.anyio
async def test_all_are_asked_at_once() -> None:
    model = ScriptedModel(WELL, delay_s=5.0)
    deployments = [Deployment.of(Rung(model=f"scripted:m{n}"), model) for n in range(20)]
    diagnoses = await examine_all(deployments, Bench(model, clock=ManualClock()))

    assert all(diagnoses[each].can_answer for each in deployments)
    assert {check(each, "model").detail[:15] for each in diagnoses.values()} == {"answered in 5.0"}


def test_an_address_is_shown_without_what_it_may_hold_of_secrets() -> None:
    rung = Rung(model="openai_http:m", base_url="https://me:secret@host.invalid:8/v1?key=secret")

    assert address_of(rung) == "https://host.invalid:8/v1"
    assert address_of(Rung(model="openai_http:m")) == ""


KEY = "sk-secret-0123456789abcdef"


@pytest.mark.parametrize(
    "text", [KEY, f"x={KEY}&y", f"({KEY[:9]}…)", f"…{KEY[-6:]}", "sk-s****cdef", f'{{"key":"{KEY}"}}', KEY + "\n" + KEY]
)
def test_nothing_of_a_key_is_shown(text: str) -> None:
    shown = hidden(f"the key {text} was refused", [KEY])

    assert shown.startswith("the key ")
    assert set(re.findall(r"\S+", shown)[2:-2]) == {"[key]"}


@given(st.text(), st.text(min_size=1), st.integers(0, 20))
def test_no_part_of_six_characters_gets_through(before: str, after: str, start: int) -> None:
    part = KEY[start : start + 6]

    assert part not in hidden(f"{before}{part}{after}", [KEY])
