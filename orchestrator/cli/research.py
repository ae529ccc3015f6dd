"""`bullpen research`: run a job, show it working, print what it found."""

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console
from rich.markdown import Markdown

from ..control.client import send
from ..control.protocol import Resume
from ..envelope import Status
from ..errors import BadInput, Unavailable
from ..evidence import Report
from ..journal.reader import Run, open_run
from ..launched import LaunchedJob
from ..order import Options
from ..settings import Settings, load_settings
from ..system import System, open_system
from ..team import Team, load_team
from ..text import printable
from .control import print_reply
from .prepare import prepare
from .progress import follow

EXIT_STATUS = {Status.OK: 0, Status.PARTIAL: 3, Status.EMPTY: 4, Status.CANCELLED: 130}


def run_research(
    question: str, *, out: Path | None, as_json: bool, settings: Mapping[str, Any], options: Options
) -> int:
    """The exit status of the job."""
    if out is not None:
        _check_writable(out)
    report = anyio.run(_research, question, settings, options)
    return _deliver(report, out, as_json=as_json)


def run_resume(job: str, *, out: Path | None, as_json: bool, settings: Mapping[str, Any]) -> int:
    """The exit status of a job that is gone on with here; 0 where its own process goes on with it after a pause."""
    if out is not None:
        _check_writable(out)
    run = open_run(job, load_settings(**settings).runs)
    if run.status != "interrupted":
        try:
            print_reply(run, "resume", send(run, Resume()), as_json=as_json)
            return 0
        except Unavailable as error:
            sys.stderr.write(f"{error}; waiting for a sign of life from its process\n")
    report = anyio.run(_resume, run, *prepare(run, settings))
    return _deliver(report, out, as_json=as_json)


def _deliver(report: Report, out: Path | None, *, as_json: bool) -> int:
    if out is not None:
        out.write_text(_as_file(report, out), encoding="utf-8")
    if as_json:
        sys.stdout.write(json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n")
    else:
        _print(report)
    return EXIT_STATUS.get(report.status, 1)


async def _research(question: str, settings: Mapping[str, Any], options: Options) -> Report:
    loaded = load_settings(**settings)
    async with open_system(loaded, load_team(loaded.default_team)) as system:
        _say_models(system)
        async with system.launch(question, **options) as job:
            if job.is_resumed:
                sys.stderr.write(f"going on with job {job.id}, which was interrupted; --new starts anew\n")
            return await worked(job)


async def _resume(run: Run, settings: Settings, team: Team) -> Report:
    async with open_system(settings, team) as system:
        _say_models(system)
        async with system.resume(run.path.stem) as job:
            return await worked(job)


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
    saved = sum(attempt["micro_usd"] for event in reused for attempt in event.value["receipt"]["attempts"]) / 1e6
    sys.stderr.write(f"resumed: {len(reused)} calls reused, ${saved:.4f} saved, {len(job.in_doubt)} in doubt\n")
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
    rungs = " → ".join(rung.label for rung in system.gateway.rungs)
    sys.stderr.write(f"model: {rungs} ({system.gateway.rungs_from})\n")


def _print(report: Report) -> None:
    console = Console()
    if console.is_terminal:
        console.print(Markdown(report.text))
    else:
        sys.stdout.write(report.text)
    for reason in () if console.is_terminal else report.degraded:  # a terminal has just shown them with the report
        sys.stderr.write(f"degraded: {printable(reason)}\n")
    calls = f"{report.calls.model} model calls"
    made_by = f"{report.made_by.lane}: {', '.join(report.made_by.models)}" if report.made_by.lane else "no model"
    facts = (str(report.status), f"{len(report.claims)} claims", calls, made_by, f"${report.cost_usd:.4f}")
    sys.stderr.write(f"\n{' · '.join(facts)} · {report.seconds:.1f} s\n")
    sys.stderr.write(f"read on: bullpen show {report.job}   bullpen verify {report.job}\n")


def _as_file(report: Report, out: Path) -> str:
    if out.suffix == ".json":
        return json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n"
    return report.text


def _check_writable(out: Path) -> None:
    """Find out before the work, not after it, that the report cannot be written."""
    probe = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    try:
        probe.touch()
        probe.unlink()
        if out.is_dir() or (out.exists() and not os.access(out, os.W_OK)):
            raise IsADirectoryError(21, "it is a folder or may not be written")
    except OSError as error:
        raise BadInput(f"--out {str(out)!r} cannot be written: {error.strerror}; name another file") from error
