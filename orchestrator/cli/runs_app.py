"""`bullpen runs`: its commands and their options."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, JobName, RunsDir

runs = typer.Typer(
    name="runs",
    help="Keep the folder of runs: check, copy and delete them.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

JobNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="JOB", help="Jobs by id, its beginning, 'latest' or file; all if none."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")]


class As(StrEnum):
    """What an exported file is."""

    RUN = "run"
    EVENTS = "events"


@runs.command(epilog="Example: bullpen runs verify --json | jq '.[] | select(.problems != [])'")
def verify(jobs: JobNames = None, as_json: AsJson = False, runs_dir: RunsDir = None) -> None:
    """Check every run of the folder, or those named: format, chain of hashes, and the claims of its report.

    One that cannot be read does not keep the others from being checked. Exit status: 1 when anything is wrong.
    """
    from .keep import verify_runs

    raise typer.Exit(verify_runs(jobs or (), runs_dir, as_json=as_json))


@runs.command(epilog="Example: bullpen runs export latest --to copy.run")
def export(
    job: JobName,
    to: Annotated[Path, typer.Option(metavar="FILE", help="Write it there.")],
    form: Annotated[As, typer.Option("--as", help="A run to import again, or a line of JSON for each event.")] = As.RUN,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
) -> None:
    """Copy a run to a file that stands alone, in today's format. Of a running job, what is committed now.

    Of a damaged run the events before the damage are copied, and it is said so. Exit status: 3 for such a part.
    """
    from .keep import export_run

    raise typer.Exit(export_run(job, runs_dir, to=to, as_events=form is As.EVENTS, is_forced=force, as_json=as_json))


@runs.command("import", epilog="Example: bullpen runs import copy.run")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A run, as `bullpen runs export` writes it.")],
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
) -> None:
    """Check a file wholly and put it into the folder of runs, under its job's id.

    A job that is there already is never replaced. Exit status: 1 when the file is damaged, 2 when it cannot be used.
    """
    from .keep import import_file

    import_file(file, runs_dir, as_json=as_json)


@runs.command(epilog="Example: bullpen runs retain --days 30 --most 200 --dry-run")
def retain(
    days: Annotated[int | None, typer.Option(metavar="N", min=0, help="Delete runs that ended longer ago.")] = None,
    most: Annotated[int | None, typer.Option(metavar="N", min=0, help="Delete all but the N newest.")] = None,
    interrupted: Annotated[
        bool, typer.Option("--interrupted", help="Count and delete interrupted runs like those that have ended.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
) -> None:
    """Delete runs that have ended and are too old or too many. With both bounds, what either of them does not keep.

    A run's age counts from the latest time in it. One that a process holds, that is damaged, or that is a link is
    neither counted nor deleted. Exit status: 1 when something could not be deleted.
    """
    from .keep import retain_runs

    bounds = {"days": days, "most": most}
    raise typer.Exit(retain_runs(runs_dir, bounds=bounds, interrupted=interrupted, dry_run=dry_run, as_json=as_json))


@runs.command(epilog="Example: bullpen runs gc --dry-run")
def gc(dry_run: DryRun = False, as_json: AsJson = False, runs_dir: RunsDir = None) -> None:
    """Delete what no run needs: sockets of dead processes, files that were half made, runs that never held a commit.

    Exit status: 1 when something could not be deleted.
    """
    from .keep import collect_garbage

    raise typer.Exit(collect_garbage(runs_dir, dry_run=dry_run, as_json=as_json))
