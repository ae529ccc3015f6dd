"""`bullpen jobs`, `show` and `verify`: reading what was done."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio

from ..errors import BadInput, JournalDamaged
from ..journal.events import RESUMED, Event
from ..journal.overview import TaskView
from ..journal.reader import Run, list_runs, open_run
from ..rules.price import told_usd
from ..settings import load_settings, runs_folder
from ..text import printable, shorten
from .printing import as_row, cell, print_json, print_table, when


def list_jobs(runs_dir: Path | None, *, as_json: bool) -> None:
    """Every run of the folder, a damaged one too."""
    rows = [_row(path) for path in list_runs(runs_folder(runs_dir))]
    if as_json:
        print_json(rows)
    elif not rows:
        sys.stdout.write("no jobs yet: `bullpen research QUESTION --corpus PATH` starts one\n")
    else:
        columns = ("job", "started", "status", "claims", "cost_usd", "estimated_usd", "question")
        print_table(columns, [[cell(row[name]) for name in columns] for row in rows])


def _row(path: Path) -> dict[str, Any]:
    try:
        return _facts(open_run(path))
    except (BadInput, JournalDamaged) as error:
        unknown = {"started": "", "status": "unreadable", "claims": 0, "cost_usd": 0.0, "estimated_usd": 0.0}
        return {"job": path.stem, **unknown, "question": str(error)}


def _facts(run: Run) -> dict[str, Any]:
    claims = len(run.finished.get("claims", ()))
    facts = {"job": run.id, "started": when(run.started_ms), "status": run.status, "claims": claims}
    cost = {"cost_usd": run.cost.micro_usd / 1e6, "estimated_usd": run.cost.estimated_micro_usd / 1e6}
    return {**facts, **cost, "question": shorten(run.question, 60)}


def show_job(job: str, runs_dir: Path | None, *, task: str | None, events: bool, as_json: bool) -> None:
    """Who did what; with `task` everything about one, with `events` every event of the run."""
    run = open_run(job, runs_folder(runs_dir))
    if as_json:
        print_json(_as_json(run, run.of_task(task) if task else run.events))
    elif task:
        _print_events(run.of_task(task), in_full=True)
    elif events:
        _print_events(run.events, in_full=False)
    else:
        _print_overview(run)


def _as_json(run: Run, events: tuple[Event, ...]) -> dict[str, Any]:
    shown = [as_row(event) for event in events]
    tasks = [{name: getattr(view, name) for name in TaskView.__slots__} for view in run.tasks]
    report = run.report.as_json() if run.report else None
    head = {"job": run.id, "status": run.status, "accepted": run.accepted, "seconds": run.seconds}
    return {**head, "tasks": tasks, "report": report, "events": shown}


def _history(run: Run) -> str:
    """That it was forked, and how often and behind which event it was gone on with; nothing for most runs."""
    fork = run.accepted.get("fork")
    told = f"forked   from {fork['of']}, {', '.join(fork['set']) or 'nothing set'}\n" if fork else ""
    after = [str(event.value["after"]) for event in run.of_areas("job") if event.kind == RESUMED]
    return told + (f"resumed  after event {', '.join(after)}\n" if after else "")


def _print_overview(run: Run) -> None:
    by_model = ", ".join(f"{name} ×{n}" for name, n in sorted(run.cost.models.items())) or "none"
    out = sys.stdout.write
    out(f"job      {run.id}\nquestion {run.question}\nstatus   {run.status}\n")
    out(f"started  {when(run.started_ms)}, {run.seconds:.1f} s, {run.length} events\n")
    out(_history(run))
    out(f"models   {by_model}; {_requests(run)}\n\n")
    rows = [
        [
            *(f"{'  ' * view.id.count('/')}{view.id}", view.worker, view.status, str(view.attempts)),
            *(f"{view.seconds:.2f}", _usd(view), ", ".join(view.after), shorten(view.failure, 60)),
        ]
        for view in run.tasks
    ]
    print_table(("task", "worker", "status", "starts", "seconds", "usd", "after", "failure"), rows)
    for gap in run.finished.get("gaps", ()):
        out(f"gap      {gap['task']}: {gap['reason']}: {shorten(gap['detail'], 160)}\n")
    for effect in run.finished.get("checks", ()):
        counts = (f"{name} {len(effect[name])}" for name in ("dropped", "changed", "added") if effect[name])
        out(f"check    {effect['check']}: {', '.join([*counts, *effect['fields']])}\n")
    for reason in run.cost.degraded:
        out(f"degraded {reason}\n")
    if run.status == "interrupted":
        out("\nThis job was interrupted: what is listed here is all that was done.\n")


def _requests(run: Run) -> str:
    """How many requests were sent, how those ended that gave no good answer, and what all of them cost."""
    cost = run.cost
    poor = ", ".join(f"{outcome} ×{n}" for outcome, n in sorted(cost.poor.items()))
    told = told_usd(cost.micro_usd / 1e6, cost.estimated_micro_usd / 1e6)
    return f"{cost.model_calls} requests{f' ({poor})' if poor else ''}, {told}"


def _usd(view: TaskView) -> str:
    return f"{view.cost_usd:.4f}" + (" estimated" if view.estimated_usd else "")


def _print_events(events: tuple[Event, ...], *, in_full: bool) -> None:
    for event in events:
        way = f"{event.sender} → {event.recipient}" if event.recipient else event.sender
        sys.stdout.write(f"{event.seq:5} {event.task:20} {event.kind:22} {way}")
        body = json.dumps(event.value, ensure_ascii=False, indent=2) if in_full else event.body
        sys.stdout.write(f"\n{_readable(body)}\n\n" if in_full else f"  {shorten(body, 120)}\n")


def _readable(body: str) -> str:
    """JSON with its line breaks shown as such: prompts are read by people here."""
    return "\n".join(f"      {line}" for line in body.replace("\\n", "\n").splitlines())


def verify_job(
    job: str, runs_dir: Path | None, *, sources: bool, corpus: Sequence[Path], strict: bool, as_json: bool
) -> int:
    """0 when everything holds, else 1, with a line for everything that does not.

    What sentences name that stands in none of their quotes is told, and changes the status with `strict` alone.
    """
    run = open_run(job, runs_folder(runs_dir))
    found = list(run.problems())  # reads all of it, index or not
    if run.report is None:
        found.append(f"the job is {run.status}: there is no report to verify")
    if sources or corpus:
        found += anyio.run(_source_problems, run, _places(run, corpus))
    quotes = sum(len(claim.quotes) for claim in run.report.claims) if run.report else 0
    flagged = [
        {"claim": n, "text": claim.text, "missing": [missing._asdict() for missing in some]}
        for n, claim, some in run.unsupported()
    ]
    if as_json:
        print_json({"job": run.id, "holds": not found, "quotes": quotes, "problems": found, "unsupported": flagged})
    else:
        _print_verdict(run, found, quotes)
        _print_flagged(flagged)
    return 1 if found or (strict and flagged) else 0


def _print_verdict(run: Run, found: list[str], quotes: int) -> None:
    claims = len(run.report.claims) if run.report else 0
    sys.stdout.writelines(f"{problem}\n" for problem in found)
    verdict = "does not hold" if found else "holds"
    sys.stdout.write(f"{run.id} {verdict}: {claims} claims, {quotes} quotes, {len(run.events)} events\n")
    if outputs := run.report.outputs if run.report else ():
        tasks = ", ".join(printable(output.task) for output in outputs)
        sys.stdout.write(f"not checked, since no source stands behind it: what workers returned for {tasks}\n")


def _print_flagged(flagged: list[dict[str, Any]]) -> None:
    if flagged:
        verb = "names" if len(flagged) == 1 else "name"
        sys.stdout.write(f"\nto read, since {len(flagged)} of the claims {verb} what stands in none of their quotes:\n")
    for each in flagged:
        names = ", ".join(f"{missing['kind']} {shorten(missing['text'], 60)!r}" for missing in each["missing"])
        sys.stdout.write(f"  claim {each['claim']}: {names}: {shorten(each['text'], 160)}\n")


def _places(run: Run, now: Sequence[Path]) -> dict[Path, Path]:
    """Where each corpus of a run was, and where it is. Raises BadInput for another number of places than it has."""
    before = [Path(path).resolve() for path in run.accepted.get("corpus", ())]
    if now and len(now) != len(before):
        read = ", ".join(repr(str(path)) for path in before) or "none"
        raise BadInput(
            f"--corpus is given {len(now)} times, and the job read {read}; give each one's place, in this order"
        )
    return dict(zip(before, [path.resolve() for path in now] or before, strict=True))


async def _source_problems(run: Run, places: Mapping[Path, Path]) -> list[str]:
    """What has become of the original documents since the run rested on them: their text, title and metadata."""
    from ..evidence import Document
    from ..rules.originals import difference
    from ..team import load_team

    reader = load_team(load_settings().default_team).corpus
    if reader is None:
        return ["the team has no corpus reader, so the originals cannot be read again"]
    sources = run.evidence().sources
    uris = {source.uri for source in sources}
    problems: list[str] = []
    originals: dict[str, Document] = {}
    for before, now in places.items():
        if not now.exists():
            moved = "" if now == before else f", which was {str(before)!r},"
            problems.append(f"corpus {str(now)!r}{moved} is not there; if it has moved, name its place with --corpus")
            sources = tuple(source for source in sources if not source.uri.startswith(str(before)))
            continue
        async for item in reader([now]):
            if isinstance(item, Document) and (uri := str(before) + item.uri.removeprefix(str(now))) in uris:
                originals[uri] = item
    return problems + list(filter(None, (difference(source, originals.get(source.uri)) for source in sources)))
