"""From a sentence of a report to its source, its reader, its search and its plan, by ids on record alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bullpen import Report, research_team
from bullpen.orchestrator.evidence import Claim, Evidence
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.journal.reader import Run, run_of
from bullpen.orchestrator.testing import ScriptedModel, scripted_system

from .test_desk import Large

pytestmark = pytest.mark.anyio

QUESTION = "What did the ferry cost, and what the mill?"


class Trail:
    """What a run has on record of each step, by the ids that the next one names."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def one(self, task: str, kind: str) -> dict[str, Any]:
        """The only event of this kind in a task."""
        [event] = [event for event in self.run.of_task(task) if event.kind == kind]
        return dict(event.value)

    def notes(self, claim: Claim) -> Iterator[tuple[str, dict[str, Any]]]:
        """The notes that a sentence was written from, each with the task that took it."""
        for name in claim.notes:
            task, _, number = name.rpartition(".")
            yield task, self.one(task, "task.returned")["output"]["notes"][int(number) - 1]

    def why_read(self, task: str, source: str) -> str:
        """The task that chose the document: the supervisor's for one named in its plan, else who wrote the query."""
        sent = self.one(task, "task.sent")
        if not sent["input"]["found"]:
            assert source in sent["input"]["documents"]
            return self.who_said(source, "documents")
        [search] = sent["after"]
        assert source in self.one(search, "task.returned")["output"]["documents"]
        [query] = self.one(search, "task.sent")["input"]["queries"]
        return self.who_said(query, "queries")

    def who_said(self, words: str, key: str) -> str:
        """The task whose model answered with these words under this key."""
        answered = (event for event in self.run.events if event.kind == "model.answered")
        return next(event.task for event in answered if words in (event.value["value"].get(key) or ()))


async def finished(tmp_path: Path) -> tuple[Large, Report, Sequence[Event]]:
    large = Large(tmp_path)
    model = ScriptedModel(large.answers)
    async with scripted_system(research_team, model, project=tmp_path / "project") as system:
        async with system.launch(QUESTION, corpus=large.docs) as job:
            return large, await job.result(), [event async for event in job.events()]


async def test_each_sentence_leads_by_ids_to_its_quote_its_reader_its_search_and_its_plan(tmp_path: Path) -> None:
    large, report, events = await finished(tmp_path)
    run = run_of(Path(f"{report.job}.run"), events)
    trail, evidence = Trail(run), run.evidence()

    assert len(report.claims) == 2
    told = {}
    for claim in report.claims:
        [(task, note)] = trail.notes(claim)
        [quote] = claim.quotes
        assert [one["text"] for one in note["quotes"]] == [quote.text]
        assert quote.text == text_of(quote.source, evidence, large)[quote.start : quote.end]
        point = trail.one(task, "task.returned")["output"]["points"][note["point"] - 1]
        told[claim.text] = (task, point, trail.why_read(task, quote.source), trail.who_said(point, "points"))

    assert run.question == QUESTION
    assert told == {
        "The ferry cost 300 crowns.": (
            "summarize-1",
            "What did the ferry cost?",
            "supervisor/brief",
            "supervisor/brief",
        ),
        "The mill cost 200 crowns.": ("summarize-2", "What did the mill cost?", "analyze-1", "supervisor/brief"),
    }


async def test_what_was_read_and_by_what_it_was_found_is_on_record_though_it_is_not_used(tmp_path: Path) -> None:
    _, report, events = await finished(tmp_path)
    trail = Trail(run_of(Path(f"{report.job}.run"), events))

    assert [one.source for one in report.documents] == ["ferry.md", "mill.md"]
    readings = [event for event in events if event.kind == "task.returned" and event.task.startswith("summarize")]
    read = {one["source"]: event.task for event in readings for one in event.value["output"]["documents"]}
    assert {source: trail.why_read(task, source) for source, task in read.items()} == {
        "ferry.md": "supervisor/brief",
        "mill.md": "analyze-1",
    }


def text_of(source: str, evidence: Evidence, large: Large) -> str:
    """The text of a document, from the file that the record names."""
    [found] = [one for one in evidence.sources if one.id == source]
    assert Path(found.uri).parent == large.docs
    return Path(found.uri).read_text()
