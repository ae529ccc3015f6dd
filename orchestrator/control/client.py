"""The other end of a job's socket: for commands in another process. Blocking, and light to import."""

import os
import socket
import time
from pathlib import Path

from ..errors import BadInput, Refused, Unavailable
from ..journal.reader import Run
from .place import connected, peer_of, socket_of
from .protocol import LINE_BYTES_MOST, Command, Reply, Request, line_of, read_line

#: How long a job may take to answer, in seconds: it does between two things that its workers do.
_ANSWER_S = 10.0
#: How long a job may take to have its socket, in seconds.
_BEGIN_S = 1.5


def send(run: Run, command: Command) -> Reply:
    """What the job said to a command that it has carried out. Blocking.

    Raises BadInput for a job that has ended or whose process is gone, Refused with what the job said where it refused,
    Unavailable where it does not answer.
    """
    if run.status != "running":
        raise BadInput(_not_running(run))
    reply = _exchanged(run, line_of(Request(job=run.id, command=command)))
    if not reply.is_done:
        raise Refused(f"job {run.id}: {reply.said}")
    return reply


def _not_running(run: Run) -> str:
    if run.status == "interrupted":
        return f"job {run.id} was interrupted: its process is gone; `bullpen resume {run.id}` goes on with it"
    return f"job {run.id} has ended: {run.status}; `bullpen show {run.id}` has what was done"


def _exchanged(run: Run, line: bytes) -> Reply:
    try:
        with _connected(socket_of(run.path)) as connection:
            if (asker := peer_of(connection)).uid not in (None, os.geteuid()):
                raise Refused(f"the socket of job {run.id} is held by user {asker.uid}")
            connection.sendall(line)
            with connection.makefile("rb") as answers:
                answer = answers.readline(LINE_BYTES_MOST)
    except TimeoutError as error:
        raise Unavailable(f"job {run.id} did not answer within {_ANSWER_S:g} s: it is busy; try again") from error
    except OSError as error:
        raise Unavailable(_unreachable(run.path, error)) from error
    if not answer:
        raise Unavailable(f"job {run.id} left before it answered; `bullpen jobs` says how it ended")
    return read_line(answer, Reply)


def _connected(path: Path) -> socket.socket:
    """A connection to a job, which has its socket a moment after it has begun. Raises OSError where it has none."""
    until_s = time.monotonic() + _BEGIN_S
    while True:
        try:
            return connected(path, timeout_s=_ANSWER_S)
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > until_s:
                raise
            time.sleep(_BEGIN_S / 20)


def _unreachable(run: Path, error: OSError) -> str:
    return (
        f"job {run.stem} is running and cannot be reached: {error.strerror or error}; it is just beginning or ending, "
        "or runs where its socket cannot be seen: try again"
    )
