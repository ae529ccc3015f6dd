"""The check worker: a draft in, the same draft out with every sentence checked against its quotes alone.

A model judges; code applies what it says and writes nothing anew: what is unsupported, beside the question or said
already is dropped, what says too much is replaced by the words that the model gives. Who judged, and that nobody did,
is told in the report.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

from ..orchestrator.envelope import Result
from ..orchestrator.errors import NoAnswer, NothingFound
from ..orchestrator.evidence import Checked, Claim, Draft, Layout, Query, Value
from ..orchestrator.metadata import shown
from ..orchestrator.rules.support import Missing, flags, known_of, unsupported
from ..orchestrator.rules.tokens import estimate
from ..orchestrator.text import shorten
from ..orchestrator.worker import Answer, Context, Worker
from .gaps import Overview
from .tables import is_counted, is_field
from .writing import bare, without

#: Characters of the beginning of a document that a check is shown.
_HEAD = 160
#: Whose words a look-up's are called.
_LOOK_UP = "look-up"
#: Tokens of sentences and quotes in one call, and sentences, since each gets an answer of its own.
_CALL_TOKENS, _SENTENCES_MOST = 8_000, 60
Word = Literal["supported", "overstated", "unsupported", "beside", "repeated"]


class Verdict(Value):
    """What the check says of one numbered sentence."""

    sentence: int
    verdict: Word
    #: The sentence as it should stand, where it says too much.
    text: str = ""


class Verdicts(Value):
    """One verdict for each sentence."""

    verdicts: tuple[Verdict, ...]


class Judged(NamedTuple):
    """A draft after the check, and what was done to it."""

    draft: Draft
    as_they_stood: int
    mended: int
    dropped: tuple[str, ...]
    #: The sentences that no verdict is about.
    unjudged: int


class Check(Worker):
    """Checks every sentence of a report against the quotes that it rests on, and against nothing else."""

    role = "judge"

    async def run(self, task: Query, ctx: Context) -> Draft:
        if not (written := [result for result in ctx.results if result.worker != "analyze"]):
            raise NothingFound("nothing was written that could be checked")
        draft = written[-1].read(Draft)
        claims = said(draft)
        if not claims or (draft.written_by is None and draft.checked is not None):  # quoted as it stands
            return draft
        sources = [await ctx.memory.source(name) for name in dict.fromkeys(q.source for c in claims for q in c.quotes)]
        known = known_of(task.question, [source for source in sources if source])
        seen = seen_in(ctx.results)
        odd = {claim.id: missing for claim in claims if (missing := _odd(claim, seen, known))}
        copied = copied_in(draft.layout, claims, seen) if draft.layout else frozenset[str]()
        try:
            answer, verdicts, reasons = await self._verdicts(task, draft, odd, copied, ctx)
        except NoAnswer as error:
            return _unchecked(draft, odd, f"no model checked the sentences: {error}")
        judged = judge(draft, verdicts, lambda claim: bool(_odd(claim, seen, known)))
        unjudged = f"{judged.unjudged} of the sentences were given no verdict" if judged.unjudged else ""
        checked = Checked(
            model=answer.model,
            tier=answer.tier,
            reason="; ".join(filter(None, (*reasons, unjudged))),
            sentences=len(claims),
            as_they_stood=judged.as_they_stood,
            mended=judged.mended,
            dropped=judged.dropped,
        )
        return judged.draft.model_copy(update={"checked": checked})

    async def _verdicts(
        self,
        task: Query,
        draft: Draft,
        odd: Mapping[str, Sequence[Missing]],
        copied: Collection[str],
        ctx: Context,
    ) -> tuple[Answer[Verdicts], list[Verdict], list[str]]:
        """The first of a model's answers, the verdicts of all, and why they count for less; what is `copied` needs
        none of its. Raises NoAnswer where there is none for the first sentences."""
        claims = said(draft)
        sides = {claim.id for one in draft.disagreements for claim in one.claims}
        shows = asked(claims, draft.layout, seen_in(ctx.results))
        for sentence, claim in zip(shows.sentences, claims, strict=True):
            sentence["odd"] = [missing.text for missing in odd.get(claim.id, ())]
            sentence["is_side"] = claim.id in sides
        verdicts = [Verdict(sentence=n, verdict="supported") for n, c in enumerate(claims, start=1) if c.id in copied]
        cells = "1 cell was" if len(copied) == 1 else f"{len(copied)} cells were"
        reasons = [f"{cells} compared with a look-up or field by code"] if copied else []
        left = [s for s, claim in zip(shows.sentences, claims, strict=True) if claim.id not in copied]
        answers: list[Answer[Verdicts]] = []
        for batch in batches(shows.quotes, left or shows.sentences):
            try:
                answers.append(await self._asked(task, draft, batch, ctx))
            except NoAnswer as error:
                if not answers:
                    raise
                reasons.append(str(error))
                break
        verdicts += (verdict for answer in answers for verdict in answer.value.verdicts)
        return answers[0], verdicts, [*(reason for answer in answers for reason in answer.degraded), *reasons]

    async def _asked(self, task: Query, draft: Draft, shows: "Asked", ctx: Context) -> Answer[Verdicts]:
        """What a model says of the sentences: never one of a lower tier than the writer's, another one if there is."""
        writer = draft.written_by
        sources = dict.fromkeys(quote["source"] for quote in shows.quotes if quote["source"] != _LOOK_UP)
        return await ctx.answer(
            "check",
            returns=Verdicts,
            floor=writer.tier if writer else 0,
            other_than=writer.rung if writer else "",
            question=task.question,
            documents=[{"id": name, "begins": await _head(name, ctx)} for name in sources],
            quotes=shows.quotes,
            sentences=shows.sentences,
            not_answered=draft.not_answered,
        )


def _odd(claim: Claim, seen: "Seen", known: Sequence[str]) -> tuple[Missing, ...]:
    """What a sentence names that stands in nothing that it rests on; a look-up's own words count."""
    tables = [seen.tables[name] for name in claim.notes if name in seen.tables]
    missing = flags(claim, known)
    return (
        unsupported(claim.text, [*tables, *(quote.text for quote in claim.quotes)], known=known) if tables else missing
    )


def _unchecked(draft: Draft, odd: Mapping[str, Sequence[Missing]], reason: str) -> Draft:
    """The draft that nobody has checked, without the sentences that name what stands in none of their quotes."""
    texts = {claim.id: claim.text for claim in said(draft)}
    checked = Checked(reason=reason, sentences=len(texts), dropped=tuple(texts[name] for name in odd))
    return without(draft, tuple(odd), {}).model_copy(update={"checked": checked})


async def _head(name: str, ctx: Context) -> str:
    """A document's title and the paragraph behind it: whose word it is often stands there alone."""
    source = await ctx.memory.source(name)
    title = source.title if source else ""
    begins = (part.strip("# =-\n") for part in (await ctx.memory.read(name, 0, _HEAD)).split("\n\n"))
    first = next((part for part in begins if part and part != title), "")
    return " · ".join(filter(None, (title if title != name else "", shorten(first, _HEAD))))


def said(draft: Draft) -> list[Claim]:
    """All that a draft says: its sentences, the sides of its disagreements, and their reasons."""
    return [*draft.claims, *(claim for one in draft.disagreements for claim in one.claims)]


class Asked(NamedTuple):
    """What the check is shown: each quote or field once, and the sentences with the numbers of those they rest on."""

    quotes: list[dict[str, Any]]
    sentences: list[dict[str, Any]]


class Seen(NamedTuple):
    """What stands behind the notes: the heading over each quote, by document and start, and what look-ups found."""

    headings: Mapping[tuple[str, int], str] = {}
    tables: Mapping[str, str] = {}


def seen_in(results: Sequence[Result]) -> Seen:
    """What stands behind the notes of these results."""
    notes = [note for result in results if result.worker == "analyze" for note in result.read(Overview).notes]
    placed = (pair for note in notes for pair in zip(note.quotes, note.under, strict=False))
    headings = {(quote.source, quote.start): heading for quote, heading in placed}
    return Seen(headings, {note.id: note.text for note in notes if note.is_table})


def asked(claims: Sequence[Claim], layout: Layout | None, seen: Seen) -> Asked:
    """What the check is shown of some claims; a cell stands behind the names of its row and column."""
    numbers: dict[tuple[str, str, str], int] = {}
    cells = cells_of(layout, {claim.id: claim.text for claim in claims}) if layout else {}
    sentences = []
    for n, claim in enumerate(claims, start=1):
        found = [(_LOOK_UP, "", seen.tables[name]) for name in claim.notes if name in seen.tables]
        shows = [(q.source, seen.headings.get((q.source, q.start), ""), " ".join(q.text.split())) for q in claim.quotes]
        told = [(record.source, "", f"{record.field}: {shown(record.value)}") for record in claim.records]
        shows += found or told
        own = [numbers.setdefault(one, len(numbers) + 1) for one in shows]
        sentences.append({"number": n, "text": cells.get(claim.id, claim.text), "quotes": own})
    quotes = [{"number": n, "source": one[0], "under": one[1], "text": one[2]} for one, n in numbers.items()]
    return Asked(quotes, sentences)


def batches(quotes: Sequence[dict[str, Any]], sentences: Sequence[dict[str, Any]]) -> Iterator[Asked]:
    """The sentences in their order, as many at once as one call has room for, each with the quotes that it needs."""
    texts = {quote["number"]: estimate(quote["text"]) for quote in quotes}
    batch: list[dict[str, Any]] = []
    numbers: set[int] = set()
    room = _CALL_TOKENS
    for sentence in sentences:
        size = estimate(sentence["text"]) + sum(texts[n] for n in sentence["quotes"] if n not in numbers)
        if batch and (size > room or len(batch) == _SENTENCES_MOST):
            yield Asked([quote for quote in quotes if quote["number"] in numbers], batch)
            batch, numbers, room = [], set(), _CALL_TOKENS
            size = estimate(sentence["text"]) + sum(texts[n] for n in sentence["quotes"])
        batch.append(sentence)
        numbers |= {*sentence["quotes"]}
        room -= size
    yield Asked([quote for quote in quotes if quote["number"] in numbers], batch)


def copied_in(layout: Layout, claims: Sequence[Claim], seen: Seen) -> frozenset[str]:
    """The cells, by their ids, that say what a look-up which they name has counted, or the field of their column."""
    named = {claim.id: claim for claim in claims}
    return frozenset(
        name for row, column, name in places_of(layout) if name in named and _is_copied(row, column, named[name], seen)
    )


def _is_copied(row: str, column: str, claim: Claim, seen: Seen) -> bool:
    tables = [seen.tables[name] for name in claim.notes if name in seen.tables]
    if tables:
        return any(is_counted(row, column, claim.text, text) for text in tables)
    said = [*(q.text for q in claim.quotes), *(f"{r.field}: {shown(r.value)}" for r in claim.records)]
    return len(claim.notes) == 1 and any(is_field(column, claim.text, text) for text in said)


def cells_of(layout: Layout, texts: Mapping[str, str]) -> dict[str, str]:
    """What each cell of a table says, by its id, with what its row and its column are called."""
    places = ((" · ".join(filter(None, (row, column))), name) for row, column, name in places_of(layout))
    return {name: f"{place}: {texts.get(name, '')}" for place, name in places if place}


def places_of(layout: Layout) -> Iterator[tuple[str, str, str]]:
    """What the row and the column of each cell are called, and the id of its claim."""
    for block in (block for section in layout.sections for block in section.blocks if block.rows):
        columns = block.columns[1:] if block.heads else block.columns
        for head, row in zip_longest(block.heads, block.rows, fillvalue=""):
            for column, cell in zip_longest(columns, row, fillvalue=""):
                yield from ((str(head), str(column), name) for name in cell)


def judge(draft: Draft, verdicts: Sequence[Verdict], is_odd: Callable[[Claim], bool] = lambda claim: False) -> Judged:
    """The draft as the verdicts leave it: the first about a sentence counts.

    A sentence without a verdict, and words that take the place of another's, go where code finds them odd. Where
    the question is said to be open and nothing else would be left, what stands beside it stays.
    """
    claims = said(draft)
    first = {one.sentence: one for one in reversed(verdicts)}
    told = {claim.id: first.get(n) for n, claim in enumerate(claims, start=1)}
    kept, places = _kept(draft), _places(draft, claims)
    texts = {claim.id: claim.text for claim in claims}
    mended = {
        name: bare(one.text.removeprefix(places.get(name, "")))
        for name, one in told.items()
        if one and one.verdict == "overstated"
    }
    odd = [c.id for c in claims if (told[c.id] is None or c.id in mended) and is_odd(_reworded(c, mended.get(c.id)))]
    gone = [name for name, one in told.items() if name in odd or (one and _is_dropped(one, is_kept=name in kept))]
    if draft.not_answered and all(claim.id in gone for claim in draft.claims):
        gone = [name for name in gone if not (one := told[name]) or one.verdict != "beside"]
    mended = {name: text for name, text in mended.items() if name not in gone}
    unjudged = sum(one is None for one in told.values())
    stood = sum(one is not None and name not in gone and name not in mended for name, one in told.items())
    return Judged(without(draft, gone, mended), stood, len(mended), tuple(texts[name] for name in gone), unjudged)


def _reworded(claim: Claim, text: str | None) -> Claim:
    return claim if text is None else claim.model_copy(update={"text": text})


def _places(draft: Draft, claims: Sequence[Claim]) -> dict[str, str]:
    """By the id of a cell, what is written before it to say where it stands; a model may repeat that in its words."""
    cells = cells_of(draft.layout, {claim.id: claim.text for claim in claims}) if draft.layout else {}
    return {claim.id: cells[claim.id].removesuffix(claim.text) for claim in claims if claim.id in cells}


def _kept(draft: Draft) -> set[str]:
    """What may repeat something: the lead, the sides of a disagreement, and the cells of a table."""
    sides = {claim.id for one in draft.disagreements for claim in one.claims}
    if draft.layout is None:
        return sides
    blocks = [block for section in draft.layout.sections for block in section.blocks]
    return {
        *sides,
        *draft.layout.lead,
        *(name for block in blocks for row in block.rows for cell in row for name in cell),
    }


def _is_dropped(verdict: Verdict, *, is_kept: bool) -> bool:
    if verdict.verdict == "overstated":
        return not bare(verdict.text)
    if verdict.verdict == "repeated":
        return not is_kept
    return verdict.verdict in ("unsupported", "beside")
