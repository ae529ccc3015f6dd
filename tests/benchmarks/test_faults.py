"""The fault matrix is part of the suite: every row, both lanes, plain and streamed, against real servers."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_fault_ends_as_the_matrix_says() -> None:
    command = [sys.executable, "-m", "benchmarks.faults.run", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    lines = json.loads(done.stdout)

    assert [(line["row"], line["fault"], line["lane"], line["problems"]) for line in lines if line["problems"]] == []
    assert {line["row"] for line in lines} == set(range(1, 46))
    assert {(line["lane"], line["mode"]) for line in lines} == {
        *(("openai_http", "plain"), ("openai_http", "stream"), ("litellm", "plain"), ("litellm", "stream"))
    }
    assert done.returncode == 0
