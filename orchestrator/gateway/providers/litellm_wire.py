"""The HTTP client that LiteLLM is given for one call: it sends once, by the rules of the direct lane.

LiteLLM's own client sends a prompt again when a connection breaks, takes it along a redirect, reads an answer of any
size, and asks the environment for a proxy. And where LiteLLM reads a stream, it writes `stop` where no finish marker
came. So LiteLLM says what is sent and where; this sends it, and where the answer is in OpenAI's shape, or no answer at
all, it is judged here and LiteLLM's reading of it is spared, which is more than half of what a call costs.

Imports LiteLLM: only for those who have loaded it.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import anyio
import httpx
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

from ...clock import monotonic_s
from ..model import Completion, Request
from .openai_shape import Answer, Asked, too_large
from .reading import read
from .sending import Body, Sender, Trip, fault_of, is_packed, stalled, unpacked, whole
from .unpack import TooLarge

#: How LiteLLM names the tool by which it asks for a schema where the provider has no schemas.
_TRANSLATED = "json_tool_call"


class Ended(BaseException):
    """Ends a call of LiteLLM's with what came of it. Like a cancellation, it is not LiteLLM's to handle."""

    def __init__(self, completion: Completion) -> None:
        super().__init__(completion.outcome)
        self.completion = completion


class Wire(AsyncHTTPHandler):  # type: ignore[misc]  # LiteLLM has no types that are checked
    """Stands in for LiteLLM's client during one call. It has no connections of its own: they are the sender's."""

    def __init__(self, sender: Sender, request: Request, asked: Asked) -> None:
        self._sender, self._request, self.asked = sender, request, asked
        self._response: aiohttp.ClientResponse | None = None
        #: What came, where LiteLLM is to read it.
        self.answer: Answer | None = None

    def __del__(self) -> None:
        """Nothing is left to close."""

    async def post(self, url: str, data: Any = None, **more: Any) -> httpx.Response:
        """A good answer for LiteLLM to read. Raises Ended with every other, and with each that is in OpenAI's shape."""
        if self.answer is not None:
            raise Ended(read(self.answer, self.asked))  # a prompt is sent once
        body = _encoded(data or more.get("content") or more.get("json"))
        sent = (url, more.get("headers") or {}, body, more.get("params"))
        if url.partition("?")[0].endswith("/chat/completions"):
            if _TRANSLATED.encode() in body:
                self.asked = self.asked._replace(has_schema=True, tool=_TRANSLATED)
            raise Ended(await self._judged(*sent))
        if more.get("stream"):
            return await self._opened(*sent)
        answer = await self._sender.send(Trip(self._request.is_reconnected), "POST", *sent)
        if isinstance(answer, Completion) or answer.status != 200 or is_packed(answer.headers):
            raise Ended(read(answer, self.asked) if isinstance(answer, Answer) else answer)
        self.answer = answer
        return _response(url, answer.headers, content=answer.content)

    def release(self) -> None:
        """Let go of a stream that may not have been read to its end."""
        if self._response is not None:
            self._response.close()

    async def _judged(self, url: str, headers: Any, body: Any, params: Any) -> Completion:
        if self._request.watch is None:
            answer = await self._sender.send(Trip(self._request.is_reconnected), "POST", url, headers, body, params)
        else:
            answer = await self._sender.stream(self._request, self.asked, url, headers, body, params)
        return read(answer, self.asked) if isinstance(answer, Answer) else answer

    async def _opened(self, url: str, headers: Any, body: bytes, params: Any) -> httpx.Response:
        """A stream that LiteLLM is to read."""
        trip = Trip(self._request.is_reconnected)
        with anyio.CancelScope(deadline=monotonic_s() + self._sender.rung.first_s) as patience:
            if self._request.turn is not None:
                self._request.turn.listen(patience)
            try:
                self._response = response = await self._sender.request(trip, "POST", url, headers, body, params)
                if response.status == 200 and not is_packed(response.headers):
                    return _response(url, response.headers, stream=_Body(response))
                answer = await whole(response)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Ended(trip.fault(error, answered=self._response is not None)) from error
            raise Ended(read(answer, self.asked) if isinstance(answer, Answer) else answer)
        raise Ended(stalled(self._sender.rung))


class _Body(httpx.AsyncByteStream):
    """A body, unpacked, that ends at the bound."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body = Body(self._response)
        try:
            while piece := await body.read():
                yield piece
        except TooLarge:
            raise Ended(too_large()) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Ended(fault_of(error, answered=True)) from error

    async def aclose(self) -> None:
        self._response.close()


def _response(url: str, headers: Any, **body: Any) -> httpx.Response:
    return httpx.Response(200, headers=unpacked(headers), request=httpx.Request("POST", url), **body)


def _encoded(body: Any) -> bytes:
    """The body as LiteLLM gives it: ready, or to be written as JSON."""
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()
