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
    if "which parts it has" in system:
        return says_json({"sub_questions": ["What did the night bus cost?", "Why was it extended?"]})
    if "The search engine ranks" in system:
        return says_json({"queries": ["night bus expenditure", "council extension ridership"]})
    if "state what they say" in system:
        return says_json(_summary(user))
    if "You are the analyst" in system:
        numbers = [int(number) for number in re.findall(r'<claim number="(\d+)">', user)]
        return says_json({"keep": numbers[:4], "missing": ["Nobody says who paid."]})
    if "You write the report" in system:
        claims = re.findall(r'<claim number="(\d+)">\n(.*)\n', user)
        return says_json({"sentences": [{"text": f"In short: {text}", "claims": [int(n)]} for n, text in claims]})
    raise AssertionError(f"no answer for {system[:80]!r}")


def _summary(user: str) -> dict[str, Any]:
    passages = re.findall(r'<passage number="(\d+)"[^>]*>\n(.*?)\n</passage>', user, re.DOTALL)
    sentences = [(int(n), text) for n, body in passages for text in re.findall(r"The [^\n]*?\.(?=\s|$)", body)]
    return {
        "statements": [{"text": text, "excerpts": [{"passage": n, "text": text}]} for n, text in sentences[:3]],
        "missing": "",
    }


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
