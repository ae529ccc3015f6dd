"""The composition root: the one place that builds things, and the ways to launch a job with them."""

import os
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Protocol, TypedDict, Unpack

import anyio

from .channel.local import LocalChannels
from .clock import Clock, SystemClock, monotonic_s, new_random
from .control.controls import Controls
from .control.desk import Desk
from .control.place import socket_of
from .control.protocol import Asker, Command, Reply, Request
from .control.server import serve
from .dispatch import Equipment
from .envelope import Result
from .errors import BadInput, BullpenError
from .evidence import Report
from .gateway.budget import Ledger
from .gateway.gateway import Gateway, open_gateway
from .gateway.rungs import check_prices, secrets_of
from .gateway.stale import Recall, recall_in
from .ids import JobId, new_job_id
from .job import Job, Order
from .journal.events import Entry, Event, Journal, Ways
from .journal.file import SUFFIX, open_journal
from .journal.tally import Tally
from .journal.writer import Writer
from .log import log_event
from .ports import Memory, Toolbox
from .settings import Settings, load_settings
from .team import Team, load_team
from .text import clean
from .worker import Identity

#: Threads that write journals; each waits for the disk most of its time.
_WRITERS = 4
Paths = str | Path | Iterable[str | Path]


class JournalFactory(Protocol):
    """Opens the journal of a new job."""

    async def __call__(self, job: JobId, clock: Clock, ways: Ways) -> Journal: ...


class Options(TypedDict, total=False):
    """What can be said of one job."""

    #: Files and folders to answer from.
    corpus: Paths
    #: The most it may spend, in USD.
    budget_usd: float | None
    #: The most seconds it may take.
    deadline_s: float | None


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

    def cancel(self) -> None:
        """End the job now: its report has the status `cancelled` and what was done. Harmless when it has ended."""
        if self._job is not None:
            self._job.cancel()

    def hear(self, event: Event) -> None:
        """Take note of an event; the journal calls this."""
        self._events.append(event)
        if self._news is not None:
            self._wake()

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


@dataclass(frozen=True)
class System:
    """Everything that jobs share: settings, memory, tools, models. Made by `open_system`."""

    settings: Settings
    team: Team
    gateway: Gateway
    memory: Memory | None
    toolbox: Toolbox | None
    clock: Clock
    chance: random.Random
    journals: JournalFactory
    recall: Recall | None
    #: The folder with the runs, beside which jobs can be reached; None where there are no such files.
    runs: Path | None

    @asynccontextmanager
    async def launch(self, question: str, **options: Unpack[Options]) -> AsyncIterator[LaunchedJob]:
        """Start a job. Leaving the context before it has ended cancels it; what it has done stays on record.

        Raises BadInput, before anything is recorded, for a question without words or a corpus that is not there.
        """
        order = self._order(question, options)
        launched = LaunchedJob(new_job_id(self.clock, self.chance))
        tally, controls = Tally(), Controls()
        listeners = (tally.hear, controls.hear, launched.hear, log_event)
        ways = Ways(listeners=listeners, secrets=secrets_of(self.gateway.rungs, os.environ))
        journal = await self.journals(launched.id, self.clock, ways)
        try:
            ledger = Ledger("job", None if order.budget_usd is None else round(order.budget_usd * 1e6))
            job = self._job(order, launched.id, journal, controls, ledger, tally)
            desk = Desk(
                launched.id, controls, journal, ledger, launched.cancel, partial(check_prices, self.gateway.rungs)
            )
            async with _unwrapped(), anyio.create_task_group() as group:
                launched.take(job, desk)
                group.start_soon(launched.drive, self._accepted(order), self.team)
                if self.runs is not None:
                    group.start_soon(_reachable, socket_of(self.runs / f"{launched.id}{SUFFIX}"), desk)
                yield launched
                group.cancel_scope.cancel()
        finally:
            await journal.aclose()

    def _order(self, question: str, options: Options) -> Order:
        """The order, with what was not said taken from the settings."""
        budget_usd, deadline_s = options.get("budget_usd"), options.get("deadline_s")
        budget_usd = self.settings.budget_usd if budget_usd is None else budget_usd
        if budget_usd is not None:
            check_prices(self.gateway.rungs)
        return Order(
            question=clean(question),
            corpus=_paths(options.get("corpus", ())),
            budget_usd=budget_usd,
            deadline_s=self.settings.deadline_s if deadline_s is None else deadline_s,
        )

    def _job(
        self, order: Order, job_id: JobId, journal: Journal, controls: Controls, ledger: Ledger, tally: Tally
    ) -> Job:
        contracts = self.team.contracts()
        supervisor = self.team.supervisor(tuple(contracts.values()), self.settings)
        equipment = Equipment(
            job=job_id,
            settings=self.settings,
            contracts=contracts,
            channels=LocalChannels(),
            journal=journal,
            controls=controls,
            model=self.gateway.model(ledger, self.chance, self.recall),
            memory=self.memory,
            toolbox=self.toolbox,
            notices=self.team.notices,
            deadline_s=None if order.deadline_s is None else monotonic_s() + order.deadline_s,
        )
        return Job(order, equipment, (supervisor, Identity.of(type(supervisor), "supervisor", "plan")), tally)

    def _accepted(self, order: Order) -> dict[str, Any]:
        return {
            "question": order.question,
            "corpus": [str(path) for path in order.corpus],
            "budget_usd": order.budget_usd,
            "deadline_s": order.deadline_s,
            "workers": [worker.name for worker in self.team.workers],
            "rungs": [rung.label for rung in self.gateway.rungs],
            "rungs_from": self.gateway.rungs_from,
        }


@asynccontextmanager
async def open_system(
    settings: Settings | None = None,
    team: Team | None = None,
    *,
    clock: Clock | None = None,
    chance: random.Random | None = None,
    journals: JournalFactory | None = None,
) -> AsyncIterator[System]:
    """Open what jobs share: memory, tools and models. Leaving closes them.

    Raises BadInput for settings that cannot be used and InvalidWorker for a mistake in the team.
    """
    settings = settings or load_settings()
    team = team or load_team(settings.default_team)
    team.contracts()
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(open_gateway(settings, os.environ, team.rungs, team.providers))
        memory = await stack.enter_async_context(team.memory(settings.project / "memory")) if team.memory else None
        toolbox = await stack.enter_async_context(team.toolbox(settings.project / "tools")) if team.toolbox else None
        yield System(
            settings=settings,
            team=team,
            gateway=gateway,
            memory=memory,
            toolbox=toolbox,
            clock=clock or SystemClock(),
            chance=chance or new_random(),
            journals=journals or stack.enter_context(_in_folder(settings.runs)),
            runs=None if journals else settings.runs,
            recall=None if journals else recall_in(settings.runs, settings.stale_answer_s, clock or SystemClock()),
        )


@asynccontextmanager
async def launch(
    team: Team | None, question: str, *, settings: Settings | None = None, **options: Unpack[Options]
) -> AsyncIterator[LaunchedJob]:
    """Open a system for one job and start it: `async with launch(team, "…", corpus="docs/") as job: …`."""
    async with open_system(settings, team) as system, system.launch(question, **options) as job:
        yield job


async def research(
    question: str, *, team: Team | None = None, settings: Settings | None = None, **options: Unpack[Options]
) -> Report:
    """The report on a question: `launch` and wait."""
    async with launch(team, question, settings=settings, **options) as job:
        return await job.result()


def research_sync(
    question: str, *, team: Team | None = None, settings: Settings | None = None, **options: Unpack[Options]
) -> Report:
    """The report on a question, for scripts without an event loop. Raises BadInput inside a running one."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return anyio.run(lambda: research(question, team=team, settings=settings, **options))
    raise BadInput("research_sync was called inside a running event loop; use `await research(…)` there")


def _paths(corpus: Paths) -> tuple[Path, ...]:
    paths = tuple(Path(path) for path in ([corpus] if isinstance(corpus, str | Path) else corpus))
    for path in paths:
        if not path.exists():
            raise BadInput(f"corpus {str(path)!r} does not exist; name a file or folder that does")
    return paths


async def _reachable(path: Path, desk: Desk) -> None:
    """Let other processes control the job. Where that cannot be, the job goes on without, and its record says so."""
    try:
        await serve(path, desk.answer)
    except* OSError as group:
        if not desk.controls.standing.has_ended:
            body = {"reason": "; ".join(map(str, group.exceptions))}
            desk.journal.append(Entry("control.unavailable", body, task="job", sender="job", recipient="user"))


@contextmanager
def _in_folder(runs: Path) -> Iterator[JournalFactory]:
    """Journals as files of a folder, written by a few threads, so that jobs need not wait for each other's disk."""
    with ExitStack() as stack:
        writers = cycle([stack.enter_context(closing(Writer())) for _ in range(_WRITERS)])

        async def open_file(job: JobId, clock: Clock, ways: Ways) -> Journal:
            return await open_journal(runs / f"{job}{SUFFIX}", job, clock, next(writers), ways)

        yield open_file


@asynccontextmanager
async def _unwrapped() -> AsyncIterator[None]:
    """Let the one exception of a group out as itself: callers write `except BadInput`, not `except*`."""
    try:
        yield
    except BaseExceptionGroup as group:
        if len(set(map(id, group.exceptions))) == 1:
            raise group.exceptions[0] from None
        raise
