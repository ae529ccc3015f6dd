"""The commands and their options.

Exit status: 0 ok · 3 partial · 4 nothing found · 2 bad input · 1 failed · 130 cancelled.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import BullpenError, Refused
from ..trust import Untrusted
from .door import opened
from .edge import alone, line_of
from .memory_app import memory
from .options import AsJson, JobName, Out, RunsDir, TeamPath
from .runs_app import runs

if TYPE_CHECKING:
    from ..order import Options

app = typer.Typer(
    name="bullpen",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(runs)
app.add_typer(memory)


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        sys.stdout.write(f"bullpen {version('bullpen')}\n")
        raise typer.Exit


@app.callback()
def bullpen(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A supervisor and its workers answer a question from your documents, and show their sources."""


AsLines = Annotated[bool, typer.Option("--json", help="Print a line of JSON for each event and nothing else.")]
Model = Annotated[str | None, typer.Option(help="Ask this model, for example litellm:openai/gpt-4.1-mini.")]


@app.command()
def research(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What you want to know.")],
    corpus: Annotated[
        list[Path] | None, typer.Option(help="A file or folder to answer from; may be given several times.")
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
    budget: Annotated[float | None, typer.Option(metavar="USD", help="The most it may spend.")] = None,
    deadline: Annotated[float | None, typer.Option(metavar="SECONDS", help="The most time it may take.")] = None,
    model: Model = None,
    team: TeamPath = None,
    effort: Annotated[
        str | None, typer.Option(metavar="quick|normal|deep", help="How much is read, and how often it looks again.")
    ] = None,
    length: Annotated[
        str | None, typer.Option(metavar="WORDS", help="How long the report is to be: short, or 'about 300 words'.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="The language of the report: German. Quotes and fixed headings stay."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Start anew even if the same job was left unfinished.")] = False,
    detached: Annotated[
        bool, typer.Option("--detach", help="Return when it is on record; it goes on by itself.")
    ] = False,
    id: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Answer a question from documents, with its sources.

    The same job that an earlier process has left unfinished is gone on with.
    """
    if detached:
        from .detach import detach

        named = {"out": out, "runs-dir": runs_dir, "budget": budget, "deadline": deadline, "model": model, "team": team}
        named |= {"effort": effort, "length": length, "language": language}
        flags = [f"--{name}={value}" for name, value in named.items() if value is not None]
        arguments = [*flags, *(f"--corpus={path}" for path in corpus or ()), "--", question]
        raise typer.Exit(detach(arguments, _settings(runs_dir, model, team), as_json=as_json))
    from .research import run_research

    options: Options = {"corpus": corpus or (), "budget_usd": budget, "deadline_s": deadline, "anew": new}
    options |= {"effort": effort, "length": length, "language": language}
    if id is not None:
        options["id"] = id
    settings = _settings(runs_dir, model, team)
    raise typer.Exit(run_research(question, out=out, as_json=as_json, settings=settings, options=options))


@app.command()
def resume(
    job: JobName,
    out: Out = None,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
    model: Model = None,
    team: TeamPath = None,
) -> None:
    """Go on with a job that was interrupted or paused; what is on record is not asked or paid again.

    A paused job goes on where it is. One whose process is gone goes on here, with the team that it was launched with
    unless --team says another. Its report goes where --out said then, if that is a new file in this folder. A call that
    was sent and whose answer is not on record is in doubt: it is asked again, and said.
    """
    from .research import run_resume

    raise typer.Exit(run_resume(job, out=out, as_json=as_json, settings=_settings(runs_dir, model, team)))


@app.command()
def jobs(as_json: AsJson = False, runs_dir: RunsDir = None) -> None:
    """List the jobs of this folder, newest last."""
    from .runs import list_jobs

    list_jobs(runs_dir, as_json=as_json)


@app.command()
def show(
    job: JobName,
    task: Annotated[str | None, typer.Option(help="Show this task in full: prompts, answers, passages.")] = None,
    events: Annotated[bool, typer.Option("--events", help="Show every event, a line each.")] = False,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
) -> None:
    """Show who did what in a job, finished or not."""
    from .runs import show_job

    show_job(job, runs_dir, task=task, events=events, as_json=as_json)


@app.command()
def verify(
    job: JobName,
    sources: Annotated[bool, typer.Option("--sources", help="Also read the original documents again.")] = False,
    corpus: Annotated[
        list[Path] | None, typer.Option(help="Where the originals are now; as often as the job was given --corpus.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 also where a claim names what none of its quotes does.")
    ] = False,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
) -> None:
    """Check that every quote of a report stands in its source and that the record is whole.

    Figures, days, units and names of a claim that stand in none of its quotes are listed: a reason to read it.
    """
    from .runs import verify_job

    raise typer.Exit(verify_job(job, runs_dir, sources=sources, corpus=corpus or (), strict=strict, as_json=as_json))


@app.command()
def replay(
    job: JobName, out: Out = None, as_json: AsJson = False, runs_dir: RunsDir = None, team: TeamPath = None
) -> None:
    """Go through a job again from its record alone: no model, no network. Exit status: 1 when its report differs."""
    from .again import replay_job

    raise typer.Exit(replay_job(job, out=out, as_json=as_json, settings=_settings(runs_dir, None, team)))


@app.command(epilog="Example: bullpen fork latest --set model=litellm:openai/gpt-4.1-nano")
def fork(
    job: JobName,
    at: Annotated[int | None, typer.Option(metavar="EVENT", help="Ask models anew after this event.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="WHAT",
            help="model=PROVIDER:MODEL, prompt=NAME=FILE, worker=MODULE:CLASS, effort=LEVEL, length=WORDS or "
            "language=WORDS; repeatable.",
        ),
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
    team: TeamPath = None,
) -> None:
    """Do a job another way, as a new job, and show what differs in report, cost and path.

    What the job has on record is taken over where the same is asked. Models are asked anew after --at; without it, anew
    from the start with another model, and only what depends on the change with another prompt or worker.
    """
    from .again import fork_job

    settings = _settings(runs_dir, None, team)
    raise typer.Exit(fork_job(job, at, changes or [], out=out, as_json=as_json, settings=settings))


@app.command()
def diff(before: JobName, after: JobName, as_json: AsJson = False, runs_dir: RunsDir = None) -> None:
    """Set two jobs side by side: report, cost and path."""
    from .again import diff_jobs

    diff_jobs(before, after, runs_dir, as_json=as_json)


@app.command()
def ps(as_json: AsJson = False, runs_dir: RunsDir = None) -> None:
    """List the jobs that are running: state, tasks, calls, cost, age, and what they ask leave for."""
    from .watch import list_living

    list_living(runs_dir, as_json=as_json)


@app.command(epilog="Example: bullpen tail latest --json | jq .kind")
def tail(job: JobName, as_json: AsLines = False, runs_dir: RunsDir = None) -> None:
    """Print the events of a job as they come, until it has ended. Exit status: 1 when its process died before."""
    from .watch import tail_job

    raise typer.Exit(tail_job(job, runs_dir, as_json=as_json))


@app.command()
def pause(job: JobName, as_json: AsJson = False, runs_dir: RunsDir = None) -> None:
    """Let a running job begin nothing new: no task, no model call, no tool call. What is in flight ends.

    No attempt at a task runs out of time meanwhile; the deadline of the job goes on. It lasts as long as the process.
    """
    from .control import say

    say("pause", job, runs_dir, as_json=as_json)


@app.command()
def cancel(job: JobName, as_json: AsJson = False, runs_dir: RunsDir = None) -> None:
    """End a running job now. Its report has the status `cancelled` and what was done until then."""
    from .control import say

    say("cancel", job, runs_dir, as_json=as_json)


@app.command(epilog='Example: bullpen approve latest 3f2a9c01 --refuse --reason "not before Monday"')
def approve(
    job: JobName,
    id: Annotated[
        str, typer.Argument(metavar="[ID]", help="Which, as `bullpen ps` shows it; the only one if left out.")
    ] = "",
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse it instead.")] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="What the worker is told.")] = "",
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
) -> None:
    """Let a worker do what it has asked leave for, or refuse it."""
    from .control import say

    say("approve", job, runs_dir, as_json=as_json, id=id, is_refused=refuse, reason=reason)


@app.command(epilog='Example: bullpen steer latest "look at the costs of 2022 as well"')
def steer(
    job: JobName,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the supervisor should know.")],
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
) -> None:
    """Tell the supervisor of a running job something; it hears it at its next decision."""
    from .control import say

    say("steer", job, runs_dir, as_json=as_json, text=text)


@app.command(epilog="Example: bullpen budget latest 0.75")
def budget(
    job: JobName,
    usd: Annotated[float, typer.Argument(metavar="USD", help="The most it may spend, from its beginning.")],
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
) -> None:
    """Raise or lower the budget of a running job, never below what is spent and reserved."""
    from .control import say

    say("budget", job, runs_dir, as_json=as_json, usd=usd)


@app.command()
def doctor(
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="The most time each question takes.")] = 20,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
    model: Model = None,
    team: TeamPath = None,
) -> None:
    """Ask every model that is set, all at once, and say what to mend.

    Asks each deployment of each rung for one word, for one answer in JSON, and for notes on ten sentences, by which it
    is remembered whether a model writes reports or only selects sentences for them; and looks at keys, prices, clocks,
    settings and folders. Nothing of a key is ever printed. Exit status: 0 all well, perhaps with warnings; 3 something
    failed; 1 no rung can answer; 2 the settings cannot be used.
    """
    from .doctor import run_doctor

    raise typer.Exit(run_doctor(_settings(runs_dir, model, team), timeout_s=timeout, as_json=as_json))


@app.command(epilog="Example: bullpen trust --list")
def trust(
    job: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="What this run names instead of what bullpen.toml says.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Only show what it would do, and what is said.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Take back all that was said about this folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say that the settings of this folder may send texts and keys, run code, and use files outside of it.

    Shows what they would do; on a terminal it asks. A setting that changes needs your word again.
    """
    from .trust import forget_folder, trust_folder

    if forget:
        forget_folder(as_json=as_json)
    else:
        trust_folder(job, yes=yes, only_list=only_list, as_json=as_json)


@app.command()
def fake_provider(
    port: Annotated[int, typer.Option(help="Listen there; 0 is any free port.", min=0, max=65535)] = 0,
    script: Annotated[Path | None, typer.Option(help="Answer as this TOML or JSON file says.")] = None,
    model: Annotated[str, typer.Option(help="The model that it says it has.")] = "scripted",
    answer: Annotated[str | None, typer.Option(metavar="TEXT", help="Answer every request with this text.")] = None,
    latency_ms: Annotated[float, typer.Option(help="Send every answer so much later.", min=0)] = 0,
    fault: Annotated[str | None, typer.Option(metavar="NAME", help="Meet every request with this fault.")] = None,
    list_faults: Annotated[bool, typer.Option("--list", help="List the faults that have a name, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Be a provider with any answer or fault, for tests; runs until Ctrl-C."""
    from .fake_provider import choose_script, list_all, run_provider

    if list_faults:
        list_all(as_json=as_json)
    else:
        chosen = choose_script(script, answer, fault)
        run_provider(chosen, port=port, model=model, latency_ms=latency_ms, as_json=as_json)


def _settings(runs_dir: Path | None, model: str | None, team: str | None) -> dict[str, Any]:
    """What options say of settings; None is not said."""
    return {"runs_dir": runs_dir, "default_team": team, "rungs": ({"model": model},) if model else None}


def _run() -> None:
    """Run the command; again, once somebody at the terminal has allowed what it was refused before it did anything."""
    while True:
        try:
            app()
        except Untrusted as error:
            from .trust import is_agreed

            if not is_agreed(error):
                raise


def main() -> None:
    """Run the command; what went wrong is one line on standard error."""
    with opened():
        try:
            _run()
        except KeyboardInterrupt:
            sys.stderr.write("bullpen: interrupted; what was done is on record: `bullpen jobs` lists it\n")
            raise SystemExit(130) from None
        except Exception as raised:
            error = alone(raised)
            if not isinstance(error, BullpenError | OSError):
                raise
            sys.stderr.write(f"bullpen: {line_of(error) if isinstance(error, OSError) else error}\n")
            raise SystemExit(2 if isinstance(error, Refused | OSError) else 1) from None
