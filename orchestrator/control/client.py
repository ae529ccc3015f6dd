"""The other end of a job's socket: for commands in another process. Blocking, and light to import."""

import os
import socket
import time
from pathlib import Path
from typing import NamedTuple

from ..errors import BadInput, BullpenError, Refused, Unavailable
from ..journal.reader import Run
from .place import connected, peer_of, socket_of
from .protocol import LINE_BYTES_MOST, Command, Reply, Request, State, line_of, read_line

#: How long a job may take to answer, in seconds: it does between two things that its workers do.
_ANSWER_S = 10.0
#: How long a job may take to have its socket, in seconds.
_BEGIN_S = 1.5
#: How long a job may take to say what it is doing, in seconds: one that waits has nothing else to do.
_STATE_S = 0.3


def send(run: Run, command: Command) -> Reply:
    """What the job said to a command that it has carried out. Blocking.

    Raises BadInput for a job that has ended or whose process is gone, Refused with what the job said where it refused,
    Unavailable where it does not answer.
    """
    if run.status != "running":
        raise BadInput(_not_running(run))
    reply = _exchanged(run.path, command, begin_s=_BEGIN_S, answer_s=_ANSWER_S)
    if not reply.is_done:
        raise Refused(f"job {run.id}: {reply.said}")
    return reply


class Said(NamedTuple):
    """What a running job is doing, and why it has no room for its record if it has none."""

    state: str = ""
    full: str = ""


def state_of(run: Path) -> Said:
    """What the job with this run says of itself; nothing where it does not answer at once. Blocking."""
    try:
        reply = _exchanged(run, State(), begin_s=0, answer_s=_STATE_S)
    except BullpenError:  # it is beginning, ending, busy or stopped: its run says what can be known
        return Said()
    return Said(reply.facts.get("state", ""), reply.facts.get("full", ""))


def _not_running(run: Run) -> str:
    if run.status == "interrupted":
        return f"job {run.id} was interrupted: its process is gone; `bullpen resume {run.id}` goes on with it"
    return f"job {run.id} has ended: {run.status}; `bullpen show {run.id}` has what was done"


def _exchanged(run: Path, command: Command, *, begin_s: float, answer_s: float) -> Reply:
    try:
        with _connected(socket_of(run), begin_s, answer_s) as connection:
            if (asker := peer_of(connection)).uid not in (None, os.geteuid()):
                raise Refused(f"the socket of job {run.stem} is held by user {asker.uid}")
            connection.sendall(line_of(Request(job=run.stem, command=command)))
            with connection.makefile("rb") as answers:
                answer = answers.readline(LINE_BYTES_MOST)
    except TimeoutError as error:
        raise Unavailable(f"job {run.stem} did not answer within {answer_s:g} s: it is busy; try again") from error
    except OSError as error:
        raise Unavailable(_unreachable(run, error)) from error
    if not answer:
        raise Unavailable(f"job {run.stem} left before it answered; `bullpen jobs` says how it ended")
    return read_line(answer, Reply)


def _connected(path: Path, begin_s: float, answer_s: float) -> socket.socket:
    """A connection to a job, which has its socket a moment after it has begun. Raises OSError where it has none."""
    until_s = time.monotonic() + begin_s
    while True:
        try:
            return connected(path, timeout_s=answer_s)
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() >= until_s:
                raise
            time.sleep(_BEGIN_S / 20)


def _unreachable(run: Path, error: OSError) -> str:
    return (
        f"job {run.stem} is running and cannot be reached: {error.strerror or error}; it is just beginning or ending, "
        "or runs where its socket cannot be seen: try again"
    )
