"""The summarize worker: documents in, notes with exact quotes out."""

from collections.abc import Sequence
from typing import Any

from ..memory.context import in_turns
from ..orchestrator.errors import NoAnswer, NothingFound
from ..orchestrator.evidence import Claim, Passage
from ..orchestrator.rules.numbering import Numbered
from ..orchestrator.text import shorten
from ..orchestrator.worker import Context, Worker
from .arrange import point_for
from .meaning import SENTENCES_MOST
from .parts import resolved, split_question
from .reading import (
    CALL_TOKENS,
    Note,
    Notes,
    Picked,
    Read,
    ReadAll,
    Reading,
    ReadTask,
    Shown,
    consulted,
    note_of,
    noted,
    selected,
    shown,
)
from .search import Found, Located

#: Tokens of one document that are read at once; passages that are looked for in a longer one.
DOCUMENT_TOKENS, _PLACES_MOST = 15_000, 40
#: Documents that are ranked sentence by sentence, and sentences of each where each has something to say.
_RANKED_MOST, _EACH = 14, 3
#: Notes of a document, and of a call.
_NOTES_EACH, _NOTES_MOST = 15, 30
#: Tokens of a document, and sentences that are taken of it, where a model only selects.
SELECT_TOKENS, _PICKED_MOST = 3_000, 5


class Summarize(Worker):
    """Reads documents and notes down what they say about the points, each note with the words that say it."""

    async def run(self, task: ReadTask, ctx: Context) -> Notes:
        return await (_ranked(task, ctx) if task.way == "extract" else _noted(task, ctx))


async def _ranked(task: ReadTask, ctx: Context) -> Notes:
    """What rules find in each document that a search has found: its best sentences, behind what metadata answers."""
    found = [result.read(Found) for result in ctx.results]
    passages = in_turns(one.passages for one in found)
    names = list(dict.fromkeys(passage.source for passage in passages))[:_RANKED_MOST]
    documents = [document for name in names if (document := await ctx.memory.document(name))]
    places = {name: [passage.start for passage in passages if passage.source == name] for name in names}
    call = shown(documents, DOCUMENT_TOKENS, {}, places)
    read = await _asked(task, call, ctx, **await _how(task, found, passages, call, ctx)) if call else Reading(notes=())
    kept, _ = noted(read, call)
    computed = tuple(note_of(claim, 1) for one in found for claim in one.claims)
    if not computed and not kept:
        raise NothingFound(f"the passages do not answer {shorten(task.points[0], 120)!r}")
    for note in kept:
        await ctx.memory.add(Claim(text=note.text, quotes=note.quotes))
    return Notes(
        kind=task.kind,
        points=task.points,
        notes=(*computed, *kept),
        not_said=() if computed else read.not_said,
        documents=consulted(call),
        weak="; ".join(dict.fromkeys(one.weak for one in found if one.weak)),
        explained=tuple(dict.fromkeys(word for one in found for word in one.explained)),
    )


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
    found = [result.read(Located) for result in ctx.results] if task.found else []
    offsets = {name: list(places) for one in found for name, places in one.documents.items()}
    documents = await _documents(task, list(offsets), ctx)
    if not documents:
        return Notes(kind=task.kind, points=task.points)
    for document in documents:
        if (
            document.tokens > (SELECT_TOKENS if task.way == "select" else DOCUMENT_TOKENS)
            and document.source.id not in offsets
        ):
            about = " ".join((task.question, *task.points))
            places = await ctx.memory.search(about, limit=_PLACES_MOST, sources=[document.source.id], findings=False)
            offsets[document.source.id] = [place.start for place in places]
    if task.way == "select":
        return await _selected(task, documents, offsets, ctx)
    call = shown(documents, DOCUMENT_TOKENS, dict(task.sections), offsets)
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


async def _asked(task: ReadTask, call: list[Shown], ctx: Context, **how: Any) -> Reading:
    reading: Reading = await ctx.ask(
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
        **how,
    )
    return reading


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
    room = CALL_TOKENS
    for name in dict.fromkeys((*task.documents, *(name for name in found if name not in task.others))):
        document = await ctx.memory.document(name) if name in task.documents or room > 0 else None
        if document is None:
            ctx.note("a document is not read", document=name, room=room)
        elif name in task.documents or document.tokens <= room:
            documents.append(document)
            room -= document.tokens
    return documents
