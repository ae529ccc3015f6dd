"""One request over aiohttp: sent once, followed nowhere, unpacked never, read so far and no further.

Both network lanes send with this, so that the same trouble on the way is the same outcome in both.
"""

import math
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from ...clock import SystemClock, monotonic_s
from ...rules.outcome import Outcome
from ...settings import Rung
from ..model import Completion, Piece, Request
from .openai_shape import ANSWER_BYTES_MOST, Answer, Asked, too_large
from .sse import Events
from .streamed import Streamed

if TYPE_CHECKING:
    import aiohttp

#: The most seconds that finding and reaching the server may take.
CONNECT_TIMEOUT_S = 5.0
#: How long a server may take to end a stream whose answer is complete, in seconds; then the connection is closed.
_LINGER_S = 0.25
_CLOCK = SystemClock()
#: Whether aiohttp is imported to its end.
_IS_LOADED = threading.Event()


class Listener:
    """Shows the text of a stream as it arrives, and is patient for so long as there are tokens."""

    def __init__(self, request: Request, rung: Rung, patience: anyio.CancelScope) -> None:
        self._watch, self._rung, self._patience = request.watch, rung, patience

    def hear(self, text: str | None) -> None:
        """Take what `Streamed` says is new. Keep-alives and empty chunks are nothing."""
        if text is not None:
            self._patience.deadline = monotonic_s() + self._rung.idle_s
        if text and self._watch is not None:
            self._watch(Piece(text, self._rung.label))

    def hear_the_end(self) -> None:
        """The answer is complete: a server that does not close is not waited for."""
        self._patience.deadline = min(self._patience.deadline, monotonic_s() + _LINGER_S)


class Sender:
    """The connections of one rung: opened at the first request, bound to its event loop. Deadlines are the caller's."""

    def __init__(self, rung: Rung) -> None:
        self.rung = rung
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections; closing twice is harmless, and a later request opens them again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def request(
        self, method: str, url: str, headers: Mapping[str, str], body: Any = None, params: Any = None
    ) -> "aiohttp.client._RequestContextManager":
        """The response, once its headers are there, as a context manager. Raises what `fault_of` reads."""
        session = self._session or self._open()
        return session.request(method, url, data=body, headers=headers, params=params, allow_redirects=False)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Any = None, params: Any = None
    ) -> Answer | Completion:
        """The whole answer; a Completion where none came."""
        await load()
        import aiohttp

        response = None
        try:
            async with self.request(method, url, headers, body, params) as response:
                return await whole(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            return fault_of(error, answered=response is not None)

    async def stream(
        self, request: Request, asked: Asked, url: str, headers: Mapping[str, str], body: Any, params: Any = None
    ) -> Answer | Completion:
        """What the chunks of a streamed answer come to, each shown to `request.watch` as it arrives.

        A whole answer where the provider does not stream after all.
        """
        await load()
        import aiohttp

        streamed, response = Streamed(asked), None
        with anyio.CancelScope(deadline=monotonic_s() + self.rung.first_s) as patience:
            try:
                async with self.request("POST", url, headers, body, params) as response:
                    if not is_stream(response):
                        patience.deadline = math.inf
                        return await whole(response)
                    listener = Listener(request, self.rung, patience)
                    return await _hear(response, streamed, listener)
            except (aiohttp.ClientError, TimeoutError) as error:
                return streamed.ended(fault_of(error, answered=response is not None))
        return streamed.ended(stalled(self.rung))

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S),
            headers={"Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=self.rung.use_proxy,
        )
        return self._session


async def load() -> None:
    """Import aiohttp, the first time in a thread: it takes a tenth of a second, and many on a cold disk."""
    if not _IS_LOADED.is_set():
        await to_thread.run_sync(import_module, "aiohttp", abandon_on_cancel=True)
        _IS_LOADED.set()


def is_stream(response: "aiohttp.ClientResponse") -> bool:
    """Whether it is an answer that streams, as it was asked to."""
    return response.status == 200 and response.content_type == "text/event-stream" and not is_packed(response.headers)


def stalled(rung: Rung) -> Completion:
    """What a stream gives that has fallen silent."""
    return Completion(
        Outcome.STALLED, detail=f"no token within {rung.first_s:g} s of asking or {rung.idle_s:g} s of the one before"
    )


async def whole(response: "aiohttp.ClientResponse") -> Answer | Completion:
    """The response with its body, but for bodies that are not read: redirects, packed ones, ones over the bound."""
    status, headers, length = response.status, response.headers, response.content_length
    wall_ms = None if status == 200 else _CLOCK.wall_ms()
    if 300 <= status < 400 or is_packed(response.headers):
        return Answer(status, headers, b"", wall_ms)
    if length is not None:
        return too_large() if length > ANSWER_BYTES_MOST else Answer(status, headers, await response.read(), wall_ms)
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > ANSWER_BYTES_MOST:
            return too_large()
    return Answer(status, headers, bytes(content), wall_ms)


def is_packed(headers: Mapping[str, str]) -> bool:
    """Whether a body is packed, though none such was asked for. `headers` ignores case."""
    return headers.get("content-encoding", "identity") != "identity"


async def _hear(response: "aiohttp.ClientResponse", streamed: Streamed, listener: Listener) -> Completion:
    """Hear a stream to its end."""
    events, size = Events(), 0
    async for content in response.content.iter_any():
        size += len(content)
        if size > ANSWER_BYTES_MOST:
            return streamed.ended(too_large())
        try:
            for data in events.feed(content):
                listener.hear(streamed.take(data))
        except ValueError as error:
            return streamed.ended(Completion(Outcome.TOO_LARGE, detail=str(error)))
        if streamed.is_broken:
            break
        if streamed.is_done:
            listener.hear_the_end()
    return streamed.ended()


def fault_of(error: BaseException, *, answered: bool) -> Completion:
    """What a fault of aiohttp's gives; `answered` is whether a status had arrived."""
    import aiohttp

    match error:
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError():
            outcome, kind = Outcome.CUT, "cut"
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            outcome, kind = Outcome.UNTRUSTED, "tls"
        case aiohttp.ClientConnectorDNSError():
            outcome, kind = Outcome.UNREACHABLE, "dns"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            outcome, kind = Outcome.UNREACHABLE, "proxy"
        case aiohttp.ClientConnectorError():
            outcome, kind = Outcome.UNREACHABLE, "connect"
        case aiohttp.ConnectionTimeoutError():
            outcome, kind = Outcome.UNREACHABLE, "connect timed out"
        case TimeoutError():
            outcome, kind = Outcome.TIMED_OUT, "timed out"
        case aiohttp.ClientResponseError():
            outcome, kind = Outcome.NOT_JSON, "not HTTP"
        case aiohttp.InvalidURL():
            outcome, kind = Outcome.BAD_REQUEST, "address"
        case _:
            outcome, kind = Outcome.CUT, "cut"
    after = " after the headers" if answered else ""
    return Completion(outcome, detail=f"{kind}{after}: {type(error).__name__}: {error}")
