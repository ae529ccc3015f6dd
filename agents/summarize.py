"""The summarize worker: passages in, claims with exact quotes out."""

import re
from typing import ClassVar

from pydantic import Field

from ..memory.context import Budget, assemble, gaps, in_turns
from ..orchestrator.errors import NoAnswer, NothingFound
from ..orchestrator.evidence import Claim, Finding, Passage, Query, Quote, Value
from ..orchestrator.rules.numbering import Numbered
from ..orchestrator.text import shorten
from ..orchestrator.worker import Context, Worker
from .arrange import point_for
from .limiting import OUTLINE_TOKENS, found_tokens
from .meaning import closeness_of
from .parts import split_question
from .reading import (
    Note,
    Notes,
    Picked,
    Read,
    ReadAll,
    Reading,
    ReadTask,
    Shown,
    consulted,
    noted,
    selected,
    shown,
)
from .search import Found, Located

#: Passages that are looked for in a document that is too long to be read whole.
_PLACES_MOST = 40
#: Notes of a document, and of a call.
_NOTES_EACH, _NOTES_MOST = 15, 30
#: Tokens of a document, and sentences that are taken of it, where a model only selects.
SELECT_TOKENS, _PICKED_MOST = 3_000, 5


class Excerpt(Value):
    """Words from one of the numbered passages, exactly as they stand there."""

    passage: int
    text: str


class Statement(Value):
    """One sentence that answers part of the question, and the excerpts that say so."""

    text: str
    excerpts: tuple[Excerpt, ...] = Field(min_length=1)


class Summary(Value):
    """What the passages say about the question; `missing` is what they do not say."""

    statements: tuple[Statement, ...] = ()
    missing: str = ""


class Summarize(Worker):
    """Turns passages into short statements, each with the exact words of a source that say so."""

    #: What passages may take of the tokens before a model, by kind of question.
    budget: ClassVar[Budget] = Budget()

    async def run(self, task: Query | ReadTask, ctx: Context) -> Finding | Notes:
        return await (self._picked(task, ctx) if isinstance(task, Query) else _noted(task, ctx))

    async def _picked(self, task: Query, ctx: Context) -> Finding:
        """Sentences of passages that answer one part of a question, by rule alone."""
        found = [result.read(Found) for result in ctx.results]
        passages = await self._chosen(task, in_turns(one.passages for one in found), ctx)
        computed = tuple(claim for one in found for claim in one.claims)
        claims, missing = await self._said(task, found, passages, ctx) if passages else ((), "")
        if not computed and not claims:
            raise NothingFound(missing or f"the passages do not answer {shorten(task.about, 120)!r}")
        for claim in claims:
            await ctx.memory.add(claim)
        weak = "; ".join(dict.fromkeys(one.weak for one in found if one.weak))
        explained = tuple(dict.fromkeys(word for one in found for word in one.explained))
        whole = (*computed, *claims)
        return Finding(
            about=task.about, claims=whole, missing="" if computed else missing, weak=weak, explained=explained
        )

    async def _chosen(self, task: Query, found: list[Passage], ctx: Context) -> list[Passage]:
        """The passages that go before a model; what is left out is noted."""
        between = {gap: await ctx.memory.read(*gap) for gap in gaps(found)}
        room, share = self.budget.tokens_of("evidence", task.effort), self.budget.of(task.effort).source
        whole = assemble(task.about, found, room, source_share=share, between=between)
        if whole.omitted:
            left = [f"{p.source} {p.start}..{p.end}: {reason}" for p, reason in whole.omitted]
            ctx.note("passages are left out", kind=task.effort, room=room, spent=dict(whole.spent), left_out=left)
        return list(whole.passages)

    async def _said(
        self, task: Query, found: list[Found], passages: list[Passage], ctx: Context
    ) -> tuple[tuple[Claim, ...], str]:
        """What a model makes of the passages, each statement with its quotes; and what it did not find."""
        summary = await ctx.ask(
            "summarize",
            returns=Summary,
            question=task.question,
            about=task.about,
            passages=passages,
            rarity={word: weight for one in found for word, weight in one.rarity.items()},
            near=await closeness_of(task.about, passages, ctx),
            each=any(one.each for one in found),
        )
        claims = [_claim(statement, passages, ctx) for statement in summary.statements]
        return tuple(claim for claim in claims if claim), summary.missing


async def _noted(task: ReadTask, ctx: Context) -> Notes:
    """What a model notes down from whole documents, or from the sections of long ones that were found."""
    found = [result.read(Located) for result in ctx.results] if task.found else []
    offsets = {name: list(places) for one in found for name, places in one.documents.items()}
    documents = await _documents(task, list(offsets), ctx)
    if not documents:
        return Notes(kind=task.kind, points=task.points)
    most, fewer = ctx.limits.document_tokens_most, dict.fromkeys(task.outlines, OUTLINE_TOKENS)
    for document in documents:
        room = SELECT_TOKENS if task.way == "select" else fewer.get(document.source.id, most)
        if document.tokens > room and document.source.id not in offsets:
            about = " ".join((task.question, *task.points))
            places = await ctx.memory.search(about, limit=_PLACES_MOST, sources=[document.source.id], findings=False)
            offsets[document.source.id] = [place.start for place in places]
    if task.way == "select":
        return await _selected(task, documents, offsets, ctx)
    call = shown(documents, most, dict(task.sections), offsets, fewer)
    try:
        read = await _asked(task, call, ctx)
    except NoAnswer as error:
        ctx.note(f"nobody takes notes, so sentences are selected: {error}")
        return await _selected(task, documents, offsets, ctx)
    kept, loose = noted(read, call)
    if loose:
        ctx.note("notes that name no sentence are left out", left_out=[note.text for note in loose])
    told = {"kind": task.kind, "points": task.points} | read.model_dump(exclude={"notes"})
    return Notes(notes=tuple(kept), documents=consulted(call), **told)


async def _asked(task: ReadTask, call: list[Shown], ctx: Context) -> Reading:
    return await ctx.ask(
        "read",
        returns=Read if task.points else ReadAll,
        question=task.question,
        points=task.points,
        notes=task.notes,
        others=task.others,
        documents=[
            {"id": d.document.source.id, "title": d.document.source.title, "text": d.excerpt.text} for d in call
        ],
        has_cuts=any(one.excerpt.cut for one in call) and not task.sections,
        is_second=bool(task.sections),
        notes_most=min(_NOTES_MOST, _NOTES_EACH * len(call)),
    )


async def _selected(task: ReadTask, documents: list[Numbered], offsets: dict[str, list[int]], ctx: Context) -> Notes:
    """The sentences that a model picks from each document by itself; one that it fails on is left out, and noted."""
    kept: list[Note] = []
    read: list[Shown] = []
    for document in documents:
        one = shown([document], SELECT_TOKENS, {}, offsets)[0]
        title = document.source.title
        try:
            picked = await ctx.ask(
                "select", returns=Picked, question=task.question, document={"title": title, "text": one.excerpt.text}
            )
        except NoAnswer as error:
            if not read:  # whoever does not answer for the first will hardly do for the others
                raise
            ctx.note("a document is left out", document=document.source.id, reason=str(error))
            continue
        kept += selected(picked, one, _PICKED_MOST)
        read.append(one)
    points = task.points or tuple(split_question(task.question))
    placed = [note.model_copy(update={"point": point_for(note.text, points)}) for note in kept]
    return Notes(kind=task.kind, points=points, notes=tuple(placed), documents=consulted(read))


async def _documents(task: ReadTask, found: list[str], ctx: Context) -> list[Numbered]:
    """The documents of a task, and those that were found, as many of these as one call has room for."""
    documents: list[Numbered] = []
    room = found_tokens(ctx.limits)
    for name in dict.fromkeys((*task.documents, *(name for name in found if name not in task.others))):
        document = await ctx.memory.document(name) if name in task.documents or room > 0 else None
        if document is None:
            ctx.note("a document is not read", document=name, room=room)
        elif name in task.documents or document.tokens <= room:
            documents.append(document)
            room -= document.tokens
    return documents


def _claim(statement: Statement, passages: list[Passage], ctx: Context) -> Claim | None:
    """The statement with its quotes found in their sources; None, and a note, when none of them is there."""
    quotes = []
    for excerpt in statement.excerpts:
        known = 1 <= excerpt.passage <= len(passages)
        quote = locate(excerpt.text, passages[excerpt.passage - 1]) if known else None
        if quote is None:
            ctx.note("an excerpt does not stand in its passage", passage=excerpt.passage, text=shorten(excerpt.text))
        else:
            quotes.append(quote)
    return Claim(text=statement.text, quotes=tuple(quotes)) if quotes else None


def locate(text: str, passage: Passage) -> Quote | None:
    """The quote where it stands in the passage, as its source writes it; white space alone may differ."""
    words = text.split()
    if not words:
        return None
    match = re.search(r"\s+".join(re.escape(word) for word in words), passage.text)
    if match is None:
        return None
    start = passage.start + match.start()
    return Quote(source=passage.source, start=start, end=start + len(match.group()), text=match.group())
