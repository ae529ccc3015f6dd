"""`bullpen research --detach`: a job in a process of its own, which goes on when this one and its terminal are gone."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..clock import SystemClock, new_random
from ..errors import BullpenError
from ..ids import new_job_id
from ..journal.clearing import LOG
from ..journal.reader import open_run
from ..journal.storage import SUFFIX
from ..settings import load_settings
from .printing import print_json

_LOOK_EVERY_S = 0.05


def detach(arguments: Sequence[str], settings: Mapping[str, Any], *, as_json: bool) -> int:
    """Start `bullpen research` with these arguments; return when the job is on record, or has failed before that.

    `settings` are what the arguments say of them: what needs a word is refused here, where somebody can be asked. The
    exit status is 0 when it is on record, else that of the process.
    """
    runs, job = load_settings(**settings).runs, new_job_id(SystemClock(), new_random())
    runs.mkdir(parents=True, exist_ok=True)
    log = runs / f"{job}{LOG}"
    command = [sys.executable, "-P", "-m", "bullpen", "research", f"--id={job}", "--new", *arguments]
    with log.open("wb") as told:
        child = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT, start_new_session=True
        )
    while not _is_on_record(runs / f"{job}{SUFFIX}"):
        if (status := child.poll()) is not None and not _is_on_record(runs / f"{job}{SUFFIX}"):
            sys.stderr.write(log.read_text(encoding="utf-8", errors="replace"))
            log.unlink()
            return status or 1
        time.sleep(_LOOK_EVERY_S)
    if as_json:
        print_json({"job": job, "pid": child.pid, "log": str(log)})
    else:
        sys.stdout.write(f"{job}\n")
        sys.stderr.write(f"process {child.pid} works on it: `bullpen tail {job}`; what it prints goes to {log}\n")
    return 0


def _is_on_record(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        return bool(open_run(path).accepted)
    except BullpenError:
        return False  # its first commit is on its way
