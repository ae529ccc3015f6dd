"""What a first and a second question cost over a hundred real documents: the packaging theme of `corpus_peps`.

    python -m benchmarks.answers.theme [--json]

Each job is a new process (`bullpen research`), the first with an empty project, the second with what the first left.
Prints wall time, processor time and peak memory, without and with MiniLM where its weights are at hand.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bullpen.memory.minilm import FOLDER, OFF, find_weights

from .run import DATA

BULLPEN = Path(sys.executable).with_name("bullpen")


class Cost(NamedTuple):
    """One job: seconds of wall and processor time, and the most megabytes that were resident."""

    name: str
    wall_s: float
    cpu_s: float
    peak_mb: float
    claims: int


def write_theme(folder: Path) -> Path:
    """The theme's documents as a corpus of their own."""
    wanted = set(json.loads((DATA / "corpus_peps" / "themes.json").read_text())["packaging"]["ids"])
    path = folder / "packaging.jsonl"
    with gzip.open(DATA / "corpus_peps" / "corpus.jsonl.gz", "rt") as lines, path.open("w") as theme:
        theme.writelines(line for line in lines if json.loads(line)["_id"] in wanted)
    return path


def ask(name: str, corpus: Path, project: Path, *, minilm: bool) -> Cost:
    """Ask the theme's first question in a new process."""
    question = json.loads((DATA / "corpus_peps" / "research_questions.json").read_text())[0]["question"]
    environment = {**os.environ, "BULLPEN_PROJECT": str(project), **({} if minilm else {FOLDER: OFF})}
    out = project.with_suffix(".json")
    command = [str(BULLPEN), "research", question, "--corpus", str(corpus), "--out", str(out)]
    began = time.perf_counter()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.stderr.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 3):
        sys.exit(said.decode())
    claims = len(json.loads(out.read_text())["report"]["claims"])
    return Cost(name, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, claims)


def measure() -> Iterator[Cost]:
    """The first and the second time, without MiniLM and with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = write_theme(folder)
        for minilm in (False, *([True] if find_weights() else [])):
            for turn in ("first", "second"):
                label = f"{turn}, {'MiniLM' if minilm else 'words alone'}"
                yield ask(label, corpus, folder / f"project-{minilm}", minilm=minilm)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    costs = list(measure())
    if chosen.json:
        sys.stdout.write(json.dumps([cost._asdict() for cost in costs]) + "\n")
        return
    for cost in costs:
        facts = f"{cost.wall_s:6.1f} s wall {cost.cpu_s:6.1f} s cpu {cost.peak_mb:6.0f} MB peak {cost.claims:3} claims"
        sys.stdout.write(f"{cost.name:22} {facts}\n")


if __name__ == "__main__":
    main()
