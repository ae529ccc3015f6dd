"""The rung below the last: when no model answers, what an earlier run of the project was told at the same call."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from anyio import to_thread

from ..clock import Clock
from ..ids import canonical, digest
from ..journal.recall import find_answer
from ..rules.outcome import Outcome
from .model import Completion, Model, Request
from .record import described, restored

#: Roles whose answers are about one thing at one time.
_NEVER = frozenset({"judge"})


class Found(NamedTuple):
    """An answer on record, and how old it is, in seconds."""

    recorded: dict[str, Any]
    age_s: float


#: Finds the answer to the call whose intent has this body hash; None where there is none young enough.
Recall = Callable[[str], Awaitable[Found | None]]


class Stale:
    """Answers from the record where nobody else does, and says so: an old answer is never taken for a new one."""

    def __init__(self, inner: Model, recall: Recall | None) -> None:
        self._inner, self._recall = inner, recall

    async def complete(self, request: Request) -> Completion:
        """The models' answer, else an old one that is labelled with its model and age, else what the models gave."""
        completion = await self._inner.complete(request)
        if completion.outcome is Outcome.OK or self._recall is None or request.role in _NEVER:
            return completion
        found = await self._recall(digest(canonical(described(request))))
        if found is None:
            return completion
        old = restored(found.recorded)
        label = f"no model answered; this is the answer of {old.model or 'a model'} from {_age(found.age_s)} ago"
        return replace(old, receipt=replace(completion.receipt, degraded=(label,)))


def _age(seconds: float) -> str:
    """A duration for people."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def recall_in(runs: Path, most_s: float, clock: Clock) -> Recall | None:
    """Looks through a folder of runs for what a model once said, at most so many seconds ago; None where that is 0."""
    if not most_s:
        return None

    async def recall(intent: str) -> Found | None:
        now_ms = clock.wall_ms()
        found = await to_thread.run_sync(partial(find_answer, runs, intent, since_ms=now_ms - round(most_s * 1000)))
        return Found(found[0], (now_ms - found[1]) / 1000) if found else None

    return recall
