"""The examples run: without a key, and with a server that stands for one."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bullpen import open_run
from bullpen.orchestrator.testing import assert_run
from bullpen.orchestrator.testing.provider import Reply, ScriptedProvider, says_json

Example = Callable[..., subprocess.CompletedProcess[str]]


def test_a_worker_of_ones_own_without_a_key(example: Example, corpus: Path, tmp_path: Path) -> None:
    ended = example("own_worker.py", corpus)

    assert ended.returncode == 0, ended.stderr
    assert "48,000 crowns" in ended.stdout
    assert "made by embedded" in ended.stdout
    assert_run(open_run("latest", tmp_path / ".bullpen" / "runs")).delegated("figures", times=1).holds()


def test_a_worker_of_ones_own_with_a_server(
    example: Example, corpus: Path, tmp_path: Path, answers: Callable[[dict[str, Any]], Reply]
) -> None:
    def also_figures(body: dict[str, Any]) -> Reply:
        if "sentences that state a figure" in body["messages"][0]["content"]:
            numbers = re.findall(r"\[(\d+)\] It carried 9,120", body["messages"][1]["content"])
            return says_json({"items": [int(number) for number in numbers]})
        return answers(body)

    with ScriptedProvider(also_figures, model="local") as server:
        ended = example("own_worker.py", corpus, OPENAI_BASE_URL=server.url)

    assert ended.returncode == 0, ended.stderr
    assert "made by openai_http" in ended.stdout
    assert "No language model wrote this" not in ended.stdout
    run = open_run("latest", tmp_path / ".bullpen" / "runs")
    assert_run(run).delegated("figures", times=1).no_event("model.failed").holds()
    assert "9,120" in str(run.of_task("figures-1")[-1].value)


def test_a_research_job_from_a_script(example: Example, corpus: Path) -> None:
    ended = example("research_job.py", corpus)

    assert ended.returncode == 0, ended.stderr
    assert "refine         task.returned" in ended.stdout
    assert "## Evidence" in ended.stdout


def test_a_worker_that_streams_its_answer(example: Example) -> None:
    ended = example("streaming.py")
    shown, again, last = ended.stdout.splitlines()

    assert ended.returncode == 0, ended.stderr
    assert shown.startswith("A lease is a message on ")
    assert shown.endswith("... it broke off; once more:")
    assert again == "A lease is a message on loan. It comes back unless somebody says that it is done."
    assert last == "ok, 2 requests"


def test_reading_a_transcript(example: Example, corpus: Path) -> None:
    example("research_job.py", corpus)
    ended = example("read_transcript.py")

    assert ended.returncode == 0, ended.stderr
    assert "search-1 found passages in evaluation.md" in ended.stdout
    assert "nothing is wrong with this run" in ended.stdout


def test_workers_that_share_a_memory_and_do_not_agree(example: Example, bullpen: Example) -> None:
    ended = example("shared_memory.py")

    assert ended.returncode == 0, ended.stderr
    assert "six-month-evaluation.md says: The night bus pilot cost £171,400 in total (1 against it)" in ended.stdout
    assert "budget-note.md stands, in place of 1; 1 is left" in ended.stdout
    assert "the full cost of the night bus pilot was £201,100 [1]" in ended.stdout
    history = bullpen("memory", "recall", "cost of the pilot", "--history")
    assert "it counts what the other leaves out (decide, " in history.stdout, history.stderr
    assert bullpen("memory", "stats").returncode == 0
