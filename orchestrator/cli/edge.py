"""What a command says of trouble that reached its edge: one line with the thing, the reason and the mend."""

import errno
from collections.abc import Mapping

_NO_RIGHT = "give this user the right to it, or name another place"
_TAKEN = "move away what stands there, or name another place"
_MENDS: Mapping[int, str] = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: "name a place that can be written",
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "make room",
    errno.ENOTDIR: _TAKEN,
    errno.EISDIR: _TAKEN,
    errno.EEXIST: _TAKEN,
    errno.ELOOP: "mend the link",
    errno.ENAMETOOLONG: "shorten the name",
    errno.ENOENT: "make it, or name one that is there",
    errno.EMFILE: "let this process open more files (ulimit -n)",
}


def alone(error: BaseException) -> BaseException:
    """The one error of a group, however deep; a group of several as it is."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def line_of(error: OSError) -> str:
    """What the system refused, why, and what helps."""
    what = next((str(name) for name in (error.filename, error.filename2) if name), "")
    where = f"{what!r}: " if what else ""
    reason = error.strerror or str(error) or type(error).__name__
    mend = _MENDS.get(error.errno or 0, "mend that and try again")
    return f"{where}{reason}; {mend}"
