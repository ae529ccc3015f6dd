"""The direct lane: one POST to any OpenAI-compatible address, over aiohttp, many times cheaper than a client library.

One attempt per call. Redirects are refused, so that a prompt is never sent where nobody meant it to go; the answer's
size is bounded; the proxy settings of the environment are not used. Deadlines belong to the layer above.
"""

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...rules.outcome import Outcome, of_status
from ...rules.price import Prices
from ...settings import Rung
from ...text import shorten
from ..model import Completion, Request
from .answer import body_of, completion_of

if TYPE_CHECKING:
    import aiohttp

_CONNECT_S = 5.0
#: The most bytes of an answer that are read.
_BYTES_MOST = 8 * 1024 * 1024
#: The model name that stands for the first one that the server lists.
AUTO = "auto"


class OpenAIHttp:
    """A provider for one rung with a `base_url`, such as `http://localhost:8000/v1`."""

    def __init__(self, rung: Rung) -> None:
        if rung.base_url is None:
            raise BadInput(f"rung {rung.model!r} needs a base_url, such as http://localhost:8000/v1")
        self._rung, self._base_url = rung, rung.base_url.rstrip("/")
        self._key = os.environ.get(rung.api_key_env or "OPENAI_API_KEY", "")
        self._model = rung.model_name
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: Request) -> Completion:
        """The answer of one request; whatever goes wrong is an outcome."""
        import aiohttp

        session = self._opened()
        try:
            if self._model == AUTO:
                self._model = await self._first_model(session)
            body = {"model": self._model, **body_of(request, self._rung)}
            async with session.post(f"{self._base_url}/chat/completions", json=body, allow_redirects=False) as response:
                return await self._read(response)
        except aiohttp.ClientConnectorError as error:
            return self._failed(Outcome.UNREACHABLE, str(error))
        except (aiohttp.ServerTimeoutError, TimeoutError):
            return self._failed(Outcome.UNREACHABLE, f"no connection in {_CONNECT_S:g} s")
        except (aiohttp.ClientError, ConnectionError) as error:
            return self._failed(Outcome.CUT, f"{type(error).__name__}: {error}")

    async def prices(self) -> Prices | None:
        """A bare address has no price list."""
        return None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
                headers={"Authorization": f"Bearer {self._key}"} if self._key else None,
                json_serialize=_to_json,
                auto_decompress=False,
                skip_auto_headers=("Accept-Encoding",),
            )
        return self._session

    async def _first_model(self, session: "aiohttp.ClientSession") -> str:
        async with session.get(f"{self._base_url}/models", allow_redirects=False) as response:
            try:
                listed = json.loads(await response.content.read(_BYTES_MOST))["data"]
                return str(listed[0]["id"])
            except (ValueError, LookupError, TypeError):
                return AUTO  # the server does not list its models: what it calls `auto` is its own affair

    async def _read(self, response: "aiohttp.ClientResponse") -> Completion:
        data = bytearray()
        async for chunk in response.content.iter_any():
            data += chunk
            if len(data) > _BYTES_MOST:
                response.close()
                return self._failed(Outcome.TOO_LARGE, f"the answer has more than {_BYTES_MOST} bytes")
        if response.status != 200:
            return self._failed(*_refusal(response, bytes(data)))
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError) as error:
            return self._failed(Outcome.NOT_JSON, f"{type(error).__name__}: {bytes(data[:80])!r}")
        completion = completion_of(answer)
        return completion if not completion.detail else self._failed_as(completion)

    def _failed(self, outcome: Outcome, detail: str) -> Completion:
        return self._failed_as(Completion(outcome, detail=detail))

    def _failed_as(self, completion: Completion) -> Completion:
        """The completion with one printable line of detail that does not hold the key."""
        detail = completion.detail.replace(self._key, "[key]") if self._key else completion.detail
        return replace(completion, detail=shorten(detail, 300))


def _refusal(response: "aiohttp.ClientResponse", data: bytes) -> tuple[Outcome, str]:
    """What a status other than 200 means, with the server's own words."""
    words = shorten(data[:500].decode(errors="replace"), 200)
    wait = response.headers.get("Retry-After")
    return of_status(response.status), f"HTTP {response.status}{f', retry after {wait} s' if wait else ''}: {words}"


def _to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
