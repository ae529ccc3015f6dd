"""`bullpen doctor`: whether the models that are set can answer, and what to mend where they cannot."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from textwrap import wrap
from typing import Any

import anyio
from rich.console import Console
from rich.text import Text

from ..gateway.abilities import keep_abilities
from ..gateway.deployment import Deployment
from ..gateway.doctor import Bench, Check, Diagnosis, State, examine_all
from ..gateway.doctor_mends import address_of
from ..gateway.gateway import provider_of
from ..gateway.local_servers import local_servers, server_checks
from ..gateway.rungs import secrets_of
from ..rules.ability import key_of
from ..settings import Rung, Settings, load_settings
from ..system import open_system
from ..team import Team, load_team
from .machine import machine_checks
from .printing import console, print_json

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red", State.SKIPPED: "dim"}
#: Where details begin, in columns.
_INDENT = 20


@dataclass(frozen=True, slots=True)
class Examined:
    """Everything that was found. `rungs` has each with the diagnoses of its deployments."""

    rungs: tuple[tuple[Rung, tuple[Diagnosis, ...]], ...]
    rungs_from: str
    machine: tuple[Check, ...]

    @property
    def checks(self) -> Iterator[tuple[str, Check]]:
        """Every check, with what it is about: a deployment, or "" for this machine."""
        for _, diagnoses in self.rungs:
            yield from ((each.deployment, check) for each in diagnoses for check in each.checks)
        yield from (("", check) for check in self.machine)

    @property
    def mends(self) -> list[str]:
        """What to do, each once and with all that it is about; what failed stands first."""
        about: dict[str, dict[str, None]] = {}
        for label, check in sorted(self.checks, key=lambda each: each[1].state is not State.FAILED):
            if check.mend:
                about.setdefault(check.mend, {})[label] = None
        return [f"{', '.join(labels)}: {mend}" if any(labels) else mend for mend, labels in about.items()]

    @property
    def answering(self) -> int:
        """How many rungs have a deployment that can answer."""
        return sum(any(each.can_answer for each in diagnoses) for _, diagnoses in self.rungs)

    @property
    def verdict(self) -> tuple[str, int]:
        """The last line, and the exit status."""
        states = [check.state for _, check in self.checks]
        if not self.answering:
            return "no rung can answer", 1
        if State.FAILED in states:
            return f"{self.answering} of {len(self.rungs)} rungs can answer", 3
        warnings = states.count(State.WARNING)
        return "all well" + (f", with {warnings} warning{'s' if warnings > 1 else ''}" if warnings else ""), 0

    @property
    def cost(self) -> str:
        """What asking cost, in words."""
        known = [each for _, diagnoses in self.rungs for each in diagnoses]
        unknown = [each.deployment for each in known if each.micro_usd is None]
        micro_usd = sum(each.micro_usd or 0 for each in known)
        told = f"asking cost ${micro_usd / 1e6:.6f}" if micro_usd else "asking cost nothing"
        return told + (f", not counting {', '.join(unknown)}, whose price is not known" if unknown else "")


def run_doctor(settings: Mapping[str, Any], *, timeout_s: float, as_json: bool) -> int:
    """The exit status: 0 all well or warnings only, 3 something failed, 1 no rung can answer."""
    loaded = load_settings(**settings)
    examined = anyio.run(partial(_examine, loaded, load_team(loaded.default_team), timeout_s, is_quiet=as_json))
    if as_json:
        print_json(_as_json(examined))
    else:
        _print(examined)
    return examined.verdict[1]


async def _examine(settings: Settings, team: Team, timeout_s: float, *, is_quiet: bool) -> Examined:
    models_only = replace(team, memory=None, toolbox=None)  # memory has one owner, who may be at work just now
    async with open_system(settings, models_only) as system:
        bench = Bench(
            provider_of=lambda rung: provider_of(rung, team.providers),
            timeout_s=timeout_s,
            has_budget=settings.budget_usd is not None,
            environment=os.environ,
            secrets=secrets_of(system.gateway.rungs, os.environ),
        )
        deployments = list(chain.from_iterable(system.gateway.deployments))
        with _progress(deployments, timeout_s, is_quiet=is_quiet):
            found = await examine_all(deployments, bench)
        keep_abilities(
            settings.project, {key_of(each.rung): able for each in deployments if (able := found[each].ability)}
        )
        of_rungs = [tuple(found[each] for each in group) for group in system.gateway.deployments]
        rungs = system.gateway.rungs
        servers = server_checks(await local_servers(), rungs) if settings.network else ()
        machine = (*machine_checks(system, team), *servers)
        return Examined(tuple(zip(rungs, of_rungs, strict=True)), system.gateway.rungs_from, machine)


def _progress(deployments: Sequence[Deployment], timeout_s: float, *, is_quiet: bool) -> AbstractContextManager[object]:
    """Says on standard error what is waited for."""
    labels = ", ".join(each.rung.label for each in deployments)
    line = f"asking {labels}, for at most {timeout_s:g} s each question"
    screen = console(stderr=True)
    if is_quiet:
        return nullcontext()
    if screen.is_terminal:
        return screen.status(Text(line))
    sys.stderr.write(f"{line}\n")
    return nullcontext()


def _as_json(examined: Examined) -> dict[str, Any]:
    rungs = [
        {
            "rung": rung.label,
            "model": rung.model,
            "can_answer": any(each.can_answer for each in diagnoses),
            "deployments": [{**asdict(each), "can_answer": each.can_answer} for each in diagnoses],
        }
        for rung, diagnoses in examined.rungs
    ]
    machine = [asdict(check) for check in examined.machine]
    facts = {"rungs": rungs, "rungs_from": examined.rungs_from, "machine": machine, "mends": examined.mends}
    return {**facts, "cost": examined.cost, "verdict": examined.verdict[0], "status": examined.verdict[1]}


def _print(examined: Examined) -> None:
    screen = console()
    width = screen.width if screen.is_terminal else None
    for rung, diagnoses in examined.rungs:
        for place, each in zip(rung.deployed(), diagnoses, strict=True):
            what = "" if each.deployment == place.model else f": {place.model}"
            where = f" at {address_of(place)}" if place.base_url else ""
            _say(screen, Text(f"{each.deployment}{what}{where}", style="bold"))
            _say(screen, *_lines(each.checks, width))
    _say(screen, Text("this machine", style="bold"), *_lines(examined.machine, width))
    _say(screen, *(Text(f"{n}. {mend}") for n, mend in enumerate(examined.mends, start=1)))
    _say(screen, Text(examined.cost), Text(examined.verdict[0], style="bold"))


def _say(screen: Console, *lines: Text) -> None:
    for line in lines:
        screen.print(line, soft_wrap=not screen.is_terminal)


def _lines(checks: Sequence[Check], width: int | None) -> Iterator[Text]:
    """A check each: its state in words, so that a pipe can be searched, and its detail, folded to a width."""
    for check in checks:
        first, *rest = wrap(check.detail, max(20, width - _INDENT)) if width else [check.detail]
        yield Text.assemble((f"  {check.state:<8}", _STYLES[check.state]), f" {check.name:<8} {first}")
        yield from (Text(" " * _INDENT + line) for line in rest)
