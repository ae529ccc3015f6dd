"""A server of raw bytes on 127.0.0.1, in the test's own loop: for what no proper server would do."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


@dataclass
class RawServer:
    """What it was sent: each request's head and body, and how many connections there were."""

    url: str = ""
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)
    connections: int = 0

    @property
    def body(self) -> Any:
        """The decoded body of the last request."""
        return json.loads(self.requests[-1][1])


@asynccontextmanager
async def raw_server(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[RawServer]:
    """Answers each request with whatever `answer` writes, until it closes the connection."""
    seen, open_ones = RawServer(), set[asyncio.StreamWriter]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        open_ones.add(writer)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                seen.requests.append((head, await reader.readexactly(length[0] if length else 0)))
                await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client has gone, as some tests want
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield seen
    finally:
        server.close()
        for writer in open_ones:
            if not writer.is_closing():
                writer.transport.abort()
        await server.wait_closed()


def plain(content: bytes, status: int = 200, **headers: str) -> bytes:
    """A whole response with a length."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()).encode()
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n%b" % (
        status,
        lines,
        len(content),
        content,
    )


def piece(content: bytes) -> bytes:
    """A piece of a body in chunked coding."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def event(value: Any) -> bytes:
    """A server-sent event."""
    return b"data: %b\n\n" % (value if isinstance(value, bytes) else json.dumps(value).encode())


def delta(finish_reason: str | None = None, **of: Any) -> dict[str, Any]:
    """A chunk of a streamed answer."""
    return {"model": "small-1", "choices": [{"index": 0, "delta": of, "finish_reason": finish_reason}]}


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection at once."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
