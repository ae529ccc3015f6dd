"""The file of one run: who may write it, how bytes get to the disk and come back. Blocking.

While the process that owns a run lives, it holds an OS lock on the file; the lock goes with the process however it
dies, so a run without a terminal event and without a holder is known to be interrupted. A holder also gives a sign of
life every few seconds. One that gives none (it was stopped, its machine slept) may have the run taken over: another
file, with all that was written, stands in its place from then on. Nothing that the old owner writes when it wakes is
acknowledged or read.
"""

import contextlib
import errno
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO, FileIO
from pathlib import Path
from typing import BinaryIO

from pydantic_core import from_json

from ..errors import BadInput, Fenced, JournalDamaged, StorageFull, Unavailable
from ..failpoint import failpoint
from ..regular_files import check_regular, open_regular, read_regular
from .convert import to_today
from .disk import folder_for, folder_to_disk, lock, locked, to_disk, write_all
from .events import ACCEPTED, RESUMED, Event
from .lines import END, FORMAT, HEADER, Content, is_over, is_unborn, read, read_on

SUFFIX = ".run"
#: What stands beside a run while it is taken over, and while another file is made for its place.
FENCE, NEW = ".fence", ".new"
#: How far from its ends a run's first and its terminal event are looked for, in bytes.
_END_BYTES = 64 * 1024
#: How the first event begins, and the job that it names. In a string the marks would be escaped.
_FIRST_JOB = re.compile(rb'\n\{"seq":1,"job":"([A-Za-z0-9_.-]+)"')
#: How many bytes are read at once: with more of them a reader waits for memory.
_BLOCK = 1 << 20
#: There is no room; there may be later.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_TAKEN_OVER = "run {!r} is being taken over by another process; wait for it"
#: What changes in a run's file while its owner lives: which file it is, when it was touched, its size.
Sign = tuple[int, int, int]


class Held(BadInput):
    """Another process holds the run; `sign` is the last that was seen of it."""

    def __init__(self, path: Path, sign: Sign) -> None:
        """Names the owner by the run's record."""
        super().__init__(f"run {path.stem!r} is held by {_owner(path)}; wait for it or cancel it")
        self.sign = sign


class RunFile:
    """A run that is open for appending, and the lock that keeps others from it."""

    def __init__(self, path: Path, handle: int) -> None:
        """Of the handle that has the lock."""
        self.path, self._handle = path, handle
        self._fence = path.with_suffix(FENCE)
        #: The bytes that are there to stay: what a failed write has left behind them is cut off.
        self._size = 0
        self._is_listed = False
        #: Why nothing is written any more.
        self._failure = ""

    def begin(self) -> Content:
        """What is there, in today's format; a new file gets its header, what a crash has left over is cut off."""
        old = read_regular(self.path)
        content = _today(self.path, old)
        found = _read(self.path, content)
        if content == HEADER:
            self._put_header()
        elif content == old:
            os.ftruncate(self._handle, found.size)
        else:
            self._handle = _replaced(self.path, self._handle, content)
        self._size = found.size
        return found

    def _put_header(self) -> None:
        os.ftruncate(self._handle, 0)
        try:
            write_all(self._handle, HEADER)
        except OSError:
            self.path.unlink()  # nothing was accepted: no half a file stays behind
            raise

    def write(self, lines: Sequence[bytes]) -> None:
        """Append a commit; it is on disk, and ours, when this returns.

        Raises Unavailable, and nothing of it is in the file, StorageFull where that is for want of room, or Fenced when
        another process has taken over.
        """
        if self._failure:
            raise Unavailable(self._failure)
        content = b"".join((*lines, END))
        failpoint("journal.writing")
        try:
            write_all(self._handle, content)
            failpoint("journal.written")
            to_disk(self._handle)
            self._list()
            failpoint("journal.flushed")
        except OSError as error:
            os.ftruncate(self._handle, self._size)
            raise self._refusal(error) from error
        self._size += len(content)
        self._check_ownership()

    def _check_ownership(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self.path), os.fstat(self._handle)) and not os.path.exists(self._fence):
                return
        raise Fenced(f"run {self.path.stem!r} was taken over by another process while this one gave no sign of life")

    def _refusal(self, error: OSError) -> Unavailable:
        """What is wrong and what to do. Where it is not for want of room, nothing is written from now on: after a
        failed flush nobody knows what is on the disk."""
        told = f"run {str(self.path)!r} cannot be written: {error}"
        if error.errno in _FULL:
            return StorageFull(f"{told}; free room")
        self._failure = f"{told}; the disk cannot be trusted: copy the run to another one and resume there"
        return Unavailable(self._failure)

    def _list(self) -> None:
        """Have the folder itself name the file after a crash of the machine."""
        if not self._is_listed:
            folder_to_disk(self.path.parent)
            self._is_listed = True

    def beat(self) -> None:
        """Give a sign of life."""
        if self._handle >= 0:
            os.utime(self._handle)

    def release(self) -> None:
        """Let go of it. A write that comes later fails, rather than reach a file that has got the same number."""
        handle, self._handle = self._handle, -1
        os.close(handle)


def open_file(path: Path) -> tuple[RunFile, Content]:
    """A run to be written, made if need be, and what it holds.

    Raises Held where another process holds it, BadInput where it cannot be written, JournalDamaged where it is damaged.
    """
    with _told(path):
        folder_for(path)
        check_regular(path.with_suffix(FENCE))
        handle = lock(path)
        if handle is None:
            raise Held(path, sign_of(path))
        if not _unfence(path.with_suffix(FENCE)):
            os.close(handle)
            raise BadInput(_TAKEN_OVER.format(path.stem))
        return _begun(path, handle)


def take_over(path: Path, sign: Sign) -> tuple[RunFile, Content]:
    """A run of an owner that is there, and has given no sign of life since this one. Raises as `open_file` does.

    The fence comes first: what the old owner writes behind it is never acknowledged, so that all that ever was is
    copied.
    """
    with _told(path):
        fence = lock(path.with_suffix(FENCE))
        if fence is None:
            raise BadInput(_TAKEN_OVER.format(path.stem))
        try:
            if (now := sign_of(path)) != sign:  # somebody else has taken it over meanwhile
                raise Held(path, now)
            content = read_regular(path)
            handle = _replaced(path, None, content[: _read(path, _today(path, content)).size])
        finally:
            path.with_suffix(FENCE).unlink()
            os.close(fence)
        return _begun(path, handle)


def _begun(path: Path, handle: int) -> tuple[RunFile, Content]:
    file = RunFile(path, handle)
    try:
        return file, file.begin()
    except BaseException:
        file.release()
        raise


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"run {str(path)!r} cannot be opened: {error}; name another folder for runs") from error


def is_held(path: Path) -> bool:
    """Whether a living process holds the run. Raises BadInput where it cannot be looked at."""
    try:
        handle = open_regular(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def has_finished(path: Path) -> bool:
    """Whether the end of a run says that it has ended, for which it need not be read whole: see `is_over`.

    Raises as `open_to_read`.
    """
    with open_to_read(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _END_BYTES))
        return is_over(file.read())


def job_in(path: Path) -> str:
    """The job that a run's first event names, for which it need not be read whole; empty where none does.

    It is not checked whether the event holds. Raises as `open_to_read`.
    """
    with open_to_read(path) as file:
        found = _FIRST_JOB.search(file.read(_END_BYTES))
        return found[1].decode() if found else ""


def read_events(path: Path) -> list[Event]:
    """All events of a run file, in order, without changing it.

    Raises BadInput where there is no such run or it is of another format, JournalDamaged where it cannot be read.
    """
    with open_to_read(path) as file:
        return read_whole(path, file).events


def open_to_read(path: Path) -> FileIO:
    """The file of a run. Raises BadInput where there is none or it cannot be read."""
    try:
        return FileIO(open_regular(path))
    except FileNotFoundError:
        raise BadInput(f"run {str(path)!r} does not exist; `bullpen jobs` lists what there is") from None
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> BadInput:
    return BadInput(f"run {str(path)!r} cannot be read: {error.strerror}; let this user read it, or move it away")


def read_whole(path: Path, file: BinaryIO) -> Content:
    """What is in a run file, from its beginning, in today's format. Raises as `read_events` does."""
    file.seek(0)
    if file.read(len(HEADER)) != HEADER:
        return _read(path, _today(path, b"".join(read_from(path, file, 0))))
    found = Content()
    read_on(found, read_from(path, file, found.size))
    return _undamaged(path, found)


def read_from(path: Path, file: BinaryIO, place: int) -> Iterator[bytes]:
    """The bytes of a run file from a place on, in blocks. Raises BadInput where they cannot be read.

    Between two blocks the file may be read elsewhere: a body's parts stand further up.
    """
    try:
        file.seek(place)
        while block := file.read(_BLOCK):
            yield block
            place += len(block)
            file.seek(place)
    except OSError as error:
        raise BadInput(f"run {str(path)!r} cannot be read: {error}") from error


@contextlib.contextmanager
def withheld(path: Path) -> Iterator[None]:
    """While it lasts no process opens this run or takes it over, so that it may be deleted.

    Raises Unavailable where a living process has it, OSError where there is no such file, BadInput where it is none.
    """
    fence = path.with_suffix(FENCE)
    with locked(path, 0), locked(fence, os.O_CREAT):
        try:
            yield
        finally:
            fence.unlink()


def parsed(path: Path, content: bytes) -> tuple[Content, int]:
    """What can be read of a run with this content, damage and all, and how many bytes a crash has left behind that.

    Raises BadInput where it is of a newer format, JournalDamaged where it does not begin as runs do.
    """
    today = _today(path, content)
    found = read(today)
    return found, 0 if found.damage else len(today) - found.size


# Who may write


def _unfence(fence: Path) -> bool:
    """Take away a fence that a dead process has left; False where a living one is behind it."""
    if not fence.exists():
        return True
    handle = lock(fence)
    if handle is None:
        return False
    fence.unlink(missing_ok=True)
    os.close(handle)
    return True


def sign_of(path: Path) -> Sign:
    """The sign of life of a run's owner. Raises BadInput where the run has gone."""
    with _told(path):
        there = path.stat()
        return there.st_ino, there.st_mtime_ns, there.st_size


def _owner(path: Path) -> str:
    """Who holds a run, as its record says."""
    owned = [event for event in read_events(path) if event.kind in (ACCEPTED, RESUMED) and "owner" in event.value]
    if not owned:
        return "another process"
    owner, since = owned[-1].value["owner"], datetime.fromtimestamp(owned[-1].at_ms / 1000, UTC)
    return f"process {owner['pid']} on {owner['host']!r} since {since:%Y-%m-%d %H:%M:%S} UTC (epoch {owned[-1].epoch})"


def _replaced(path: Path, held: int | None, content: bytes) -> int:
    """The handle of another file with this content, which stands in the run's place, whole or not at all."""
    beside = path.with_suffix(NEW)
    handle = lock(beside)
    if handle is None:
        raise BadInput(f"run {path.stem!r} is being replaced by another process; wait for it")
    try:
        os.ftruncate(handle, 0)
        write_all(handle, content)
        to_disk(handle)
        beside.replace(path)
        folder_to_disk(path.parent)
    except OSError:
        beside.unlink(missing_ok=True)
        os.close(handle)
        raise
    if held is not None:
        os.close(held)
    return handle


# Formats


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


def _format(path: Path, content: bytes) -> int:
    with contextlib.suppress(ValueError, TypeError, KeyError, OverflowError):
        return int(from_json(BytesIO(content).readline())["format"])
    raise JournalDamaged(f"run {str(path)!r} cannot be read: it does not begin as runs do; keep the file as it is")


def _read(path: Path, content: bytes) -> Content:
    return _undamaged(path, read(content))


def _undamaged(path: Path, found: Content) -> Content:
    if found.damage:
        raise JournalDamaged(f"run {str(path)!r} is {found.damage}; keep the file as it is")
    return found
