"""What the pages beside the README show, works."""

import re
import runpy
from pathlib import Path

import pytest

from bullpen import open_run

REPORT = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")


def test_a_check_in_ten_lines(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [script] = re.findall(r"```python\n(.*?)```", REPORT, re.DOTALL)
    (tmp_path / "mine.py").write_text(script.replace('"docs/"', repr(str(corpus))))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BULLPEN_RUNGS", '[{"model": "embedded:extract"}]')
    report = runpy.run_path("mine.py")["report"]

    assert len([line for line in script.splitlines() if line.strip()]) <= 10
    [effect] = report.checks
    assert effect.check == "two_sources"
    assert effect.dropped
    assert all(len({quote.source for quote in claim.quotes}) > 1 for claim in report.claims)
    assert f"two_sources left out {len(effect.dropped)} sentence" in report.text
    run = open_run(report.job)
    assert run.report == report
    assert not list(run.problems())
