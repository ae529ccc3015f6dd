"""Replies around another reply: later, slower, cut short, interrupted, repeated, compressed. They nest.

Cut(Says("hello there"), after_chunks=1)
Gzipped(Drip(Floods(), size=1024, every_s=0.1))
"""

import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from .wire import Asked, End, Piece, Reply, Wait, Wire, first

Then = Literal["reset", "close", "stall", "end"]


@dataclass(frozen=True, slots=True)
class Late:
    """The reply, its headers `delay_s` seconds later."""

    reply: Reply
    delay_s: float

    def wire(self, asked: Asked) -> Wire:
        """The same, later."""
        wire = self.reply.wire(asked)
        return replace(wire, delay_s=wire.delay_s + self.delay_s)


@dataclass(frozen=True, slots=True)
class Cut:
    """The reply up to byte `at_byte` of its body or up to chunk `after_chunks`; negative counts from the end.

    Then: `reset` the connection (RST), `close` it (FIN: the body is shorter than promised), `stall` without another
    byte, or `end` as if that had been all. A plain answer is one chunk; a streamed one is a chunk per event.
    """

    reply: Reply
    at_byte: int | None = None
    after_chunks: int | None = None
    then: Then = "reset"

    def wire(self, asked: Asked) -> Wire:
        """The beginning, and what comes then."""
        wire = self.reply.wire(asked)
        kept = first(wire.pieces, at_byte=self.at_byte, after_chunks=self.after_chunks)
        match self.then:
            case "reset" | "close":
                return replace(wire, pieces=kept, end=End(self.then))
            case "stall":
                return replace(wire, pieces=chain(kept, [Wait(math.inf)]))
            case "end":
                return replace(wire, pieces=kept, length=None)


@dataclass(frozen=True, slots=True)
class Drip:
    """The reply, `size` bytes every `every_s` seconds; `size=None` keeps its chunks as they are.

    `every_s=0` cuts the body, and its events, into pieces at odd places and waits for nothing.
    """

    reply: Reply
    size: int | None = 1
    every_s: float = 0.5

    def wire(self, asked: Asked) -> Wire:
        """The same bytes, slowly."""
        wire = self.reply.wire(asked)
        return replace(wire, pieces=self._slowly(wire.pieces))

    def _slowly(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        pause = Wait(0)
        for piece in pieces:
            if isinstance(piece, Wait):
                yield piece
                continue
            step = self.size or len(piece) or 1
            for start in range(0, len(piece), step):
                yield pause
                yield piece[start : start + step]
                pause = Wait(self.every_s)


@dataclass(frozen=True, slots=True)
class KeptAlive:
    """Up to chunk `after_chunks` of the reply, then only signs of life every `every_s` seconds, for ever.

    In a stream these are SSE comments, before a plain body they are line feeds: both may be ignored, and neither is
    an answer.
    """

    reply: Reply
    after_chunks: int = 0
    every_s: float = 0.5

    def wire(self, asked: Asked) -> Wire:
        """A connection that is never silent and never done."""
        wire = self.reply.wire(asked)
        kept = first(wire.pieces, at_byte=None, after_chunks=self.after_chunks)
        sign = b": keep-alive\n\n" if asked.streams else b"\n"
        return replace(wire, pieces=chain(kept, self._signs(sign)), length=None)

    def _signs(self, sign: bytes) -> Iterator[Piece]:
        while True:
            yield sign
            yield Wait(self.every_s)


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Up to chunk `after_chunks` of the reply, then these bytes, and the end: a broken line, an error in the stream."""

    reply: Reply
    by: bytes
    after_chunks: int = 1

    def wire(self, asked: Asked) -> Wire:
        """The beginning of the reply and what broke it off."""
        wire = self.reply.wire(asked)
        kept = first(wire.pieces, at_byte=None, after_chunks=self.after_chunks)
        return replace(wire, pieces=chain(kept, [self.by]), length=None)


@dataclass(frozen=True, slots=True)
class Repeated:
    """The reply with its chunk number `chunk`, from 1, sent twice."""

    reply: Reply
    chunk: int = 1

    def wire(self, asked: Asked) -> Wire:
        """One chunk too many."""
        wire = self.reply.wire(asked)
        return replace(wire, pieces=self._again(wire.pieces), length=None)

    def _again(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        number = 0
        for piece in pieces:
            yield piece
            number += isinstance(piece, bytes)
            if number == self.chunk and isinstance(piece, bytes):
                yield piece


@dataclass(frozen=True, slots=True)
class Gzipped:
    """The reply with Content-Encoding gzip, whatever the client said that it can read. Around a flood, a bomb."""

    reply: Reply

    def wire(self, asked: Asked) -> Wire:
        """The same, compressed as it is sent."""
        wire = self.reply.wire(asked)
        headers = {**wire.headers, "Content-Encoding": "gzip"}
        return replace(wire, pieces=_gzip(wire.pieces), headers=headers, length=None)


def _gzip(pieces: Iterable[Piece]) -> Iterator[Piece]:
    gzip = zlib.compressobj(9, wbits=31)
    for piece in pieces:
        yield piece if isinstance(piece, Wait) else gzip.compress(piece)
    yield gzip.flush()


@dataclass(frozen=True, slots=True)
class Either:
    """One reply for plain requests and another for streamed ones."""

    plain: Reply
    stream: Reply

    def wire(self, asked: Asked) -> Wire:
        """That of the fitting one."""
        return (self.stream if asked.streams else self.plain).wire(asked)
