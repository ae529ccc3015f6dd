"""What goes over the connection in answer to one request, as a value, and what the request was. Pure.

A reply (`replies`, `around`) makes a `Wire` from what was `Asked`; `http` plays it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request and what became of it. Of its key it has only the first 8 digits of its SHA-256, or nothing.

    The last five fields are known when the answer has ended (`is_over`); `ScriptedProvider.wait_idle` waits for that.
    """

    path: str
    body: dict[str, Any]
    key_hash: str
    #: Which request it is, from 1.
    number: int = 1
    #: The model it names, or the provider's own where it names none.
    model: str = ""
    #: When it arrived, in seconds since the provider started.
    arrived_s: float = 0.0
    is_over: bool = False
    #: The HTTP status sent; None where not even that was sent.
    status: int | None = None
    #: Bytes of body given to the connection, and in how many pieces.
    bytes_sent: int = 0
    chunks_sent: int = 0
    #: Whether the client went away before the answer had ended.
    closed_early: bool = False

    @property
    def streams(self) -> bool:
        """Whether an answer in server-sent events was asked for."""
        return self.body.get("stream") is True

    @property
    def text(self) -> str:
        """The contents of its messages, one after the other."""
        messages = self.body.get("messages")
        return "\n".join(_text(message) for message in messages) if isinstance(messages, list) else ""


def _text(message: Any) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return "" if content is None else str(content)


class Wait(NamedTuple):
    """Nothing is sent for so long; `math.inf` is for ever."""

    seconds: float


Piece = bytes | Wait


class End(StrEnum):
    """How an answer ends: as HTTP says, by closing the connection (FIN), or by resetting it (RST)."""

    WHOLE = "whole"
    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Wire:
    """An answer: after `delay_s` the status and the headers, then each piece of the body, then the end.

    `status=None` sends nothing at all. `length` is the Content-Length that is declared, be it true or not; None sends
    the body in chunks. `pieces` may be read once only, and may never end.
    """

    pieces: Iterable[Piece] = ()
    status: int | None = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    delay_s: float = 0.0
    end: End = End.WHOLE


class Reply(Protocol):
    """What a script gives: anything that can say what goes over the connection."""

    def wire(self, asked: Asked) -> Wire:
        """The answer to this request."""


def whole(body: bytes, content_type: str, *, status: int = 200, headers: Mapping[str, str], delay_s: float) -> Wire:
    """A body sent at once, with its true length."""
    return Wire((body,), status, {"Content-Type": content_type, **headers}, len(body), delay_s)


def first(pieces: Iterable[Piece], *, at_byte: int | None, after_chunks: int | None) -> Iterator[Piece]:
    """The pieces up to a byte or up to a piece of the body; a negative number counts from the end, as in a slice.

    Waits count for nothing. From the end means that the whole body is made first.
    """
    if min(at_byte or 0, after_chunks or 0) < 0:
        pieces = list(pieces)
        bodies = [piece for piece in pieces if isinstance(piece, bytes)]
        at_byte = _from_start(at_byte, sum(map(len, bodies)))
        after_chunks = _from_start(after_chunks, len(bodies))
    return _first(pieces, at_byte, after_chunks)


def _from_start(number: int | None, total: int) -> int | None:
    return number if number is None or number >= 0 else max(0, total + number)


def _first(pieces: Iterable[Piece], bytes_left: int | None, chunks_left: int | None) -> Iterator[Piece]:
    for piece in pieces:
        if bytes_left == 0 or chunks_left == 0:
            return
        if isinstance(piece, Wait):
            yield piece
            continue
        taken = piece[:bytes_left]
        yield taken
        bytes_left = None if bytes_left is None else bytes_left - len(taken)
        chunks_left = None if chunks_left is None else chunks_left - 1
