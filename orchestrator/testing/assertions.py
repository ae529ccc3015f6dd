"""Say what a run must have done: `assert_run(run).delegated("search", times=3).cost_under(0.10).ended("ok")`."""

from ..journal.reader import Run


class RunAssertion:
    """Each method checks one thing and returns itself; what fails is an AssertionError that says what there was."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def ended(self, status: str) -> "RunAssertion":
        """The run ended with this status, or is `running` or `interrupted`."""
        assert self.run.status == status, f"the run ended {self.run.status!r}, not {status!r}"
        return self

    def delegated(self, worker: str, *, times: int | None = None) -> "RunAssertion":
        """The worker was given tasks: at least one, or exactly `times`."""
        tasks = [task.id for task in self.run.tasks if task.worker == worker]
        assert len(tasks) == times if times is not None else tasks, f"{worker!r} was given {tasks or 'no tasks'}"
        return self

    def task_ended(self, task: str, status: str) -> "RunAssertion":
        """The task ended with this status."""
        ended = {view.id: view.status for view in self.run.tasks}
        assert ended.get(task) == status, f"task {task!r} ended {ended.get(task, 'never')!r}; tasks: {ended}"
        return self

    def has_gap(self, task: str, reason: str = "") -> "RunAssertion":
        """The report names a gap of this task, for this reason if one is given."""
        gaps = [(gap.task, gap.reason) for gap in self.run.report.gaps] if self.run.report else []
        assert any(name == task and (not reason or why == reason) for name, why in gaps), f"the gaps are {gaps}"
        return self

    def no_event(self, kind: str) -> "RunAssertion":
        """Nothing of this kind, or whose kind begins with it, happened."""
        found = [f"{event.seq} {event.kind}" for event in self.run.events if event.kind.startswith(kind)]
        assert not found, f"there are events {found}"
        return self

    def model_calls(self, times: int) -> "RunAssertion":
        """Exactly so many requests were sent to models."""
        assert self.run.cost.model_calls == times, f"{self.run.cost.model_calls} requests were sent, not {times}"
        return self

    def cost_under(self, usd: float) -> "RunAssertion":
        """It cost less than so many USD."""
        cost = self.run.cost.micro_usd / 1e6
        assert cost < usd, f"the run cost {cost:.6f} USD, not under {usd:.6f}"
        return self

    def holds(self) -> "RunAssertion":
        """The record is whole and every claim's evidence is in it."""
        problems = list(self.run.problems())
        assert not problems, "; ".join(problems)
        return self


def assert_run(run: Run) -> RunAssertion:
    """Start a chain of assertions about a run."""
    return RunAssertion(run)
