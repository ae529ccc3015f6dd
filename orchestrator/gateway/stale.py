"""The rung below the last: when no model answers, what an earlier run of the project was told at the same call."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from pydantic import ValidationError

from ..clock import Clock, monotonic_s
from ..codec import decoded
from ..ids import canonical, digest
from ..journal.recall import Answers
from ..rules.outcome import Outcome
from .chain import Course
from .model import Completion, Model, Piece, Request
from .record import described, restored

#: Roles whose answers are about one thing at one time.
_NEVER = frozenset({"judge"})
#: What no old answer stands in for: a good answer, and a model's answer that it will not.
_TOLD = frozenset({Outcome.OK, Outcome.REFUSED})


class Found(NamedTuple):
    """An answer on record, and how old it is, in seconds."""

    recorded: dict[str, Any]
    age_s: float


#: Finds the answer to the call whose intent has this body hash; None where there is none young enough.
Recall = Callable[[str], Awaitable[Found | None]]


class Stale:
    """Answers from the record where nobody else does, and says so: an old answer is never taken for a new one."""

    def __init__(self, inner: Model, recall: Recall | None, course: Course, tiers: Mapping[str, int]) -> None:
        """`tiers` are those of today's deployments, by label."""
        self._inner, self._recall, self._course, self._tiers = inner, recall, course, tiers

    async def complete(self, request: Request) -> Completion:
        """The models' answer, else an old one that is labelled with its model and age, else what the models gave."""
        completion = await self._inner.complete(request)
        if completion.outcome in _TOLD or self._recall is None or request.role in _NEVER:
            return completion
        if request.within_s is not None:  # who has no time to wait has none to look through runs
            return completion
        found = await self._found(self._recall, request)
        if found is None:
            return completion
        old = restored(found.recorded)
        if not self._may_stand_in(old, request):
            return completion
        if request.watch:
            request.watch(Piece(old.text))
        label = f"no model answered; this is the answer of {old.model or 'a model'} from {_age(found.age_s)} ago"
        rung, tier = old.receipt.rung, self._tier(old)
        receipt = replace(completion.receipt, degraded=(label,), rung=rung, tier=tier, is_stand_in=True)
        return replace(old, receipt=receipt)

    async def _found(self, recall: Recall, request: Request) -> Found | None:
        """What is on record, where there is time to look."""
        until_s = math.inf if request.deadline_s is None else request.deadline_s
        if until_s <= monotonic_s():
            return None
        with anyio.CancelScope(deadline=until_s):
            return await recall(digest(canonical(described(request))))
        return None

    def _tier(self, old: Completion) -> int:
        """The tier of the deployment that answered, which is the last that was asked; 0 where it is gone."""
        return self._tiers.get(old.receipt.attempts[-1].rung, 0)

    def _may_stand_in(self, old: Completion, request: Request) -> bool:
        """Whether it is an answer by today's type, of a model that may answer this call today."""
        if self._tier(old) < self._course.floor(request):
            return False
        if request.returns is None:
            return True
        try:
            decoded(request.returns, old.value)
        except ValidationError:
            return False
        return True


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

    # One thread: many calls fail at once, and the first look reads the runs for all of them.
    answers, thread = Answers(runs), ThreadPoolExecutor(1, "stale answers")

    async def recall(intent: str) -> Found | None:
        now_ms = clock.wall_ms()
        look = partial(answers.find, intent, since_ms=now_ms - round(most_s * 1000), until_ms=now_ms)
        found = await asyncio.get_running_loop().run_in_executor(thread, look)
        return Found(found[0], (now_ms - found[1]) / 1000) if found else None

    return recall
