"""Importing costs nothing that was not asked for. Each case is a fresh interpreter: modules stay loaded in this one."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .tree import ROOMS, ROOT

#: Run before what is watched, and after it.
WATCH = """
import atexit, json, sys
sockets = []
sys.addaudithook(lambda event, args: sockets.append(event) if event.startswith("socket.") else None)
atexit.register(lambda: sys.stderr.write("\\n" + json.dumps({"modules": sorted(sys.modules), "sockets": sockets})))
"""
RESOLVE = "import bullpen\nfor name in bullpen.__all__: getattr(bullpen, name)"
HELP = "sys.argv = ['bullpen', '--help']\nfrom bullpen.orchestrator.cli import main\nmain()"


def _loaded(code: str) -> tuple[set[str], list[str]]:
    """The modules that a fresh interpreter has loaded after `code`, and the socket events it saw."""
    done = subprocess.run([sys.executable, "-c", WATCH + code], cwd=ROOT / "tests", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stderr.splitlines()[-1])
    return set(seen["modules"]), seen["sockets"]


def _ours_beside_typer() -> set[str]:
    """The top-level modules of our direct dependencies, but for what `--help` may load: typer, and rich for it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = {canonicalize_name(Requirement(line).name) for line in tomllib.loads(text)["project"]["dependencies"]}
    of_each = packages_distributions().items()
    return {module for module, owners in of_each if wanted & set(map(canonicalize_name, owners))} - {"typer", "rich"}


def test_importing_bullpen_opens_no_socket_and_loads_no_room() -> None:
    modules, sockets = _loaded("import bullpen")

    rooms = re.compile(rf"bullpen\.(?:{'|'.join(ROOMS)})\b")
    assert sockets == []
    assert [name for name in modules if rooms.match(name)] == []
    assert modules & {*_ours_beside_typer(), "typer", "rich"} == set()


def test_every_public_name_is_there_and_costs_neither_litellm_nor_chromadb() -> None:
    modules, sockets = _loaded(RESOLVE)

    assert sockets == []
    assert modules & {"litellm", "chromadb", "openai", "onnxruntime"} == set()


def test_a_reader_of_runs_loads_neither_models_nor_memory_nor_a_loop() -> None:
    modules, sockets = _loaded("from bullpen import open_run")
    rooms = ("agents", "memory", "tools", "orchestrator.gateway", "orchestrator.evidence", "orchestrator.settings")

    assert sockets == []
    assert modules & (_ours_beside_typer() - {"pydantic_core"}) == set()
    assert modules & {"litellm", "chromadb", "nats", "openai", "pydantic", "typer", "rich", "asyncio"} == set()
    assert [name for name in modules if name.startswith(tuple(f"bullpen.{room}" for room in rooms))] == []


@pytest.mark.parametrize("command", ["control", "runs", "watch", "keep"])
def test_a_word_with_a_job_loads_neither_models_nor_memory_nor_the_system(command: str) -> None:
    modules, sockets = _loaded(f"import bullpen.orchestrator.cli.{command}")

    assert sockets == []
    assert modules & {"litellm", "chromadb", "openai", "onnxruntime", "aiohttp", "jinja2", "numpy"} == set()
    assert [
        name for name in modules if name.startswith(("bullpen.orchestrator.gateway", "bullpen.orchestrator.system"))
    ] == []


def test_a_first_job_over_a_few_files_loads_neither_litellm_nor_what_indexes_many(tmp_path: Path) -> None:
    corpus = ROOT / "examples" / "corpus"
    asked = ["bullpen", "research", "What did the pilot cost?", "--corpus", str(corpus)]
    job = f"import os\nos.chdir({str(tmp_path)!r})\nos.environ['BULLPEN_EMBEDDER'] = 'hashed'\nsys.argv = {asked!r}\n"

    modules, _ = _loaded(f"{job}from bullpen.orchestrator.cli import main\nmain()")

    assert modules & {"litellm", "chromadb", "openai", "onnxruntime", "tokenizers"} == set()


def test_the_help_loads_typer_and_no_other_dependency() -> None:
    modules, sockets = _loaded(HELP)

    assert sockets == []
    assert "typer" in modules
    assert modules & _ours_beside_typer() == set()
