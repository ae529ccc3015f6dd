"""Both journals keep the contract; the file also survives what happens to files."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest

from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.errors import BadInput, JournalDamaged, Refused
from bullpen.orchestrator.journal.events import Entry, Event, Journal, Ways
from bullpen.orchestrator.journal.file import is_held, open_journal, read_events
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.writer import Writer
from bullpen.orchestrator.testing.contracts import JournalContract, Reader


@pytest.mark.anyio
class TestInMemoryJournal(JournalContract):
    @asynccontextmanager
    async def open(self, ways: Ways) -> AsyncIterator[tuple[Journal, Reader]]:
        journal = InMemoryJournal("job", SystemClock(), ways)
        yield journal, lambda: list(journal.events)
        await journal.aclose()


@pytest.mark.anyio
class TestFileJournal(JournalContract):
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"  # a thread door: virtual time cannot see its thread

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "job.run"

    @asynccontextmanager
    async def open(self, ways: Ways) -> AsyncIterator[tuple[Journal, Reader]]:
        with closing(Writer()) as writer:
            journal = await open_journal(self.path, "job", SystemClock(), writer, ways)
            try:
                yield journal, lambda: read_events(self.path)
            finally:
                await journal.aclose()


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Journal]:
    with closing(Writer()) as writer:
        journal = await open_journal(path, "job", SystemClock(), writer)
        try:
            yield journal
        finally:
            await journal.aclose()


def reopen(path: Path) -> None:
    async def open_and_close() -> None:
        async with opened(path):
            pass

    anyio.run(open_and_close)


def write(path: Path, *kinds: str) -> list[Event]:
    """A finished file with an event of each kind."""

    async def append() -> None:
        async with opened(path) as journal:
            for kind in kinds:
                journal.append(Entry(kind, {"kind": kind}))

    anyio.run(append)
    return read_events(path)


def test_a_closed_journal_is_one_file(tmp_path: Path) -> None:
    write(tmp_path / "job.run", "a.b")

    assert [path.name for path in tmp_path.iterdir()] == ["job.run"]


def test_a_reopened_journal_goes_on_where_it_ended(tmp_path: Path) -> None:
    write(tmp_path / "job.run", "a.one", "a.two")
    events = write(tmp_path / "job.run", "a.three")

    assert [(event.seq, event.kind) for event in events] == [(1, "a.one"), (2, "a.two"), (3, "a.three")]
    assert events[2].prev == events[1].hash


def test_a_second_owner_is_told_who_holds_the_run(tmp_path: Path) -> None:
    path = tmp_path / "job.run"

    async def hold_twice() -> None:
        async with opened(path):
            assert is_held(path)
            with pytest.raises(BadInput, match="held by another process"):
                async with opened(path):
                    pass

    anyio.run(hold_twice)
    assert not is_held(path)


@pytest.mark.parametrize("column", ["kind", "prev", "hash", "sender"])
def test_a_changed_event_is_named(tmp_path: Path, column: str) -> None:
    path = tmp_path / "job.run"
    write(path, "a.one", "a.two", "a.three")
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE events SET {column} = 'x' WHERE seq = 2")
    connection.close()

    with pytest.raises(JournalDamaged, match="event 2"):
        reopen(path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "job.run"
    write(path, "a.one")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(BadInput, match="format 99"):
        read_events(path)


def test_a_file_that_is_no_run_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "job.run"
    path.write_bytes(b"not a database" * 100)

    with pytest.raises(JournalDamaged, match=r"job\.run"):
        read_events(path)


@pytest.mark.parametrize("size", [0, 1, 4096, 9000])
def test_a_file_whose_making_was_cut_short_holds_nothing(tmp_path: Path, size: int) -> None:
    path = tmp_path / "job.run"
    write(path)
    path.write_bytes(path.read_bytes()[:size])

    assert read_events(path) == []


def test_a_full_disk_is_bad_input_when_a_run_is_made(tmp_path: Path) -> None:
    """A bound on the size of files stands for the full disk: the first write of the file fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(BadInput, match=r"cannot be opened: .*too large"):
            reopen(tmp_path / "job.run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert not (tmp_path / "job.run").exists()


def test_a_closed_writer_says_so_and_does_not_wait_for_ever(tmp_path: Path) -> None:
    writer = Writer()
    writer.close()
    with pytest.raises(Refused, match="closed"):
        anyio.run(open_journal, tmp_path / "job.run", "job", SystemClock(), writer)


def test_a_folder_that_is_a_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInput, match="cannot be written"):
        reopen(tmp_path / "file" / "job.run")


CHILD = """
import sys, anyio
from pathlib import Path
from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.journal.events import Entry
from bullpen.orchestrator.journal.file import open_journal
from bullpen.orchestrator.journal.writer import Writer

async def main():
    journal = await open_journal(Path(sys.argv[1]), "job", SystemClock(), Writer())
    n = 0
    while True:
        n += 1
        journal.append(Entry("worker.noted", {"n": n}))
        await journal.commit()
        print(n, flush=True)

anyio.run(main)
"""


@pytest.mark.parametrize("acknowledged", [1, 7, 40])
def test_what_a_killed_process_had_committed_is_there(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "job.run"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    last = 0
    for line in child.stdout:
        last = int(line)
        if last >= acknowledged:
            break
    os.kill(child.pid, signal.SIGKILL)
    rest = child.stdout.read().split()
    child.stdout.close()
    child.wait()
    last = int(rest[-1]) if rest else last

    assert not is_held(path)
    assert [event.value["n"] for event in read_events(path)][:last] == list(range(1, last + 1))
