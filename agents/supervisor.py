"""The research supervisor: how a question becomes tasks. It starts nothing; every method returns plain data."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from ..orchestrator.envelope import Result
from ..orchestrator.errors import NoAnswer
from ..orchestrator.evidence import Card, Finding, Query, Value
from ..orchestrator.limits import Limits
from ..orchestrator.rules.plan import Plan, problems
from ..orchestrator.settings import Settings
from ..orchestrator.worker import Context, Contract
from .catalogue import CARDS_TOKENS, FULL_MOST, WHOLE_MOST, choose, rendered, rendered_fields, sources_of
from .desk import (
    Desk,
    Scouted,
    Triage,
    by_rule,
    fits_one_call,
    has_new_notes,
    next_round,
    reading,
    triaged,
    whole,
    writing,
)
from .gaps import HINT_WITHIN_S, Overview
from .tables import rendered_table

_STANDARD = frozenset({"search", "summarize", "analyze", "refine", "check"})
#: Passages that a query finds in a large collection, and tokens of a look-up that is shown to a planner.
_LOOKED_AT, _TABLE_TOKENS = 60, 1_000
#: The tasks that may come after a round's readings: a search and what reads for it, a look, the writing, the check.
_STEPS_AFTER = 5


class Steered(Value):
    """What else is to be looked up, after what the person who asks has said meanwhile."""

    parts: tuple[str, ...] = Field(max_length=8)


class Assignment(Value):
    """A question and the desk that works on it: what the supervisor keeps between its methods."""

    question: str
    desk: Desk


class ResearchSupervisor:
    """You lead a small research desk. You split a question into parts and decide who works on what."""

    def __init__(self, workers: Sequence[Contract], settings: Settings) -> None:
        self._workers, self._settings, self._limits = workers, settings, Limits.of(settings.limits_set)

    async def brief(self, question: str, ctx: Context) -> Assignment:
        """What the answer must say and what to read for it, where a model reads; else the question's parts."""
        notes = await ctx.steering()
        way = await ctx.way("summarize")
        cards = await ctx.memory.cards() if way == "prose" and ctx.memory.port else ()
        if cards:
            try:
                desk = await self._triaged(question, cards, notes, ctx)
                return Assignment(question=question, desk=desk.model_copy(update={"notes": notes}))
            except NoAnswer as error:
                ctx.note(f"nobody chooses what to read, so it is chosen by rule: {error}")
        return Assignment(question=question, desk=by_rule(question, notes, "select" if way == "select" else "extract"))

    async def _triaged(self, question: str, cards: Sequence[Card], notes: tuple[str, ...], ctx: Context) -> Desk:
        """The documents to be read: all where they fit one call, else those that a model chooses from the catalogue."""
        if fits_one_call(cards, self._limits):
            return whole(question, cards, notes)
        fields = rendered_fields(await ctx.memory.fields())
        scouted = await self._scouted(question, fields, len(cards), ctx) if len(cards) > WHOLE_MOST else Scouted()
        tables = [await ctx.memory.look_up(select) for select in scouted.lookups]
        searched = list(dict.fromkeys((question, *scouted.queries))) if len(cards) > WHOLE_MOST else []
        rankings = [sources_of(await ctx.memory.search(query, limit=_LOOKED_AT)) for query in searched]
        links = {card.source: [name for ids in card.links.values() for name in ids] for card in cards}
        chosen = choose([card.source for card in cards], [table.sources for table in tables], rankings, links)
        seen = {card.source: card for card in cards}
        told, left = rendered(chosen, seen, full=len(chosen) if len(cards) <= WHOLE_MOST else FULL_MOST)
        if left:
            ctx.note(
                "documents of the catalogue are not shown", left_out=left, of=len(chosen), tokens_most=CARDS_TOKENS
            )
        triage = await ctx.ask(
            "triage",
            returns=Triage,
            question=question,
            cards=told,
            left=left,
            shown=len(chosen) - left,
            of=len(cards),
            fields=fields,
            tables=[rendered_table(table, f"@{n}", most=_TABLE_TOKENS) for n, table in enumerate(tables, start=1)],
            notes=notes,
        )
        known = {json.dumps(table.select.model_dump(), sort_keys=True) for table in tables}
        new = [one for one in triage.lookups if json.dumps(one.model_dump(), sort_keys=True) not in known]
        tables += [await ctx.memory.look_up(select) for select in new]
        return triaged(question, triage, seen, tables, searched, self._limits)

    async def _scouted(self, question: str, fields: str, of: int, ctx: Context) -> Scouted:
        """How to search a large collection, as a model says; nothing where none answers."""
        try:
            return await ctx.ask(
                "scout", returns=Scouted, question=question, of=of, fields=fields, within_s=HINT_WITHIN_S
            )
        except NoAnswer as error:
            ctx.note(f"searched by the question alone: {error}")
            return Scouted()

    async def plan(self, assignment: Assignment, ctx: Context) -> Plan:
        """The standard plan; a model's own, if sound, where the team has workers that the standard one cannot place."""
        standard = reading(assignment.desk, self._gatherers, self._calls_most(()), self._limits)
        strangers = [worker for worker in self._workers if worker.name not in _STANDARD and not _gathers(worker)]
        if not strangers:
            return standard
        proposed = await self._proposed(assignment, standard, ctx)
        if proposed is None:
            names = ", ".join(worker.name for worker in strangers)
            ctx.note(f"the standard plan is used: no sound plan was proposed, so {names} has no task")
        return proposed or standard

    async def review(self, assignment: Assignment, results: Sequence[Result], ctx: Context) -> Plan | None:
        """Another round for what we are told meanwhile and what the analysis misses, then the writing, then None."""
        analyses = [result for result in results if result.worker == "analyze"]
        if any(result.worker == "refine" for result in results) or not analyses:
            return None
        return await self._next(assignment.desk, results, ctx)

    async def _next(self, desk: Desk, results: Sequence[Result], ctx: Context) -> Plan | None:
        """Another round where the notes ask for one that may help, or people do; then the writing, then None."""
        rounds = [result for result in results if result.worker == "analyze"]
        if not rounds[-1].status.delivered:
            return None
        seen = rounds[-1].read(Overview)
        left = self._settings.rounds_most - len(rounds)
        steered = await self._steered(Assignment(question=desk.question, desk=desk), ctx) if left > 0 else ()
        if steered or (left > 0 and seen.asks_for_more and has_new_notes(results)):
            ctx.note("another round", documents=seen.next_documents, queries=seen.next_queries, steered=steered)
            calls_most = self._calls_most(results)
            return next_round(desk, seen, results, steered, calls_most, self._limits, is_last=left == 1)
        return writing(desk, results, self._limits)

    def _calls_most(self, results: Sequence[Result]) -> int:
        """The calls that may read in a round: half of a job's tasks, as far as the steps after them leave some."""
        most = self._settings.tasks_most
        return max(1, min(most // 2, most - len(results) - _STEPS_AFTER))

    async def _steered(self, assignment: Assignment, ctx: Context) -> tuple[str, ...]:
        """What to look up after what people have told us since the brief; their words as they stand without a model."""
        notes = await ctx.steering()
        if not notes:
            return ()
        asked: dict[str, Any] = {"question": assignment.question, "sub_questions": _parts(assignment), "notes": notes}
        try:
            steered: Steered = await ctx.ask("steer", returns=Steered, within_s=HINT_WITHIN_S, **asked)
            return steered.parts
        except NoAnswer as error:
            ctx.note(f"the notes are looked up as they stand: {error}")
            return notes

    @property
    def _gatherers(self) -> list[str]:
        return [worker.name for worker in self._workers if worker.name not in _STANDARD and _gathers(worker)]

    async def _proposed(self, assignment: Assignment, standard: Plan, ctx: Context) -> Plan | None:
        """A model's plan, asked for again with what was wrong; None when neither could run."""
        names = {worker.name for worker in self._workers}
        wrong: list[str] = []
        for again in range(2):
            try:
                plan = await ctx.ask(
                    "plan",
                    returns=Plan,
                    again=again,
                    within_s=HINT_WITHIN_S,
                    question=assignment.question,
                    sub_questions=_parts(assignment),
                    workers=[worker.describe() for worker in self._workers],
                    standard=standard,
                    problems=wrong,
                )
            except NoAnswer as error:
                ctx.note(f"no plan was proposed: {error}")
                return None
            wrong = problems(plan, workers=names, done=(), tasks_most=self._settings.tasks_most)
            if not wrong:
                return plan
        ctx.note("the proposed plan cannot run", problems=wrong)
        return None


def _parts(assignment: Assignment) -> tuple[str, ...]:
    """What is being looked up."""
    return assignment.desk.points or (assignment.question,)


def _gathers(worker: Contract) -> bool:
    """Whether the standard plan can place a worker: it takes a Query and returns a Finding."""
    kinds = (worker.input.json_schema().get("title"), worker.output.json_schema().get("title"))
    return kinds == (Query.__name__, Finding.__name__)
