"""The direct lane: any OpenAI-compatible address, over aiohttp. One request per call; no retry, no redirect."""

import json
from collections.abc import Mapping
from dataclasses import replace

import anyio

from ...errors import BadInput
from ...settings import Rung
from ..model import Card, Completion, Request
from .keys import DEFAULT_KEY_ENV, key_in, without
from .openai_shape import Answer, asked_of, first_model, question, read
from .sending import Sender, Trip


class OpenAIHttp:
    """The provider of one rung. The model `auto` is the first that the server lists, asked for once.

    Connections are opened at the first call and belong to its event loop. Absolute deadlines are the caller's: a
    cancelled call closes its connection.
    """

    def __init__(self, rung: Rung) -> None:
        self._rung = rung
        if rung.base_url is None:
            raise BadInput(f"rung {rung.model!r} needs a base_url, such as http://localhost:8000/v1")
        self._base_url = rung.base_url.rstrip("/")
        self._model = "" if rung.model_name == "auto" else rung.model_name
        self._finding = anyio.Lock()
        self._sender = Sender(rung)

    async def complete(self, request: Request) -> Completion:
        """One attempt. Raises Misconfigured for a key that cannot be sent; every other fault is an outcome."""
        key = key_in(self._rung.api_key_env or DEFAULT_KEY_ENV)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        completion = (None if self._model else await self._find_model(headers)) or await self._ask(request, headers)
        return replace(completion, detail=without([key], completion.detail)) if completion.detail else completion

    async def card(self) -> Card:
        """A bare address has no list."""
        return Card()

    async def aclose(self) -> None:
        """Close the connections; closing twice is harmless, and a later call opens them again."""
        await self._sender.aclose()

    async def _ask(self, request: Request, headers: Mapping[str, str]) -> Completion:
        url, asked = f"{self._base_url}/chat/completions", asked_of(request, self._rung)
        body = json.dumps({"model": self._model, **question(request, self._rung)}).encode()
        headers = {"Content-Type": "application/json", **headers}
        if request.watch is None:
            answer = await self._sender.send(Trip(request.is_reconnected), "POST", url, headers, body)
        else:
            answer = await self._sender.stream(request, asked, url, headers, body)
        return read(answer, asked) if isinstance(answer, Answer) else answer

    async def _find_model(self, headers: Mapping[str, str]) -> Completion | None:
        """Learn what the server calls its first model; a Completion where that failed."""
        async with self._finding:
            if self._model:
                return None
            answer = await self._sender.send(Trip(), "GET", f"{self._base_url}/models", headers)
            found = first_model(answer) if isinstance(answer, Answer) else answer
            if isinstance(found, Completion):
                return replace(found, micro_usd=0)  # the question itself was not sent
            self._model = found
            return None
