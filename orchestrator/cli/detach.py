"""`bullpen research --detach`: a job in a process of its own, which goes on when this one and its terminal are gone."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from ..clock import SystemClock, new_random
from ..errors import BadInput, BullpenError
from ..ids import new_job_id
from ..journal.clearing import LOG
from ..journal.reader import open_run
from ..journal.storage import SUFFIX
from ..regular_files import make_folder, open_regular, read_regular
from ..settings import load_settings
from .printing import print_json

_LOOK_EVERY_S = 0.05


def detach(arguments: Sequence[str], runs_dir: Path | None, *, as_json: bool) -> int:
    """Start `bullpen research` with these arguments; return when the job is on record, or has failed before that.

    The exit status is 0 when it is on record, else that of the process.
    """
    runs, job = load_settings(runs_dir=runs_dir).runs, new_job_id(SystemClock(), new_random())
    log = runs / f"{job}{LOG}"
    command = [sys.executable, "-P", "-m", "bullpen", "research", f"--id={job}", "--new", *arguments]
    with _made(log) as told:
        child = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT, start_new_session=True
        )
    while not _is_on_record(runs / f"{job}{SUFFIX}"):
        if (status := child.poll()) is not None and not _is_on_record(runs / f"{job}{SUFFIX}"):
            sys.stderr.write(read_regular(log).decode(errors="replace"))
            log.unlink()
            return status or 1
        time.sleep(_LOOK_EVERY_S)
    if as_json:
        print_json({"job": job, "pid": child.pid, "log": str(log)})
    else:
        sys.stdout.write(f"{job}\n")
        sys.stderr.write(f"process {child.pid} works on it: `bullpen tail {job}`; what it prints goes to {log}\n")
    return 0


def _made(log: Path) -> FileIO:
    """A new file for this user alone, in a folder made for it. Raises BadInput where there can be none."""
    try:
        make_folder(log.parent)
        return FileIO(open_regular(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w")
    except OSError as error:
        told = f"{str(log)!r} cannot be written: {error.strerror}; name another folder for runs"
        raise BadInput(told) from error


def _is_on_record(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        return bool(open_run(path).accepted)
    except BullpenError:
        return False  # its first commit is on its way
