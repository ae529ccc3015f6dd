"""Answers that stream, in both lanes over real sockets: shown as they arrive, believed only when they are complete."""

import asyncio
import gzip
import json
import sys
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.gateway.model import Completion, Piece, Request, Usage
from bullpen.orchestrator.gateway.providers.litellm import LiteLLM
from bullpen.orchestrator.gateway.providers.openai_http import OpenAIHttp
from bullpen.orchestrator.gateway.providers.sse import LINE_BYTES_MOST
from bullpen.orchestrator.gateway.templates import Message, Template
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock

from .wire import END, EVENTS, RawServer, delta, event, piece, plain, raw_server, reset

pytestmark = pytest.mark.anyio
ASKED = Request(
    steps=Steps(InMemoryJournal("job", ManualClock()), "job", "task", "worker"),
    role="search",
    prompt="greet",
    inputs={},
    template=Template("greet", "1", "", ""),
    messages=(Message("user", "Say hello."),),
)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
FIRST, SECOND, STOP = event(delta(content="Hel")), event(delta(content="lo")), event(delta("stop"))
USAGE = event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})
DONE = event(b"[DONE]")
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(params=["openai_http", "litellm"])
def lane(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-not-to-be-seen-0123456789")


async def hear(
    lane: str, answer: Answer, request: Request = ASKED, model: str = "openai/small", path: str = "", **rung: Any
) -> tuple[Completion, list[Piece], RawServer]:
    """What asking a server gives, and what was shown meanwhile."""
    pieces: list[Piece] = []
    async with raw_server(answer) as server:
        name = f"litellm:{model}" if lane == "litellm" else "openai_http:small"
        given = Rung.model_validate({"model": name, "name": "r", "base_url": server.url + path, **rung})
        provider = LiteLLM(given) if lane == "litellm" else OpenAIHttp(given)
        completion = await provider.complete(request._replace(watch=pieces.append))
        await provider.aclose()
    assert len(server.requests) == 1
    return completion, pieces, server


def says(*events: bytes, end: bool = True, breaks: bool = False) -> Answer:
    """Streams these events, then ends the body, breaks the connection, or falls silent."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS)
        for each in events:
            writer.write(piece(each))
            await writer.drain()
        if breaks:
            await asyncio.sleep(0.05)  # what is written has to be read first
            reset(writer)
        elif end:
            writer.write(END)

    return answer


async def test_an_answer_is_shown_as_it_arrives(lane: str) -> None:
    completion, pieces, server = await hear(lane, says(b": hi\n\n", FIRST, SECOND, STOP, USAGE, DONE))

    assert (completion.outcome, completion.text, completion.finish_reason) == (Outcome.OK, "Hello", "stop")
    assert (completion.usage, completion.model) == (Usage(7, 2), "small-1")
    assert pieces == [Piece("Hel", "r"), Piece("lo", "r")]
    assert server.body["stream"] is True
    assert server.body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("answer", "outcome", "text"),
    [
        (says(), Outcome.CUT, ""),
        (says(breaks=True), Outcome.CUT, ""),
        (says(DONE), Outcome.CUT, ""),
        (says(b"data: {broken\n\n"), Outcome.CUT, ""),
        (says(event({"error": {"message": "busy", "code": 429}})), Outcome.RATE_LIMITED, ""),
        (says(event({"error": {"message": "busy"}})), Outcome.ERROR_IN_200, ""),
        (says(FIRST), Outcome.INTERRUPTED, "Hel"),
        (says(FIRST, DONE), Outcome.INTERRUPTED, "Hel"),
        (says(FIRST, breaks=True), Outcome.INTERRUPTED, "Hel"),
        (says(FIRST, SECOND, breaks=True), Outcome.INTERRUPTED, "Hello"),
        (says(FIRST, b"data: {broken\n\n", SECOND, STOP), Outcome.INTERRUPTED, "Hel"),
        (says(FIRST, event({"error": {"message": "busy"}})), Outcome.INTERRUPTED, "Hel"),
        (says(FIRST, STOP, breaks=True), Outcome.OK, "Hel"),
        (says(FIRST, event(delta("length"))), Outcome.TRUNCATED, "Hel"),
        (says(FIRST, event(delta("content_filter"))), Outcome.REFUSED, "Hel"),
        (says(STOP, DONE), Outcome.EMPTY, ""),
        (says(*[b"x" * 65536] * 17), Outcome.TOO_LARGE, ""),
        (says(*[b": " + b"x" * (LINE_BYTES_MOST // 2) + b"\n"] * 17), Outcome.TOO_LARGE, ""),
    ],
)
async def test_a_stream_is_believed_only_when_it_is_complete(
    lane: str, answer: Answer, outcome: Outcome, text: str
) -> None:
    completion, pieces, _ = await hear(lane, answer)

    assert (completion.outcome, completion.text) == (outcome, text), completion.detail
    assert "".join(shown.text for shown in pieces) == text


KEEP_ALIVES = [b": keep-alive\n\n", event(delta(content="")), event({"choices": []})]


@pytest.mark.parametrize("keep_alive", [None, *KEEP_ALIVES])
@pytest.mark.parametrize("first", [b"", FIRST])
async def test_silence_is_a_stall_whatever_keeps_the_connection_alive(
    lane: str, keep_alive: bytes | None, first: bytes
) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + (piece(first) if first else b""))
        while not writer.is_closing():
            writer.write(piece(keep_alive) if keep_alive else b"")
            await writer.drain()
            await asyncio.sleep(0.02)

    with anyio.fail_after(5):
        completion, _, _ = await hear(lane, answer, first_s=0.3, idle_s=0.1)

    assert (completion.outcome, completion.text) == (Outcome.STALLED, "Hel" if first else "")


async def test_no_headers_at_all_are_a_stall(lane: str) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    with anyio.fail_after(4):
        completion, _, _ = await hear(lane, answer, first_s=0.2)

    assert completion.outcome is Outcome.STALLED


async def test_a_slow_stream_that_does_not_fall_silent_is_heard_to_its_end(lane: str) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS)
        for _ in range(6):
            writer.write(piece(FIRST))
            await asyncio.sleep(0.1)
        writer.write(piece(STOP) + END)

    completion, _, _ = await hear(lane, answer, first_s=0.4, idle_s=0.4)

    assert (completion.outcome, completion.text) == (Outcome.OK, "Hel" * 6)


async def test_a_server_that_does_not_close_is_not_waited_for(lane: str) -> None:
    with anyio.fail_after(5):
        completion, _, _ = await hear(lane, says(FIRST, STOP, DONE, end=False), idle_s=30)

    assert (completion.outcome, completion.text) == (Outcome.OK, "Hel")


@pytest.mark.parametrize(
    ("body", "status", "outcome"),
    [
        ({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}, 200, Outcome.OK),
        ({"error": {"message": "busy", "code": 503}}, 200, Outcome.ERROR_IN_200),
        ({"error": {"message": "slow down"}}, 429, Outcome.RATE_LIMITED),
        ({"error": {"message": "prompt is too long"}}, 400, Outcome.TOO_LONG),
    ],
)
async def test_an_answer_that_does_not_stream_is_read_as_such(
    lane: str, body: Any, status: int, outcome: Outcome
) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(plain(json.dumps(body).encode(), status, retry_after="7"))

    completion, pieces, _ = await hear(lane, answer)

    assert (completion.outcome, completion.text) == (outcome, "Hi" if outcome is Outcome.OK else "")
    assert completion.retry_after_s == (7 if status != 200 else None)
    assert pieces == []


@pytest.mark.parametrize(
    ("coding", "packed", "outcome"),
    [
        (b"gzip", gzip.compress(FIRST + SECOND + STOP), Outcome.OK),
        (b"deflate", zlib.compress(FIRST + SECOND + STOP), Outcome.OK),
        (b"gzip", FIRST + SECOND + STOP, Outcome.OK),  # unpacked on its way, and its header left
        (b"gzip", gzip.compress(FIRST + b": " + bytes(9_000_000)), Outcome.TOO_LARGE),
        (b"gzip", b"\x1f\x8bno", Outcome.CUT),
        (b"br", FIRST + STOP, Outcome.NOT_JSON),
    ],
)
async def test_a_packed_stream_is_unpacked_as_far_as_the_bound(
    lane: str, coding: bytes, packed: bytes, outcome: Outcome
) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS.replace(b"\r\n\r\n", b"\r\ncontent-encoding: %b\r\n\r\n" % coding))
        for at in range(0, len(packed), 65_536 if len(packed) > 1000 else 7):
            writer.write(piece(packed[at : at + (65_536 if len(packed) > 1000 else 7)]))
        writer.write(END)

    completion, pieces, _ = await hear(lane, answer)

    assert completion.outcome is outcome, completion.detail
    assert "".join(shown.text for shown in pieces) == ("Hello" if outcome is Outcome.OK else "")


async def test_the_arguments_of_a_tool_stream_too(lane: str) -> None:
    def call(**function: str) -> bytes:
        return event(delta(tool_calls=[{"index": 0, "function": function}]))

    answer = says(
        call(name="greet", arguments=""), call(arguments='{"a":'), call(arguments=" 1}"), event(delta("tool_calls"))
    )
    completion, pieces, _ = await hear(lane, answer, ASKED._replace(schema=SCHEMA), schema_mode="tool")

    assert (completion.outcome, completion.text) == (Outcome.OK, '{"a": 1}')
    assert [shown.text for shown in pieces] == ['{"a":', " 1}"]


def anthropic(kind: str, **of: Any) -> bytes:
    return b"event: %b\n" % kind.encode() + event({"type": kind, **of})


MESSAGE: dict[str, Any] = {"id": "m", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
OPENED = (
    anthropic("message_start", message={**MESSAGE, "usage": {"input_tokens": 7, "output_tokens": 1}}),
    anthropic("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    anthropic("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello"}),
)
CLOSED = (
    anthropic("content_block_stop", index=0),
    anthropic("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3}),
    anthropic("message_stop"),
)


@pytest.mark.parametrize(
    ("answer", "outcome", "text"),
    [
        (says(*OPENED, *CLOSED), Outcome.OK, "Hello"),
        (says(*OPENED), Outcome.INTERRUPTED, "Hello"),
        (says(*OPENED, breaks=True), Outcome.INTERRUPTED, "Hello"),
        (says(*OPENED, end=False), Outcome.STALLED, "Hello"),
        (says(OPENED[0], end=False), Outcome.STALLED, ""),
        (says(OPENED[0]), Outcome.CUT, ""),
        (says(*OPENED, *[b": " + b"x" * 500_000 + b"\n\n"] * 17), Outcome.TOO_LARGE, "Hello"),
    ],
)
async def test_a_stream_of_another_shape_is_judged_as_strictly(answer: Answer, outcome: Outcome, text: str) -> None:
    """LiteLLM reads it, and would write `stop` where none came."""
    completion, pieces, _ = await hear(
        "litellm", answer, model="anthropic/claude-x", path="/messages", idle_s=0.3, first_s=2
    )

    assert (completion.outcome, completion.text) == (outcome, text), completion.detail
    assert "".join(shown.text for shown in pieces) == text
    assert completion.usage == Usage(7, 3) or outcome is not Outcome.OK


@pytest.mark.filterwarnings("ignore:Accessing the .model_:DeprecationWarning")  # of pydantic, by LiteLLM
@pytest.mark.parametrize(
    ("answer", "outcome", "text"),
    [
        (says(FIRST, SECOND, STOP, USAGE, DONE), Outcome.OK, "Hello"),
        (says(FIRST, SECOND), Outcome.INTERRUPTED, "Hello"),
        (says(FIRST, SECOND, DONE), Outcome.INTERRUPTED, "Hello"),
        (says(FIRST, breaks=True), Outcome.INTERRUPTED, "Hel"),
        (says(FIRST, b"data: {broken\n\n"), Outcome.INTERRUPTED, "Hel"),
        (says(FIRST, event({"error": {"message": "busy"}})), Outcome.INTERRUPTED, "Hel"),
        (says(FIRST, end=False), Outcome.STALLED, "Hel"),
    ],
)
async def test_a_stream_through_a_client_of_the_providers_own_is_judged_as_strictly(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, outcome: Outcome, text: str
) -> None:
    monkeypatch.setenv("AZURE_API_KEY", "sk-not-to-be-seen-0123456789")
    monkeypatch.setenv("AZURE_API_VERSION", "2024-10-21")
    completion, pieces, _ = await hear("litellm", answer, model="azure/small", idle_s=0.3, first_s=5)
    await sys.modules["litellm"].close_litellm_async_clients()

    assert (completion.outcome, completion.text) == (outcome, text), completion.detail
    assert "".join(shown.text for shown in pieces) == text
