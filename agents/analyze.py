"""The analyze worker: findings in, one ordered set of claims out, with what disagrees and what is missing."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from ..memory.context import Budget
from ..orchestrator.envelope import Result
from ..orchestrator.errors import NoAnswer, NothingFound
from ..orchestrator.evidence import Claim, Disagreement, Finding, Query, Value
from ..orchestrator.lookup import Select
from ..orchestrator.metadata import ID, Condition
from ..orchestrator.worker import Context, Worker
from .catalogue import rendered_fields
from .claims import fitting, is_exact
from .gaps import HINT_WITHIN_S, Gaps, GapsTask, LookedUp, Overview, Widened, overview, see_also
from .reading import Note, Notes
from .room import named, within
from .rows import row_table
from .standing import HEAD, facts_of, first_day, quoted, siblings, successors
from .tables import noted_table

#: How many documents that replaced a source, or went the same way, are named.
_KIN_MOST = 6
#: How many documents are named that do not say what is asked, and reasons why some were set aside.
_NAMED_MOST, _REASONS_MOST = 6, 12
#: Tokens of notes that are shown to whoever says what else to look up.
_NOTES_TOKENS = 8_000


class Conflict(Value):
    """Numbered claims that cannot all be true, and what they are about."""

    about: str
    claims: tuple[int, ...] = Field(min_length=2)


class Judgement(Value):
    """Which numbered claims answer the question, best first and none twice, and what they leave open."""

    keep: tuple[int, ...]
    #: The one claim that answers the question, where one does.
    answer: int | None = None
    conflicts: tuple[Conflict, ...] = ()
    missing: tuple[str, ...] = ()
    #: Questions that another search could answer.
    follow_ups: tuple[str, ...] = Field(default=(), max_length=4)


class Analysis(Value):
    """The claims that a report can be written from; the one that answers the question is marked."""

    claims: tuple[Claim, ...]
    disagreements: tuple[Disagreement, ...] = ()
    missing: tuple[str, ...] = ()
    follow_ups: tuple[str, ...] = ()
    #: Why the evidence may not answer the question, and the question's words that need no quote.
    weak: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()
    #: By its words, the part of the question that a claim was found for.
    parts: dict[str, str] = Field(default_factory=dict)


class Analyze(Worker):
    """Merges what was found: the best first, nothing twice, with what disagrees and what is missing."""

    #: What claims may take of the tokens before a model, by kind of question.
    budget: ClassVar[Budget] = Budget()

    async def run(self, task: Query | GapsTask, ctx: Context) -> Analysis | Overview:
        return await (self._merged(task, ctx) if isinstance(task, Query) else _looked_over(task, ctx))

    async def _merged(self, task: Query, ctx: Context) -> Analysis:
        """The claims of all findings as one list."""
        findings = [result.read(Finding) for result in ctx.results]
        room = self.budget.tokens_of("evidence", task.effort)
        numbered, left = fitting([finding.claims for finding in findings], room)
        if left:
            ctx.note("claims are left out", kind=task.effort, room=room, left_out=[claim.text for claim in left])
        judged = await ctx.ask("analyze", returns=Judgement, question=task.question, claims=numbered)
        kept = _marked(
            _numbered(judged.keep, numbered),
            _numbered((judged.answer or 0,), numbered),
            [claim for claim in numbered if is_exact(claim)],
        )
        if not kept:
            raise NothingFound("; ".join(judged.missing) or "none of the findings answers the question")
        conflicts = [Disagreement(about=c.about, sides=_numbered(c.claims, numbered)) for c in judged.conflicts]
        return Analysis(
            claims=(*kept, *await _standings(kept, ctx)),
            disagreements=tuple(_unmarked(conflict) for conflict in conflicts if len(conflict.sides) > 1),
            missing=judged.missing,
            follow_ups=judged.follow_ups,
            weak=tuple(dict.fromkeys(finding.weak for finding in findings if finding.weak)),
            explained=tuple(dict.fromkeys(word for finding in findings for word in finding.explained)),
            parts={claim.text: finding.about for finding in reversed(findings) for claim in finding.claims},
        )


async def _looked_over(task: GapsTask, ctx: Context) -> Overview:
    """All notes as one, and what else is to be looked up: nothing where code sees that every point is settled, and
    after a round that added nothing."""
    read = [notes for result in ctx.results if (notes := _notes_of(result, task)) is not None]
    whole = overview(read, task)
    also = see_also(read)
    if not task.is_last and (not task.noted or len(whole.notes) > task.noted):
        if task.columns and len(whole.documents) < task.of:
            whole = await _widened(task, whole, ctx)
        elif not task.columns and (whole.unsaid or also):
            whole = await _with_gaps(task, whole, also, ctx)
    if not whole.notes and not whole.asks_for_more:
        names = ", ".join(one.source for one in whole.documents[:_NAMED_MOST])
        more = f" and {len(whole.documents) - _NAMED_MOST} more" if len(whole.documents) > _NAMED_MOST else ""
        raise NothingFound(
            f"none of the documents that were read says it: {names}{more}" if names else "nothing was read"
        )
    return whole


def _notes_of(result: Result, task: GapsTask) -> Notes | None:
    """What a task has noted down, with the ids by which it is known from here on; a finding's claims are notes too."""
    if result.worker == "search":
        return None
    if result.worker == "summarize":
        notes = result.read(Notes)
    else:
        finding = result.read(Finding)
        point = task.points.index(finding.about) + 1 if finding.about in task.points else 0
        claims = [Note(point=point, text=c.text, quotes=c.quotes, records=c.records) for c in finding.claims]
        notes = Notes(points=task.points, notes=tuple(claims))
    named = [note.model_copy(update={"id": f"{result.task}.{n}"}) for n, note in enumerate(notes.notes, start=1)]
    return notes.model_copy(update={"notes": tuple(named)})


async def _with_gaps(task: GapsTask, whole: Overview, also: Sequence[str], ctx: Context) -> Overview:
    """With what a model says is open, and what might close it. Without an answer the writing begins."""
    done = {one.source for one in whole.documents}
    shown, left = within(whole.notes, _NOTES_TOKENS)
    if left:
        ctx.note("notes are not shown to whoever looks for gaps", left_out=left, tokens_most=_NOTES_TOKENS)
    summary = await ctx.memory.fields()
    try:
        gaps = await ctx.ask(
            "gaps",
            returns=Gaps,
            within_s=HINT_WITHIN_S,
            question=task.question,
            points=whole.points,
            notes=[{"point": note.point, "text": note.text} for note in shown],
            left=left,
            read=named([f"{one.source}, in part" if one.cut else one.source for one in whole.documents]),
            searched=_tried(task),
            see_also=named(also),
            fields=rendered_fields(summary) if summary.fields else "",
        )
    except NoAnswer as error:
        ctx.note(f"nobody says what else to look up: {error}")
        return whole
    whole, found = await _looked_up(gaps.lookups, whole, ctx, has_rows=True)
    wanted = [name for one in gaps.documents for name in found.get(one, (one,))]
    return whole.model_copy(
        update={
            "next_documents": tuple(dict.fromkeys(name for name in wanted if name not in done)),
            "next_queries": tuple(query for query in gaps.queries if query not in task.searched),
        }
    )


async def _widened(task: GapsTask, whole: Overview, ctx: Context) -> Overview:
    """With other words and a look-up that asks for less, for rows that have not been found. Nobody's hints are no
    hindrance."""
    kept, left = within([note for note in whole.notes if note.cell], _NOTES_TOKENS)
    if left:
        ctx.note("cells are not shown to whoever widens a list", left_out=left, tokens_most=_NOTES_TOKENS)
    try:
        more = await ctx.ask(
            "widen",
            returns=Widened,
            within_s=HINT_WITHIN_S,
            question=task.question,
            rows=row_table(kept, numbered=False),
            left=left,
            set_aside=dict(Counter(one.why_not for one in whole.documents if one.why_not).most_common(_REASONS_MOST)),
            tables=[note.text for note in whole.tables],
            searched=_tried(task),
            fields=rendered_fields(await ctx.memory.fields()),
        )
    except NoAnswer as error:
        ctx.note(f"the list is not widened: {error}")
        return whole
    whole, found = await _looked_up(more.lookups, whole, ctx, has_rows=False)  # each is read by itself
    read = {one.source for one in whole.documents}
    new = dict.fromkeys(name for names in found.values() for name in names if name not in read)
    queries = tuple(query for query in more.queries if query not in task.searched)
    return whole.model_copy(update={"next_documents": tuple(new), "next_queries": queries})


def _tried(task: GapsTask) -> tuple[str, ...]:
    """What was searched for, and the look-ups that no table shows since they found nothing."""
    shown = [table.text for table in task.tables]
    return (*task.searched, *(one.told for one in task.look_ups if not any(one.told in text for text in shown)))


async def _looked_up(
    selects: Sequence[Select], whole: Overview, ctx: Context, *, has_rows: bool
) -> tuple[Overview, dict[str, tuple[str, ...]]]:
    """With what these look-ups come to, each of them once in a job; and as `@1`, `@2`, … which documents they find."""
    found: dict[str, tuple[str, ...]] = {}
    for n, select in enumerate(selects, start=1):
        if any(one.select == select for one in whole.look_ups):
            continue
        table = await ctx.memory.look_up(select)
        made = LookedUp(select=select, told=table.told)
        new = [noted_table(f"T{len(whole.look_ups) + 1}", table, has_rows=has_rows)] if table.total else []
        whole = whole.model_copy(update={"notes": (*whole.notes, *new), "look_ups": (*whole.look_ups, made)})
        found[f"@{n}"] = table.sources
    return whole, found


def _marked(claims: Sequence[Claim], chosen: Sequence[Claim], exact: Sequence[Claim]) -> list[Claim]:
    """The claims, one of them marked as the answer: what metadata answers exactly before what was chosen."""
    answer = next(iter(exact), None) or next(iter(chosen), None)
    if answer is not None and answer not in claims:
        claims = [answer, *claims]
    return [
        claim.model_copy(update={"answer": (claim.answer or (claim.text,)) if claim is answer else ()})
        for claim in claims
    ]


def _unmarked(conflict: Disagreement) -> Disagreement:
    return Disagreement(about=conflict.about, sides=tuple(s.model_copy(update={"answer": ()}) for s in conflict.sides))


async def _standings(claims: Sequence[Claim], ctx: Context) -> list[Claim]:
    """What is known of the documents behind the claims: their metadata, what they say of their own standing, and what
    has replaced them. Nothing where metadata was the question."""
    if any(claim.rule for claim in claims):
        return []
    names = dict.fromkeys(quote.source for claim in claims for quote in claim.quotes)
    sources = {name: source for name in names if (source := await ctx.memory.source(name))}
    for source in list(sources.values()):
        after = [Condition(field=ID, op="is", values=ids)] if (ids := successors(source)) else []
        for condition in (*after, *siblings(source)):
            others = await ctx.memory.select([condition])
            sources |= {other.id: other for other in others[:_KIN_MOST]}
    facts = sorted((fact for source in sources.values() if (fact := facts_of(source))), key=first_day)
    said = [quoted(name, await ctx.memory.read(name, 0, HEAD)) for name in sources]
    held = {quote.text for claim in claims for quote in claim.quotes}
    return [*(claim for claim in said if claim and claim.text not in held), *facts]


def _numbered(numbers: tuple[int, ...], claims: list[Claim]) -> tuple[Claim, ...]:
    """The claims of these numbers, from 1, each once; a number that nobody has is left out."""
    return tuple(claims[n - 1] for n in dict.fromkeys(numbers) if 1 <= n <= len(claims))
