"""A job killed with `kill -9` wherever it can be killed, and resumed each time: what is lost, and what is paid twice.

    python -m benchmarks.crashes [--every 1] [--json]

The job (twenty searches, twenty summaries, an analysis, an answer: 43 calls with the brief) runs in a real process against
a scripted provider in another. First its crossings of failpoints are counted; then it is killed at each of them (or at
one in `--every`), another process resumes it to its end, and the run is compared with that of a job that was left alone.
Exit status 1 where a report differs, a step has two results, or more was asked than what was in doubt.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import anyio

from bullpen import Context, Plan, PlannedTask, Report, Result, Rung, Settings, Team, Worker, open_run, open_system
from bullpen.orchestrator.failpoint import hooked
from bullpen.orchestrator.journal.reader import Run, list_runs

SEARCHES = 20


class Ask(Worker):
    """Asks about what it is given and what it comes after."""

    slots = SEARCHES

    async def run(self, task: str, ctx: Context) -> str:
        return await ctx.ask("ask", question=task, known=[result.read(str) for result in ctx.results])


class Planner:
    """Plans searches, a summary of each, an analysis and an answer."""

    async def brief(self, question: str, ctx: Context) -> str:
        return await ctx.ask("brief", question=question)

    async def plan(self, brief: str, ctx: Context) -> Plan:
        numbers = range(SEARCHES)
        tasks = [PlannedTask(id=f"search-{n}", worker="ask", input=f"search {n}") for n in numbers]
        tasks += [PlannedTask(id=f"sum-{n}", worker="ask", input=f"sum {n}", after=(f"search-{n}",)) for n in numbers]
        last = PlannedTask(id="analyze", worker="ask", input="analyze", after=tuple(f"sum-{n}" for n in numbers))
        return Plan(tasks=(*tasks, last, PlannedTask(id="answer", worker="ask", input="answer", after=("analyze",))))

    async def review(self, brief: str, results: Sequence[Result], ctx: Context) -> Plan | None:
        return None


TEAM = Team(supervisor=lambda workers, settings: Planner(), workers=(Ask,))


@dataclass(slots=True)
class Found:
    """What the killings have shown."""

    crossings: int = 0
    killed: int = 0
    #: Killings by the failpoint at which they were.
    at: Counter[str] = field(default_factory=Counter)
    other_reports: int = 0
    double_results: int = 0
    #: Calls that the provider counted beyond those of a job left alone, and steps that were said to be in doubt.
    calls_more: int = 0
    in_doubt: int = 0
    more_than_in_doubt: int = 0
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost or paid twice."""
        return not (self.other_reports or self.double_results or self.more_than_in_doubt)


@contextmanager
def provider(folder: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    """The address of a provider in a process of its own, and how many calls it has counted."""
    heard = folder / "heard.jsonl"
    command = [sys.executable, "-m", "bullpen", "fake-provider", "--json"]
    with heard.open("wb") as lines, subprocess.Popen(command, stdout=lines) as process:
        while not heard.read_bytes().endswith(b"\n"):
            time.sleep(0.01)
        try:
            yield json.loads(heard.read_bytes().splitlines()[0])["url"], lambda: heard.read_bytes().count(b"\n") - 1
        finally:
            process.terminate()


async def launch(settings: Settings) -> Report:
    async with open_system(settings, TEAM) as system, system.launch("What is there?") as job:
        return await job.result()


async def resume(settings: Settings) -> Report:
    async with open_system(settings, TEAM) as system, system.resume(last_run(settings).id) as job:
        return await job.result()


def in_child(work: Callable[[], object]) -> int:
    """The status with which a process ended that did this and nothing else; it shares what has been imported."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def killed_at(n: int, settings: Settings, note: Path) -> None:
    """Run the job in this process and kill it at its n-th crossing; with 0 note all crossings and live."""
    crossed: list[str] = []

    def cross(name: str) -> None:
        crossed.append(name)
        if len(crossed) == n:
            note.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)

    with hooked(cross):
        anyio.run(launch, settings)
    note.write_text("\n".join(crossed))


def hash_of(run: Run) -> str:
    """The hash of what came of a run: its report and every task's result. Of one without an end, nothing."""
    if run.report is None:
        return ""
    returned = sorted((event.task, event.body) for event in run.events if event.kind == "task.returned")
    return hashlib.sha256(json.dumps([run.report.text, returned]).encode()).hexdigest()


def last_run(settings: Settings) -> Run:
    """The newest run."""
    return open_run(list_runs(settings.runs)[-1])


def measure(every: int) -> Found:
    """Kill and resume."""
    found, started_s = Found(), time.monotonic()
    with tempfile.TemporaryDirectory() as name, provider(Path(name)) as (url, calls):
        folder, note = Path(name), Path(name) / "note"

        def settings(n: int) -> Settings:
            rung = Rung(model="openai_http:m", base_url=url)
            return Settings(project=folder / str(n), rungs=(rung,))

        assert in_child(lambda: killed_at(0, settings(0), note)) == 0
        found.crossings, whole, needed = len(note.read_text().split()), hash_of(last_run(settings(0))), calls()
        for n in range(1, found.crossings + 1, every):
            before = calls()
            status = in_child(lambda n=n: killed_at(n, settings(n), note))  # type: ignore[misc]
            if not os.WIFSIGNALED(status):
                continue  # a schedule with fewer crossings than the first
            found.at[note.read_text()] += 1
            found.killed += 1
            judge(found, settings(n), whole, lambda: calls() - before - needed)  # noqa: B023 - called at once
    found.seconds = round(time.monotonic() - started_s, 1)
    return found


def judge(found: Found, settings: Settings, whole: str, more: Callable[[], int]) -> None:
    """Resume a killed job and compare it with the one that was left alone."""
    left = last_run(settings)
    if left.report is None:
        go_on = resume if left.accepted else launch
        assert in_child(lambda: anyio.run(go_on, settings)) == 0
    run = last_run(settings)
    results = Counter(event.step for event in run.events if event.phase == "result")
    in_doubt = sum(event.kind == "step.in_doubt" for event in run.events)
    found.other_reports += hash_of(run) != whole
    found.double_results += sum(count > 1 for count in results.values())
    found.calls_more += more()
    found.in_doubt += in_doubt
    found.more_than_in_doubt += more() > in_doubt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="kill at one crossing in so many")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    chosen = parser.parse_args()
    found = measure(chosen.every)
    if chosen.json:
        sys.stdout.write(json.dumps(asdict(found), indent=1) + "\n")
    else:
        at = ", ".join(f"{name} {count}" for name, count in sorted(found.at.items()))
        sys.stdout.write(f"{found.crossings} crossings, killed at {found.killed} of them ({at})\n")
        sys.stdout.write(
            f"reports that differ: {found.other_reports}; steps with two results: {found.double_results}\n"
        )
        sys.stdout.write(f"calls beyond those of a job left alone: {found.calls_more}; in doubt: {found.in_doubt}; ")
        sys.stdout.write(f"jobs with more calls than were in doubt: {found.more_than_in_doubt}\n{found.seconds} s\n")
    return 0 if found.is_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
