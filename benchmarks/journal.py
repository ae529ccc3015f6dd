"""How fast a run is written and read, and how it grows.

    python -m benchmarks.journal [--events 100000] [--json]

- **written**: events of 1 kB a second by 50 tasks, each of which waits for the disk after every event;
- **long run**: a job of so many events, most of 1 kB and every tenth of 4 kB, in tasks of a hundred. How long it takes to
  read it whole, with every hash checked; to open it by its index, and without one; to read a task of it; to have a new
  process show it; and to follow it, in a thousand looks, while it grows to a half and to its whole length;
- **growth**: bytes of a run of n turns in which each body holds the whole conversation so far, and how well a straight
  line fits them (R²).

Runs are written to a folder of the working directory's disk, as users' are.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import correlation, median
from typing import Any

import anyio

from bullpen import open_run
from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.journal.cursor import Cursor
from bullpen.orchestrator.journal.events import ACCEPTED, FINISHED, Entry
from bullpen.orchestrator.journal.file import open_journal
from bullpen.orchestrator.journal.index import SUFFIX
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


def events_of(task: str) -> Iterator[Entry]:
    """A task of a hundred events: sent, calls with their attempts and answers, returned."""
    attempt = {"rung": "r", "lane": "local", "model": "m", "outcome": "ok", "micro_usd": 12}
    attempt["usage"] = {"tokens_in": 300, "tokens_out": 40}
    yield Entry("task.sent", {"input": kilobyte(0), "after": [], "attempt": 1}, task, "", "", "dispatch", "search")
    for n in range(49):
        asked = {**attempt, "messages": [kilobyte(k) for k in range(4 if n % 5 == 0 else 1)]}
        yield Entry("model.attempted", asked, task, f"{task}-{n}", "", "search", "r")
        answer = {"receipt": {"attempts": [attempt], "degraded": []}, "value": kilobyte(n)}
        yield Entry("model.answered", answer, task, f"{task}-{n}", "result", "search", "gateway")
    yield Entry("task.returned", {"status": "ok", "output": kilobyte(1)}, task, "", "", "search", "dispatch")


async def work(path: Path, events: int) -> None:
    """Write the run of a job of about so many events."""
    with closing(Writer()) as writer:
        journal = await open_journal(path, path.stem, SystemClock(), writer)
        journal.append(Entry(ACCEPTED, {"question": "What of the night bus pilot?"}, "job"))
        for n in range(events // 100):
            for entry in events_of(f"search-{n}"):
                journal.append(entry)
            await journal.commit()
        report = {"job": path.stem, "status": "ok", "text": SENTENCE, "claims": [], "gaps": [], "disagreements": []}
        journal.append(Entry(FINISHED, report, "job"))
        await journal.aclose()


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


def long_run(path: Path, events: int) -> dict[str, Any]:
    """What a long run takes, in seconds; the least of several."""
    started_s = time.perf_counter()
    anyio.run(work, path, events)
    written_s = time.perf_counter() - started_s
    show = [sys.executable, "-m", "bullpen", "show", path.stem, "--runs-dir"]
    found = {
        "show_s": least(lambda: subprocess.run([*show, str(path.parent)], check=True, stdout=subprocess.DEVNULL)),
        "open_s": least(lambda: open_run(path)),
        "task_s": least(lambda: open_run(path).of_task("search-7")),
        "index_bytes": path.with_suffix(SUFFIX).stat().st_size,
        "open_without_s": least(lambda: open_without(path)),
        "read_s": least(lambda: read_events(path)),
        "follow_half_s": follow(path, path.stat().st_size // 2),
        "follow_s": follow(path, path.stat().st_size),
    }
    return {"events": open_run(path).length, "written_s": written_s, **found}


def open_without(path: Path) -> None:
    """Open a run that has no index: it is read whole and gets one."""
    path.with_suffix(SUFFIX).unlink()
    open_run(path)


def follow(path: Path, size: int) -> float:
    """Seconds that a cursor takes for a run that grows to so many bytes, in looks of 1/1,000 of the whole file."""
    beside, step, seconds = path.with_suffix(".grown"), path.stat().st_size // 1_000, 0.0
    with path.open("rb") as whole, beside.open("wb") as grown, closing(Cursor(beside)) as cursor:
        while grown.tell() < size and (block := whole.read(step)):
            grown.write(block)
            grown.flush()
            seconds += least(cursor.look, times=1)
    beside.unlink()
    return seconds


def least(act: Callable[[], object], times: int = ROUNDS) -> float:
    """The least seconds of several times."""
    seconds = []
    for _ in range(times):
        started_s = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - started_s)
    return min(seconds)


def measure(events: int) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        here = Path(folder)
        rates = [20_000 / anyio.run(write, here / f"{n}.run", 20_000, TASKS) for n in range(ROUNDS)]
        alone = 500 / anyio.run(write, here / "alone.run", 500, 1)
        found = long_run(here / "long.run", events)
        for turns in TURNS:
            anyio.run(grow, here / f"grown-{turns}.run", turns)
        sizes = [(here / f"grown-{turns}.run").stat().st_size for turns in TURNS]
    return {
        "written_per_s": round(median(rates)),
        "written_per_s_by_one_task": round(alone),
        "long_run": {name: round(value, 3) for name, value in found.items()},
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
    sys.stdout.writelines(f"long run: {name} {value}\n" for name, value in found["long_run"].items())
    for turns, size in found["growth"].items():
        sys.stdout.write(f"growth: {turns} turns, {size} bytes, {size / int(turns):.0f} a turn\n")
    sys.stdout.write(f"growth: a straight line fits with R² {found['fit']}\n")


if __name__ == "__main__":
    main()
