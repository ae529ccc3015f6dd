"""A prompt is edited between crash and resume: what depends on it is asked anew, the rest is not, and both are said."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bullpen as package
from bullpen import open_run
from bullpen.orchestrator.testing.provider import Reply, Says, ScriptedProvider

from .conftest import environment

QUESTION = "What did the night bus pilot cost, and why was it extended?"
PROMPTS = Path(package.__file__).parent / "agents" / "prompts"
#: By what only its system message says, each prompt.
KNOWN = {"You read documents": "read", "You write the report": "write", "You check a report": "check"}


def test_what_depends_on_an_edited_prompt_is_asked_anew_and_listed(
    bullpen: Callable[..., Any], corpus: Path, tmp_path: Path, answers: Callable[[dict[str, Any]], Reply]
) -> None:
    asked: list[str] = []
    is_hanging = True

    def answering(body: dict[str, Any]) -> Reply:
        asked.append(next(name for words, name in KNOWN.items() if words in body["messages"][0]["content"]))
        return Says("late", delay_s=30) if is_hanging and asked[-1] == "write" else answers(body)

    prompt = tmp_path / "read.md"
    prompt.write_text((PROMPTS / "read.md").read_text(encoding="utf-8"), encoding="utf-8")
    with ScriptedProvider(answering) as server:
        rung = f'[[rungs]]\nmodel = "openai_http:m"\nbase_url = "{server.url}"\n'
        (tmp_path / "bullpen.toml").write_text(f'[prompts]\nread = "{prompt}"\n{rung}', encoding="utf-8")
        command = [sys.executable, "-P", "-m", "bullpen", "research", QUESTION, "--corpus", str(corpus)]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        child = subprocess.Popen(command, cwd=tmp_path, env=environment(), **quiet)
        while "write" not in asked and child.poll() is None:
            time.sleep(0.01)  # a real process: there is nothing else to wait on
        child.send_signal(signal.SIGKILL)
        child.wait()
        before, is_hanging = Counter(asked), False
        asked.clear()
        prompt.write_text(prompt.read_text(encoding="utf-8") + "Take care with numbers.\n", encoding="utf-8")
        resumed = bullpen("resume", "latest")

    run = open_run("latest", tmp_path / ".bullpen" / "runs")
    summarized = sorted(
        {event.task for event in run.events if event.kind == "task.sent" and event.recipient == "summarize"}
    )
    assert run.report is not None, resumed.stderr
    assert before == {"read": 1, "write": 1}
    assert Counter(asked) == {"read": 1, "write": 1, "check": 1}
    assert "changed since it was launched: prompt read\n" in resumed.stderr
    assert f"asked anew, since what they were asked has changed: {', '.join(summarized)}\n" in resumed.stderr
