"""One request over aiohttp: sent once, followed nowhere, read and unpacked so far and no further.

Both network lanes send with this, so that the same trouble on the way is the same outcome in both.
"""

import errno
import math
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from ...clock import SystemClock, monotonic_s
from ...rules.outcome import Outcome
from ...settings import Rung
from ..model import Completion, Piece, Request
from .openai_shape import ANSWER_BYTES_MOST, Answer, Asked, too_large
from .sse import Events, begins_events
from .streamed import Streamed
from .unpack import TooLarge, Unpacker, can_unpack

if TYPE_CHECKING:
    import aiohttp

#: The most seconds that finding and reaching the server may take.
CONNECT_TIMEOUT_S = 5.0
#: How soon after a request was sent over a kept connection the news comes that it had been closed, in seconds: a round
#: trip and no more. A server that closes later than that had taken the request.
_STALE_WITHIN_S = 1.0
#: How long a server may take to end a stream whose answer is complete, in seconds; then the connection is closed.
_LINGER_S = 0.25
#: What the system says of a connection that the other side has closed; aiohttp says it without a number.
_CLOSED = (errno.ECONNRESET, errno.EPIPE, None)
_CLOCK = SystemClock()
#: The headers that say how a body was packed.
_OF_PACKING = ("content-encoding", "content-length")
#: Whether aiohttp is imported to its end.
_IS_LOADED = threading.Event()


class Listener:
    """Shows the text of a stream as it arrives, and is patient for so long as there are tokens."""

    def __init__(self, request: Request, rung: Rung, patience: anyio.CancelScope) -> None:
        self._watch, self._rung, self._patience = request.watch, rung, patience
        self._turn = request.turn
        if self._turn is not None:
            self._turn.listen(patience)

    def hear(self, text: str | None) -> None:
        """Take what `Streamed` says is new. Keep-alives and empty chunks are nothing."""
        if text is not None:
            self._hear_first()
            self._patience.deadline = monotonic_s() + self._rung.idle_s
        if text and self._watch is not None:
            self._watch(Piece(text, self._rung.label))

    def _hear_first(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.hear()

    def hear_whole(self) -> None:
        """The answer comes whole, so that there are no tokens to wait for."""
        self._hear_first()
        self._patience.deadline = math.inf

    def hear_the_end(self) -> None:
        """The answer is complete: a server that does not close is not waited for."""
        self._patience.deadline = min(self._patience.deadline, monotonic_s() + _LINGER_S)


@dataclass(slots=True)
class Trip:
    """The way of one request: over a connection of its own (`is_reconnected`), or over one that may have been kept."""

    is_reconnected: bool = False
    #: When it was given a connection that had been used before; None where it was not.
    reused_s: float | None = None

    def fault(self, error: BaseException, *, answered: bool) -> Completion:
        """What a fault of aiohttp's gives; `answered` is whether a status had arrived.

        A kept connection that is closed before the first byte of an answer had been closed before the request came,
        so that nobody has read it: RFC 9112 §9.3.1.
        """
        is_reused = self.reused_s is not None and monotonic_s() - self.reused_s < _STALE_WITHIN_S
        if answered or not is_reused or not _is_closed(error):
            return fault_of(error, answered=answered)
        detail = f"a kept connection had been closed: {type(error).__name__}: {error}"
        return Completion(Outcome.STALE_CONNECTION, detail=detail)


class Sender:
    """The connections of one rung: opened at the first request, bound to its event loop. Deadlines are the caller's."""

    def __init__(self, rung: Rung) -> None:
        self.rung = rung
        #: By whether its connections are used for one request only.
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def aclose(self) -> None:
        """Close the connections; closing twice is harmless, and a later request opens them again."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    def request(
        self, trip: Trip, method: str, url: str, headers: Mapping[str, str], body: Any = None, params: Any = None
    ) -> "aiohttp.client._RequestContextManager":
        """The response, once its headers are there, as a context manager. Raises what `trip.fault` reads."""
        session = self._sessions.get(trip.is_reconnected) or self._open(is_single=trip.is_reconnected)
        return session.request(
            method, url, data=body, headers=headers, params=params, allow_redirects=False, trace_request_ctx=trip
        )

    async def send(
        self, trip: Trip, method: str, url: str, headers: Mapping[str, str], body: Any = None, params: Any = None
    ) -> Answer | Completion:
        """The whole answer; a Completion where none came."""
        await load()
        import aiohttp

        response = None
        try:
            async with self.request(trip, method, url, headers, body, params) as response:
                return await whole(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            return trip.fault(error, answered=response is not None)

    async def stream(
        self, request: Request, asked: Asked, url: str, headers: Mapping[str, str], body: Any, params: Any = None
    ) -> Answer | Completion:
        """What the chunks of a streamed answer come to, each shown to `request.watch` as it arrives.

        A whole answer where the provider does not stream after all.
        """
        await load()
        import aiohttp

        streamed, response, trip = Streamed(asked), None, Trip(request.is_reconnected)
        with anyio.CancelScope(deadline=monotonic_s() + self.rung.first_s) as patience:
            listener = Listener(request, self.rung, patience)
            try:
                async with self.request(trip, "POST", url, headers, body, params) as response:
                    if response.status != 200 or is_packed(response.headers):
                        listener.hear_whole()
                        return await whole(response)
                    return await _hear(response, streamed, listener)
            except (aiohttp.ClientError, TimeoutError) as error:
                return streamed.ended(trip.fault(error, answered=response is not None))
        return streamed.ended(stalled(self.rung))

    def _open(self, *, is_single: bool) -> "aiohttp.ClientSession":
        import aiohttp

        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        session = self._sessions[is_single] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=is_single),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S),
            headers={"Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=self.rung.use_proxy,
            trace_configs=[trace],
        )
        return session


async def _note_reuse(_: "aiohttp.ClientSession", context: Any, __: object) -> None:
    """aiohttp has taken a kept connection."""
    context.trace_request_ctx.reused_s = monotonic_s()


def _is_closed(error: BaseException) -> bool:
    """Whether the server closed or reset the connection and, for all that is known, sent nothing before."""
    import aiohttp

    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else it is the part of an answer that had come
    return isinstance(error, aiohttp.ClientOSError | aiohttp.ClientConnectionResetError) and error.errno in _CLOSED


async def load() -> None:
    """Import aiohttp, the first time in a thread: it takes a tenth of a second, and many on a cold disk."""
    if not _IS_LOADED.is_set():
        await to_thread.run_sync(import_module, "aiohttp", abandon_on_cancel=True)
        _IS_LOADED.set()


def stalled(rung: Rung) -> Completion:
    """What a stream gives that has fallen silent."""
    return Completion(
        Outcome.STALLED, detail=f"no token within {rung.first_s:g} s of asking or {rung.idle_s:g} s of the one before"
    )


class Body:
    """The body of a response as it arrives, unpacked."""

    def __init__(self, response: "aiohttp.ClientResponse") -> None:
        self._content = response.content
        self._unpacker = Unpacker(_encoding(response.headers), ANSWER_BYTES_MOST)

    async def read(self) -> bytes:
        """The next piece; nothing at its end. Raises TooLarge over the bound, and what aiohttp raises."""
        import aiohttp

        while content := await self._content.readany():
            try:
                piece = self._unpacker.feed(content)
            except zlib.error as error:
                raise aiohttp.ClientPayloadError(f"the packed body is broken: {error}") from error
            if piece:
                return piece
        return b""


async def whole(response: "aiohttp.ClientResponse") -> Answer | Completion:
    """The response with its body, but for bodies that are not read: redirects, ones that are packed in a way that we do
    not know, ones over the bound."""
    if 300 <= response.status < 400 or is_packed(response.headers):
        return Answer(response.status, response.headers, b"")
    return await _rest(response, Body(response))


async def _rest(response: "aiohttp.ClientResponse", body: Body, begun: bytes = b"") -> Answer | Completion:
    """The response with the rest of a body that may have `begun`."""
    status, length = response.status, response.content_length
    wall_ms = None if status == 200 else _CLOCK.wall_ms()
    if length is not None and length > ANSWER_BYTES_MOST:
        return too_large()
    content = bytearray(begun)
    try:
        while piece := await body.read():
            content += piece
    except TooLarge:
        return too_large()
    return Answer(status, unpacked(response.headers), bytes(content), wall_ms)


def is_packed(headers: Mapping[str, str]) -> bool:
    """Whether a body is packed in a way that we do not know. `headers` ignores case."""
    return not can_unpack(_encoding(headers))


def unpacked(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a body that has been unpacked, in lower case."""
    return {name.lower(): value for name, value in headers.items() if name.lower() not in _OF_PACKING}


def _encoding(headers: Mapping[str, str]) -> str:
    return headers.get("content-encoding", "").strip().lower() or "identity"


async def _hear(response: "aiohttp.ClientResponse", streamed: Streamed, listener: Listener) -> Answer | Completion:
    """Hear a stream to its end; where it is none, whatever it is called, the whole answer."""
    body, begun, is_events = Body(response), b"", None
    is_called_so = response.content_type == "text/event-stream"
    if not is_called_so:
        listener.hear_whole()
    try:
        while is_events is None and (piece := await body.read()):
            begun += piece
            is_events = begins_events(begun)
        if is_events or (is_called_so and not begun.lstrip().startswith((b"{", b"["))):
            return await _hear_events(body, begun, streamed, listener)
        listener.hear_whole()
        return await _rest(response, body, begun)
    except TooLarge:
        return streamed.ended(too_large())


async def _hear_events(body: Body, content: bytes, streamed: Streamed, listener: Listener) -> Completion:
    """Hear events to their end, of which the first bytes have come."""
    events = Events()
    while content:
        try:
            for data in events.feed(content):
                listener.hear(streamed.take(data))
        except ValueError as error:
            return streamed.ended(Completion(Outcome.TOO_LARGE, detail=str(error)))
        if streamed.is_broken:
            break
        if streamed.is_done:
            listener.hear_the_end()
        content = await body.read()
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
