"""The refine worker: an analysis in, the sentences of the report out."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from ..memory.context import Budget
from ..orchestrator.errors import NoAnswer
from ..orchestrator.evidence import Author, Checked, Claim, Draft, Gap, Query, Value
from ..orchestrator.rules.report import recompute
from ..orchestrator.worker import Context, Worker
from .analyze import Analysis
from .arrange import arranged, under_parts
from .claims import fitting, is_exact
from .coverage import uncovered
from .gaps import Overview
from .reading import Way
from .room import within
from .rows import row_table
from .writing import Written as WrittenReport
from .writing import by_point, draft_of, rivals

#: Tokens of notes before a writer.
NOTES_TOKENS = 16_000


class Sentence(Value):
    """One sentence of the report and the numbers of the claims it rests on."""

    text: str
    claims: tuple[int, ...] = Field(min_length=1)


class Written(Value):
    """The report's sentences, in order."""

    sentences: tuple[Sentence, ...]


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
    """Writes the report from the analysis: every sentence names the claims it rests on."""

    role = "write"
    #: What claims may take of the tokens before a model, by kind of question.
    budget: ClassVar[Budget] = Budget()

    async def run(self, task: Query | WriteTask, ctx: Context) -> Draft:
        draft = await (self._joined(task, ctx) if isinstance(task, Query) else _written(task, ctx))
        limits = [task.cut] if isinstance(task, WriteTask) and task.cut else []
        if draft.written_by is None and (ctx.limits.length or ctx.limits.language):
            limits.append("no model wrote this, so neither its length nor its language is as asked for")
        gaps = [Gap(task=self.name, reason="Limit", detail=said) for said in limits]
        return draft.model_copy(update={"gaps": (*draft.gaps, *gaps)})

    async def _joined(self, task: Query, ctx: Context) -> Draft:
        """Sentences over the claims of an analysis."""
        analysis = ctx.results[-1].read(Analysis)
        room = self.budget.tokens_of("evidence", task.effort)
        shown, left = fitting([analysis.claims], room)
        if left:
            ctx.note("claims are left out", kind=task.effort, room=room, left_out=[claim.text for claim in left])
        written = await ctx.ask("refine", returns=Written, question=task.question, claims=shown)
        claims = tuple(claim for claim in (_claim(sentence, shown) for sentence in written.sentences) if claim)
        claims = _with_exact(claims, shown) or analysis.claims
        gaps = [Gap(task="search", reason="WeakEvidence", detail=weak) for weak in analysis.weak]
        gaps += [Gap(task="analyze", reason="NotFound", detail=detail) for detail in analysis.missing]
        named, layout = under_parts(_answer_once(claims), analysis.parts)
        return Draft(
            claims=named,
            layout=layout,
            gaps=tuple(gaps),
            disagreements=analysis.disagreements,
            uncovered=uncovered(task.question, claims, analysis.explained),
        )


async def _written(task: WriteTask, ctx: Context) -> Draft:
    """The report as a model writes it from notes; where nothing of that may stand, the notes themselves by point."""
    read = ctx.results[-1].read(Overview)
    if task.way == "select":
        return _quoted(task, read, "")
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
            return _quoted(task, read, f"no model wrote this: {error}")
        draft, dropped = draft_of(answer.value, notes)
        author = Author(model=answer.model, rung=answer.rung, tier=answer.tier)
        draft = draft.model_copy(update={"written_by": author})
        if dropped:
            ctx.note("sentences that name no note are left out", left_out=dropped)
        if draft.claims:
            break
    if not draft.claims:
        ctx.note("nothing was written that names a note: the notes stand as they are")
        draft = by_point(read.points, read.notes)
    unsaid = tuple(dict.fromkeys((*draft.not_answered, *task.unjudged)))
    told = {"documents": read.documents, "completeness": task.completeness, "not_answered": unsaid}
    return draft.model_copy(update=told)


def _quoted(task: WriteTask, read: Overview, reason: str) -> Draft:
    """The report that rules arrange of sentences as they stand, and why nothing of it is checked."""
    reasons = [reason, "every sentence is quoted as it stands; no model wrote or checked any"]
    draft = arranged(task.question, read.points, read.notes)
    checked = Checked(reason="; ".join(filter(None, reasons)), sentences=len(draft.claims))
    unsaid = (*read.unsaid, *task.absent, *task.unjudged)
    told = {"documents": read.documents, "completeness": task.completeness, "not_answered": unsaid}
    return draft.model_copy(update={"checked": checked, **told})


def _claim(sentence: Sentence, claims: Sequence[Claim]) -> Claim | None:
    """The sentence with the evidence of the claims it names; None when it names none that exist."""
    named = [claims[n - 1] for n in dict.fromkeys(sentence.claims) if 1 <= n <= len(claims)]
    quotes = tuple(dict.fromkeys(quote for claim in named for quote in claim.quotes))
    computed = next((claim for claim in named if claim.rule), None)
    answer = next((claim.answer for claim in named if claim.answer), ())
    if computed is not None and len(named) == 1:
        said = computed.model_copy(update={"text": sentence.text})
        return computed if recompute(said, _metadata(computed)) else said
    if not quotes:
        return None
    is_whole = answer == tuple(claim.text for claim in named if claim.answer)
    return Claim(text=sentence.text, quotes=quotes, answer=(sentence.text,) if is_whole and answer else answer)


def _metadata(claim: Claim) -> dict[str, dict[str, Any]]:
    """The metadata that a claim's records tell of."""
    told: dict[str, dict[str, Any]] = {}
    for record in claim.records:
        told.setdefault(record.source, {})[record.field] = record.value
    return told


def _with_exact(claims: Sequence[Claim], found: Sequence[Claim]) -> tuple[Claim, ...]:
    """The claims, with what metadata answers before them where no sentence says it."""
    exact = [claim for claim in found if is_exact(claim)]
    return (*(e for e in exact if not any(c.rule and c.answer == e.answer for c in claims)), *claims)


def _answer_once(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The claims with one answer among them at most, and that first."""
    answer = next((claim for claim in claims if claim.answer), None)
    rest = [claim.model_copy(update={"answer": ()}) for claim in claims if claim is not answer]
    return (answer, *rest) if answer else tuple(rest)
