"""Eight faults that LiteLLM's router returns as success, beside what this gateway makes of them."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.deployment import Deployment
from bullpen.orchestrator.gateway.providers.openai_http import OpenAIHttp
from bullpen.orchestrator.gateway.stack import compose
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing.provider import Reply, Says, ScriptedProvider, calls
from bullpen.orchestrator.testing.provider.faults import FAULTS

from ..gateway.stacks import GOOD, asked, typed

#: What the first provider does, whether it is met in a stream, and what our attempts at it end in.
FAULTY: dict[str, tuple[Reply, bool, str]] = {
    "empty": (Says(""), False, "empty"),
    "null": (Says(None), False, "empty"),
    "refused": (Says(None, refusal="I cannot help with that."), False, "refused"),
    "truncated": (Says('{"name": "a', finish_reason="length"), False, "truncated"),
    "off its schema": (Says('{"unexpected": true}'), False, "off_schema"),
    "unknown tool": (calls("no_such_tool", {"name": "a"}), False, "unknown_tool"),
    "broken arguments": (calls("ask", '{"name": "a'), False, "off_schema"),
    "cut stream": (FAULTS["no_finish"].reply(), True, "interrupted"),
}


@asynccontextmanager
async def servers(reply: Reply, well: Reply) -> AsyncIterator[tuple[ScriptedProvider, ScriptedProvider]]:
    with ScriptedProvider(lambda _: reply) as first, ScriptedProvider(lambda _: well) as second:
        yield first, second


@pytest.mark.anyio
@pytest.mark.parametrize("name", FAULTY)
async def test_lite_llms_router_returns_it_as_success(name: str) -> None:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    reply, streams, _ = FAULTY[name]
    async with servers(reply, Says(GOOD)) as (first, second):
        models = [
            {
                "model_name": label,
                "litellm_params": {"model": "openai/gpt-4o-mini", "api_base": provider.url, "api_key": "nobody"},
            }
            for label, provider in (("first", first), ("second", second))
        ]
        router = litellm.Router(models, fallbacks=[{"first": ["second"]}], num_retries=0, timeout=5)
        messages = [{"role": "user", "content": "hello"}]
        answer = await router.acompletion("first", messages, stream=streams)
        finish_reason = [chunk async for chunk in answer][-1].choices[0].finish_reason if streams else None

        assert (first.count(), second.count()) == (1, 0)
        assert finish_reason == ("stop" if streams else None)  # it never came: LiteLLM made it up


@pytest.mark.anyio
@pytest.mark.parametrize("name", FAULTY)
async def test_the_next_rung_is_asked_and_it_is_said(name: str) -> None:
    reply, streams, outcome = FAULTY[name]
    async with servers(reply, Says(GOOD)) as (first, second):
        rungs = [
            Rung(model="openai_http:gpt-4o-mini", name=label, base_url=provider.url)
            for label, provider in (("first", first), ("second", second))
        ]
        if name == "broken arguments":
            rungs[0] = rungs[0].model_copy(update={"schema_mode": "tool"})
        deployed = [(rung, [Deployment.of(rung, OpenAIHttp(rung))]) for rung in rungs]
        journal = InMemoryJournal("job", SystemClock())
        model = compose(deployed, Ledger("job", None), Course(backoff_s=0.01), Random(0))
        request = typed(asked(journal))
        completion = await model.complete(request._replace(watch=lambda _: None) if streams else request)
        for _, (deployment,) in deployed:
            await deployment.provider.aclose()

        assert completion.value == {"name": "a", "size": 1}
        assert second.count() == 1
        assert {attempt.outcome for attempt in completion.receipt.attempts if attempt.rung == "first"} == {outcome}
        assert f"second answered, not first: first {outcome}" in completion.receipt.degraded
