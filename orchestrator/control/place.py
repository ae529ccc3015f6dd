"""Where a socket is: beside the run that is controlled, in the folder of the memory that is asked, or, where such a
path is too long for one, in a folder of its own with a symbolic link there. Only who holds the lock of that run or
memory makes its socket, so one that is there before is a dead process's.
"""

import os
import socket
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .protocol import Asker

SUFFIX = ".sock"
#: What fits a socket's address on every system, in bytes. Source: unix(7), sun_path, and 104 with its end on others.
_PATH_BYTES_MOST = 103
_BACKLOG = 16


def socket_of(run: Path) -> Path:
    """The socket of the job with this run."""
    return run.absolute().with_suffix(SUFFIX)


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A socket that listens there, for this user alone; gone afterwards. Raises OSError where there can be none."""
    _remove(path)
    folder = None if len(os.fsencode(path)) <= _PATH_BYTES_MOST else Path(tempfile.mkdtemp(prefix="bullpen-"))
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.setblocking(False)
            address = path if folder is None else folder / "control"
            listener.bind(str(address))
            os.chmod(address, 0o600)  # before anybody can connect: nobody can until it listens
            if folder is not None:
                path.symlink_to(address)
            listener.listen(_BACKLOG)
            yield listener
    finally:
        _remove(path)


def connected(path: Path, *, timeout_s: float) -> socket.socket:
    """A connection to it. Raises OSError where nobody listens."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout_s)
        connection.connect(os.readlink(path) if path.is_symlink() else str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def peer_of(connection: socket.socket) -> Asker:
    """Who is at the other end. The file's mode has kept others out where the system does not say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return Asker(pid=None, uid=None)
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return Asker(pid=pid, uid=uid)


def _remove(path: Path) -> None:
    """Remove what is there; behind a link the socket too, and the folder that was made for it."""
    for each in (Path(os.readlink(path)),) if path.is_symlink() else ():
        if each.is_socket():
            each.unlink()
            with suppress(OSError):  # something of somebody else's is in it
                each.parent.rmdir()
    with suppress(FileNotFoundError):
        path.unlink()
