"""What starting costs: `import bullpen`, a reader of runs and `bullpen --help`, each in fresh processes, medians.

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
import time
from pathlib import Path
from typing import NamedTuple

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import bullpen": [sys.executable, "-c", "import bullpen"],
    "from bullpen import open_run": [sys.executable, "-c", "from bullpen import open_run"],
    "bullpen --help": [str(Path(sys.executable).with_name("bullpen")), "--help"],
}


class Cost(NamedTuple):
    """One run, or the median of several, in milliseconds."""

    wall_ms: float
    cpu_ms: float


def once(command: list[str]) -> Cost:
    """Run a command in a fresh process. Raises CalledProcessError when it fails."""
    started = time.perf_counter()
    child = subprocess.Popen(command, cwd=Path(__file__).parent, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return Cost(wall * 1e3, (used.ru_utime + used.ru_stime) * 1e3)


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
    print("| command | wall ms | CPU ms |\n|---|---|---|")
    for name, cost in found.items():
        print(f"| `{name}` | {cost.wall_ms:.0f} | {cost.cpu_ms:.0f} |")


if __name__ == "__main__":
    main()
