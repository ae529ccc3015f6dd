"""The owner's end of a memory's socket. Each connection has a thread of its own, so that neither a client that stops
nor an event loop that is blocked keeps others waiting. Blocks.

Whatever a client sends, the worst that comes of it is the end of its own connection.
"""

import logging
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import IO

from ..orchestrator.control.place import listening, peer_of
from ..orchestrator.errors import BadInput, BullpenError, Overloaded, Refused
from .methods import METHODS, Call
from .wire import LENGTH_BYTES, Hello, Reply, Request, failure_of, framed, length_of, read

_LOG = logging.getLogger("bullpen.memory")

#: Connections at once; each costs a thread that sleeps most of the time.
CONNECTIONS_MOST = 256
#: How long clients may take to hear the last answers of an owner that leaves, in seconds; later they ask its successor.
_LAST_WORDS_S = 2.0
#: How long to wait before another attempt, where the system has no file descriptor left, in seconds.
_NO_ROOM_S = 0.1


class Listener:
    """Answers whoever connects to a socket until it is closed; `welcome` raises for those who are not to be."""

    def __init__(self, path: Path, welcome: Callable[[Hello], None], do: Callable[[Call], object]) -> None:
        """Raises: OSError where there can be no socket."""
        self._welcome, self._do = welcome, do
        self._lock, self._leaving = Lock(), Event()
        self._connections: dict[socket.socket, Thread] = {}
        with ExitStack() as opening:
            listener = opening.enter_context(listening(path))
            ours, self._bell = (opening.enter_context(end) for end in socket.socketpair())
            self._accepting = Thread(target=self._accept, args=(listener, ours), name="bullpen-memory", daemon=True)
            self._accepting.start()
            self._closing = opening.pop_all()

    def stop(self) -> None:
        """Let nobody else in. Calls in hand are answered, unless they wait for what the owner no longer does."""
        self._leaving.set()
        self._bell.close()
        self._accepting.join()
        self._closing.close()
        for connection in self._open():
            _shut(connection, socket.SHUT_RD)  # what has been asked is answered, then its thread ends

    def close(self) -> None:
        """Wait until the last has its answer, or has had its time."""
        until_s = time.monotonic() + _LAST_WORDS_S
        for thread in self._open().values():
            thread.join(max(0.0, until_s - time.monotonic()))
        for connection, thread in self._open().items():
            _shut(connection, socket.SHUT_RDWR)
            thread.join()

    def _open(self) -> dict[socket.socket, Thread]:
        with self._lock:
            return dict(self._connections)

    def _accept(self, listener: socket.socket, bell: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(listener, selectors.EVENT_READ)
            ready.register(bell, selectors.EVENT_READ)
            while all(key.fileobj is listener for key, _ in ready.select()):
                try:
                    self._meet(listener.accept()[0])
                except (OSError, RuntimeError) as error:  # it has left again, or there is no room for one more
                    _LOG.warning("a process could not be let in: %s", error)
                    self._leaving.wait(_NO_ROOM_S)

    def _meet(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        thread = Thread(target=self._serve, args=(connection,), name="bullpen-memory", daemon=True)
        with self._lock:
            self._connections[connection] = thread
            try:
                thread.start()
            except RuntimeError:
                del self._connections[connection]
                connection.close()
                raise

    def _serve(self, connection: socket.socket) -> None:
        """One client. What goes wrong between it and us is its loss alone."""
        try:
            with connection, connection.makefile("rb") as said:
                for reply in self._replies(connection, said):
                    connection.sendall(reply)
        except OSError:
            return  # it has left: nobody is there to be told
        finally:
            with self._lock:
                del self._connections[connection]

    def _replies(self, connection: socket.socket, said: IO[bytes]) -> Iterator[bytes]:
        """One for each message; after one that is not a message at all, the last."""
        try:
            if (data := _message(said)) is not None:
                self._greet(connection, read(data, Hello))
                yield framed(Reply())
            while (data := _message(said)) is not None and (reply := self._reply(data)) is not None:
                yield reply
        except BullpenError as error:
            yield framed(Reply(failure=failure_of(error)))

    def _greet(self, connection: socket.socket, hello: Hello) -> None:
        user = peer_of(connection).uid
        if user not in (None, os.geteuid()):
            raise Refused(f"this memory is of user {os.geteuid()}, and user {user} may not use it")
        if len(self._open()) > CONNECTIONS_MOST:
            raise Overloaded(f"a memory is asked by {CONNECTIONS_MOST} others already; try again when one has left")
        self._welcome(hello)

    def _reply(self, data: bytes) -> bytes | None:
        """What to say to a request; None, where its wait has ended only because the owner leaves."""
        try:
            request = read(data, Request)
            method = METHODS.get(request.method)
            if method is None:
                raise BadInput(f"a memory cannot {request.method!r}")
            result = self._do(Call(method, method.arguments_of_json(request.arguments), request.id))
            if method.waits and self._leaving.is_set():
                return None
            return framed(Reply(result=method.result_as_json(result)))
        except Exception as error:  # a defect, too, is told to whoever asked
            return framed(Reply(failure=failure_of(error)))


def _message(said: IO[bytes]) -> bytes | None:
    """The next message; None at the end. Raises: BadInput for one that is too long."""
    head = said.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    length = length_of(head)
    data = said.read(length)
    return data if len(data) == length else None


def _shut(connection: socket.socket, how: int) -> None:
    with suppress(OSError):  # it is closed already
        connection.shutdown(how)
