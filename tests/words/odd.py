"""What may stand under a name in the place of a file, and whether anything that it leads to was touched."""

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

ODD = ("link", "dangling link", "link to a folder", "pipe", "folder", "socket")


class Outside:
    """A folder of the user's, to which nothing that is found under our names may lead."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "outside"
        (self._folder / "folder").mkdir(parents=True)
        for path in (self._folder / "file", self._folder / "folder" / "file"):
            path.write_bytes(b"what belongs to the user")
        self._before = self._seen()

    def stand_in(self, odd: str, path: Path) -> None:
        """Have one of `ODD` stand there; `absent` is nothing."""
        match odd:
            case "link":
                path.symlink_to(self._folder / "file")
            case "dangling link":
                path.symlink_to(self._folder / "new")
            case "link to a folder":
                path.symlink_to(self._folder / "folder")
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "socket":
                with chdir(path.parent), socket.socket(socket.AF_UNIX) as listener:
                    listener.bind(path.name)  # a whole path may be too long for an address

    def is_untouched(self) -> bool:
        """Whether everything in it is as it was, and nothing has come."""
        return self._seen() == self._before

    def _seen(self) -> dict[str, tuple[int, int, bytes]]:
        found = {}
        for path in sorted(self._folder.rglob("*")):
            there = path.stat()
            found[str(path)] = (there.st_mode, there.st_mtime_ns, b"" if path.is_dir() else path.read_bytes())
        return found


@contextmanager
def bound_by_modes() -> Iterator[None]:
    """Within, this thread may do with files what their modes allow, as root too. Source: capabilities(7), capset(2)."""
    libc, header, sets = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    effective = sets[0]
    sets[0] &= ~(1 << 1 | 1 << 2)  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH; they stay permitted
    assert libc.capset(header, sets) == 0
    try:
        yield
    finally:
        sets[0] = effective
        assert libc.capset(header, sets) == 0
