"""A folder and a run that came from somebody else do nothing of their own accord, whatever command is run there."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bullpen.orchestrator.testing.provider import ScriptedProvider

from .conftest import QUESTION, environment
from .warm import Warm

Run = Callable[..., subprocess.CompletedProcess[str]]
#: A team whose job dies in its first task when it is told to, and which tells that its module was run.
TEAM = """
import os
from bullpen import Context, Plan, PlannedTask, Team, Worker
open("told", "a").write("x")
class Only(Worker):
    \"\"\"Answers.\"\"\"
    async def run(self, task: str, ctx: Context) -> str:
        os.environ.get("DIE") and os.kill(os.getpid(), 9)
        return "done"
class Lead:
    async def brief(self, question, ctx): return question
    async def plan(self, brief, ctx): return Plan(tasks=(PlannedTask(id="t", worker="only", input=brief),))
    async def review(self, brief, results, ctx): return None
team = Team(lambda *_, **__: Lead(), (Only,))
"""


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has said nothing yet."""
    kept = environment(XDG_STATE_HOME=str(tmp_path / "state"))
    del kept["BULLPEN_TRUST"]
    return kept


@pytest.fixture
def bullpen(corpus: Path, tmp_path: Path, given: dict[str, str], warm: Warm) -> Run:
    def run(*args: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return warm.run("bullpen", *map(str, args), cwd=tmp_path, env=given | variables)

    return run


@pytest.fixture
def server(tmp_path: Path, given: dict[str, str]) -> Iterator[ScriptedProvider]:
    """The address that the folder's settings name; there is a key that would go there."""
    given["OPENAI_API_KEY"] = "sk-canary-0123456789"
    with ScriptedProvider() as provider:
        (tmp_path / "bullpen.toml").write_text(f'[[rungs]]\nmodel = "openai_http:m"\nbase_url = "{provider.url}"\n')
        yield provider


@pytest.mark.parametrize(
    "command",
    [
        ("research", QUESTION, "--corpus", "corpus"),
        ("research", QUESTION, "--corpus", "corpus", "--detach"),
        ("doctor",),
        ("memory", "stats"),
        ("memory", "rebuild", "--embedder", "hashed"),
    ],
    ids=" ".join,
)
def test_no_command_asks_an_address_of_the_folder_without_a_word(
    bullpen: Run, server: ScriptedProvider, tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = bullpen(*command)

    assert done.returncode == 2
    assert re.fullmatch(
        r"bullpen: rungs\.0 \(bullpen\.toml, line 1\) sends texts and the key in OPENAI_API_KEY to http://127\S+, "
        r"which needs your word: `bullpen trust`, or BULLPEN_TRUST=1\n",
        done.stderr,
    )
    assert server.count() == 0
    assert not (tmp_path / ".bullpen").exists()
    assert bullpen("jobs").returncode == 0


def test_the_command_of_the_refusal_is_the_word_and_it_can_be_taken_back(
    bullpen: Run, server: ScriptedProvider, tmp_path: Path
) -> None:
    assert "no word yet: rungs.0" in bullpen("trust", "--list").stdout
    assert bullpen("doctor").returncode == 2
    assert bullpen("trust").stdout.startswith("trusted: rungs.0 (bullpen.toml, line 1) sends texts")
    bullpen("doctor")
    assert server.count() > 0
    assert json.loads(bullpen("trust", "--list", "--json").stdout)["wanted"][0]["words"] == ["trusted"]
    assert "taken back" in bullpen("trust", "--forget").stdout
    assert bullpen("doctor").returncode == 2
    assert bullpen("doctor", BULLPEN_TRUST="1").returncode != 2


@pytest.mark.parametrize("said", ["y", "n", ""])
def test_a_terminal_is_asked_once_and_no_is_the_default(
    server: ScriptedProvider, tmp_path: Path, given: dict[str, str], said: str
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{said}\n".encode())
    command = [sys.executable, "-P", "-m", "bullpen", "doctor"]
    done = subprocess.run(command, cwd=tmp_path, env=given, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)

    assert shown.count("May it? [y/N]") == 1
    assert f"  - sends texts and the key in OPENAI_API_KEY to {server.url}" in shown
    assert (server.count() > 0, done.returncode == 2) == ((True, False) if said == "y" else (False, True))


def test_a_run_is_looked_into_without_the_code_that_it_names_and_gone_on_with_where_it_was_begun(
    bullpen: Run, tmp_path: Path, given: dict[str, str]
) -> None:
    given["OPENAI_API_KEY"] = "sk-canary-0123456789"  # a team without a model of its own needs one; nothing asks it
    (tmp_path / "mine.py").write_text(TEAM)
    told = tmp_path / "told"
    bullpen("research", QUESTION, "--corpus", "corpus", "--team", "mine:team", DIE="1")
    told.unlink()
    for command in ("jobs", "show", "verify", "tail", "replay", "fork"):
        done = bullpen(command, *(() if command == "jobs" else ("latest",)))
        assert not told.exists(), command
        if command in ("replay", "fork"):
            assert done.returncode == 2
            assert "runs the code of team mine:team, which needs your word: `bullpen trust" in done.stderr

    elsewhere = bullpen("resume", "latest", XDG_STATE_HOME=str(tmp_path / "another"))
    assert elsewhere.returncode == 2 and not told.exists()
    assert bullpen("resume", "latest").returncode == 0
    assert told.exists()
    assert bullpen("replay", "latest").returncode == 2
    assert bullpen("replay", "latest", "--team", "mine:team").returncode == 0
    assert "trusted: run" in bullpen("trust", "latest").stdout
    assert bullpen("replay", "latest").returncode == 0


def test_a_forks_worker_model_and_documents_need_a_word_where_it_was_not_made(
    bullpen: Run, corpus: Path, tmp_path: Path
) -> None:
    """As received: the folder is the same, and nobody here has begun it."""
    outside = tmp_path.parent / f"{tmp_path.name}-outside.md"
    outside.write_text("# Secret\n\nThe night bus pilot cost 1 crown.\n")
    (tmp_path / "worker.py").write_text(
        "from bullpen.agents.search import Search\nopen('told', 'a').write('x')\nclass Mine(Search): name = 'search'\n"
    )
    bullpen("research", QUESTION, "--corpus", str(outside))
    bullpen("fork", "latest", "--set", "worker=worker:Mine")
    (tmp_path / "told").unlink(missing_ok=True)
    first, second = (path.stem for path in sorted((tmp_path / ".bullpen" / "runs").glob("*.run")))

    for job, does in ((first, f"reads documents from {outside}"), (second, "runs the code of worker worker:Mine")):
        received = bullpen("fork", job, XDG_STATE_HOME=str(tmp_path / "another"))
        assert received.returncode == 2 and does in received.stderr
    assert bullpen("replay", second).returncode == 2
    assert not (tmp_path / "told").exists()
    assert bullpen("fork", first).returncode == 0
