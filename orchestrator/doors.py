"""Memory and tools as a worker reaches them: every use is a step, scoped to the job."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from .errors import InDoubt, Refused, ToolError
from .evidence import Claim, Passage, Source
from .ids import StepKey, plain
from .journal.step import READ, SEARCH, TOOL, WRITE, Steps
from .metadata import Condition, Mentions
from .ports import Memory, Toolbox

_PASSAGES: TypeAdapter[tuple[Passage, ...]] = TypeAdapter(tuple[Passage, ...])
_SOURCES: TypeAdapter[tuple[Source, ...]] = TypeAdapter(tuple[Source, ...])
_RARITY: TypeAdapter[dict[str, float]] = TypeAdapter(dict[str, float])
_SOURCE: TypeAdapter[Source | None] = TypeAdapter(Source | None)


@dataclass(frozen=True, slots=True)
class MemoryDoor:
    """The project's memory. A search sees the job's corpora and findings; a source is read by its id."""

    port: Memory | None
    steps: Steps
    corpora: Sequence[str]

    @property
    def _memory(self) -> Memory:
        if self.port is None:
            raise Refused("this team has no memory: give the Team a `memory` factory")
        return self.port

    async def search(
        self, query: str, *, limit: int = 8, sources: Sequence[str] = (), findings: bool = True
    ) -> tuple[Passage, ...]:
        """At most `limit` passages, best first; none where nothing fits. With `sources` (ids), theirs alone.

        Without `findings` the documents alone: what other workers of the job add meanwhile depends on who is faster.
        """
        memory = self._memory

        async def effect(_: StepKey) -> tuple[Passage, ...]:
            scopes = (*self.corpora, self.steps.job) if findings else self.corpora
            return await memory.search(query, corpora=scopes, limit=limit, sources=sources)

        args = {"query": query, "limit": limit} | ({"sources": list(sources)} if sources else {})
        args |= {} if findings else {"findings": False}
        return await self.steps.run(SEARCH, "memory", args, effect, _PASSAGES.validate_python)

    async def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        """How rare each word is in the project's documents: 1 in no passage, near 0 in nearly all."""
        memory = self._memory

        async def effect(_: StepKey) -> dict[str, float]:
            return dict(await memory.rarity(words))

        return await self.steps.run(READ, "memory", {"rarity": list(words)}, effect, _RARITY.validate_python)

    async def mentions(self, question: str) -> Mentions:
        """What the question names: sources, values of metadata, and what looks like one and is not there."""
        memory = self._memory

        async def effect(_: StepKey) -> Mentions:
            return await memory.mentions(question, corpora=self.corpora)

        return await self.steps.run(READ, "memory", {"mentions": question}, effect, Mentions.model_validate)

    async def select(self, where: Sequence[Condition], *, fields: Sequence[str] = ()) -> tuple[Source, ...]:
        """Every source that meets all conditions; with `fields`, their metadata cut to these."""
        memory = self._memory

        async def effect(_: StepKey) -> tuple[Source, ...]:
            return await memory.select(where, corpora=self.corpora, fields=fields)

        args = {"where": [condition.model_dump() for condition in where], "fields": list(fields)}
        return await self.steps.run(READ, "memory", args, effect, _SOURCES.validate_python)

    async def source(self, source: str) -> Source | None:
        """A stored document with its metadata, without its text."""
        memory = self._memory

        async def effect(_: StepKey) -> Source | None:
            return await memory.source(source)

        return await self.steps.run(READ, "memory", {"source": source}, effect, _SOURCE.validate_python)

    async def read(self, source: str, start: int, end: int) -> str:
        """A source's text from `start` to `end`, in code points."""
        memory = self._memory

        async def effect(_: StepKey) -> str:
            return await memory.read(source, start, end)

        args = {"source": source, "start": start, "end": end}
        return await self.steps.run(READ, "memory", args, effect, str)

    async def add(self, claim: Claim) -> None:
        """Let the other workers of this job find a claim by its words; what they find is what its quotes stand in."""
        memory = self._memory

        async def effect(key: StepKey) -> int:
            scope, writer = self.steps.job, self.steps.sender
            for n, quote in enumerate(claim.quotes):
                source, start, end = quote.source, quote.start, quote.end
                name = f"{key}-{n}"
                await memory.add(name, claim.text, source=source, start=start, end=end, writer=writer, scope=scope)
            return len(claim.quotes)

        await self.steps.run(WRITE, "memory", claim, effect, int)


#: Returns when a person has approved; raises Refused when one did not.
AskLeave = Callable[[str, dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ToolDoor:
    """The team's tools."""

    port: Toolbox | None
    steps: Steps
    ask_leave: AskLeave

    async def call(self, name: str, args: Mapping[str, Any]) -> Any:
        """A tool's result, as plain JSON."""
        toolbox = self.port
        if toolbox is None:
            raise ToolError(f"tool {name!r} cannot be called: the team has no `toolbox`")

        async def effect(key: StepKey) -> Any:
            if self.steps.is_in_doubt(key):
                await self._decide(toolbox, name, args)
            return plain(await toolbox.call(name, args, key))

        return await self.steps.run(TOOL, name, dict(args), effect, lambda recorded: recorded)

    async def _decide(self, toolbox: Toolbox, name: str, args: Mapping[str, Any]) -> None:
        """Return when a call that an earlier process has begun may be made again. Raises InDoubt when it may not."""
        policy = next((tool.get("in_doubt", "ask") for tool in toolbox.describe() if tool["name"] == name), "ask")
        begun = f"tool {name!r} was called by a process that is gone, and nobody knows how it ended"
        if policy == "skip":
            raise InDoubt(f"{begun}; it is not called again")
        if policy == "ask":
            try:
                await self.ask_leave(f"call tool {name!r} again: nobody knows how it ended", dict(args))
            except Refused as error:
                raise InDoubt(f"{begun}: {error}") from error
