"""A report as a file: in which form, whether it can be written, and when one that is only on record is."""

import errno
import os
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from ..errors import BadInput, BullpenError
from ..evidence import Report
from ..regular_files import check_named, open_regular, write_regular
from .door import told
from .printing import json_of

#: Files that nothing runs and nothing reads its settings from.
_ENDINGS = frozenset({".md", ".markdown", ".txt", ".json"})


def check_writable(out: Path | None) -> None:
    """Find out before the work, not after it, that the report cannot be written. None is nowhere."""
    if out is None:
        return
    try:
        check_named(out)
        probe = out.with_name(f".{uuid.uuid4().hex}")
        os.close(open_regular(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        probe.unlink()
        if _is_there(out) and not os.access(out, os.W_OK):
            raise PermissionError(errno.EACCES, "it may not be written")
    except (OSError, ValueError, BadInput) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadInput(f"--out {str(out)!r} cannot be written: {reason}; name another file") from error


def deliver(report: Report, out: Path | None, show: Callable[[Report], None]) -> None:
    """Write the report to its file, if it has one, and show it. Raises BullpenError, when shown, if it has no file."""
    failed: OSError | BadInput | None = None
    if out is not None:
        try:
            write_regular(out, _as_file(report, out).encode())
        except (OSError, BadInput) as error:
            failed = error
    show(report)
    if failed is not None:
        kept = f"it is on record: `bullpen replay {report.job} --out FILE` writes it"
        why = failed.strerror if isinstance(failed, OSError) else str(failed)
        raise BullpenError(f"the report cannot be written to {str(out)!r}: {why}; {kept}") from failed


def on_record(asked: str) -> Path | None:
    """Where the report goes of a job that was launched with this `--out`, on record, and is gone on with without one.

    A run may come from anybody: what it names is written only where it is a new report in the folder that one works
    in. None, with a line that says why, where it is not.
    """
    if not asked:
        return None
    if why := _why_not(Path(asked), Path.cwd()):
        say = f"bullpen: it was launched with --out {asked}, which {why}: give --out to write it there\n"
        sys.stderr.write(say)
        return None
    return Path(asked)


def _why_not(asked: Path, folder: Path) -> str:
    """Why nothing is written there on the word of a run alone; "" where it is."""
    try:
        place, folder = asked.parent.resolve() / asked.name, folder.resolve()
        if not place.is_relative_to(folder):
            return "is outside this folder"
        if any(part.startswith(".") for part in place.relative_to(folder).parts) or place.suffix not in _ENDINGS:
            return "is no plain file for a report"
        if _is_there(place):
            return "is there already"
        check_named(asked)
        return ""
    except BadInput:
        return "leads through a link"
    except (OSError, ValueError, RuntimeError):  # a name that is too long, holds a null byte, or leads in circles
        return "cannot be looked at"


def _is_there(path: Path) -> bool:
    """Whether there is such a file. Unlike Path.exists it raises for a name that there cannot be."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def _as_file(report: Report, out: Path) -> str:
    if out.suffix == ".json":
        return json_of(report.as_json(), indent=2) + "\n"
    return told(report.text)
