"""`bullpen ps` and `tail`: jobs as they run, read from their runs, so that nothing has to answer.

A job without room on its disk cannot write that it waits: `ps` asks each, and does without where none answers at once.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ..control.client import state_of
from ..control.standing import Standing
from ..errors import BullpenError
from ..journal.cursor import Cursor
from ..journal.events import FINISHED, Event
from ..journal.reader import Run, find_run, list_runs, open_run
from ..journal.storage import is_held
from ..rules.price import told_usd
from ..settings import runs_folder
from ..text import shorten
from .printing import as_row, cell, json_of, print_json, print_table
from .progress import alarm, describe, trouble

#: How often a run is looked at for more, in seconds.
_LOOK_EVERY_S = 0.1


def list_living(runs_dir: Path | None, *, as_json: bool) -> None:
    """Every job of the folder whose process lives."""
    rows = list(_living(runs_folder(runs_dir)))
    if as_json:
        print_json(rows)
    elif not rows:
        sys.stdout.write("no job is running: `bullpen jobs` lists those that have ended\n")
    else:
        columns = ("job", "state", "done", "under_way", "calls", "cost_usd", "estimated_usd", "age_s", "question")
        print_table(columns, [[cell(row[name]) for name in columns] for row in rows])
        for row in rows:
            sys.stdout.writelines(_pending(row["job"], approval) for approval in row["approvals"])


def _living(runs: Path) -> Iterator[dict[str, Any]]:
    for path in list_runs(runs):
        try:
            if not is_held(path):
                continue
            run = open_run(path)
        except BullpenError as error:
            yield _row(path.stem, "unreadable", str(error))
            continue
        if run.status == "running":
            yield _described(run)


def _described(run: Run) -> dict[str, Any]:
    standing = Standing()
    for event in run.of_areas("job", "control", "approval", "steering"):
        standing.hear(event)
    under_way = sum(task.status == "running" for task in run.tasks)
    budget_usd = run.accepted.get("budget_usd") if standing.budget_usd is None else standing.budget_usd
    return _row(
        run.id,
        state_of(run.path).state or standing.state,
        run.question,
        done=len(run.tasks) - under_way,
        under_way=under_way,
        calls=run.cost.model_calls,
        cost_usd=run.cost.micro_usd / 1e6,
        estimated_usd=run.cost.estimated_micro_usd / 1e6,
        budget_usd=budget_usd,
        age_s=round(max(0.0, time.time() - run.started_ms / 1000), 1) if run.length else 0.0,
        notes=standing.notes,
        approvals=[approval._asdict() for approval in standing.waiting.values()],
    )


def _row(job: str, state: str, question: str, **facts: Any) -> dict[str, Any]:
    unknown = {"done": 0, "under_way": 0, "calls": 0, "cost_usd": 0.0, "estimated_usd": 0.0, "budget_usd": None}
    told = {"job": job, "state": state, "question": question, **unknown, "age_s": 0.0}
    return {**told, "notes": [], "approvals": [], **facts}


def _pending(job: str, approval: dict[str, Any]) -> str:
    details = json.dumps(approval["details"], ensure_ascii=False) if approval["details"] else ""
    what = shorten(f"{approval['what']} {details}", 200)
    return f"{approval['task']} asks: {what}\n    bullpen approve {job} {approval['id']} [--refuse]\n"


def tail_job(job: str, runs_dir: Path | None, *, as_json: bool) -> int:
    """Print the events of a job as they come, until it has ended. The exit status: 1 when its process died before."""
    path = find_run(job, runs_folder(runs_dir))
    is_finished, began_ms = False, None
    for event in _followed(path):
        is_finished = event.kind == FINISHED
        began_ms = event.at_ms if began_ms is None else began_ms
        if line := json_of(as_row(event)) if as_json else _told(event, began_ms):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    if not is_finished:
        sys.stderr.write(f"bullpen: job {path.stem} was interrupted: its process is gone\n")
    return 0 if is_finished else 1


def _told(event: Event, began_ms: int) -> str:
    """An event for people, with the seconds since the first; empty for one that nobody waits for."""
    if event.kind == FINISHED:
        report = event.value
        cost = told_usd(report["cost_usd"], report.get("estimated_usd", 0.0))
        said = f"job {report['status']}: {len(report['claims'])} claims, {cost}"
    else:
        said = alarm(event) or (trouble(event) or ("", ""))[1] or describe(event)
    return f"{max(0, event.at_ms - began_ms) / 1000:8.1f} s  {said}" if said else ""


def _followed(path: Path) -> Iterator[Event]:
    """The events of a run, each once, as they are written, until there can be no more."""
    with closing(Cursor(path)) as cursor:
        held = True
        while held:
            held = is_held(path)  # before reading: what is written last is read before we leave
            for event in cursor.look():
                yield event
                if event.kind == FINISHED:
                    return
            if held:
                time.sleep(_LOOK_EVERY_S)
