"""What the README shows, works."""

import re
import runpy
from pathlib import Path

import pytest

from bullpen.orchestrator.cli.machine import serving
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.rungs import chains_of
from bullpen.orchestrator.settings import load_settings

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def code(language: str, holding: str) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (found,) = [block for block in blocks if holding in block]
    return found


def test_the_worker_in_fifteen_lines(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = code("python", "class Dates").replace('"docs/"', repr(str(corpus)))
    (tmp_path / "dates.py").write_text(script.replace("When did the pilot start?", "When was the bus extended?"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BULLPEN_RUNGS", '[{"model": "embedded:extract"}]')
    report = runpy.run_path("dates.py")["report"]

    assert len([line for line in script.splitlines() if line.strip()]) <= 15
    assert "figures" not in report.text
    assert any("4 March" in claim.text for claim in report.claims)


def test_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bullpen.toml").write_text(code("toml", "anything LiteLLM"))
    monkeypatch.chdir(tmp_path)
    settings = load_settings()

    assert [rung.provider for rung in settings.rungs] == ["litellm", "openai_http"]
    assert settings.budget_usd == 0.5


def test_the_settings_for_when_models_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bullpen.toml").write_text(code("toml", "[chains]"))
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    course = Course(chains_of(settings, settings.rungs), settings.floors)

    assert [len(rung.deployed()) for rung in settings.rungs] == [1, 2]
    assert serving("search", settings.rungs, course) == ("house", "main")
    assert serving("plan", settings.rungs, course) == ("main", "house")
    assert serving("write", settings.rungs, course) == ("main",)


def test_the_documents_it_names_exist() -> None:
    named = re.findall(r"`(docs/[\w./-]+)`", README)

    assert "docs/settings.md" in named
    assert [name for name in named if not (Path(__file__).parents[2] / name).exists()] == []


def test_the_commands_exist() -> None:
    root = Path(__file__).parents[2]
    commands = re.findall(r"^sh (\S+)", code("sh", "first_job"), re.MULTILINE)

    assert len(commands) == 2
    assert all((root / command).is_file() for command in commands)
