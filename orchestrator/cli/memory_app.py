"""`bullpen memory`: its commands and their options."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import BadInput
from .options import AsJson, Project, RunsDir, TeamPath

memory = typer.Typer(
    name="memory",
    help="Look into what a project remembers, mend it and take it along.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

Words = Annotated[str, typer.Argument(metavar="WORDS", help="What is looked for, in one argument.")]
Corpora = Annotated[
    list[str] | None,
    typer.Option("--corpus", help="A corpus, or the path it was read from; repeatable. All if none."),
]
OfJob = Annotated[
    str | None, typer.Option("--job", metavar="JOB", help="What this job has found as well: its id, or 'latest'.")
]
OnlyJob = Annotated[str | None, typer.Option("--job", metavar="JOB", help="Of this job alone: its id, or 'latest'.")]
Most = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=200, help="The most passages.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@memory.command()
def stats(as_json: AsJson = False, project: Project = None, team: TeamPath = None) -> None:
    """Say what memory holds, how far its indexes have come, and what is in conflict."""
    from .memory_keep import show_stats

    show_stats(_settings(project, team), as_json=as_json)


@memory.command(epilog='Example: bullpen memory search "who paid" --where status=Final --diversity 0.5')
def search(
    words: Words,
    corpus: Corpora = None,
    job: OfJob = None,
    limit: Most = 8,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="Only sources whose metadata say so; repeatable, all are met."),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this source; repeatable, any of them.")
    ] = None,
    diversity: Annotated[
        float, typer.Option(metavar="0..1", min=0, max=1, help="Put off what says the same again.")
    ] = 0.0,
    as_json: AsJson = False,
    project: Project = None,
    runs_dir: RunsDir = None,
    team: TeamPath = None,
) -> None:
    """Search memory as a worker does. Exit status: 4 when nothing is found."""
    from .memory_find import Asked, show_search

    asked = Asked(words, tuple(corpus or ()), job, limit, tuple(where or ()), tuple(source or ()), diversity)
    raise typer.Exit(show_search(asked, _settings(project, team, runs_dir), as_json=as_json))


@memory.command(epilog='Example: bullpen memory why "who paid" minutes.md')
def why(
    words: Words,
    source: Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="Why this source is found, or not.")] = None,
    corpus: Corpora = None,
    job: OfJob = None,
    limit: Most = 8,
    as_json: AsJson = False,
    project: Project = None,
    runs_dir: RunsDir = None,
    team: TeamPath = None,
) -> None:
    """Say why a search finds what it finds: the place of each passage by words and by meaning, and the words shared.

    Exit status: 4 when nothing is found.
    """
    from .memory_find import Asked
    from .memory_why import show_why

    asked = Asked(words, tuple(corpus or ()), job, limit)
    raise typer.Exit(show_why(asked, source, _settings(project, team, runs_dir), as_json=as_json))


@memory.command(epilog='Example: bullpen memory recall "cost of the pilot" --history')
def recall(
    about: Annotated[
        str | None, typer.Argument(metavar="[ABOUT]", help="The subject; without it, all there are are listed.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Also what has been superseded.")] = False,
    job: OnlyJob = None,
    as_json: AsJson = False,
    project: Project = None,
    runs_dir: RunsDir = None,
    team: TeamPath = None,
) -> None:
    """Show what workers have noted about a subject, and what of it stands against each other.

    Without a subject, those that workers have written about, the ones in conflict first. Exit status: 4 when there is
    nothing.
    """
    from .memory_notes import list_subjects, show_notes

    settings = _settings(project, team, runs_dir)
    if about is None:
        raise typer.Exit(list_subjects(settings, job=job, as_json=as_json))
    raise typer.Exit(show_notes(about, settings, job=job, history=history, as_json=as_json))


@memory.command(epilog='Example: bullpen memory resolve 3f2a9c01 --reason "the minutes are audited"')
def resolve(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The note that stands, or the beginning of its key.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept with the others.")],
    as_json: AsJson = False,
    project: Project = None,
    team: TeamPath = None,
) -> None:
    """End a conflict: one note stands for its subject, the others are kept as superseded."""
    from .memory_notes import choose

    choose(key, reason, _settings(project, team), as_json=as_json)


@memory.command(epilog="Example: bullpen memory forget minutes.md --yes")
def forget(
    source: Annotated[str, typer.Argument(metavar="[SOURCE]", help="A source, by its id.")] = "",
    note: Annotated[
        str, typer.Option("--note", metavar="KEY", help="A note instead, by its key or the key's beginning.")
    ] = "",
    yes: Yes = False,
    as_json: AsJson = False,
    project: Project = None,
    team: TeamPath = None,
) -> None:
    """Delete a source with the notes that rest on it, or one note. Asks first.

    The next job over the source's corpus reads it again.
    """
    from .memory_forget import forget_note, forget_source

    settings = _settings(project, team)
    if bool(source) == bool(note):
        raise BadInput("give a SOURCE or --note KEY, and not both")
    if note:
        forget_note(note, settings, is_sure=yes, as_json=as_json)
    else:
        forget_source(source, settings, is_sure=yes, as_json=as_json)


@memory.command(epilog="Example: bullpen memory rebuild --lacking")
def rebuild(
    lacking: Annotated[bool, typer.Option("--lacking", help="Only what is lacking; all else stays.")] = False,
    embedder: Annotated[
        str | None, typer.Option(metavar="NAME", help="This embedder instead of the one that is set, for this once.")
    ] = None,
    as_json: AsJson = False,
    project: Project = None,
    team: TeamPath = None,
) -> None:
    """Make every vector and every index anew, with the embedder that is set. Documents and notes stay.

    Ctrl-C loses nothing: `--lacking` goes on from there.
    """
    from .memory_rebuild import run_rebuild

    run_rebuild({**_settings(project, team), "embedder": embedder}, lacking=lacking, as_json=as_json)


@memory.command(epilog="Example: bullpen memory export | jq -r 'select(.kind == \"note\").text'")
def export(
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there.", show_default="-")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: AsJson = False,
    project: Project = None,
    team: TeamPath = None,
) -> None:
    """Write every source with its text, then every note, superseded ones too: a line of JSON each.

    The last line has the kind `end` and says how many there are of both; without it the export is not whole.
    """
    from .memory_keep import export_memory

    export_memory(_settings(project, team), out=out, is_forced=force, as_json=as_json)


def _settings(project: Path | None, team: str | None, runs_dir: Path | None = None) -> dict[str, Any]:
    """What options say of settings; None is not said."""
    return {"project": project, "default_team": team, "runs_dir": runs_dir}
