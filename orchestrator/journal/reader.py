"""A run as a reader sees it: who did what, in which order, at what cost, and what came of it. Changes nothing.

Needs the run's file and nothing else: no settings, no memory, no model.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, JournalDamaged
from ..regular_files import list_all, list_regular
from .events import ACCEPTED, Event
from .overview import TaskView, overview_of
from .record import Record, Whole, open_record
from .storage import SUFFIX, has_finished, is_held, job_in
from .tally import Tally

if TYPE_CHECKING:
    from ..evidence import Claim, Evidence, Report
    from ..rules.support import Missing


class Run:
    """The record of a job. What its index does not say is read when it is asked for, so that any property may raise
    JournalDamaged where the run is damaged."""

    def __init__(self, path: Path, record: Record, *, held: bool) -> None:
        self.path, self._record, self._held = path, record, held

    @property
    def id(self) -> str:
        """The job's id, as its events say, whatever its file is called; of a run without events, the file's name."""
        return self._record.job or self.path.name.removesuffix(SUFFIX)

    @property
    def events(self) -> tuple[Event, ...]:
        """Every event, in order. They are read and checked, all of them, when this is first asked for."""
        self._record = whole = self._record.whole()
        return whole.events

    @property
    def length(self) -> int:
        """How many events there are."""
        return self._record.overview.length

    @property
    def cost(self) -> Tally:
        """What it has cost and who answered."""
        return self._record.overview.cost

    @property
    def accepted(self) -> dict[str, Any]:
        """What was asked for: question, corpus, budget, workers, rungs. Empty when the job was killed before that."""
        return next((event.value for event in self.of_areas("job") if event.kind == ACCEPTED), {})

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
    def finished(self) -> dict[str, Any]:
        """The report as it stands on record; empty while the job runs, and when it was interrupted."""
        return dict(self.of_areas("job")[-1].value) if self._record.overview.is_finished else {}

    @property
    def report(self) -> "Report | None":
        """The report; None while the job runs, and when it was interrupted."""
        from ..evidence import Report

        return Report.model_validate(self.finished) if self._record.overview.is_finished else None

    @property
    def status(self) -> str:
        """A job's status; `running` or `interrupted` for one that has not ended."""
        if self._record.overview.is_finished:
            return str(self.finished["status"])
        return "running" if self._held else "interrupted"

    @property
    def started_ms(self) -> int:
        """When it was accepted, in milliseconds since 1970; 0 when nothing is on record."""
        return self._record.overview.began_ms

    @property
    def seconds(self) -> float:
        """Wall-clock time from the first event to the last, without what the clock was set back meanwhile."""
        return self._record.overview.lasted_ms / 1000

    @property
    def tasks(self) -> tuple[TaskView, ...]:
        """Every task that was sent, in the order in which they were first sent."""
        return self._record.overview.tasks

    def of_task(self, task: str) -> tuple[Event, ...]:
        """The events of one task, in order. Raises BadInput for a task that the run does not have."""
        if task not in self._record.overview.by_task:
            names = ", ".join(self._record.overview.by_task)
            raise BadInput(f"run {self.id} has no task {task!r}; it has {names or 'none'}")
        return self._record.of_task(task)

    def of_areas(self, *areas: str) -> tuple[Event, ...]:
        """The events that are about the job as a whole, by the first words of their kinds, of `index.AREAS`."""
        return self._record.of_areas(*areas)

    def problems(self) -> Iterator[str]:
        """Claims whose evidence is not in the run. Raises JournalDamaged where its events do not hold together."""
        from ..rules.report import problem_of

        self._record = self._record.whole()
        report, evidence = self.report, self.evidence()
        if report is None:
            return
        for n, claim in enumerate(_said(report), start=1):
            if problem := problem_of(claim, evidence):
                yield f"claim {n} does not hold: {problem}"

    def unsupported(self) -> Iterator[tuple[int, "Claim", tuple["Missing", ...]]]:
        """Claims that name a figure, a day, a unit or a name that stands in none of their quotes and records, by their
        number from 1, with what that is: a reason to read them, no error."""
        from ..rules.support import flags, known_of

        report, sources = self.report, {source.id: source for source in self.evidence().sources}
        for n, claim in enumerate(_said(report) if report else (), start=1):
            cited = dict.fromkeys((*(q.source for q in claim.quotes), *(r.source for r in claim.records)))
            known = known_of(self.question, [sources[name] for name in cited if name in sources])
            if missing := flags(claim, known):
                yield n, claim, missing

    def evidence(self) -> "Evidence":
        """The sources that were quoted and the words around each quote, as the run keeps them."""
        from ..evidence import Evidence

        checked = [event for event in self.of_areas("evidence") if event.kind == "evidence.checked"]
        return Evidence.model_validate(checked[-1].value) if checked else Evidence()


def _said(report: "Report") -> "tuple[Claim, ...]":
    """The claims of a report, then the sides of its disagreements."""
    return (*report.claims, *(claim for disagreement in report.disagreements for claim in disagreement.claims))


def run_of(path: Path, events: Sequence[Event], *, held: bool = False) -> Run:
    """The run that holds these events, a journal from its start."""
    return Run(path, Whole(tuple(events), overview_of(events)), held=held)


def open_run(job: str | Path, runs: Path | None = None) -> Run:
    """A run by its file, its job's id, the id's beginning, or `latest`, in the folder `runs` (`.bullpen/runs`).

    A long run is opened by its index (`docs/decisions/0016`): then `problems` is what checks all of it.

    Raises BadInput where there is no such run or several, JournalDamaged where its file cannot be read. Blocking.
    """
    path = find_run(job, runs)
    held = is_held(path)  # before reading: a run that ends in between must not look interrupted
    return Run(path, open_record(path), held=held)


def find_run(job: str | Path, runs: Path | None = None) -> Path:
    """The file of a run, named as for `open_run`. Raises BadInput where there is no such run or several. Blocking."""
    return Path(job) if str(job).endswith(SUFFIX) else _find(str(job), runs or Path(".bullpen") / "runs")


def list_runs(runs: Path) -> list[Path]:
    """The runs in a folder, oldest first: regular files alone. Raises BadInput where it cannot be listed. Blocking."""
    return list_regular(runs, SUFFIX)


def job_names(runs: Path) -> list[str]:
    """The jobs that have a run in a folder, in no order; none where it cannot be listed. Blocking."""
    with suppress(BadInput):  # whoever opens a run there is told
        return [path.stem for path in list_all(runs) if path.suffix == SUFFIX]
    return []


def list_unfinished(runs: Path, newest: int) -> Iterator[Run]:
    """Of the newest runs in a folder, those whose process is gone before they had ended, newest first. Blocking."""
    for path in reversed(list_runs(runs)[-newest:]):
        with suppress(BadInput, JournalDamaged):  # nobody can go on with it; `bullpen jobs` names it
            if not is_held(path) and not has_finished(path):
                run = open_run(path)
                if run.status == "interrupted" and run.accepted:
                    yield run


def _find(job: str, runs: Path) -> Path:
    there = list_runs(runs)
    if job == "latest" and there:
        return there[-1]
    if (named := runs / f"{job}{SUFFIX}") in there:
        return named
    fitting = [path for path in there if path.name.startswith(job)] if job else []
    fitting = fitting or [path for path in there if job and _is_of(path, job)]  # one whose file has another name
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BadInput(f"job {job!r} fits {len(fitting)} runs in {str(runs)!r}; give more of its id")
    raise BadInput(f"there is no job {job!r} in {str(runs)!r}; `bullpen jobs` lists what there is")


def _is_of(path: Path, job: str) -> bool:
    with suppress(BadInput):  # whose it is cannot be read
        return job_in(path).startswith(job)
    return False
