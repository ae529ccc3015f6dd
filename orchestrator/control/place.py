"""Where a socket is: beside the run that is controlled, in the folder of the memory that is asked, or, where such a
path is too long for one, in a folder of its own with a symbolic link there. Only who holds the lock of that run or
memory makes its socket, so one that is there before is a dead process's, or came with the folder.
"""

import errno
import os
import socket
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..regular_files import PRIVATE, PRIVATE_FOLDER
from .protocol import Asker

SUFFIX = ".sock"
#: What fits a socket's address on every system, in bytes. Source: unix(7), sun_path, and 104 with its end on others.
_PATH_BYTES_MOST = 103
_BACKLOG = 16
#: What a folder is called that is made for one socket, and the socket in it.
_PREFIX, _NAME = "bullpen-", "control"


def socket_of(run: Path) -> Path:
    """The socket of the job with this run."""
    return run.absolute().with_suffix(SUFFIX)


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A socket that listens there, for this user alone; gone afterwards. Raises OSError where there can be none."""
    _remove(path)
    folder = None if len(os.fsencode(path)) <= _PATH_BYTES_MOST else Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.setblocking(False)
            address = path if folder is None else folder / _NAME
            listener.bind(str(address))
            os.chmod(address, PRIVATE)  # before anybody can connect: nobody can until it listens
            if folder is not None:
                path.symlink_to(address)
            listener.listen(_BACKLOG)
            yield listener
    finally:
        _remove(path)


def connected(path: Path, *, timeout_s: float) -> socket.socket:
    """A connection to it. Raises OSError where nobody listens, or what is there is none of this user's sockets."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout_s)
        connection.connect(str(_address(path)))
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


def _address(path: Path) -> Path:
    """Where the socket itself is: there, or behind a link that `listening` has made.

    Raises FileNotFoundError where there is none, ConnectionRefusedError where it is none of this user's: whoever has
    put it there, nothing is said to it.
    """
    there = os.lstat(path)
    address = _behind(path) if stat.S_ISLNK(there.st_mode) else path
    if address is not None:
        there = os.lstat(address)
        if stat.S_ISSOCK(there.st_mode) and there.st_uid == os.geteuid():
            return address
    raise ConnectionRefusedError(errno.ECONNREFUSED, f"{path.name!r} there is no socket of this user's")


def _behind(link: Path) -> Path | None:
    """What a link leads to, if `listening` has made it: in a folder that nobody else gets into."""
    address = Path(os.readlink(link))
    if address.name == _NAME and address.parent.name.startswith(_PREFIX) and address.is_absolute():
        with suppress(FileNotFoundError, NotADirectoryError):
            folder = os.lstat(address.parent)
            if (stat.S_IMODE(folder.st_mode), folder.st_uid) == (PRIVATE_FOLDER, os.geteuid()):
                return address
    return None


def _remove(path: Path) -> None:
    """Remove a socket that is there, or a link; behind one of ours the socket too, and the folder made for it.

    Raises OSError where something else is there, which stays.
    """
    with suppress(FileNotFoundError):
        there = os.lstat(path).st_mode
        if stat.S_ISLNK(there) and (address := _behind(path)) is not None and address.is_socket():
            address.unlink()
            with suppress(OSError):  # something of somebody else's is in it
                address.parent.rmdir()
        if not (stat.S_ISLNK(there) or stat.S_ISSOCK(there)):
            raise FileExistsError(errno.EEXIST, "something else stands in the socket's place; move it away", str(path))
        path.unlink()
