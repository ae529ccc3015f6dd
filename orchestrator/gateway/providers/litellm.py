"""The wide lane: LiteLLM as a single-attempt transport to every provider it knows.

Its retries, fallbacks, router and time-outs are off: the layers above own all of that. It is imported at the first
call, in a thread, with its price-map download and its banners off (without that it fetches a file when imported).
"""

import gc
import importlib
import logging
import os
import weakref
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from anyio import Lock, to_thread

from ...rules.outcome import Outcome, of_status
from ...rules.price import Prices
from ...settings import Rung
from ...text import shorten
from ..model import Completion, Request
from .answer import body_of, completion_of

#: Set before the import unless the user has: no download, no `.env`, no second HTTP client under the first.
_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER": "true",
}
#: LiteLLM's exceptions by name, most particular first: they cannot be imported without the whole package.
_OUTCOMES = {
    "AuthenticationError": Outcome.KEY_REFUSED,
    "PermissionDeniedError": Outcome.KEY_REFUSED,
    "NotFoundError": Outcome.NO_SUCH_MODEL,
    "RateLimitError": Outcome.RATE_LIMITED,
    "Timeout": Outcome.TIMED_OUT,
    "ContextWindowExceededError": Outcome.TOO_LARGE,
    "ContentPolicyViolationError": Outcome.REFUSED,
    "BadRequestError": Outcome.BAD_REQUEST,
    "UnprocessableEntityError": Outcome.BAD_REQUEST,
    "APIConnectionError": Outcome.UNREACHABLE,
    "InternalServerError": Outcome.SERVER_ERROR,
    "ServiceUnavailableError": Outcome.SERVER_ERROR,
    "BadGatewayError": Outcome.SERVER_ERROR,
}

#: Shorter values of key variables are placeholders, and would blank out plain words.
_KEY_LETTERS_LEAST = 8
#: What its errors say when there was no connection at all.
_NO_CONNECTION = ("Connection refused", "Cannot connect", "Name or service not known", "No address associated")


class LiteLLM:
    """A provider for one rung whose model is named as LiteLLM names it, such as `openai/gpt-4.1-mini`."""

    def __init__(self, rung: Rung) -> None:
        self._rung = rung
        self._key = os.environ.get(rung.api_key_env, "") if rung.api_key_env else ""
        self._library: Any = None
        self._opening = Lock()

    async def complete(self, request: Request) -> Completion:
        """The answer of one request; whatever goes wrong is an outcome."""
        library = await self._imported()
        options: dict[str, Any] = {"model": self._rung.model_name, **body_of(request, self._rung)}
        options |= {"num_retries": 0, "max_retries": 0, "timeout": self._rung.timeout_s}
        if self._rung.base_url:
            options["api_base"] = self._rung.base_url
        if self._key:
            options["api_key"] = self._key
        import openai  # the root of all of LiteLLM's own errors; loaded with it

        try:
            response = await library.acompletion(**options)
        except openai.OpenAIError as error:
            return self._failed(error)
        except (LookupError, TypeError, ValueError, AttributeError) as error:  # slips of its own parsing get out
            return Completion(Outcome.NOT_JSON, detail=self._shown(f"{type(error).__name__}: {error}"))
        return self._completed(response)

    async def prices(self) -> Prices | None:
        """What LiteLLM's own list says, in USD per million tokens; None for a model that it does not list."""
        listed = _listed(await self._imported(), self._rung.model_name)
        if "input_cost_per_token" not in listed or "output_cost_per_token" not in listed:
            return None
        return Prices(listed["input_cost_per_token"] * 1e6, listed["output_cost_per_token"] * 1e6)

    async def aclose(self) -> None:
        """Close LiteLLM's connections if this was the last of its providers: they share them."""
        library, self._library = self._library, None
        _USING.discard(self)
        if library is not None and not _USING:
            await library.close_litellm_async_clients()
            library.in_memory_llm_clients_cache.flush_cache()

    async def _imported(self) -> Any:
        """LiteLLM, imported once, beside whatever else is going on."""
        if self._library is None:
            async with self._opening:
                if self._library is None:
                    library = await to_thread.run_sync(_import_litellm)
                    if not _listed(library, self._rung.model_name):
                        library.register_model({self._rung.model_name: _registration(self._rung)})
                    self._library = library
                    _USING.add(self)
        return self._library

    def _completed(self, response: Any) -> Completion:
        """LiteLLM's answer, read with the same distrust as anybody's; its price where it has a real one."""
        answer = response.model_dump()
        for choice in answer.get("choices") or ():  # LiteLLM moves what it has no field of its own for
            choice["message"].update(choice["message"].get("provider_specific_fields") or {})
        completion = completion_of(answer)
        cost = response._hidden_params.get("response_cost")
        return replace(completion, micro_usd=round(cost * 1e6) if cost else None, detail=self._shown(completion.detail))

    def _failed(self, error: Exception) -> Completion:
        names = (kind.__name__ for kind in type(error).__mro__)
        known = next((_OUTCOMES[name] for name in names if name in _OUTCOMES), None)
        status = int(getattr(error, "status_code", 0) or 500)
        outcome = known or (of_status(status) if status >= 300 else Outcome.NOT_JSON)  # 200: an answer it cannot read
        words = str(error)
        if outcome in (Outcome.SERVER_ERROR, Outcome.UNREACHABLE) and any(mark in words for mark in _NO_CONNECTION):
            outcome = Outcome.UNREACHABLE
        headers = getattr(error, "litellm_response_headers", None) or {}
        wait = headers.get("retry-after")
        return Completion(outcome, detail=self._shown(f"{words}{f' (retry after {wait} s)' if wait else ''}"))

    def _shown(self, detail: str) -> str:
        """One printable line of detail that holds no key, neither the rung's nor one LiteLLM may have found itself."""
        for key in (self._key, *(value for name, value in os.environ.items() if name.endswith("_API_KEY"))):
            detail = detail.replace(key, "[key]") if len(key) >= _KEY_LETTERS_LEAST else detail
        return shorten(detail, 300)


#: The providers that have connections open.
_USING: "weakref.WeakSet[LiteLLM]" = weakref.WeakSet()


def _listed(library: Any, name: str) -> Mapping[str, Any]:
    """LiteLLM's price entry for a model, with or without its provider's prefix; empty where there is none."""
    listed: Mapping[str, Any] = library.model_cost.get(name) or library.model_cost.get(name.partition("/")[2]) or {}
    return listed


def _registration(rung: Rung) -> dict[str, Any]:
    """An entry for a model that LiteLLM does not list: without one, each call looks its price up in vain."""
    prices = (rung.price_in_usd or 0.0) / 1e6, (rung.price_out_usd or 0.0) / 1e6
    provider = rung.model_name.partition("/")[0]
    facts = {"input_cost_per_token": prices[0], "output_cost_per_token": prices[1], "mode": "chat"}
    return {**facts, "litellm_provider": provider}


def _import_litellm() -> Any:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    collecting = gc.isenabled()
    gc.disable()  # the import makes a million objects that stay: collecting among them costs a third of its time
    try:
        library: Any = importlib.import_module("litellm")
    finally:
        if collecting:
            gc.enable()
    library.suppress_debug_info = True
    library.telemetry = False
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)  # what goes wrong is an outcome, on record
    return library
