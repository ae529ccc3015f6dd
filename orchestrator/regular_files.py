"""The door to files whose names others may have chosen: regular files alone, never through a link. Blocking.

A folder that was received, or that others can write to, may hold a link, a pipe, a device or a folder under any name
that we open, lock, list, replace or delete. What is opened here is looked at before it is opened, so that no device is
woken and no pipe waited for, and again when it is open, before anything in it is changed. What is made here is for its
owner alone under any umask, which belongs to the whole process and is left as it is.

Folders: the parts of a relative path lie in the folder that is worked in, which may have come with links in it, so none
of them may be a link. An absolute path is somebody's own word for a place: its last part alone is looked at.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from .errors import BadInput

#: For the owner alone, as files and as folders; and as the umask says, for what people have asked to be written.
PRIVATE, PRIVATE_FOLDER, BY_UMASK = 0o600, 0o700, 0o666
_OTHERS = 0o077
#: What stands in a name's place, by the kinds of `stat`.
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path: Path, how: int = os.O_RDONLY, mode: int = PRIVATE) -> int:
    """A handle of the regular file there; with O_CREAT in `how` it is made, with `mode`, where nothing is.

    It is never cut off: who wants it empty truncates the handle. One of ours that others can read is made private when
    it is opened to be written. Raises BadInput, one line, where something else stands there, OSError as opening does.
    """
    check_regular(path)
    handle = os.open(path, how | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    try:
        kind = os.fstat(handle).st_mode
        if not stat.S_ISREG(kind):
            raise BadInput(_told(path, kind))
        if how & (os.O_WRONLY | os.O_RDWR) and mode == PRIVATE:
            _narrow(handle)
    except BaseException:
        os.close(handle)
        raise
    return handle


def read_regular(path: Path, bytes_most: int | None = None) -> bytes:
    """All bytes of the file. Raises as `open_regular`, and BadInput where there are more than `bytes_most`."""
    with os.fdopen(open_regular(path), "rb") as file:
        content = file.read(-1 if bytes_most is None else bytes_most + 1)
    if bytes_most is not None and len(content) > bytes_most:
        raise BadInput(f"{str(path)!r} is over {bytes_most} bytes, the most that are read of it; make it smaller")
    return content


def write_regular(path: Path, content: bytes) -> None:
    """Write a file that people have named, in the place of what is in it; others may read it as the umask says.

    Raises as `open_regular` and `check_named`.
    """
    check_named(path)
    with FileIO(open_regular(path, os.O_WRONLY | os.O_CREAT, BY_UMASK), "w") as file:
        file.truncate(0)
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) or 0 :]


@contextmanager
def replacing(path: Path, beside: Path, *, is_durable: bool = False) -> Iterator[BinaryIO]:
    """A private file, written under the name `beside`, which takes its place when it is whole; else nothing is left.

    `beside` is the caller's alone, in the same folder: what a dead process has left there goes. With `is_durable` its
    content is on the disk first. Raises as `open_regular`.
    """
    for each in (path, beside):
        check_regular(each)
    beside.unlink(missing_ok=True)
    try:
        with os.fdopen(open_regular(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            yield file
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def check_regular(path: Path) -> None:
    """Raises BadInput, one line, where something other than a regular file stands there."""
    with suppress(FileNotFoundError):
        mode = os.lstat(path).st_mode
        if not stat.S_ISREG(mode):
            raise BadInput(_told(path, mode))


def check_named(path: Path) -> None:
    """Raises BadInput where what people have named to be written is no regular file, or is led to by a link.

    Of an absolute path the folders may be links.
    """
    if not path.is_absolute():
        check_folder(path.parent)
    check_regular(path)


def keep_private(path: Path) -> None:
    """Take the regular file there, if any, from others, where it is ours. Raises BadInput where something else is."""
    with suppress(FileNotFoundError, PermissionError):  # what cannot be opened is told by whoever needs it
        os.close(open_regular(path, os.O_RDWR))


def is_regular(path: Path) -> bool:
    """Whether a regular file is there."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def list_regular(folder: Path, suffix: str) -> list[Path]:
    """The regular files there whose names end so, in the order of their names; none where there is no such folder.

    Raises BadInput where the folder is a link or cannot be listed.
    """
    return [path for path, mode in _listed(folder, suffix) if stat.S_ISREG(mode)]


def list_all(folder: Path) -> list[Path]:
    """Whatever is there, in the order of names. Raises as `list_regular`."""
    return [path for path, _ in _listed(folder, "")]


def list_odd(folder: Path, suffix: str) -> list[str]:
    """A line for each name there that ends so and is no regular file: it is left alone. Raises as `list_regular`."""
    return [_told(path, mode) for path, mode in _listed(folder, suffix) if not stat.S_ISREG(mode)]


def _listed(folder: Path, suffix: str) -> list[tuple[Path, int]]:
    try:
        check_folder(folder)
        with os.scandir(folder) as entries:
            return sorted((folder / each.name, _kind(each)) for each in entries if each.name.endswith(suffix))
    except FileNotFoundError:  # there is no such folder, or it has just gone
        return []
    except OSError as error:
        raise BadInput(f"folder {str(folder)!r} cannot be listed: {error.strerror}; name another one") from error


def _kind(entry: os.DirEntry[str]) -> int:
    """The kind in its mode; of most, the folder has said what they are, and they need not be looked at."""
    if entry.is_file(follow_symlinks=False):
        return stat.S_IFREG
    return stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)


def make_folder(path: Path) -> None:
    """Make a folder for its owner alone, with those that it stands in; one that is there stays as it is.

    Raises BadInput where it is a link or no folder, OSError where it cannot be made.
    """
    check_folder(path)
    for each in reversed((path, *path.parents)):
        if not each.exists():
            with suppress(FileExistsError):  # another process has just made it
                each.mkdir(PRIVATE_FOLDER)
    check_folder(path)


def check_folder(path: Path) -> None:
    """Raises BadInput, one line, where something other than a folder stands there, or one is named through a link."""
    parts = (path,) if path.is_absolute() else (*reversed(path.parents), path)
    for each in parts:
        with suppress(FileNotFoundError, NotADirectoryError):  # a file further up is named there, or by making folders
            mode = os.lstat(each).st_mode
            if stat.S_ISLNK(mode):
                mend = "name the folder that it leads to, by its absolute path, or move the link away"
                raise BadInput(f"folder {str(each)!r} is a link to {os.readlink(each)!r} and is not followed; {mend}")
            if not stat.S_ISDIR(mode):
                raise BadInput(
                    f"{str(each)!r} is {_KINDS.get(stat.S_IFMT(mode), 'a file')} and no folder; move it away"
                )


def make_private(folder: Path) -> None:
    """Take what is in the folder, and the folder itself, from others; links stay as they are, and what is not ours."""
    for _at, _, names, handle in os.fwalk(folder):
        _narrow(handle)
        for name in names:
            with suppress(FileNotFoundError):  # it has gone meanwhile
                there = os.stat(name, dir_fd=handle, follow_symlinks=False)
                if _is_wide(there) and stat.S_ISREG(there.st_mode):
                    os.chmod(name, stat.S_IMODE(there.st_mode) & ~_OTHERS, dir_fd=handle)


def remove_all(path: Path) -> None:
    """Remove what is there, whatever it is: a folder with all that is in it, of a link the link."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)


def _narrow(handle: int) -> None:
    there = os.fstat(handle)
    if _is_wide(there):
        os.fchmod(handle, stat.S_IMODE(there.st_mode) & ~_OTHERS)


def _is_wide(there: os.stat_result) -> bool:
    return bool(there.st_mode & _OTHERS) and there.st_uid == os.geteuid()


def _told(path: Path, mode: int) -> str:
    kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
    return f"{str(path)!r} is {kind} where only a regular file is opened; it is left alone: move it away"
