"""A whole job recorded once and replayed with the network off; and what docs/cassettes.md shows, works."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullpen import BadInput, Report, Settings, open_run, open_system, research_team
from bullpen.orchestrator.rules.compose import RULER
from bullpen.orchestrator.testing import assert_run
from bullpen.orchestrator.testing.provider import Reply, ScriptedProvider

from .conftest import DOCUMENTS, QUESTION, Command, environment

DOCS = (Path(__file__).parents[2] / "docs" / "cassettes.md").read_text(encoding="utf-8")
KEY = "sk-test-0123456789"
Answers = Callable[[dict[str, Any]], Reply]


def settings(project: Path, file: Path, model: str = "openai_http:m", **more: Any) -> Settings:
    prices = {"price_in_usd": 1.0, "price_out_usd": 2.0}
    rung = {"model": model, "name": "main", "cassette": file, **prices, **more.pop("rung", {})}
    return Settings.model_validate({"project": project, "rungs": [rung], **more})


async def job(given: Settings, corpus: Path, question: str = QUESTION) -> Report:
    async with open_system(given, research_team) as system, system.launch(question, corpus=corpus) as launched:
        return await launched.result()


@pytest.mark.anyio
@pytest.mark.parametrize("model", ["openai_http:gpt-4o-mini", "litellm:openai/gpt-4o-mini"])
async def test_a_job_recorded_once_is_replayed_twice_without_a_network(
    model: str, corpus: Path, tmp_path: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    file = tmp_path / "answers.json"
    with ScriptedProvider(answers) as server:
        to_server = {"rung": {"base_url": server.url}}
        real = await job(settings(tmp_path / "real", file, model, cassettes="record", **to_server), corpus)
    monkeypatch.delenv("OPENAI_API_KEY")
    again = [await job(settings(tmp_path / name, file, model, network=False), corpus) for name in "ab"]

    assert len(server.asked) == real.calls.model == 3
    assert [unfooted(report) for report in again] == [unfooted(real)] * 2
    assert [report.cost_usd for report in again] == [real.cost_usd] * 2
    assert KEY.encode() not in contents(file)
    for name, report in zip("ab", again, strict=True):
        assert_run(open_run(report.job, tmp_path / name / "runs")).ended(real.status).holds()


def unfooted(report: Report) -> str:
    """The text but for its footer, which says how long it took."""
    return report.text.partition(RULER)[0]


def contents(file: Path) -> bytes:
    return file.read_bytes()


@pytest.mark.anyio
async def test_a_miss_is_a_gap_that_says_what_to_do(corpus: Path, tmp_path: Path, answers: Answers) -> None:
    file = tmp_path / "answers.json"
    with ScriptedProvider(answers) as server:
        given = settings(tmp_path / "real", file, cassettes="record", rung={"base_url": server.url})
        await job(given, corpus)
    missed = await job(settings(tmp_path / "again", file), corpus, QUESTION.replace("night bus", "tram"))

    told = [gap.detail for gap in missed.gaps if gap.reason == "CassetteMiss"]
    assert told
    assert all("BULLPEN_CASSETTES=auto" in detail for detail in told)
    assert any("+ " in detail and "tram" in detail for detail in told)
    assert missed.status in ("failed", "partial")


@pytest.mark.anyio
@pytest.mark.parametrize("model", ["openai_http:m", "litellm:openai/m"])
@pytest.mark.parametrize("cassettes", ["record", "auto", None])
async def test_without_a_network_a_rung_that_needs_one_is_refused_by_name(
    model: str, cassettes: str | None, tmp_path: Path
) -> None:
    rung = {"base_url": "http://127.0.0.1:9/v1", **({} if cassettes else {"cassette": None})}
    given = settings(tmp_path, tmp_path / "a.json", model, network=False, cassettes=cassettes or "replay", rung=rung)
    with pytest.raises(BadInput, match=r"rung 'main' .*switched off.* give it a `cassette`.*BULLPEN_NETWORK=on"):
        async with open_system(given, research_team):
            pass


def test_the_embedded_model_needs_no_network(corpus: Path, bullpen: Command) -> None:
    ended = bullpen("research", QUESTION, "--corpus", corpus, BULLPEN_NETWORK="off")

    assert ended.returncode in (0, 3), ended.stderr
    assert "48,000 crowns" in ended.stdout


def test_a_mode_that_is_none_is_named(bullpen: Command, corpus: Path) -> None:
    ended = bullpen("research", QUESTION, "--corpus", corpus, BULLPEN_CASSETTES="rewind")

    assert ended.returncode == 2
    assert "cassettes = 'rewind'" in ended.stderr


# ---------------------------------------------------------------- the page


def code(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    """A folder with the settings, the test and the documents that the page speaks of."""
    (tmp_path / "bullpen.toml").write_text(code("toml")[0])
    for block in code("python"):
        (tmp_path / block.split("\n")[0].removeprefix("# ")).write_text(block)
    (tmp_path / "docs").mkdir()
    for name, text in DOCUMENTS.items():
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("commands", range(2))
def test_the_page_works_as_it_stands(commands: int, shown: Path, answers: Answers) -> None:
    recording, replaying = code("sh")[commands].splitlines()
    with ScriptedProvider(answers) as server:
        recorded = run(recording, shown, OPENAI_API_KEY=KEY, OPENAI_API_BASE=server.url)
    asked = len(server.asked)
    replayed = run(replaying, shown)

    assert recorded.returncode == replayed.returncode == (3 if commands == 0 else 0), replayed.stdout + replayed.stderr
    assert asked == 3
    assert [path.name for path in shown.rglob("*.json") if ".bullpen" not in path.parts] == [
        ("answers.json", "test_pilot-test_the_report_states_the_cost.json")[commands]
    ]
    if commands == 0:
        assert report_of(recorded) == report_of(replayed)


def report_of(ended: subprocess.CompletedProcess[str]) -> str:
    """The report, without the folder of the run and the footer, which says how long it took."""
    return re.sub(r"\b[0-9a-f-]{36}\b|[\d.]+ s\b", "…", ended.stdout.partition(RULER)[0])


def run(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command of the page, in this folder; nothing of this machine's own settings counts."""
    variable, _, command = line.partition("#")[0].partition(" ")
    name, _, value = variable.partition("=")
    python = f"{sys.executable} -P -m"
    return subprocess.run(
        f"{python} {command.strip()}",
        shell=True,
        cwd=folder,
        env=environment(PYTHONUTF8="1", **{name: value}, **variables),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
