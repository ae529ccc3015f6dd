"""What LiteLLM's HTTP client may do during one of our calls: send once, follow nothing, read so much and no more.

On its own LiteLLM sends a prompt again when a connection breaks, takes it along a redirect, reads an answer of any
size, and writes `stop` where no finish marker came. Its clients are shared by the whole process, so the hooks act only
inside our calls: where a Wire is set. What they saw is judged by the same rules as in the direct lane.

Imports httpx: only for those who have loaded LiteLLM.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from ..model import Completion
from .openai_shape import ANSWER_BYTES_MOST, read, too_large


@dataclass(slots=True)
class Wire:
    """What one call sent and received."""

    is_sent: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytearray = field(default_factory=bytearray)
    is_whole: bool = False
    is_too_large: bool = False

    def verdict(self) -> Completion | None:
        """What the answer says; None where none arrived whole."""
        if self.is_too_large:
            return too_large()
        return read(self.status, self.headers, bytes(self.content)) if self.is_whole and self.status else None

    @property
    def is_openai_shaped(self) -> bool:
        """Whether it is an answer in OpenAI's shape. Inside a JSON string the quotes would be escaped."""
        return b'"choices"' in self.content


class Stopped(Exception):
    """Raised inside LiteLLM's client to end a call; what to make of it is in the Wire."""


class Handler(Protocol):
    """As much of LiteLLM's AsyncHTTPHandler as we touch."""

    event_hooks: object

    @property
    def client(self) -> httpx.AsyncClient:
        """Its httpx client; a new one where the old was closed."""
        ...

    async def close(self) -> None:
        """Close the client."""
        ...


#: The call that this task is making, if it is one of ours.
current: ContextVar[Wire | None] = ContextVar("bullpen_litellm_wire", default=None)


def watch(handler: Handler) -> None:
    """Put the hooks in place, also for the spare client that LiteLLM makes to send again; twice is harmless."""
    if handler.event_hooks is not _HOOKS:
        handler.event_hooks = _HOOKS
        handler.client.event_hooks = _HOOKS


async def _before(request: httpx.Request) -> None:
    wire = current.get()
    if wire is None:
        return
    if wire.is_sent:
        raise Stopped("a prompt is sent once")
    wire.is_sent = True
    request.headers["accept-encoding"] = "identity"


async def _after(response: httpx.Response) -> None:
    wire = current.get()
    if wire is None:
        return
    wire.status, wire.headers = response.status_code, response.headers
    wire.is_whole = (
        300 <= response.status_code < 400 or response.headers.get("content-encoding", "identity") != "identity"
    )
    wire.is_too_large = int(response.headers.get("content-length", 0)) > ANSWER_BYTES_MOST
    if wire.is_whole or wire.is_too_large:
        raise Stopped("the body is not read")
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _Bounded(response.stream, wire)


class _Bounded(httpx.AsyncByteStream):
    """A body that is kept as it passes, and ends at the bound."""

    def __init__(self, stream: httpx.AsyncByteStream, wire: Wire) -> None:
        self._stream = stream
        self._wire = wire

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._wire.content += chunk
            if len(self._wire.content) > ANSWER_BYTES_MOST:
                self._wire.is_too_large = True
                raise Stopped("the answer is too large")
            yield chunk
        self._wire.is_whole = True

    async def aclose(self) -> None:
        await self._stream.aclose()


_HOOKS: dict[str, list[Callable[..., Any]]] = {"request": [_before], "response": [_after]}
