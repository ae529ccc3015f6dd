"""What workers write into memory about one subject: on record as steps, done once, whatever happens to the process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from bullpen.memory import open_in_memory
from bullpen.memory.in_memory import InMemory
from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.cli.progress import describe
from bullpen.orchestrator.errors import Conflict
from bullpen.orchestrator.evidence import Claim, Document, Draft, File, Quote, Report, Unreadable
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.journal.reader import run_of
from bullpen.orchestrator.lookup import Select, Where
from bullpen.orchestrator.ports import Memory, Note
from bullpen.orchestrator.replay import replay
from bullpen.orchestrator.rules.compose import RULER
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import Settings, load_settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned

TEXT = "The pilot cost 48,000 crowns. The operator says 52,500 crowns. Both are right."


def claim(text: str) -> Claim:
    start = TEXT.index(text)
    return Claim(text=text, quotes=(Quote(source="minutes", start=start, end=start + len(text), text=text),))


class Write(Worker):
    """Notes one thing about the cost."""

    async def run(self, task: str, ctx: Context) -> int:
        return await ctx.memory.add(claim(task), about="cost")


class Decide(Worker):
    """Writes without having looked, is refused, looks, chooses, and writes the last word."""

    async def run(self, task: None, ctx: Context) -> Draft:
        with pytest.raises(Conflict):
            await ctx.memory.add(claim("Both are right"), about="cost", expects=0)
        notes = await ctx.memory.recall("cost")
        chosen = await ctx.memory.resolve(notes[0], reason="the minutes are audited", expects=2)
        version = await ctx.memory.add(claim("Both are right"), about="cost", expects=chosen.version)
        kept = await ctx.memory.recall("cost", history=True)
        known = " ".join(f"{note.version}{'.' * (note.superseded is None)}" for note in kept)
        ctx.note("decided", version=version, known=known)
        return Draft(claims=(claim("Both are right"),))


async def read_corpus(paths: Sequence[Path], known: object = None) -> AsyncIterator[Document | Unreadable]:
    await anyio.lowlevel.checkpoint()
    yield Document(id="minutes", title="Minutes", uri="minutes", text=TEXT)


PLAN = Plan(
    tasks=(
        PlannedTask(id="one", worker="write", input="The pilot cost 48,000 crowns"),
        PlannedTask(id="two", worker="write", input="The operator says 52,500 crowns", after=("one",)),
        PlannedTask(id="decide", worker="decide", input=None, after=("two",)),
    )
)
TEAM = Team(supervisor=Planned(PLAN), workers=(Write, Decide), memory=open_in_memory, corpus=read_corpus)


class Shared:
    """A memory that outlives the process, and what it held after each thing that was written."""

    def __init__(self, memory: InMemory) -> None:
        self._memory, self.states = memory, [deepcopy(memory)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def add(self, note: Note, *, expects: int | None = None) -> Note:
        kept = await self._memory.add(note, expects=expects)
        self.states.append(deepcopy(self._memory))
        return kept

    async def resolve(self, key: str, **how: Any) -> Note:
        kept = await self._memory.resolve(key, **how)
        self.states.append(deepcopy(self._memory))
        return kept

    async def ingest(self, corpus: str, documents: Sequence[Document], files: Sequence[File] = ()) -> int:
        changed = await self._memory.ingest(corpus, documents, files)
        self.states[0] = deepcopy(self._memory)
        return changed


async def launch(
    team: Team, shared: Shared, before: Sequence[Event] = (), *, is_second: bool = False
) -> tuple[Report, list[Event]]:
    @asynccontextmanager
    async def opened(folder: Path, settings: Settings) -> AsyncIterator[Memory]:
        yield cast(Memory, shared)

    async with scripted_system(replace(team, memory=opened), ScriptedModel({}), before=before) as system:
        if is_second:
            system.chance.getrandbits(64)  # another id than the first job's
        if before:
            async with system.resume(before[0].job) as job:
                return await job.result(), [event async for event in job.events()]
        async with system.launch("What did it cost?", corpus=Path(__file__)) as job:
            return await job.result(), [event async for event in job.events()]


async def history(shared: Shared) -> list[tuple[int, str, tuple[str, ...], str | None]]:
    notes = await shared.recall("cost", history=True)
    return [(n.version, n.text, n.supersedes, n.superseded and n.superseded.reason) for n in notes]


def of(events: Sequence[Event], kind: str) -> list[Event]:
    return [event for event in events if event.kind == kind]


@pytest.mark.anyio
async def test_what_stands_against_each_other_is_on_record_with_how_it_ended() -> None:
    shared = Shared(InMemory())
    report, events = await launch(TEAM, shared)
    job = events[0].job
    notes = await shared.recall("cost", history=True)

    assert report.status == "ok"
    assert [(n.version, n.task, n.writer, n.scope, n.run) for n in notes] == [
        (3, "one", "write", job, job),
        (2, "two", "write", job, job),
        (4, "decide", "decide", job, job),
    ]
    first, second, chosen, last = (event.value for event in of(events, "memory.written"))
    assert (first, second, last) == (1, 2, 4)
    assert (chosen["key"], chosen["supersedes"]) == (notes[0].key, [notes[1].key])
    recalled = of(events, "memory.read")[0].value
    assert [note["contradicts"] for note in recalled] == [[notes[1].key], [notes[0].key]]
    [refused] = of(events, "memory.failed")
    assert (refused.task, refused.value["type"]) == ("decide", "Conflict")
    assert "'cost' is at version 2, not 0" in refused.value["detail"]
    reasons = [event.value.get("reason") for event in of(events, "memory.write_intended") if event.task == "decide"]
    assert "the minutes are audited" in reasons
    [decided] = of(events, "worker.noted")
    assert decided.value == {"text": "decided", "version": 4, "known": "3 2 4."}


@pytest.mark.anyio
async def test_whoever_watches_is_told_of_notes_that_stand_against_each_other() -> None:
    _, events = await launch(TEAM, Shared(InMemory()))

    told = [said for event in of(events, "memory.read") if (said := describe(event))]
    assert told == ["decide: 2 notes about 'cost' stand against each other"]


@pytest.mark.anyio
async def test_wherever_it_was_killed_each_note_is_written_once() -> None:
    """Killed before or after a write reached memory: its result is not on record, and nobody knows."""
    whole = Shared(InMemory())
    report, events = await launch(TEAM, whole)
    expected = await history(whole)
    assert len(whole.states) == 5

    for killed_after in range(1, len(events)):
        before = events[:killed_after]
        done = len(of(before, "memory.written"))
        for state in whole.states[done : done + 2]:
            shared = Shared(deepcopy(state))
            resumed, after = await launch(TEAM, shared, before)

            assert resumed.text.partition(RULER)[0] == report.text.partition(RULER)[0]
            assert await history(shared) == expected
            assert len(of(after, "memory.written")) == 4


@pytest.mark.anyio
async def test_another_job_knows_only_what_it_asks_everywhere_for() -> None:
    class Look(Worker):
        """Looks at what is known."""

        async def run(self, task: str, ctx: Context) -> str:
            own, all_of_it = await ctx.memory.recall("cost"), await ctx.memory.recall("cost", everywhere=True)
            ctx.note("looked", own=len(own), everywhere=len(all_of_it))
            ctx.note("wrote", version=await ctx.memory.add(claim(task), about="cost"))
            return ""

    shared = Shared(InMemory())
    await launch(TEAM, shared)
    plan = Plan(tasks=(PlannedTask(id="look", worker="look", input="The operator says 52,500 crowns"),))
    _, events = await launch(replace(TEAM, supervisor=Planned(plan), workers=(Look,)), shared, is_second=True)

    assert [event.value for event in of(events, "worker.noted")] == [
        {"text": "looked", "own": 0, "everywhere": 1},
        {"text": "wrote", "version": 1},
    ]


def test_a_replay_writes_nothing_and_comes_out_the_same() -> None:
    report, events = virtual_time.run(lambda: launch(TEAM, Shared(InMemory())))
    came = replay(run_of(Path(f"{report.job}.run"), events), TEAM, load_settings())

    assert came.is_same
    assert came.missing == ()


@pytest.mark.anyio
async def test_a_fork_writes_memory_again_under_its_own_name() -> None:
    first = Shared(InMemory())
    _, events = await launch(TEAM, first)
    second = Shared(first.states[0])  # which has read the documents and knows no note
    run = run_of(Path(f"{events[0].job}.run"), events)

    @asynccontextmanager
    async def opened(folder: Path, settings: Settings) -> AsyncIterator[Memory]:
        yield cast(Memory, second)

    async with scripted_system(replace(TEAM, memory=opened), ScriptedModel({})) as system:
        system.chance.getrandbits(64)  # another id than the first job's
        async with system.fork(run) as job:
            report, forked = await job.result(), [event async for event in job.events()]

    assert report.status == "ok"
    assert job.id != run.id
    assert {note.run for note in await second.recall("cost", history=True)} == {job.id}
    assert [note[:2] for note in await history(second)] == [note[:2] for note in await history(first)]
    assert len(of(forked, "memory.write_intended")) == len(of(events, "memory.write_intended"))


class LookUp(Worker):
    """Asks the catalogue."""

    async def run(self, task: None, ctx: Context) -> Draft:
        fields = await ctx.memory.fields()
        table = await ctx.memory.look_up(Select(where=(Where(field="text", op="contains", values=("audited",)),)))
        wrong = await ctx.memory.look_up(Select(where=(Where(field="txet", values=("audited",)),)))
        cards = await ctx.memory.cards(table.sources)
        told = [str(fields.documents), table.told, wrong.told, *(card.opening for card in cards), *table.sources]
        return Draft(not_answered=tuple(told))


async def read_two(paths: Sequence[Path], known: object = None) -> AsyncIterator[Document | Unreadable]:
    async for document in read_corpus(paths):
        yield document
    yield Document(id="letter", title="Letter", uri="letter", text="The costs have been audited by two people.")


def test_what_the_catalogue_says_is_on_record() -> None:
    plan = Plan(tasks=(PlannedTask(id="look", worker="look_up", input=None),))
    team = replace(TEAM, supervisor=Planned(plan), workers=(LookUp,), corpus=read_two)
    report, events = virtual_time.run(lambda: launch(team, Shared(InMemory())))

    said = "The costs have been audited by two people."
    looked_up = "text contains “audited”: 1 of 2"
    wrong = "there is no field 'txet'; name one of text"
    assert report.not_answered == ("2", looked_up, wrong, said, "letter")
    replayed = replay(run_of(Path(f"{report.job}.run"), events), team, load_settings())
    assert (replayed.is_same, replayed.missing) == (True, ())
