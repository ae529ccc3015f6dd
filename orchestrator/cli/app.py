"""The commands and their options.

Exit status: 0 ok · 3 partial · 4 nothing found · 2 bad input · 1 failed · 130 cancelled.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import BullpenError, Refused

app = typer.Typer(
    name="bullpen",
    help="A supervisor and its workers answer a question from your documents, and show their sources.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
RunsDir = Annotated[Path | None, typer.Option(help="The folder of runs.", show_default=".bullpen/runs")]
Model = Annotated[str | None, typer.Option(help="Ask this model, for example litellm:openai/gpt-4.1-mini.")]
TeamPath = Annotated[str | None, typer.Option(metavar="MODULE:ATTRIBUTE", help="The team that works on it.")]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, its beginning, or 'latest'.")]


@app.command()
def research(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What you want to know.")],
    corpus: Annotated[list[Path], typer.Option(help="A file or folder to answer from; may be given several times.")],
    out: Annotated[Path | None, typer.Option(help="Write the report here too: Markdown, or JSON if .json.")] = None,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
    budget: Annotated[float | None, typer.Option(metavar="USD", help="The most it may spend.")] = None,
    deadline: Annotated[float | None, typer.Option(metavar="SECONDS", help="The most time it may take.")] = None,
    model: Model = None,
    team: TeamPath = None,
) -> None:
    """Answer a question from documents, with its sources."""
    from .research import run_research

    settings = _settings(runs_dir, model, team)
    bounds = {"budget_usd": budget, "deadline_s": deadline}
    raise typer.Exit(run_research(question, corpus, out=out, as_json=as_json, settings=settings, bounds=bounds))


@app.command()
def resume(
    job: JobName,
    out: Annotated[Path | None, typer.Option(help="Write the report here too: Markdown, or JSON if .json.")] = None,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
    model: Model = None,
    team: TeamPath = None,
) -> None:
    """Go on with a job whose process is gone; what is on record is not asked or paid again.

    Without --team the team that it was launched with. A call that was sent and whose answer is not on record is in
    doubt: it is asked again, and said.
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
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
) -> None:
    """Check that every quote of a report stands in its source and that the record is whole."""
    from .runs import verify_job

    raise typer.Exit(verify_job(job, runs_dir, sources=sources, as_json=as_json))


@app.command()
def doctor(
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="The most time each question takes.")] = 20,
    as_json: AsJson = False,
    runs_dir: RunsDir = None,
    model: Model = None,
    team: TeamPath = None,
) -> None:
    """Ask every model that is set, all at once, and say what to mend.

    Asks each deployment of each rung for one word and for one answer in JSON, and looks at keys, prices, clocks,
    settings and folders. Nothing of a key is ever printed. Exit status: 0 all well, perhaps with warnings; 3 something
    failed; 1 no rung can answer; 2 the settings cannot be used.
    """
    from .doctor import run_doctor

    raise typer.Exit(run_doctor(_settings(runs_dir, model, team), timeout_s=timeout, as_json=as_json))


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


def main() -> None:
    """Run the command; what went wrong is one line on standard error."""
    try:
        app()
    except BullpenError as error:
        sys.stderr.write(f"bullpen: {error}\n")
        raise SystemExit(2 if isinstance(error, Refused) else 1) from None
    except KeyboardInterrupt:
        sys.stderr.write("bullpen: interrupted; what was done is on record: `bullpen jobs` lists it\n")
        raise SystemExit(130) from None
