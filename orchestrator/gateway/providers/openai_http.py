"""The direct lane: any OpenAI-compatible address, over aiohttp. One request per call; no retry, no redirect."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import anyio

from ...errors import BadInput
from ...rules.outcome import Outcome
from ...settings import Rung
from ..model import Card, Completion, Request
from .openai_shape import ANSWER_BYTES_MOST, DEFAULT_KEY_ENV, first_model, key_in, question, read, too_large, without

if TYPE_CHECKING:
    import aiohttp

#: The most seconds that finding and reaching the server may take.
CONNECT_TIMEOUT_S = 5.0
#: How much of an answer is read at a time, in bytes.
CHUNK_BYTES = 64 * 1024


class OpenAIHttp:
    """The provider of one rung. The model `auto` is the first that the server lists, asked for once.

    Connections are opened at the first call and belong to its event loop. Deadlines are the caller's: a cancelled
    call closes its connection.
    """

    def __init__(self, rung: Rung) -> None:
        self._rung = rung
        if rung.base_url is None:
            raise BadInput(f"rung {rung.model!r} needs a base_url, such as http://localhost:8000/v1")
        self._base_url = rung.base_url.rstrip("/")
        self._model = "" if rung.model_name == "auto" else rung.model_name
        self._finding = anyio.Lock()
        self._session: aiohttp.ClientSession | None = None

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
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(self, request: Request, headers: Mapping[str, str]) -> Completion:
        body = json.dumps({"model": self._model, **question(request, self._rung)}).encode()
        answer = await self._fetch("POST", "/chat/completions", {"Content-Type": "application/json", **headers}, body)
        return read(*answer) if isinstance(answer, _Answer) else answer

    async def _find_model(self, headers: Mapping[str, str]) -> Completion | None:
        """Learn what the server calls its first model; a Completion where that failed."""
        async with self._finding:
            if self._model:
                return None
            answer = await self._fetch("GET", "/models", headers)
            if not isinstance(answer, _Answer):
                return answer
            found = first_model(*answer)
            if isinstance(found, Completion):
                return found
            self._model = found
            return None

    async def _fetch(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> "_Answer | Completion":
        import aiohttp

        session = self._session or self._open()
        response = None
        try:
            async with session.request(
                method, self._base_url + path, data=body, headers=headers, allow_redirects=False
            ) as response:
                content = b"" if 300 <= response.status < 400 else await _content(response)
                return too_large() if content is None else _Answer(response.status, response.headers, content)
        except (aiohttp.ClientError, TimeoutError) as error:
            return fault_of(error, answered=response is not None)

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S),
            headers={"Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self._session


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    content: bytes


async def _content(response: "aiohttp.ClientResponse") -> bytes | None:
    """The whole body; None, and no more of it read, where it is too large."""
    if (response.content_length or 0) > ANSWER_BYTES_MOST:
        return None
    content = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        content += chunk
        if len(content) > ANSWER_BYTES_MOST:
            return None
    return bytes(content)


def fault_of(error: BaseException, *, answered: bool) -> Completion:
    """What a fault of aiohttp's gives; `answered` is whether a status had arrived."""
    import aiohttp

    match error:
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError():
            outcome = Outcome.CUT
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            outcome = Outcome.UNTRUSTED
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            outcome = Outcome.UNREACHABLE
        case TimeoutError():
            outcome = Outcome.TIMED_OUT
        case aiohttp.ClientResponseError():
            outcome = Outcome.NOT_JSON  # what came is not even HTTP
        case aiohttp.InvalidURL():
            outcome = Outcome.BAD_REQUEST
        case _:
            outcome = Outcome.CUT
    return Completion(outcome, detail=f"{type(error).__name__}: {error}")
