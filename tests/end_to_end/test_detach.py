"""A job in a process of its own: on record before the command returns, and done when everybody has left."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bullpen import open_run

QUESTION = "What did the night bus pilot cost, and why was it extended?"
Command = Callable[..., Any]


def test_a_detached_job_is_on_record_at_once_and_is_done(bullpen: Command, corpus: Path, tmp_path: Path) -> None:
    asked = ("research", QUESTION, "--corpus", corpus, "--model", "embedded:extract", "--detach", "--json")
    begun = json.loads(bullpen(*asked).stdout)
    runs = tmp_path / ".bullpen" / "runs"
    at_once = open_run(begun["job"], runs)
    tail = bullpen("tail", begun["job"])

    assert at_once.question == QUESTION
    assert tail.returncode == 0, tail.stderr
    assert open_run("latest", runs).id == begun["job"]
    log = Path(tmp_path / begun["log"])
    deadline_s = time.monotonic() + 20
    while "# What did" not in log.read_text(encoding="utf-8") and time.monotonic() < deadline_s:
        time.sleep(0.05)  # the process prints the report after the end is on record
    assert "48,000 crowns" in log.read_text(encoding="utf-8")


def test_a_job_that_cannot_begin_says_why(bullpen: Command, tmp_path: Path) -> None:
    begun = bullpen("research", QUESTION, "--corpus", "nowhere", "--model", "embedded:extract", "--detach")

    assert begun.returncode == 2
    assert "corpus 'nowhere' does not exist" in begun.stderr
    assert not list((tmp_path / ".bullpen" / "runs").iterdir())
