"""Finds the files of a corpus: folders are walked in order, and what will not be read has its reason."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..orchestrator.errors import BadInput
from ..orchestrator.text import clean
from .formats import ENDINGS, UNREAD


class Found(NamedTuple):
    """A file to read, and its name within the corpus; or the reason why not."""

    path: Path
    name: str
    reason: str = ""

    @property
    def uri(self) -> str:
        """Its address."""
        return shown(self.path)


def find(paths: Sequence[Path]) -> list[Found]:
    """The files given, and those in the folders given, in order.

    Raises: BadInput when a path does not exist, or when nothing there has an ending that is read.
    """
    files: list[Found] = []
    for path in paths:
        if not path.exists():
            raise BadInput(f"corpus {str(path)!r} does not exist; give a file or folder that does")
        files.extend(_walk(path) if path.is_dir() else [_given(path)])
    if not any(file.path.name.lower().endswith(ENDINGS) for file in files):
        raise BadInput(
            f"nothing to read in {', '.join(map(repr, map(str, paths)))}; give files ending in {', '.join(ENDINGS)}"
        )
    return files


def shown(path: Path | str) -> str:
    """The path as text that can be kept; bytes of a name that are no UTF-8 as `\\xff`, so that names stay different."""
    return clean(os.fsencode(path).decode(errors="backslashreplace"))


def _given(path: Path) -> Found:
    known = path.name.lower().endswith(ENDINGS)
    return Found(path, shown(path.name), "" if known else f"its ending is not one of {', '.join(ENDINGS)}")


def _walk(root: Path) -> Iterator[Found]:
    inside = os.path.realpath(root)
    problems: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=problems.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted([*names, *linked]):
            path = Path(folder) / name
            if name in linked or name.lower().endswith((*ENDINGS, *UNREAD)):
                if reason := _reason_against(path, inside):
                    yield Found(path, _within(path, root), reason)
                elif name not in linked:
                    yield Found(path, _within(path, root))
    for problem in problems:
        path = Path(problem.filename)
        yield Found(path, _within(path, root), f"cannot be opened: {problem.strerror}")


def _within(path: Path, root: Path) -> str:
    return shown(path.relative_to(root).as_posix())


def _reason_against(path: Path, inside: str) -> str:
    """Why a path found in a folder is not read, or nothing."""
    if path.is_symlink():
        target = os.path.realpath(path)  # of a loop, the path itself
        if os.path.commonpath([target, inside]) != inside:
            return "a link that leads outside the folder; name what it leads to, to have it read"
        if not path.exists():
            return "a link that leads nowhere"
    if path.name.startswith("."):
        return "hidden"
    if path.name.lower().endswith(UNREAD) and path.is_file():
        return f"its ending is not one of {', '.join(ENDINGS)}"
    return ""
