"""What starting costs: `import bullpen`, a reader of runs, `bullpen --help` and a job over a few files, each in fresh
processes, medians.

    python benchmarks/imports.py [--json] [--repeats 7]

Run it with the interpreter that Bullpen is installed for. CPU is user and system time of the child; `python -c pass` is
what there is to subtract. One run before the measured ones writes the byte code.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

#: What the system counts memory in, as parts of a MB: kilobytes, on a Mac bytes.
RSS_MB = 1 << 20 if sys.platform == "darwin" else 1 << 10
BULLPEN = str(Path(sys.executable).with_name("bullpen"))
CORPUS = Path(__file__).parents[1] / "examples" / "corpus"
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import bullpen": [sys.executable, "-c", "import bullpen"],
    "from bullpen import open_run": [sys.executable, "-c", "from bullpen import open_run"],
    "bullpen --help": [BULLPEN, "--help"],
    "bullpen research": [BULLPEN, "research", "What did the night bus pilot cost?", "--corpus", str(CORPUS)],
}


class Cost(NamedTuple):
    """One run, or the median of several, in milliseconds; and the most memory that it held, in MB."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float


def once(command: list[str]) -> Cost:
    """Run a command in a fresh process. Raises CalledProcessError when it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:  # a job leaves its run and its memory there
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return Cost(wall * 1e3, (used.ru_utime + used.ru_stime) * 1e3, used.ru_maxrss / RSS_MB)


def medians(repeats: int) -> dict[str, Cost]:
    """Each command's medians. The commands take turns, so that a slow spell hits all of them."""
    for command in COMMANDS.values():
        once(command)
    rounds = [{name: once(command) for name, command in COMMANDS.items()} for _ in range(repeats)]
    return {
        name: Cost(*map(statistics.median, zip(*(costs[name] for costs in rounds), strict=True))) for name in COMMANDS
    }


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description="What starting Bullpen costs.")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--repeats", type=int, default=7, help="runs of each command")
    given = parser.parse_args()
    found = medians(given.repeats)
    if given.json:
        print(json.dumps({name: cost._asdict() for name, cost in found.items()}, indent=2))
        return
    print("| command | wall ms | CPU ms | peak MB |\n|---|---|---|---|")
    for name, cost in found.items():
        print(f"| `{name}` | {cost.wall_ms:.0f} | {cost.cpu_ms:.0f} | {cost.peak_mb:.0f} |")


if __name__ == "__main__":
    main()
