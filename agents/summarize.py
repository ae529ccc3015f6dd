"""The summarize worker: passages in, claims with exact quotes out."""

import re
from typing import ClassVar

from pydantic import Field

from ..memory.context import Budget, assemble, gaps, in_turns
from ..orchestrator.errors import NothingFound
from ..orchestrator.evidence import Claim, Finding, Passage, Query, Quote, Value
from ..orchestrator.text import shorten
from ..orchestrator.worker import Context, Worker
from .meaning import closeness_of
from .search import Found


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

    async def run(self, task: Query, ctx: Context) -> Finding:
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
