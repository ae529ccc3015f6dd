"""Memory and tools as a worker reaches them: every use is a step, scoped to the job."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from .codec import NotKept, untyped
from .errors import InDoubt, NotJson, Refused, ToolError
from .evidence import Card, Claim, Passage, Quote, Source
from .ids import StepKey
from .journal.step import READ, SEARCH, TOOL, WRITE, Steps
from .lookup import Select, Summary, Table
from .metadata import Condition, Mentions
from .ports import Memory, Note, Remarking, Toolbox
from .rules.numbering import Numbered, number

#: The most code points of a document that are numbered.
TEXT_MOST = 50_000_000

_PASSAGES: TypeAdapter[tuple[Passage, ...]] = TypeAdapter(tuple[Passage, ...])
_NOTES: TypeAdapter[tuple[Note, ...]] = TypeAdapter(tuple[Note, ...])
_SOURCES: TypeAdapter[tuple[Source, ...]] = TypeAdapter(tuple[Source, ...])
_CARDS: TypeAdapter[tuple[Card, ...]] = TypeAdapter(tuple[Card, ...])
_RARITY: TypeAdapter[dict[str, float]] = TypeAdapter(dict[str, float])
_CLOSENESS: TypeAdapter[tuple[float, ...] | None] = TypeAdapter(tuple[float, ...] | None)
_SOURCE: TypeAdapter[Source | None] = TypeAdapter(Source | None)


async def note_remarks(memory: Memory, steps: Steps) -> None:
    """Put on record why memory is worse than it could be, where it is."""
    for reason in await memory.remarks() if isinstance(memory, Remarking) else ():
        steps.note("memory.degraded", {"reason": reason}, recipient="memory")


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
        self,
        query: str,
        *,
        limit: int = 8,
        sources: Sequence[str] = (),
        where: Sequence[Condition] = (),
        diversity: float = 0.0,
        findings: bool = False,
    ) -> tuple[Passage, ...]:
        """At most `limit` passages, best first; none where nothing fits. With `sources` (ids), theirs alone.

        With `where`, those of sources whose metadata meet all conditions. `diversity`, from 0 to 1, puts off passages
        that say again what stands before them.
        The documents are searched; with `findings`, the claims that workers of this job have added as well. What they
        stand on is found by their words then, always as it stands in its source. It depends on who is faster.
        """
        memory = self._memory

        async def effect(_: StepKey) -> tuple[Passage, ...]:
            scopes = (*self.corpora, self.steps.job) if findings else self.corpora
            found = await memory.search(
                query, corpora=scopes, limit=limit, sources=sources, where=where, diversity=diversity
            )
            await note_remarks(memory, self.steps)
            return found

        conditions = [condition.model_dump() for condition in where]
        more = {"sources": list(sources), "where": conditions, "diversity": diversity}
        args = {"query": query, "limit": limit} | {name: value for name, value in more.items() if value}
        args |= {} if findings else {"findings": False}
        return await self.steps.run(SEARCH, "memory", args, effect, _PASSAGES.validate_python)

    async def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        """How rare each word is in the project's documents: 1 in no passage, near 0 in nearly all."""
        memory = self._memory

        async def effect(_: StepKey) -> dict[str, float]:
            return dict(await memory.rarity(words))

        return await self.steps.run(READ, "memory", {"rarity": list(words)}, effect, _RARITY.validate_python)

    async def closeness(self, question: str, texts: Sequence[str]) -> tuple[float, ...] | None:
        """How near in meaning each text is to a question, as a cosine from -1 to 1; None where nobody can say so."""
        memory = self._memory

        async def effect(_: StepKey) -> tuple[float, ...] | None:
            return await memory.closeness(question, texts)

        args = {"closeness": question, "texts": list(texts)}
        return await self.steps.run(READ, "memory", args, effect, _CLOSENESS.validate_python)

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

    async def cards(self, sources: Sequence[str] = ()) -> tuple[Card, ...]:
        """Every document that the job may read as a catalogue shows it, without its text; with `sources`, these alone.

        All of them are put on record, some 300 bytes each: of a large catalogue, ask for those that were found.
        """
        memory = self._memory

        async def effect(_: StepKey) -> tuple[Card, ...]:
            return await memory.cards(corpora=self.corpora, sources=sources)

        args = {"cards": list(sources) or True}
        return await self.steps.run(READ, "memory", args, effect, _CARDS.validate_python)

    async def fields(self) -> Summary:
        """What there is to look up: how many documents, and their fields with the commonest values."""
        memory = self._memory

        async def effect(_: StepKey) -> Summary:
            return await memory.fields(corpora=self.corpora)

        return await self.steps.run(READ, "memory", {"fields": True}, effect, Summary.model_validate)

    async def look_up(self, select: Select) -> Table:
        """What a select comes to over the job's documents; one that cannot be run is a table with its `problem`."""
        memory = self._memory

        async def effect(_: StepKey) -> Table:
            return await memory.look_up(select, corpora=self.corpora)

        return await self.steps.run(READ, "memory", {"look_up": select}, effect, Table.model_validate)

    async def document(self, source: str) -> Numbered | None:
        """A stored document whose sentences and fields are numbered; None where there is none of this id."""
        memory = self._memory

        async def effect(_: StepKey) -> dict[str, Any] | None:
            found = await memory.source(source)
            text = await memory.read(source, 0, TEXT_MOST) if found else ""
            return {"source": found.model_dump(mode="json"), "text": text} if found else None

        held = await self.steps.run(READ, "memory", {"document": source}, effect, lambda recorded: recorded)
        return number(Source.model_validate(held["source"]), held["text"]) if held else None

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

    async def neighbours(self, passage: Passage, *, before: int = 1, after: int = 1) -> tuple[Passage, ...]:
        """So many passages of the same source before and after one, in the order in which they are read."""
        memory, source, start, end = self._memory, passage.source, passage.start, passage.end

        async def effect(_: StepKey) -> tuple[Passage, ...]:
            return await memory.neighbours(source, start, end, before=before, after=after)

        args = {"source": source, "start": start, "end": end, "before": before, "after": after}
        return await self.steps.run(READ, "memory", args, effect, _PASSAGES.validate_python)

    async def add(self, claim: Claim, *, about: str = "", expects: int | None = None) -> int:
        """Let the other workers of this job find a claim by its words; what they find is what its quotes stand in.

        With `about`, it is known about that subject: claims that say different things stand beside each other, linked,
        and `recall` returns them all. With `expects`, the subject's version as it was read (0: nothing is known), it
        takes their place. Returns the subject's version now; 0 for a claim about nothing in particular.
        Raises Conflict, and writes nothing, where somebody has written meanwhile.
        """
        memory = self._memory

        async def effect(key: StepKey) -> int:
            version = 0
            for n, quote in enumerate(claim.quotes):
                note = self._note(f"{key}-{n}", claim.text, quote, about)
                version = (await memory.add(note, expects=expects if n == 0 else None)).version
            return version

        args = {"claim": claim, "about": about, "expects": expects} if about else claim
        return await self.steps.run(WRITE, "memory", args, effect, int)

    def _note(self, key: str, text: str, quote: Quote, about: str) -> Note:
        return Note(
            key=key,
            text=text,
            about=about,
            source=quote.source,
            start=quote.start,
            end=quote.end,
            scope=self.steps.job,
            writer=self.steps.sender,
            run=self.steps.job,
            task=self.steps.task,
        )

    async def recall(self, about: str, *, everywhere: bool = False, history: bool = False) -> tuple[Note, ...]:
        """What this job knows about a subject, oldest first: several notes where they say different things.

        With `everywhere`, what any job of the project knows; with `history`, what has been superseded too.
        """
        memory = self._memory

        async def effect(_: StepKey) -> tuple[Note, ...]:
            return await memory.recall(about, scopes=None if everywhere else [self.steps.job], history=history)

        args = {"recall": about, "everywhere": everywhere, "history": history}
        return await self.steps.run(READ, "memory", args, effect, _NOTES.validate_python)

    async def resolve(self, note: Note, *, reason: str, expects: int | None = None) -> Note:
        """Let one of several notes stand for its subject; the others are superseded, and the reason is on record."""
        memory = self._memory

        async def effect(_: StepKey) -> Note:
            return await memory.resolve(note.key, reason=reason, writer=self.steps.sender, expects=expects)

        args = {"resolve": note.key, "about": note.about, "reason": reason, "expects": expects}
        return await self.steps.run(WRITE, "memory", args, effect, Note.model_validate)


#: Returns when a person has approved; raises Refused when one did not.
AskLeave = Callable[[str, dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ToolDoor:
    """The team's tools."""

    port: Toolbox | None
    steps: Steps
    ask_leave: AskLeave

    async def call(self, name: str, args: Mapping[str, Any]) -> Any:
        """A tool's result, as plain JSON. Raises NotJson for a number that is infinite or none."""
        toolbox = self.port
        if toolbox is None:
            raise ToolError(f"tool {name!r} cannot be called: the team has no `toolbox`")

        async def effect(key: StepKey) -> Any:
            if self.steps.is_in_doubt(key):
                await self._decide(toolbox, name, args)
            result = await toolbox.call(name, args, key)
            try:
                return untyped(result)
            except NotKept as error:
                raise NotJson(f"tool {name!r}: its result cannot be handed on: {error}") from error

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
