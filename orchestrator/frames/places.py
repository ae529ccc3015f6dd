"""Where code stands, as file and line: of a thread that runs, of a coroutine that waits."""

import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

#: Where no worker stands: Python itself, what is installed, and the platform.
_NO_WORKERS = (*(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")), "<")
_PLATFORM = str(Path(__file__).parents[1])


def place(frames: Iterable[tuple[CodeType, int]]) -> str:
    """`file:line` of the innermost of these frames, given from the outside in, that is a worker's; else of them all."""
    places = [(code.co_filename, line) for code, line in frames]
    own = [(file, line) for file, line in places if not file.startswith((*_NO_WORKERS, _PLATFORM))]
    return "an unknown place" if not places else "{}:{}".format(*(own or places)[-1])


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
