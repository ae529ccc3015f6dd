"""`bullpen research --detach`: a job in a process of its own, which goes on when this one and its terminal are gone."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

from ..clock import SystemClock, new_random
from ..control.client import state_of
from ..errors import BadInput, BullpenError
from ..ids import new_job_id
from ..journal.clearing import LOG
from ..journal.reader import job_names, open_run
from ..journal.storage import SUFFIX
from ..regular_files import make_folder, open_regular, read_regular
from ..settings import load_settings
from .printing import print_json

_LOOK_EVERY_S = 0.05


def detach(arguments: Sequence[str], settings: Mapping[str, Any], *, as_json: bool) -> int:
    """Start `bullpen research` with these arguments; return when the job is on record, or has failed before that.

    `settings` are what the arguments say of them: what needs a word is refused here, where somebody can be asked. The
    exit status is 0 when it is on record, else that of the process.
    """
    runs = load_settings(**settings).runs
    job = new_job_id(SystemClock(), new_random(), job_names(runs))
    log = runs / f"{job}{LOG}"
    command = [sys.executable, "-P", "-m", "bullpen", "research", f"--id={job}", "--new", *arguments]
    with _made(log) as printed:
        child = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True
        )
    told = False
    while not _is_on_record(runs / f"{job}{SUFFIX}"):
        told = told or _says_that_it_waits(runs / f"{job}{SUFFIX}")
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


def _says_that_it_waits(path: Path) -> bool:
    """Tell why there is no room for the job's record, if there is none; whether that was told."""
    if not path.exists() or not (why := state_of(path).full):
        return False
    sys.stderr.write(f"{why}: the job waits for it\n")
    return True


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
