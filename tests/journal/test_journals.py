"""Both journals keep the contract; the file also survives what happens to files."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.errors import BadInput, JournalDamaged, Refused
from bullpen.orchestrator.journal import file
from bullpen.orchestrator.journal.events import ACCEPTED, Entry, Event, first_break
from bullpen.orchestrator.journal.file import open_journal
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.journal import Journal, Ways
from bullpen.orchestrator.journal.lines import HEADER, closed_after, lines_of
from bullpen.orchestrator.journal.parts import Parts
from bullpen.orchestrator.journal.storage import is_held, read_events
from bullpen.orchestrator.journal.writer import Writer
from bullpen.orchestrator.testing.contracts import JournalContract, Reader

FORMATS = Path(__file__).parent / "formats"


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
async def opened(path: Path, job: str = "job") -> AsyncIterator[Journal]:
    with closing(Writer()) as writer:
        journal = await open_journal(path, job, SystemClock(), writer)
        try:
            yield journal
        finally:
            await journal.aclose()


def reopen(path: Path) -> None:
    async def open_and_close() -> None:
        async with opened(path):
            pass

    anyio.run(open_and_close)


def write(path: Path, *kinds: str, job: str = "job") -> list[Event]:
    """A finished file with an event of each kind."""

    async def append() -> None:
        async with opened(path, job) as journal:
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
    assert first_break(events) is None


def test_a_second_owner_is_told_who_holds_the_run(tmp_path: Path) -> None:
    path = tmp_path / "job.run"

    async def hold_twice() -> None:
        with closing(Writer(beat_s=0.01)) as writer:
            journal = await open_journal(path, "job", SystemClock(), writer)
            assert is_held(path)
            with pytest.raises(BadInput, match="held by another process"):
                async with opened(path):
                    pass
            journal.append(Entry(ACCEPTED, {"owner": {"pid": 7, "host": "here"}}))
            await journal.commit()
            with pytest.raises(BadInput, match=r"held by process 7 on 'here' since 20.* UTC \(epoch 1\)"):
                async with opened(path):
                    pass
            await journal.aclose()

    anyio.run(hold_twice)
    assert not is_held(path)


@pytest.mark.parametrize("field", Event._fields)
def test_a_changed_event_is_named(tmp_path: Path, field: str) -> None:
    path = tmp_path / "job.run"
    events = write(path, "a.one", "a.two", "a.three")
    old = getattr(events[1], field)
    new: Any = old + 1 if isinstance(old, int) else f"{old[:-1]}x"
    changed = events[1]._replace(**{field: new})
    there, here = (lines_of(event, event.head, Parts()) for event in (events[1], changed))
    assert there in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(there, here))

    for look in (reopen, read_events):
        with pytest.raises(JournalDamaged, match=r"damaged at event 2: .*; 1 later commits"):
            look(path)


def test_an_event_that_was_taken_out_is_named(tmp_path: Path) -> None:
    path = tmp_path / "job.run"
    second = write(path, "a.one", "a.two", "a.three")[1]
    path.write_bytes(path.read_bytes().replace(lines_of(second, second.head, Parts()), b""))

    with pytest.raises(JournalDamaged, match="event 2: event 3 stands in its place"):
        reopen(path)


@pytest.mark.parametrize(
    "line", [b"", b'{"seq":2}', b"{}", b"[]", b"1", b'{"part":"x"}', b'{"part":1,"text":2}', b'{"closed":7}']
)
def test_a_line_that_is_no_event_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "job.run"
    write(path, "a.one")
    path.write_bytes(path.read_bytes() + line + b"\n\n" + closed_after(1) + b"\n")

    with pytest.raises(JournalDamaged, match="event 2"):
        read_events(path)


def test_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "job.run"
    path.write_bytes(b'{"format":99}\n')

    with pytest.raises(BadInput, match=r"format 99; this Bullpen reads up to 3"):
        read_events(path)


def test_a_run_of_format_2_is_read_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "job.run"
    path.write_bytes((FORMATS / "2.run").read_bytes().rsplit(b"\n", 2)[0] + b"\n")  # without its end
    events = read_events(path)
    again = write(path, "a.more", job=events[0].job)

    assert [event.kind for event in events] == ["job.accepted", "model.asked", "model.answered"]
    assert events[1].value["inputs"]["text"] == 'ünïcode 😀 and \x00, "hash":"x" and ,"body":'
    assert again[:3] == events
    assert first_break(again) is None
    assert path.read_bytes().startswith(HEADER)


def test_a_damaged_run_of_format_2_is_named(tmp_path: Path) -> None:
    path = tmp_path / "job.run"
    path.write_bytes((FORMATS / "2.run").read_bytes().replace(b"ferry", b"fairy"))

    with pytest.raises(JournalDamaged, match="damaged at event 1"):
        read_events(path)


def test_a_file_that_is_no_run_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "job.run"
    path.write_bytes(b"not a run" * 100)

    with pytest.raises(JournalDamaged, match=r"job\.run"):
        read_events(path)


def test_what_a_crash_has_cut_off_is_left_out_and_written_over(tmp_path: Path) -> None:
    """Wherever the last write was cut: the events before it are there, and the run goes on."""
    path = tmp_path / "job.run"
    whole = write(path, "a.one", "a.two")
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        kept = read_events(path)
        assert kept == whole[: content[:size].count(b'"}\n')]
        if size % 50 == 0:
            assert write(path, "a.again")[:-1] == kept


def test_a_full_disk_is_bad_input_when_a_run_is_made(tmp_path: Path) -> None:
    """A bound on the size of files stands for the full disk: the first write of the file fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5, hard))
    try:
        with pytest.raises(BadInput, match=r"cannot be opened: .*too large"):
            reopen(tmp_path / "job.run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert not (tmp_path / "job.run").exists()


def test_what_a_full_disk_refused_is_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "job.run"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(file, "_ROOM_EVERY_S", 0.01)

    async def fill() -> None:
        async with opened(path) as journal:
            journal.append(Entry("a.one", {}))
            await journal.commit()
            journal.append(Entry("a.two", "long" * 1000))
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
            try:
                with anyio.move_on_after(0.1) as waiting:
                    await journal.commit()
                assert waiting.cancelled_caught
                assert [event.kind for event in read_events(path)] == ["a.one"]
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            await journal.commit()
            assert [event.kind for event in read_events(path)] == ["a.one", "a.two"]
            journal.append(Entry("a.three", {}))

    anyio.run(fill)
    assert [event.kind for event in read_events(path)] == ["a.one", "a.two", "journal.storage_full", "a.three"]
    assert first_break(read_events(path)) is None


def test_whoever_waits_for_a_commit_may_leave(tmp_path: Path) -> None:
    path = tmp_path / "job.run"

    async def leave() -> None:
        async with opened(path) as journal:
            journal.append(Entry("a.one", {}))
            with anyio.CancelScope() as scope:
                scope.cancel()
                await journal.commit()
            journal.append(Entry("a.two", {}))
            await journal.commit()

    anyio.run(leave)
    assert [event.kind for event in read_events(path)] == ["a.one", "a.two"]


def test_a_closed_writer_says_so_and_does_not_wait_for_ever(tmp_path: Path) -> None:
    writer = Writer()
    writer.close()
    with pytest.raises(Refused, match="closed"):
        anyio.run(open_journal, tmp_path / "job.run", "job", SystemClock(), writer)


def test_a_folder_that_is_a_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInput, match="file' is a file and no folder; move it away"):
        reopen(tmp_path / "file" / "job.run")
    with pytest.raises(BadInput, match="cannot be written"):
        reopen(tmp_path / "file" / "runs" / "job.run")


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
