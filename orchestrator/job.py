"""The loop of one job: ingest → brief → (plan → dispatch → review)* → finish.

It carries out what the supervisor decides and what the rules allow; it ends with a status and an answer or a reason.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import anyio

from .dispatch import Dispatch, Equipment
from .envelope import Priority, Result, Status, Task
from .errors import Refused
from .evidence import Gap, Report
from .finish import Ended, Finish, Finisher
from .frames.attempt import Guarded, guard
from .ingest import corpus_of, ingest
from .journal.events import ACCEPTED, CANCELLED, FINISHED, RESUMED, Entry
from .journal.step import Steps
from .journal.tally import Tally
from .order import Order
from .ports import CorpusReader
from .rules.plan import Plan, problems
from .worker import Context, Identity


class Supervisor(Protocol):
    """Decides what is worth doing. It starts nothing: each method returns plain data."""

    async def brief(self, question: str, ctx: Context) -> Any:
        """What the question asks for: sub-questions, what would count as an answer."""
        ...

    async def plan(self, brief: Any, ctx: Context) -> Plan:
        """The first tasks."""
        ...

    async def review(self, brief: Any, results: Sequence[Result], ctx: Context) -> Plan | None:
        """More tasks in view of all results so far, or None when the work is done."""
        ...


class Job:
    """One job, run once. `run` returns its report; every result is in `dispatch.done`."""

    def __init__(
        self,
        order: Order,
        equipment: Equipment,
        supervisor: tuple[Supervisor, Identity],
        tally: Tally,
        finish: Finish,
    ) -> None:
        self.order, self.equipment, self.tally, self.finish = order, equipment, tally, finish
        self._supervisor, self._identity = supervisor
        self.dispatch = Dispatch(equipment)
        self._gaps: list[Gap] = []
        #: How the work ended, when it did not end by itself or not well.
        self._ended: Status | None = None
        deadline_s = float("inf") if equipment.deadline_s is None else equipment.deadline_s
        self._working = anyio.CancelScope(deadline=deadline_s)
        self._is_cancelled = self._is_finishing = False
        self._job = Steps(equipment.journal, equipment.job, "job", "job")

    async def run(self, accepted: dict[str, Any], reader: CorpusReader | None) -> Report:
        """Work until the supervisor is content or a bound is reached; the report says which and why.

        A resumed job goes the same way again, and what is on record answers in place of models, tools and memory.
        Raises what ended the work, if it was no bound, once the report of what there is has been recorded.
        """
        journal = self.equipment.journal
        kind = RESUMED if journal.past.events else ACCEPTED
        journal.append(Entry(kind, accepted, task="job", sender="user", recipient="supervisor"))
        ended_by: Exception | None = None
        with self._working:
            try:
                await journal.commit()
                await self._ingest_and_work(reader)
            except Exception as error:
                ended_by, self._ended = error, Status.FAILED
                about = "corpus" if isinstance(error, Refused) else "job"
                self._gaps.append(Gap(task=about, reason=type(error).__name__, detail=str(error)[:500]))
        self._is_finishing = True
        if self._working.cancelled_caught:
            self._cut_short()
        report = await self._finish()
        if ended_by is not None:
            raise ended_by
        return report

    def cancel(self) -> None:
        """End it now, with what there is: nothing more is asked of anybody. One that is finishing already does so."""
        if not self._is_finishing:
            self._is_cancelled = True
            self._working.cancel()
            self.equipment.frames.stop(self.equipment.job)

    def _cut_short(self) -> None:
        undone = ", ".join(self.dispatch.unfinished) or "nothing that was begun"
        if self._is_cancelled:
            self._ended = Status.CANCELLED
            self._job.note(CANCELLED, {}, recipient="dispatch")
            reason, detail = "Cancelled", f"it was cancelled; not done: {undone}"
        else:
            reason = "Deadline"
            detail = f"the deadline of {self.order.deadline_s:g} s came first; not done: {undone}"
        self._gaps.append(Gap(task="job", reason=reason, detail=detail))

    async def _ingest_and_work(self, reader: CorpusReader | None) -> None:
        if reader is not None and self.order.corpus:
            await self._ingest(reader)
        async with anyio.create_task_group() as group:
            self.dispatch.start(group)
            await self._work()
            group.cancel_scope.cancel()

    async def _ingest(self, reader: CorpusReader) -> None:
        memory = self.equipment.memory
        if memory is None:
            raise Refused("a corpus was given, but this team has no memory: give the Team a `memory` factory")
        done = await ingest(self._job, memory, reader, self.order.corpus)
        self.equipment.corpora.append(corpus_of(self.order.corpus))
        self._gaps += [Gap(task="corpus", reason=gap.uri, detail=gap.reason) for gap in done.unreadable]

    async def _work(self) -> None:
        """brief → (plan → dispatch → review)*, each answer of the supervisor behind a guard of its own."""
        briefed = await self._ask("brief", lambda ctx: self._supervisor.brief(self.order.question, ctx))
        if briefed.status is not Status.OK:
            return
        answered = await self._ask("plan", lambda ctx: self._supervisor.plan(briefed.value, ctx))
        rounds = 0
        while answered.status is Status.OK and answered.value is not None and self._may_run(answered.value, rounds):
            rounds += 1
            await self.dispatch.run(answered.value)
            review = partial(self._supervisor.review, briefed.value, self.dispatch.results)
            answered = await self._ask(f"review-{rounds}", review)

    def _may_run(self, plan: Plan, rounds: int) -> bool:
        """Put the plan on record; one that breaks the rules or comes after the last round is a gap, not a surprise."""
        self._job.note("plan.made", plan, recipient="dispatch")
        wrong = problems(
            plan,
            workers=self.equipment.contracts.keys(),
            done=self.dispatch.done.keys(),
            tasks_most=self.equipment.settings.tasks_most,
        )
        if rounds > self.equipment.settings.rounds_most:  # the last plan writes up what the rounds have gathered
            wrong.append(f"{rounds} rounds have been done, the most that are allowed; this is what there is")
        self._gaps += [Gap(task="plan", reason="InvalidPlan", detail=problem) for problem in wrong]
        return not wrong

    async def _ask(self, name: str, question: Callable[[Context], Any]) -> Guarded:
        """One answer of the supervisor. What it raises becomes a gap; Refused ends the job."""
        task = Task(id=f"supervisor/{name}", worker=self._identity.name, input=None)
        equipment = self.equipment
        frame = equipment.frame(self._identity.name, partial(self.dispatch.remark, task))
        # All others wait for it.
        context = equipment.context(task, self._identity, frame, _no_delegation, Priority.HIGH)
        guarded = await guard(equipment.frames, frame, lambda: question(context))
        if guarded.failure is not None:
            self._ended = guarded.status
            self._gaps.append(Gap(task=task.id, reason=guarded.failure.type, detail=guarded.failure.detail))
        return guarded

    async def _finish(self) -> Report:
        """Make the report of what there is, and end the journal with it."""
        journal = self.equipment.journal
        with anyio.CancelScope(shield=True):
            await self.dispatch.settle()
            gaps = (*self._gaps, *self._unheard())
            ended = Ended(self.order.question, bool(self.order.corpus), gaps, self._ended)
            report = await Finisher(self.finish, self.dispatch, self.equipment, self.tally, self._job).report(ended)
            journal.append(Entry(FINISHED, report, task="job", sender="job", recipient="user"))
        with anyio.move_on_after(self.equipment.settings.finish_timeout_s, shield=True):
            await journal.commit()
            return report
        await journal.commit()  # there is no room: it is waited for as long as whoever launched the job waits
        return report

    def _unheard(self) -> list[Gap]:
        """What the job was told after the supervisor's last decision."""
        notes = self.equipment.controls.standing.notes
        return [Gap(task="supervisor", reason="SteeredTooLate", detail=note) for note in notes]


async def _no_delegation(parent: Task, worker: str, given: Any) -> Result:
    raise Refused(f"{parent.id} cannot delegate to {worker!r}: a supervisor plans tasks and starts nothing")
