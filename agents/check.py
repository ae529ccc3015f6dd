"""The check worker: a draft in, the same draft out with every sentence checked against its quotes alone.

A model judges; code applies what it says and writes nothing anew: what is unsupported, beside the question or said
already is dropped, what says too much is replaced by the words that the model gives. Who judged, and that nobody did,
is told in the report.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from ..orchestrator.errors import NoAnswer
from ..orchestrator.evidence import Checked, Claim, Draft, Query, Value
from ..orchestrator.metadata import shown
from ..orchestrator.text import shorten
from ..orchestrator.worker import Context, Worker
from .writing import bare, without

#: Characters of the beginning of a document that a check is shown.
_HEAD = 160
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
        draft = ctx.results[-1].read(Draft)
        claims = said(draft)
        quotes, sentences = asked(claims)
        names = dict.fromkeys(quote["source"] for quote in quotes)
        try:
            answer = await ctx.answer(
                "check",
                returns=Verdicts,
                question=task.question,
                documents=[await _head(name, ctx) for name in names],
                quotes=quotes,
                sentences=sentences,
                not_answered=draft.not_answered,
            )
        except NoAnswer as error:
            reason = f"no model checked the sentences: {error}"
            return draft.model_copy(update={"checked": Checked(reason=reason, sentences=len(claims))})
        judged = judge(draft, answer.value.verdicts)
        checked = Checked(
            model=answer.model,
            reason="; ".join(answer.receipt.degraded),
            sentences=len(claims),
            as_they_stood=judged.as_they_stood,
            mended=judged.mended,
            dropped=judged.dropped,
        )
        if judged.unjudged:
            ctx.note("sentences without a verdict", number=judged.unjudged)
        return judged.draft.model_copy(update={"checked": checked})


async def _head(name: str, ctx: Context) -> str:
    """How a document begins: whose word it is often stands there alone."""
    source = await ctx.memory.source(name)
    title = source.title if source else name
    return f"{name}: {title}: {shorten(await ctx.memory.read(name, 0, _HEAD), _HEAD)}"


def said(draft: Draft) -> list[Claim]:
    """All that a draft says: its sentences, the sides of its disagreements, and their reasons."""
    return [*draft.claims, *(claim for one in draft.disagreements for claim in one.claims)]


class Asked(NamedTuple):
    """What the check is shown: each quote or field once, and the sentences with the numbers of those they rest on."""

    quotes: list[dict[str, Any]]
    sentences: list[dict[str, Any]]


def asked(claims: Sequence[Claim]) -> Asked:
    """What the check is shown of some claims."""
    numbers: dict[tuple[str, str], int] = {}
    sentences = []
    for n, claim in enumerate(claims, start=1):
        shows = [(quote.source, " ".join(quote.text.split())) for quote in claim.quotes]
        shows += [(record.source, f"{record.field}: {shown(record.value)}") for record in claim.records]
        own = [numbers.setdefault(one, len(numbers) + 1) for one in shows]
        sentences.append({"number": n, "text": claim.text, "quotes": own})
    quotes = [{"number": n, "source": source, "text": text} for (source, text), n in numbers.items()]
    return Asked(quotes, sentences)


def judge(draft: Draft, verdicts: Sequence[Verdict]) -> Judged:
    """The draft as the verdicts leave it: the first about a sentence counts; the lead and disagreements may repeat."""
    first: dict[int, Verdict] = {}
    for one in verdicts:
        first.setdefault(one.sentence, one)
    lead = set(draft.layout.lead) if draft.layout else set()
    gone: list[str] = []
    mended: dict[str, str] = {}
    stood = unjudged = 0
    claims = said(draft)
    for number, claim in enumerate(claims, start=1):
        verdict = first.get(number)
        if verdict is None:
            unjudged += 1
        elif _is_dropped(verdict, may_repeat=claim.id in lead or claim.id.startswith("d")):
            gone.append(claim.id)
        elif verdict.verdict == "overstated":
            mended[claim.id] = bare(verdict.text)
        else:
            stood += 1
    texts = {claim.id: claim.text for claim in claims}
    return Judged(without(draft, gone, mended), stood, len(mended), tuple(texts[name] for name in gone), unjudged)


def _is_dropped(verdict: Verdict, *, may_repeat: bool) -> bool:
    if verdict.verdict == "overstated":
        return not bare(verdict.text)
    if verdict.verdict == "repeated":
        return not may_repeat
    return verdict.verdict in ("unsupported", "beside")
