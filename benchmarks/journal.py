"""How fast a run is written and read, and how it grows.

    python -m benchmarks.journal [--events 100000] [--json]

- **written**: events of 1 kB a second by 50 tasks, each of which waits for the disk after every event;
- **long run**: how long it takes to read a run of so many events of 1 kB, with every hash checked;
- **growth**: bytes of a run of n turns in which each body holds the whole conversation so far, and how well a straight
  line fits them (R²).

Runs are written to a folder of the working directory's disk, as users' are.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import correlation, median
from typing import Any

import anyio

from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.journal.events import Entry
from bullpen.orchestrator.journal.file import open_journal
from bullpen.orchestrator.journal.storage import read_events
from bullpen.orchestrator.journal.writer import Writer

TASKS, ROUNDS = 50, 5
TURNS = (50, 100, 200, 400, 800)
SENTENCE = "The council extended the pilot, by nine votes to four, because ridership rose every month. "


def kilobyte(n: int) -> dict[str, Any]:
    """A body of about 1 kB, unlike any other."""
    return {"n": n, "text": f"{n} {SENTENCE * 11}"[:960]}


async def write(path: Path, events: int, tasks: int) -> float:
    """Seconds to write so many events, each on disk before its task writes the next."""
    with closing(Writer()) as writer:
        journal = await open_journal(path, "job", SystemClock(), writer)
        numbers = iter(range(events))

        async def lane() -> None:
            for n in numbers:
                journal.append(Entry("worker.noted", kilobyte(n), task=f"t{n % tasks}"))
                await journal.commit()

        started_s = time.perf_counter()
        async with anyio.create_task_group() as group:
            for _ in range(tasks):
                group.start_soon(lane)
        seconds = time.perf_counter() - started_s
        await journal.aclose()
    return seconds


async def grow(path: Path, turns: int) -> None:
    """Write a run of so many turns, the whole conversation on record at each."""
    with closing(Writer()) as writer:
        journal = await open_journal(path, "job", SystemClock(), writer)
        conversation: list[dict[str, str]] = []
        for n in range(turns):
            conversation.append({"role": "user", "content": f"{n}: {SENTENCE * 5} What of {n * n}?"})
            journal.append(Entry("model.asked", {"messages": conversation}))
            await journal.commit()
        await journal.aclose()


def measure(events: int) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        here = Path(folder)
        rates = [20_000 / anyio.run(write, here / f"{n}.run", 20_000, TASKS) for n in range(ROUNDS)]
        alone = 500 / anyio.run(write, here / "alone.run", 500, 1)
        anyio.run(write, here / "long.run", events, 1_000)
        started_s = time.perf_counter()
        read = len(read_events(here / "long.run"))
        read_s = time.perf_counter() - started_s
        for turns in TURNS:
            anyio.run(grow, here / f"grown-{turns}.run", turns)
        sizes = [(here / f"grown-{turns}.run").stat().st_size for turns in TURNS]
    return {
        "written_per_s": round(median(rates)),
        "written_per_s_by_one_task": round(alone),
        "long_run": {"events": read, "read_s": round(read_s, 2)},
        "growth": dict(zip(map(str, TURNS), sizes, strict=True)),
        "fit": round(_fit(TURNS, sizes), 5),
    }


def _fit(turns: Sequence[int], sizes: Sequence[int]) -> float:
    return float(correlation(turns, sizes) ** 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    chosen = parser.parse_args()
    found = measure(chosen.events)
    if chosen.json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    sys.stdout.write(f"written: {found['written_per_s']} events of 1 kB a second by {TASKS} tasks, ")
    sys.stdout.write(f"{found['written_per_s_by_one_task']} by one, each on disk\n")
    sys.stdout.write(f"long run: {found['long_run']['events']} events read in {found['long_run']['read_s']} s\n")
    for turns, size in found["growth"].items():
        sys.stdout.write(f"growth: {turns} turns, {size} bytes, {size / int(turns):.0f} a turn\n")
    sys.stdout.write(f"growth: a straight line fits with R² {found['fit']}\n")


if __name__ == "__main__":
    main()
