"""How an answer with a schema is asked for, by both lanes: natively, as the arguments of a tool, or in words alone."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from bullpen.orchestrator.gateway.box import box_of
from bullpen.orchestrator.gateway.form import form_of, keys_of, terse
from bullpen.orchestrator.gateway.model import Completion, Request
from bullpen.orchestrator.gateway.providers.litellm import LiteLLM
from bullpen.orchestrator.gateway.providers.openai_http import OpenAIHttp
from bullpen.orchestrator.gateway.templates import Message, Template
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock

from .stacks import GOOD, says, stack, typed
from .wire import RawServer, plain, raw_server

pytestmark = pytest.mark.anyio
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
NUMBERS = TypeAdapter(list[int])
ASKED = Request(
    steps=Steps(InMemoryJournal("job", ManualClock()), "job", "task", "worker"),
    role="search",
    prompt="fact check",
    inputs={},
    template=Template("greet", "1", "", ""),
    messages=(Message("user", "Say hello."),),
    schema=SCHEMA,
)


@pytest.fixture(params=["openai_http", "litellm"])
def lane(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-not-to-be-seen-0123456789")


def said(finish_reason: str = "tool_calls", **message: Any) -> dict[str, Any]:
    return {"model": "small", "choices": [{"message": {"content": None, **message}, "finish_reason": finish_reason}]}


def called(name: str, arguments: Any) -> list[Any]:
    return [{"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}]


async def ask(
    lane: str, body: Any, request: Request = ASKED, model: str = "openai/gpt-4o-mini", path: str = "", **rung: Any
) -> tuple[Any, RawServer]:
    async def answer(writer: Any) -> None:
        writer.write(plain(json.dumps(body).encode()))

    async with raw_server(answer) as server:
        name = f"litellm:{model}" if lane == "litellm" else "openai_http:small"
        given = Rung.model_validate({"model": name, "base_url": server.url + path, **rung})
        provider = LiteLLM(given) if lane == "litellm" else OpenAIHttp(given)
        completion = await provider.complete(request)
        await provider.aclose()
    assert len(server.requests) == 1
    return completion, server


async def test_natively_the_provider_is_given_the_schema(lane: str) -> None:
    completion, server = await ask(lane, said("stop", content='{"a": 1}'))

    assert server.body["response_format"]["json_schema"] == {"name": "fact_check", "schema": SCHEMA, "strict": False}
    assert "tools" not in server.body
    assert (completion.outcome, completion.text) == (Outcome.OK, '{"a": 1}')


async def test_as_a_tool_its_arguments_are_the_answer(lane: str) -> None:
    completion, server = await ask(lane, said(tool_calls=called("fact_check", '{"a": 1}')), schema_mode="tool")

    assert server.body["tools"] == [{"type": "function", "function": {"name": "fact_check", "parameters": SCHEMA}}]
    assert server.body["tool_choice"] == {"type": "function", "function": {"name": "fact_check"}}
    assert "response_format" not in server.body
    assert (completion.outcome, completion.text) == (Outcome.OK, '{"a": 1}')


@pytest.mark.parametrize("mode", ["native", "tool"])
async def test_a_list_is_asked_for_in_an_object(lane: str, mode: str) -> None:
    """Some servers refuse a schema whose top level is anything else."""
    request = ASKED._replace(schema=NUMBERS.json_schema(), box=box_of(list[int], NUMBERS.json_schema()))
    message = {"content": "{}"} if mode == "native" else {"tool_calls": called("fact_check", "{}")}
    _, server = await ask(lane, said("stop", **message), request, schema_mode=mode)
    native = mode == "native"
    body = server.body["response_format"]["json_schema"] if native else server.body["tools"][0]["function"]
    told = body["schema" if native else "parameters"]

    assert (told["type"], told["required"], told["properties"]["items"]["type"]) == ("object", ["items"], "array")


@pytest.mark.parametrize("mode", ["native", "tool", "prompted"])
async def test_in_words_alone_nothing_is_sent_but_the_prompt(lane: str, mode: str) -> None:
    request = ASKED._replace(is_prompted=mode != "prompted")
    _, server = await ask(lane, said("stop", content="{}"), request, schema_mode=mode)

    assert {"response_format", "tools", "tool_choice"}.isdisjoint(server.body)


async def test_the_requests_own_bound_goes_over_the_rungs(lane: str) -> None:
    _, server = await ask(lane, said("stop", content="{}"), ASKED._replace(tokens_out_most=9000), tokens_out_most=10)

    assert server.body["max_tokens"] == 9000


@pytest.mark.parametrize(
    ("message", "outcome", "text"),
    [
        ({"tool_calls": called("fact_check", "{not json")}, Outcome.OK, "{not json"),
        ({"tool_calls": called("fact_check", {"a": 1})}, Outcome.OK, '{"a": 1}'),
        ({"tool_calls": called("fact_check", "")}, Outcome.EMPTY, ""),
        ({"tool_calls": called("fact_check", "\ud800\0")}, Outcome.OK, "\ufffd\ufffd"),
        ({"tool_calls": [None, *called("fact_check", "{}")]}, Outcome.OK, "{}"),
        ({"tool_calls": called("rm -rf", "{}")}, Outcome.UNKNOWN_TOOL, ""),
        ({"tool_calls": called("other", "{}") + called("fact_check", "{}")}, Outcome.OK, "{}"),
        ({"function_call": {"name": "fact_check", "arguments": "{}"}}, Outcome.OK, "{}"),
        ({"content": '{"a": 2}'}, Outcome.OK, '{"a": 2}'),
        ({"tool_calls": []}, Outcome.EMPTY, ""),
        ({"refusal": "no"}, Outcome.REFUSED, ""),
    ],
)
async def test_what_was_called_is_checked(lane: str, message: Any, outcome: Outcome, text: str) -> None:
    completion, _ = await ask(lane, said(**message), schema_mode="tool")

    assert (completion.outcome, completion.text) == (outcome, text)
    assert ("rm -rf" in completion.detail) is (outcome is Outcome.UNKNOWN_TOOL)


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": called("fact_check", "{}")},
        {"tool_calls": called("fact_check", "{}"), "content": "I shall call it."},
        {"function_call": {"name": "fact_check", "arguments": "{}"}},
    ],
)
async def test_a_call_that_nobody_asked_for_is_unknown(lane: str, message: Any) -> None:
    completion, _ = await ask(lane, said(**message))

    assert completion.outcome is Outcome.UNKNOWN_TOOL
    assert "fact_check" in completion.detail


async def test_a_tool_of_another_shape_is_read_through_litellm() -> None:
    use = {"type": "tool_use", "id": "t", "name": "fact_check", "input": {"a": 1}}
    head = {"id": "m", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "tool_use"}
    body = {**head, "content": [use], "usage": {"input_tokens": 7, "output_tokens": 3}}
    completion, server = await ask("litellm", body, model="anthropic/claude-x", path="/messages", schema_mode="tool")

    assert server.body["tools"][0]["name"] == "fact_check"
    assert (completion.outcome, json.loads(completion.text)) == (Outcome.OK, {"a": 1})


async def test_a_schema_that_litellm_turns_into_a_tool_comes_back_as_text() -> None:
    """For a model without schemas of its own: what was called is LiteLLM's tool."""
    body = {
        **said(tool_calls=called("json_tool_call", '{"a": 1}')),
        "id": "c",
        "object": "chat.completion",
        "created": 1,
    }
    completion, server = await ask("litellm", body, model="groq/llama-3.1-8b-instant", api_key_env="OPENAI_API_KEY")

    assert server.body["tools"][0]["function"]["name"] == "json_tool_call"
    assert (completion.outcome, json.loads(completion.text)) == (Outcome.OK, {"a": 1})


async def test_where_litellm_knows_that_a_provider_cannot_do_tools_it_is_asked_in_words() -> None:
    rung = Rung(model="litellm:perplexity/small", base_url="http://127.0.0.1:9/v1", schema_mode="tool")
    provider = LiteLLM(rung)

    assert (await provider.complete(ASKED)).outcome is Outcome.NO_SCHEMA_MODE


NAMED = Template("ask", "1", 'You answer with `name` and a size: {"size": 1}.', "{{ text }}")
SPOKEN = "matches this schema"


@pytest.mark.parametrize(
    ("template", "mode", "is_spoken"),
    [
        (NAMED, "native", False),
        (NAMED, "tool", False),
        (NAMED, "prompted", True),  # the schema goes nowhere else
        (Template("ask", "1", "You answer with `name`.", "{{ text }}"), "native", True),  # `size` is not named
    ],
)
async def test_a_schema_is_told_once_where_the_prompt_names_its_keys(
    template: Template, mode: str, is_spoken: bool
) -> None:
    scripted = says(GOOD)
    model, _, request = stack([scripted], schema_mode=mode)
    await model.complete(typed(request)._replace(template=template))

    assert (SPOKEN in scripted.requests[0].messages[0].content) is is_spoken


@pytest.mark.parametrize("first", ["{}", Completion(Outcome.NO_SCHEMA_MODE)])
async def test_after_an_answer_off_its_schema_or_a_refusal_of_it_the_schema_is_told_in_words(first: Any) -> None:
    scripted = says(first, GOOD)
    model, _, request = stack([scripted])
    await model.complete(typed(request)._replace(template=NAMED))
    before, after = (request.messages for request in scripted.requests)

    assert SPOKEN not in before[0].content
    assert after[0].content.startswith(before[0].content)
    assert SPOKEN in after[0].content
    assert after[1] == before[1]


class Leaf(BaseModel):
    """A leaf."""

    title: str = "none"
    default: int = 1


class Tree(BaseModel):
    """A tree."""

    leaf: Leaf
    trees: "list[Tree]" = []


async def test_a_terse_schema_keeps_every_key_and_what_refers_to_itself() -> None:
    schema = Tree.model_json_schema()
    told = terse(schema)

    assert keys_of(told) == keys_of(schema) == {"leaf", "trees", "title", "default"}
    assert told["$defs"].keys() == {"Tree"}  # it needs itself; the leaf stands where it is used
    leaf = told["$defs"]["Tree"]["properties"]["leaf"]
    assert leaf["properties"] == {"title": {"type": "string"}, "default": {"type": "integer"}}
    assert leaf["description"] == "A leaf."
    assert "description" not in json.dumps(terse(schema, is_described=False))


async def test_a_key_is_named_between_backticks_or_quotes_and_not_in_passing() -> None:
    form = form_of(Leaf.model_json_schema())

    assert form.is_named_in('`title` and {"default": 1}')
    assert not form.is_named_in("`title` and the default")
    assert not form_of(TypeAdapter(dict[str, int]).json_schema()).is_named_in("numbers by name")


async def test_a_provider_is_told_the_words_of_a_schema_that_the_prompt_leaves_out(lane: str) -> None:
    described = {**SCHEMA, "title": "A", "description": "A number."}
    told = []
    for words in ("Give `a`.", "Give a number."):
        request = ASKED._replace(schema=described, messages=(Message("system", words), Message("user", "Say hello.")))
        _, server = await ask(lane, said("stop", content='{"a": 1}'), request)
        told.append(server.body["response_format"]["json_schema"]["schema"])

    assert told == [SCHEMA, {**SCHEMA, "description": "A number."}]
