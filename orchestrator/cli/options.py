"""Options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Out = Annotated[Path | None, typer.Option(help="Write the report here too: Markdown, or JSON if .json.")]
RunsDir = Annotated[Path | None, typer.Option(help="The folder of runs.", show_default=".bullpen/runs")]
TeamPath = Annotated[str | None, typer.Option(metavar="MODULE:ATTRIBUTE", help="The team that works on it.")]
Project = Annotated[Path | None, typer.Option(metavar="DIR", help="The project's folder.", show_default=".bullpen")]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, its beginning, or 'latest'.")]
