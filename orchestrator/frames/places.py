"""Where code stands, as file and line: of a thread that runs, of a coroutine that waits."""

import os
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

#: What is installed, as a part of a path, wherever it is.
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
#: Where no worker stands beside that: Python itself, and code without a file.
_NO_WORKERS = (*(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")), "<")
#: The platform: all of the package but its agents.
_PLATFORM = tuple(f"{Path(__file__).parents[2] / room}{os.sep}" for room in ("orchestrator", "memory", "tools"))
#: What stands between the platform's loop and a worker's code.
_FRAME = str(Path(__file__).with_name("frame.py"))
_IMPORT = "<frozen importlib"


def place(frames: Iterable[tuple[CodeType, int]]) -> str:
    """`file:line` of the innermost of these frames, given from the outside in, that is a worker's; else of them all."""
    places = [(code.co_filename, line) for code, line in frames]
    own = [(file, line) for file, line in places if not _is_platform(file) and not _is_installed(file)]
    return "an unknown place" if not places else "{}:{}".format(*(own or places)[-1])


def blocked(frames: Sequence[tuple[CodeType, int]]) -> tuple[str, bool]:
    """`file:line` of what keeps a thread with these frames, and whether it is the platform's own code.

    It is whose code is innermost. What is installed, and all that an import runs, is put down to whoever called it.
    """
    places = [(code.co_filename, line) for code, line in frames]
    begun = max((n for n, (file, _) in enumerate(places, start=1) if file == _FRAME), default=0)
    imported = next((n for n, (file, _) in enumerate(places) if n >= begun and file.startswith(_IMPORT)), None)
    known = [each for each in places[begun:imported] if _is_platform(each[0]) or not _is_installed(each[0])]
    return ("{}:{}".format(*known[-1]), _is_platform(known[-1][0])) if known else (place(frames), False)


def _is_platform(file: str) -> bool:
    return file.startswith(_PLATFORM)


def _is_installed(file: str) -> bool:
    return file.startswith(_NO_WORKERS) or any(part in file for part in _INSTALLED)


def stack(frame: FrameType | None) -> list[tuple[CodeType, int]]:
    """The frames of a running thread, from the outside in."""
    found: list[tuple[CodeType, int]] = []
    while frame is not None:
        found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return found[::-1]


def waiting(coroutine: Any) -> list[tuple[CodeType, int]]:
    """The frames of a coroutine that waits, from the outside in."""
    found: list[tuple[CodeType, int]] = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        found.append((frame.f_code, frame.f_lineno))
        coroutine = coroutine.cr_await
    return found
