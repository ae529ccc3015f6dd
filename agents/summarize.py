"""The summarize worker: documents in, notes with exact quotes out."""

from collections.abc import Sequence
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
from .meaning import SENTENCES_MOST
from .parts import resolved, split_question
from .ranking import read_by_rule
from .reading import (
    CALL_TOKENS,
    Chosen,
    Note,
    Notes,
    Read,
    ReadAll,
    Reading,
    ReadTask,
    Shown,
    consulted,
    note_of,
    noted,
    shown,
    together,
)
from .search import Found, Located

#: Tokens of one document that are read at once; passages that are looked for in a longer one.
DOCUMENT_TOKENS, _PLACES_MOST = 15_000, 40
#: Documents that are ranked sentence by sentence, and sentences of each where each has something to say.
_RANKED_MOST, _EACH = 14, 3
#: Notes of a document, and of a call.
_NOTES_EACH, _NOTES_MOST = 15, 30
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
    call = shown(documents, DOCUMENT_TOKENS, {}, places)
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
        return noted(await _asked(task, call, ctx, **how), call)[0], None
    rank = partial(read_by_rule, task.points, [one.as_asked for one in call], **how)
    ruled, _ = noted(Reading(notes=await to_thread.run_sync(rank)), call)
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
    found = [result.read(Located) for result in ctx.results] if task.found else []
    offsets = {name: list(places) for one in found for name, places in one.documents.items()}
    documents = await _documents(task, list(offsets), ctx)
    if not documents:
        return Notes(kind=task.kind, points=task.points)
    for document in documents:
        if document.tokens > DOCUMENT_TOKENS and document.source.id not in offsets:
            about = " ".join((task.question, *task.points))
            places = await ctx.memory.search(about, limit=_PLACES_MOST, sources=[document.source.id], findings=False)
            offsets[document.source.id] = [place.start for place in places]
    call = shown(documents, DOCUMENT_TOKENS, dict(task.sections), offsets)
    try:
        read = await _asked(task, call, ctx)
    except NoAnswer as error:
        ctx.note(f"nobody takes notes, so sentences are selected: {error}")
        notes = await _selected(task, documents, ctx)
        if notes.chosen is not None and notes.chosen.is_silent:  # nobody is there at all
            raise
        return notes
    kept, loose = noted(read, call)
    if loose:
        ctx.note("notes that name no sentence are left out", left_out=[note.text for note in loose])
    if (
        loose and not kept
    ):  # whoever names no sentence at all has not read: it is not said that the documents are silent
        return await _selected(task, documents, ctx)
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
        documents=[one.as_asked for one in call],
        has_cuts=any(one.excerpt.cut for one in call) and not task.sections,
        is_second=bool(task.sections),
        notes_most=min(_NOTES_MOST, _NOTES_EACH * len(call)),
        **how,
    )
    return reading


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
    told = {one.source: one for notes in read for one in notes.documents}
    chosen = together([one.chosen for one in read if one.chosen])
    given = (*told.values(),)
    return Notes(kind=task.kind, points=points, notes=tuple(placed), documents=given, chosen=chosen)


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
