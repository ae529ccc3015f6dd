"""Ctrl-C: the first ends a job with what it has found, the second leaves at once."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bullpen.orchestrator.testing.provider import Reply, Says, ScriptedProvider

QUESTION = "What did the night bus pilot cost, and why was it extended?"
Command = Callable[..., subprocess.CompletedProcess[str]]

TEAM = '''
import time
from dataclasses import replace
from bullpen import Context, Query, Worker, research_team


class Search(Worker):
    """Holds the loop up for as long as anybody may wait."""

    async def run(self, task: Query, ctx: Context) -> str:
        print("blocking", flush=True)
        time.sleep(60)
        return "found"


kept = [worker for worker in research_team.workers if worker.name != "search"]
team = replace(research_team, workers=(Search, *kept))
'''


@contextmanager
def research(corpus: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bullpen", "research", QUESTION, "--corpus", str(corpus), *more]
    child = subprocess.Popen(
        command, cwd=corpus.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def test_the_first_ctrl_c_cancels_and_prints_the_report_of_what_there_is(
    bullpen: Command, corpus: Path, tmp_path: Path, answers: Callable[[dict[str, Any]], Reply]
) -> None:
    """The provider takes notes of all documents, then hangs."""

    def hanging(body: dict[str, Any]) -> Reply:
        is_writing = "You write the report" in body["messages"][0]["content"]
        return Says("late", delay_s=30) if is_writing else answers(body)

    with ScriptedProvider(hanging) as server:
        (tmp_path / "bullpen.toml").write_text(f'[[rungs]]\nmodel = "openai_http:m"\nbase_url = "{server.url}"\n')
        with research(corpus, "--json") as child:
            while child.poll() is None and not any("You write the report" in str(asked) for asked in server.asked):
                time.sleep(0.01)  # a real process: there is nothing else to wait on
            child.send_signal(signal.SIGINT)
            interrupted_s = time.monotonic()
            out, err = child.communicate(timeout=20)
            took_s = time.monotonic() - interrupted_s
        asked = len(server.asked)

    report = json.loads(out)
    assert (child.returncode, report["status"]) == (130, "cancelled"), err
    assert report["report"]["claims"]
    assert report["calls"]["model"] <= asked
    assert took_s < 5
    (listed,) = json.loads(bullpen("jobs", "--json").stdout)
    assert listed["status"] == "cancelled"
    assert bullpen("verify", listed["job"]).returncode == 0


def test_the_second_ctrl_c_leaves_at_once_even_if_the_loop_is_blocked(
    bullpen: Command, corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "blocking.py").write_text(TEAM)
    with research(corpus, "--team", "blocking:team", "--model", "embedded:extract") as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "blocking\n"
        child.send_signal(signal.SIGINT)
        while "cancelling" not in (line := child.stderr.readline()):
            assert line, "it ended without a word"
        child.send_signal(signal.SIGINT)
        child.wait(timeout=5)

    assert child.returncode == 130
    (listed,) = json.loads(bullpen("jobs", "--json").stdout)
    assert listed["status"] == "interrupted"
