"""The lane through LiteLLM: whatever it speaks to, used as a transport for one attempt.

Its retries, fallbacks, telemetry and price download are off. It takes seconds to import, so that happens at the first
call, in a thread.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
from anyio import to_thread

from ...clock import monotonic_s
from ...rules.outcome import Outcome
from ...rules.price import Prices
from ...settings import Rung
from ..model import Card, Completion, Request, Usage
from .keys import DEFAULT_KEY_ENV, key_in, without
from .litellm_library import causes, faults, keys, load, outcome_of_error, wait_of
from .openai_shape import asked_of, failed, question, read_value
from .reading import read
from .sending import CONNECT_TIMEOUT_S, Listener, Sender, fault_of, stalled
from .streamed import Streamed

if TYPE_CHECKING:
    from .litellm_wire import Wire

#: Providers for which LiteLLM uses a client library of theirs, or asks more than one question.
_OWN_CLIENTS = {"azure", "azure_text", "replicate", "text-completion-openai", "text-completion-inception"}


class LiteLLM:
    """The provider of one rung, on asyncio only. Deadlines are the caller's; LiteLLM is told `timeout_s` as well."""

    def __init__(self, rung: Rung) -> None:
        self._rung = rung
        self._lane: _Lane | None = None
        self._sender = Sender(rung)

    async def complete(self, request: Request) -> Completion:
        """One attempt. Raises Misconfigured for a key that cannot be sent; every other fault is an outcome."""
        lane = self._lane or await self._opened()
        if isinstance(lane, Completion):
            return lane
        key = key_in(lane.key_env) if lane.key_env else None
        completion = await self._ask(lane, request, key)
        if not completion.detail:
            return completion
        return replace(completion, detail=without([key] if key else keys(), completion.detail))

    async def card(self) -> Card:
        """What LiteLLM's own list says; nothing for a model that it does not list."""
        lane = self._lane or await self._opened()
        return Card(lane.prices, lane.context_tokens) if isinstance(lane, _Lane) else Card()

    async def _opened(self) -> "_Lane | Completion":
        """What stays the same from call to call; a Completion where LiteLLM knows no such provider."""
        litellm = await to_thread.run_sync(load, abandon_on_cancel=True)
        try:
            self._lane = _prepare(litellm, self._rung)
        except litellm.exceptions.BadRequestError as error:
            return Completion(Outcome.NO_SUCH_MODEL, detail=without([], str(error)))
        return self._lane

    async def aclose(self) -> None:
        """Close the connections; closing twice is harmless, and a later call opens them again."""
        await self._sender.aclose()

    async def _ask(self, lane: "_Lane", request: Request, key: str | None) -> Completion:
        from .litellm_wire import Ended, Wire

        asked = asked_of(request, self._rung)
        wire = Wire(self._sender, request, asked)
        try:
            response = await lane.litellm.acompletion(
                **lane.fixed, client=wire if lane.takes_client else None, api_key=key, **question(request, self._rung)
            )
            if request.watch is None:
                completion = read_value(response.model_dump(), asked)
            else:
                completion = await self._hear(lane, response, request, wire)
        except Ended as ended:
            completion = ended.completion
        except lane.faults as error:
            completion = _fault(error, wire)
        finally:
            wire.release()
        if lane.prices is None or completion.usage == Usage():
            return completion
        usage = completion.usage
        return replace(completion, micro_usd=lane.prices.cost(usage.tokens_in, usage.tokens_out))

    async def _hear(self, lane: "_Lane", response: Any, request: Request, wire: "Wire") -> Completion:
        """Hear a stream that LiteLLM reads. Its `stop` is believed only where it was received."""
        from .litellm_wire import Ended

        streamed = Streamed(wire.asked)
        failure: Completion | None = stalled(self._rung)
        with anyio.CancelScope(deadline=monotonic_s() + self._rung.first_s) as patience:
            listener = Listener(request, self._rung, patience)
            try:
                async for chunk in response:
                    listener.hear(streamed.add(chunk.model_dump()))
                failure = None
            except Ended as ended:
                failure = ended.completion
            except lane.faults as error:
                failure = _fault(error, wire)
        if failure is not None:
            await response.aclose()
        streamed.finish_reason = response.received_finish_reason if failure is None else None
        return streamed.ended(failure)


class _Lane(NamedTuple):
    """What stays the same from call to call."""

    litellm: Any
    fixed: dict[str, Any]
    takes_client: bool
    key_env: str | None
    prices: Prices | None
    context_tokens: int | None
    faults: tuple[type[Exception], ...]


def _prepare(litellm: Any, rung: Rung) -> _Lane:
    """Everything that is settled once. Raises LiteLLM's BadRequestError for a provider it does not know."""
    import httpx

    litellm.disable_aiohttp_trust_env = not rung.use_proxy  # of the clients that are not ours
    name, provider, _, _ = litellm.get_llm_provider(rung.model_name, api_base=rung.base_url)
    return _Lane(
        litellm=litellm,
        takes_client=provider not in _OWN_CLIENTS,
        fixed={
            "model": rung.model_name,
            "api_base": rung.base_url and rung.base_url.rstrip("/"),
            "timeout": httpx.Timeout(rung.timeout_s, connect=min(CONNECT_TIMEOUT_S, rung.timeout_s)),
            "num_retries": 0,
            "max_retries": 0,
            "_skip_mcp_handler": True,  # else it loads a gateway for tools of another kind
        },
        key_env=rung.api_key_env or (DEFAULT_KEY_ENV if provider == "openai" else None),
        prices=_prices(litellm, rung, name, provider),
        context_tokens=_context_tokens(litellm, rung),
        faults=faults(),
    )


def _prices(litellm: Any, rung: Rung, name: str, provider: str) -> Prices | None:
    """LiteLLM's prices for the model, None where it has none.

    An unknown model is registered with the rung's prices, or none: else each call looks for it in vain.
    """
    million = 1_000_000
    try:
        prices = litellm.cost_per_token(model=rung.model_name, prompt_tokens=million, completion_tokens=million)
    except litellm.exceptions.ModelNotMappedError:
        given = {"input_cost_per_token": rung.price_in_usd or 0, "output_cost_per_token": rung.price_out_usd or 0}
        per_token = {field: price / million for field, price in given.items()}
        entry = {"litellm_provider": provider, "mode": "chat", **per_token}
        litellm.register_model({name: entry, rung.model_name: entry})
        return None
    return Prices(*prices)


def _context_tokens(litellm: Any, rung: Rung) -> int | None:
    """The most tokens of question and answer; None where LiteLLM does not say."""
    entry = litellm.model_cost.get(rung.model_name) or litellm.model_cost.get(rung.model_name.partition("/")[2]) or {}
    size = entry.get("max_input_tokens") or entry.get("max_tokens")
    return size if isinstance(size, int) and size > 0 else None


#: What it takes more than LiteLLM's word to believe: it gives faults that it does not know the same names.
_BEFORE_A_MODEL = (Outcome.UNREACHABLE, Outcome.SERVER_ERROR)


def _tells(cause: BaseException) -> bool:
    """Whether a client that is not ours was refused a connection, or was answered with an HTTP status."""
    import httpx

    kinds = (httpx.ConnectError, httpx.ConnectTimeout, httpx.HTTPStatusError)
    return isinstance(cause, kinds) or (
        type(cause).__module__.startswith("openai") and getattr(cause, "response", None) is not None
    )


def _fault(error: Exception, wire: "Wire") -> Completion:
    """What an error of LiteLLM's gives: what came and it could not read, aiohttp's fault beneath it, else its class."""
    import aiohttp

    if wire.answer is not None:
        return read(wire.answer, wire.asked)
    for cause in causes(error):
        if isinstance(cause, aiohttp.ClientError):
            return fault_of(cause, answered=False)
    outcome = outcome_of_error(error, has_schema=wire.asked.has_schema)
    if outcome in _BEFORE_A_MODEL and not any(map(_tells, causes(error))):
        outcome = Outcome.CUT
    status, told = getattr(error, "status_code", 0), f"{type(error).__name__}: {error}"
    return replace(failed(status, told, outcome, wire.asked, told), retry_after_s=wait_of(error))
