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
KNOWN = {"which parts it has": "brief", "search engine ranks": "search", "state what they say": "summarize"}
KNOWN |= {"You are the analyst": "analyze", "You write the report": "refine"}


def test_what_depends_on_an_edited_prompt_is_asked_anew_and_listed(
    bullpen: Callable[..., Any], corpus: Path, tmp_path: Path, answers: Callable[[dict[str, Any]], Reply]
) -> None:
    asked: list[str] = []
    is_hanging = True

    def answering(body: dict[str, Any]) -> Reply:
        asked.append(next(name for words, name in KNOWN.items() if words in body["messages"][0]["content"]))
        return Says("late", delay_s=30) if is_hanging and asked[-1] == "refine" else answers(body)

    prompt = tmp_path / "summarize.md"
    prompt.write_text((PROMPTS / "summarize.md").read_text(encoding="utf-8"), encoding="utf-8")
    with ScriptedProvider(answering) as server:
        rung = f'[[rungs]]\nmodel = "openai_http:m"\nbase_url = "{server.url}"\n'
        (tmp_path / "bullpen.toml").write_text(f'[prompts]\nsummarize = "{prompt}"\n{rung}', encoding="utf-8")
        command = [sys.executable, "-P", "-m", "bullpen", "research", QUESTION, "--corpus", str(corpus)]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        child = subprocess.Popen(command, cwd=tmp_path, env=environment(), **quiet)
        while "refine" not in asked and child.poll() is None:
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
    assert before["summarize"] == len(summarized) > 1
    # The new answers are as the old ones were, so that the analysis, which is asked the same, stands.
    assert Counter(asked) == {"summarize": before["summarize"], "refine": 1}
    assert "changed since it was launched: prompt summarize\n" in resumed.stderr
    assert f"asked anew, since what they were asked has changed: {', '.join(summarized)}\n" in resumed.stderr
