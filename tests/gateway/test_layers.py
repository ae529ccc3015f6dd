"""The layers beneath a call: what each promises, over a scripted model, on real and on virtual time."""

from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.orchestrator.errors import BadInput, BudgetExceeded
from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.gateway.model import Card, Completion, Usage
from bullpen.orchestrator.gateway.templates import parse_template, render
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.rules.json.read import read_json
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.testing import ScriptedModel
from bullpen.orchestrator.testing.contracts import BACKENDS, backend

from .stacks import GOOD, RETURNS, TEMPLATE, always, says, stack, typed


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return backend(request.param)


@pytest.mark.anyio
async def test_a_call_is_on_record_from_intent_to_answer() -> None:
    model, journal, request = stack([says("hello back")])
    completion = await model.complete(request)

    assert completion.text == "hello back"
    assert [event.kind for event in journal.events] == ["model.asked", "model.attempted", "model.answered"]
    assert journal.events[1].value["messages"][1] == {"role": "user", "content": "hello"}
    assert len({event.step for event in journal.events}) == 1


@pytest.mark.anyio
async def test_an_attempt_ends_at_its_absolute_deadline() -> None:
    model, _, request = stack([ScriptedModel({"ask": "late"}, delay_s=30), says("quick")], timeout_s=0.3)
    completion = await model.complete(request)

    assert completion.text == "quick"
    assert completion.receipt.attempts[0].outcome is Outcome.TIMED_OUT


@pytest.mark.anyio
async def test_a_call_on_record_is_restored_as_it_was() -> None:
    model, journal, request = stack([always(Completion(Outcome.REFUSED)), says(GOOD)])
    first = await model.complete(typed(request))
    again = typed(request)._replace(steps=Steps(journal, "job", "t", "w"))

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
    reading = read_json(text, RETURNS)
    parsed, problem = reading.value, reading.problem

    assert parsed == value
    assert bool(problem) == (value is None)


PRICED = Card(Prices(1.0, 2.0))


@pytest.mark.anyio
async def test_a_call_that_could_pass_the_limit_is_not_made() -> None:
    scripted = ScriptedModel({"ask": "x"}, card=PRICED)
    model, _, request = stack([scripted], limit=100, tokens_out_most=100)
    with pytest.raises(BudgetExceeded, match=r"0\.000100 USD"):
        await model.complete(request)

    assert scripted.requests == []


@pytest.mark.anyio
async def test_what_the_usage_does_not_tell_counts_as_spent_in_full() -> None:
    silent = ScriptedModel({"ask": Completion(Outcome.OK, text="x", usage=Usage())}, card=PRICED)
    model, _, request = stack([silent], limit=10_000, tokens_out_most=100)
    completion = await model.complete(request)

    (attempt,) = completion.receipt.attempts
    assert attempt.price_source == "estimated"
    assert attempt.micro_usd > 200


@pytest.mark.anyio
async def test_a_cheaper_rung_is_asked_when_the_first_is_too_dear() -> None:
    dear, cheap = (
        ScriptedModel({"ask": "dear"}, card=Card(Prices(1000, 1000))),
        ScriptedModel({"ask": "cheap"}, card=PRICED),
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
    system, user = render(TEMPLATE, {"text": hostile})

    assert user.content == hostile
    assert system.content == "You answer."


def test_a_missing_input_and_an_escape_are_bad_input() -> None:
    with pytest.raises(BadInput, match="'text' is undefined"):
        render(TEMPLATE, {})
    with pytest.raises(BadInput, match="unsafe"):
        render(replace(TEMPLATE, user="{{ ''.__class__.__mro__ }}"), {})
