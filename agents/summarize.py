"""The summarize worker: passages in, claims with exact quotes out."""

import re
from collections.abc import Mapping, Sequence
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
    CALL_TOKENS,
    ROW_CALL_TOKENS,
    ROW_DOCUMENT_TOKENS,
    Note,
    Notes,
    Picked,
    Read,
    ReadAll,
    ReadTask,
    Shown,
    consulted,
    noted,
    selected,
    share,
    shown,
)
from .room import named
from .rows import ReadRow, ReadRows, ReadTable, rows_of
from .search import Found, Located

#: Passages that are looked for in a document that is too long to be shown.
_PLACES_MOST = 40
#: What a document that was found counts of a call's room at most, since of a long one the sections that were found are
#: shown; and how many each query brings, for a list and else.
_FOUND_TOKENS, _WIDENED_EACH, _FOUND_EACH = 4_000, 5, 3
#: Notes of a document, and of a call.
_NOTES_EACH, _NOTES_MOST = 15, 30
#: With more documents in one call than these a list is rows.
_MANY = 8
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
    located = [result.read(Located) for result in ctx.results] if task.found else []
    found = located[0] if located else Located(queries=())
    offsets = {name: list(places) for name, places in found.documents.items()}
    documents = await _documents(task, found, ctx)
    if not documents:
        return Notes(kind=task.kind, points=task.points)
    fewer = dict.fromkeys(task.outlines, OUTLINE_TOKENS)
    most = _tokens_each(task, documents, fewer, ctx.limits.document_tokens_most)
    for document in documents:
        room = fewer.get(document.source.id, most)
        if document.tokens > room and document.source.id not in offsets:
            about = " ".join((task.question, *task.points, *task.columns))
            places = await ctx.memory.search(about, limit=_PLACES_MOST, sources=[document.source.id], findings=False)
            offsets[document.source.id] = [place.start for place in places]
    if task.way == "select":
        return await _selected(task, documents, offsets, ctx)
    call = shown(documents, most, dict(task.sections), offsets, fewer)
    try:
        return await (_rows(task, call, ctx) if task.columns else _facts(task, call, ctx))
    except NoAnswer as error:
        ctx.note(f"nobody takes notes, so sentences are selected: {error}")
        return await _selected(task, documents, offsets, ctx)


def _tokens_each(task: ReadTask, documents: list[Numbered], fewer: Mapping[str, int], most: int) -> int:
    """How much of each document is shown: of rows as much as of any other, else all where all of them fit one call."""
    if task.way == "select" or task.columns:
        return SELECT_TOKENS if task.way == "select" else ROW_DOCUMENT_TOKENS
    sizes = [min(document.tokens, fewer.get(document.source.id, most)) for document in documents]
    room = max(CALL_TOKENS * 5 // 4, max(sizes))  # what was estimated for a call may come to a little more
    return most if sum(sizes) <= room else share(sizes, room)


async def _facts(task: ReadTask, call: list[Shown], ctx: Context) -> Notes:
    """Facts for each point, with the sentences that say them; of a list over many documents, its rows."""
    is_many = not task.points and len(call) > _MANY
    returns: type[Read | ReadTable | ReadAll] = Read if task.points else ReadTable if is_many else ReadAll
    read = await ctx.ask(
        "read",
        returns=returns,
        question=task.question,
        points=task.points,
        notes=task.notes,
        others=named(task.others),
        documents=[one.as_asked for one in call],
        is_many=is_many,
        has_cuts=any(one.excerpt.cut for one in call) and not task.sections,
        is_second=bool(task.sections),
        notes_most=min(_NOTES_MOST, _NOTES_EACH * len(call)),
    )
    if isinstance(read, ReadTable) and read.columns:
        more = {"kind": read.kind, "points": read.points, "columns": read.columns}
        return await _rows(task.model_copy(update=more), call, ctx, read.rows)
    kept, loose = noted(read.notes, call)
    if loose:
        ctx.note("notes that name no sentence are left out", left_out=[note.text for note in loose])
    told = {"kind": task.kind, "points": task.points} | read.model_dump(exclude={"notes", "columns", "rows"})
    return Notes(notes=tuple(kept), documents=consulted(call), sections=task.sections, **told)


async def _rows(task: ReadTask, call: list[Shown], ctx: Context, given: Sequence[ReadRow] = ()) -> Notes:
    """A row for each document; those without one that may stand are asked about once more, by themselves."""
    cells, set_aside, left = list[Note](), dict[str, str](), call
    for again in range(2):
        rows = rows_of(given if given and not again else await _asked(task, left, again, ctx), left, task.columns)
        cells += rows.cells
        set_aside |= rows.set_aside
        if rows.loose:
            ctx.note("cells that name no sentence, or no column, are left out", left_out=rows.loose)
        if not (left := rows.unjudged):
            break
        ctx.note("documents have no row that may stand", documents=[one.document.source.id for one in left])
    documents = consulted(call, set_aside)
    return Notes(kind=task.kind, points=task.points, notes=tuple(cells), documents=documents)


async def _asked(task: ReadTask, call: list[Shown], again: int, ctx: Context) -> tuple[ReadRow, ...]:
    """The rows that a model gives for these documents; none where it does not answer for what it was asked again."""
    try:
        read = await ctx.ask(
            "rows",
            returns=ReadRows,
            again=again,
            question=task.question,
            columns=task.columns,
            notes=task.notes,
            documents=[one.as_asked for one in call],
        )
    except NoAnswer as error:
        if not again:
            raise
        ctx.note(f"documents are not judged: {error}")
        return ()
    return read.rows


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


async def _documents(task: ReadTask, found: Located, ctx: Context) -> list[Numbered]:
    """The documents of a task, and of those that were found the first, as many as one call has room for."""
    new = [name for name in found.documents if name not in task.others and name not in task.documents]
    wanted = new[: (_WIDENED_EACH if task.columns else _FOUND_EACH) * len(found.queries)]
    documents: list[Numbered] = []
    left: list[str] = []
    room = min(ROW_CALL_TOKENS if task.columns else CALL_TOKENS, found_tokens(ctx.limits))
    for name in (*task.documents, *wanted):
        document = await ctx.memory.document(name) if name in task.documents or room > 0 else None
        if document is None:
            left.append(name)
        else:
            documents.append(document)
            room -= min(document.tokens, ROW_DOCUMENT_TOKENS if task.columns else _FOUND_TOKENS)
    if left:
        ctx.note("documents are not read: there is no room, or none of that name", documents=left)
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
