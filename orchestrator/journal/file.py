"""A job's journal in one SQLite file: write-ahead log, `synchronous=FULL`, one writer, group commit.

While the process that owns a run lives, it holds an OS lock on `<run>.lock`; the lock goes with the process however
it dies, so a run without a terminal event and without a holder is known to be interrupted. Finished runs are one file.
Defaults: FAULTS §7 of the design notes; the schema is complete for resume, though resuming is not built yet.
"""

import asyncio
import contextlib
import fcntl
import functools
import os
import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import anyio

from ..clock import Clock
from ..errors import BadInput, JournalDamaged, Unavailable
from .events import PLAINLY, Chain, Entry, Event, Ways
from .writer import Writer

FORMAT = 1
#: The longest that an event waits for others to share its transaction, in seconds.
GROUP_S = 0.05
SUFFIX = ".run"

_SCHEMA = f"""
CREATE TABLE bodies (body_hash TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE events (
  seq INTEGER NOT NULL, job TEXT NOT NULL, task TEXT NOT NULL, step TEXT NOT NULL, phase TEXT NOT NULL,
  epoch INTEGER NOT NULL, kind TEXT NOT NULL, at_ms INTEGER NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
  body_hash TEXT NOT NULL REFERENCES bodies, prev TEXT NOT NULL, hash TEXT NOT NULL,
  PRIMARY KEY (job, seq)
);
CREATE UNIQUE INDEX step_has_one_result ON events (job, step) WHERE phase = 'result';
CREATE UNIQUE INDEX job_ends_once ON events (job) WHERE kind = 'job.finished';
PRAGMA user_version = {FORMAT};
"""
_PRAGMAS = ("synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON", "trusted_schema=OFF")
_COLUMNS = tuple(name for name in Event._fields if name != "body")
_BODY = Event._fields.index("body")
_INSERT = f"INSERT INTO events ({', '.join(_COLUMNS)}) VALUES"
#: The most rows of one statement: SQLite takes 32,766 parameters.
_ROWS_MOST = 500
_SELECT = f"SELECT {', '.join(Event._fields)} FROM events JOIN bodies USING (body_hash)"  # noqa: S608


class FileJournal:
    """One job's events in a file. Made by `open_journal`; only one process may hold it. For asyncio.

    What is appended is written with the next commit, or by itself when none comes within `GROUP_S`.
    """

    def __init__(self, file: "_File", chain: Chain, writer: Writer) -> None:
        self._file, self._chain, self._writer = file, chain, writer
        self._pending: list[Event] = []
        self._durable = chain.seq
        #: Set when the write under way has ended; None when there is none.
        self._writing: anyio.Event | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._error: BaseException | None = None
        self._closed = False

    def append(self, entry: Entry) -> Event:
        """Put an entry on record; it is in the file after the next commit, or in `GROUP_S` seconds."""
        event = self._chain.seal(entry)
        self._pending.append(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GROUP_S, self._write_pending)
        return event

    def result_of(self, step: str) -> Event | None:
        """The one result of a step, if there is one."""
        return self._chain.result_of(step)

    async def commit(self) -> None:
        """Return when everything appended so far is on disk. Waiting commits share one transaction.

        Raises Unavailable when the file cannot be written; nothing appended is forgotten, a later commit tries again.
        """
        target = self._chain.seq
        while self._durable < target:
            self._write_pending()
            assert self._writing is not None
            await self._writing.wait()
            if self._error is not None:
                raise self._error

    def _write_pending(self) -> None:
        """Begin to write what is pending, unless a write is under way: whoever waits for that one begins the next."""
        self._stop_timer()
        if self._writing is not None or not self._pending:
            return
        batch, self._pending, self._writing = self._pending, [], anyio.Event()
        self._writer.submit(partial(self._file.write, batch), partial(self._written, batch))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _written(self, batch: list[Event], error: BaseException | None) -> None:
        assert self._writing is not None
        ended, self._writing, self._error = self._writing, None, error
        if error is None:
            self._durable = batch[-1].seq
        else:
            self._pending[:0] = batch  # rolled back: still to be written
        ended.set()

    async def aclose(self) -> None:
        """Commit, fold the write-ahead log into the file and let go of it."""
        if self._closed:
            return
        self._closed = True
        with anyio.CancelScope(shield=True):
            try:
                await self.commit()
            finally:
                self._stop_timer()
                await self._writer.run(self._file.release)


class _File:
    """The connection that writes a run and the lock that keeps others from it. Every method blocks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = _take_lock(path)
        try:
            _write_blank(path)
            self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in _PRAGMAS:
                self.connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            os.close(self._lock)
            raise

    def write(self, batch: Sequence[Event]) -> None:
        rows = [event[:_BODY] + event[_BODY + 1 :] for event in batch]
        bodies = [(event.body_hash, event.body) for event in batch]
        try:
            with self._transaction() as connection:
                for start in range(0, len(batch), _ROWS_MOST):
                    _insert(connection, "INSERT OR IGNORE INTO bodies VALUES", bodies[start : start + _ROWS_MOST])
                    _insert(connection, _INSERT, rows[start : start + _ROWS_MOST])
        except sqlite3.OperationalError as error:
            raise Unavailable(f"run {str(self.path)!r} cannot be written: {error}; free room and resume") from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def release(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()
        _lock_path(self.path).unlink(missing_ok=True)
        os.close(self._lock)


async def open_journal(path: Path, job: str, clock: Clock, writer: Writer, ways: Ways = PLAINLY) -> FileJournal:
    """Make or open the journal of a job, to be written by `writer`.

    Raises BadInput where the folder cannot be written or another process holds the run, JournalDamaged where the
    events in it do not hold together.
    """
    file, events = await writer.run(_open, path, job)
    try:
        return FileJournal(file, Chain(job, clock, ways, events), writer)
    except JournalDamaged:
        await writer.run(file.release)
        raise


def _open(path: Path, job: str) -> tuple[_File, list[Event]]:
    try:
        file = _File(path)
        return file, _events(file.connection, job)
    except (sqlite3.Error, OSError) as error:
        raise BadInput(f"run {str(path)!r} cannot be opened: {error}; name another folder for runs") from error


def read_events(path: Path) -> list[Event]:
    """All events of a run file, in order, without changing it. Blocking.

    Raises BadInput where there is no such run or it is of a newer format, JournalDamaged where it cannot be read.
    """
    if not path.exists():
        raise BadInput(f"run {str(path)!r} does not exist; `bullpen jobs` lists what there is")
    try:
        if _is_unborn(path):
            return []
        # A run with no log beside it is read as immutable: any other reader would leave an empty log there.
        how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > FORMAT:
                raise BadInput(f"run {str(path)!r} has format {version}; this Bullpen reads up to {FORMAT}: upgrade it")
            return _events(connection, None)
    except sqlite3.Error as error:
        raise JournalDamaged(f"run {str(path)!r} cannot be read: {error}; keep the file as it is") from error


def is_held(path: Path) -> bool:
    """Whether a living process holds the run."""
    try:
        handle = os.open(_lock_path(path), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _lock_path(path: Path) -> Path:
    return path.with_suffix(".lock")


def _take_lock(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(_lock_path(path), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadInput(f"folder {str(path.parent)!r} cannot be written: {error.strerror}; name another one") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise BadInput(f"run {path.stem!r} is held by another process; wait for it or cancel it") from error
    return handle


@functools.cache
def _blank() -> bytes:
    """An empty journal, ready to be written: making one anew costs a job a millisecond.

    Bytes 18 and 19 say that it is kept in a write-ahead log. Source: SQLite's file format, §1.3.2.
    """
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_SCHEMA)
        content = bytearray(connection.serialize())
    content[18:20] = b"\x02\x02"
    return bytes(content)


def _is_unborn(path: Path) -> bool:
    """Whether its process was killed while it made the file, before anything was accepted."""
    size = path.stat().st_size
    return size < len(_blank()) and path.read_bytes() == _blank()[:size]


def _insert(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert all rows with one statement: each statement costs a hand-over between threads, and each row would."""
    marks = f"({', '.join('?' * len(rows[0]))})"
    connection.execute(f"{statement} {', '.join([marks] * len(rows))}", [value for row in rows for value in row])


def _write_blank(path: Path) -> None:
    """Put an empty journal where there is none, whole and on disk before anything is written to it."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_blank())
            file.flush()
            os.fsync(handle)
    except OSError:
        path.unlink()  # nothing was accepted: no half a file stays behind
        raise


def _events(connection: sqlite3.Connection, job: str | None) -> list[Event]:
    where = " WHERE job = ?" if job is not None else ""
    rows = connection.execute(f"{_SELECT}{where} ORDER BY job, seq", (job,) if job is not None else ())
    return [Event(*row) for row in rows]
