"""The direct lane: any OpenAI-compatible address, over aiohttp. One request per call; no retry, no redirect."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

import anyio

from ...errors import BadInput
from ...rules.outcome import Outcome
from ...rules.own_server import has_version
from ...settings import Rung
from ..model import MODEL, Card, Completion, Request
from .keys import DEFAULT_KEY_ENV, key_in, without
from .openai_shape import Answer, asked_of, question
from .reading import models_in, read
from .sending import Sender, Trip

#: Where questions are sent, beneath the address; some give it with the address.
_QUESTIONS = "/chat/completions"
#: Names of models that make vectors, or order texts: they are asked last.
_NO_CHAT = re.compile(r"embed|rerank", re.IGNORECASE)
#: The outcomes that tell nothing of where a server answers.
_AWAY = (Outcome.UNREACHABLE, Outcome.UNTRUSTED, Outcome.CUT, Outcome.TIMED_OUT)
#: The outcomes of a request whose model may be one that does not answer, and what is then said of it.
_REFUSED = (Outcome.BAD_REQUEST, Outcome.NO_SUCH_MODEL)
_CANNOT = re.compile(r"\bmodel|chat|generat|completion|embed|rerank", re.IGNORECASE)


class OpenAIHttp:
    """The provider of one rung. The model `auto` is the first that the server lists and that answers.

    Connections are opened at the first call and belong to its event loop. Absolute deadlines are the caller's: a
    cancelled call closes its connection.
    """

    def __init__(self, rung: Rung) -> None:
        self._rung = rung
        if rung.base_url is None:
            raise BadInput(f"rung {rung.model!r} needs a base_url, such as http://localhost:8000/v1")
        self._base_url = rung.base_url.rstrip("/").removesuffix(_QUESTIONS)
        self._is_auto = rung.model_name == "auto"
        #: The models that may be asked, the first of them now.
        self._models: tuple[str, ...] = () if self._is_auto else (rung.model_name,)
        #: Whether the interface is known to be at the address: one that names a version is believed.
        self._is_found = has_version(self._base_url)
        self._finding = anyio.Lock()
        self._sender = Sender(rung)

    async def complete(self, request: Request) -> Completion:
        """One attempt. Raises Misconfigured for a key that cannot be sent; every other fault is an outcome."""
        key = key_in(self._rung.api_key_env or DEFAULT_KEY_ENV)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        completion = (None if self._models and self._is_found else await self._find(headers)) or (
            await self._ask(request, headers)
        )
        if self._base_url != str(self._rung.base_url).rstrip("/"):
            completion = replace(completion, address=self._base_url)
        return replace(completion, detail=without([key], completion.detail)) if completion.detail else completion

    async def card(self) -> Card:
        """A bare address has no list."""
        return Card()

    async def aclose(self) -> None:
        """Close the connections; closing twice is harmless, and a later call opens them again."""
        await self._sender.aclose()

    async def _ask(self, request: Request, headers: Mapping[str, str]) -> Completion:
        url, asked, model = f"{self._base_url}{_QUESTIONS}", asked_of(request, self._rung), self._models[0]
        body = json.dumps({"model": model, **question(request, self._rung)}).encode()
        headers = {"Content-Type": "application/json", **headers}
        if "stream" in asked.sent:
            answer = await self._sender.stream(request, asked, url, headers, body)
        else:
            answer = await self._sender.send(Trip(request.is_reconnected), "POST", url, headers, body)
        completion = read(answer, asked) if isinstance(answer, Answer) else answer
        return self._passed_over(model, completion) if self._is_auto else completion

    def _passed_over(self, model: str, completion: Completion) -> Completion:
        """The completion; where a model that nobody named does not answer, the next in the list is asked from now on.

        The list of a server of one's own has models of every kind, in any order.
        """
        if completion.outcome not in _REFUSED or not _CANNOT.search(completion.detail) or len(self._models) < 2:
            return completion
        if self._models[0] == model:  # else another call has passed it over meanwhile
            self._models = self._models[1:]
        return replace(completion, outcome=Outcome.FIELD_REFUSED, refused=MODEL)

    async def _find(self, headers: Mapping[str, str]) -> Completion | None:
        """Learn where the server answers, and what it calls its models; a Completion where that failed."""
        async with self._finding:
            failure = None if self._is_found else await self._find_address(headers)
            if failure is None and not self._models:
                failure = await self._find_models(self._base_url, headers)
            return failure and replace(failure, micro_usd=0)  # the question itself was not sent

    async def _find_address(self, headers: Mapping[str, str]) -> Completion | None:
        """The interface of an address that names no version is mostly under its /v1: there, unless nothing is."""
        failure = await self._find_models(f"{self._base_url}/v1", headers)
        if failure is not None and failure.outcome in _AWAY:
            return failure
        is_bare = not urlsplit(self._base_url).path  # what is behind a path may refuse every other one so
        if failure is None or (is_bare and failure.outcome is Outcome.KEY_REFUSED):
            self._base_url += "/v1"
        self._is_found = True
        return None

    async def _find_models(self, url: str, headers: Mapping[str, str]) -> Completion | None:
        answer = await self._sender.send(Trip(), "GET", f"{url}/models", headers)
        found = models_in(answer) if isinstance(answer, Answer) else answer
        if isinstance(found, Completion):
            return found
        self._models = self._models or tuple(sorted(found, key=lambda name: bool(_NO_CHAT.search(name))))
        return None
