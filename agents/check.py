"""The check worker: a draft in, the same draft out with every sentence checked against its quotes alone.

A model judges; code applies what it says and writes nothing anew: what is unsupported, beside the question or said
already is dropped, what says too much is replaced by the words that the model gives. Who judged, and that nobody did,
is told in the report.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from ..orchestrator.errors import NoAnswer
from ..orchestrator.evidence import Checked, Claim, Draft, Query, Value
from ..orchestrator.metadata import shown
from ..orchestrator.worker import Context, Worker
from .writing import bare, without

Word = Literal["supported", "overstated", "unsupported", "beside", "repeated"]


class Verdict(Value):
    """What the check says of one numbered sentence."""

    sentence: int
    verdict: Word
    #: The sentence as it should stand, where it says too much.
    text: str = ""


class Verdicts(Value):
    """One verdict for each sentence."""

    verdicts: tuple[Verdict, ...] = Field(max_length=400)


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
        numbered = list(enumerate(draft.claims, start=1))
        try:
            answer = await ctx.answer(
                "check", returns=Verdicts, question=task.question, sentences=asked(numbered, draft)
            )
        except NoAnswer as error:
            reason = f"no model checked the sentences: {error}"
            return draft.model_copy(update={"checked": Checked(reason=reason, sentences=len(draft.claims))})
        judged = judge(draft, answer.value.verdicts)
        checked = Checked(
            model=answer.model,
            reason="; ".join(answer.receipt.degraded),
            sentences=len(draft.claims),
            as_they_stood=judged.as_they_stood,
            mended=judged.mended,
            dropped=judged.dropped,
        )
        if judged.unjudged:
            ctx.note("sentences without a verdict", number=judged.unjudged)
        return judged.draft.model_copy(update={"checked": checked})


def asked(numbered: Iterable[tuple[int, Claim]], draft: Draft) -> list[dict[str, object]]:
    """What the check is shown of each sentence: where it stands, its words, its quotes, and the fields it cites."""
    lead = set(draft.layout.lead) if draft.layout else set()
    return [
        {
            "number": number,
            "is_lead": claim.id in lead,
            "text": claim.text,
            "quotes": [{"source": quote.source, "text": " ".join(quote.text.split())} for quote in claim.quotes],
            "fields": [f"{record.source}: {record.field}: {shown(record.value)}" for record in claim.records],
        }
        for number, claim in numbered
    ]


def judge(draft: Draft, verdicts: Sequence[Verdict]) -> Judged:
    """The draft as the verdicts leave it. The first verdict about a sentence counts; the lead is never `repeated`."""
    said: dict[int, Verdict] = {}
    for one in verdicts:
        said.setdefault(one.sentence, one)
    lead = set(draft.layout.lead) if draft.layout else set()
    gone: list[str] = []
    mended: dict[str, str] = {}
    stood = unjudged = 0
    for number, claim in enumerate(draft.claims, start=1):
        verdict = said.get(number)
        if verdict is None:
            unjudged += 1
        elif _is_dropped(verdict, is_lead=claim.id in lead):
            gone.append(claim.id)
        elif verdict.verdict == "overstated":
            mended[claim.id] = bare(verdict.text)
        else:
            stood += 1
    texts = {claim.id: claim.text for claim in draft.claims}
    return Judged(without(draft, gone, mended), stood, len(mended), tuple(texts[name] for name in gone), unjudged)


def _is_dropped(verdict: Verdict, *, is_lead: bool) -> bool:
    if verdict.verdict == "overstated":
        return not bare(verdict.text)
    if verdict.verdict == "repeated":
        return not is_lead
    return verdict.verdict in ("unsupported", "beside")
