"""A whole system in memory, for tests of teams and workers: nothing is written, nothing waits."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from ..clock import Clock
from ..ids import JobId
from ..journal.events import Ways
from ..journal.in_memory import InMemoryJournal
from ..settings import Rung, load_settings
from ..system import System, open_system
from ..team import Team
from .clock import ManualClock
from .model import ScriptedModel


@asynccontextmanager
async def scripted_system(team: Team, model: ScriptedModel, **settings: Any) -> AsyncIterator[System]:
    """The team with this model as its only rung, an in-memory journal, a manual clock and a seeded random source.

    The ids of its jobs are the same at every run. Runs on trio's virtual time if the team's memory and tools do.
    """
    given = load_settings(**{"rungs": (Rung(model="scripted:model"),), **settings})
    scripted = replace(team, providers={**team.providers, "scripted": model})
    chance = random.Random(0)  # noqa: S311 - the same ids at every run are the point
    async with open_system(given, scripted, clock=ManualClock(tick_ms=1), chance=chance, journals=_in_memory) as system:
        yield system


async def _in_memory(job: JobId, clock: Clock, ways: Ways) -> InMemoryJournal:
    return InMemoryJournal(job, clock, ways)
