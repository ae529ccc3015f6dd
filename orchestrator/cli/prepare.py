"""What a job that is on record is gone on with, gone through again or forked with: its settings and its team.

A run may be anybody's. What it names of code, addresses and files needs the person's word as a folder's settings do.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..journal.reader import Run
from ..order import SAID
from ..restricted import Here, Restricted, restricted
from ..settings import Rung, Settings, in_environment, load_settings
from ..team import Team, load_team, load_worker
from ..trust import Word, check, is_said_for_all, record


class To(StrEnum):
    """What a run is wanted for."""

    RESUME = "resume"
    FORK = "fork"
    REPLAY = "replay"


_ANY, _ITS_OWN = frozenset(Word), frozenset({Word.TRUSTED})
#: Which words are enough for the code that a run names, and for what else it names: none where nothing of that is done.
#: Who began a job here goes on with it. A run that is looked into, or done another way, may be a stranger's that names
#: the same: its code takes a word of its own.
_ENOUGH = {To.RESUME: (_ANY, _ANY), To.FORK: (_ITS_OWN, _ANY), To.REPLAY: (_ITS_OWN, frozenset[Word]())}


def prepare(run: Run, settings: Mapping[str, Any], to: To, changes: Sequence[str] = ()) -> tuple[Settings, Team]:
    """The team that the job was launched with, unless another is named, with what a fork has changed before and now.

    Raises BadInput for what cannot be set, Untrusted for what the run names and the person has not allowed.
    """
    given = {**settings, "default_team": settings.get("default_team") or run.accepted.get("team")}
    found, workers = _changed(given, (*run.changes, *changes))
    loaded = load_settings(**found)
    code, rest = _ENOUGH[to]
    check(
        [each for each in named_by(run, settings) if each.is_code or rest],
        Path.cwd(),
        where=lambda _: f"run {run.id}",
        mend=f"`bullpen trust {run.id}`, or --team where it is the team's",
        enough=lambda each: code if each.is_code else rest,
    )
    made = load_team(loaded.default_team)
    for worker in workers:
        made = made.replacing(load_worker(worker))
    return loaded, made


def named_by(run: Run, settings: Mapping[str, Any]) -> tuple[Restricted, ...]:
    """What a run wants done that is restricted, and that the person does not say now."""
    is_said = settings.get("default_team") or "default_team" in in_environment()
    team = None if is_said else run.accepted.get("team")
    return _things(team, run.accepted.get("corpus", ()), run.changes, settings)


def begin(team: str, corpus: Sequence[Any], settings: Mapping[str, Any], changes: Sequence[str] = ()) -> None:
    """Note what a job is begun with that is restricted, so that it can be gone on with; where it cannot be, say so."""
    if is_said_for_all():
        return
    try:
        record(_things(team, corpus, changes, settings), Path.cwd(), Word.BEGUN)
    except BadInput as error:
        sys.stderr.write(f"to go on with this job will take a word: {error}\n")


def _things(
    team: str | None, corpus: Sequence[Any], changes: Sequence[str], settings: Mapping[str, Any]
) -> tuple[Restricted, ...]:
    """What the run of such a job names that is restricted. A model that the settings have is theirs."""
    given = {**settings, "default_team": team}
    found, workers = _changed(given, changes)
    changed = found["rungs"] if any(change.startswith("model=") for change in changes) else ()
    prompts = {name: str(path) for name, path in found.get("prompts", {}).items()}
    said = {"workers": workers, "corpus": [str(Path(path).absolute()) for path in corpus], "prompts": prompts}
    there = load_settings(**given).rungs if changed else ()
    rungs = [rung.model_dump(mode="json") for rung in changed if rung not in there]
    return restricted({**said, "rungs": rungs, "default_team": team or ()}, Here(Path.cwd(), os.environ))


def _changed(settings: Mapping[str, Any], changes: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The settings with what a fork changes, and the workers that it replaces."""
    found: dict[str, Any] = dict(settings)
    workers: list[str] = []
    for change in changes:
        name, _, value = change.partition("=")
        prompt, _, file = value.partition("=")
        if name == "model" and value:
            found["rungs"] = (_rung(value, found),)
        elif name == "worker" and value:
            workers.append(value)
        elif name in SAID:
            found[name] = value
        elif name == "prompt" and file:
            found["prompts"] = {**found.get("prompts", {}), prompt: Path(file)}
        else:
            allowed = "model=PROVIDER:MODEL, prompt=NAME=FILE, worker=MODULE:CLASS, effort=, length=, language="
            raise BadInput(f"--set {change!r} is none of {allowed}")
    return found, workers


def settled(change: str) -> str:
    """A change as it means the same in any folder: a fork may be gone on with from another one."""
    name, _, value = change.partition("=")
    prompt, _, file = value.partition("=")
    return f"prompt={prompt}={Path(file).absolute()}" if name == "prompt" and file else change


def _rung(model: str, settings: Mapping[str, Any]) -> Rung:
    """The rung that is set under this name or model, with its address, its key and its prices; else a plain one."""
    there = load_settings(**settings).rungs
    return next((rung for rung in there if model in (rung.label, rung.model)), Rung(model=model))
