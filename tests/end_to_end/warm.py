"""Commands in processes of their own, without the time that starting Python and importing everything takes."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: Seconds that a command may take.
MOST_S = 60


class Warm:
    """Runs commands in processes that are forked from one which has imported what they need (`forking.py`).

    What they do is what new processes do, but for Python's own variables, which are read when it starts.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._commands, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", str(Path(__file__).with_name("forking.py")), str(theirs.fileno())]
            self._process = subprocess.Popen(command, env=env, pass_fds=[theirs.fileno()])

    def close(self) -> None:
        self._commands.close()
        self._process.wait(MOST_S)

    def run(self, *args: str, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """`args` begins with the name of a module or the path of a script."""
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        connection, its = socket.socketpair()
        with its, open(os.devnull) as nothing:
            socket.send_fds(self._commands, [b"."], [its.fileno(), nothing.fileno(), its_out, its_err])
        os.close(its_out)
        os.close(its_err)
        with connection, ThreadPoolExecutor(2) as readers:
            written = [readers.submit(_all_of, end) for end in (out, err)]
            connection.sendall(json.dumps({"args": args, "cwd": str(cwd), "env": dict(env)}).encode())
            connection.shutdown(socket.SHUT_WR)
            status = _status(connection)
            return subprocess.CompletedProcess(args, status, *(end.result() for end in written))


def _all_of(end: int) -> str:
    with open(end, encoding="utf-8") as file:
        return file.read()


def _status(connection: socket.socket) -> int:
    """What the command ended with; it is killed when it takes too long."""
    connection.settimeout(MOST_S)
    with connection.makefile() as told:
        pid = int(told.readline())
        try:
            return int(told.readline())
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise
