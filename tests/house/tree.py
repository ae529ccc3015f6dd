"""The project's own files, as the house tests look at them."""

import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("agents", "orchestrator", "memory", "tools")
#: The files of the package that stand at the root.
FRONT = ("__init__.py", "__main__.py", "py.typed")


def tracked() -> list[Path]:
    """Every tracked file, relative to the root; outside a checkout every file that .gitignore does not name."""
    names = _by_git() or _by_walking()
    return sorted(name for name in names if (ROOT / name).is_file() and not (ROOT / name).is_symlink())


def _by_git() -> list[Path]:
    """Nothing where there is no git, no checkout, or one that belongs to somebody else."""
    if shutil.which("git") is None:
        return []
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name]


def _by_walking() -> list[Path]:
    rules = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split())]
    paths = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
    return [path for path in paths if not any(fnmatch(part, rule) for part in path.parts for rule in rules)]


def in_rooms() -> list[Path]:
    """The tracked files of the four rooms."""
    return [path for path in tracked() if path.parts[0] in ROOMS and len(path.parts) > 1]
