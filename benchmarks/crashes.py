"""A job killed with `kill -9` wherever it can be killed, and resumed each time: what is lost, and what is paid twice.

    python -m benchmarks.crashes [--job calls|desk] [--every 1] [--json]

Two jobs: `calls` (twenty searches, twenty summaries, an analysis, an answer: 43 calls with the brief), and the research
`desk` over forty documents (triage, two batches read and a search beside them, a look at what is open, another search,
writing, check: eight calls). Each runs in a real process against a scripted provider in another. First its crossings of
failpoints are counted; then it is killed at each of them (or at one in `--every`), another process resumes it to its
end, and the run is compared with that of a job that was left alone. Exit status 1 where a report differs, a step has two
results, or more was asked than what was in doubt.
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
from importlib import import_module
from pathlib import Path

import anyio

from bullpen import (
    Context,
    Plan,
    PlannedTask,
    Report,
    Result,
    Rung,
    Settings,
    Team,
    Worker,
    open_run,
    open_system,
    research_team,
)
from bullpen.orchestrator.failpoint import hooked
from bullpen.orchestrator.journal.reader import Run, list_runs
from bullpen.orchestrator.rules.compose import RULER

SEARCHES = 20
#: What a job imports only when it comes to it.
LATE = ("aiohttp", "anyio._backends._asyncio", "bm25s", "numpy", "Stemmer", "bullpen.agents")


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


BARGES = 40


def write_corpus(folder: Path) -> None:
    """Documents of some 900 tokens, too many for one call; the query `oats` finds the last of them."""
    folder.mkdir()
    for n in range(BARGES):
        log = "\n\n".join(f"In week {n}-{week} barge {n} lay at pier {week * n} and waited." for week in range(50))
        cargo = "oats" if n == BARGES - 1 else "wool"
        (folder / f"barge-{n:02}.md").write_text(f"# Barge {n}\n\nBarge {n} carries {cargo}.\n\n{log}\n")


def says(text: str, **answer: object) -> dict[str, object]:
    """A rule of a provider's script: what is answered to the prompt in which this text stands."""
    return {"text": text, "replies": [{"says_json": answer}]}


_NOTE = {"point": 1, "text": "A barge is named.", "sentences": [1]}
_TOLD = [{"sentence": n, "verdict": "supported"} for n in (1, 2)]
#: What a model of the desk says to each of its prompts.
DESK = [
    says(
        "You plan the reading",
        points=["Which barges are there?", "Who owns them?"],
        documents=[f"barge-{n:02}.md" for n in range(20)],
        queries=["barge 31"],
    ),
    says("You read documents", notes=[_NOTE], not_said=[2]),
    says("You look over the notes", points=[{"point": 2, "state": "open"}], queries=["oats"]),
    says(
        "You write the report", lead="There is a barge [1]. There are more [2][3][4].", not_answered=["Who owns them."]
    ),
    says("You check a report", verdicts=_TOLD),
]


@dataclass(frozen=True, slots=True)
class Job:
    """What is run: a team, what a scripted provider says, and whether there are documents."""

    team: Team
    script: Sequence[dict[str, object]] = ({"replies": [{"says": "ok"}]},)
    has_corpus: bool = False


JOBS = {"calls": Job(TEAM), "desk": Job(research_team, DESK, has_corpus=True)}


@dataclass(slots=True)
class Found:
    """What the killings have shown."""

    crossings: int = 0
    killed: int = 0
    #: Killings by the failpoint at which they were, and by whose event was the last on record.
    at: Counter[str] = field(default_factory=Counter)
    during: Counter[str] = field(default_factory=Counter)
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
def provider(folder: Path, script: Sequence[dict[str, object]]) -> Iterator[tuple[str, Callable[[], int]]]:
    """The address of a provider in a process of its own, and how many calls it has counted."""
    heard, rules = folder / "heard.jsonl", folder / "script.json"
    rules.write_text(json.dumps({"rule": script}))
    command = [sys.executable, "-m", "bullpen", "fake-provider", "--json", "--script", str(rules)]
    with heard.open("wb") as lines, subprocess.Popen(command, stdout=lines) as process:
        while not heard.read_bytes().endswith(b"\n"):
            time.sleep(0.01)
        try:
            yield json.loads(heard.read_bytes().splitlines()[0])["url"], lambda: heard.read_bytes().count(b"\n") - 1
        finally:
            process.terminate()


async def launch(settings: Settings, job: Job) -> Report:
    corpus = settings.project.parent / "docs" if job.has_corpus else ()
    async with open_system(settings, job.team) as system, system.launch("What is there?", corpus=corpus) as launched:
        return await launched.result()


async def resume(settings: Settings, job: Job) -> Report:
    async with open_system(settings, job.team) as system, system.resume(last_run(settings).id) as resumed:
        return await resumed.result()


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


def killed_at(n: int, settings: Settings, job: Job, note: Path) -> None:
    """Run the job in this process and kill it at its n-th crossing; with 0 note all crossings and live."""
    crossed: list[str] = []

    def cross(name: str) -> None:
        crossed.append(name)
        if len(crossed) == n:
            note.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)

    with hooked(cross):
        anyio.run(launch, settings, job)
    note.write_text("\n".join(crossed))


def hash_of(run: Run) -> str:
    """The hash of what came of a run: its report and every task's result. Of one without an end, nothing."""
    if run.report is None:
        return ""
    returned = sorted((event.task, event.body) for event in run.events if event.kind == "task.returned")
    said = run.report.text.partition(RULER)[0]  # without the time that it took
    return hashlib.sha256(json.dumps([said, returned]).encode()).hexdigest()


def last_run(settings: Settings) -> Run:
    """The newest run."""
    return open_run(list_runs(settings.runs)[-1])


def measure(job: Job, every: int) -> Found:
    """Kill and resume."""
    found, started_s = Found(), time.monotonic()
    for late in LATE:
        import_module(late)  # before the first child, or each would take its time for it
    with tempfile.TemporaryDirectory() as name, provider(Path(name), job.script) as (url, calls):
        folder, note = Path(name), Path(name) / "note"
        write_corpus(folder / "docs")

        def settings(n: int) -> Settings:
            rung = Rung(model="openai_http:m", base_url=url)
            return Settings(project=folder / str(n), rungs=(rung,), embedder="hashed")

        assert in_child(lambda: killed_at(0, settings(0), job, note)) == 0
        found.crossings, whole, needed = len(note.read_text().split()), hash_of(last_run(settings(0))), calls()
        for n in range(1, found.crossings + 1, every):
            before = calls()
            status = in_child(lambda n=n: killed_at(n, settings(n), job, note))  # type: ignore[misc]
            if not os.WIFSIGNALED(status):
                continue  # a schedule with fewer crossings than the first
            found.at[note.read_text()] += 1
            found.killed += 1
            judge(found, settings(n), job, whole, lambda: calls() - before - needed)  # noqa: B023 - called at once
    found.seconds = round(time.monotonic() - started_s, 1)
    return found


def judge(found: Found, settings: Settings, job: Job, whole: str, more: Callable[[], int]) -> None:
    """Resume a killed job and compare it with the one that was left alone."""
    left = last_run(settings)
    found.during[left.events[-1].task.partition("-")[0] if left.length else "nothing"] += 1
    if left.report is None:
        go_on = resume if left.accepted else launch
        assert in_child(lambda: anyio.run(go_on, settings, job)) == 0
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
    parser.add_argument("--job", choices=sorted(JOBS), default="calls")
    parser.add_argument("--every", type=int, default=1, help="kill at one crossing in so many")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    chosen = parser.parse_args()
    found = measure(JOBS[chosen.job], chosen.every)
    if chosen.json:
        sys.stdout.write(json.dumps(asdict(found), indent=1) + "\n")
    else:
        at = ", ".join(f"{name} {count}" for name, count in sorted(found.at.items()))
        during = ", ".join(f"{name} {count}" for name, count in sorted(found.during.items()))
        sys.stdout.write(f"{found.crossings} crossings, killed at {found.killed} of them ({at}; during {during})\n")
        sys.stdout.write(
            f"reports that differ: {found.other_reports}; steps with two results: {found.double_results}\n"
        )
        sys.stdout.write(f"calls beyond those of a job left alone: {found.calls_more}; in doubt: {found.in_doubt}; ")
        sys.stdout.write(f"jobs with more calls than were in doubt: {found.more_than_in_doubt}\n{found.seconds} s\n")
    return 0 if found.is_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
