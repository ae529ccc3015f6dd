"""Killed in the middle: nothing accepted is lost, and what there is can be read."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullpen import open_run
from bullpen.orchestrator.rules.compose import RULER
from bullpen.orchestrator.testing.provider import Reply, Says, ScriptedProvider

QUESTION = "What did the night bus pilot cost, and why was it extended?"
Command = Callable[..., subprocess.CompletedProcess[str]]


def untimed(report: dict[str, Any]) -> dict[str, Any]:
    """A report without the end of its text, which tells how long it took."""
    return {**report, "text": report["text"].partition(RULER)[0]}


@pytest.mark.parametrize("calls", [1, 2])
def test_a_killed_job_is_interrupted_and_keeps_what_was_done(
    bullpen: Command, corpus: Path, tmp_path: Path, calls: int, answers: Callable[[dict[str, Any]], Reply]
) -> None:
    """The provider hangs from the n-th request on; the process is killed while it waits."""

    def hanging(body: dict[str, Any]) -> Reply:
        return answers(body) if len(server.asked) <= calls else Says("late", delay_s=30)

    with ScriptedProvider(hanging) as server:
        settings = f'[[rungs]]\nmodel = "openai_http:m"\nbase_url = "{server.url}"\n'
        (tmp_path / "bullpen.toml").write_text(settings)
        command = [sys.executable, "-P", "-m", "bullpen", "research", QUESTION, "--corpus", str(corpus)]
        child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(server.asked) <= calls and child.poll() is None:
            time.sleep(0.01)  # a real process: there is nothing else to wait on
        running = json.loads(bullpen("jobs", "--json").stdout)
        child.send_signal(signal.SIGKILL)
        child.wait()

    (listed,) = json.loads(bullpen("jobs", "--json").stdout)
    run = open_run(listed["job"], tmp_path / ".bullpen" / "runs")
    assert [row["status"] for row in running] == ["running"]
    assert (listed["status"], listed["question"]) == ("interrupted", QUESTION)
    assert sum(event.kind == "model.answered" for event in run.events) >= calls - 1
    assert sum(event.kind == "model.asked" for event in run.events) >= len(server.asked)
    assert not list(run.problems())
    shown = bullpen("show", listed["job"])
    assert shown.returncode == 0
    assert "interrupted" in shown.stdout
    assert bullpen("verify", listed["job"]).returncode == 1
    other = bullpen("research", QUESTION, "--corpus", corpus, "--model", "embedded:extract", "--new")
    again = bullpen("research", QUESTION, "--corpus", corpus, "--model", "embedded:extract")
    assert other.returncode == 0, other.stderr
    assert f"going on with job {listed['job']}, which was interrupted" in again.stderr
    assert open_run(listed["job"], tmp_path / ".bullpen" / "runs").report is not None


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_killed_job_is_resumed_and_pays_nothing_twice(
    bullpen: Command, corpus: Path, tmp_path: Path, calls: int, answers: Callable[[dict[str, Any]], Reply]
) -> None:
    def hanging(body: dict[str, Any]) -> Reply:
        return answers(body) if len(server.asked) <= calls else Says("late", delay_s=30)

    def rung(url: str) -> None:
        prices = "price_in_usd = 1000.0\nprice_out_usd = 1000.0\n"
        (tmp_path / "bullpen.toml").write_text(f'[[rungs]]\nmodel = "openai_http:m"\nbase_url = "{url}"\n{prices}')

    with ScriptedProvider(answers) as server:
        rung(server.url)
        ended = bullpen("research", QUESTION, "--corpus", corpus, "--json")
        whole = json.loads(ended.stdout)
        uninterrupted = len(server.asked)
    with ScriptedProvider(hanging) as server:
        rung(server.url)
        command = [sys.executable, "-P", "-m", "bullpen", "research", QUESTION, "--corpus", str(corpus)]
        command += ["--out", "report.md"]
        child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(server.asked) <= calls and child.poll() is None:
            time.sleep(0.01)  # a real process: there is nothing else to wait on
        child.send_signal(signal.SIGKILL)
        child.wait()
        asked = len(server.asked)
    with ScriptedProvider(answers) as server:
        rung(server.url)
        resumed = bullpen("resume", "latest", "--json")
        again = len(server.asked)

    assert resumed.returncode == ended.returncode, resumed.stderr
    found = json.loads(resumed.stdout)
    told = re.search(r"resumed: (\d+) calls reused, \$(\S+) saved, (\d+) in doubt", resumed.stderr)
    assert told is not None, resumed.stderr
    reused, saved, in_doubt = int(told[1]), float(told[2]), int(told[3])
    assert untimed(found["report"]) == untimed(whole["report"])
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == found["report"]["text"]
    assert uninterrupted <= asked + again <= uninterrupted + in_doubt  # of those in doubt some were never sent
    assert (reused, again) == (uninterrupted - again, uninterrupted - reused)
    assert saved > 0 or not reused
    assert bullpen("verify", found["job"]).returncode == 0
    assert "\nresumed  after event " in bullpen("show", found["job"]).stdout
    ended = bullpen("resume", found["job"])
    assert (ended.returncode, "has ended: " in ended.stderr) == (2, True)
