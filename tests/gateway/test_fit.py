"""Questions that do not fit their model: shrunk by the prompt's own policy, skipped, or refused with the numbers."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.errors import NoAnswer
from bullpen.orchestrator.gateway.again import changed
from bullpen.orchestrator.gateway.fit import shrunk, tokens_of
from bullpen.orchestrator.gateway.model import Completion, Request
from bullpen.orchestrator.gateway.templates import Message, Template, parse_template, render
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.tokens import bound_in, estimate
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ScriptedModel
from bullpen.orchestrator.testing.contracts import BACKENDS, backend
from bullpen.orchestrator.testing.provider.faults_context import CONTEXT_ERRORS, CONTEXT_TOKENS

from .stacks import always, stack, stacked

POLICY = Template("ask", "1", "Answer.", "{{ passages | show }} {{ notes | show }}", ("passages", "notes"))


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return backend(request.param)


def long(request: Request, passages: int = 60, **fields: Any) -> Request:
    inputs = {"passages": [f"Passage {n} is about bridges." for n in range(passages)], "notes": ["a", "b"]}
    return request._replace(template=POLICY, inputs=inputs, **fields)


@pytest.mark.anyio
async def test_as_many_items_are_sent_as_fit_and_what_was_left_out_is_on_record() -> None:
    small = always("fine")
    model, journal, request = stacked([(Rung(model="scripted:m", context_tokens=300, tokens_out_most=50), [small])])

    completion = await model.complete(long(request))
    (sent,) = small.requests
    assert 200 <= tokens_of(sent.messages) <= 250
    assert sent.inputs["passages"] == [f"Passage {n} is about bridges." for n in range(len(sent.inputs["passages"]))]
    (event,) = [event.value for event in journal.events if event.kind == "model.shrunk"]
    left_out = 60 - len(sent.inputs["passages"])
    assert event["left_out"] == {"passages": left_out}
    assert completion.receipt.degraded == (f"left out to fit scripted:m: {left_out} passages",)


@pytest.mark.anyio
async def test_what_may_not_be_shrunk_goes_to_a_larger_rung() -> None:
    small, large = always("small"), always("large")
    rungs = [(Rung(model="scripted:s", context_tokens=300), [small]), (Rung(model="scripted:l"), [large])]
    model, _, request = stacked(rungs)
    completion = await model.complete(long(request)._replace(template=replace(POLICY, shrink=())))

    assert completion.text == "large"
    assert small.requests == []
    assert "and there is room for 150" in completion.receipt.passed_over[0]


@pytest.mark.anyio
async def test_where_nothing_fits_the_error_has_the_numbers() -> None:
    model, _, request = stacked([(Rung(model="scripted:s", context_tokens=20), [always("x")])])
    with pytest.raises(NoAnswer, match=r"about \d+ tokens and there is room for 10; name inputs to shrink"):
        await model.complete(long(request))


@pytest.mark.anyio
async def test_a_provider_that_says_too_long_is_asked_again_with_less() -> None:
    def answer(request: Request) -> Any:
        asked = tokens_of(request.messages)
        said = f"This model's maximum context length is 800 tokens. However, your messages resulted in {asked} tokens."
        return Completion(Outcome.TOO_LONG, detail=said) if asked > 700 else "fine"

    scripted = ScriptedModel(answer)
    model, _, request = stacked([(Rung(model="scripted:m", tokens_out_most=100), [scripted])])
    completion = await model.complete(long(request, 160))

    assert completion.text == "fine"
    assert [attempt.outcome for attempt in completion.receipt.attempts] == ["too_long", "ok"]
    assert 600 <= tokens_of(scripted.requests[1].messages) <= 700


@given(st.lists(st.text(min_size=1, max_size=80), min_size=2, max_size=30), st.integers(30, 400))
def test_what_is_shrunk_fits_and_one_more_item_would_not(items: list[str], room: int) -> None:
    template = Template("ask", "1", "Answer.", "{% for item in items %}{{ item }}\n{% endfor %}", ("items",))
    request = BARE._replace(template=template, inputs={"items": items}, rung=Rung(model="scripted:m"))
    request = request._replace(messages=render(template, request.inputs))
    shorter, left_out = shrunk(request, room)
    if shorter is None:
        assert tokens_of(render(template, {"items": items[:1]})) > room
        return
    kept = len(items) - left_out["items"]
    assert shorter.inputs["items"] == items[:kept]
    assert tokens_of(shorter.messages) <= room
    assert kept == len(items) or tokens_of(render(template, {"items": items[: kept + 1]})) > room


BARE = Request(None, "r", "ask", {}, POLICY)  # type: ignore[arg-type]


def test_the_policy_stands_in_the_front_matter() -> None:
    text = "---\nversion: 2\nshrink: passages, notes\n---\n[system]\nAnswer.\n[user]\n{{ passages }}"

    assert parse_template("p", text, "p.md").shrink == ("passages", "notes")


@given(st.text())
def test_an_estimate_is_between_nothing_and_a_token_for_each_byte(text: str) -> None:
    assert 0 <= estimate(text) <= 1.2 * len(text.encode()) + 1


def test_the_bound_that_a_provider_names_is_found_where_it_names_one() -> None:
    named = {name: bound_in(str(reply.value)) for name, reply in CONTEXT_ERRORS.items()}

    assert all(bound is None or abs(bound - CONTEXT_TOKENS) <= 1 for bound in named.values()), named
    assert sum(bound is not None for bound in named.values()) >= len(named) // 2


def test_where_the_whole_context_is_smaller_than_the_answer_half_of_it_is_for_the_question() -> None:
    _, _, request = stack([always("x")])
    request = request._replace(rung=Rung(model="scripted:m"), messages=(Message("user", "word " * 5000),))
    too_long = Completion(Outcome.TOO_LONG, detail="the maximum context length is 1000 tokens")

    assert changed(request, too_long).tokens_in_most == 500
