"""The analyze worker: notes and findings in, all of it as one out, with what is open and what else is to be read."""

from collections.abc import Sequence

from ..orchestrator.envelope import Result
from ..orchestrator.errors import NoAnswer, NothingFound
from ..orchestrator.evidence import Finding
from ..orchestrator.metadata import ID, Condition
from ..orchestrator.worker import Context, Worker
from .coverage import key_words
from .gaps import Gaps, GapsTask, Overview, overview, see_also
from .reading import Note, Notes, note_of
from .sections import disagreements_of
from .standing import HEAD, facts_of, first_day, quoted, siblings, successors
from .wording import calls

#: How many documents that replaced a source, or went the same way, are named.
_KIN_MOST = 6
#: How many documents are named that do not say what is asked.
_NAMED_MOST = 6


class Analyze(Worker):
    """Looks over all notes: nothing twice, what disagrees, what is open, and what else is to be read."""

    async def run(self, task: GapsTask, ctx: Context) -> Overview:
        return await _looked_over(task, ctx)


async def _looked_over(task: GapsTask, ctx: Context) -> Overview:
    """All notes as one, and what else is to be looked up: nothing where code sees that every point is settled."""
    read = [notes for result in ctx.results if (notes := _notes_of(result, task)) is not None]
    whole = overview(read, task.points, task.tables, task.kind)
    if task.way != "prose":
        return await _by_rule(task, whole, ctx)
    also = see_also(read)
    if not task.is_last and (whole.unsaid or also):
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
        claims = tuple(note_of(claim, point) for claim in finding.claims)
        notes = Notes(points=task.points, notes=claims, weak=finding.weak, explained=finding.explained)
    named = [note.model_copy(update={"id": f"{result.task}.{n}"}) for n, note in enumerate(notes.notes, start=1)]
    return notes.model_copy(update={"notes": tuple(named)})


async def _with_gaps(task: GapsTask, whole: Overview, also: Sequence[str], ctx: Context) -> Overview:
    """With what a model says is open, and what might close it. Without an answer the writing begins."""
    done = {one.source for one in whole.documents}
    try:
        gaps = await ctx.ask(
            "gaps",
            returns=Gaps,
            question=task.question,
            points=whole.points,
            notes=[{"point": note.point, "text": note.text} for note in whole.notes],
            read=[f"{one.source}, in part" if one.cut else one.source for one in whole.documents],
            searched=task.searched,
            see_also=also,
        )
    except NoAnswer as error:
        ctx.note(f"nobody says what else to look up: {error}")
        return whole
    return whole.model_copy(
        update={
            "next_documents": tuple(name for name in gaps.documents if name not in done),
            "next_queries": tuple(query for query in gaps.queries if query not in task.searched),
        }
    )


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
