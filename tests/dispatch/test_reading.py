"""A worker of one's own reads a document by its numbers and quotes it: on record, and the same again."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from bullpen.memory import open_in_memory
from bullpen.memory.in_memory import InMemory
from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.evidence import Claim, Document, Draft, Passage, Quote, Report, Unreadable
from bullpen.orchestrator.gateway.model import Request
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.journal.reader import run_of
from bullpen.orchestrator.ports import Memory
from bullpen.orchestrator.replay import replay
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import Settings, load_settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned

TEXT = "# The pilot\n\nIt cost 48,000 crowns. The operator says more.\n\n## Riders\n\nIt carried 9,120 of them."


class Read(Worker):
    """Names the sentences that answer."""

    async def run(self, task: str, ctx: Context) -> Draft:
        assert await ctx.memory.document("nowhere") is None
        document = await ctx.memory.document("minutes")
        assert document is not None
        numbers = await ctx.ask("figures", returns=list[int], about=task, document=document)
        found = await ctx.memory.search("riders carried")
        await ctx.ask("passages", found=found)
        return Draft(claims=tuple(ctx.quote(document, [n]) for n in numbers))


async def read_corpus(paths: Sequence[Path], known: object = None) -> AsyncIterator[Document | Unreadable]:
    await anyio.lowlevel.checkpoint()
    yield Document(id="minutes", title="Minutes", uri="minutes", text=TEXT, metadata={"status": "Final"})


PLAN = Plan(tasks=(PlannedTask(id="read", worker="read", input="What did it cost?"),))
TEAM = Team(supervisor=Planned(PLAN), workers=(Read,), memory=open_in_memory, corpus=read_corpus)
ANSWERS = {"figures": {"items": [1, 2, 4]}, "passages": "none"}


async def launch(model: ScriptedModel, before: Sequence[Event] = (), team: Team = TEAM) -> tuple[Report, list[Event]]:
    async with scripted_system(team, model, before=before) as system:
        if before:
            async with system.resume(before[0].job) as job:
                return await job.result(), [event async for event in job.events()]
        async with system.launch("What did it cost?", corpus=Path(__file__)) as job:
            return await job.result(), [event async for event in job.events()]


def user_message(request: Request) -> str:
    return request.messages[1].content


@pytest.mark.anyio
async def test_what_a_model_names_by_number_is_quoted_from_the_text() -> None:
    model = ScriptedModel(ANSWERS)
    report, _ = await launch(model)

    assert report.status == "ok"
    assert [(claim.text, [quote.text for quote in claim.quotes]) for claim in report.claims] == [
        ("status: Final", []),
        ("It cost 48,000 crowns.", ["It cost 48,000 crowns."]),
        ("It carried 9,120 of them.", ["It carried 9,120 of them."]),
    ]
    assert [claim.rule for claim in report.claims] == ["field", None, None]


@pytest.mark.anyio
async def test_without_a_prompt_file_documents_and_passages_are_shown_by_number() -> None:
    model = ScriptedModel(ANSWERS)
    await launch(model)
    figures, passages = model.requests

    assert user_message(figures) == (
        "<about>\nWhat did it cost?\n</about>\n<document>\nminutes: Minutes\n\n[1] (field) status: Final\n\n"
        "## The pilot\n[2] It cost 48,000 crowns.\n[3] The operator says more.\n\n"
        "## The pilot › Riders\n[4] It carried 9,120 of them.\n</document>"
    )
    assert user_message(passages).startswith("<found>\n[1] Minutes › The pilot\n# The pilot")


@pytest.mark.anyio
async def test_a_job_that_was_cut_off_reads_nothing_again() -> None:
    kept = InMemory()

    @asynccontextmanager
    async def opened(folder: Path, settings: Settings) -> AsyncIterator[Memory]:
        yield kept

    team = replace(TEAM, memory=opened)
    report, events = await launch(ScriptedModel(ANSWERS), team=team)
    answered = next(n for n, event in enumerate(events) if event.kind == "model.answered")
    resumed, after = await launch(ScriptedModel({"passages": "none"}), events[: answered + 1], team)

    assert resumed.claims == report.claims
    assert [event.kind for event in after].count("memory.read") == 2  # of nowhere, and of the document


def test_a_replay_has_the_document_from_the_record_alone() -> None:
    report, events = virtual_time.run(lambda: launch(ScriptedModel(ANSWERS)))
    came = replay(run_of(Path(f"{report.job}.run"), events), TEAM, load_settings())

    assert came.is_same
    assert came.missing == ()


class Told(Worker):
    """Adds a claim, and finds what it stands on by the claim's words only where it asks for findings."""

    async def run(self, task: str, ctx: Context) -> Draft:
        text = "It cost 48,000 crowns."
        start = TEXT.index(text)
        quote = Quote(source="minutes", start=start, end=start + len(text), text=text)
        await ctx.memory.add(Claim(text="An expensive zeppelin", quotes=(quote,)))
        ctx.note("found", documents=len(await ctx.memory.search("zeppelin")))
        [found] = await ctx.memory.search("zeppelin", findings=True)
        assert found == Passage(source="minutes", title="Minutes", start=start, end=start + len(text), text=text)
        return Draft(claims=(Claim(text=text, quotes=(quote,)),))


@pytest.mark.anyio
async def test_what_other_workers_say_is_no_material_unless_it_is_asked_for() -> None:
    plan = Plan(tasks=(PlannedTask(id="told", worker="told", input=""),))
    report, events = await launch(ScriptedModel({}), team=replace(TEAM, supervisor=Planned(plan), workers=(Told,)))

    assert report.status == "ok"
    assert [event.value["documents"] for event in events if event.kind == "worker.noted"] == [0]
