"""A child process that parses documents within limits, so that no document can stop, fill or crash a job.

A request is a line `kind size`, then so many bytes; a reply is eight bytes of length, then JSON: `text`, `title` and
`metadata`, or the `reason` why there is no text. The child gets bytes, never a path. It is started with the first
document, used for all, and replaced when it ended or had to be killed.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from .formats import UNPACKED_MAX
from .plain import plain

#: What the child ends with when its memory is used up.
OUT_OF_MEMORY = 70
#: Documents after which a child is replaced: libraries keep caches, and the innocent should not run out of memory.
DOCUMENTS_MAX = 500
#: Seconds between two looks at whether the job still wants the answer.
_TICK = 0.2
_CHUNK = 2**16
#: Bytes of a character in a reply's JSON, at most: two escapes of six.
_CHARACTER = 12
#: All that a child gets to know of its environment: no keys.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")


class Limits(NamedTuple):
    """What one document may cost."""

    seconds: float = 60.0
    #: Bytes of address space of the child, its libraries (a few hundred MB) included.
    memory: int = 1536 * 2**20
    #: Characters of extracted text.
    characters: int = 50_000_000
    #: Bytes that a zipped document may unpack to.
    unpacked: int = UNPACKED_MAX


class Parsed(NamedTuple):
    """A document's text and what it says about itself; `title` is empty where it has none."""

    text: str
    title: str
    metadata: dict[str, Any]


class Unparsed(Exception):
    """There is no text; the message is one line that says why."""


class Child:
    """Parses one document at a time, in a process that is started when it is needed. Close it, or use `with`.

    `check` is called several times a second while a document is parsed; what it raises kills the process and is raised.
    """

    def __init__(self, limits: Limits | None = None, check: Callable[[], object] = lambda: None) -> None:
        self._limits = limits or Limits()
        self._check = check
        self._process: subprocess.Popen[bytes] | None = None
        self._documents = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process at once, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()

    def stop(self) -> None:
        """Ends what another thread has it parse, which then raises Unparsed."""
        if process := self._process:
            process.kill()

    def parse(self, kind: str, data: bytes) -> Parsed:
        """The text of a document whose ending is `kind`. Raises Unparsed."""
        process = self._ready()
        try:
            reply = _read(_exchange(process, f"{kind} {len(data)}\n".encode(), data, self._limits, self._check))
        except TimeoutError:
            self.close()
            raise Unparsed(_stopped(self._limits)) from None
        except (OSError, ValueError):
            raise Unparsed(self._why_it_ended(process)) from None
        except BaseException:
            self.close()
            raise
        if "reason" in reply:
            raise Unparsed(str(reply["reason"]))
        return Parsed(reply["text"], reply["title"], reply["metadata"])

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None or self._documents == DOCUMENTS_MAX:
            self.close()
            self._process, self._documents = _start(self._limits), 0
        self._documents += 1
        return self._process

    def _why_it_ended(self, process: subprocess.Popen[bytes]) -> str:
        """After its pipes were closed or it said something that is no reply; a process that goes on is killed."""
        try:
            code = process.wait(_TICK)
        except subprocess.TimeoutExpired:
            code = 0
        self.close()
        if code == OUT_OF_MEMORY:
            return f"the parser ran out of memory ({self._limits.memory // 2**20} MB)"
        return _stopped(self._limits) if code == -getattr(signal, "SIGXCPU", 0) and code else "the parser crashed"


def _stopped(limits: Limits) -> str:
    return f"the parser was stopped after {limits.seconds:g} s"


def _start(limits: Limits) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # Sets are iterated in the order of hashes, and dates are read in a time zone: the same text, wherever it is made.
    environment |= {"PYTHONHASHSEED": "0", "TZ": "UTC", "PYTHONPATH": os.pathsep.join(_path())}
    return subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-P", "-m", f"{__package__}.parse", json.dumps(limits)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        bufsize=0,
        start_new_session=True,  # Ctrl-C is for the job, which then ends its child
    )


def _path() -> list[str]:
    """Where this process finds libraries: its path without the working folder and that of the script that it runs.

    Both may hold documents, and files that are named like a library; a parser needs neither. Where we are stays.
    """
    script = getattr(sys.modules["__main__"], "__file__", None) or ""
    left_out = {os.path.realpath(os.curdir), os.path.realpath(os.path.dirname(script))}
    ours = os.path.realpath(Path(__file__).parents[2])
    folders = [os.path.abspath(folder) for folder in sys.path]
    return [folder for folder in folders if os.path.realpath(folder) not in left_out - {ours}]


def _exchange(
    process: subprocess.Popen[bytes], head: bytes, data: bytes, limits: Limits, check: Callable[[], object]
) -> bytearray:
    """Sends a request and returns the reply's JSON, in one loop, since the child may end at any point of either.

    Raises: TimeoutError; OSError or ValueError where the child ended or said something else; what `check` raises.
    """
    assert process.stdin is not None and process.stdout is not None
    unsent = [memoryview(head), memoryview(data)]
    reply = bytearray()
    os.set_blocking(process.stdin.fileno(), False)
    deadline = time.monotonic() + limits.seconds
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdin, selectors.EVENT_WRITE)
        ready.register(process.stdout, selectors.EVENT_READ)
        while not _is_whole(reply, limits):
            check()
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            for key, _ in ready.select(min(left, _TICK)):
                if key.fileobj is process.stdout:
                    reply += _some(process.stdout.fileno())
                elif not _send(process.stdin.fileno(), unsent):
                    ready.unregister(process.stdin)
    del reply[:8]
    return reply


def _send(pipe: int, unsent: list[memoryview]) -> bool:
    """Writes what the pipe takes; whether anything is left."""
    unsent[0] = unsent[0][os.write(pipe, unsent[0][:_CHUNK]) :]
    if not unsent[0]:
        del unsent[0]
    return bool(unsent)


def _some(pipe: int) -> bytes:
    if read := os.read(pipe, _CHUNK):
        return read
    raise BrokenPipeError


def _is_whole(reply: bytearray, limits: Limits) -> bool:
    """Whether a reply has all its bytes. Raises ValueError where it is none, or longer than any can be."""
    if len(reply) < 8:
        return False
    size = int.from_bytes(reply[:8], "big")
    if size > limits.characters * _CHARACTER + 2**20 or len(reply) > size + 8:
        raise ValueError("no reply")
    return len(reply) == size + 8


def _read(reply: bytearray) -> dict[str, Any]:
    """The fields of a reply. Raises ValueError where it is none: a parser that was taken over may say anything."""
    fields = plain(json.loads(reply))
    if not isinstance(fields, dict) or ("reason" not in fields and not _is_document(fields)):
        raise ValueError("no reply")
    return fields


def _is_document(fields: dict[str, Any]) -> bool:
    kinds = {"text": str, "title": str, "metadata": dict}
    return all(isinstance(fields.get(name), kind) for name, kind in kinds.items())
