"""A whole system in memory, for tests of teams and workers: nothing is written, nothing waits."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from ..clock import Clock
from ..ids import JobId
from ..journal.events import Event
from ..journal.in_memory import InMemoryJournal
from ..journal.journal import Ways
from ..journal.past import Past
from ..settings import Rung, load_settings
from ..system import System, open_system
from ..team import Team
from .clock import ManualClock
from .model import ScriptedModel


@asynccontextmanager
async def scripted_system(
    team: Team, model: ScriptedModel, *, before: Sequence[Event] = (), clock: Clock | None = None, **settings: Any
) -> AsyncIterator[System]:
    """The team with this model as its only rung, an in-memory journal, a seeded random source and a manual clock, or
    the clock that is given.

    The ids of its jobs are the same at every run. `before` are the events of a job that can be resumed. Runs on trio's
    virtual time if the team's memory and tools do.
    """
    given = load_settings(**{"rungs": (Rung(model="scripted:model"),), **settings})
    scripted = replace(team, providers={**team.providers, "scripted": model})
    ports: dict[str, Any] = {
        "clock": clock or ManualClock(tick_ms=1),
        "chance": random.Random(0),  # noqa: S311 - the same ids at every run are the point
        "journals": partial(_in_memory, before),
    }
    async with open_system(given, scripted, **ports) as system:
        yield system


async def _in_memory(before: Sequence[Event], job: JobId, clock: Clock, ways: Ways) -> InMemoryJournal:
    return InMemoryJournal(job, clock, ways, Past([event for event in before if event.job == job]))
