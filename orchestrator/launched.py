"""A job that is under way, as whoever launched it sees it."""

import os
from collections.abc import Mapping
from typing import Any

import anyio

from .control.desk import Desk
from .control.protocol import Asker, Command, Reply, Request
from .envelope import Result
from .errors import BullpenError
from .evidence import Report
from .ids import JobId
from .job import Job
from .journal.events import ACCEPTED, RESUMED, Event
from .journal.step import IN_DOUBT, MODEL
from .team import Team


class LaunchedJob:
    """A job that is under way: watch it, wait for it, or leave."""

    def __init__(self, job_id: JobId) -> None:
        self.id = job_id
        self._events: list[Event] = []
        self._job: Job | None = None
        self._desk: Desk | None = None
        self._report: Report | None = None
        self._error: BaseException | None = None
        #: Set at the next event or the end, if anybody waits for it.
        self._news: anyio.Event | None = None
        self._ended = anyio.Event()

    @property
    def results(self) -> Mapping[str, Result]:
        """Every result so far that counts, by task id."""
        return dict(self._job.dispatch.done) if self._job else {}

    @property
    def reused(self) -> tuple[Event, ...]:
        """The answers of models on record that a resumed job has used instead of asking again."""
        return tuple(event for event in self._reused.values() if event.kind == MODEL.result)

    @property
    def _reused(self) -> Mapping[str, Event]:
        return self._job.equipment.journal.past.reused if self._job else {}

    @property
    def is_resumed(self) -> bool:
        """Whether it goes on with what an earlier process has left."""
        return self._job is not None and bool(self._job.equipment.journal.past.events)

    @property
    def outdated(self) -> tuple[Event, ...]:
        """The answers of models on record that a resumed job, now that it has ended, had no use for: it asked anew."""
        past = self._job.equipment.journal.past if self._job else None
        events = past.events if past else ()
        return tuple(event for event in events if event.kind == MODEL.result and event.step not in self._reused)

    @property
    def changed(self) -> tuple[str, ...]:
        """What a resumed job's results rest on that is not what it was: `prompt brief`, `worker search` and so on."""
        resumed = [event.value for event in self._events if event.kind == RESUMED]
        return tuple(resumed[-1].get("changed", ())) if resumed else ()

    @property
    def out(self) -> str:
        """Where its report was last said to be written, as its record has it; "" where nobody has said."""
        told = [event.value.get("out", "") for event in self._events if event.kind in (ACCEPTED, RESUMED)]
        return next((out for out in reversed(told) if out), "")

    @property
    def in_doubt(self) -> tuple[Event, ...]:
        """The steps that an earlier process had begun, and nobody knows how they ended; they were done again."""
        return tuple(event for event in self._events if event.kind == IN_DOUBT)

    async def result(self) -> Report:
        """Wait for the report. Raises what ended the job where it has none."""
        await self._ended.wait()
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    def events(self) -> "EventStream":
        """Every event of the job from its first, as it is recorded, until the job has ended."""
        return EventStream(self)

    async def event(self, n: int) -> Event | None:
        """The n-th event, from 0, when it has been recorded; None when the job has ended before it."""
        while n >= len(self._events):
            if self._ended.is_set():
                return None
            self._news = self._news or anyio.Event()
            await self._news.wait()
        return self._events[n]

    def hear(self, event: Event) -> None:
        """Take note of an event; the journal calls this."""
        self._events.append(event)
        if self._news is not None:
            self._wake()

    def cancel(self) -> None:
        """End the job now: it finishes as `cancelled`, with what it has and what that cost; `result` gives the report.

        At once: no model is asked any more. A job that has ended, or is just ending, ends as it would have.
        """
        assert self._job is not None, "whoever launches a job gives it before anybody can cancel it"
        self._job.cancel()

    async def room(self, *, is_there: bool) -> str:
        """Return when there is, or is not, room on the disk for the job's record, and then why. Without, it waits."""
        assert self._desk is not None, "a job has a record when it has begun"
        await self._desk.controls.room(is_there=is_there)
        return self._desk.controls.full

    async def control(self, command: Command) -> Reply:
        """Carry out a command, as `bullpen pause` and its kin have it done from another process."""
        assert self._desk is not None, "a job can be controlled when it has begun"
        asker = Asker(pid=os.getpid(), uid=os.geteuid())
        return await self._desk.answer(Request(job=self.id, command=command), asker)

    def take(self, job: Job, desk: Desk) -> None:
        """Have the job that this is, before it is driven: it may be cancelled first."""
        self._job, self._desk = job, desk

    async def drive(self, accepted: dict[str, Any], team: Team) -> None:
        """Run the job to its end and keep what came of it, whoever is waiting."""
        assert self._job is not None, "`take` comes first"
        try:
            self._report = await self._job.run(accepted, team.corpus)
        except BullpenError as error:
            self._error = error
        except Exception as error:  # a defect: it ends the caller's block too, whether or not anybody asks for a result
            self._error = error
            raise
        finally:
            self._ended.set()
            self._wake()

    def _wake(self) -> None:
        if self._news is not None:
            self._news.set()
            self._news = None


class EventStream:
    """The events of a launched job, for `async for`. No generator, so that it may be left at any point."""

    def __init__(self, job: LaunchedJob) -> None:
        self._job, self._next = job, 0

    def __aiter__(self) -> "EventStream":
        return self

    async def __anext__(self) -> Event:
        event = await self._job.event(self._next)
        if event is None:
            raise StopAsyncIteration
        self._next += 1
        return event
