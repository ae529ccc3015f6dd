"""Says of a file, without reading it, whether it may have changed since it was read.

A stamp holds what a file system changes with every write: size, times, inode. A write within one tick of its clock,
after the file was read, would leave the times as they are; so a file is stamped only when it has been at rest.
"""

import os
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ..orchestrator.ids import digest

#: Nanoseconds that a file has been at rest before it is read: the coarsest clock of a file system ticks every 2 s.
AT_REST_NS = 2_000_000_000
#: What decides, beside our own code, which text comes of a file.
_LIBRARIES = ("charset-normalizer", "lxml", "pypdf", "python-docx", "pyyaml", "trafilatura")


def stamp(status: os.stat_result) -> str:
    """Another one where the file, or the code that reads files, has changed."""
    state = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return ":".join(map(str, (_reader(), *state)))


def was_at_rest(status: os.stat_result, at_ns: int) -> bool:
    """Whether no write before that time of the clock can have had the same time as a later one.

    Only the time of the last change counts, which nobody can set.
    """
    return at_ns - status.st_ctime_ns > AT_REST_NS


@cache
def _reader() -> str:
    """Another one for other code: of this folder, of Python, of the libraries that parse."""
    own = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    others = [f"{name} {version(name)}" for name in _LIBRARIES]
    return digest(b"\0".join([*own, sys.version.encode(), *map(str.encode, others)]))[:12]
