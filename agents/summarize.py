"""The summarize worker: documents in, notes with exact quotes out."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from anyio import to_thread

from ..memory.context import in_turns
from ..orchestrator.errors import NoAnswer, NothingFound
from ..orchestrator.evidence import Claim, Passage
from ..orchestrator.rules.cleaning import cleaned
from ..orchestrator.rules.numbering import Numbered
from ..orchestrator.text import shorten
from ..orchestrator.worker import Context, Worker
from .choosing import choose, folded, segments
from .coverage import key_words
from .limiting import OUTLINE_TOKENS, found_tokens
from .meaning import SENTENCES_MOST
from .parts import resolved, split_question
from .ranking import read_by_rule
from .reading import (
    CALL_TOKENS,
    ROW_CALL_TOKENS,
    ROW_DOCUMENT_TOKENS,
    Chosen,
    Note,
    Notes,
    Read,
    ReadAll,
    ReadTask,
    Shown,
    consulted,
    note_of,
    noted,
    share,
    shown,
    together,
)
from .room import named
from .rows import ReadRow, ReadRows, ReadTable, rows_of
from .search import Found, Located

#: Passages that are looked for in a document that is too long to be shown.
_PLACES_MOST = 40
#: What a document that was found counts of a call's room at most, since of a long one the sections that were found are
#: shown; and how many each query brings, for a list and else.
_FOUND_TOKENS, _WIDENED_EACH, _FOUND_EACH = 4_000, 5, 3
#: Notes of a document (so many, and more for each point, but no more than these), and of a call.
_NOTES_FEW, _NOTES_A_POINT, _NOTES_EACH, _NOTES_MOST = 5, 3, 15, 30
#: With more documents in one call than these a list is rows.
_MANY = 8
#: Documents that are ranked sentence by sentence, and sentences of each where each has something to say.
_RANKED_MOST, _EACH = 14, 3
#: Passages that are looked for in given documents, for each point, where nobody takes notes.
_SELECTED_MOST = 16


class Summarize(Worker):
    """Reads documents and notes down what they say about the points, each note with the words that say it."""

    async def run(self, task: ReadTask, ctx: Context) -> Notes:
        if task.way == "prose":
            return await _noted(task, ctx)
        return await _ranked(task, [result.read(Found) for result in ctx.results], ctx)


async def _ranked(task: ReadTask, found: Sequence[Found], ctx: Context) -> Notes:
    """The best sentences of the documents that a search has found, behind what metadata answers."""
    passages = in_turns(one.passages for one in found)
    names = list(dict.fromkeys(passage.source for passage in passages))[:_RANKED_MOST]
    documents = [document for name in names if (document := await ctx.memory.document(name))]
    places = {name: [passage.start for passage in passages if passage.source == name] for name in names}
    call = shown(documents, ctx.limits.document_tokens_most, {}, places)
    kept, chosen = await _kept(task, found, passages, call, ctx) if call else ([], None)
    computed = tuple(note_of(claim, 1) for one in found for claim in one.claims)
    if not computed and not kept:
        raise NothingFound(f"the passages do not answer {shorten(task.points[0], 120)!r}")
    for note in kept:
        await ctx.memory.add(Claim(text=note.text, quotes=note.quotes))
    return Notes(
        kind=task.kind,
        points=task.points,
        notes=(*computed, *kept),
        documents=consulted(call),
        weak="; ".join(dict.fromkeys(one.weak for one in found if one.weak)),
        explained=tuple(dict.fromkeys(word for one in found for word in one.explained)),
        chosen=chosen,
    )


async def _kept(
    task: ReadTask, found: Sequence[Found], passages: Sequence[Passage], call: list[Shown], ctx: Context
) -> tuple[list[Note], Chosen | None]:
    """What rules choose for a point, and what a model that selects adds to it."""
    how = await _how(task, found, passages, call, ctx)
    if task.way == "extract":
        read = await ctx.ask("read", returns=Read, **_inputs(task, call), **how)
        return noted(read.notes, call)[0], None
    rank = partial(read_by_rule, task.points, [one.as_asked for one in call], **how)
    ruled, _ = noted(await to_thread.run_sync(rank), call)
    found_in = segments(passages, {one.document.source.id: one.document for one in call})
    named, chosen = await choose(task.points[0], found_in, ctx)
    texts = list(dict.fromkeys(cleaned(quote.text) for quotes in named for quote in quotes))
    near = await ctx.memory.closeness(resolved(task.points[0]), texts) if texts else ()
    return folded(1, ruled, named, dict(zip(texts, near or (), strict=False))), chosen


async def _how(
    task: ReadTask, found: Sequence[Found], passages: Sequence[Passage], call: Sequence[Shown], ctx: Context
) -> dict[str, Any]:
    """What else rules go by, by the numbers of the lines: the ranks of their passages, and how near they are."""
    is_each = any(one.each for one in found)
    ranks: dict[int, int] = {}
    for one in call:
        own = [(n, passage) for n, passage in enumerate(passages) if passage.source == one.document.source.id]
        for place, (n, passage) in enumerate(own):
            for number in one.within(passage):
                ranks.setdefault(number, place if is_each else n)
    said = {n + one.offset: line.text for one in call for n, line in one.document.lines.items()}
    first = sorted(ranks, key=lambda number: ranks[number])[:SENTENCES_MOST]
    close = await ctx.memory.closeness(resolved(task.points[0]), [said[n] for n in first]) if first else None
    near = dict(zip(first, close, strict=True)) if close is not None else {}
    rarity = {word: weight for one in found for word, weight in one.rarity.items()}
    return {"ranks": ranks, "near": near, "rarity": rarity, "each": _EACH if is_each else 0}


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
    call = shown(documents, most, dict(task.sections), offsets, fewer)
    try:
        return await (_rows(task, call, ctx) if task.columns else _facts(task, call, ctx))
    except NoAnswer as error:
        ctx.note(f"nobody takes notes, so sentences are selected: {error}")
        notes = await _selected(task, documents, ctx)
        if notes.chosen is not None and notes.chosen.is_silent:  # nobody is there at all
            raise
        return notes


def _tokens_each(task: ReadTask, documents: list[Numbered], fewer: Mapping[str, int], most: int) -> int:
    """How much of each document is shown: of rows as much as of any other, else all where all of them fit one call."""
    if task.columns:
        return ROW_DOCUMENT_TOKENS
    sizes = [min(document.tokens, fewer.get(document.source.id, most)) for document in documents]
    room = max(CALL_TOKENS * 5 // 4, max(sizes))  # what was estimated for a call may come to a little more
    return most if sum(sizes) <= room else share(sizes, room)


async def _facts(task: ReadTask, call: list[Shown], ctx: Context) -> Notes:
    """Facts for each point, with the sentences that say them; of a list over many documents, its rows.

    Who names no sentence at all has not read: it is not said that the documents are silent then.
    """
    is_many = not task.points and len(call) > _MANY
    returns: type[Read | ReadTable | ReadAll] = Read if task.points else ReadTable if is_many else ReadAll
    read = await ctx.ask("read", returns=returns, **_inputs(task, call), is_many=is_many)
    if isinstance(read, ReadTable) and read.columns:
        more = {"kind": read.kind, "points": read.points, "columns": read.columns}
        return await _rows(task.model_copy(update=more), call, ctx, read.rows)
    kept, loose = noted(read.notes, call)
    if loose:
        ctx.note("notes that name no sentence are left out", left_out=[note.text for note in loose])
    if loose and not kept:
        return await _selected(task, [one.document for one in call], ctx)
    told = {"kind": task.kind, "points": task.points} | read.model_dump(exclude={"notes", "columns", "rows"})
    return Notes(notes=tuple(kept), documents=consulted(call), sections=task.sections, **told)


def _inputs(task: ReadTask, call: Sequence[Shown]) -> dict[str, Any]:
    """What a reading is asked with; whoever reads all has no points yet."""
    each = min(_NOTES_EACH, _NOTES_FEW + _NOTES_A_POINT * len(task.points)) if task.points else _NOTES_EACH
    return {
        "question": task.question,
        "points": task.points,
        "notes": task.notes,
        "others": named(task.others),
        "documents": [one.as_asked for one in call],
        "has_cuts": any(one.excerpt.cut for one in call) and not task.sections,
        "is_second": bool(task.sections),
        "notes_most": min(_NOTES_MOST, each * len(call)),
    }


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


async def _selected(task: ReadTask, documents: list[Numbered], ctx: Context) -> Notes:
    """What is selected in these documents for each point."""
    names = [document.source.id for document in documents]
    points = task.points or tuple(split_question(task.question))
    read: list[Notes] = []
    for point in points:
        passages = await ctx.memory.search(point, limit=_SELECTED_MOST, sources=names, findings=False)
        found = Found(passages=passages, rarity=dict(await ctx.memory.rarity(key_words(point))))
        try:
            one = await _ranked(task.model_copy(update={"way": "select", "points": (point,)}), [found], ctx)
        except NothingFound:
            one = Notes(points=(point,))
        read.append(one)
    placed = [note.model_copy(update={"point": n}) for n, one in enumerate(read, start=1) for note in one.notes]
    documents_read = {one.source: one for notes in read for one in notes.documents}
    return Notes(
        kind=task.kind,
        points=points,
        notes=tuple(placed),
        documents=tuple(documents_read.values()),
        chosen=together([one.chosen for one in read if one.chosen]),
    )


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
