"""A process that does not have a memory's folder: it asks the one that does, over its socket.

A connection carries one call at a time, so that an answer is that of its call; there are as many connections as calls
in hand. An owner may take as long as it needs, but has to be there: one that says nothing is looked for again.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import UNIXSocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from ..orchestrator.control.place import connected, peer_of
from ..orchestrator.errors import Refused, Unavailable
from .methods import Call
from .wire import LENGTH_BYTES, Hello, Reply, Request, error_of, framed, length_of, read

#: Calls in hand at once; more wait.
CALLS_MOST = 16
#: How long an owner may take to let somebody in, or to take a message from the system, in seconds.
ANSWER_S = 10.0
#: How long an owner may work on a call in silence before it is asked whether it is there, in seconds.
SILENCE_S = 5.0

_GONE = (OSError, anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError)


class Left(Exception):
    """Nobody is there any more, or nobody yet: what was asked may have been done or not."""


class Client:
    """Connections to a folder's owner, for one process."""

    def __init__(self, folder: Path, path: Path, hello: Hello) -> None:
        """`path` is the owner's socket."""
        self._folder, self._path, self._hello = folder, path, framed(hello)
        self._limiter = anyio.CapacityLimiter(CALLS_MOST)
        self._idle: list[_Connection] = []
        self._is_closed = False

    async def ask(self, call: Call) -> Any:
        """Have it done there. Raises: what it raised there; Left where nobody is; Unavailable where nothing is said."""
        request = Request(method=call.method.name, arguments=call.method.arguments_as_json(call.arguments), id=call.id)
        message = framed(request)
        async with self._limiter:
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                reply = await self._answered(connection, message)
            except BaseException:  # its answer may still come, and would be taken for that of the next call
                await connection.aclose()
                raise
            self._idle.append(connection)
            if self._is_closed:
                await self.aclose()
        return call.method.result_of_json(_result(reply))

    async def _answered(self, connection: "_Connection", message: bytes) -> Reply:
        with self._patience(connection):
            await connection.send(message)
        while True:
            with anyio.move_on_after(SILENCE_S):
                return await connection.receive()
            other, _ = await self._reach()  # whoever says anything there is at work on it
            await other.aclose()

    async def open(self) -> None:
        """Be let in. Raises: what the owner refuses with; Left where nobody is; Unavailable where nothing is said."""
        self._idle.append(await self._connect())

    async def _connect(self) -> "_Connection":
        connection, reply = await self._reach()
        try:
            _result(reply)
        except BaseException:
            await connection.aclose()
            raise
        return connection

    async def _reach(self) -> tuple["_Connection", Reply]:
        """A new connection to the owner, and what it says to our hello."""
        try:
            raw = connected(self._path, timeout_s=ANSWER_S)
        except OSError as error:
            raise Left from error
        raw.setblocking(False)
        connection = _Connection(raw, await UNIXSocketStream.from_socket(raw))
        try:
            if connection.owner.uid not in (None, os.geteuid()):
                raise Refused(f"the socket of memory {str(self._folder)!r} is held by user {connection.owner.uid}")
            with self._patience(connection):
                await connection.send(self._hello)
                return connection, await connection.receive()
        except BaseException:
            await connection.aclose()
            raise

    async def aclose(self) -> None:
        """Let go of the owner; calls in hand still get their answers."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop().aclose()

    @contextmanager
    def _patience(self, connection: "_Connection") -> Iterator[None]:
        try:
            with anyio.fail_after(ANSWER_S):
                yield
        except TimeoutError:
            raise Unavailable(
                f"process {connection.owner.pid}, which has memory {str(self._folder)!r} open, does not answer within "
                f"{ANSWER_S:g} s; let it go on or end it, then try again"
            ) from None


class _Connection:
    """One connection, and the process at its other end."""

    def __init__(self, raw: socket.socket, stream: UNIXSocketStream) -> None:
        self.owner, self._stream = peer_of(raw), stream
        self._received, self._head = BufferedByteReceiveStream(stream), b""

    async def send(self, message: bytes) -> None:
        try:
            await self._stream.send(message)
        except _GONE as error:
            raise Left from error

    async def receive(self) -> Reply:
        """The next reply; whoever is cancelled while it comes may go on with it."""
        try:
            if not self._head:
                self._head = await self._received.receive_exactly(LENGTH_BYTES)
            data = await self._received.receive_exactly(length_of(self._head))
        except _GONE as error:
            raise Left from error
        self._head = b""
        return read(data, Reply)

    async def aclose(self) -> None:
        await anyio.aclose_forcefully(self._stream)


def _result(reply: Reply) -> Any:
    if reply.failure is not None:
        raise error_of(reply.failure)
    return reply.result
