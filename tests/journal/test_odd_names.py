"""A folder of runs may have been received, and files in it renamed: names are input like any other."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.journal import clearing
from bullpen.orchestrator.journal.cursor import Cursor
from bullpen.orchestrator.journal.events import Entry
from bullpen.orchestrator.journal.keeping import check, import_run
from bullpen.orchestrator.journal.reader import find_run, list_runs, list_unfinished, open_run
from bullpen.orchestrator.journal.recall import Answers
from bullpen.orchestrator.journal.record import LEAST
from bullpen.orchestrator.journal.storage import has_finished, is_held, job_in, open_file, read_events

from ..words.odd import ODD, Outside, bound_by_modes
from .making import ASKED, committed, events_of, put_run
from .test_journals import opened

ODD_RUN = "ffffffff-0000-7000-8000-000000000001.run"


def taken(path: Path) -> None:
    file, _ = open_file(path)
    file.release()


OF_FILES: list[Callable[[Path], Any]] = [taken, is_held, has_finished, read_events, open_run, job_in]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("act", OF_FILES)
def test_what_is_no_run_is_named_and_left_alone(tmp_path: Path, odd: str, act: Callable[[Path], Any]) -> None:
    outside = Outside(tmp_path)
    outside.stand_in(odd, tmp_path / ODD_RUN)

    with pytest.raises(BadInput, match=rf"{ODD_RUN}' is a \w+ where only a regular file is opened"):
        act(tmp_path / ODD_RUN)

    assert outside.is_untouched()
    assert os.path.lexists(tmp_path / ODD_RUN)


def test_nothing_is_cleared_away_behind_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.run.half-made").write_bytes(b"")
    (tmp_path / "runs").symlink_to(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)

    assert [left.path.name for left in clearing.leftovers(Path("elsewhere"), ".sock")] == ["a.run.half-made"]
    with pytest.raises(BadInput, match=r"^folder 'runs' is a link to '\S+' and is not followed"):
        clearing.leftovers(Path("runs"), ".sock")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("beside", [".fence", ".new", ".idx"])
def test_what_stands_beside_a_run_in_a_files_place_is_not_gone_through(tmp_path: Path, odd: str, beside: str) -> None:
    runs, outside = tmp_path / "runs", Outside(tmp_path)
    runs.mkdir()
    run = put_run(runs, "job", ASKED, *[Entry("worker.noted", {})] * LEAST)  # long enough for an index
    outside.stand_in(odd, run.with_suffix(beside))

    assert open_run(run).length == LEAST + 1
    if beside == ".fence":
        with pytest.raises(BadInput, match=r"job\.fence' is a \w+ where only a regular file is opened"):
            taken(run)
        run.with_suffix(beside).rename(tmp_path / "moved")
    taken(run)  # and the lock was let go of

    assert outside.is_untouched()


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_run_hides_no_other(tmp_path: Path, odd: str) -> None:
    runs, outside = tmp_path / "runs", Outside(tmp_path)
    runs.mkdir()
    left = put_run(runs, "left", ASKED)
    done = put_run(runs, "done")
    outside.stand_in(odd, runs / ODD_RUN)

    assert list_runs(runs) == [done, left]
    assert [run.path for run in list_unfinished(runs, 2)] == [left]
    assert find_run("latest", runs) == left
    assert Answers(runs).find("", since_ms=0, until_ms=1) is None
    assert [ended.job for ended in clearing.ended_runs(runs, interrupted=True)] == ["done", "left"]
    assert clearing.leftovers(runs, ".sock") == []
    assert check(runs / ODD_RUN).state == "unreadable"
    assert outside.is_untouched()


@pytest.mark.parametrize("act", OF_FILES)
def test_a_run_that_may_not_be_read_is_one_line(tmp_path: Path, act: Callable[[Path], Any]) -> None:
    run = put_run(tmp_path, "job", ASKED)
    run.chmod(0)

    with bound_by_modes():
        with pytest.raises(BadInput, match=r"job\.run' cannot be (read|opened)"):
            act(run)
        assert list(list_unfinished(tmp_path, 9)) == []


# Names


def renamed(folder: Path, *entries: Entry) -> Path:
    return put_run(folder, "01a0", *entries).rename(folder / "mycopy.run")


@pytest.mark.parametrize("count", [1, LEAST])
def test_the_id_of_a_run_is_what_its_events_say(tmp_path: Path, count: int) -> None:
    path = renamed(tmp_path, ASKED, *[Entry("worker.noted", {})] * count)

    for _ in range(2):  # the second time by its index, where it is long
        assert (open_run(path).id, open_run(path).origin) == ("01a0", "01a0")
    assert job_in(path) == "01a0"
    assert check(path).job == "01a0"
    assert [ended.job for ended in clearing.ended_runs(tmp_path, interrupted=True)] == ["01a0"]


def test_a_run_is_found_by_its_files_name_and_by_its_id(tmp_path: Path) -> None:
    path = renamed(tmp_path)

    assert [find_run(name, tmp_path) for name in ("mycopy", "my", "01a0", "01", "latest")] == [path] * 5
    other = put_run(tmp_path, "01a0")  # a file of that very name comes before
    assert [find_run(name, tmp_path) for name in ("mycopy", "01a0")] == [path, other]
    with pytest.raises(BadInput, match="there is no job '02'"):
        find_run("02", tmp_path)


def test_a_whole_name_is_no_beginning_of_a_longer_one(tmp_path: Path) -> None:
    copy, _ = put_run(tmp_path, "copy"), put_run(tmp_path, "copy2")

    assert find_run("copy", tmp_path) == copy


def test_a_run_without_events_has_its_files_name(tmp_path: Path) -> None:
    path = tmp_path / "empty.run"
    path.write_bytes(committed([]))

    assert (open_run(path).id, job_in(path)) == ("empty", "")


def test_what_a_body_says_is_not_taken_for_the_job(tmp_path: Path) -> None:
    path = tmp_path / "other.run"
    body = {"text": '\n{"seq":1,"job":"mallory"}\n' * 500}  # long enough to stand in parts, before the event
    path.write_bytes(committed(events_of("01a0", Entry("job.accepted", body))))

    assert job_in(path) == open_run(path).id == "01a0"


def test_a_run_is_gone_on_with_by_its_own_job_alone(tmp_path: Path) -> None:
    path = renamed(tmp_path, ASKED)
    before = path.read_bytes()

    async def go_on(job: str) -> None:
        async with opened(path, job) as journal:
            journal.append(Entry("worker.noted", {}))

    with pytest.raises(BadInput, match=r"mycopy\.run' is of job '01a0', not 'mycopy'; move it"):
        anyio.run(go_on, "mycopy")
    assert path.read_bytes() == before

    anyio.run(go_on, "01a0")
    assert {event.job for event in read_events(path)} == {"01a0"}


def test_a_cursor_and_an_import_follow_no_link(tmp_path: Path) -> None:
    run = put_run(tmp_path, "job")
    (tmp_path / "link.run").symlink_to(run)

    with pytest.raises(BadInput, match="is a link"):
        Cursor(tmp_path / "link.run").look()
    with pytest.raises(BadInput, match="is a link"):
        import_run(tmp_path / "link.run", tmp_path / "there")
