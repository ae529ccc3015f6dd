"""A job's end of its socket: one request a connection, from the user whose job it is."""

import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import SocketAttribute, SocketListener, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from ..errors import BadInput, Refused
from ..journal.events import Entry
from .desk import Desk
from .place import listening, peer_of
from .protocol import LINE_BYTES_MOST, Asker, Reply, Request, line_of, read_line

Answer = Callable[[Request, Asker], Awaitable[Reply]]
#: How long a client may take to say what it wants, in seconds.
_SAY_S = 5.0
#: How old a job is before it has a socket, which costs as much as a call: many have ended by then, in seconds.
_UNREACHABLE_S = 0.5


async def serve(path: Path, answer: Answer) -> None:
    """Answer whoever connects to the socket there, until cancelled. Raises OSError where there can be no socket."""
    with listening(path) as raw:
        async with await SocketListener.from_socket(raw) as listener:
            await listener.serve(partial(_meet, answer))


async def serve_late(path: Path, desk: Desk) -> None:
    """Let other processes control a job, once it is a while old. Where that cannot be, its record says so."""
    await anyio.sleep(_UNREACHABLE_S)
    try:
        await serve(path, desk.answer)
    except* OSError as group:
        if not desk.controls.standing.has_ended:
            body = {"reason": "; ".join(map(str, group.exceptions))}
            desk.journal.append(Entry("control.unavailable", body, task="job", sender="job", recipient="user"))


async def _meet(answer: Answer, stream: SocketStream) -> None:
    """One client. What goes wrong between it and us is its loss alone."""
    try:
        async with stream:
            await stream.send(line_of(await _reply(answer, stream)))
    except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        return  # it has left: nobody is there to be told


async def _reply(answer: Answer, stream: SocketStream) -> Reply:
    try:
        line = await _line(stream)
        asker = peer_of(stream.extra(SocketAttribute.raw_socket))  # noqa: S610 - no Django
        if asker.uid not in (None, os.geteuid()):
            raise Refused(f"user {asker.uid} may not control a job of user {os.geteuid()}")
        return await answer(read_line(line, Request), asker)
    except Refused as error:
        return Reply(is_done=False, said=str(error))
    except Exception as error:  # a defect of ours must not end the job; whoever asked is told of it
        return Reply(is_done=False, said=f"control failed with {type(error).__name__}: {error}")


async def _line(stream: SocketStream) -> bytes:
    try:
        with anyio.fail_after(_SAY_S):
            return await BufferedByteReceiveStream(stream).receive_until(b"\n", LINE_BYTES_MOST)
    except anyio.DelimiterNotFound:
        raise BadInput(f"the request is longer than {LINE_BYTES_MOST} bytes; nothing was done") from None
    except anyio.IncompleteRead:
        raise BadInput("the request has no end; nothing was done") from None
    except TimeoutError:
        raise BadInput(f"no request came within {_SAY_S:g} s; nothing was done") from None
