"""A small corpus, a provider that answers the research team's prompts from what it is asked, and the command."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bullpen.orchestrator.testing.provider import Reply, says_json

from .warm import Warm

DOCUMENTS = {
    "evaluation.md": (
        "# Evaluation of the night bus pilot\n\nThe night bus pilot cost 48,000 crowns in six months.\n"
        "It carried 9,120 passengers.\n\nThe council extended the pilot because ridership rose every month.\n"
    ),
    "letter.md": (
        "# Operator's letter\n\nThe night bus pilot cost us 52,500 crowns, fuel included.\n"
        "Most passengers were hospital staff on shifts 😀.\n"
    ),
    "minutes.txt": "Council minutes\n\nThe council extended the night bus pilot by a year on 4 March.\n",
}
QUESTION = "What did the night bus pilot cost, and why was it extended?"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def answer(body: dict[str, Any]) -> Reply:
    """What a careful model could say: a pure function of the messages, so that order and timing do not matter."""
    system, user = (message["content"] for message in body["messages"][:2])
    if "You read documents" in system:
        return says_json(_notes(user))
    if "You look over the notes" in system:
        return says_json({"points": []})
    if "has sent notes" in system:
        return says_json({"parts": ["How many passengers were there?"]})
    if "You write the report" in system:
        lead, *rest = (
            f"In short: {text} [{n}]" for n, text in re.findall(r"^\[(\d+)\] (?!and \[)(.*)$", user, re.MULTILINE)
        )
        sections = [{"heading": "More", "blocks": [f"- {line}" for line in rest]}] if rest else []
        return says_json({"lead": lead, "sections": sections, "not_answered": ["Nobody says who paid."]})
    if "You check a report" in system:
        numbers = re.findall(r"^\[(\d+)\] ", user, re.MULTILINE)
        return says_json({"verdicts": [{"sentence": int(number), "verdict": "supported"} for number in numbers]})
    raise AssertionError(f"no answer for {system[:80]!r}")


def _notes(user: str) -> dict[str, Any]:
    sentences = re.findall(r"^\[(\d+)\] ((?:The|Most) .*)$", user, re.MULTILINE)
    notes = [{"point": 1, "text": text, "sentences": [int(number)]} for number, text in sentences[:3]]
    if "<points>" in user:
        return {"notes": notes}
    return {"points": ["What did the night bus cost?"], "notes": notes}


@pytest.fixture
def answers() -> Callable[[dict[str, Any]], Reply]:
    return answer


Command = Callable[..., subprocess.CompletedProcess[str]]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that names a model or a key; memory ranks by words alone."""
    naming = re.compile(r"(_API_KEY|_BASE_URL|_API_BASE)$|^OLLAMA_HOST$|^BULLPEN_|^OPENAI_MODEL$")
    kept = {name: value for name, value in os.environ.items() if not naming.search(name)}
    return kept | {"BULLPEN_MINILM_DIR": "off", "BULLPEN_TRUST": "1"} | more


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """What runs commands; whatever a command needs of its environment comes with it."""
    warm = Warm(environment(PYTHONUTF8="1"))
    yield warm
    warm.close()


@pytest.fixture
def bullpen(tmp_path: Path, warm: Warm) -> Command:
    """Runs the command in a folder of its own; keyword arguments become environment variables."""

    def run(*args: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return warm.run("bullpen", *map(str, args), cwd=tmp_path, env=environment(PYTHONUTF8="1", **variables))

    return run


@pytest.fixture
def example(tmp_path: Path, warm: Warm) -> Command:
    """Runs one of the example scripts in a folder of its own."""

    def run(name: str, *args: object, **variables: str) -> subprocess.CompletedProcess[str]:
        script = str(Path(__file__).parents[2] / "examples" / name)
        return warm.run(script, *map(str, args), cwd=tmp_path, env=environment(PYTHONUTF8="1", **variables))

    return run
