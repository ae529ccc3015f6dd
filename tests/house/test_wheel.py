"""What is built is what is tracked: every module and prompt of the four rooms, and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .tree import FRONT, ROOT, in_rooms, tracked

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of a clean copy. Takes a second or two: it is a real build, without a network."""
    copy, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for path in tracked():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy / path)
    done = subprocess.run([sys.executable, "-c", BUILD, str(built)], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    [file] = built.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_holds_exactly_the_tracked_files_of_the_package(wheel: zipfile.ZipFile) -> None:
    inside = {Path(name) for name in wheel.namelist() if not name.split("/")[0].endswith(".dist-info")}

    assert inside == {Path("bullpen") / path for path in (*in_rooms(), *map(Path, FRONT))}


def test_the_wheel_has_its_licence_and_its_command(wheel: zipfile.ZipFile) -> None:
    facts = {name.split("/", 1)[1]: name for name in wheel.namelist() if ".dist-info/" in name}

    assert "licenses/LICENSE" in facts
    assert b"bullpen = bullpen.orchestrator.cli:main" in wheel.read(facts["entry_points.txt"])
