"""Whether an address that has failed may be asked now. Pure: the time is in the values.

closed ──failures_most failures within period_s──▶ open ──open_s──▶ half-open: one probe at a time
  ▲                                                 ▲                  │
  └───────────────────── it succeeds ───────────────┼──────────────────┤
                                                    └──── it fails ────┘
A call is known by the time at which it began. What a call tells counts for the state in which it began and for no
later one, so a time-out that started before the opening neither closes, prolongs nor opens anything.
"""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a breaker opens, and for how long. A probe of which nothing is heard for `probe_s` no longer counts."""

    failures_most: int = 5
    period_s: float = 30.0
    open_s: float = 30.0
    probe_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of one address. Closed while `open_until_s` is None; from that time on it is half-open."""

    bounds: Bounds = Bounds()
    failures_at_s: tuple[float, ...] = ()
    #: When it last closed: calls that began earlier have no say.
    closed_at_s: float = -math.inf
    open_until_s: float | None = None
    probe_at_s: float | None = None
    cool_until_s: float = -math.inf


def ready_at_s(breaker: Breaker) -> float:
    """From when on one may ask, as far as is known now; a probe that is heard of sooner makes it sooner."""
    if breaker.open_until_s is None:
        return breaker.cool_until_s
    probe_over_s = -math.inf if breaker.probe_at_s is None else breaker.probe_at_s + breaker.bounds.probe_s
    return max(breaker.cool_until_s, breaker.open_until_s, probe_over_s)


def may_ask(breaker: Breaker, now_s: float) -> bool:
    """Whether a call may begin now."""
    return now_s >= ready_at_s(breaker)


def begin(breaker: Breaker, now_s: float) -> Breaker:
    """A call begins, where `may_ask` allows it. While half-open it is the probe, and no other may begin."""
    return breaker if breaker.open_until_s is None else replace(breaker, probe_at_s=now_s)


def heard(breaker: Breaker, ok: bool | None, *, began_s: float, now_s: float) -> Breaker:
    """The call that began at `began_s` is over: it went well, it failed, or (None) it tells nothing of the address.

    Every call that began must be heard of, a cancelled one with None: that gives its probe back.
    """
    if breaker.open_until_s is None:
        return breaker if ok is not False or began_s < breaker.closed_at_s else _failed(breaker, now_s)
    if began_s != breaker.probe_at_s:
        return breaker
    if ok is None:
        return replace(breaker, probe_at_s=None)
    return _opened(breaker, now_s) if not ok else _closed(breaker, now_s)


def cool(breaker: Breaker, until_s: float) -> Breaker:
    """Nobody asks before `until_s`: the address itself named the time. An earlier time shortens nothing."""
    return replace(breaker, cool_until_s=max(breaker.cool_until_s, until_s))


def _failed(breaker: Breaker, now_s: float) -> Breaker:
    """One failure more; those that lie `period_s` or longer ago are forgotten."""
    recent = tuple(at_s for at_s in breaker.failures_at_s if now_s - at_s < breaker.bounds.period_s)
    if len(recent) + 1 >= breaker.bounds.failures_most:
        return _opened(breaker, now_s)
    return replace(breaker, failures_at_s=(*recent, now_s))


def _opened(breaker: Breaker, now_s: float) -> Breaker:
    return replace(breaker, failures_at_s=(), open_until_s=now_s + breaker.bounds.open_s, probe_at_s=None)


def _closed(breaker: Breaker, now_s: float) -> Breaker:
    return Breaker(breaker.bounds, closed_at_s=now_s, cool_until_s=breaker.cool_until_s)
