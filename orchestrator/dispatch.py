"""Keeps a plan being done: sends what is ready, takes results, tries again within bounds, then lets a gap stand.

It decides nothing: what is ready is `rules.plan`, what is tried again is `rules.retry`. One failure never touches its
siblings. Lives inside a job's task group.
"""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
from anyio.abc import TaskGroup
from pydantic import ValidationError

from .channel.channel import Channel, Channels, Delivery
from .clock import monotonic_s
from .codec import NotKept, encoded
from .control.asking import ask_leave
from .control.controls import Controls
from .doors import MemoryDoor, ToolDoor
from .envelope import Envelope, Failure, Priority, Result, Status, Task
from .errors import Refused
from .failpoint import failpoint
from .frames.attempt import attempt
from .frames.frame import Frame, Frames, Remark
from .gateway.abilities import Way
from .gateway.model import Model
from .gateway.templates import Prompts
from .ids import plain
from .journal.events import Entry
from .journal.journal import Journal
from .journal.step import Steps
from .limits import Limits
from .ports import Memory, Toolbox
from .rules import retry
from .rules.plan import Plan, PlannedTask, inputs_of, is_pointless, ready
from .settings import Settings
from .worker import Context, Contract, Delegate, Identity, Reach

#: Why a task was never sent: the one reason that is no gap of its own, since its cause is one already.
SKIPPED = "Skipped"
DISPATCH = "dispatch"
_TaskEnvelope, _ResultEnvelope = Envelope[Task], Envelope[Result]
#: How much longer than an attempt may take its message stays on lease, in seconds.
_LEASE_GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a job works with. Built by the system, used by dispatch and the job's own loop."""

    job: str
    settings: Settings
    limits: Limits
    contracts: Mapping[str, Contract]
    prompts: Prompts
    channels: Channels[Any]
    journal: Journal
    controls: Controls
    model: Model
    #: How the work of a role is done.
    way: Callable[[str], Awaitable[Way]]
    memory: Memory | None
    toolbox: Toolbox | None
    frames: Frames
    #: By provider: what a report says when that provider answered.
    notices: Mapping[str, str] = field(default_factory=dict)
    #: The corpora that this job may search; filled when they have been ingested.
    corpora: list[str] = field(default_factory=list)
    #: Absolute, on the event loop's clock; None is no deadline.
    deadline_s: float | None = None

    def frame(self, worker: str, remark: Remark) -> Frame:
        """What stands around an attempt that begins now."""
        return Frame(self.job, worker, self.settings.task_timeout_s, remark, self.controls.timed)

    def context(
        self, task: Task, identity: Identity, frame: Frame, delegate: Delegate, priority: Priority = Priority.NORMAL
    ) -> Context:
        """A context for one attempt at a task; its effects are recorded in that name, while it lasts."""
        steps = Steps(self.journal, self.job, task.id, identity.name, lambda: frame.is_over)
        tools = ToolDoor(self.toolbox, steps, partial(ask_leave, steps, self.controls))
        doors = MemoryDoor(self.memory, steps, tuple(self.corpora)), tools
        reach = Reach(
            self.model, self.way, *doors, delegate, self.controls, self.prompts, self.limits, self.deadline_s, priority
        )
        return Context(task, identity, steps, reach)


class Dispatch:
    """One job's tasks, from sent to done. `done` holds every result that counts, by task."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment, settings = equipment, equipment.settings
        self.done: dict[str, Result] = {}
        self._lease_s = settings.task_timeout_s + _LEASE_GRACE_S
        self._bounds = retry.Bounds(settings.starts_most, settings.restarts_most, settings.restarts_period_s)
        #: By id of a planned task, how many were planned before it.
        self._planned: dict[str, int] = {}
        #: The planned tasks that others come after.
        self._followed: set[str] = set()
        self._sent: dict[str, Task] = {}
        self._attempts: Counter[str] = Counter()
        self._restarts: defaultdict[str, tuple[float, ...]] = defaultdict(tuple)
        self._children: Counter[str] = Counter()
        self._waiting: dict[str, anyio.Event] = {}
        self._results: Channel[Any] = self._open("results")
        self._slots: dict[str, anyio.Semaphore] = {}
        #: What workers are at, as it is on lease.
        self._leased: set[Delivery[Task]] = set()
        self._group: TaskGroup | None = None

    @property
    def results(self) -> tuple[Result, ...]:
        """Every result that counts, in the order of the plans: who was faster shows in the journal alone."""
        return tuple(sorted(self.done.values(), key=lambda result: self._place(result.task)))

    @property
    def final(self) -> tuple[Result, ...]:
        """The results of the planned tasks that no other comes after, in the order of the plans."""
        ends = self._planned.keys() - self._followed
        return tuple(result for result in self.results if result.task in ends)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The tasks that were sent and have no result that counts, in the order of the plans."""
        return tuple(sorted((name for name in self._sent if name not in self.done), key=self._place))

    def _place(self, task: str) -> tuple[int, list[tuple[int, str]]]:
        """Where a task stands among all: as it was planned, its children behind it in the order of their numbers."""
        planned, *path = task.split("/")
        return self._planned[planned], [(len(name), name) for name in path]

    def start(self, group: TaskGroup) -> None:
        """Let workers do their tasks in this group until it is cancelled."""
        self._group = group
        group.start_soon(self._keep_leases)

    async def run(self, plan: Plan) -> None:
        """Return when every task of the plan is done, well or badly. The plan must have no `problems`."""
        started: set[str] = set()
        planned = {task.id for task in plan.tasks}
        self._followed |= {name for task in plan.tasks for name in task.after}
        self._planned |= {task.id: n for n, task in enumerate(plan.tasks, start=len(self._planned))}
        while not planned <= self.done.keys():
            now_ready = ready(plan, done=self.done, started=started)
            for task in now_ready:
                started.add(task.id)
                await self._begin(task)
            if not any(task.id in self.done for task in now_ready):
                await self._take_result()

    async def _begin(self, task: PlannedTask) -> None:
        if is_pointless(task, self.done):
            reason = f"nothing that it comes after was delivered: {', '.join(task.after)}"
            failure = Failure(type=SKIPPED, detail=reason, retryable=False)
            self._finish(Result(task=task.id, worker=task.worker, status=Status.CANCELLED, failure=failure))
            return
        await self._send(Task(id=task.id, worker=task.worker, input=task.input, results=inputs_of(task, self.done)))

    async def _send(self, task: Task) -> None:
        """Put a task on its worker's channel, with one more attempt to its name."""
        equipment = self._equipment
        await equipment.journal.past.reach("task.sent", task.id)
        self._sent[task.id] = task
        self._attempts[task.id] += 1
        self._children[task.id] = 0  # a new attempt names its children as the last one did, and finds their results
        attempt = self._attempts[task.id]
        shown = {"input": task.input, "after": [result.task for result in task.results], "attempt": attempt}
        self._note(task, "task.sent", shown, sender=DISPATCH, recipient=task.worker)
        envelope = _TaskEnvelope(
            id=f"{task.id}#{attempt}",
            job=equipment.job,
            task=task.id,
            sender=DISPATCH,
            recipient=task.worker,
            body=task,
            attempt=attempt,
            deadline_s=equipment.deadline_s,
        )
        await self._open(f"tasks.{task.worker}").send(envelope)
        failpoint("task.sent")
        self._take_one(equipment.contracts[task.worker])

    def _take_one(self, contract: Contract) -> None:
        """Let the worker take one message from its channel, when it has a slot."""
        assert self._group is not None, "`start` comes before the first plan"
        self._group.start_soon(self._work, contract, name=contract.name)

    async def _work(self, contract: Contract) -> None:
        equipment = self._equipment
        channel: Channel[Task] = self._open(f"tasks.{contract.name}")
        slot = _Slot(self._slots_of(contract))
        await slot.take()
        try:
            await equipment.controls.may_go_on()
            delivery = await channel.receive()
            failpoint("task.taken")
            self._leased.add(delivery)
            task, priority = delivery.envelope.body, delivery.envelope.priority
            frame = equipment.frame(contract.name, partial(self.remark, task))
            delegate = partial(self._delegate, slot)
            context = equipment.context(task, contract.identity, frame, delegate, priority)
            result = await attempt(equipment.frames, frame, contract, task, context)
        finally:
            slot.give_up()
        failpoint("task.done")
        await equipment.journal.past.reach("task.returned", task.id)
        self._leased.discard(delivery)
        await self._results.send(_reply(delivery.envelope, result))
        if not await delivery.ack():
            self._take_one(contract)  # the lease had run out: the message is in its line again

    async def _keep_leases(self) -> None:
        """Where attempts have no end because the job waits for a person, their leases have none either."""
        controls, still = self._equipment.controls, False
        while True:
            with anyio.move_on_after(self._lease_s / 2 if still else None):
                await controls.changed(stands_still=not still)
            still = controls.stands_still
            for delivery in tuple(self._leased):
                await delivery.extend()

    def _slots_of(self, contract: Contract) -> anyio.Semaphore:
        if contract.name not in self._slots:
            self._slots[contract.name] = anyio.Semaphore(contract.worker.slots, fast_acquire=True)
        return self._slots[contract.name]

    async def settle(self) -> None:
        """Take what has been returned and not been looked at, without starting anything again."""
        while self._results.statistics().queued:
            _, result = await self._receive_result()
            if result.task not in self.done:
                self._finish(result)

    async def _take_result(self) -> None:
        task, result = await self._receive_result()
        if result.task in self.done:
            return  # a late result of a lease that had run out: recorded, not used
        if result.status is Status.FAILED and self._starts_again(task, result):
            await self._send(task)
        else:
            self._finish(result)

    async def _receive_result(self) -> tuple[Task, Result]:
        """The next result, put on record."""
        delivery = await self._results.receive()
        await delivery.ack()
        result, task = delivery.envelope.body, self._sent[delivery.envelope.task]
        body = {"status": result.status, "output": result.output, "failure": result.failure}
        self._note(task, "task.returned", body, sender=result.worker, recipient=DISPATCH)
        failpoint("task.returned")
        return task, result

    def remark(self, task: Task, kind: str, body: dict[str, Any]) -> None:
        """Put on record what a worker did beside its task."""
        self._note(task, kind, body, sender=task.worker, recipient=DISPATCH)

    def _starts_again(self, task: Task, result: Result) -> bool:
        decision, self._restarts[task.worker] = retry.decide(
            self._bounds,
            starts=self._attempts[task.id],
            retryable=result.failure is None or result.failure.retryable,
            restarts_at_s=self._restarts[task.worker],
            now_s=monotonic_s(),
        )
        return decision == "again"

    def _finish(self, result: Result) -> None:
        self.done[result.task] = result
        if waiting := self._waiting.pop(result.task, None):
            waiting.set()

    async def _delegate(self, slot: "_Slot", parent: Task, worker: str, given: Any) -> Result:
        """A child task. Its parent's slot is free while it waits, so that nesting cannot deadlock."""
        child = self._child(parent, worker, given)
        if child.id not in self.done:
            waiting = self._waiting.setdefault(child.id, anyio.Event())
            if child.id not in self._sent:
                await self._send(child)
            await slot.lend_until(waiting)
        return self.done[child.id]

    def _child(self, parent: Task, worker: str, given: Any) -> Task:
        settings = self._equipment.settings
        if worker not in self._equipment.contracts:
            raise Refused(
                f"worker {worker!r} is not in the team: it has {', '.join(sorted(self._equipment.contracts))}"
            )
        if parent.depth + 1 > settings.depth_most:
            raise Refused(f"task {parent.id!r} is {parent.depth} deep; at most {settings.depth_most} are allowed")
        if self._children[parent.id] >= settings.fan_out_most:
            raise Refused(f"task {parent.id!r} has {settings.fan_out_most} children, the most that are allowed")
        if len(self._sent) >= settings.tasks_most:
            raise Refused(f"the job has {len(self._sent)} tasks, the most that are allowed")
        self._children[parent.id] += 1
        name = f"{parent.id}/{worker}-{self._children[parent.id]}"
        return Task(id=name, worker=worker, input=self._plain(worker, given), depth=parent.depth + 1)

    def _plain(self, worker: str, given: Any) -> Any:
        """The input as the worker's contract writes it; that it does not fit is for the attempt to say."""
        try:
            return encoded(self._equipment.contracts[worker].input, given)
        except ValidationError:
            return plain(given)
        except NotKept as error:
            raise Refused(f"the input of worker {worker!r} cannot be handed on: {error}") from error

    def _open(self, name: str) -> Channel[Any]:
        capacity = 2 * self._equipment.settings.tasks_most  # each task at most once queued and once on lease
        return self._equipment.channels.open(name, capacity=capacity, lease_s=self._lease_s)

    def _note(self, task: Task, kind: str, body: Any, *, sender: str, recipient: str) -> None:
        self._equipment.journal.append(Entry(kind, body, task=task.id, sender=sender, recipient=recipient))


def _reply(envelope: Envelope[Task], result: Result) -> Envelope[Result]:
    return _ResultEnvelope(
        id=envelope.id,
        job=envelope.job,
        task=envelope.task,
        sender=result.worker,
        recipient=DISPATCH,
        body=result,
        attempt=envelope.attempt,
    )


class _Slot:
    """One of a worker's places: held while it works, lent to others while it waits for its children."""

    def __init__(self, slots: anyio.Semaphore) -> None:
        self._slots, self._is_held, self._waits = slots, False, 0

    async def take(self) -> None:
        await self._slots.acquire()
        self._is_held = True

    def give_up(self) -> None:
        if self._is_held:
            self._is_held = False
            self._slots.release()

    async def lend_until(self, done: anyio.Event) -> None:
        """Wait without the place; it is taken again when the last of several waits at once has ended."""
        self._waits += 1
        self.give_up()
        try:
            await done.wait()
        finally:
            self._waits -= 1
        if not self._waits:
            await self.take()
