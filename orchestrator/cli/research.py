"""`bullpen research`: run a job, show it working, print what it found."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import anyio
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown, TableElement
from rich.table import Table

from ..control.client import send
from ..control.protocol import Resume
from ..envelope import Status
from ..errors import BadInput, Unavailable
from ..evidence import Report
from ..gateway.rungs import secrets_of
from ..journal.reader import Run, open_run
from ..launched import LaunchedJob
from ..order import Options, paths_of
from ..rules.price import told_usd
from ..rules.same_model import without_folder
from ..settings import Settings, load_settings, runs_folder
from ..system import System, open_system
from ..team import Team, load_team
from .control import print_reply
from .door import hide
from .prepare import To, begin, prepare
from .printing import console, print_json
from .progress import follow
from .report_file import check_writable, deliver, on_record

EXIT_STATUS = {Status.OK: 0, Status.PARTIAL: 3, Status.EMPTY: 4, Status.CANCELLED: 130}


def run_research(
    question: str, *, out: Path | None, as_json: bool, settings: Mapping[str, Any], options: Options
) -> int:
    """The exit status of the job."""
    check_writable(out)
    options = {**options, "out": out}
    report, asked = anyio.run(_research, question, settings, options)
    return _deliver(report, out or on_record(asked), as_json=as_json)


def run_resume(job: str, *, out: Path | None, as_json: bool, settings: Mapping[str, Any]) -> int:
    """The exit status of a job that is gone on with here; 0 where its own process goes on with it after a pause."""
    check_writable(out)
    run = open_run(job, runs_folder(settings["runs_dir"]))
    if run.status != "interrupted":
        try:
            print_reply(run, "resume", send(run, Resume()), as_json=as_json)
            return 0
        except Unavailable as error:
            sys.stderr.write(f"{error}; waiting for a sign of life from its process\n")
    report, asked = anyio.run(_resume, run, out, *prepare(run, settings, To.RESUME))
    return _deliver(report, out or on_record(asked), as_json=as_json)


def _deliver(report: Report, out: Path | None, *, as_json: bool) -> int:
    deliver(report, out, _print_json if as_json else _print)
    return EXIT_STATUS.get(report.status, 1)


async def _research(question: str, settings: Mapping[str, Any], options: Options) -> tuple[Report, str]:
    """The report, and where it is to be written as the job's record has it."""
    loaded = load_settings(**settings)
    team = load_team(loaded.default_team)
    if team.corpus is not None and not options.get("corpus"):
        raise BadInput("this team answers from documents and was given none: name them with --corpus PATH")
    begin(loaded.default_team, paths_of(options.get("corpus", ())), settings)
    async with open_system(loaded, team) as system:
        _say_models(system)
        async with system.launch(question, **options) as job:
            if job.is_resumed:
                sys.stderr.write(f"going on with job {job.id}, which was interrupted; --new starts anew\n")
            return await worked(job), job.out


async def _resume(run: Run, out: Path | None, settings: Settings, team: Team) -> tuple[Report, str]:
    """The report, and where it is to be written as the job's record has it."""
    async with open_system(settings, team) as system:
        _say_models(system)
        async with system.resume(run.path.stem, out) as job:
            return await worked(job), job.out


async def worked(job: LaunchedJob) -> Report:
    """The report of a job that is watched until its end."""
    with _cancelled_by_ctrl_c(job):
        await follow(job)
        report = await job.result()
    if job.is_resumed:
        _say_resumed(job)
    return report


def _say_resumed(job: LaunchedJob) -> None:
    reused = job.reused
    attempts = [attempt for event in reused for attempt in event.value["receipt"]["attempts"]]
    saved = sum(attempt["micro_usd"] for attempt in attempts) / 1e6
    estimated = sum(attempt["micro_usd"] for attempt in attempts if attempt.get("estimated")) / 1e6
    told = f"{told_usd(saved, estimated)} saved"
    sys.stderr.write(f"resumed: {len(reused)} calls reused, {told}, {len(job.in_doubt)} in doubt\n")
    if job.changed:
        sys.stderr.write(f"changed since it was launched: {', '.join(job.changed)}\n")
    if job.outdated:
        tasks = ", ".join(dict.fromkeys(event.task for event in job.outdated))
        sys.stderr.write(f"asked anew, since what they were asked has changed: {tasks}\n")


@contextmanager
def _cancelled_by_ctrl_c(job: LaunchedJob) -> Iterator[None]:
    """The first Ctrl-C ends the job with what it has; the second ends the process, whatever it is doing.

    A plain handler, since one of the event loop's own is not called while a worker blocks the loop.
    """
    cancel = partial(asyncio.get_running_loop().call_soon_threadsafe, job.cancel)

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, second)
        os.write(2, b"cancelling: the report of what there is comes next; Ctrl-C again leaves at once\n")
        cancel()

    def second(*_: object) -> None:
        os.write(2, b"bullpen: interrupted; what was done is on record: `bullpen jobs` lists it\n")
        os._exit(EXIT_STATUS[Status.CANCELLED])

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _say_models(system: System) -> None:
    hide(secrets_of(system.gateway.rungs, os.environ))
    rungs = " → ".join(rung.label for rung in system.gateway.rungs)
    sys.stderr.write(f"model: {rungs} ({system.gateway.rungs_from})\n")


class _WholeTable(TableElement):
    """A table whose cells fold where a word, such as a path, is wider than they are; rich would cut it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for piece in super().__rich_console__(console, options):
            for column in piece.columns if isinstance(piece, Table) else ():
                column.overflow = "fold"
            yield piece


class ReportText(Markdown):
    """A report's text on a terminal, nothing of it cut."""

    elements: ClassVar = {**Markdown.elements, "table_open": _WholeTable}


def _print_json(report: Report) -> None:
    print_json(report.as_json())


def _print(report: Report) -> None:
    screen = console()
    if screen.is_terminal:
        screen.print(ReportText(report.text, hyperlinks=False))
    else:
        sys.stdout.write(report.text)
    for reason in () if screen.is_terminal else report.degraded:  # a terminal has just shown them with the report
        sys.stderr.write(f"degraded: {reason}\n")
    calls = f"{report.calls.model} model calls"
    models = ", ".join(map(without_folder, report.made_by.models))
    made_by = f"{report.made_by.lane}: {models}" if report.made_by.lane else "no model"
    counts = [f"{len(report.claims)} claims"] if report.claims or not report.outputs else []
    counts += [f"{len(report.outputs)} unchecked output{'s' * (len(report.outputs) > 1)}"] if report.outputs else []
    cost = told_usd(report.cost_usd, report.estimated_usd)
    facts = (str(report.status), ", ".join(counts), calls, made_by, cost)
    sys.stderr.write(f"\n{' · '.join(facts)} · {report.seconds:.1f} s\n")
    sys.stderr.write(f"read on: bullpen show {report.job}   bullpen verify {report.job}\n")
