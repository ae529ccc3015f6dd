"""A folder with documents is input: no file of it is imported, whatever it is called."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from .conftest import environment

#: A module that Python imports by itself, in every process: it notes each top-level name that is looked for, in a pipe,
#: since a parser may write no file.
WATCH = """
import os, sys
class Watch:
    pipe, names = os.open({pipe!r}, os.O_WRONLY), set()
    def find_spec(name, path=None, target=None):
        if path is None and name not in Watch.names:
            Watch.names.add(name)
            os.write(Watch.pipe, name.encode() + b" ")
sys.meta_path.insert(0, Watch)
"""
COMMANDS = (
    ("research", "What did the bridge cost?", "--corpus", "docs"),
    ("doctor", "--model", "litellm:openai/m", "--timeout", "1"),
    ("memory", "search", "bridge"),
    ("replay", "latest"),
    ("jobs",),
)


def run(folder: Path, options: Sequence[str], command: Sequence[str], **more: str) -> None:
    given = environment(**more)
    if "doctor" in command:  # nobody listens there
        given |= {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    started = [sys.executable, *options, "-m", *command]
    done = subprocess.run(started, cwd=folder, env=given, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr


def looked_for(tmp_path: Path, options: Sequence[str], *commands: Sequence[str]) -> set[str]:
    """The top-level names that processes look for which run these."""
    watch, pipe, names = tmp_path / "watch", str(tmp_path / "pipe"), ""
    if not watch.exists():
        watch.mkdir()
        os.mkfifo(pipe)
        (watch / "sitecustomize.py").write_text(WATCH.format(pipe=pipe))
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), encoding="ascii") as heard:
        for command in commands:
            run(tmp_path, options, command, PYTHONPATH=str(watch))
            names += heard.read()
    return set(names.split())


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    text = "The harbour bridge cost five million crowns in the year 2020 and was opened in May."
    (tmp_path / "docs" / "a.html").write_text(f"<html><body><p>{text}</p></body></html>")
    return tmp_path


def planted(folder: Path, names: set[str]) -> Path:
    """A file for each name, which tells when it is run."""
    told = folder / "told"
    for name in names:
        (folder / f"{name}.py").write_text(f"open({str(told)!r}, 'a').write({name!r} + ' ')\nraise ImportError\n")
    return told


def test_no_file_of_the_folder_is_run_whatever_it_is_called(documents: Path) -> None:
    commands = [("bullpen", *command) for command in COMMANDS]
    names = looked_for(documents, ("-P",), *commands)
    assert {"brotli", "litellm", "trafilatura"} <= names

    told = planted(documents, names - {"bullpen", "sitecustomize", "usercustomize"})
    for command in commands:
        run(documents, ("-P",), command)
        assert not told.exists(), (command, told.read_text())


def test_nor_is_any_run_by_python_m_bullpen(documents: Path) -> None:
    """Python itself puts the folder on the path there, and we take it off before any command, so one will do."""
    research = ("bullpen", *COMMANDS[0])
    names = looked_for(documents, (), research)
    (documents / "nothing.py").touch()
    pythons_own = looked_for(documents, (), ["nothing"])  # before anything of ours is run
    told = planted(documents, names - pythons_own - {"bullpen", "sitecustomize", "usercustomize"})

    run(documents, (), research)

    assert not told.exists(), told.read_text()


TEAM = "import beside\nfrom bullpen.agents import research_team as team\n"


@pytest.mark.parametrize(
    "said",
    [{"option": "--team=mine:team"}, {"variable": "mine:team"}],
    ids=["--team", "BULLPEN_DEFAULT_TEAM"],
)
def test_a_team_of_the_folder_is_imported_with_what_it_imports_and_the_folder_is_not_searched_later(
    documents: Path, said: Mapping[str, str]
) -> None:
    (documents / "mine.py").write_text(TEAM)
    (documents / "beside.py").write_text("open('beside.told', 'w').write('imported')\n")
    told = planted(documents, {"brotli", "psutil", "numba"})
    command = ["bullpen", *COMMANDS[0], *([said["option"]] if "option" in said else [])]

    run(documents, ("-P",), command, **({"BULLPEN_DEFAULT_TEAM": said["variable"]} if "variable" in said else {}))

    assert (documents / "beside.told").exists()
    assert not told.exists()
