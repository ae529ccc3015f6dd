"""What `bullpen doctor` looks at on this machine, beside the models: settings, folders, records. Asks nobody."""

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from ..errors import BadInput, JournalDamaged
from ..gateway.chain import Course
from ..gateway.doctor import Check, State
from ..journal.reader import list_runs, open_run
from ..journal.storage import SUFFIX
from ..regular_files import list_odd
from ..settings import FILE, Rung, Settings
from ..system import System
from ..team import Team

#: What a rung may be asked for, beside what the team's workers name.
_ROLES = ("plan", "search", "summarize", "analyze", "write", "judge")
#: The variables that name a proxy, in small letters.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
#: How many runs, the newest first, are looked at.
_RUNS_MOST = 20


def machine_checks(system: System, team: Team) -> Iterator[Check]:
    """Where models are from and what they serve, what can be written and read, and what the team finds here."""
    yield from _models(system)
    yield from _roles(system, team)
    yield from _slips(system, team)
    yield from _folders(system.settings)
    yield from _records(system.settings.runs)
    yield from _facts(system.settings, team)


def _models(system: System) -> Iterator[Check]:
    """Where the models are from, and how calls get there."""
    is_own = system.gateway.rungs == system.team.rungs and not system.settings.rungs
    advice = f"for a language model's answers set a key such as OPENAI_API_KEY, or `rungs` in {FILE}, or give --model"
    yield Check("models", State.OK, system.gateway.rungs_from, advice if is_own else "")
    proxies = sorted(name for name, value in os.environ.items() if name.lower() in _PROXIES and value)
    if proxies:
        way = "calls go through it" if system.settings.use_proxy else "calls go straight"
        yield Check("proxy", State.OK, f"{', '.join(proxies)} set; {way}")


def _roles(system: System, team: Team) -> Iterator[Check]:
    """Which rungs serve which role: a line for the roles that have the same ones."""
    roles = dict.fromkeys((*_known(team), *system.gateway.course.chains))
    roles.pop("default", None)
    by_rungs: dict[tuple[str, ...], list[str]] = {}
    for role in roles:
        by_rungs.setdefault(serving(role, system.gateway.rungs, system.gateway.course), []).append(role)
    for rungs, served in by_rungs.items():
        if rungs:
            yield Check("roles", State.OK, f"{', '.join(served)}: {' → '.join(rungs)}")
        else:
            mend = f"let a rung serve {', '.join(served)}: change `roles`, `tier`, `chains`, `floors` or `ceilings`"
            yield Check("roles", State.WARNING, f"{', '.join(served)}: no rung", mend)


def _slips(system: System, team: Team) -> Iterator[Check]:
    """Names that nothing goes by, and that look like a slip of the hand."""
    settings, known = system.settings, _known(team)
    named = [("floors", role) for role in settings.floors] + [("ceilings", role) for role in settings.ceilings]
    named += [(f"the roles of rung {rung.label!r}", role) for rung in settings.rungs for role in rung.roles]
    for where, role in named:
        if role not in known:
            told = f"{role!r} in {where} is a role of nobody in this team"
            yield Check("roles", State.WARNING, told, f"mend {role!r} in {where}; there are {', '.join(known)}")
    for variable in sorted(name for name in os.environ if name.startswith("BULLPEN_")):
        name = variable.removeprefix("BULLPEN_").lower()
        near = get_close_matches(name, Settings.model_fields, n=1, cutoff=0.8)
        if near and name not in Settings.model_fields:
            mend = f"set BULLPEN_{near[0].upper()} instead, if that is what you mean"
            yield Check("settings", State.WARNING, f"{variable} is set, and is no setting", mend)


def _known(team: Team) -> tuple[str, ...]:
    """The roles that calls may have."""
    return tuple(dict.fromkeys((*_ROLES, *(worker.role for worker in team.workers))))


def _folders(settings: Settings) -> Iterator[Check]:
    """Whether runs and memory can be written."""
    for name, folder in (("runs", settings.runs), ("memory", settings.project / "memory")):
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
            yield Check(name, State.OK, f"{folder} can be written{'' if nearest == folder else ', once it is made'}")
        else:
            mend = f"let {folder} be written, or name another folder"
            yield Check(name, State.FAILED, f"{nearest} cannot be written", mend)


def _records(runs: Path) -> Iterator[Check]:
    """Whether the newest runs can be read, and what else is called like one."""
    try:
        newest, odd = list_runs(runs)[-_RUNS_MOST:], list_odd(runs, SUFFIX)
    except BadInput as error:
        yield Check("records", State.WARNING, str(error))
        return
    yield from (Check("records", State.WARNING, line) for line in odd)
    unreadable = [check for path in newest for check in _unreadable(path)]
    yield from unreadable
    if newest and not unreadable:
        yield Check("records", State.OK, f"the newest {len(newest)} can be read")


def _facts(settings: Settings, team: Team) -> Iterator[Check]:
    """What the team finds on this machine."""
    for name, fact in team.facts.items():
        try:
            yield Check(name, State.OK, fact(settings))
        except BadInput as error:
            yield Check(name, State.FAILED, "what is set cannot be used", str(error))


def _unreadable(path: Path) -> Iterator[Check]:
    try:
        open_run(path)
    except (BadInput, JournalDamaged) as error:
        yield Check("records", State.WARNING, str(error), f"move {path} away, or restore it")


def serving(role: str, rungs: Sequence[Rung], course: Course) -> tuple[str, ...]:
    """The labels of the rungs that may serve a role, best first."""
    return tuple(rung.label for rung in course.serving(role, rungs) if not course.why_not(rung, role))
