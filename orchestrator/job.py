"""The loop of one job: ingest → brief → (plan → dispatch → review)* → finish.

It carries out what the supervisor decides and what the rules allow; it ends with a status and an answer or a reason.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import anyio

from .dispatch import SKIPPED, Dispatch, Equipment
from .envelope import Priority, Result, Status, Task
from .errors import Refused
from .evidence import (
    Calls,
    Draft,
    Evidence,
    Gap,
    MadeBy,
    Output,
    Passage,
    Quote,
    Report,
)
from .frames.attempt import Guarded, guard
from .frames.frame import Frame
from .ids import StepKey
from .ingest import corpus_of, ingest
from .journal.events import ACCEPTED, CANCELLED, FINISHED, RESUMED, Entry
from .journal.step import StepKind, Steps
from .journal.tally import Tally
from .order import Order
from .ports import CorpusReader, Memory
from .rules import report as rules
from .rules.compose import compose
from .rules.plan import Plan, problems
from .worker import Context, Identity

CHECK = StepKind(None, "evidence.checked", "evidence.failed")


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
        self, order: Order, equipment: Equipment, supervisor: tuple[Supervisor, Identity], tally: Tally
    ) -> None:
        self.order, self.equipment, self.tally = order, equipment, tally
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
        """Check every quote, settle the status, write the text, end the journal."""
        with anyio.CancelScope(shield=True):
            await self.dispatch.settle()
            results = self.dispatch.results
            draft, evidence = await self._checked(rules.draft_of(results))
            gaps = (*self._gaps, *rules.gaps_of(results, skipped=SKIPPED), *self._unheard(), *draft.gaps)
            outputs = rules.outputs_of(results, self.dispatch.final)
            status, degraded = self._status(draft, gaps, results, outputs), self.tally.degraded
            report = Report(
                job=self.equipment.job,
                status=status,
                text="",
                degraded=degraded,
                claims=draft.claims,
                gaps=gaps,
                disagreements=draft.disagreements,
                uncovered=draft.uncovered,
                layout=draft.layout,
                not_answered=draft.not_answered,
                documents=draft.documents,
                completeness=draft.completeness,
                written_by=draft.written_by,
                checked=draft.checked,
                outputs=outputs,
                made_by=MadeBy(lane="+".join(sorted(self.tally.lanes)), models=tuple(sorted(self.tally.models))),
                cost_usd=self.tally.micro_usd / 1e6,
                estimated_usd=self.tally.estimated_micro_usd / 1e6,
                seconds=self.tally.seconds,
                calls=Calls(model=self.tally.model_calls, tool=self.tally.tool_calls),
            )
            is_research = not results or bool(self.order.corpus) or any(map(rules.is_research, results))
            text = compose(self.order.question, report, evidence, notice=self._notice(), is_research=is_research)
            report = report.model_copy(update={"text": text})
            journal = self.equipment.journal
            journal.append(Entry(FINISHED, report, task="job", sender="job", recipient="user"))
        with anyio.move_on_after(self.equipment.settings.finish_timeout_s, shield=True):
            await journal.commit()
            return report
        await journal.commit()  # there is no room: it is waited for as long as whoever launched the job waits
        return report

    async def _checked(self, draft: Draft) -> tuple[Draft, Evidence]:
        """The draft without what has no evidence. The words around each quote go into the run, with their source.

        A memory that fails, or takes too long, leaves nothing that may be claimed.
        """
        equipment = self.equipment
        memory, timeout_s = equipment.memory, equipment.settings.finish_timeout_s

        async def effect(_: StepKey) -> Evidence:
            claims = (*draft.claims, *(claim for one in draft.disagreements for claim in one.claims))
            names = dict.fromkeys(
                [
                    *(quote.source for quote in rules.quotes_of(claims)),
                    *(record.source for claim in claims for record in claim.records),
                    *(document.source for document in draft.documents),
                ]
            )
            sources = [await memory.source(name) for name in names] if memory else []
            known = {source.id: source for source in sources if source}
            passages = [await _around(memory, q) for q in rules.quotes_of(claims) if memory and q.source in known]
            return Evidence(sources=tuple(known.values()), passages=tuple(passage for passage in passages if passage))

        frame = Frame(equipment.job, "evidence", timeout_s, self._job.note)
        check = partial(self._job.run, CHECK, "memory", draft, effect, Evidence.model_validate)
        found = await guard(equipment.frames, frame, check)
        if found.failure is None:
            return rules.only_supported(draft, found.value), found.value
        lost = f"{found.failure.detail}; {len(draft.claims)} claims could not be checked and are left out"
        unchecked = Gap(task="evidence", reason=found.failure.type, detail=lost)
        kept = {"gaps": (*draft.gaps, unchecked), "claims": (), "disagreements": (), "layout": None, "checked": None}
        return draft.model_copy(update=kept), Evidence()

    def _unheard(self) -> list[Gap]:
        """What the job was told after the supervisor's last decision."""
        notes = self.equipment.controls.standing.notes
        return [Gap(task="supervisor", reason="SteeredTooLate", detail=note) for note in notes]

    def _notice(self) -> str:
        return " ".join(text for lane, text in self.equipment.notices.items() if lane in self.tally.lanes)

    def _status(
        self, draft: Draft, gaps: Sequence[Gap], results: tuple[Result, ...], outputs: tuple[Output, ...]
    ) -> Status:
        if self._ended is Status.CANCELLED or (self._ended is not None and not rules.has_answer(draft, outputs)):
            return self._ended
        return rules.status_of(draft, gaps, results, expects_claims=bool(self.order.corpus), outputs=outputs)


async def _around(memory: Memory, quote: Quote) -> Passage | None:
    """The quote with some words on each side, as they stand in the source; None where it has no such span."""
    before = await memory.read(quote.source, 0, quote.start)
    start = max(0, quote.start - rules.AROUND)
    text = before[start:] + await memory.read(quote.source, quote.start, quote.end + rules.AROUND)
    if not text:
        return None
    line = before.count("\n") + 1
    page = before.count("\f") + 1 if "\f" in before + text else 0
    return Passage(source=quote.source, title="", start=start, end=start + len(text), text=text, line=line, page=page)


async def _no_delegation(parent: Task, worker: str, given: Any) -> Result:
    raise Refused(f"{parent.id} cannot delegate to {worker!r}: a supervisor plans tasks and starts nothing")
