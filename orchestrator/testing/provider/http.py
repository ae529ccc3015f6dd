"""Plays a `Wire` on a connection of aiohttp's server."""

import asyncio
import socket
import struct
import sys
from dataclasses import dataclass

from aiohttp import web

from .wire import End, Wait, Wire

#: SO_LINGER on, for 0 seconds: closing sends RST. Source: socket(7).
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Sent:
    """What has gone out so far."""

    status: int | None = None
    bytes: int = 0
    chunks: int = 0


async def play(wire: Wire, request: web.Request, sent: Sent) -> web.StreamResponse:
    """Send it, noting in `sent` what is sent. Raises ConnectionError where the client has gone away."""
    await asyncio.sleep(wire.delay_s)
    response = web.StreamResponse(status=wire.status or 200, headers=wire.headers)
    response.content_length = wire.length
    if wire.status is not None:
        await response.prepare(request)
        sent.status = wire.status
        await _write(wire, response, sent)
    if wire.end is not End.WHOLE:
        await _break_off(request, wire.end)
    return response


async def _write(wire: Wire, response: web.StreamResponse, sent: Sent) -> None:
    for piece in wire.pieces:
        if isinstance(piece, Wait):
            await asyncio.sleep(piece.seconds)
        elif piece:
            await response.write(piece)
            sent.bytes += len(piece)
            sent.chunks += 1
            await asyncio.sleep(0)  # an endless body must leave room for the news that the client is gone


async def _break_off(request: web.Request, end: End) -> None:
    """Close the connection in the middle, once what was written is out."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client has closed the connection")
    connection: socket.socket = transport.get_extra_info("socket")
    while transport.get_write_buffer_size() or _unsent(connection):  # noqa: ASYNC110 - a transport has no event for it
        await asyncio.sleep(0.001)
    if end is End.RESET:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    else:
        transport.close()


def _unsent(connection: socket.socket) -> int:
    """Bytes that the system has not delivered yet, and would drop at a reset; known on Linux only, elsewhere 0."""
    if sys.platform != "linux":
        return 0
    import fcntl
    import termios

    (waiting,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))
    return int(waiting)
