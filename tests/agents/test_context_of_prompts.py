"""What the research team puts before a model: by a budget of tokens, neighbours as one passage, the rest on record."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bullpen import Report, Settings, Worker, open_run, open_system, research_team
from bullpen.agents.analyze import Analyze
from bullpen.agents.refine import Refine
from bullpen.agents.search import Search
from bullpen.agents.summarize import Summarize
from bullpen.memory.context import SHARES, Budget
from bullpen.orchestrator.journal.reader import Run

pytestmark = pytest.mark.anyio

SMALL = Budget(tokens=200)
QUESTION = "What did the ferry cost?"


class BriefSummarize(Summarize):
    """Summarizes few passages."""

    name, role, budget = "summarize", "summarize", SMALL


class BriefAnalyze(Analyze):
    """Analyzes few claims."""

    name, role, budget = "analyze", "analyze", SMALL


class BriefRefine(Refine):
    """Writes from few claims."""

    name, budget = "refine", SMALL


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two documents; the first is long enough for several passages of one section."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    years = "\n\n".join(
        f"In {year} the ferry cost {year * 3} crowns, which the council of the island paid in full."
        for year in range(40)
    )
    (folder / "crossing.md").write_text(f"# Crossing\n\n{years}\n")
    (folder / "bridge.md").write_text("# Bridge\n\nThe bridge replaced the ferry and cost 900 crowns.\n")
    return folder


async def asked(corpus: Path, workers: Sequence[type[Worker]]) -> tuple[Report, Run]:
    settings = Settings(project=corpus.parent / "project")
    async with open_system(settings, replace(research_team, workers=tuple(workers))) as system:
        async with system.launch(QUESTION, corpus=corpus) as job:
            report = await job.result()
    return report, open_run(settings.runs / f"{report.job}.run")


def inputs(run: Run, prompt: str) -> dict[str, Any]:
    """What a model was asked under this prompt."""
    bodies = [json.loads(event.body) for event in run.events if event.kind == "model.asked"]
    found: dict[str, Any] = next(body["inputs"] for body in bodies if body["prompt"] == prompt)
    return found


def notes(run: Run, text: str) -> list[dict[str, Any]]:
    bodies = [json.loads(event.body) for event in run.events if event.kind == "worker.noted"]
    return [body for body in bodies if body["text"] == text]


async def test_neighbouring_passages_are_one_and_nothing_is_left_out_where_there_is_room(corpus: Path) -> None:
    report, run = await asked(corpus, (Search, Summarize, Analyze, Refine))

    passages = inputs(run, "summarize")["passages"]
    assert sorted(p["source"] for p in passages) == ["bridge.md", "crossing.md"]
    whole = next(p for p in passages if p["source"] == "crossing.md")
    assert whole["text"] == (corpus / "crossing.md").read_text()[whole["start"] : whole["end"]]
    assert len(whole["text"]) > 1_200
    assert notes(run, "passages are left out") == notes(run, "claims are left out") == []
    assert report.claims
    assert list(run.problems()) == []


async def test_what_there_is_no_room_for_is_on_record(corpus: Path) -> None:
    report, run = await asked(corpus, (Search, BriefSummarize, BriefAnalyze, BriefRefine))

    room = int(SMALL.tokens * SHARES["fact"].evidence)
    left = notes(run, "passages are left out")
    assert [(note["kind"], note["room"]) for note in left] == [("fact", room)]
    assert 0 < sum(left[0]["spent"].values()) <= room
    assert any(line.startswith("crossing.md ") for line in left[0]["left_out"])
    assert notes(run, "claims are left out")
    assert report.claims
    assert list(run.problems()) == []
