"""What can go wrong on the way, and what is never done about it: sending again, showing a key, believing a class."""

import asyncio
import gc
import json
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.errors import Misconfigured
from bullpen.orchestrator.gateway.model import Completion, Provider, Request, Usage
from bullpen.orchestrator.gateway.providers.litellm import LiteLLM
from bullpen.orchestrator.gateway.providers.openai_http import OpenAIHttp
from bullpen.orchestrator.gateway.templates import Message, Template
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock
from bullpen.orchestrator.testing.provider import Fails, Raw, Reply, Says, ScriptedProvider

from .wire import plain, raw_server

pytestmark = pytest.mark.anyio
KEY = "sk-not-to-be-seen-0123456789"
ASKED = Request(
    steps=Steps(InMemoryJournal("job", ManualClock()), "job", "task", "worker"),
    role="search",
    prompt="greet",
    inputs={},
    template=Template("greet", "1", "", ""),
    messages=(Message("user", "Say hello."),),
)
Make = Callable[..., Provider]
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
ANSWER = {"id": "c", "object": "chat.completion", "created": 1, "model": "small", "choices": [CHOICE]}


@pytest.fixture(params=["openai_http", "litellm"])
def lane(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def make(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    """Makes providers, and closes them in the end, twice."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    made: list[Provider] = []

    def make(lane: str, url: str, **rung: Any) -> Provider:
        model = "litellm:openai/small" if lane == "litellm" else "openai_http:small"
        given = Rung.model_validate({"model": model, "base_url": url, **rung})
        made.append(LiteLLM(given) if lane == "litellm" else OpenAIHttp(given))
        return made[-1]

    yield make
    for provider in (*made, *made):
        await provider.aclose()


async def serve_once(answer: Callable[[asyncio.StreamWriter], None], ask: Callable[[str], Any]) -> tuple[Any, int]:
    """What asking a server of raw bytes gives, and how many requests it got."""
    arrived: list[bytes] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.readuntil(b"\r\n\r\n"))
        answer(writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        completion = await ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    return completion, len(arrived)


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def shout(writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail ready\r\n\r\n")
    writer.close()


@pytest.mark.parametrize(("answer", "outcome"), [(reset, Outcome.CUT), (shout, Outcome.NOT_JSON)])
async def test_a_prompt_is_sent_once_whatever_becomes_of_the_connection(
    lane: str, make: Make, answer: Callable[[asyncio.StreamWriter], None], outcome: Outcome
) -> None:
    completion, requests = await serve_once(answer, lambda url: make(lane, url).complete(ASKED))

    assert completion.outcome is outcome, completion.detail
    assert requests == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_how_long_to_wait_is_read(lane: str, make: Make, status: int) -> None:
    with ScriptedProvider([Fails(status, headers={"retry-after-ms": "1500", "retry-after": "2"})]) as server:
        completion = await make(lane, server.url).complete(ASKED)

    assert completion.retry_after_s == 1.5
    assert "1.5" not in completion.detail


async def test_a_date_is_read_against_the_machines_clock_where_the_answer_has_none(lane: str, make: Make) -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True).encode()

    async def limited(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 429 Slow\r\nretry-after: %b\r\ncontent-length: 0\r\n\r\n" % then)

    async with raw_server(limited) as server:
        completion = await make(lane, server.url).complete(ASKED)

    assert completion.retry_after_s == pytest.approx(300, abs=10)


@pytest.mark.parametrize(
    "reply",
    [
        Fails(401, f"Incorrect key {KEY}"),
        Raw(f"<p>{KEY}".encode()),
        Raw(b"", status=302, headers={"location": f"http://127.0.0.1:9/?key={KEY}"}),
    ],
)
async def test_the_key_is_never_shown(lane: str, make: Make, reply: Reply) -> None:
    with ScriptedProvider([reply]) as server:
        completion = await make(lane, server.url).complete(ASKED)

    assert KEY not in repr(completion)
    assert "[key]" in completion.detail


async def test_a_key_that_no_header_can_carry_is_our_mistake(
    lane: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "two\nlines")
    with pytest.raises(Misconfigured, match="OPENAI_API_KEY") as caught:
        await make(lane, "http://127.0.0.1:9/v1").complete(ASKED)

    assert "lines" not in str(caught.value)


async def test_nothing_is_written_to_the_terminal(lane: str, make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    with ScriptedProvider([Fails(500), Raw(b"<p>"), Raw(b"{", cut=True), Says("x")]) as server:
        provider = make(lane, server.url)
        for _ in range(4):
            await provider.complete(ASKED)

    assert capfd.readouterr() == ("", "")


async def test_many_calls_at_once_each_get_their_own_answer(lane: str, make: Make) -> None:
    answers: dict[str, Completion] = {}
    with ScriptedProvider(lambda body: Says(body["messages"][0]["content"], delay_s=0.02)) as server:
        provider = make(lane, server.url)

        async def ask(text: str) -> None:
            answers[text] = await provider.complete(ASKED._replace(messages=(Message("user", text),)))

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(ask, f"question {number}")

    assert {text: completion.text for text, completion in answers.items()} == {text: text for text in answers}
    assert len(answers) == 20


def test_no_client_library_is_imported_before_the_first_call() -> None:
    code = "import sys; from bullpen.orchestrator.gateway.providers import openai_http, litellm; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"aiohttp", "httpx", "litellm", "openai"} & set(ended.stdout.split())


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, ANSWER, Outcome.OK),
        (200, {**ANSWER, "choices": [{**CHOICE, "message": {"role": "assistant", "content": None}}]}, Outcome.EMPTY),
        (200, {**ANSWER, "choices": [{**CHOICE, "finish_reason": "length"}]}, Outcome.TRUNCATED),
        (401, {"error": {"message": "no"}}, Outcome.KEY_REFUSED),
        (404, {"error": {"message": "no"}}, Outcome.NO_SUCH_MODEL),
        (400, {"error": {"message": "no"}}, Outcome.BAD_REQUEST),
        (400, {"error": {"message": "maximum context length is 9 tokens"}}, Outcome.TOO_LONG),
        (429, {"error": {"message": "no", "code": "insufficient_quota"}}, Outcome.NO_QUOTA),
        (429, {"error": {"message": "no"}}, Outcome.RATE_LIMITED),
        (500, {"error": {"message": "no"}}, Outcome.SERVER_ERROR),
        (200, [], None),
    ],
)
async def test_where_a_provider_has_a_client_of_its_own_the_class_of_the_error_decides(
    make: Make, monkeypatch: pytest.MonkeyPatch, status: int, body: Any, outcome: Outcome | None
) -> None:
    """None is any but ok."""
    monkeypatch.setenv("AZURE_API_KEY", KEY)
    monkeypatch.setenv("AZURE_API_VERSION", "2024-10-21")

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(plain(json.dumps(body).encode(), status))

    async with raw_server(answer) as server:
        base_url = server.url.removesuffix("/v1")
        completion = await make("litellm", base_url, model="litellm:azure/small").complete(ASKED)
        await sys.modules["litellm"].close_litellm_async_clients()

    assert completion.outcome is outcome if outcome else completion.outcome is not Outcome.OK, completion.detail
    assert len(server.requests) == 1


async def test_a_provider_of_another_shape_goes_through_litellm_as_well(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    head = {"id": "m", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "end_turn"}
    body = {**head, "content": [{"type": "text", "text": "Hello"}], "usage": {"input_tokens": 7, "output_tokens": 3}}

    def reply(writer: asyncio.StreamWriter) -> None:
        content = json.dumps(body).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        writer.write(b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(content), content))
        writer.close()

    async def ask(url: str) -> Completion:
        return await make("litellm", f"{url}/messages", model="litellm:anthropic/claude-x").complete(ASKED)

    completion, _ = await serve_once(reply, ask)
    assert (completion.outcome, completion.text, completion.usage) == (Outcome.OK, "Hello", Usage(7, 3))


async def test_what_is_frozen_out_of_the_collector_is_frozen_once(make: Make) -> None:
    with ScriptedProvider(lambda _: Says("x")) as server:
        await make("litellm", server.url).complete(ASKED)
        frozen = gc.get_freeze_count()
        await make("litellm", server.url).complete(ASKED)

    assert gc.get_freeze_count() <= frozen


async def test_a_provider_that_litellm_does_not_know_is_our_mistake(make: Make) -> None:
    completion = await make("litellm", "http://127.0.0.1:9/v1", model="litellm:nonesuch/model").complete(ASKED)

    assert completion.outcome is Outcome.NO_SUCH_MODEL
