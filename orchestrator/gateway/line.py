"""The requests that a server of one's own has before it, oldest first.

It answers as many at once as it has slots, which nobody is told, and the others wait there. So whoever has older ones
of ours before him does not wait for his first token yet, and for his answer only since the last of theirs has come.
When one of them fails the server may be gone, and everyone's clock runs. Behind calls of one's own job alone the time
of the whole call stands still meanwhile.
"""

import math
from dataclasses import dataclass

import anyio

from ..clock import monotonic_s
from .call_time import CallTime


@dataclass(slots=True, eq=False)
class Turn:
    """One request that waits, of a job: how long it may, at the longest until its call's time is over, and what ends
    it then."""

    job: str
    timeout_s: float
    first_s: float
    time: CallTime
    scope: anyio.CancelScope
    is_behind: bool = False
    #: What ends it when no first token has come; None where it does not listen for one, or has heard it.
    first: anyio.CancelScope | None = None

    def listen(self, first: anyio.CancelScope) -> None:
        """Have this end it where no token comes in time."""
        self.first = first
        if self.is_behind:
            first.deadline = math.inf

    def hear(self) -> None:
        """A token has come."""
        self.first = None


class Line:
    """Who is before the server. Belongs to one event loop."""

    def __init__(self) -> None:
        self._turns: dict[Turn, None] = {}

    def begin(self, turn: Turn) -> None:
        """A request goes out, behind all others."""
        turn.is_behind = bool(self._turns)
        if turn.is_behind and all(each.job == turn.job for each in self._turns):
            turn.time.stop()
            turn.scope.deadline = min(turn.time.until_s, monotonic_s() + turn.timeout_s)
        self._turns[turn] = None

    def end(self, turn: Turn, *, is_answered: bool) -> None:
        """It has come to its end, well or not."""
        turns = list(self._turns)
        behind = turns[turns.index(turn) + 1 :]
        del self._turns[turn]
        turn.time.go_on()
        now_s = monotonic_s()
        for each in behind:
            each.is_behind = each is not next(iter(self._turns))
            if not (is_answered and each.is_behind):
                each.time.go_on()
            each_s = now_s + each.timeout_s if is_answered else each.scope.deadline
            each.scope.deadline = min(each.time.until_s, each_s)
            if each.first is not None:
                each.first.deadline = math.inf if is_answered and each.is_behind else now_s + each.first_s
