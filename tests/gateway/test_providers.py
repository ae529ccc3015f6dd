"""Both network lanes against one scripted provider, over real HTTP: the same outcome for the same trouble."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.gateway.model import Completion, Provider, Request, Usage
from bullpen.orchestrator.gateway.providers.litellm import LiteLLM
from bullpen.orchestrator.gateway.providers.openai_http import OpenAIHttp
from bullpen.orchestrator.gateway.templates import Message, Template
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing.provider import Fails, Raw, Reply, Says, ScriptedProvider

pytestmark = pytest.mark.anyio
KEY = "sk-test-0123456789"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULLPEN_TEST_KEY", KEY)


@asynccontextmanager
async def lane(name: str, url: str, model: str = "gpt-4o-mini") -> AsyncIterator[Provider]:
    prefix = "openai/" if name == "litellm" else ""
    rung = Rung(model=f"{name}:{prefix}{model}", base_url=url, api_key_env="BULLPEN_TEST_KEY", timeout_s=5)
    provider: Provider = LiteLLM(rung) if name == "litellm" else OpenAIHttp(rung)
    try:
        yield provider
    finally:
        await provider.aclose()


def request(**schema: object) -> Request:
    return Request(
        steps=Steps(InMemoryJournal("job", SystemClock()), "job", "task", "worker"),
        role="search",
        prompt="greet",
        inputs={},
        template=Template("greet", "1", "", ""),
        schema=schema or None,
        messages=(Message("system", "Be brief."), Message("user", "Say hello.")),
    )


async def ask(name: str, *replies: Reply) -> tuple[Completion, ScriptedProvider]:
    with ScriptedProvider(replies) as server:
        async with lane(name, server.url) as provider:
            return await provider.complete(request()), server


LANES = pytest.mark.parametrize("name", ["openai_http", "litellm"])
TROUBLE: list[tuple[str, Reply, Outcome]] = [
    ("429", Fails(429, retry_after_s=12.5), Outcome.RATE_LIMITED),
    ("500", Fails(500), Outcome.SERVER_ERROR),
    ("503", Fails(503), Outcome.SERVER_ERROR),
    ("401", Fails(401, f"no such key: {KEY}"), Outcome.KEY_REFUSED),
    ("403", Fails(403), Outcome.KEY_REFUSED),
    ("402", Fails(402), Outcome.NO_QUOTA),
    ("404", Fails(404), Outcome.NO_SUCH_MODEL),
    ("400", Fails(400), Outcome.BAD_REQUEST),
    ("empty", Says(""), Outcome.EMPTY),
    ("null", Says(None), Outcome.EMPTY),
    ("refusal", Says(None, refusal="I will not"), Outcome.REFUSED),
    ("filtered", Says("x", finish_reason="content_filter"), Outcome.REFUSED),
    ("truncated", Says("half a sen", finish_reason="length"), Outcome.TRUNCATED),
]


@LANES
async def test_an_answer_arrives_with_its_usage_and_the_model_that_gave_it(name: str) -> None:
    completion, server = await ask(name, Says("hello", tokens_in=7, tokens_out=3, model="gpt-4o-mini-2024"))

    assert (completion.outcome, completion.text) == (Outcome.OK, "hello")
    assert (completion.usage, completion.model, completion.finish_reason) == (Usage(7, 3), "gpt-4o-mini-2024", "stop")
    assert server.asked[0].text == "Be brief.\nSay hello."
    assert server.asked[0].key_hash


@LANES
@pytest.mark.parametrize(("reply", "outcome"), [row[1:] for row in TROUBLE], ids=[row[0] for row in TROUBLE])
async def test_trouble_is_an_outcome_after_one_request(name: str, reply: Reply, outcome: Outcome) -> None:
    completion, server = await ask(name, reply)

    assert completion.outcome is outcome
    assert len(server.asked) == 1
    assert KEY not in completion.detail


@LANES
@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Raw(b"<html>busy</html>", content_type="text/html"), Outcome.NOT_JSON),
        (Raw(b'{"choices": [{"mess'), Outcome.NOT_JSON),
        (Raw(b'"\xff\xfe"'), Outcome.NOT_JSON),
        (Raw(b"[" * 100_000), Outcome.NOT_JSON),
        (Raw(b"[]"), Outcome.NOT_JSON),
        (Raw(b"{}"), Outcome.EMPTY),
        (Raw(b'{"choices": []}'), Outcome.EMPTY),
        (Raw(b'{"choices": [null]}'), Outcome.NOT_JSON),
        (Raw(b'{"error": {"message": "overloaded"}}'), Outcome.ERROR_IN_200),
        (Raw(b'{"choices"', cut=True), Outcome.CUT),
        (
            Raw(b'{"choices": [], "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}'),
            Outcome.NOT_JSON,
        ),
        (Raw(b"x" * (9 * 1024 * 1024)), Outcome.TOO_LARGE),
    ],
)
async def test_no_lane_trusts_a_body(name: str, reply: Reply, outcome: Outcome) -> None:
    completion, server = await ask(name, reply)

    assert completion.outcome is outcome
    assert len(server.asked) == 1


async def test_a_key_that_lite_llm_finds_by_itself_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-found-by-itself-123")
    with ScriptedProvider([Fails(401, "no such key: sk-found-by-itself-123")]) as server:
        provider = LiteLLM(Rung(model="litellm:openai/gpt-4o-mini", base_url=server.url))
        completion = await provider.complete(request())
        await provider.aclose()

    assert completion.outcome is Outcome.KEY_REFUSED
    assert "sk-found" not in completion.detail


async def test_closing_one_lane_leaves_the_others_open() -> None:
    with ScriptedProvider([Says("a"), Says("b"), Says("c")]) as server:
        async with lane("litellm", server.url) as first:
            async with lane("litellm", server.url) as second:
                await second.complete(request())
                assert (await first.complete(request())).text == "b"
            assert (await first.complete(request())).text == "c"


@LANES
async def test_no_lane_sends_a_prompt_where_it_is_redirected(name: str) -> None:
    with ScriptedProvider([Says("gotcha")]) as elsewhere:
        away = {"Location": f"{elsewhere.url}/chat/completions"}
        completion, _ = await ask(name, Raw(b"", status=307, headers=away))

        assert completion.outcome is Outcome.REDIRECTED
        assert elsewhere.asked == []


@LANES
async def test_nobody_listening_is_unreachable(name: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with lane(name, f"http://127.0.0.1:{free.getsockname()[1]}/v1") as provider:
            completion = await provider.complete(request())

    assert completion.outcome is Outcome.UNREACHABLE


@LANES
@pytest.mark.parametrize("counts", [{"usage": False}, {"tokens_in": -5}, {"tokens_out": 10**12}])
async def test_usage_that_cannot_be_is_not_believed(name: str, counts: dict[str, int]) -> None:
    completion, _ = await ask(name, Says("hello", **counts))  # type: ignore[arg-type]

    assert completion.outcome is Outcome.OK
    assert completion.usage == Usage()


@LANES
async def test_a_schema_is_asked_for(name: str) -> None:
    with ScriptedProvider([Says("{}")]) as server:
        async with lane(name, server.url) as provider:
            await provider.complete(request(type="object", properties={"a": {"type": "string"}}))

    asked = server.asked[0].body["response_format"]
    assert asked["json_schema"]["schema"]["properties"] == {"a": {"type": "string"}}


@LANES
async def test_a_cancelled_call_ends_at_once(name: str) -> None:
    with ScriptedProvider([Says("late", delay_s=5)]) as server:
        async with lane(name, server.url) as provider:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(provider.complete, request())
                    # It is under way, and LiteLLM's own preparations are over; the server is in another thread.
                    while not server.asked:  # noqa: ASYNC110
                        await anyio.sleep(0.01)
                    started_s = anyio.current_time()
                    scope.cancel()
            assert anyio.current_time() - started_s < 1


async def test_both_lanes_send_the_same_and_read_the_same() -> None:
    direct, direct_server = await ask("openai_http", Says("hello"))
    wide, wide_server = await ask("litellm", Says("hello"))

    assert direct_server.asked[0].body.items() <= wide_server.asked[0].body.items()
    assert wide.micro_usd is not None
    assert (direct.text, direct.usage, direct.model) == (wide.text, wide.usage, wide.model)


async def test_the_direct_lane_finds_the_servers_model_by_itself() -> None:
    with ScriptedProvider([Says("hello")], model="local-7b") as server:
        async with lane("openai_http", server.url, model="auto") as provider:
            await provider.complete(request())

        assert server.asked[0].body["model"] == "local-7b"


async def test_lite_llm_knows_prices() -> None:
    async with lane("litellm", "http://127.0.0.1:1/v1") as known, lane("litellm", "http://x/v1", "no-such") as unknown:
        prices = (await known.card()).prices

        assert prices is not None
        assert 0 < prices.in_usd < prices.out_usd
        assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
        assert (await unknown.card()).prices is None
