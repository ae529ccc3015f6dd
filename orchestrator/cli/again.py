"""`bullpen replay`, `fork` and `diff`: a job gone through again, done another way, and set beside another."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio

from ..evidence import Report
from ..gateway.rungs import secrets_of
from ..journal.difference import Difference, difference
from ..journal.reader import Run, open_run
from ..journal.storage import SUFFIX
from ..replay import Replay, replay
from ..settings import Settings, runs_folder
from ..system import open_system
from ..team import Team
from .door import hide
from .prepare import To, begin, prepare, settled
from .printing import cell, print_json, print_table
from .report_file import check_writable, deliver
from .research import worked


def replay_job(job: str, *, out: Path | None, as_json: bool, settings: Mapping[str, Any]) -> int:
    """Go through a job again from its record alone. The exit status: 1 when its report comes out differently."""
    run = open_run(job, runs_folder(settings["runs_dir"]))
    loaded, team = prepare(run, settings, To.REPLAY)
    check_writable(out)
    sys.addaudithook(_refuse_network)
    came = replay(run, team, loaded)
    deliver(Report.model_validate_json(came.replayed), out, lambda _: _print_replay(run, came, as_json=as_json))
    return 0 if came.is_same else 1


def _print_replay(run: Run, came: Replay, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {"job": run.id, "is_same": came.is_same, "missing": came.missing, "report": json.loads(came.replayed)}
        )
    elif came.is_same:
        sys.stdout.write(f"the report of job {run.id} comes out the same, byte for byte ({len(came.replayed)} bytes)\n")
    else:
        sys.stdout.write(f"the report of job {run.id} comes out differently\n")
        sys.stdout.writelines(f"not on record: {what}\n" for what in came.missing)
        before, after = (json.loads(report) for report in (came.recorded, came.replayed))
        changed = [name for name in before | after if before.get(name) != after.get(name)]
        sys.stdout.writelines(f"  {name}: {before.get(name)!r}\n  now: {after.get(name)!r}\n" for name in changed)


def fork_job(
    job: str, at: int | None, changes: Sequence[str], *, out: Path | None, as_json: bool, settings: Mapping[str, Any]
) -> int:
    """Do a job another way and show what differs. The exit status is 0 when the new job has a report."""
    check_writable(out)
    run = open_run(job, runs_folder(settings["runs_dir"]))
    changes = [settled(change) for change in changes]
    loaded, team = prepare(run, settings, To.FORK, changes)
    begin(loaded.default_team, run.accepted.get("corpus", ()), settings, (*run.changes, *changes))
    if at is None and (not changes or any(change.startswith("model=") for change in changes)):
        at = 0
    forked = open_run(anyio.run(_fork, run, at, changes, loaded, team))
    if forked.report is None:
        _print_difference(run, forked, as_json=as_json)
        return 1
    deliver(forked.report, out, lambda _: _print_difference(run, forked, as_json=as_json))
    return 0


def diff_jobs(before: str, after: str, runs_dir: Path | None, *, as_json: bool) -> None:
    """Set two jobs side by side."""
    runs = runs_folder(runs_dir)
    _print_difference(open_run(before, runs), open_run(after, runs), as_json=as_json)


async def _fork(run: Run, at: int | None, changes: Sequence[str], settings: Settings, team: Team) -> Path:
    async with open_system(settings, team) as system, system.fork(run, at, changes) as job:
        hide(secrets_of(system.gateway.rungs, os.environ))
        sys.stderr.write(f"job {job.id}, forked from {run.id}\n")
        await worked(job)
        return settings.runs / f"{job.id}{SUFFIX}"


def _print_difference(before: Run, after: Run, *, as_json: bool) -> None:
    found = difference(before, after)
    if as_json:
        print_json({"before": before.id, "after": after.id, **asdict(found)})
        return
    totals = [[name, cell(first), cell(second)] for name, (first, second) in found.totals.items()]
    print_table(("", before.id, after.id), totals)
    sys.stdout.write("\n")
    print_table(("task", "before", "after", "asked", "taken over"), _path(found))
    sys.stdout.write("\n" if found.text else "\nthe text of the report is the same\n")
    sys.stdout.writelines(f"{line}\n" for line in found.text)


def _path(found: Difference) -> list[list[str]]:
    return [[step.task, step.before, step.after, str(step.asked), str(step.taken_over)] for step in found.tasks]


def _refuse_network(event: str, _: object) -> None:
    """From here on nothing in this process may connect to anything."""
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise PermissionError(f"{event}: a replay has no network")
