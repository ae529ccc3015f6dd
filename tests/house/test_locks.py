"""The lock files: everything pinned and hashed, in the ranges pyproject.toml asks for, and free of any one machine."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .tree import ROOT

RUN, DEV = "requirements.lock", "requirements-dev.lock"
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


#: Chroma as memory uses it, and LiteLLM.
INDEXED = """
import tempfile, chromadb, litellm
with tempfile.TemporaryDirectory() as folder:
    client = chromadb.PersistentClient(folder, settings=chromadb.Settings(anonymized_telemetry=False))
    collection = client.create_collection("scope", embedding_function=None)
    collection.upsert(ids=["1"], embeddings=[[1.0, 0.0]])
    assert collection.query(query_embeddings=[[1.0, 0.0]], n_results=1)["ids"] == [["1"]]
    client.close()
"""


@dataclass(frozen=True, slots=True)
class Pin:
    """One entry of a lock; a package has several where versions of Python differ."""

    name: str
    version: str
    hashes: tuple[str, ...]
    options: tuple[str, ...]


def _pins(lock: str) -> list[Pin]:
    entries = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [_pin(entry) for entry in entries if entry.strip() and not entry.startswith("#")]


def _pin(entry: str) -> Pin:
    written, *options = re.split(r"\s+(?=--)", entry.strip())
    requirement = Requirement(written)
    [exact] = requirement.specifier
    assert exact.operator == "==" and requirement.url is None, entry
    hashes = tuple(option for option in options if HASH.fullmatch(option))
    return Pin(canonicalize_name(requirement.name), exact.version, hashes, tuple(options))


def _lines(file: str) -> list[str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _requires(name: str) -> list[Requirement]:
    """What a package asks for, if it is installed here: it may be one for another machine."""
    try:
        return [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError:
        return []


def _is_wanted(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _group(name: str) -> Iterator[Requirement]:
    for item in _project()["dependency-groups"][name]:
        if isinstance(item, str):
            yield Requirement(item)
        else:
            yield from _group(item["include-group"])


def _asked() -> Iterator[tuple[str, Requirement]]:
    """What pyproject.toml asks for, and the lock that must have it."""
    yield from ((RUN, Requirement(line)) for line in _project()["project"]["dependencies"])
    yield from ((RUN, requirement) for requirement in _group("build"))
    yield from ((DEV, requirement) for requirement in _group("dev"))


@pytest.mark.parametrize("lock", [RUN, DEV])
def test_a_lock_names_no_host_and_no_path(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    allowed = re.compile(r"[a-z0-9][\w.\[\]-]*==\S+( ; .+)?( \\)?|    --hash=sha256:[0-9a-f]{64}( \\)?")

    assert [line for line in lines if not allowed.fullmatch(line)] == []


@pytest.mark.parametrize("lock", [RUN, DEV])
def test_every_pin_has_a_hash(lock: str) -> None:
    pins = _pins(lock)

    assert [pin.name for pin in pins if not pin.hashes or pin.hashes != pin.options] == []
    assert len(pins) > 50


@pytest.mark.parametrize("lock", [RUN, DEV])
def test_nothing_huge_is_locked(lock: str) -> None:
    huge = re.compile(r"torch|tensorflow|nvidia-.*|triton|sentence-transformers")

    assert [pin.name for pin in _pins(lock) if huge.fullmatch(pin.name)] == []


@pytest.mark.parametrize(("lock", "asked"), list(_asked()), ids=str)
def test_what_the_project_asks_for_is_locked_within_its_range(lock: str, asked: Requirement) -> None:
    versions = [pin.version for pin in _pins(lock) if pin.name == canonicalize_name(asked.name)]

    assert versions, f"{asked.name} is not in {lock}; run .ci/lock"
    assert all(asked.specifier.contains(version, prereleases=True) for version in versions), versions


def test_all_that_a_pin_needs_is_pinned_but_for_what_is_left_out() -> None:
    """Nothing else would notice: what is locked is installed without asking what it needs."""
    left_out = {Requirement(line).name for line in _lines(".ci/left-out.txt")}
    pinned = {pin.name for pin in _pins(RUN)}
    asked = [(name, line) for name in sorted(pinned) for line in _requires(name)]
    lacking = [
        (name, need.name) for name, need in asked if _is_wanted(need) and canonicalize_name(need.name) not in pinned
    ]

    assert {needed for _, needed in lacking} == left_out, lacking
    assert not left_out & pinned


def test_what_is_left_out_is_loaded_by_nothing_of_ours() -> None:
    lacking = "import sys\nsys.modules.update(dict.fromkeys(('kubernetes', 'oauthlib', 'websocket'), None))\n"
    done = subprocess.run([sys.executable, "-c", lacking + INDEXED], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_both_locks_agree() -> None:
    run, dev = ({(pin.name, pin.version) for pin in _pins(lock)} for lock in (RUN, DEV))

    assert run <= dev
