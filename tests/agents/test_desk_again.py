"""A job of the desk done again: from its record alone, and in another way from where it makes a difference."""

from pathlib import Path

import anyio
import pytest

from bullpen import research_team
from bullpen.orchestrator.journal.reader import Run, run_of
from bullpen.orchestrator.replay import replay
from bullpen.orchestrator.settings import load_settings
from bullpen.orchestrator.testing import ScriptedModel, scripted_system

from .test_desk import Large

QUESTION = "What did the ferry cost, and what the mill?"


async def launched(large: Large, project: Path) -> Run:
    async with scripted_system(research_team, ScriptedModel(large.answers), project=project) as system:
        async with system.launch(QUESTION, corpus=large.docs) as job:
            report = await job.result()
            return run_of(Path(f"{report.job}.run"), [event async for event in job.events()])


async def forked(run: Run, model: ScriptedModel, project: Path, prompts: dict[str, Path]) -> Run:
    async with scripted_system(research_team, model, project=project, prompts=prompts) as system:
        system.chance.getrandbits(64)  # another id than the first job's
        async with system.fork(run, None, [f"prompt={name}" for name in prompts]) as job:
            report = await job.result()
            return run_of(Path(f"{report.job}.run"), [event async for event in job.events()])


def test_a_replay_has_all_of_it_from_the_record_alone_byte_for_byte(tmp_path: Path) -> None:
    run = anyio.run(launched, Large(tmp_path), tmp_path / "project")
    came = replay(run, research_team, load_settings())

    assert (came.is_same, came.missing) == (True, ())
    assert run.report is not None
    assert run.report.checked is not None
    assert run.report.checked.as_they_stood == 2


@pytest.mark.parametrize(("name", "asked"), [("write", ["write", "check"]), ("check", ["check"])])
def test_another_prompt_asks_those_alone_that_come_after_it(tmp_path: Path, name: str, asked: list[str]) -> None:
    large = Large(tmp_path)
    run = anyio.run(launched, large, tmp_path / "project")
    own = Path(__file__).parents[2] / "agents" / "prompts" / f"{name}.md"
    prompt = tmp_path / f"{name}.md"
    prompt.write_text(own.read_text().replace("[system]\n", "[system]\nBe brief. ", 1))
    large.answers["write"] = {"lead": "300 crowns for the ferry [1], 200 for the mill [2]."}

    model = ScriptedModel(large.answers)
    after = anyio.run(forked, run, model, tmp_path / "project", {name: prompt})

    assert [request.prompt for request in model.requests] == asked
    assert after.report is not None
    lead = "The ferry cost 300 crowns." if name == "check" else "300 crowns for the ferry, 200 for the mill."
    assert after.report.claims[0].text == lead


def test_the_same_prompt_under_another_name_of_a_file_asks_nobody(tmp_path: Path) -> None:
    large = Large(tmp_path)
    run = anyio.run(launched, large, tmp_path / "project")
    prompt = tmp_path / "mine.md"
    prompt.write_text((Path(__file__).parents[2] / "agents" / "prompts" / "write.md").read_text())
    model = ScriptedModel({})
    after = anyio.run(forked, run, model, tmp_path / "project", {"write": prompt})

    assert model.requests == []
    assert after.report is not None
    assert run.report is not None
    assert after.report.claims == run.report.claims
