"""How often a failed task is started again. Pure: the time is in the values."""

from dataclasses import dataclass
from typing import Literal

Decision = Literal["again", "give_up"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """At most `starts_most` starts of one task, and `restarts_most` restarts of one worker in `period_s` seconds."""

    starts_most: int = 4
    restarts_most: int = 5
    period_s: float = 60.0


def decide(
    bounds: Bounds, *, starts: int, retryable: bool, restarts_at_s: tuple[float, ...], now_s: float
) -> tuple[Decision, tuple[float, ...]]:
    """Whether a task that has failed after `starts` starts begins again, and the worker's restarts to remember.

    No window of `period_s` ever holds more than `restarts_most` restarts.
    """
    recent = tuple(at for at in restarts_at_s if now_s - at < bounds.period_s)
    if not retryable or starts >= bounds.starts_most or len(recent) >= bounds.restarts_most:
        return "give_up", recent
    return "again", (*recent, now_s)
