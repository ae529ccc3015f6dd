"""The project's own files, as the house tests look at them."""

import subprocess
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("agents", "orchestrator", "memory", "tools")
#: The files of the package that stand at the root.
FRONT = ("__init__.py", "__main__.py", "py.typed")


def tracked() -> list[Path]:
    """Every tracked file, relative to the root; outside a checkout every file that .gitignore does not name."""
    git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if git.returncode == 0:
        names = [Path(name) for name in git.stdout.split("\0") if name]
    else:  # a source archive, or a checkout that belongs to somebody else
        ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text().split())]
        everything = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        names = [path for path in everything if not any(fnmatch(part, rule) for part in path.parts for rule in ignored)]
    return sorted(name for name in names if (ROOT / name).is_file() and not (ROOT / name).is_symlink())


def in_rooms() -> list[Path]:
    """The tracked files of the four rooms."""
    return [path for path in tracked() if path.parts[0] in ROOMS and len(path.parts) > 1]
