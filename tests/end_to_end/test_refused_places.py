"""Places that this user may not read or write: a command gives one line that names the place, and no traceback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import environment

Command = Callable[..., subprocess.CompletedProcess[str]]
CAPABILITIES = "-dac_override,-dac_read_search"


@pytest.fixture
def humble(tmp_path: Path) -> Command:
    """Runs the command as somebody to whom permissions apply, root or not."""
    drop: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root without setpriv: permissions do not apply")
        drop = ["setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}"]

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [*drop, sys.executable, "-P", "-m", "bullpen", *args]
        given = environment(PYTHONUTF8="1", BULLPEN_EMBEDDER="hashed")
        return subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, timeout=60, check=False)

    return run


RESEARCH = ("research", "What did the night bus pilot cost?", "--corpus", "docs")


@pytest.mark.parametrize("command", [("jobs",), ("ps",), ("show", "latest"), ("runs", "verify"), RESEARCH])
@pytest.mark.parametrize("closed", [".bullpen", ".bullpen/runs"])
def test_a_folder_that_may_not_be_read_is_named_in_one_line(
    humble: Command, corpus: Path, tmp_path: Path, closed: str, command: tuple[str, ...]
) -> None:
    (tmp_path / ".bullpen" / "runs").mkdir(parents=True)
    (tmp_path / closed).chmod(0)
    try:
        ended = humble(*(str(corpus) if each == "docs" else each for each in command))
    finally:
        (tmp_path / closed).chmod(0o755)

    assert "Traceback" not in ended.stderr
    assert ended.returncode == 2, ended.stderr
    assert closed in ended.stderr.splitlines()[-1]
    assert "Permission denied" in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "command", [("jobs",), ("show", "latest"), ("verify", "latest"), ("tail", "latest"), ("replay", "latest")]
)
def test_a_project_that_may_only_be_read_is_read(
    humble: Command, corpus: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    humble(*RESEARCH[:3], str(corpus))
    folders = [path for path in (tmp_path / ".bullpen").rglob("*") if path.is_dir()] + [tmp_path / ".bullpen"]
    for path in folders:
        path.chmod(0o555)
    try:
        ended = humble(*command)
    finally:
        for path in folders:
            path.chmod(0o755)

    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr
