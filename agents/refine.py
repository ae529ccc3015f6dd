"""The refine worker: all notes in, the sentences of the report out."""

from pydantic import Field

from ..orchestrator.errors import NoAnswer
from ..orchestrator.evidence import Author, Checked, Draft, Gap, Value
from ..orchestrator.worker import Context, Worker
from .choosing import chosen_by
from .coverage import uncovered
from .gaps import Overview
from .reading import Way
from .room import within
from .rows import row_table
from .sections import heading_of, laid_out, verbatim
from .writing import Written as WrittenReport
from .writing import by_point, draft_of, rivals

#: Tokens of notes before a writer.
NOTES_TOKENS = 16_000

#: Why sentences that are quotes are not checked.
QUOTED = "every sentence is quoted as it stands; no model wrote or checked any"


class WriteTask(Value):
    """To write the report from an overview."""

    question: str
    way: Way = "prose"
    #: What is known not to be among the documents, a sentence each.
    absent: tuple[str, ...] = ()
    #: What a limit of the job kept from being read, in words for people.
    cut: str = Field(default="", exclude_if=lambda cut: not cut)
    #: How complete a list is, and which documents were read and not judged, in sentences for people.
    completeness: str = Field(default="", exclude_if=lambda said: not said)
    unjudged: tuple[str, ...] = Field(default=(), exclude_if=lambda unjudged: not unjudged)


class Refine(Worker):
    """Writes the report from the notes: every sentence names those that it rests on."""

    role = "write"

    async def run(self, task: WriteTask, ctx: Context) -> Draft:
        draft = await _written(task, ctx)
        limits = [task.cut] if task.cut else []
        if draft.written_by is None and (ctx.limits.length or ctx.limits.language):
            limits.append("no model wrote this, so neither its length nor its language is as asked for")
        gaps = [Gap(task=self.name, reason="Limit", detail=said) for said in limits]
        return draft.model_copy(update={"gaps": (*draft.gaps, *gaps)})


async def _written(task: WriteTask, ctx: Context) -> Draft:
    """The report as a model writes it from notes; where nothing of that may stand, the notes themselves by point."""
    read = ctx.results[-1].read(Overview)
    if task.way != "prose":
        return await _laid_out(task, read, ctx)
    notes, left = within(read.notes, NOTES_TOKENS)
    if left:
        ctx.note("notes are not shown to the writer", left_out=left, tokens_most=NOTES_TOKENS)
    numbered = [(n, note) for n, note in enumerate(notes, start=1) if note.cell is None]
    draft = Draft()
    for again in range(2):
        try:
            answer = await ctx.answer(
                "write",
                returns=WrittenReport,
                again=again,
                question=task.question,
                kind=read.kind,
                points=read.points,
                length=ctx.limits.length,
                language=ctx.limits.language,
                notes=[{"number": n, "point": note.point, "text": note.text} for n, note in numbered],
                rivals=rivals(notes, read.points),
                rows=row_table(notes),
                left=left,
                not_said=(*read.unsaid, *task.absent, *task.unjudged),
            )
        except NoAnswer as error:
            return await _laid_out(task, read, ctx, f"no model wrote this: {error}")
        draft, dropped = draft_of(answer.value, notes)
        author = Author(model=answer.model, rung=answer.rung, tier=answer.tier)
        draft = draft.model_copy(update={"written_by": author})
        if dropped:
            ctx.note("sentences that name no note are left out", left_out=dropped)
        if draft.claims or draft.not_answered:
            break
    if not draft.claims and not draft.not_answered:
        ctx.note("nothing was written that names a note: the notes stand as they are")
        draft = by_point(read.points, read.notes)
    unsaid = tuple(dict.fromkeys((*draft.not_answered, *task.unjudged)))
    told = {"documents": read.documents, "completeness": task.completeness, "not_answered": unsaid}
    return draft.model_copy(update=told)


async def _laid_out(task: WriteTask, read: Overview, ctx: Context, reason: str = "") -> Draft:
    """The report that rules lay out of sentences as they stand, with what is in doubt about them; `reason` is why no
    model wrote it, where one was to."""
    names = dict.fromkeys(quote.source for note in read.notes for quote in note.quotes)
    sources = {name: source for name in names if (source := await ctx.memory.source(name))}
    notes = list(map(verbatim, read.notes)) if task.way == "prose" else read.notes
    draft = laid_out(task.question, read.kind, read.points, notes, sources)
    gaps = [Gap(task="search", reason="WeakEvidence", detail=weak) for weak in read.weak]
    gaps += [Gap(task="summarize", reason="NoAnswer", detail=one.reason) for one in read.chosen if one.is_silent]
    by_whom = "; ".join(filter(None, (reason, chosen_by(read.chosen), QUOTED)))
    checked = Checked(reason=by_whom, sentences=len(draft.claims))
    unsaid = read.unsaid if task.way == "prose" else map(heading_of, read.unsaid)
    return draft.model_copy(
        update={
            "gaps": tuple(gaps),
            "disagreements": read.disagreements,
            "uncovered": uncovered(task.question, draft.claims, read.explained),
            "documents": read.documents,
            "checked": checked if task.way != "extract" else None,
            "completeness": task.completeness,
            "not_answered": (*unsaid, *task.absent, *task.unjudged, *read.weak),
        }
    )
