"""Servers as they are: the shapes of their answers, what they refuse, and where they are found, over real HTTP."""

import gzip
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.errors import Misconfigured, NoAnswer
from bullpen.orchestrator.gateway.deployment import Deployment
from bullpen.orchestrator.gateway.doctor import Bench, State, examine
from bullpen.orchestrator.gateway.local_servers import LocalServer, local_servers, server_checks
from bullpen.orchestrator.gateway.model import Completion, Piece, Provider
from bullpen.orchestrator.gateway.providers.litellm import LiteLLM
from bullpen.orchestrator.gateway.providers.openai_http import OpenAIHttp
from bullpen.orchestrator.gateway.providers.openai_shape import Answer, Asked
from bullpen.orchestrator.gateway.providers.reading import read
from bullpen.orchestrator.gateway.rungs import choose_rungs, ollama_url
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung, Settings
from bullpen.orchestrator.testing import ManualClock
from bullpen.orchestrator.testing.provider import Fails, Json, Raw, Reply, Says, ScriptedProvider

from .stacks import GOOD, stacked, typed

VALUE = {"name": "a", "size": 1}
LANES = ("openai_http", "litellm")
by_lane = pytest.mark.parametrize("name", LANES)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-to-be-seen-0123456789")


def made(name: str, url: str, **more: Any) -> tuple[Rung, Provider]:
    model = "litellm:openai/small" if name == "litellm" else "openai_http:small"
    rung = Rung.model_validate({"model": model, "base_url": url, "name": "r", "timeout_s": 5, **more})
    return rung, LiteLLM(rung) if rung.provider == "litellm" else OpenAIHttp(rung)


@asynccontextmanager
async def asking(name: str, script: Any, **more: Any) -> AsyncIterator[tuple[Any, ScriptedProvider]]:
    """A function that asks such a server for an `Answer`, or for text, through the whole stack; and the server."""
    with ScriptedProvider(script) as server:
        rung, provider = made(name, server.url, **more)
        model, _, request = stacked([(rung, [provider])])

        async def ask(*, text: bool = False, watch: Any = None) -> Completion:
            return await model.complete((request if text else typed(request))._replace(watch=watch))

        try:
            yield ask, server
        finally:
            await provider.aclose()


def message(content: Any, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **more}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "small", "choices": [choice]}


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "small", "choices": [choice]}


def events(*chunks: Any, kind: str = "text/event-stream", **headers: str) -> Raw:
    body = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in chunks) + b"data: [DONE]\n\n"
    return Raw(body, content_type=kind, headers=headers)


# ---------------------------------------------------------------- five servers


def calls(*pieces: dict[str, Any]) -> list[dict[str, Any]]:
    return [chunk(role="assistant", content=None), *(chunk(tool_calls=[each]) for each in pieces), chunk("tool_calls")]


def function(arguments: str, name: str | None = "ask") -> dict[str, Any]:
    return {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}


#: By server and situation: what it sends, and how it is asked. Every answer is the same value.
SHAPES: dict[str, tuple[Reply, dict[str, Any]]] = {
    "ollama, whole calls without index": (
        events(*calls({"id": "call_1", "type": "function", "function": function(GOOD)})),
        {"schema_mode": "tool", "is_watched": True},
    ),
    "ollama, arguments as an object": (
        Json(message(None, "tool_calls", tool_calls=[{"id": "c", "function": {"name": "ask", "arguments": VALUE}}])),
        {"schema_mode": "tool"},
    ),
    "ollama, thinking beside the answer": (Json(message(GOOD, reasoning="Something like a.")), {}),
    "llama.cpp, thinking in its channel": (Json(message(GOOD, reasoning_content="Hm.", timings={"x": 1.5})), {}),
    "llama.cpp, the answer in the channel for thinking": (Json(message("", reasoning_content=f"\n{GOOD}\n")), {}),
    "llama.cpp, a call that its template does not read": (
        Json(message(f'<tool_call>\n{{"name": "ask", "arguments": {GOOD}}}\n</tool_call>')),
        {"schema_mode": "tool"},
    ),
    "lm studio, a call as text in a list": (
        Json(message(f'[TOOL_CALLS][{{"name": "ask", "arguments": {GOOD}}}]')),
        {"schema_mode": "tool"},
    ),
    "lm studio, a call as elements": (
        Json(
            message("<function=ask>\n<parameter=name>\na\n</parameter>\n<parameter=size>\n1\n</parameter>\n</function>")
        ),
        {"schema_mode": "tool"},
    ),
    "lm studio, a whole answer without a finish reason": (Json(message(GOOD, None)), {}),
    "vllm, pieces that repeat id and name": (
        events(
            *calls(
                {"id": "x", "type": "function", "function": function(GOOD[:9])},
                {"id": "x", "type": "function", "function": function(GOOD[9:])},
            )
        ),
        {"schema_mode": "tool", "is_watched": True},
    ),
    "vllm, pieces that name nothing after the first": (
        events(*calls({"id": "x", "function": function(GOOD[:9])}, {"function": function(GOOD[9:], None)})),
        {"schema_mode": "tool", "is_watched": True},
    ),
    "vllm, the answer streamed as thinking": (
        events(chunk(reasoning_content=GOOD[:9]), chunk(reasoning_content=GOOD[9:]), chunk("stop")),
        {"is_watched": True},
    ),
    "reasoning model, a draft before the answer": (
        Json(message(f'<think>\nMaybe {{"name": "b", "size": 2}}?\n</think>\n\n{GOOD}')),
        {},
    ),
    "reasoning model, content in parts": (
        Json(message([{"type": "reasoning", "text": '{"name": "b", "size": 2}'}, {"type": "text", "text": GOOD}])),
        {},
    ),
    "reasoning model, channels in the text": (
        Json(message(f"<|channel|>analysis<|message|>{{1}}<|end|><|start|>assistant<|channel|>final<|message|>{GOOD}")),
        {},
    ),
    "a stream under another content type": (
        events(chunk(content=GOOD), chunk("stop"), kind="text/plain"),
        {"is_watched": True},
    ),
    "a stream that is called json": (
        events(chunk(content=GOOD), chunk("stop"), kind="application/json"),
        {"is_watched": True},
    ),
    "a stream where none was asked": (events(chunk(content=GOOD), chunk("stop")), {}),
    "a whole answer that is called a stream": (
        Raw(json.dumps(message(GOOD)).encode(), content_type="text/event-stream"),
        {"is_watched": True},
    ),
    "packed though nobody asked": (
        Raw(gzip.compress(json.dumps(message(GOOD)).encode()), headers={"Content-Encoding": "gzip"}),
        {},
    ),
    "packed, and not said": (Raw(gzip.compress(json.dumps(message(GOOD)).encode())), {}),
    "a mark before the body": (Raw(b"\xef\xbb\xbf" + json.dumps(message(GOOD)).encode()), {}),
}


@pytest.mark.anyio
@by_lane
@pytest.mark.parametrize("shape", SHAPES)
async def test_what_a_server_sends_is_read_at_the_first_time(name: str, shape: str) -> None:
    reply, how = SHAPES[shape]
    shown: list[Piece] = []
    rung = {field: value for field, value in how.items() if field != "is_watched"}
    async with asking(name, [reply], **rung) as (ask, server):
        completion = await ask(watch=shown.append if how.get("is_watched") else None)

        assert (completion.outcome, completion.value) == (Outcome.OK, VALUE), completion.detail
        assert len(server.asked) == 1


@pytest.mark.anyio
@by_lane
async def test_thinking_alone_is_no_answer(name: str) -> None:
    async with asking(name, [Json(message("", reasoning_content=f"Perhaps {GOOD}, or not?"))] * 9) as (ask, _):
        for is_text in (False, True):
            with pytest.raises(NoAnswer, match="it thought, and answered nothing"):
                await ask(text=is_text)


# ---------------------------------------------------------------- what a server does not take

FIELDS = ("max_tokens", "stream_options", "stream", "response_format", "tools", "tool_choice")
#: How servers name a field: in prose, as a parameter, as a place.
NAMED = (
    lambda field: {"error": {"message": f"Unsupported parameter: '{field}' is not supported with this model."}},
    lambda field: {"error": {"message": "no", "param": field}},
    lambda field: {"detail": [{"type": "extra_forbidden", "loc": ["body", field], "msg": "no", "input": "tools"}]},
    lambda field: {"object": "error", "message": {"detail": [{"loc": ["body", field, "x"], "msg": "no"}]}},
    lambda field: f"unknown field `{field}`",
)


@given(
    st.sampled_from([status for status in range(400, 500) if status not in (402, 408, 413, 429)]),
    st.sampled_from(FIELDS),
    st.sampled_from(NAMED),
)
def test_every_4xx_that_names_a_field_that_was_sent_is_about_that_field(status: int, field: str, named: Any) -> None:
    content = json.dumps(named(field)).encode()
    has_schema = field in ("response_format", "tools", "tool_choice")
    told = read(Answer(status, {}, content), Asked(has_schema, sent=frozenset({field})))
    other = read(Answer(status, {}, content), Asked(sent=frozenset()))

    assert told.outcome is (Outcome.NO_SCHEMA_MODE if has_schema else Outcome.FIELD_REFUSED)
    assert told.refused == ("" if has_schema else field)
    assert other.outcome not in (Outcome.NO_SCHEMA_MODE, Outcome.FIELD_REFUSED)


def picky(*refused: str, said: str = GOOD, status: int = 400) -> Any:
    """A server that refuses requests with any of these fields, one after the other."""

    def reply(body: Any) -> Reply:
        named = next((field for field in refused if field in body), None)
        return Fails(status, f"'{named}' is not supported", param=named) if named else Says(said)

    return reply


@pytest.mark.anyio
@by_lane
@pytest.mark.parametrize("status", [400, 404, 422])
async def test_what_a_server_refuses_it_is_asked_without_once_and_from_then_on(name: str, status: int) -> None:
    refused = ("max_tokens", "stream_options", "response_format")
    async with asking(name, picky(*refused, status=status)) as (ask, server):
        for _ in range(2):
            assert (await ask(watch=lambda _: None)).value == VALUE

        assert len(server.asked) == len(refused) + 2
        bodies = [each.body for each in server.asked]
        assert not any(field in bodies[-1] for field in refused)
        assert [body["max_completion_tokens"] for body in bodies if "max_tokens" not in body] == [4096] * 4
        assert "schema" in bodies[-1]["messages"][0]["content"]


@pytest.mark.anyio
@by_lane
async def test_a_4xx_that_says_nothing_is_asked_without_its_schema(name: str) -> None:
    async with asking(name, lambda body: Fails(400, "no") if "response_format" in body else Says(GOOD)) as (
        ask,
        server,
    ):
        assert [(await ask()).value for _ in range(2)] == [VALUE] * 2
        assert len(server.asked) == 3


@pytest.mark.anyio
@by_lane
async def test_a_server_that_streams_nothing_is_asked_for_the_whole_and_it_is_shown(name: str) -> None:
    shown: list[Piece] = []
    async with asking(name, picky("stream", said="hello")) as (ask, _):
        assert (await ask(text=True, watch=shown.append)).text == "hello"

    assert [each.text for each in shown] == ["hello"]


@pytest.mark.anyio
@by_lane
async def test_what_is_set_is_never_sent_and_a_paid_answer_is_never_without_a_bound(name: str) -> None:
    free = picky("max_tokens", "max_completion_tokens", said="hello")
    async with asking(name, free, drop_params=("max_tokens",)) as (ask, server):
        assert (await ask(text=True)).text == "hello"
        assert len(server.asked) == 2

    async with asking(name, free, price_in_usd=1, price_out_usd=1) as (ask, server):
        with pytest.raises(Misconfigured, match="max_completion_tokens"):
            await ask(text=True)
        assert len(server.asked) == 2


@pytest.mark.anyio
@by_lane
async def test_a_small_context_takes_a_shorter_answer_rather_than_a_shorter_question(name: str) -> None:
    """vLLM's words, where the answer that was allowed fills the context by itself."""

    def reply(body: Any) -> Reply:
        asked = body["max_tokens"]
        told = f"This model's maximum context length is 4096 tokens. However, you requested {asked + 20} tokens"
        return Fails(400, told, code=400) if asked + 20 > 4096 else Says("hello")

    async with asking(name, reply) as (ask, server):
        assert (await ask(text=True)).text == "hello"
        assert [each.body["max_tokens"] for each in server.asked] == [4096, 2048]


# ---------------------------------------------------------------- where servers are


@pytest.mark.anyio
async def test_an_embedding_model_that_is_listed_first_is_passed_over() -> None:
    def reply(body: Any) -> Reply:
        is_bad = body["model"] in ("nomic-embed-text", "bge-m3")
        return Fails(400, f'"{body["model"]}" does not support chat') if is_bad else Says("hello")

    with ScriptedProvider(reply, listed=("nomic-embed-text", "bge-m3", "qwen3:8b")) as server:
        rung, provider = made("openai_http", server.url, model="openai_http:auto")
        model, _, request = stacked([(rung, [provider])])
        first, again = await model.complete(request), await model.complete(request)
        await provider.aclose()

    assert [attempt.outcome for attempt in first.receipt.attempts] == [Outcome.FIELD_REFUSED, Outcome.OK]
    assert len(again.receipt.attempts) == 1
    assert [each.body["model"] for each in server.asked] == ["bge-m3", "qwen3:8b", "qwen3:8b"]


@pytest.mark.anyio
@pytest.mark.parametrize("model", ["auto", "small"])
@pytest.mark.parametrize("tail", ["", "/", "/v1/chat/completions"])
async def test_an_address_without_a_version_is_found_and_the_doctor_names_it(model: str, tail: str) -> None:
    with ScriptedProvider() as server:
        url = server.url.removesuffix("/v1")
        rung, provider = made("openai_http", f"{url}{tail}", model=f"openai_http:{model}")
        bench = Bench(lambda rung: OpenAIHttp(rung), clock=ManualClock())
        diagnosis = await examine(Deployment.of(rung, provider), bench)
        await provider.aclose()

    [told] = [each for each in diagnosis.checks if each.name == "model"]
    assert told.state is State.OK, told.detail
    assert told.mend == f'set base_url = "{server.url}"'


@pytest.mark.anyio
@by_lane
async def test_where_nothing_is_found_the_mend_names_what_most_addresses_end_in(name: str) -> None:
    with ScriptedProvider() as server:
        rung, provider = made(name, server.url.removesuffix("/v1") + "/elsewhere")
        diagnosis = await examine(Deployment.of(rung, provider), Bench(lambda rung: provider, clock=ManualClock()))
        await provider.aclose()

    [told] = [each for each in diagnosis.checks if each.name == "model"]
    assert told.state is State.FAILED
    assert "/v1" in told.mend


@pytest.mark.anyio
async def test_the_doctor_tells_what_a_server_refuses_and_how_to_say_so() -> None:
    with ScriptedProvider(picky("max_tokens", "response_format")) as server:
        rung, provider = made("openai_http", server.url)
        diagnosis = await examine(Deployment.of(rung, provider), Bench(OpenAIHttp, clock=ManualClock()))
        await provider.aclose()

    told = {each.name: each for each in diagnosis.checks}
    assert told["model"].state is State.OK
    assert told["request"].detail == "it refuses max_tokens, and is asked without"
    assert told["request"].mend == 'set drop_params = ["max_tokens"]'
    assert told["ability"].state is not State.SKIPPED


@pytest.mark.anyio
async def test_a_server_on_this_machine_is_offered_unless_it_is_asked_already() -> None:
    with ScriptedProvider(listed=("a", "b", "c", "d")) as server, socket.create_server(("127.0.0.1", 0)) as silent:
        port, dead = urlsplit(server.url).port or 0, silent.getsockname()[1]
        found = await local_servers({port: "Ollama", dead: "vLLM"})

    assert found == (LocalServer(server.url, "Ollama", ("a", "b", "c", "d")),)
    [offered] = server_checks(found, ())
    assert offered.detail == f"{server.url}, where Ollama usually is, has a, b, c and 1 more"
    assert server_checks(found, (Rung(model="openai_http:a", base_url=f"http://localhost:{port}"),)) == ()


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_blank_variables_are_none(blank: str) -> None:
    own = (Rung(model="embedded:extract"),)
    blanks = dict.fromkeys(("OPENAI_BASE_URL", "OLLAMA_HOST", "OPENAI_API_KEY"), blank)

    assert choose_rungs(Settings(), blanks, own)[0] == own
    [rung], _ = choose_rungs(Settings(), {**blanks, "OLLAMA_HOST": " gpu ", "OPENAI_MODEL": blank}, own)
    assert (rung.model, rung.base_url) == ("openai_http:auto", "http://gpu:11434/v1")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),  # nothing is bound
        ("0.0.0.0:8080", "http://127.0.0.1:8080/v1"),
        (":11434", "http://127.0.0.1:11434/v1"),
        ("::", "http://[::1]:11434/v1"),
        ("[::]:9", "http://[::1]:9/v1"),
        ("::1", "http://[::1]:11434/v1"),
        ("gpu.lan", "http://gpu.lan:11434/v1"),
        ("http://gpu.lan:5000/", "http://gpu.lan:5000/v1"),
        ("https://ollama.example.org", "https://ollama.example.org/v1"),
        ("gpu.lan/ollama", "http://gpu.lan:11434/ollama/v1"),
        ("http://gpu.lan:11434/v1", "http://gpu.lan:11434/v1"),
    ],
)
def test_the_address_of_an_ollama_is_read_as_ollama_reads_it(host: str, url: str) -> None:
    assert ollama_url(host) == url
