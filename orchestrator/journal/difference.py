"""What differs between two runs: what came out, what it cost, and the path there. Pure."""

import difflib
from dataclasses import dataclass
from typing import Any

from ..rules.compose import RULER
from .reader import Run
from .step import MODEL, TOOL

_INTENTS = (MODEL.intent, TOOL.intent)
_RESULTS = (MODEL.result, TOOL.result)


@dataclass(frozen=True, slots=True)
class Step:
    """One task in two runs: how it ended in each (empty where it was not), and what the second run did for it."""

    task: str
    before: str
    after: str
    #: Calls of models and tools that were made, and answers that were taken over from a run before.
    asked: int
    taken_over: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Two runs, side by side."""

    #: By name, what each run came to: status, claims, gaps, requests, USD and how much of it is estimated, seconds.
    totals: dict[str, tuple[Any, Any]]
    tasks: tuple[Step, ...]
    #: The report's text, line by line, as a unified diff; empty where it is the same.
    text: tuple[str, ...]


def difference(before: Run, after: Run) -> Difference:
    """What differs in the second run."""
    first, second = _totals(before), _totals(after)
    return Difference(
        totals={name: (first[name], second[name]) for name in first},
        tasks=tuple(_step(task, before, after) for task in _tasks(before, after)),
        text=tuple(difflib.unified_diff(_lines(before), _lines(after), before.id, after.id, lineterm="")),
    )


def _lines(run: Run) -> list[str]:
    """The report's text but for its footer, which says what the totals say."""
    text = run.report.text if run.report else ""
    return text[: text.rfind(RULER) if RULER in text else None].splitlines()


def _totals(run: Run) -> dict[str, Any]:
    return {
        "status": run.status,
        "claims": len(run.report.claims) if run.report else 0,
        "gaps": len(run.report.gaps) if run.report else 0,
        "requests": run.cost.model_calls,
        "usd": run.cost.micro_usd / 1e6,
        "estimated_usd": run.cost.estimated_micro_usd / 1e6,
        "seconds": run.cost.seconds,
    }


def _tasks(*runs: Run) -> list[str]:
    """Every task of the runs once, those with steps of a supervisor among them."""
    kinds = {"task.sent", *_INTENTS, *_RESULTS}
    return list(dict.fromkeys(event.task for run in runs for event in run.events if event.kind in kinds))


def _step(task: str, before: Run, after: Run) -> Step:
    events = [event for event in after.events if event.task == task]
    asked = {event.step for event in events if event.kind in _INTENTS}
    answered = {event.step for event in events if event.kind in _RESULTS}
    return Step(task, _ended(before, task), _ended(after, task), len(asked), len(answered - asked))


def _ended(run: Run, task: str) -> str:
    """How a task ended; that there was something of it, for a task of the supervisor's own."""
    ends = [event.value["status"] for event in run.events if event.task == task and event.kind == "task.returned"]
    return str(ends[-1]) if ends else "there" if any(event.task == task for event in run.events) else ""
