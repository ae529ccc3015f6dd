"""The analyze worker: notes and findings in, all of it as one out, with what is open and what else is to be read."""

from collections import Counter
from collections.abc import Sequence

from ..orchestrator.envelope import Result
from ..orchestrator.errors import NoAnswer, NothingFound
from ..orchestrator.evidence import Finding
from ..orchestrator.lookup import Select
from ..orchestrator.metadata import ID, Condition
from ..orchestrator.worker import Context, Worker
from .catalogue import rendered_fields
from .coverage import key_words
from .gaps import HINT_WITHIN_S, Gaps, GapsTask, LookedUp, Overview, Widened, overview, see_also
from .reading import Note, Notes, note_of
from .room import named, within
from .rows import row_table
from .sections import disagreements_of
from .standing import HEAD, facts_of, first_day, quoted, siblings, successors
from .tables import noted_table
from .wording import calls

#: How many documents that replaced a source, or went the same way, are named.
_KIN_MOST = 6
#: How many reasons are shown why documents were set aside.
_REASONS_MOST = 12
#: Tokens of notes that are shown to whoever says what else to look up.
_NOTES_TOKENS = 8_000


class Analyze(Worker):
    """Looks over all notes: nothing twice, what disagrees, what is open, and what else is to be read."""

    async def run(self, task: GapsTask, ctx: Context) -> Overview:
        return await _looked_over(task, ctx)


async def _looked_over(task: GapsTask, ctx: Context) -> Overview:
    """All notes as one, and what else is to be looked up: nothing where code sees that every point is settled, and
    after a round that added nothing."""
    read = [notes for result in ctx.results if (notes := _notes_of(result, task)) is not None]
    whole = overview(read, task)
    if task.way != "prose":
        return await _by_rule(task, whole, ctx)
    also = see_also(read)
    if not task.is_last and (not task.noted or len(whole.notes) > task.noted):
        if task.columns and len(whole.documents) < task.of:
            whole = await _widened(task, whole, ctx)
        elif not task.columns and (whole.unsaid or also) and (whole.documents or not task.absent):
            whole = await _with_gaps(task, whole, also, ctx)
    if not whole.notes and not whole.asks_for_more:
        raise NothingFound(task.nothing_found([one.source for one in whole.documents]))
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
        claims = tuple(note_of(claim, point) for claim in finding.claims)
        notes = Notes(points=task.points, notes=claims, weak=finding.weak, explained=finding.explained)
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
            searched=task.tried,
            absent=task.absent,
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
    """With other words and a look-up that asks for less, for rows that have not been found. Without an
    answer the list stays as it is."""
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
            searched=task.tried,
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


async def _by_rule(task: GapsTask, whole: Overview, ctx: Context) -> Overview:
    """With what sources say differently, and what is known of the documents. Raises NothingFound where nothing is."""
    if not whole.notes:
        raise NothingFound("none of the findings answers the question")
    if any(note.rule for note in whole.notes):  # metadata was the question
        return whole
    known = await _standings([note for note in whole.notes if note.quotes], task.question, ctx)
    return whole.model_copy(
        update={"notes": (*whole.notes, *known), "disagreements": disagreements_of(task.question, whole.notes)}
    )


async def _standings(notes: Sequence[Note], question: str, ctx: Context) -> list[Note]:
    """What is known of the documents behind the notes: their metadata, what they say of their own standing, and what
    has replaced them."""
    names = dict.fromkeys(quote.source for note in notes for quote in note.quotes)
    sources = {name: source for name in names if (source := await ctx.memory.source(name))}
    for source in list(sources.values()):
        after = [Condition(field=ID, op="is", values=ids)] if (ids := successors(source)) else []
        for condition in (*after, *siblings(source)):
            others = await ctx.memory.select([condition])
            sources |= {other.id: other for other in others[:_KIN_MOST]}
    fields = (await ctx.memory.mentions(question)).fields
    asked = [field.name for field in fields if any(calls(field.name, word) for word in key_words(question))]
    facts = sorted((fact for source in sources.values() if (fact := facts_of(source, asked))), key=first_day)
    said = [quoted(name, await ctx.memory.read(name, 0, HEAD)) for name in sources]
    held = {quote.text for note in notes for quote in note.quotes}
    claims = [*(claim for claim in said if claim and claim.text not in held), *facts]
    return [note_of(claim).model_copy(update={"id": f"standing.{n}"}) for n, claim in enumerate(claims, start=1)]
