"""The way to a provider and back, in both lanes: each fault by its name, nothing taken that was not asked for."""

import asyncio
import gzip
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.gateway.model import Completion, Provider, Request
from bullpen.orchestrator.gateway.providers import sending
from bullpen.orchestrator.gateway.providers.litellm import LiteLLM
from bullpen.orchestrator.gateway.providers.openai_http import OpenAIHttp
from bullpen.orchestrator.gateway.templates import Message, Template
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.journal.tally import Tally
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock

from .stacks import stacked
from .wire import END, EVENTS, delta, event, piece, plain, raw_server, reset

pytestmark = pytest.mark.anyio
ASKED = Request(
    steps=Steps(InMemoryJournal("job", ManualClock()), "job", "task", "worker"),
    role="search",
    prompt="greet",
    inputs={},
    template=Template("greet", "1", "", ""),
    messages=(Message("user", "Say hello."),),
)
Make = Callable[..., Provider]


@pytest.fixture(params=["openai_http", "litellm"])
async def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-to-be-seen-0123456789")
    made: list[Provider] = []

    def make(url: str, **rung: Any) -> Provider:
        model = "litellm:openai/small" if request.param == "litellm" else "openai_http:small"
        given = Rung.model_validate({"model": model, "base_url": url, **rung})
        made.append(LiteLLM(given) if request.param == "litellm" else OpenAIHttp(given))
        return made[-1]

    yield make
    for provider in made:
        await provider.aclose()


def answer(content: Any = "hello", **of: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return json.dumps({"model": "small", "choices": [choice], **of}).encode()


async def given(make: Make, response: bytes) -> Completion:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()
        writer.close()

    async with raw_server(write) as server:
        completion = await make(server.url).complete(ASKED)
    assert len(server.requests) == 1
    return completion


async def test_a_name_that_is_not_found(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = make("http://nonexistent.invalid/v1")
    await provider.card()  # LiteLLM is loaded before names stop being found

    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    completion = await provider.complete(ASKED)

    assert (completion.outcome, completion.detail[:4]) == (Outcome.UNREACHABLE, "dns:")


async def test_a_port_that_is_closed(make: Make) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        completion = await make(f"http://127.0.0.1:{free.getsockname()[1]}/v1").complete(ASKED)

    assert (completion.outcome, completion.detail[:8]) == (Outcome.UNREACHABLE, "connect:")


async def test_a_server_that_does_not_take_the_connection(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "CONNECT_TIMEOUT_S", 0.3)
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with anyio.fail_after(15):
            completion = await make(f"http://127.0.0.1:{full.getsockname()[1]}/v1").complete(ASKED)
        for one in waiting:
            one.close()

    assert (completion.outcome, completion.detail[:18]) == (Outcome.UNREACHABLE, "connect timed out:")


async def test_a_certificate_that_nobody_vouches_for(make: Make, certificate: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    arrived: list[bytes] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read(100))

    async with await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context) as server:
        completion = await make(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1").complete(ASKED)

    assert (completion.outcome, completion.detail[:4]) == (Outcome.UNTRUSTED, "tls:")
    assert arrived == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for it that only it has signed."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    signed = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1)).sign(
        key, hashes.SHA256()
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 X\r\ncontent-length: 900\r\n\r\n{"])
async def test_a_connection_that_is_reset_after_sending(make: Make, sent: bytes) -> None:
    async def broken(writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await asyncio.sleep(0.02)
        reset(writer)

    async with raw_server(broken) as server:
        completion = await make(server.url).complete(ASKED)

    assert (completion.outcome, completion.detail[:3]) == (Outcome.CUT, "cut")
    assert len(server.requests) == 1


@pytest.mark.parametrize("cut", [0, 1, 10, 40, 60])
async def test_a_body_that_is_shorter_than_its_length(make: Make, cut: int) -> None:
    whole = plain(answer())

    assert (await given(make, whole[: len(whole) - len(answer()) + cut])).outcome is Outcome.CUT


@pytest.mark.parametrize("cut", range(1, len(answer()), 17))
async def test_json_that_is_cut_is_none_and_its_start_is_kept(make: Make, cut: int) -> None:
    completion = await given(make, plain(answer()[:cut]))

    assert completion.outcome is Outcome.NOT_JSON
    assert answer()[:cut].decode().strip() in completion.detail


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Outcome.NOT_JSON),
        (b"<html>busy</html>", Outcome.NOT_JSON),
        (b'{"choices": "\xff\xfe"}', Outcome.NOT_JSON),
        (b'{"choices": NaN}', Outcome.NOT_JSON),
        (b'{"a":' * 50_000, Outcome.NOT_JSON),
        (b'{"choices": ' + b"9" * 5000 + b"}", Outcome.NOT_JSON),
        (answer(["text"]), Outcome.NOT_JSON),
        (answer({}), Outcome.NOT_JSON),
        (answer([{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]), Outcome.OK),
        (answer("\x1b[2J\u202e"), Outcome.OK),
        (answer("x" * 7_000_000), Outcome.OK),
        (answer("x" * 10_000_000), Outcome.TOO_LARGE),
    ],
    ids=range(12),
)
async def test_no_body_is_trusted(make: Make, body: bytes, outcome: Outcome) -> None:
    completion = await given(make, plain(body))

    assert completion.outcome is outcome
    assert len(completion.detail) <= 500
    assert completion.detail.isprintable()


@pytest.mark.parametrize("lone", ["\ud800", "a\udfffb", "\0"])
async def test_what_no_store_can_keep_is_replaced(make: Make, lone: str) -> None:
    completion = await given(make, plain(answer(lone)))

    assert completion.text == "".join("\ufffd" if not char.isalnum() else char for char in lone)
    assert completion.text.encode()


@pytest.mark.parametrize("length", [True, False])
async def test_a_body_without_end_is_not_read_to_it(make: Make, length: bool) -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        head = b"content-length: 52428800" if length else b"connection: close"
        writer.write(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n%b\r\n\r\n" % head)
        while sent < 52_428_800 and not writer.is_closing():
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    async with raw_server(endless) as server:
        completion = await make(server.url).complete(ASKED)

    assert completion.outcome is Outcome.TOO_LARGE
    assert sent < 30_000_000


async def test_a_packed_body_is_unpacked_as_far_as_the_bound(make: Make) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    completion = await given(make, plain(bomb, content_encoding="gzip"))
    unknown = await given(make, plain(b"x", content_encoding="br"))

    assert completion.outcome is Outcome.TOO_LARGE
    assert (unknown.outcome, unknown.detail) == (Outcome.NOT_JSON, "the answer is packed with br")


async def test_no_packed_body_is_asked_for_and_connections_are_used_again(make: Make) -> None:
    async def good(writer: asyncio.StreamWriter) -> None:
        writer.write(plain(answer()))

    async with raw_server(good) as server:
        provider = make(server.url)
        for _ in range(20):
            assert (await provider.complete(ASKED)).outcome is Outcome.OK

    assert (len(server.requests), server.connections) == (20, 1)
    assert all(b"accept-encoding: identity" in head.lower() for head, _ in server.requests)


async def test_a_connection_that_streamed_is_used_again(make: Make) -> None:
    async def stream(writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + piece(event(delta("stop", content="hello"))) + piece(event(b"[DONE]")) + END)

    async with raw_server(stream) as server:
        provider = make(server.url)
        for _ in range(5):
            assert (await provider.complete(ASKED._replace(watch=lambda _: None))).text == "hello"

    assert (len(server.requests), server.connections) == (5, 1)


async def test_a_proxy_is_used_only_where_it_was_said(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async def good(writer: asyncio.StreamWriter) -> None:
        writer.write(plain(answer()))

    async with raw_server(good) as proxy, raw_server(good) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for watch in (None, lambda piece: None):
            assert (await make(server.url).complete(ASKED._replace(watch=watch))).outcome is Outcome.OK
        assert (len(proxy.requests), len(server.requests)) == (0, 2)
        await make(server.url, use_proxy=True).complete(ASKED)
        assert (len(proxy.requests), len(server.requests)) == (1, 2)


async def test_an_answer_in_words_and_parts_is_put_together_before_it_is_judged(make: Make) -> None:
    thought = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "yes"}]

    assert (await given(make, plain(answer(thought)))).text == "yes"


@pytest.mark.parametrize(("reason", "outcome"), [("model_length", Outcome.TRUNCATED), ("error", Outcome.ERROR_IN_200)])
async def test_some_call_the_reasons_otherwise(make: Make, reason: str, outcome: Outcome) -> None:
    body = {"choices": [{"message": {"content": "x"}, "finish_reason": reason}]}

    assert (await given(make, plain(json.dumps(body).encode()))).outcome is outcome


@pytest.mark.parametrize("watch", [None, lambda _: None])
@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (529, {"type": "overloaded_error", "message": "Overloaded"}, Outcome.SERVER_ERROR),
        (429, {"type": "rate_limit_error", "message": "slow down"}, Outcome.RATE_LIMITED),
        (400, {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8"}, Outcome.TOO_LONG),
        (400, {"type": "invalid_request_error", "message": "Your credit balance is too low"}, Outcome.NO_QUOTA),
        (401, {"type": "authentication_error", "message": "invalid x-api-key"}, Outcome.KEY_REFUSED),
        (404, {"type": "not_found_error", "message": "model: claude-x"}, Outcome.NO_SUCH_MODEL),
        (307, {}, Outcome.REDIRECTED),
    ],
)
async def test_errors_of_another_shape_are_read_by_the_same_rules(
    monkeypatch: pytest.MonkeyPatch, watch: Any, status: int, error: Any, outcome: Outcome
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-not-to-be-seen-0123456789")

    async def failing(writer: asyncio.StreamWriter) -> None:
        writer.write(plain(json.dumps({"type": "error", "error": error}).encode(), status, retry_after="7"))

    async with raw_server(failing) as server:
        provider = LiteLLM(Rung(model="litellm:anthropic/claude-x", base_url=f"{server.url}/messages"))
        completion = await provider.complete(ASKED._replace(watch=watch))
        await provider.aclose()

    assert completion.outcome is outcome
    assert completion.retry_after_s == (None if status == 307 else 7)
    assert len(server.requests) == 1


@pytest.mark.parametrize("watch", [None, lambda _: None])
async def test_nobody_listening_is_unreachable_for_another_shape_too(
    monkeypatch: pytest.MonkeyPatch, watch: Any
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-not-to-be-seen-0123456789")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1/messages"
        provider = LiteLLM(Rung(model="litellm:anthropic/claude-x", base_url=url))
        completion = await provider.complete(ASKED._replace(watch=watch))
        await provider.aclose()

    assert completion.outcome is Outcome.UNREACHABLE


# ---------------------------------------------------------------- a connection that was kept, and is closed


def silently_closing(open_: list[asyncio.StreamWriter]) -> Callable[[asyncio.StreamWriter], Any]:
    """Answers the first request of a connection, and closes it at the second, as if it had closed before."""

    async def answered(writer: asyncio.StreamWriter) -> None:
        if writer in open_:
            writer.close()
        else:
            open_.append(writer)
            writer.write(plain(answer(usage={"prompt_tokens": 3, "completion_tokens": 1})))
            await writer.drain()

    return answered


@pytest.mark.parametrize("is_watched", [False, True], ids=["plain", "stream"])
async def test_a_kept_connection_that_had_been_closed_is_its_own_outcome_and_a_new_one_is_asked(
    make: Make, is_watched: bool
) -> None:
    request = ASKED._replace(watch=(lambda _: None) if is_watched else None)
    async with raw_server(silently_closing([])) as server:
        provider = make(server.url)
        outcomes = [(await provider.complete(request)).outcome for _ in range(2)]
        again = await provider.complete(request._replace(is_reconnected=True))

    assert outcomes == [Outcome.OK, Outcome.STALE_CONNECTION]
    assert (again.outcome, again.text, server.connections) == (Outcome.OK, "hello", 2)


async def test_a_new_connection_that_is_closed_before_the_first_byte_is_not_known_to_be_free(make: Make) -> None:
    async def closed(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with raw_server(closed) as server:
        completion = await make(server.url).complete(ASKED)

    assert completion.outcome is Outcome.CUT
    assert not completion.outcome.rule.is_free


async def test_a_kept_connection_that_is_closed_later_or_behind_a_first_byte_is_cut(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[asyncio.StreamWriter] = []

    async def answered(writer: asyncio.StreamWriter) -> None:
        if writer in begun:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-le")
            await writer.drain()
            writer.close()
        else:
            begun.append(writer)
            writer.write(plain(answer()))

    async with raw_server(answered) as server:
        provider = make(server.url)
        assert [(await provider.complete(ASKED)).outcome for _ in range(2)] == [Outcome.OK, Outcome.CUT]
    monkeypatch.setattr(sending, "_STALE_WITHIN_S", 0.0)
    async with raw_server(silently_closing([])) as server:
        provider = make(server.url)
        assert [(await provider.complete(ASKED)).outcome for _ in range(2)] == [Outcome.OK, Outcome.CUT]


async def test_a_server_that_closes_after_each_answer_without_a_word_costs_what_it_answered() -> None:
    """Each call is answered once and paid for once, with one attempt on record for each request that was read."""

    async def answered(writer: asyncio.StreamWriter) -> None:
        writer.write(plain(answer(usage={"prompt_tokens": 3, "completion_tokens": 1})))
        await writer.drain()
        writer.close()

    async with raw_server(answered) as server:
        rung = Rung(model="openai_http:small", base_url=server.url, price_in_usd=1, price_out_usd=2, attempts_most=1)
        provider = OpenAIHttp(rung)
        model, journal, request = stacked([(rung, [provider])], limit=20_000)
        told = [await model.complete(request._replace(again=n)) for n in range(8)]
        await provider.aclose()
    tally = Tally()
    for each in journal.events:
        tally.hear(each)

    assert {completion.outcome for completion in told} == {Outcome.OK}
    assert (tally.model_calls, tally.micro_usd, tally.estimated_micro_usd) == (len(server.requests), 8 * 5, 0)


async def test_what_a_client_of_litellms_own_says_is_free_only_where_it_was_refused_or_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_API_KEY", "sk-not-to-be-seen-0123456789")
    monkeypatch.setenv("AZURE_API_VERSION", "2024-06-01")

    async def closed(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def failed(writer: asyncio.StreamWriter) -> None:
        writer.write(plain(b'{"error": {"message": "no"}}', 500))
        await writer.drain()

    async def asked_of(url: str) -> Outcome:
        provider = LiteLLM(Rung(model="litellm:azure/small", base_url=url, api_key_env="AZURE_API_KEY"))
        outcome = (await provider.complete(ASKED)).outcome
        await provider.aclose()
        return outcome

    outcomes = []
    for answered in (closed, failed):
        async with raw_server(answered) as server:
            outcomes.append(await asked_of(server.url))
    outcomes.append(await asked_of(server.url))

    assert outcomes == [Outcome.CUT, Outcome.SERVER_ERROR, Outcome.UNREACHABLE]
