"""What `bullpen runs` prints and exits with, in a folder of runs that were made at once."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bullpen.orchestrator.cli.app import main
from bullpen.orchestrator.control.place import listening, socket_of
from bullpen.orchestrator.journal.lines import HEADER
from bullpen.orchestrator.journal.storage import open_file, read_events

from ..journal.making import ASKED, LONG, age, committed, ended, events_of, put_run

Runs = Callable[..., tuple[int, str, str]]
DAMAGED = committed(events_of("bad", ASKED, LONG, ended("bad"))).replace(b"0, 1, 2", b"0, 1, 3")
SAID = "events 1 to 1 of a damaged run; 2 later commits are unreadable (damaged at event 2: part "


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of runs, in a folder of its own that is the current one."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".bullpen" / "runs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def runs(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runs:
    """Runs the command; its status and what it prints."""

    def run(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bullpen", "runs", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def lines(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines() if line]


def test_every_run_is_verified_whatever_the_others_are(runs: Runs, folder: Path) -> None:
    put_run(folder, "good")
    (folder / "bad.run").write_bytes(DAMAGED)
    (folder / "odd.run").write_bytes(b"# A report\n")
    status, out, _ = runs("verify")
    found = {row["job"]: row for row in json.loads(runs("verify", "--json")[1])}

    assert status == 1
    assert [line[:3] for line in lines(out)[1:4]] == [
        ["bad", "damaged", "1"],
        ["good", "ok", "2"],
        ["odd", "unreadable", "0"],
    ]
    assert "damaged at event 2: part " in out
    assert "3 runs, 2 with something wrong" in out
    assert found["good"] == {"job": "good", "state": "ok", "events": 2, "problems": []}
    assert "does not begin as runs do" in found["odd"]["problems"][0]


def test_the_runs_that_are_named_are_verified(runs: Runs, folder: Path) -> None:
    put_run(folder, "good")
    put_run(folder, "interrupted", ASKED)
    (folder / "bad.run").write_bytes(DAMAGED)

    assert runs("verify", "goo", "int", "--json")[0] == 0
    assert runs("verify", str(folder / "bad.run"))[0] == 1
    assert runs("verify", "none")[::2] == (
        2,
        "bullpen: there is no job 'none' in '.bullpen/runs'; `bullpen jobs` lists what there is\n",
    )
    assert runs("verify", "--runs-dir", "nowhere")[:2] == (0, "there are no runs in 'nowhere'\n")


def test_a_run_goes_to_another_folder_and_back(runs: Runs, folder: Path) -> None:
    run = put_run(folder, "job")
    events = read_events(run)

    assert runs("export", "latest", "--to", "copy.run") == (0, "job exported to copy.run: events 1 to 2, ok\n", "")
    assert runs("export", "job", "--to", "copy.run")[0] == 2
    told = json.loads(runs("export", "job", "--to", "copy.run", "--force", "--json")[1])
    assert told == {
        "job": "job",
        "state": "ok",
        "events": 2,
        "problems": [],
        "file": "copy.run",
        "bytes": Path("copy.run").stat().st_size,
        "damage": None,
    }
    assert runs("import", "copy.run")[1] == "job is there already, the same: 2 events, ok\n"
    run.unlink()
    assert runs("import", "copy.run") == (0, "job imported: 2 events, ok\n", "")
    assert read_events(run) == events
    assert json.loads(runs("import", "copy.run", "--json")[1])["was_there"]
    assert runs("export", "job", "--to", "events.jsonl", "--as", "events")[0] == 0
    assert [json.loads(line)["seq"] for line in Path("events.jsonl").read_text().splitlines()] == [1, 2]


def test_of_a_damaged_run_a_part_is_exported_and_that_is_imported(runs: Runs, folder: Path) -> None:
    (folder / "bad.run").write_bytes(DAMAGED)
    status, out, _ = runs("export", "bad", "--to", "part.run")
    told = json.loads(runs("export", "bad", "--to", "part.json", "--json")[1])

    assert status == 3
    assert SAID in out
    assert (told["damage"]["seq"], told["damage"]["later"], told["events"]) == (2, 2, 1)
    status, _, err = runs("import", str(folder / "bad.run"), "--runs-dir", "there")
    assert status == 1
    assert "export its good part first" in err
    (folder / "bad.run").rename("bad.bak")
    assert runs("export", "bad.bak", "--to", "part.run", "--force")[0] == 3
    assert runs("verify", "part.run")[0] == 0
    assert runs("import", "part.run", "--runs-dir", "there")[1] == "bad imported: 1 events, interrupted\n"


def test_old_runs_are_deleted_when_a_bound_is_given(runs: Runs, folder: Path) -> None:
    put_run(folder, "old", at_ms=1)
    put_run(folder, "older", ASKED, at_ms=0)
    put_run(folder, "young", at_ms=4_000_000_000_000)

    assert runs("retain")[::2] == (
        2,
        "bullpen: runs are kept unless a bound is given: --days N, --most N, or both\n",
    )
    assert runs("retain", "--days", "-1")[0] == 2
    status, out, _ = runs("retain", "--days", "30", "--interrupted", "--dry-run")
    size = (folder / "older.run").stat().st_size
    assert status == 0
    assert [line[:2] for line in lines(out)[1:-1]] == [["older", "interrupted"], ["old", "ok"]]
    assert lines(out)[1][3:] == [str(size), *["What", "did", "the", "night", "bus", "cost?"]]
    assert out.splitlines()[-1].startswith("would delete 2, ")
    assert runs("retain", "--days", "30")[1].splitlines()[-1].startswith("deleted 1, ")
    assert sorted(path.stem for path in folder.iterdir()) == ["older", "young"]
    told = json.loads(runs("retain", "--most", "0", "--json")[1])
    assert ([row["job"] for row in told["deleted"]], told["left"], told["dry_run"]) == (["young"], [], False)
    assert runs("retain", "--most", "0")[1] == "deleted nothing\n"


def test_what_is_left_over_is_deleted(runs: Runs, folder: Path) -> None:
    put_run(folder, "job")
    (folder / "job.new").write_bytes(b"half")
    age(put_run(folder, "unborn")).write_bytes(HEADER)
    age(folder / "unborn.run")

    assert lines(runs("gc", "--dry-run")[1]) == [
        ["name", "bytes"],
        ["job.new", "4"],
        ["unborn.run", str(len(HEADER))],
        ["would", "delete", "2,", f"{len(HEADER) + 4}", "bytes"],
    ]
    (folder / "job.fence").symlink_to(folder / "job.new")
    status, out, err = runs("gc")
    assert (status, out.splitlines()[-1]) == (1, f"deleted 1, {len(HEADER)} bytes")
    assert err.startswith("bullpen: left alone: ")
    assert "job.fence" in err
    (folder / "job.fence").unlink()
    assert json.loads(runs("gc", "--json")[1])["deleted"] == [{"name": "job.new", "bytes": 4}]
    assert [path.name for path in folder.iterdir()] == ["job.run"]
    assert runs("gc")[:2] == (0, "deleted nothing\n")


def test_a_living_job_loses_neither_its_run_nor_its_socket(runs: Runs, folder: Path) -> None:
    job = put_run(folder, "job", ASKED)
    file, _ = open_file(job)
    with listening(socket_of(job)):
        age(job)
        content = job.read_bytes()
        assert runs("gc")[:2] == (0, "deleted nothing\n")
        assert runs("retain", "--most", "0", "--days", "0", "--interrupted")[:2] == (0, "deleted nothing\n")
        assert runs("export", "job", "--to", "copy.run")[1].endswith("events 1 to 1, and it goes on\n")
        assert [path.name for path in sorted(folder.iterdir())] == ["job.run", "job.sock"]
    file.release()

    assert job.read_bytes() == content
    assert runs("retain", "--most", "0", "--interrupted")[1].splitlines()[-1].startswith("deleted 1, ")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", ["verify", "export", "import", "retain", "gc"])
def test_each_command_tells_of_its_exit_status(runs: Runs, command: str) -> None:
    status, out, _ = runs(command, "--help")

    assert status == 0
    assert "Exit status:" in " ".join(out.split())
    assert "--json" in out
    assert f"Example: bullpen runs {command}" in out
