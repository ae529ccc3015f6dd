"""Rooms and floors: a planted violation of each kind is found and named, and the real tree has none."""

from pathlib import Path

import pytest

from .layers import violations
from .tree import ROOT

#: A small package that keeps every rule, in each way of writing an import.
CLEAN = {
    "__init__.py": "from .agents.search import Search",
    "__main__.py": "from .orchestrator.cli import main",
    "agents/__init__.py": "from .search import Search",
    "agents/search.py": "from .. import memory\nfrom ..tools.web import fetch\nfrom ..orchestrator import worker",
    "memory/__init__.py": "",
    "memory/records.py": "from ..orchestrator.ids import digest\nimport sqlite3",
    "tools/__init__.py": "",
    "tools/web.py": "import importlib\nfrom ..orchestrator import errors\nimportlib.import_module('aiohttp')",
    "orchestrator/__init__.py": "",
    "orchestrator/errors.py": "",
    "orchestrator/ids.py": "from .errors import BullpenError",
    "orchestrator/rules/__init__.py": "",
    "orchestrator/rules/plan.py": "from ..ids import digest\nfrom . import retry",
    "orchestrator/rules/retry.py": "",
    "orchestrator/journal/__init__.py": "from ..rules.plan import Plan",
    "orchestrator/channel/__init__.py": "",
    "orchestrator/worker.py": "from .journal import Journal\nfrom importlib import import_module as load",
    "orchestrator/system.py": "def f():\n    from .worker import Worker",
    "orchestrator/cli/__init__.py": "from importlib import import_module\nimport_module('..system', __package__)",
}

TYPE_CHECKING = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "

#: What is planted (file, text), then where and what the checker must name.
PLANTED = {
    "upward import between rooms": ("orchestrator/ids.py", "from ..agents import search", 1, "..agents.search"),
    "memory knows tools": ("memory/records.py", "\nfrom ..tools.web import fetch", 2, "..tools.web.fetch"),
    "tools know memory": ("tools/web.py", "from ..memory import records", 1, "..memory.records"),
    "memory knows agents": ("memory/records.py", "from ..agents.search import Search", 1, "..agents.search.Search"),
    "inside a function": ("tools/web.py", "def f():\n    from .. import memory", 2, "..memory"),
    "under TYPE_CHECKING": ("memory/records.py", TYPE_CHECKING + "from ..tools import web", 3, "..tools.web"),
    "by import_module": (
        "orchestrator/ids.py",
        "import importlib\nimportlib.import_module('..agents.search', __package__)",
        2,
        "..agents.search",
    ),
    "by import_module, in full": (
        "tools/web.py",
        "from importlib import import_module\nimport_module(name='bullpen.memory.records')",
        2,
        "bullpen.memory.records",
    ),
    "by its full name": ("tools/web.py", "import bullpen.memory.records", 1, "bullpen.memory.records"),
    "by its full name, though allowed": ("agents/search.py", "from bullpen import memory", 1, "bullpen.memory"),
    "by the folder's name": ("agents/search.py", "from memory.records import Records", 1, "memory.records.Records"),
    "the front door from inside": ("agents/search.py", "from .. import Search", 1, "..Search"),
    "upward import between floors": ("orchestrator/ids.py", "from .rules.plan import Plan", 1, ".rules.plan.Plan"),
    "two units of one floor": ("orchestrator/channel/__init__.py", "from .. import journal", 1, "..journal"),
    "the door of orchestrator": ("orchestrator/__init__.py", "from .ids import digest", 1, ".ids.digest"),
    "a module on no floor": ("orchestrator/cellar.py", "", 1, "orchestrator.cellar"),
    "a package on no floor": ("orchestrator/attic/box.py", "", 1, "orchestrator.attic.box"),
    "a module that is not there": ("agents/search.py", "from ..memory.nowhere import x", 1, "..memory.nowhere.x"),
    "above the package": ("orchestrator/ids.py", "from ...tools import web", 1, "...tools.web"),
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The clean package, on disk."""
    for name, text in CLEAN.items():
        _write(tmp_path / name, text)
    return tmp_path


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_a_clean_package_has_no_violations(package: Path) -> None:
    assert violations(package) == []


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_violation_is_named(package: Path, kind: str) -> None:
    file, text, line, target = PLANTED[kind]
    _write(package / file, text)

    found = violations(package)

    assert (file, line, target) in [(one.file, one.line, one.target) for one in found], "\n".join(map(str, found))


@pytest.mark.parametrize(
    ("file", "text", "through"),
    [
        ("orchestrator/errors.py", "from .ids import digest", {"orchestrator.errors", "orchestrator.ids"}),
        ("orchestrator/errors.py", "def f():\n    from .ids import x", {"orchestrator.errors", "orchestrator.ids"}),
        ("orchestrator/rules/retry.py", TYPE_CHECKING + "from .plan import Plan", {"orchestrator.rules.plan"}),
        ("agents/search.py", "from . import Search", {"agents", "agents.search"}),
    ],
)
def test_modules_that_import_each_other_are_named(package: Path, file: str, text: str, through: set[str]) -> None:
    _write(package / file, text)

    [found] = violations(package)

    assert "import each other" in found.rule
    assert all(name in found.rule for name in through)
    assert (package / found.file).exists()


def test_the_real_tree_has_no_violations() -> None:
    found = violations(ROOT)

    assert found == [], "\n" + "\n".join(map(str, found))
