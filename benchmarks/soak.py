"""Whether a long-lived process stays as it is: memory, tasks and descriptors over many calls.

    python -m benchmarks.soak [--calls 10000] [--lane openai_http|litellm] [--json]

Jobs of ten calls each, ten jobs in flight, with their journals on disk, against a scripted provider in a process of its
own. The figures after a fifth of the calls (everything is loaded then) are compared with those at the end. Exit status
1 where memory has grown by more than 5 %, or tasks or descriptors at all. Descriptors are counted without connections:
as many of these are kept open as calls were ever under way at once, and more than could be is a failure too. Linux.
"""

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bullpen import Context, Plan, PlannedTask, Result, Rung, Settings, System, Team, Worker, open_system

MODELS = {"openai_http": "openai_http:gpt-4o-mini", "litellm": "litellm:openai/gpt-4o-mini"}
CALLS_A_JOB, JOBS_AT_ONCE, LOOKS = 10, 10, 10
GROWTH_MOST = 0.05
#: The event loop's own pair, and as many again.
OTHER_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Look:
    """What the process holds after so many calls."""

    calls: int
    rss_mb: float
    tasks: int
    descriptors: int
    connections: int


class Ask(Worker):
    """Answers a question."""

    slots = CALLS_A_JOB

    async def run(self, task: str, ctx: Context) -> str:
        return await ctx.ask("ask", question=task)


class Ten:
    """Has ten questions asked."""

    async def brief(self, question: str, ctx: Context) -> str:
        return question

    async def plan(self, brief: str, ctx: Context) -> Plan:
        return Plan(
            tasks=tuple(PlannedTask(id=f"ask-{n}", worker="ask", input=f"{brief} {n}") for n in range(CALLS_A_JOB))
        )

    async def review(self, brief: str, results: Sequence[Result], ctx: Context) -> Plan | None:
        return None


TEAM = Team(supervisor=lambda workers, settings: Ten(), workers=(Ask,))


@contextmanager
def provider() -> Iterator[str]:
    """The address of a scripted provider in a process of its own."""
    command = [sys.executable, "-m", "bullpen", "fake-provider", "--answer", "An answer of a few words.", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        # It prints a line per request: somebody has to read them.
        threading.Thread(target=deque, args=(process.stdout, 0), daemon=True).start()
        try:
            yield url
        finally:
            process.terminate()


def look(calls: int) -> Look:
    """What this process holds now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    rss_mb = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    held = list(_held())
    connections = sum(name.startswith("socket:") for name in held)
    return Look(calls, round(rss_mb, 1), len(asyncio.all_tasks()), len(held) - connections, connections)


def _held() -> Iterator[str]:
    """What each descriptor of this process is; one that is closed meanwhile is none."""
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            yield os.readlink(path)


async def soak(system: System, calls: int) -> list[Look]:
    """Make the calls and look ten times."""
    looks: list[Look] = []
    jobs = iter(range(calls // CALLS_A_JOB))
    each = calls // CALLS_A_JOB // LOOKS

    async def lane(left: int) -> None:
        for n in jobs:
            async with system.launch(f"Question {n}") as job:
                await job.result()
            left -= 1
            if not left:
                return

    for n in range(LOOKS):
        await asyncio.gather(*(lane(each // JOBS_AT_ONCE) for _ in range(JOBS_AT_ONCE)))
        looks.append(look((n + 1) * each * CALLS_A_JOB))
    return looks


async def run(calls: int, lane: str) -> list[Look]:
    with provider() as url, tempfile.TemporaryDirectory() as folder:
        os.environ["SOAK_KEY"] = "key-of-nobody"
        rung = Rung(model=MODELS[lane], base_url=url, api_key_env="SOAK_KEY")
        async with open_system(Settings(project=Path(folder), rungs=(rung,)), TEAM) as system:
            return await soak(system, calls)


def problems(looks: Sequence[Look]) -> list[str]:
    """What has grown between the second look and the last."""
    first, last = looks[1], looks[-1]
    growth = last.rss_mb / first.rss_mb - 1
    found = [f"memory has grown by {growth:.1%}"] if growth > GROWTH_MOST else []
    found += [f"{last.tasks - first.tasks} tasks more"] if last.tasks > first.tasks else []
    found += (
        [f"{last.descriptors - first.descriptors} descriptors more"] if last.descriptors > first.descriptors else []
    )
    most = CALLS_A_JOB * JOBS_AT_ONCE + OTHER_CONNECTIONS
    return found + ([f"{last.connections} connections, {most} could be of use"] if last.connections > most else [])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--lane", choices=MODELS, default="openai_http")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    chosen = parser.parse_args()
    looks = asyncio.run(run(chosen.calls, chosen.lane))
    found = problems(looks)
    if chosen.json:
        sys.stdout.write(json.dumps({"looks": [asdict(each) for each in looks], "problems": found}, indent=1) + "\n")
        return 1 if found else 0
    table = Table(title=f"{chosen.calls} calls, {chosen.lane}")
    for name in Look.__slots__:
        table.add_column(name, justify="right")
    for each in looks:
        table.add_row(*(str(value) for value in asdict(each).values()))
    Console().print(table)
    sys.stdout.write(f"{'; '.join(found) or 'flat'}\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
