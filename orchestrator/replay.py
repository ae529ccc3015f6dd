"""A job gone through again from its record alone: its workers run, and whatever they ask is answered by the record.

No model, memory, tool, network or disk is within reach, time is virtual, and nothing is added to the run. A report that
comes out differently shows that a worker, a prompt or a setting is not what it was.
"""

import random
from dataclasses import dataclass
from typing import Any, NoReturn

import anyio

from . import virtual_time
from .clock import Clock
from .errors import BadInput
from .frames.frame import Frames
from .gateway.chain import Course
from .gateway.gateway import Gateway
from .gateway.record import Record
from .ids import JobId, compact
from .journal.events import CANCELLED, Event
from .journal.in_memory import InMemoryJournal
from .journal.journal import Journal, Ways
from .journal.past import Tape
from .journal.reader import Run
from .left import Left
from .settings import Settings
from .system import System
from .team import Team


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of going through a run again."""

    #: The report as the run has it and as it came out, as JSON.
    recorded: str
    replayed: str
    #: What was asked for and is not on record, as the kinds of intents.
    missing: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether it came out the same, byte for byte."""
        return self.recorded == self.replayed


def replay(run: Run, team: Team, settings: Settings) -> Replay:
    """Go through a run again with this team. Blocking; not for use inside a running event loop.

    Raises BadInput for a job that has not ended, and for a team that waits for what is not on record.
    """
    if run.report is None:
        raise BadInput(
            f"job {run.id} is {run.status}: it has no report to compare with; `bullpen resume` ends it first"
        )
    tape = Tape(run.events)
    tape.origin = run.origin
    try:
        replayed = virtual_time.run(lambda: _replayed(run, tape, team, settings))
    except virtual_time.NothingLeft as error:
        raise BadInput(
            f"job {run.id} cannot be gone through again with this team, which waits for what is not on record; "
            f"name the team that it was launched with ({run.accepted.get('team')})"
        ) from error
    return Replay(run.events[-1].body, replayed, tuple(tape.missing))


async def _replayed(run: Run, tape: Tape, team: Team, settings: Settings) -> str:
    async def open_tape(job: JobId, clock: Clock, ways: Ways) -> Journal:
        return InMemoryJournal(job, clock, ways, tape)

    system = System(
        settings=settings,
        team=team,
        gateway=_Unasked((), "the record", (), Course()),
        memory=_OUT_OF_REACH if team.memory else None,
        toolbox=_OUT_OF_REACH if team.toolbox else None,
        clock=_Stopped(run.events[-1].at_ms),
        chance=random.Random(0),  # noqa: S311 - nothing that it decides is looked at
        journals=open_tape,
        recall=None,
        frames=Frames(),
        runs=None,
        left=Left(None),
    )
    async with system.resume(run.id) as job:
        with anyio.move_on_after(_cancelled_after_s(run.events)):
            return compact(await job.result())
        job.cancel()
        return compact(await job.result())


def _cancelled_after_s(events: tuple[Event, ...]) -> float:
    """When the job was cancelled, in seconds from its first event; never, if it was not."""
    cancelled = next((event for event in events if event.kind == CANCELLED), None)
    return float("inf") if cancelled is None else (cancelled.at_ms - events[0].at_ms) / 1000


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A clock that stands."""

    at_ms: int

    def wall_ms(self) -> int:
        return self.at_ms


class _OutOfReach:
    """Stands where a memory, a toolbox or a model would be: the record answers before it is reached."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"a replay reached for `{name}`, which is beyond its record")


_OUT_OF_REACH: Any = _OutOfReach()


class _Unasked(Gateway):
    """A gateway behind which there is nobody."""

    def model(self, *_: Any) -> Record:
        return Record(_OUT_OF_REACH)
