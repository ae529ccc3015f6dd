"""What is deleted is what a rule names, never what a process has; links are not followed."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.errors import BadInput, Unavailable
from bullpen.orchestrator.journal.clearing import Ended, delete, ended_runs, leftovers, outdated, remove
from bullpen.orchestrator.journal.lines import HEADER
from bullpen.orchestrator.journal.storage import Held, is_held, open_file, read_events, take_over, withheld

from .making import ASKED, FORMATS, LONG, age, committed, ended, events_of, put_run

DAY_MS = 86_400_000
NOW_MS = 100 * DAY_MS
SOCK = ".sock"


def an_ended(n: int, at_ms: int) -> Ended:
    return Ended(Path(f"{n:03}.run"), f"{n:03}", "ok", at_ms, 1, "", (n, 1, 1))


@contextmanager
def held(path: Path) -> Iterator[None]:
    """As a living process holds it."""
    handle = os.open(path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield
    os.close(handle)


def listen(path: Path) -> Path:
    """The socket of a process that is gone."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Too old, too many


@given(
    st.lists(st.integers(0, NOW_MS + DAY_MS), max_size=12).map(lambda at: [an_ended(*run) for run in enumerate(at)]),
    st.none() | st.integers(0, 102),
    st.none() | st.integers(0, 13),
)
def test_a_run_goes_where_it_is_older_or_enough_are_newer(
    runs: list[Ended], days: int | None, most: int | None
) -> None:
    gone = outdated(runs, NOW_MS, days=days, most=most)
    kept = [run for run in runs if run not in gone]

    assert [run.at_ms for run in gone] == sorted(run.at_ms for run in gone)
    for run in runs:
        newer = sum((other.at_ms, other.job) > (run.at_ms, run.job) for other in runs)
        is_old = days is not None and NOW_MS - run.at_ms > days * DAY_MS
        assert (run in gone) == (is_old or (most is not None and newer >= most))
    assert most is None or len(kept) <= most
    assert max((run.at_ms for run in gone), default=0) <= min((run.at_ms for run in kept), default=NOW_MS * 2)


def test_only_runs_that_have_ended_are_chosen(tmp_path: Path) -> None:
    put_run(tmp_path, "ended", at_ms=5)
    put_run(tmp_path, "interrupted", ASKED)
    put_run(tmp_path, "shape", ASKED, ended("shape", claims=3))
    put_run(tmp_path, "damaged").write_bytes(committed(events_of("damaged", ASKED, LONG)).replace(b"bus", b"bun"))
    (tmp_path / "unborn.run").write_bytes(HEADER)
    (tmp_path / "link.run").symlink_to(put_run(tmp_path, "elsewhere").rename(tmp_path / "elsewhere"))
    (tmp_path / "folder.run").mkdir()
    held_run = put_run(tmp_path, "held", ASKED)
    with held(held_run):
        of_both = {run.job: run for run in ended_runs(tmp_path, interrupted=True)}
        (only,) = ended_runs(tmp_path, interrupted=False)

    assert sorted(of_both) == ["ended", "interrupted"]
    assert (only.job, only.status, only.at_ms, only.question) == ("ended", "ok", 5, "What did the night bus cost?")
    assert only.size == (tmp_path / "ended.run").stat().st_size


def test_a_run_goes_with_what_stands_beside_it_and_a_link_alone(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    put_run(runs, "a")
    put_run(runs, "b")
    (runs / "a.new").write_bytes(b"half")
    (runs / "a.sock").symlink_to(listen(tmp_path / "control"))
    (runs / "a.md").write_bytes(b"mine")
    (runs / "a.idx").write_bytes(b"index")
    (runs / "a.log").write_bytes(b"printed")
    run, _ = ended_runs(runs, interrupted=False)
    delete(run, SOCK)

    assert names(runs) == ["a.md", "b.run"]
    assert (tmp_path / "control").is_socket()


def test_what_a_process_has_got_in_the_meantime_is_left(tmp_path: Path) -> None:
    path = put_run(tmp_path, "job", ASKED)
    (run,) = ended_runs(tmp_path, interrupted=True)
    with held(path), pytest.raises(Unavailable, match=r"'job\.run' is held"):
        delete(run, SOCK)
    (tmp_path / "job.fence").touch()
    with held(tmp_path / "job.fence"), pytest.raises(Unavailable, match=r"'job\.fence' is held"):
        delete(run, SOCK)
    content = path.read_bytes()
    file, _ = open_file(path)
    file.write([])  # another owner has come and gone
    file.release()
    with pytest.raises(Unavailable, match="was gone on with"):
        delete(run, SOCK)

    assert path.read_bytes().startswith(content)
    assert names(tmp_path) == ["job.run"]


def test_who_opens_a_run_while_it_is_deleted_does_not_get_it(tmp_path: Path) -> None:
    path = put_run(tmp_path, "job")
    with withheld(path):
        assert is_held(path)
        with pytest.raises(Held, match="is held by") as caught:
            open_file(path)
        with pytest.raises(BadInput, match="is being taken over by another process"):
            take_over(path, caught.value.sign)
        path.unlink()
        with pytest.raises(BadInput, match="does not exist"):
            read_events(path)

    assert names(tmp_path) == []


def test_a_link_that_has_come_in_the_place_of_a_run_is_not_followed(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    path = put_run(runs, "job")
    (run,) = ended_runs(runs, interrupted=False)
    path.rename(tmp_path / "mine.run")
    path.symlink_to(tmp_path / "mine.run")
    with pytest.raises(BadInput, match="is a link where only a regular file is opened"):
        delete(run, SOCK)

    assert path.is_symlink()
    assert read_events(tmp_path / "mine.run")


# Left over


HALF = ("ended.new", "ended.fence", "none.fence", "copy.run.half-made", "none.idx", "none.log", "ended.idx-7-7")


def litter(folder: Path) -> list[str]:
    """Fill a folder with what may go; the names of that."""
    before = names(folder)
    for name in HALF:
        (folder / name).write_bytes(b"half")
        age(folder / name)
    put_run(folder, "ended")
    listen(folder / "ended.sock")
    (folder / "none.sock").symlink_to(folder / "nowhere")
    unborn = {"zero": b"", "header": HEADER, "nul": bytes(99), "torn": HEADER + b'{"seq":1,"jo'}
    for name, content in unborn.items():
        (folder / f"{name}.run").write_bytes(content)
        age(folder / f"{name}.run")
    return sorted(set(names(folder)) - {*before, "ended.run"})


def treasure(folder: Path) -> None:
    """Fill a folder with what looks like that, and is not to go."""
    others = {"other.run": b"mine", "later.run": b'{"format":9}\n', "old.run": (FORMATS / "2.run").read_bytes()}
    for name, content in {**others, "mine.sock": b"mine", "README.md": b"", "a.fence.txt": b""}.items():
        (folder / name).write_bytes(content)
        age(folder / name)
    age(put_run(folder, "interrupted", ASKED))
    (folder / "young.run").write_bytes(HEADER)
    (folder / "young.log").write_bytes(b"")
    (folder / "other.idx").write_bytes(b"")
    (folder / "other.idx-7-7").write_bytes(b"")
    (folder / "mine.fence").symlink_to(folder / "README.md")
    (folder / "mine.new").mkdir()
    (folder / "far").write_bytes(HEADER)
    (folder / "link.run").symlink_to(age(folder / "far"))
    listen(folder / "link.sock")


def test_what_no_run_needs_goes_and_nothing_else(tmp_path: Path) -> None:
    treasure(tmp_path)
    before = names(tmp_path)
    assert leftovers(tmp_path, SOCK) == []
    expected = litter(tmp_path)
    found = leftovers(tmp_path, SOCK)
    assert [left.path.name for left in found] == expected
    assert {left.path.name: left.size for left in found if left.size} == {
        **dict.fromkeys(HALF, 4),
        "none.sock": len(str(tmp_path / "nowhere")),
        "header.run": len(HEADER),
        "nul.run": 99,
        "torn.run": len(HEADER) + 12,
    }

    for left in found:
        remove(left, SOCK)
    assert names(tmp_path) == sorted([*before, "ended.run"])


def test_what_a_living_process_has_is_not_left_over(tmp_path: Path) -> None:
    litter(tmp_path)
    found = {left.path.name: left for left in leftovers(tmp_path, SOCK)}
    living = ("ended.run", "zero.run", "copy.run.half-made", "none.fence")
    with ExitStack() as stack:
        for name in living:
            stack.enter_context(held(tmp_path / name))
        theirs = {"ended.new", "ended.fence", "ended.sock", "ended.idx-7-7", *living[1:]}
        assert {left.path.name for left in leftovers(tmp_path, SOCK)} == set(found) - theirs
        for name in theirs:
            with pytest.raises(Unavailable, match="is held by another process"):
                remove(found[name], SOCK)
        assert theirs < set(names(tmp_path))


def test_a_run_that_was_born_in_the_meantime_is_left(tmp_path: Path) -> None:
    litter(tmp_path)
    found = {left.path.name: left for left in leftovers(tmp_path, SOCK)}
    put_run(tmp_path, "zero")
    with pytest.raises(Unavailable, match="in use again"):
        remove(found["zero.run"], SOCK)

    assert len(read_events(tmp_path / "zero.run")) == 2


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"file' is a file and no folder; move it away"):
        leftovers(tmp_path / "file", SOCK)

    assert leftovers(tmp_path / "nowhere", SOCK) == []
