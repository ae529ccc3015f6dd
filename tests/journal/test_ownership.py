"""A run has one owner: a stopped one is taken over from, and what it does when it wakes counts for nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.journal import disk
from bullpen.orchestrator.journal.events import Entry, Event, first_break, link
from bullpen.orchestrator.journal.file import open_journal
from bullpen.orchestrator.journal.journal import Ways
from bullpen.orchestrator.journal.lines import closed_after, lines_of, read
from bullpen.orchestrator.journal.parts import Parts
from bullpen.orchestrator.journal.storage import read_events
from bullpen.orchestrator.journal.writer import Writer

OWNER = """
import sys, anyio
from pathlib import Path
from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.errors import Fenced
from bullpen.orchestrator.journal.events import Entry
from bullpen.orchestrator.journal.file import open_journal
from bullpen.orchestrator.journal.writer import Writer

async def main():
    journal = await open_journal(Path(sys.argv[1]), "job", SystemClock(), Writer(beat_s=0.01))
    n = 0
    while True:
        n += 1
        journal.append(Entry("worker.noted", {"n": n}))
        try:
            await journal.commit()
        except Fenced as error:
            print(error, flush=True)
            return
        print(n, flush=True)

anyio.run(main)
"""


async def take_over(path: Path, kind: str) -> list[Event]:
    with closing(Writer()) as writer:
        journal = await open_journal(path, "job", SystemClock(), writer, Ways(lease_s=0.2))
        journal.append(Entry(kind, {}))
        await journal.aclose()
    return read_events(path)


@pytest.mark.parametrize("stopped_after_s", [0.0, 0.001, 0.003, 0.005, 0.008])
def test_a_stopped_owner_is_fenced_when_it_wakes(tmp_path: Path, stopped_after_s: float) -> None:
    path = tmp_path / "job.run"
    child = subprocess.Popen([sys.executable, "-c", OWNER, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "1\n"
    time.sleep(stopped_after_s)  # somewhere in the middle of its writing, wherever that is
    os.kill(child.pid, signal.SIGSTOP)
    events = anyio.run(take_over, path, "a.new_owner")
    os.kill(child.pid, signal.SIGCONT)
    *acknowledged, told = child.communicate(timeout=30)[0].splitlines()

    assert "taken over by another process" in told
    assert read_events(path) == events
    assert first_break(events) is None
    assert [event.value["n"] for event in events[:-1]][: len(acknowledged) + 1] == list(range(1, len(acknowledged) + 2))
    assert (events[-1].kind, events[-1].epoch, events[0].epoch) == ("a.new_owner", 2, 1)
    assert [left.name for left in tmp_path.iterdir()] == ["job.run"]


def test_an_owner_that_lives_keeps_its_run(tmp_path: Path) -> None:
    path = tmp_path / "job.run"
    with subprocess.Popen([sys.executable, "-c", OWNER, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "1\n"
        with pytest.raises(BadInput, match="held by another process"):
            anyio.run(take_over, path, "a.new_owner")
        child.kill()

    assert anyio.run(take_over, path, "a.new_owner")[-1].kind == "a.new_owner"


def test_a_fence_that_a_dead_process_left_does_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "job.fence").touch()

    assert [event.kind for event in anyio.run(take_over, tmp_path / "job.run", "a.one")] == ["a.one"]
    assert [left.name for left in tmp_path.iterdir()] == ["job.run"]


def test_a_run_that_is_being_taken_over_is_left_alone(tmp_path: Path) -> None:
    fence = disk.lock(tmp_path / "job.fence")
    assert fence is not None
    with pytest.raises(BadInput, match="being taken over"):
        anyio.run(take_over, tmp_path / "job.run", "a.one")
    os.close(fence)


def test_epochs_never_decrease(tmp_path: Path) -> None:
    path = tmp_path / "job.run"
    events = [anyio.run(take_over, path, f"a.n{n}")[-1] for n in range(4)]
    assert [event.epoch for event in events] == [1, 2, 3, 4]

    late = events[-1]._replace(seq=5, epoch=2)
    late = late._replace(hash=link(events[-1].hash, late.head, late.body))
    content = path.read_bytes() + lines_of(late, late.head, Parts()) + b"\n" + closed_after(5) + b"\n"
    damage = read(content).damage
    assert damage is not None
    assert damage.reason == "it is of epoch 2, whose owner had lost the run to that of epoch 4"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused_by_name(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "_file_system", lambda folder: kind)
    with pytest.raises(BadInput, match=rf"is on {kind}, where locks .* `runs_dir`"):
        anyio.run(take_over, tmp_path / "job.run", "a.one")


def test_the_kind_of_a_file_system_is_known_here() -> None:
    assert disk._file_system(Path("/proc/self").resolve()) == "proc"


@contextmanager
def silent(folder: Path) -> Iterator[Path]:
    """A run whose owner lives and gives no sign of life."""
    path = folder / "silent.run"
    with subprocess.Popen([sys.executable, "-c", OWNER, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "1\n"
        os.kill(child.pid, signal.SIGSTOP)
        try:
            yield path
        finally:
            child.kill()
            child.stdout.close()


def test_while_held_runs_are_waited_for_commits_and_signs_of_life_go_on(tmp_path: Path) -> None:
    ways = Ways(lease_s=60)

    async def run(held: Path) -> list[int]:
        with closing(Writer(beat_s=0.01)) as writer:
            mine = await open_journal(tmp_path / "mine.run", "mine", SystemClock(), writer)
            async with anyio.create_task_group() as group:
                for _ in range(2 * int(to_thread.current_default_thread_limiter().total_tokens)):
                    group.start_soon(open_journal, held, "job", SystemClock(), writer, ways)
                await anyio.sleep(0.1)
                with anyio.fail_after(10):
                    mine.append(Entry("worker.noted", {}))
                    await mine.commit()
                    await anyio.to_thread.run_sync(read_events, tmp_path / "mine.run")
                    touched = [(tmp_path / "mine.run").stat().st_mtime_ns]
                    while len(set(touched)) < 3:
                        await anyio.sleep(0.01)
                        touched.append((tmp_path / "mine.run").stat().st_mtime_ns)
                group.cancel_scope.cancel()
            await mine.aclose()
        return touched

    with silent(tmp_path) as held:
        anyio.run(run, held)

    assert [event.kind for event in read_events(tmp_path / "mine.run")] == ["worker.noted"]


def test_of_two_that_wait_for_the_same_owner_one_takes_the_run_over(tmp_path: Path) -> None:
    ended: list[str] = []

    async def run(held: Path) -> None:
        with closing(Writer()) as writer:

            async def take() -> None:
                try:
                    journal = await open_journal(held, "job", SystemClock(), writer, Ways(lease_s=0.2))
                except BadInput as error:
                    ended.append(str(error))
                    return
                await anyio.sleep(0.5)
                journal.append(Entry("worker.noted", {"mine": True}))
                await journal.aclose()
                ended.append("taken over")

            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(take)

    with silent(tmp_path) as held:
        anyio.run(run, held)

    assert ended.count("taken over") == 1, ended
    assert [event.value.get("mine") for event in read_events(tmp_path / "silent.run")][-1] is True
