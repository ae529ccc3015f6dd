"""`bullpen runs`: what its commands print."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..clock import SystemClock
from ..control.place import SUFFIX as SOCKETS
from ..errors import BadInput, Unavailable
from ..journal import clearing, keeping
from ..journal.reader import find_run, list_runs
from ..settings import runs_folder
from ..text import shorten
from .printing import print_json, print_table

T = TypeVar("T")
_DAY_MS = 24 * 60 * 60 * 1000
#: The exit status of a copy that has a part of its run.
_PARTIAL = 3


def verify_runs(jobs: Sequence[str], runs_dir: Path | None, *, as_json: bool) -> int:
    """A row for each run, and in JSON all that is wrong. The exit status: 1 when anything is."""
    runs = runs_folder(runs_dir)
    paths = [_found(job, runs) for job in jobs] if jobs else list_runs(runs)
    checked = [keeping.check(path) for path in paths]
    wrong = sum(1 for run in checked if run.problems)
    if as_json:
        print_json([_as_json(run) for run in checked])
    elif not checked:
        sys.stdout.write(f"there are no runs in {str(runs)!r}\n")
    else:
        rows = [[run.job, run.state, str(run.events), _summary(run.problems)] for run in checked]
        print_table(("job", "state", "events", "what is wrong"), rows)
        sys.stdout.write(f"\n{len(checked)} runs, {wrong or 'none'} with something wrong\n")
    return 1 if wrong else 0


def _found(job: str, runs: Path) -> Path:
    """A run by any name that it is known by; also one that lies elsewhere, whatever its file is called."""
    return Path(job) if Path(job).is_file() else find_run(job, runs)


def _as_json(run: keeping.Checked) -> dict[str, Any]:
    return {"job": run.job, "state": run.state, "events": run.events, "problems": run.problems}


def _summary(problems: Sequence[str]) -> str:
    more = f" (and {len(problems) - 1} more, with --json)" if len(problems) > 1 else ""
    return "".join(problems[:1]) + more


def export_run(job: str, runs_dir: Path | None, *, to: Path, as_events: bool, is_forced: bool, as_json: bool) -> int:
    """Copy a run to a file. The exit status: 3 where it is damaged and the copy a part of it."""
    runs = runs_folder(runs_dir)
    copied = keeping.export(_found(job, runs), to, runs, instead=is_forced, as_events=as_events)
    run, damage = copied.run, copied.damage
    if as_json:
        facts = {"seq": damage.seq, "reason": damage.reason, "later": damage.later} if damage else None
        print_json({**_as_json(run), "file": str(to), "bytes": to.stat().st_size, "damage": facts})
    else:
        sys.stdout.write(f"{run.job} exported to {to}: events 1 to {run.events}{_of_what(copied)}\n")
    return _PARTIAL if damage else 0


def _of_what(copied: keeping.Copied) -> str:
    if copied.damage:
        seq, reason, later = copied.damage
        return f" of a damaged run; {later} later commits are unreadable (damaged at event {seq}: {reason})"
    return ", and it goes on" if copied.run.state == "running" else f", {copied.run.state}"


def import_file(file: Path, runs_dir: Path | None, *, as_json: bool) -> None:
    """Put a file among the runs, and say what else is wrong with it."""
    copied = keeping.import_run(file, runs_folder(runs_dir))
    run = copied.run
    if as_json:
        print_json({**_as_json(run), "file": str(copied.path), "was_there": copied.was_there})
        return
    told = "is there already, the same" if copied.was_there else "imported"
    sys.stdout.write(f"{run.job} {told}: {run.events} events, {run.state}\n")
    sys.stdout.writelines(f"{problem}\n" for problem in run.problems)


def retain_runs(
    runs_dir: Path | None, *, bounds: Mapping[str, int | None], interrupted: bool, dry_run: bool, as_json: bool
) -> int:
    """Delete what the bounds `days` and `most` do not keep. The exit status: 1 where something was left.

    Raises BadInput where there is no bound.
    """
    if all(bound is None for bound in bounds.values()):
        raise BadInput("runs are kept unless a bound is given: --days N, --most N, or both")
    runs, now_ms = runs_folder(runs_dir), SystemClock().wall_ms()
    ended = clearing.ended_runs(runs, interrupted=interrupted)
    chosen = clearing.outdated(ended, now_ms, days=bounds["days"], most=bounds["most"])
    rows = [
        {
            "job": run.job,
            "status": run.status,
            "age_days": round(max(0, now_ms - run.at_ms) / _DAY_MS, 1),
            "bytes": run.size,
            "question": shorten(run.question, 60),
        }
        for run in chosen
    ]
    delete = None if dry_run else clearing.delete
    return _print_deleted(rows, _deleted(chosen, delete), is_dry=dry_run, as_json=as_json)


def collect_garbage(runs_dir: Path | None, *, dry_run: bool, as_json: bool) -> int:
    """Delete what no run needs. The exit status: 1 where something was left."""
    chosen = clearing.leftovers(runs_folder(runs_dir), SOCKETS)
    rows = [{"name": left.path.name, "bytes": left.size} for left in chosen]
    delete = None if dry_run else clearing.remove
    return _print_deleted(rows, _deleted(chosen, delete), is_dry=dry_run, as_json=as_json)


def _deleted(chosen: Sequence[T], delete: Callable[[T, str], None] | None) -> list[str]:
    """Delete each, if at all; why it was left, or nothing. What cannot be deleted is in nobody's way."""
    why = []
    for each in chosen:
        try:
            if delete is not None:
                delete(each, SOCKETS)
        except (Unavailable, BadInput, OSError) as error:
            why.append(str(error))
        else:
            why.append("")
    return why


def _print_deleted(rows: list[dict[str, Any]], left: list[str], *, is_dry: bool, as_json: bool) -> int:
    gone = [row for row, why in zip(rows, left, strict=True) if not why]
    kept = [{**row, "why": why} for row, why in zip(rows, left, strict=True) if why]
    if as_json:
        print_json({"deleted": gone, "left": kept, "dry_run": is_dry})
        return 1 if kept else 0
    if gone:
        print_table(tuple(gone[0]), [[str(cell) for cell in row.values()] for row in gone])
    size = sum(row["bytes"] for row in gone)
    sys.stdout.write(f"{'would delete' if is_dry else 'deleted'} {len(gone) or 'nothing'}")
    sys.stdout.write(f", {size:,} bytes\n" if gone else "\n")
    sys.stderr.writelines(f"bullpen: left alone: {row['why']}\n" for row in kept)
    return 1 if kept else 0
