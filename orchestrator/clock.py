"""Time and chance, given and never taken: a job reads the wall clock and rolls dice only through these.

Deadlines and waiting use `anyio.current_time()`, which a virtual clock can drive; the wall clock is for the record.
"""

import asyncio
import random
import time
from typing import Protocol

import anyio


class Clock(Protocol):
    """What the time is, for people."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000


def new_random() -> random.Random:
    """A random source seeded by the operating system; tests give a seeded one instead."""
    return random.Random(random.SystemRandom().getrandbits(128))  # noqa: S311 - ids, not secrets


def monotonic_s() -> float:
    """Seconds on the event loop's own clock: for deadlines and durations, never for the record."""
    try:
        return asyncio.get_running_loop().time()  # what anyio comes to as well, after ten times as long
    except RuntimeError:
        return anyio.current_time()
