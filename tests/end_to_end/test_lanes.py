"""The same job through LiteLLM and through the direct lane is the same job."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullpen import Report, Run, Settings, open_run, open_system, research_team
from bullpen.orchestrator.rules.compose import RULER
from bullpen.orchestrator.testing import assert_run
from bullpen.orchestrator.testing.provider import Reply, ScriptedProvider

QUESTION = "What did the night bus pilot cost, and why was it extended?"
Rows = dict[str, list[tuple[str, str, str, Any]]]
#: What may differ between lanes: when, by which lane, and where a price is from.
ASIDE = {"lane", "price_source", "seconds", "micro_usd", "cost_usd", "job", "made_by", "made_of", "rungs_from", "text"}


async def run_through(model: str, url: str, corpus: Path, project: Path) -> tuple[Report, Run]:
    rung = {"model": model, "name": "main", "base_url": url, "price_in_usd": 1.0, "price_out_usd": 2.0}
    settings = Settings.model_validate({"project": project, "rungs": [rung]})
    async with open_system(settings, research_team) as system, system.launch(QUESTION, corpus=corpus) as job:
        report = await job.result()
    return report, open_run(job.id, settings.runs)


def rows(run: Run) -> Rows:
    """Per task, what happened in order, without what may differ."""
    found: Rows = {}
    for event in run.events:
        found.setdefault(event.task, []).append((event.kind, event.sender, event.recipient, _stripped(event.value)))
    return found


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stripped(inner) for name, inner in value.items() if name not in ASIDE}
    return [_stripped(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.anyio
async def test_both_lanes_give_the_same_events_and_the_same_report(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: Callable[[dict[str, Any]], Reply]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with ScriptedProvider(answers) as server:
        direct, direct_run = await run_through("openai_http:gpt-4o-mini", server.url, corpus, tmp_path / "direct")
        wide, wide_run = await run_through("litellm:openai/gpt-4o-mini", server.url, corpus, tmp_path / "wide")

        assert len(server.asked) == direct.calls.model + wide.calls.model
    assert rows(direct_run) == rows(wide_run)
    assert direct.text.partition(RULER)[0] == wide.text.partition(RULER)[0]
    assert direct.claims == wide.claims != ()
    assert (direct.made_by.lane, wide.made_by.lane) == ("openai_http", "litellm")
    assert direct.cost_usd == wide.cost_usd > 0
    for run in (direct_run, wide_run):
        assert_run(run).ended("partial").delegated("summarize", times=1).delegated("check", times=1).holds()
        assert b"sk-test" not in run.path.read_bytes()
