"""The search worker: sub-question in, passages out."""

from pydantic import Field

from ..orchestrator.errors import NothingFound
from ..orchestrator.evidence import Passage, Query, Value
from ..orchestrator.text import shorten
from ..orchestrator.worker import Context, Worker

_PASSAGES_MOST = 12
#: Another query is not worth its while when less than this share of its passages is new.
_GAIN_LEAST = 0.25


class Queries(Value):
    """Other ways to ask for the same thing, in the words that documents would use."""

    queries: tuple[str, ...] = Field(default=(), max_length=4)


class Search(Worker):
    """Finds the passages in the project's documents that bear on one part of the question."""

    async def run(self, task: Query, ctx: Context) -> tuple[Passage, ...]:
        asked = await ctx.ask("search", returns=Queries, question=task.question, about=task.about)
        found: dict[tuple[str, int], Passage] = {}
        for query in dict.fromkeys((task.about, *asked.queries)):
            passages = await ctx.memory.search(query, limit=_PASSAGES_MOST)
            new = {(passage.source, passage.start): passage for passage in passages} | found
            gain = (len(new) - len(found)) / max(1, len(passages))
            found = found | new
            if gain < _GAIN_LEAST:
                ctx.note("stopped searching: little is new", query=query, gain=round(gain, 2))
                break
        if not found:
            raise NothingFound(f"no document shares a word with {shorten(task.about, 120)!r}")
        return tuple(found.values())[:_PASSAGES_MOST]
