"""Wherever money is shown, what of it is an estimate is called that; a run of before reads as it did."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullpen.orchestrator.cli.app import main
from bullpen.orchestrator.cli.research import _print
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.errors import Refused
from bullpen.orchestrator.evidence import Report
from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.journal.events import Entry
from bullpen.orchestrator.journal.reader import open_run
from bullpen.orchestrator.rules.price import told_usd

from ..journal.making import ASKED, ended, put_run

Bullpen = Callable[..., str]
SENT = Entry("task.sent", {"after": [], "attempt": 1, "input": "?"}, task="a-1", sender="supervisor", recipient="ask")


def attempted(micro_usd: int, outcome: str = "ok", **more: Any) -> Entry:
    sent = {"rung": "main", "lane": "l", "model": "m", "outcome": outcome, "detail": "", "micro_usd": micro_usd}
    return Entry(
        "model.attempted",
        {**sent, "usage": {"tokens_in": 0, "tokens_out": 0}, **more},
        task="a-1",
        sender="ask",
        recipient="main",
    )


OLD = attempted(5_000)
COUNTED, GUESSED = attempted(5_000, estimated=""), attempted(8_000, "timed_out", estimated="its usage is not known")
STALE = attempted(0, "stale_connection", estimated="")


@pytest.fixture
def bullpen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bullpen:
    """Runs the command in a folder with two runs, one of them with an estimate in it; gives what it prints."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".bullpen" / "runs"
    folder.mkdir(parents=True)
    told = {"claims": [], "gaps": [], "cost_usd": 0.013}
    put_run(folder, "old", ASKED, SENT, OLD, ended("old", **told))
    put_run(folder, "new", ASKED, SENT, COUNTED, STALE, GUESSED, ended("new", **told, estimated_usd=0.008))

    def run(*args: str) -> str:
        monkeypatch.setattr(sys, "argv", ["bullpen", *args])
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code
        return capsys.readouterr().out

    return run


def test_show_says_how_requests_ended_and_what_of_their_cost_is_an_estimate(bullpen: Bullpen) -> None:
    new, old = bullpen("show", "new"), bullpen("show", "old")

    assert "2 requests (timed_out ×1), $0.0130 ($0.0080 of it estimated)\n" in new
    assert "0.0130 estimated" in new
    assert "degraded the cost is estimated: rung main: its usage is not known (in a-1)\n" in new
    assert "1 requests, $0.0050\n" in old
    assert "estimated" not in old


def test_jobs_and_tail_and_diff_say_what_is_an_estimate(bullpen: Bullpen) -> None:
    rows = {row["job"]: row for row in json.loads(bullpen("jobs", "--json"))}

    assert (rows["new"]["cost_usd"], rows["new"]["estimated_usd"]) == (0.013, 0.008)
    assert (rows["old"]["cost_usd"], rows["old"]["estimated_usd"]) == (0.005, 0.0)
    assert "estimated_usd" in bullpen("jobs")
    assert "$0.0130 ($0.0080 of it estimated)" in bullpen("tail", "new")
    assert "job ok: 0 claims, $0.0130\n" in bullpen("tail", "old")
    assert json.loads(bullpen("diff", "old", "new", "--json"))["totals"]["estimated_usd"] == [0.0, 0.008]


def test_a_report_of_before_has_no_estimate_in_it(bullpen: Bullpen, tmp_path: Path) -> None:
    old, new = (open_run(name, tmp_path / ".bullpen" / "runs") for name in ("old", "new"))

    assert old.report is not None
    assert new.report is not None
    assert (old.report.estimated_usd, new.report.estimated_usd) == (0.0, 0.008)
    assert new.report.as_json()["estimated_usd"] == 0.008


def test_the_line_after_a_report_says_what_is_an_estimate(capsys: pytest.CaptureFixture[str]) -> None:
    _print(Report(job="j", status=Status.OK, text="So.\n", cost_usd=0.013, estimated_usd=0.008))

    assert " · $0.0130 ($0.0080 of it estimated) · " in capsys.readouterr().err


def test_a_budget_says_what_of_it_is_spent_by_estimate() -> None:
    ledger = Ledger("job", 20_000, spent=13_000, estimated=8_000)
    with pytest.raises(Refused, match=r"\$0\.013000 \(\$0\.008000 of it estimated\) is spent"):
        ledger.set_limit(1_000)

    assert told_usd(0.013, 0.0) == "$0.0130"
