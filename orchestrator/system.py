"""The composition root: the one place that builds things, and the ways to launch a job with them."""

import os
import platform
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import cycle
from pathlib import Path
from typing import Any, Protocol, Unpack

import anyio
from anyio import to_thread

from .channel.local import LocalChannels
from .clock import Clock, SystemClock, monotonic_s, new_random
from .codec import as_instance
from .control.controls import Controls
from .control.desk import Desk
from .control.place import socket_of
from .control.server import serve_late
from .dispatch import Equipment
from .errors import BadInput
from .evidence import Report
from .frames.frame import Frames
from .frames.watchdog import watched
from .gateway.budget import Ledger
from .gateway.gateway import Gateway, open_gateway
from .gateway.rungs import check_prices, secrets_of
from .gateway.stale import Recall, recall_in
from .gateway.templates import Prompts, read_prompts
from .ids import JobId, new_job_id
from .job import Job
from .journal.events import ACCEPTED, FINISHED, Event
from .journal.file import open_journal
from .journal.journal import Journal, Ways
from .journal.reader import Run, find_run, job_names, open_run
from .journal.storage import SUFFIX, job_in
from .journal.tally import Tally
from .journal.writer import Writer
from .launched import LaunchedJob
from .left import Left
from .log import log_event
from .made_of import changed, fixed, of_prompts
from .order import SAID, Options, Order, job_id_of, order_again, paths_of, said_in
from .ports import Memory, Toolbox
from .settings import Settings, load_settings
from .team import Team, load_team
from .text import clean
from .worker import Identity

#: Threads that write journals; each waits for the disk most of its time.
_WRITERS = 4


class JournalFactory(Protocol):
    """Opens the journal of a new job."""

    async def __call__(self, job: JobId, clock: Clock, ways: Ways) -> Journal: ...


@dataclass(frozen=True, slots=True)
class _Opened:
    """A job whose journal is open, and who listens to it."""

    launched: LaunchedJob
    planner: Identity
    prompts: Prompts
    journal: Journal
    tally: Tally
    controls: Controls
    #: What its file is called, without its ending.
    file: str

    def hear(self, event: Event) -> None:
        """Take in an event of the past."""
        self.tally.hear(event)
        self.controls.hear(event)
        self.launched.hear(event)


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
    frames: Frames
    #: The folder with the runs, beside which jobs can be reached; None where there are no such files.
    runs: Path | None
    left: Left

    @asynccontextmanager
    async def launch(self, question: str, **options: Unpack[Options]) -> AsyncIterator[LaunchedJob]:
        """Start a job, or go on with the same job where an earlier process has left it unfinished.

        Leaving the context before it has ended drops it, unfinished: what it has done stays on record.
        `LaunchedJob.cancel` is the other way to end one early: it ends with a report.

        Raises BadInput, before anything is recorded, for a question without words or a corpus that is not there.
        """
        order = self._order(question, options)
        goes_on = not options.get("anew") and "id" not in options
        if goes_on and (left := await self.left.take(self._asked(order))):
            async with self.resume(left, order.out) as job:
                yield job
            return
        async with self._open(job_id_of(options) or await self._new_id()) as opened:
            if opened.journal.past.events:
                raise BadInput(f"there is a job {opened.launched.id} already; resume it, or give another id")
            async with self._driven(opened, order, self._accepted(order, opened.prompts)):
                yield opened.launched

    async def run(self, question: str, **options: Unpack[Options]) -> Report:
        """The report of a job: `launch` it and wait. `report.read(Kind)` is what a team of another kind returned."""
        async with self.launch(question, **options) as job:
            return await job.result()

    @asynccontextmanager
    async def resume(self, job: str, out: Path | None = None) -> AsyncIterator[LaunchedJob]:
        """Go on with a job whose process is gone: nothing that is on record is asked, paid or written again.

        The job is named by its id, the id's beginning, or `latest`. Its events begin with those on record. Raises
        BadInput for one that is not there, has ended or is held. `out` is where its report will be written, for the
        record, where that is to be somewhere else than it was.
        """
        file = job if self.runs is None else _file_of(job, self.runs).stem
        name = file if self.runs is None else job_in(self.runs / f"{file}{SUFFIX}") or file
        async with self._open(JobId(name), file) as opened:
            past = opened.journal.past
            accepted = next((event.value for event in past.events if event.kind == ACCEPTED), None)
            if accepted is None:
                raise BadInput(f"job {job} was never accepted: there is nothing to resume; launch it anew")
            if past.events[-1].kind == FINISHED:
                raise BadInput(f"job {job} has ended as {past.events[-1].value['status']}: there is nothing to resume")
            if (fork := accepted.get("fork")) and not past.is_tape:
                events = await to_thread.run_sync(_events_of, fork["of"], self.settings.runs)
                past.take_over(fork["origin"], events, fork["at"])
            for event in past.events:
                opened.hear(event)
            order = order_again(accepted, self.settings.limits_set, {}, opened.controls.standing.budget_usd)
            told = {"after": past.events[-1].seq, "owner": _owner(), **_written_to(out)}
            if not past.is_tape:
                told["changed"] = changed(accepted.get("made_of", {}), self._made_of(opened.prompts))
            async with self._driven(opened, order, told):
                yield opened.launched

    @asynccontextmanager
    async def fork(self, run: Run, at: int | None = None, changes: Sequence[str] = ()) -> AsyncIterator[LaunchedJob]:
        """Do a job again as a new one, which takes over what the run has on record where the same is asked.

        Answers of models are taken over up to event `at` and asked anew after it; None takes over all of them. Whatever
        differs in this system (models, prompts, workers) is what the new job does differently; `changes` say it in
        words, for the record. Raises BadInput for a run that was never accepted and an event that it does not have.
        """
        last = len(run.events)
        if at is not None and not 0 <= at <= last:
            raise BadInput(f"run {run.id} has no event {at}; it has 1 to {last}, and 0 is before them all")
        if not run.accepted:
            raise BadInput(f"job {run.id} was never accepted: there is nothing to fork; launch it anew")
        order = order_again(run.accepted, self.settings.limits_set, said_in(changes))
        upto = last if at is None else at
        fork = {"of": run.id, "at": upto, "origin": run.origin, "set": [*run.changes, *changes]}
        async with self._open(await self._new_id()) as opened:
            opened.journal.past.take_over(run.origin, run.events, upto)
            async with self._driven(opened, order, {**self._accepted(order, opened.prompts), "fork": fork}):
                yield opened.launched

    @asynccontextmanager
    async def _open(self, job: JobId, file: str = "") -> AsyncIterator["_Opened"]:
        """A job's journal (`file`, where it is not called as the job), its listeners and its prompts, read but once."""
        planner = Identity.of(type(self.team.supervised(self.settings)), "supervisor", "plan")
        own = (planner, *(contract.identity for contract in self.team.contracts().values()))
        prompts = read_prompts((folder for identity in own for folder in identity.prompts), self.settings.prompts)
        launched, tally, controls = LaunchedJob(job), Tally(), Controls()
        listeners = (tally.hear, controls.hear, launched.hear, log_event)
        secrets = secrets_of(self.gateway.rungs, os.environ)
        ways = Ways(listeners=listeners, secrets=secrets, on_full=controls.storage_full, file=file)
        journal = await self.journals(job, self.clock, ways)
        try:
            yield _Opened(launched, planner, prompts, journal, tally, controls, file or job)
        finally:
            await journal.aclose()

    @asynccontextmanager
    async def _driven(self, opened: "_Opened", order: Order, accepted: dict[str, Any]) -> AsyncIterator[None]:
        """Have the job done, and whoever controls it answered, while the context lasts."""
        launched, controls, journal = opened.launched, opened.controls, opened.journal
        limit = None if order.budget_usd is None else round(order.budget_usd * 1e6)
        ledger = Ledger("job", limit, opened.tally.micro_usd, opened.tally.estimated_micro_usd)
        job = self._job(order, opened, ledger)
        check = partial(check_prices, self.gateway.rungs)
        desk = Desk(launched.id, controls, journal, ledger, launched.cancel, check)
        launched.take(job, desk)
        async with _unwrapped(), anyio.create_task_group() as group:
            group.start_soon(launched.drive, accepted, self.team)
            if self.runs is not None:
                group.start_soon(serve_late, socket_of(self.runs / f"{opened.file}{SUFFIX}"), desk)
            yield
            group.cancel_scope.cancel()

    async def _new_id(self) -> JobId:
        """An id behind those of all jobs that are there, so that the newest job has the last one."""
        others = await to_thread.run_sync(job_names, self.runs) if self.runs is not None else ()
        return new_job_id(self.clock, self.chance, others)

    def _order(self, question: str, options: Options) -> Order:
        """The order, with what was not said taken from the settings."""
        budget_usd, deadline_s = options.get("budget_usd"), options.get("deadline_s")
        budget_usd = self.settings.budget_usd if budget_usd is None else budget_usd
        if budget_usd is not None:
            check_prices(self.gateway.rungs)
        return Order(
            question=clean(question),
            corpus=paths_of(options.get("corpus", ())),
            budget_usd=budget_usd,
            deadline_s=self.settings.deadline_s if deadline_s is None else deadline_s,
            out=Path(out).absolute() if (out := options.get("out")) else None,
            said=self.settings.limits_set | {name: value for name in SAID if (value := options.get(name)) is not None},
        )

    def _job(self, order: Order, opened: "_Opened", ledger: Ledger) -> Job:
        settings = self.settings.model_copy(update=order.limits.model_dump())
        worked_s = 0.0 if opened.journal.past.is_tape else opened.tally.seconds
        equipment = Equipment(
            job=opened.launched.id,
            settings=settings,
            limits=order.limits,
            contracts=self.team.contracts(),
            prompts=opened.prompts,
            channels=LocalChannels(),
            journal=opened.journal,
            controls=opened.controls,
            model=self.gateway.model(ledger, self.chance, self.recall),
            way=self.gateway.way,
            memory=self.memory,
            toolbox=self.toolbox,
            frames=self.frames,
            notices=self.team.notices,
            deadline_s=None if order.deadline_s is None else monotonic_s() + order.deadline_s - worked_s,
        )
        supervisor = (self.team.supervised(settings), opened.planner)
        return Job(order, equipment, supervisor, opened.tally, self.team.finish)

    def _asked(self, order: Order) -> dict[str, Any]:
        """What makes two jobs the same."""
        return {
            "question": order.question,
            "team": self.settings.default_team,
            "corpus": [str(path) for path in order.corpus],
            "budget_usd": order.budget_usd,
            "deadline_s": order.deadline_s,
            "limits": dict(order.said) or None,
        }

    def _accepted(self, order: Order, prompts: Prompts) -> dict[str, Any]:
        return {
            **self._asked(order),
            **_written_to(order.out),
            "workers": [worker.name for worker in self.team.workers],
            "rungs": [rung.label for rung in self.gateway.rungs],
            "rungs_from": self.gateway.rungs_from,
            "owner": _owner(),
            "made_of": self._made_of(prompts),
        }

    def _made_of(self, prompts: Prompts) -> dict[str, str]:
        """What a job with these prompts rests on, as fingerprints."""
        return self._fixed | of_prompts(prompts)

    @cached_property
    def _fixed(self) -> dict[str, str]:
        return fixed(self.team, self.settings)


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
    settings = load_settings() if settings is None else as_instance("settings", settings, Settings)
    team = load_team(settings.default_team) if team is None else as_instance("team", team, Team)
    fixed(team, settings)  # of what is loaded, before anybody edits it
    read_prompts((), settings.prompts)  # raises for what cannot be used
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(open_gateway(settings, os.environ, team.rungs, team.providers))
        memory = (
            await stack.enter_async_context(team.memory(settings.project / "memory", settings)) if team.memory else None
        )
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
            left=Left(None if journals else settings.runs),
            recall=None if journals else recall_in(settings.runs, settings.stale_answer_s, clock or SystemClock()),
            frames=stack.enter_context(watched(Frames(), settings.stall_s)),
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
    async with open_system(settings, team) as system:
        return await system.run(question, **options)


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


def _file_of(job: str, runs: Path) -> Path:
    """A job's run in this folder and no other. Raises BadInput where there is none."""
    return find_run(job.removesuffix(SUFFIX), runs)


def _written_to(out: Path | None) -> dict[str, Any]:
    return {} if out is None else {"out": str(out.absolute())}


def _events_of(job: str, runs: Path) -> tuple[Event, ...]:
    """The events of another job in this folder. Blocking."""
    return open_run(_file_of(job, runs)).events


def _owner() -> dict[str, Any]:
    """Which process works on a job, for whoever finds it held."""
    return {"pid": os.getpid(), "host": platform.node()}


@contextmanager
def _in_folder(runs: Path) -> Iterator[JournalFactory]:
    """Journals as files of a folder, written by a few threads, so that jobs need not wait for each other's disk."""
    with ExitStack() as stack:
        writers = cycle([stack.enter_context(closing(Writer())) for _ in range(_WRITERS)])

        async def open_file(job: JobId, clock: Clock, ways: Ways) -> Journal:
            return await open_journal(runs / f"{ways.file or job}{SUFFIX}", job, clock, next(writers), ways)

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
