"""The lock on a memory's folder: whoever has it owns what is in there, until it is closed or its process is gone."""

import fcntl
import os
from pathlib import Path

from ..orchestrator.errors import BadInput
from ..orchestrator.regular_files import make_folder, open_regular, read_regular

_NAME = "lock"


def take(folder: Path) -> int | None:
    """An open file that the operating system locks for us, in a folder made if there is none; None where it is taken.

    Raises: BadInput when the folder cannot be written, or something else stands in the lock's place.
    """
    try:
        make_folder(folder)
        lock = open_regular(folder / _NAME, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise BadInput(
            f"cannot keep memory in {str(folder)!r}: {error.strerror}; give a folder that can be written"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def holder(folder: Path) -> str:
    """The process (id) that has last taken it."""
    held_by = read_regular(folder / _NAME).strip()
    return held_by.decode() if held_by.isdigit() else "unknown"
