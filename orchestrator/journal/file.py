"""A job's journal in one file of lines, appended and never altered, with one writer.

`lines` has their form, `storage` the file. A commit is one `write` and one `fdatasync`, shared by all who wait for it.
"""

import asyncio
import contextlib
import logging
from collections import deque
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from ..clock import Clock
from ..errors import BadInput, BullpenError, StorageFull
from .events import Entry, Event
from .journal import PLAINLY, Chain, Ways
from .lines import closed_after, lines_of
from .parts import Parts
from .past import Past
from .record import LEAST, open_record
from .storage import Held, RunFile, open_file, sign_of, take_over
from .writer import Writer

#: The longest that an event waits for others to share its commit, in seconds.
GROUP_S = 0.05
#: How often a write for which there was no room is tried again, in seconds.
_ROOM_EVERY_S = 1.0
#: How often a run is looked at within its holder's lease, before it is taken over.
_LOOKS = 100
FULL = "journal.storage_full"
_LOG = logging.getLogger("bullpen")


class FileJournal:
    """One job's events in a file. Made by `open_journal`; only one process may hold it. For asyncio.

    What is appended is written with the next commit, or by itself when none comes within `GROUP_S`.
    """

    def __init__(self, file: RunFile, chain: Chain, parts: Parts, writer: Writer) -> None:
        self._file, self._chain, self._parts, self._writer = file, chain, parts, writer
        self._pending: list[bytes] = []
        #: How many events have been appended, and how many of them are on disk.
        self._appended = self._durable = chain.seq
        #: Who waits for how many events to be on disk, in the order in which they came.
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._is_writing = self._is_called = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        #: Since when there is no room, on the event loop's clock; 0 where there is.
        self._full_since_s = 0.0
        writer.beats.add(file.beat)

    @property
    def past(self) -> Past:
        """What was on record when it was opened."""
        return self._chain.past

    def append(self, entry: Entry) -> Event:
        """Put an entry on record; it is in the file after the next commit, or in `GROUP_S` seconds."""
        if said := self._chain.said(entry):
            return said
        event, head = self._chain.seal(entry)
        self._pending.append(lines_of(event, head, self._parts))
        self._appended += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GROUP_S, self._write_in_time)
        self._chain.tell(event)
        return event

    def result_of(self, step: str) -> Event | None:
        """The one result of a step, if there is one."""
        return self._chain.result_of(step)

    async def commit(self) -> None:
        """Return when everything appended so far is on disk. Waiting commits share one write.

        Waits where there is no room on the disk until there is. Raises Unavailable when the file cannot be written for
        another reason; nothing appended is forgotten.
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
            self._has_room()
        else:
            self._pending[:0] = batch  # nothing of it is in the file: still to be written
        if isinstance(error, StorageFull) and not self._closed:
            self._wait_for_room(error)
            return
        while self._waiting and (error is not None or self._waiting[0][0] <= self._durable):
            _end(self._waiting.popleft()[1], error)
        if self._waiting:
            self._write_soon()

    def _wait_for_room(self, error: StorageFull) -> None:
        """Whoever waits for a commit waits on: nothing begins that there is no room to put on record."""
        loop = asyncio.get_running_loop()
        if not self._full_since_s:
            self._full_since_s = loop.time()
            _LOG.warning("%s: the job waits for it", error)
            self._chain.ways.on_full(str(error))
        self._stop_timer()
        self._timer = loop.call_later(_ROOM_EVERY_S, self._write_in_time)

    def _has_room(self) -> None:
        if since_s := self._full_since_s:
            self._full_since_s = 0.0
            self._chain.ways.on_full("")
            if not self._chain.has_ended:
                seconds = round(asyncio.get_running_loop().time() - since_s, 1)
                self.append(Entry(FULL, {"seconds": seconds}, task="job", sender="journal", recipient="user"))

    async def aclose(self) -> None:
        """Commit and let go of the file."""
        if self._closed:
            return
        self._closed = True
        with anyio.CancelScope(shield=True):
            try:
                await self.commit()
                if self._appended > len(self.past.events):
                    await self._writer.run(self._file.write, [closed_after(self._appended)])
            finally:
                self._stop_timer()
                self._writer.beats.discard(self._file.beat)
                self._file.release()
        if self._appended > len(self.past.events):
            await self._index()

    async def _index(self) -> None:
        """Make the index of a long run, so that nobody who looks at it waits for that; a reader would make it too.

        Not in the writer's thread: others' commits would wait.
        """
        if self._appended >= LEAST:
            with contextlib.suppress(BullpenError):  # it is derived: whoever reads the run is told what is wrong
                await asyncio.to_thread(open_record, self._file.path)


def _end(waiting: asyncio.Future[None], error: BaseException | None) -> None:
    if waiting.done():
        return  # whoever waited was cancelled
    if error is None:
        waiting.set_result(None)
    else:
        waiting.set_exception(error)


async def open_journal(path: Path, job: str, clock: Clock, writer: Writer, ways: Ways = PLAINLY) -> FileJournal:
    """Make or open the journal of a job, to be written by `writer`. Waits for a sign of life where somebody holds it.

    Not in the writer's thread: the commits and the signs of life of other jobs go on meanwhile. Raises Refused where
    the writer is closed, BadInput where the folder cannot be written, a living process holds the run or it is another
    job's, JournalDamaged where the events in it do not hold together.
    """
    writer.check()
    try:
        file, found = await to_thread.run_sync(open_file, path)
    except Held as held:
        await _watch(path, held, ways.lease_s)
        file, found = await to_thread.run_sync(take_over, path, held.sign)
    if found.events and found.events[0].job != job:
        file.release()
        raise BadInput(
            f"run {str(path)!r} is of job {found.events[0].job!r}, not {job!r}; move it to a name of its own"
        )
    return FileJournal(file, Chain(job, clock, ways, Past(found.events)), found.parts, writer)


async def _watch(path: Path, held: Held, lease_s: float) -> None:
    """Return when a run's holder has given no sign of life for its lease; raises `held` when it gives one.

    Looks are counted and not the time: while this process is held up itself, it sees nobody's signs. A change is looked
    for and not an age, so that no clock need be right.
    """
    for _ in range(_LOOKS):
        await anyio.sleep(lease_s / _LOOKS)
        if await to_thread.run_sync(sign_of, path) != held.sign:
            raise held
