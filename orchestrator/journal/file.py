"""A job's journal in one file of lines (`lines` has their form), appended and never altered, with one writer.

A commit is one `write` and one `fdatasync`, shared by all who wait for it. While the process that owns a run lives, it
holds an OS lock on the file; the lock goes with the process however it dies, so a run without a terminal event and
without a holder is known to be interrupted. What a crash has left of a commit was never reported as written: readers
leave it out and the next owner cuts it off.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio
from pydantic_core import from_json

from ..clock import Clock
from ..errors import BadInput, JournalDamaged, Unavailable
from .convert import to_today
from .events import PLAINLY, Chain, Entry, Event, Ways
from .lines import END, FORMAT, HEADER, Content, closed_after, is_unborn, lines_of, read
from .parts import Parts
from .writer import Writer

#: The longest that an event waits for others to share its commit, in seconds.
GROUP_S = 0.05
SUFFIX = ".run"
#: There is no room; there may be later.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileJournal:
    """One job's events in a file. Made by `open_journal`; only one process may hold it. For asyncio.

    What is appended is written with the next commit, or by itself when none comes within `GROUP_S`.
    """

    def __init__(self, file: "_File", chain: Chain, parts: Parts, writer: Writer) -> None:
        self._file, self._chain, self._parts, self._writer = file, chain, parts, writer
        self._pending: list[bytes] = []
        #: How many events have been appended, and how many of them are on disk.
        self._appended = self._durable = chain.seq
        #: Who waits for how many events to be on disk, in the order in which they came.
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._is_writing = self._is_called = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def append(self, entry: Entry) -> Event:
        """Put an entry on record; it is in the file after the next commit, or in `GROUP_S` seconds."""
        event, head = self._chain.seal(entry)
        self._pending.append(lines_of(event, head, self._parts))
        self._appended += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GROUP_S, self._write_in_time)
        return event

    def result_of(self, step: str) -> Event | None:
        """The one result of a step, if there is one."""
        return self._chain.result_of(step)

    async def commit(self) -> None:
        """Return when everything appended so far is on disk. Waiting commits share one write.

        Raises Unavailable when the file cannot be written; nothing appended is forgotten, a later commit tries again.
        """
        if self._durable == self._appended:
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((self._appended, done))
        self._write_soon()
        await done

    def _write_soon(self) -> None:
        """Begin to write when everybody who can run now has run: what they append then shares the write."""
        if not (self._is_writing or self._is_called):
            self._is_called = True
            asyncio.get_running_loop().call_soon(self._write_pending)

    def _write_in_time(self) -> None:
        self._timer = None
        self._write_pending()

    def _write_pending(self) -> None:
        """Begin to write what is pending, unless a write is under way: its end begins the next."""
        self._is_called = False
        if self._is_writing or not self._pending:
            return
        batch, self._pending, self._is_writing = self._pending, [], True
        self._writer.submit(partial(self._file.write, batch), partial(self._written, batch))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _written(self, batch: list[bytes], error: BaseException | None) -> None:
        self._is_writing = False
        if error is None:
            self._durable += len(batch)
        else:
            self._pending[:0] = batch  # nothing of it is in the file: still to be written
        while self._waiting and (error is not None or self._waiting[0][0] <= self._durable):
            _end(self._waiting.popleft()[1], error)
        if self._waiting:
            self._write_soon()

    async def aclose(self) -> None:
        """Commit and let go of the file."""
        if self._closed:
            return
        self._closed = True
        with anyio.CancelScope(shield=True):
            try:
                await self.commit()
                await self._writer.run(self._file.write, [closed_after(self._appended)])
            finally:
                self._stop_timer()
                self._file.release()


def _end(waiting: asyncio.Future[None], error: BaseException | None) -> None:
    if waiting.done():
        return  # whoever waited was cancelled
    if error is None:
        waiting.set_result(None)
    else:
        waiting.set_exception(error)


class _File:
    """A run that is open for appending, and the lock that keeps others from it. Its methods block."""

    def __init__(self, path: Path) -> None:
        self.path, self._handle = path, _take(path)
        #: The bytes that are there to stay: what a failed write has left behind them is cut off.
        self._size = 0
        self._is_listed = False
        #: Why nothing is written any more.
        self._failure = ""

    def begin(self) -> Content:
        """What is there, in today's format; a new file gets its header, what a crash has left over is cut off."""
        old = self.path.read_bytes()
        content = _today(self.path, old)
        found = _read(self.path, content)
        if content == HEADER:
            self._put_header()
        elif content == old:
            os.ftruncate(self._handle, found.size)
        else:
            self._replace(content)
        self._size = found.size
        return found

    def _put_header(self) -> None:
        os.ftruncate(self._handle, 0)
        try:
            _write_all(self._handle, HEADER)
        except OSError:
            self.path.unlink()  # nothing was accepted: no half a file stays behind
            raise

    def _replace(self, content: bytes) -> None:
        """Have another file stand in its place, whole or not at all, with the lock on it."""
        beside = self.path.with_suffix(".new")
        handle = _take(beside)
        try:
            os.ftruncate(handle, 0)
            _write_all(handle, content)
            _to_disk(handle)
            beside.replace(self.path)
        except OSError:
            beside.unlink()
            os.close(handle)
            raise
        self.release()
        self._handle = handle

    def write(self, lines: Sequence[bytes]) -> None:
        """Append a commit; it is on disk when this returns. Raises Unavailable, and nothing of it is in the file."""
        if self._failure:
            raise Unavailable(self._failure)
        content = b"".join((*lines, END))
        try:
            _write_all(self._handle, content)
            _to_disk(self._handle)
            self._list()
        except OSError as error:
            os.ftruncate(self._handle, self._size)
            raise Unavailable(self._told(error)) from error
        self._size += len(content)

    def _told(self, error: OSError) -> str:
        """What is wrong and what to do. Where it is not for want of room, nothing is written from now on: after a
        failed flush nobody knows what is on the disk."""
        told = f"run {str(self.path)!r} cannot be written: {error}"
        if error.errno in _FULL:
            return f"{told}; free room and resume"
        self._failure = f"{told}; the disk cannot be trusted: copy the run to another one and resume there"
        return self._failure

    def _list(self) -> None:
        """Have the folder itself name the file after a crash of the machine."""
        if self._is_listed:
            return
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._is_listed = True

    def release(self) -> None:
        """Let go of it. A write that comes later fails, rather than reach a file that has got the same number."""
        handle, self._handle = self._handle, -1
        os.close(handle)


async def open_journal(path: Path, job: str, clock: Clock, writer: Writer, ways: Ways = PLAINLY) -> FileJournal:
    """Make or open the journal of a job, to be written by `writer`.

    Raises BadInput where the folder cannot be written or another process holds the run, JournalDamaged where the
    events in it do not hold together.
    """
    file, found = await writer.run(_open, path)
    return FileJournal(file, Chain(job, clock, ways, found.events), found.parts, writer)


def _open(path: Path) -> tuple[_File, Content]:
    try:
        file = _File(path)
        try:
            return file, file.begin()
        except BaseException:
            file.release()
            raise
    except OSError as error:
        raise BadInput(f"run {str(path)!r} cannot be opened: {error}; name another folder for runs") from error


def _take(path: Path) -> int:
    """A handle of the file, made if need be, with the lock on it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"folder {str(path.parent)!r} cannot be written: {error.strerror}; name another one") from error
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise BadInput(f"run {path.stem!r} is held by another process; wait for it or cancel it") from error
    return handle


def _write_all(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _to_disk(handle: int) -> None:
    if hasattr(fcntl, "F_FULLFSYNC"):  # elsewhere than on Linux a plain sync may stop at the disk's own cache
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(handle)


def is_held(path: Path) -> bool:
    """Whether a living process holds the run."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def read_events(path: Path) -> list[Event]:
    """All events of a run file, in order, without changing it. Blocking.

    Raises BadInput where there is no such run or it is of another format, JournalDamaged where it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"run {str(path)!r} does not exist; `bullpen jobs` lists what there is") from None
    except OSError as error:
        raise BadInput(f"run {str(path)!r} cannot be read: {error}") from error
    return _read(path, _today(path, content)).events


def _today(path: Path, content: bytes) -> bytes:
    """A file's content in today's format; of one whose process was killed before anything was accepted, a new one's."""
    if is_unborn(content):
        return HEADER
    format = _format(path, content)
    try:
        return to_today(content, format)
    except KeyError:
        raise BadInput(
            f"run {str(path)!r} has format {format}; this Bullpen reads up to {FORMAT}: take a newer one"
        ) from None
    except JournalDamaged as error:
        raise JournalDamaged(f"run {str(path)!r}: {error}") from error


def _read(path: Path, content: bytes) -> Content:
    found = read(content)
    if found.damage:
        seq, reason, later = found.damage
        raise JournalDamaged(
            f"run {str(path)!r} is damaged at event {seq}: {reason}; {later} later commits cannot be read; "
            "keep the file as it is"
        )
    return found


def _format(path: Path, content: bytes) -> int:
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return int(from_json(content.partition(b"\n")[0])["format"])
    raise JournalDamaged(f"run {str(path)!r} cannot be read: it does not begin as runs do; keep the file as it is")
