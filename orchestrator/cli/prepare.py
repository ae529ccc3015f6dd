"""What a job that is on record is gone on with, gone through again or forked with: its settings and its team."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..journal.reader import Run
from ..settings import Rung, Settings, load_settings
from ..team import Team, load_team, load_worker


def prepare(run: Run, settings: Mapping[str, Any], changes: Sequence[str] = ()) -> tuple[Settings, Team]:
    """The team that the job was launched with, unless another is named, with what a fork has changed before and now.

    Raises BadInput for what cannot be set.
    """
    team = settings.get("default_team") or run.accepted.get("team")
    found: dict[str, Any] = {**settings, "default_team": team}
    workers: list[str] = []
    for change in (*run.changes, *changes):
        name, _, value = change.partition("=")
        prompt, _, file = value.partition("=")
        if name == "model" and value:
            found["rungs"] = (_rung(value, found),)
        elif name == "worker" and value:
            workers.append(value)
        elif name == "prompt" and file:
            found["prompts"] = {**found.get("prompts", {}), prompt: Path(file)}
        else:
            allowed = "model=PROVIDER:MODEL, prompt=NAME=FILE, worker=MODULE:CLASS"
            raise BadInput(f"--set {change!r} is none of {allowed}")
    loaded = load_settings(**found)
    made = load_team(loaded.default_team)
    for worker in workers:
        made = made.replacing(load_worker(worker))
    return loaded, made


def settled(change: str) -> str:
    """A change as it means the same in any folder: a fork may be gone on with from another one."""
    name, _, value = change.partition("=")
    prompt, _, file = value.partition("=")
    return f"prompt={prompt}={Path(file).absolute()}" if name == "prompt" and file else change


def _rung(model: str, settings: Mapping[str, Any]) -> Rung:
    """The rung that is set under this name or model, with its address, its key and its prices; else a plain one."""
    there = load_settings(**settings).rungs
    return next((rung for rung in there if model in (rung.label, rung.model)), Rung(model=model))
