"""The fault matrix against real servers, both lanes, plain and streamed: a third of its rows, or all with `--slow`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("rows", [range(1, 46, 3), pytest.param(range(1, 46), marks=pytest.mark.slow)])
def test_every_fault_ends_as_the_matrix_says(rows: range) -> None:
    command = [sys.executable, "-m", "benchmarks.faults.run", "--json", *(f"--row={row}" for row in rows)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    lines = json.loads(done.stdout)

    assert [(line["row"], line["fault"], line["lane"], line["problems"]) for line in lines if line["problems"]] == []
    assert {line["row"] for line in lines} == set(rows)
    assert {(line["lane"], line["mode"]) for line in lines} == {
        *(("openai_http", "plain"), ("openai_http", "stream"), ("litellm", "plain"), ("litellm", "stream"))
    }
    assert done.returncode == 0
