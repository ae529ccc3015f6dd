"""The layers beneath a call: what each promises, over a scripted model, on real and on virtual time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from bullpen.orchestrator.errors import BadInput, BudgetExceeded, Misconfigured, NoAnswer
from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.gateway.model import Completion, Provider, Request, Usage
from bullpen.orchestrator.gateway.output import parse
from bullpen.orchestrator.gateway.stack import compose
from bullpen.orchestrator.gateway.templates import Template, parse_template, render
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock, ScriptedModel
from bullpen.orchestrator.testing.contracts import BACKENDS, backend


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return backend(request.param)


class Answer(BaseModel):
    name: str
    size: int


TEMPLATE = Template("ask", "1", "You answer.", "{{ text }}")
RETURNS: TypeAdapter[Any] = TypeAdapter(Answer)
GOOD = '{"name": "a", "size": 1}'


def stack(models: Sequence[Provider], *, limit: int | None = None, **rung: Any) -> tuple[Any, InMemoryJournal, Request]:
    rungs = [Rung(model=f"scripted:m{n}", **rung) for n in range(len(models))]
    journal = InMemoryJournal("job", ManualClock())
    model = compose(rungs, dict(zip(rungs, models, strict=True)), Ledger("job", limit))
    steps = Steps(journal, "job", "t", "w")
    return model, journal, Request(steps, "r", "ask", {"text": "hello"}, TEMPLATE)


def typed(request: Request) -> Request:
    return replace(request, returns=RETURNS, schema=RETURNS.json_schema())


def says(*answers: Any) -> ScriptedModel:
    left = list(answers)
    return ScriptedModel(lambda request: left.pop(0))


@pytest.mark.anyio
async def test_a_call_is_on_record_from_intent_to_answer() -> None:
    model, journal, request = stack([says("hello back")])
    completion = await model.complete(request)

    assert completion.text == "hello back"
    assert [event.kind for event in journal.events] == ["model.asked", "model.attempted", "model.answered"]
    assert journal.events[1].value["messages"][1] == {"role": "user", "content": "hello"}
    assert len({event.step for event in journal.events}) == 1


@pytest.mark.anyio
async def test_rungs_are_asked_in_order_until_one_answers() -> None:
    down, empty = Completion(Outcome.SERVER_ERROR), Completion(Outcome.EMPTY)
    models = [says(down), says(empty), says("third"), says("never asked")]
    model, _, request = stack(models)
    completion = await model.complete(request)

    assert completion.text == "third"
    assert [attempt.outcome for attempt in completion.receipt.attempts] == ["server_error", "empty", "ok"]
    assert [len(scripted.requests) for scripted in models] == [1, 1, 1, 0]


@pytest.mark.anyio
async def test_when_no_rung_answers_the_error_tells_each_outcome() -> None:
    model, journal, request = stack(
        [says(Completion(Outcome.TIMED_OUT, detail="slow")), says(Completion(Outcome.EMPTY))]
    )
    with pytest.raises(NoAnswer, match=r"scripted:m0 timed_out \(slow\); scripted:m1 empty"):
        await model.complete(request)

    assert journal.events[-1].kind == "model.failed"


@pytest.mark.anyio
@pytest.mark.parametrize("outcome", [Outcome.KEY_REFUSED, Outcome.NO_SUCH_MODEL, Outcome.BAD_REQUEST])
async def test_our_own_mistake_stops_at_once(outcome: Outcome) -> None:
    second = says("hidden")
    model, _, request = stack([says(Completion(outcome)), second])
    with pytest.raises(Misconfigured, match="scripted:m0"):
        await model.complete(request)

    assert second.requests == []


@pytest.mark.anyio
async def test_a_rung_serves_its_roles_only() -> None:
    rungs = [Rung(model="scripted:a", roles=("judge",)), Rung(model="scripted:b")]
    first, second = says("a"), says("b")
    model = compose(rungs, {rungs[0]: first, rungs[1]: second}, Ledger("job", None))
    _, _, request = stack([])

    completion = await model.complete(request)
    assert completion.text == "b"
    assert completion.receipt.passed_over == ("scripted:a does not serve role 'r'",)


@pytest.mark.anyio
async def test_an_attempt_ends_at_its_absolute_deadline() -> None:
    model, _, request = stack([ScriptedModel({"ask": "late"}, delay_s=30), says("quick")], timeout_s=0.3)
    completion = await model.complete(request)

    assert completion.text == "quick"
    assert completion.receipt.attempts[0].outcome is Outcome.TIMED_OUT


@pytest.mark.anyio
async def test_a_poor_answer_is_asked_for_again_with_what_was_wrong() -> None:
    scripted = says('{"name": "a"}', GOOD)
    model, journal, request = stack([scripted])
    completion = await model.complete(typed(request))

    assert completion.value == {"name": "a", "size": 1}
    assert "size: Field required" in scripted.requests[1].messages[-1].content
    assert scripted.requests[1].messages[-2].content == '{"name": "a"}'
    assert len(completion.receipt.attempts) == 2
    assert [e.value["text"] for e in journal.events if e.kind == "model.attempted"] == ['{"name": "a"}', GOOD]


@pytest.mark.anyio
async def test_an_answer_off_its_schema_twice_goes_to_the_next_rung() -> None:
    model, _, request = stack([says("no", "no"), says(GOOD)])
    completion = await model.complete(typed(request))

    assert completion.value["size"] == 1
    assert len(completion.receipt.attempts) == 3


@pytest.mark.anyio
async def test_a_call_on_record_is_restored_as_it_was() -> None:
    model, journal, request = stack([says(Completion(Outcome.EMPTY)), says(GOOD)])
    first = await model.complete(typed(request))
    again = replace(typed(request), steps=Steps(journal, "job", "t", "w"))

    assert await model.complete(again) == first


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (GOOD, {"name": "a", "size": 1}),
        (f"Here you are:\n```json\n{GOOD}\n```", {"name": "a", "size": 1}),
        ('{"size": 1, "name": "a"', {"name": "a", "size": 1}),
        ('{"name": "a", "size": 1', None),
        ("[" * 5000, None),
        ('{"name": "a", "size": NaN}', None),
        ("", None),
    ],
)
def test_json_is_parsed_strictly_then_repaired(text: str, value: Any) -> None:
    parsed, problem = parse(text, RETURNS)

    assert parsed == value
    assert bool(problem) == (value is None)


PRICED = Prices(1.0, 2.0)


@pytest.mark.anyio
async def test_a_call_that_could_pass_the_limit_is_not_made() -> None:
    scripted = ScriptedModel({"ask": "x"}, prices=PRICED)
    model, _, request = stack([scripted], limit=100, tokens_out_most=100)
    with pytest.raises(BudgetExceeded, match=r"0\.000100 USD"):
        await model.complete(request)

    assert scripted.requests == []


@pytest.mark.anyio
async def test_what_the_usage_does_not_tell_counts_as_spent_in_full() -> None:
    silent = ScriptedModel({"ask": Completion(Outcome.OK, text="x", usage=Usage())}, prices=PRICED)
    model, _, request = stack([silent], limit=10_000, tokens_out_most=100)
    completion = await model.complete(request)

    (attempt,) = completion.receipt.attempts
    assert attempt.price_source == "reserved"
    assert attempt.micro_usd > 200


@pytest.mark.anyio
async def test_a_cheaper_rung_is_asked_when_the_first_is_too_dear() -> None:
    dear, cheap = (
        ScriptedModel({"ask": "dear"}, prices=Prices(1000, 1000)),
        ScriptedModel({"ask": "cheap"}, prices=PRICED),
    )
    model, _, request = stack([dear, cheap], limit=1000, tokens_out_most=100)
    completion = await model.complete(request)

    assert completion.text == "cheap"
    assert "could be exceeded" in completion.receipt.passed_over[0]


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(0, 3000),
    calls=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1500), st.floats(0, 5)), max_size=12),
)
def test_spent_and_reserved_never_pass_the_limit(limit: int, calls: list[tuple[int, int, float]]) -> None:
    """Any reservations at any times, settled at more or less than was reserved."""
    ledger = Ledger("job", limit)

    async def call(reserved: int, actual: int, seconds: float) -> None:
        try:
            await ledger.reserve(reserved)
        except BudgetExceeded:
            assert ledger.spent + reserved > limit
            return
        assert ledger.spent + ledger.reserved <= limit
        await anyio.sleep(seconds)
        ledger.settle(reserved, actual)
        assert ledger.spent + ledger.reserved <= limit

    async def story() -> None:
        async with anyio.create_task_group() as group:
            for each in calls:
                group.start_soon(call, *each)

    name, options = backend("virtual time")
    anyio.run(story, backend=name, backend_options=options)
    assert ledger.reserved == 0


def test_a_template_file_has_a_version_and_two_sections() -> None:
    template = parse_template("p", "---\nversion: 3\n---\n[system]\nBe {{ mood }}.\n[user]\n{{ text }}\n", "p.md")

    assert (template.version, template.system, template.user) == ("3", "Be {{ mood }}.", "{{ text }}")
    assert len(template.hash) == 12
    for text in (
        "",
        "no front matter",
        "---\nversion: 1\n---\n[user]\nx",
        "---\nauthor: me\n---\n[system]\nx\n[user]\ny",
    ):
        with pytest.raises(BadInput, match=r"p\.md"):
            parse_template("p", text, "p.md")


def test_values_are_never_read_as_templates() -> None:
    hostile = "{{ 7 * 7 }} {% for x in y %} {0.__class__}"
    system, user = render(TEMPLATE, {"text": hostile}, {"type": "object"})

    assert user.content == hostile
    assert system.content.endswith('{"type":"object"}')


def test_a_missing_input_and_an_escape_are_bad_input() -> None:
    with pytest.raises(BadInput, match="'text' is undefined"):
        render(TEMPLATE, {}, None)
    with pytest.raises(BadInput, match="unsafe"):
        render(replace(TEMPLATE, user="{{ ''.__class__.__mro__ }}"), {}, None)
