"""Where a report goes that was asked for in a file: in its form, never lost, and on a run's word alone only where that
can do no harm."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.cli.report_file import check_writable, deliver, on_record
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.errors import BadInput, BullpenError
from bullpen.orchestrator.evidence import Report

from ..words.odd import ODD, Outside

REPORT = Report(job="j", status=Status.OK, text="# What?\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a file, a hidden folder and a link that leads out of it."""
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    (here / ".git").mkdir()
    (here / "there.md").write_text("mine")
    (here / "leads-out").symlink_to(tmp_path)
    (here / "dangling.md").symlink_to(tmp_path / "target.md")
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize("name", ["report.md", "sub/report.json", "sub/../report.txt"])
def test_a_new_report_in_this_folder_goes_where_the_record_says(folder: Path, name: str) -> None:
    assert on_record(str(folder / name)) == folder / name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../report.md", "outside this folder"),
        ("/etc/report.md", "outside this folder"),
        ("leads-out/report.md", "outside this folder"),
        (".bashrc", "no plain file"),
        (".git/report.md", "no plain file"),
        ("conftest.py", "no plain file"),
        ("bullpen.toml", "no plain file"),
        ("Makefile", "no plain file"),
        ("there.md", "there already"),
        ("dangling.md", "there already"),
        ("sub/" + "x" * 300 + ".md", "cannot be looked at"),
        ("null\0byte.md", "cannot be looked at"),
    ],
)
def test_on_the_word_of_a_run_nothing_else_is_written_and_why_is_said(
    folder: Path, name: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert on_record(os.path.join(folder, name)) is None
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1
    assert "--out" in said


@given(asked=st.text(max_size=40))
def test_whatever_a_run_names_is_a_new_file_in_this_folder_or_nothing(asked: str) -> None:
    found = on_record(asked)

    assert found is None or (found.resolve().is_relative_to(Path.cwd().resolve()) and not found.exists())


@pytest.mark.parametrize("name", ["r.md", "r.json"])
def test_a_report_is_written_in_the_form_of_its_ending_and_shown(tmp_path: Path, name: str) -> None:
    shown: list[Report] = []
    deliver(REPORT, tmp_path / name, shown.append)

    written = (tmp_path / name).read_text()
    assert shown == [REPORT]
    assert written == REPORT.text if name == "r.md" else json.loads(written) == REPORT.as_json()


def test_a_report_that_cannot_be_written_is_shown_first(tmp_path: Path) -> None:
    shown: list[Report] = []
    with pytest.raises(BullpenError, match=r"cannot be written to .*bullpen replay j --out FILE"):
        deliver(REPORT, tmp_path / "gone" / "r.md", shown.append)

    assert shown == [REPORT]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("way", [check_writable, lambda out: deliver(REPORT, out, lambda _: None)])
def test_no_report_is_written_where_something_else_stands_or_through_a_link(
    folder: Path, odd: str, way: Callable[[Path], object]
) -> None:
    outside = Outside(folder)
    outside.stand_in(odd, folder / "odd.md")

    with pytest.raises(BullpenError, match=r"odd\.md' is a \w+ where only a regular file is opened"):
        way(Path("odd.md"))
    with pytest.raises(BullpenError, match=r"'leads-out' is a link to '\S+' and is not followed"):
        way(Path("leads-out", "r.md"))

    assert outside.is_untouched()
    assert not (folder.parent / "r.md").exists()


def test_a_report_keeps_the_mode_of_the_file_that_it_is_written_into(folder: Path) -> None:
    (folder / "there.md").chmod(0o640)

    check_writable(Path("there.md"))
    assert (folder / "there.md").read_text() == "mine"
    deliver(REPORT, Path("there.md"), lambda _: None)

    assert (folder / "there.md").read_text() == REPORT.text
    assert stat.S_IMODE((folder / "there.md").stat().st_mode) == 0o640


def test_on_the_word_of_a_run_no_link_within_the_folder_is_gone_through(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "linked").symlink_to(folder / "sub")

    assert on_record("linked/r.md") is None
    assert "leads through a link" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "gone/r.md", "file/r.md", "x" * 300, "null\0byte"])
def test_where_no_report_can_be_written_is_said_before_the_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cannot be written|is a folder where only a regular file is opened"):
        check_writable(Path(os.path.join(tmp_path, name)))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
