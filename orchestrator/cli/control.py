"""`bullpen pause`, `cancel`, `approve`, `steer` and `budget`: a word with a running job."""

import sys
from pathlib import Path
from typing import Any

from ..control.client import send
from ..control.protocol import Reply, command_of
from ..journal.reader import Run, open_run
from ..settings import runs_folder
from .printing import print_json


def say(name: str, job: str, runs_dir: Path | None, *, as_json: bool, **values: Any) -> None:
    """Send the job the command of this name, and print what it said."""
    command = command_of(name, values)
    run = open_run(job, runs_folder(runs_dir))
    print_reply(run, name, send(run, command), as_json=as_json)


def print_reply(run: Run, name: str, reply: Reply, *, as_json: bool) -> None:
    """Print what a job said to the command of this name."""
    if as_json:
        print_json({"job": run.id, "command": name, "said": reply.said, **reply.facts})
    else:
        sys.stdout.write(f"{run.id}: {reply.said}\n")
