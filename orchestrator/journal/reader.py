"""A run as a reader sees it: who did what, in which order, at what cost, and what came of it. Changes nothing.

Needs the run's file and nothing else: no settings, no memory, no model.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadInput, JournalDamaged
from ..evidence import Evidence, Report
from ..rules.report import problem_of
from .events import ACCEPTED, FINISHED, Event
from .storage import SUFFIX, has_finished, is_held, read_events
from .tally import Tally


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task of a run: who did it, how often it was started, how it ended, how long it took, what it cost."""

    id: str
    worker: str
    after: tuple[str, ...]
    attempts: int
    #: A status, or `running` where no result is on record.
    status: str
    seconds: float
    cost_usd: float
    failure: str

    @property
    def parent(self) -> str:
        """The task that delegated this one; empty for a planned task."""
        return self.id.rpartition("/")[0]


class Run:
    """The record of a job."""

    def __init__(self, path: Path, events: Sequence[Event], *, held: bool) -> None:
        self.path, self.events, self._held = path, tuple(events), held
        self.cost = Tally()
        for event in self.events:
            self.cost.hear(event)

    @property
    def id(self) -> str:
        """The job's id."""
        return self.path.name.removesuffix(SUFFIX)

    @property
    def accepted(self) -> dict[str, Any]:
        """What was asked for: question, corpus, budget, workers, rungs. Empty when the job was killed before that."""
        return next((event.value for event in self.events if event.kind == ACCEPTED), {})

    @property
    def origin(self) -> str:
        """The job whose name the keys of its steps have: its own, or that of the run it was forked from."""
        return str(self.accepted.get("fork", {}).get("origin", self.id))

    @property
    def changes(self) -> tuple[str, ...]:
        """Of a fork, what it was told to do differently, with what the run that it was forked from was told."""
        return tuple(self.accepted.get("fork", {}).get("set", ()))

    @property
    def question(self) -> str:
        """The question."""
        return str(self.accepted.get("question", ""))

    @property
    def report(self) -> Report | None:
        """The report; None while the job runs, and when it was interrupted."""
        last = self.events[-1] if self.events else None
        return Report.model_validate(last.value) if last and last.kind == FINISHED else None

    @property
    def status(self) -> str:
        """A job's status; `running` or `interrupted` for one that has not ended."""
        if self.report is not None:
            return str(self.report.status)
        return "running" if self._held else "interrupted"

    @property
    def started_ms(self) -> int:
        """When it was accepted, in milliseconds since 1970; 0 when nothing is on record."""
        return self.events[0].at_ms if self.events else 0

    @property
    def seconds(self) -> float:
        """Wall-clock time from the first event to the last."""
        return (self.events[-1].at_ms - self.events[0].at_ms) / 1000 if self.events else 0.0

    @property
    def tasks(self) -> tuple[TaskView, ...]:
        """Every task that was sent, in the order in which they were first sent."""
        return tuple(self._task(name) for name in dict.fromkeys(e.task for e in self.events if e.kind == "task.sent"))

    def of_task(self, task: str) -> tuple[Event, ...]:
        """The events of one task, in order. Raises BadInput for a task that the run does not have."""
        found = tuple(event for event in self.events if event.task == task)
        if not found:
            names = ", ".join(dict.fromkeys(event.task for event in self.events if event.task))
            raise BadInput(f"run {self.id} has no task {task!r}; it has {names or 'none'}")
        return found

    def problems(self) -> Iterator[str]:
        """Claims whose evidence is not in the run. That its events hold together has been found when it was read."""
        if self.report is None:
            return
        evidence = self.evidence()
        sides = [side for disagreement in self.report.disagreements for side in disagreement.sides]
        for n, claim in enumerate((*self.report.claims, *sides), start=1):
            if problem := problem_of(claim, evidence):
                yield f"claim {n} does not hold: {problem}"

    def evidence(self) -> Evidence:
        """The sources that were quoted and the words around each quote, as the run keeps them."""
        checked = [event for event in self.events if event.kind == "evidence.checked"]
        return Evidence.model_validate(checked[-1].value) if checked else Evidence()

    def _task(self, name: str) -> TaskView:
        events = self.of_task(name)
        sent = [event for event in events if event.kind == "task.sent"]
        returned = [event for event in events if event.kind == "task.returned"]
        ended = returned[-1].value if returned else {}
        failure = ended.get("failure") or {}
        cost = sum(event.value["micro_usd"] for event in events if event.kind == "model.attempted")
        return TaskView(
            id=name,
            worker=sent[0].recipient,
            after=tuple(sent[0].value["after"]),
            attempts=len(sent),
            status=ended.get("status", "running"),
            seconds=((returned or events)[-1].at_ms - sent[0].at_ms) / 1000,
            cost_usd=cost / 1e6,
            failure=f"{failure['type']}: {failure['detail']}" if failure else "",
        )


def open_run(job: str | Path, runs: Path | None = None) -> Run:
    """A run by its file, its job's id, the id's beginning, or `latest`, in the folder `runs` (`.bullpen/runs`).

    Raises BadInput where there is no such run or several, JournalDamaged where its file cannot be read. Blocking.
    """
    path = find_run(job, runs)
    held = is_held(path)  # before reading: a run that ends in between must not look interrupted
    return Run(path, read_events(path), held=held)


def find_run(job: str | Path, runs: Path | None = None) -> Path:
    """The file of a run, named as for `open_run`. Raises BadInput where there is no such run or several. Blocking."""
    return Path(job) if str(job).endswith(SUFFIX) else _find(str(job), runs or Path(".bullpen") / "runs")


def list_runs(runs: Path) -> list[Path]:
    """The runs in a folder, oldest first. Blocking."""
    return sorted(runs.glob(f"*{SUFFIX}"))


def list_unfinished(runs: Path, newest: int) -> Iterator[Run]:
    """Of the newest runs in a folder, those whose process is gone before they had ended, newest first. Blocking."""
    for path in reversed(list_runs(runs)[-newest:]):
        if not is_held(path) and not has_finished(path):
            with suppress(BadInput, JournalDamaged):  # nobody can go on with it; `bullpen jobs` names it
                run = open_run(path)
                if run.status == "interrupted" and run.accepted:
                    yield run


def _find(job: str, runs: Path) -> Path:
    there = list_runs(runs)
    if job == "latest" and there:
        return there[-1]
    fitting = [path for path in there if path.name.startswith(job)] if job else []
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BadInput(f"job {job!r} fits {len(fitting)} runs in {str(runs)!r}; give more of its id")
    raise BadInput(f"there is no job {job!r} in {str(runs)!r}; `bullpen jobs` lists what there is")
