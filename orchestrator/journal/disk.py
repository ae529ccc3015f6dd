"""Files as a disk has them: locked, flushed, and made whole or not at all. Blocking."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import BadInput, Unavailable
from ..regular_files import make_folder, open_regular

#: Behind the name of a file while it is being made.
HALF_MADE = ".half-made"
#: File systems on which a lock does not hold between machines, or a flush does not reach a disk.
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs"})
#: A reader's look at the lock lasts no longer than this, in seconds.
_LOOK_S = 0.2


def lock(path: Path, how: int = os.O_CREAT) -> int | None:
    """A handle of the file, made if need be, with the lock on it; None where another process has it.

    Without O_CREAT in `how` none is made: FileNotFoundError. One that was deleted or replaced while its lock was waited
    for is another's: what is written to a file without a name is lost. BadInput where something else stands there.
    """
    handle = open_regular(path, os.O_RDWR | os.O_APPEND | how)
    until_s = time.monotonic() + _LOOK_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                break
            time.sleep(_LOOK_S / 10)
        else:
            if _is_at(path, handle):
                return handle
            break
    os.close(handle)
    return None


@contextlib.contextmanager
def locked(path: Path, how: int) -> Iterator[int]:
    """The lock on a file, for a while. Raises Unavailable where another process has it, OSError as opening does."""
    handle = lock(path, how)
    if handle is None:
        raise Unavailable(f"{path.name!r} is held by another process")
    try:
        yield handle
    finally:
        os.close(handle)


def put(path: Path, content: bytes, *, instead: bool) -> None:
    """Make a file with this content, on disk when this returns, whole or not at all; in another's place if `instead`.

    Raises FileExistsError where there is one and it is not to be replaced, Unavailable where another process is making
    it, OSError where it cannot be made; nothing of it is left then.
    """
    beside = path.with_name(path.name + HALF_MADE)
    with locked(beside, os.O_CREAT) as handle:
        try:
            os.ftruncate(handle, 0)
            write_all(handle, content)
            to_disk(handle)
            if instead:
                beside.replace(path)
            else:
                os.link(beside, path)  # unlike a rename it never takes another's place
        finally:
            beside.unlink(missing_ok=True)
    folder_to_disk(path.parent)


def write_all(handle: int, content: bytes) -> None:
    """Write all of it, in as many writes as it takes."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def to_disk(handle: int) -> None:
    """Return when what was written is on the disk."""
    if hasattr(fcntl, "F_FULLFSYNC"):  # elsewhere than on Linux a plain sync may stop at the disk's own cache
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(handle)


def folder_to_disk(folder: Path) -> None:
    """Return when what the folder names is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_at(path: Path, handle: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(handle))
    return False


def folder_for(path: Path) -> None:
    """Make the folder of a run. Raises BadInput where it cannot be, or where neither locks nor flushes hold."""
    try:
        make_folder(path.parent)
    except OSError as error:
        raise BadInput(f"folder {str(path.parent)!r} cannot be written: {error.strerror}; name another one") from error
    kind = _file_system(path.parent.resolve())
    if kind in _REMOTE:
        raise BadInput(
            f"folder {str(path.parent)!r} is on {kind}, where locks and flushes cannot be relied on; "
            "name a folder on a disk of this machine with `runs_dir`"
        )


def _file_system(folder: Path) -> str:
    """The kind of file system that a folder is on; empty where the system does not say."""
    kinds: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mounts").read_text(errors="surrogateescape").splitlines():
            _, place, kind, *_ = line.split(" ")
            kinds[place.replace("\\040", " ")] = kind
    return next((kinds[str(place)] for place in (folder, *folder.parents) if str(place) in kinds), "")
