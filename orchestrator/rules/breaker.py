"""Whether an address that has failed may be asked now: a circuit breaker by failure rate. Pure: time is in the values.

closed ──the failure rate is too high──▶ open ──open_s──▶ half-open: one probe at a time
  ▲                                       ▲                   │
  └──────────── it succeeds ──────────────┼───────────────────┤
                                          └── it fails: open_s doubles

The problem: an address that is down costs every caller its time-outs and retries, so it is left alone. But an address
that fails now and then is worth asking: to leave that one alone costs more than its faults do. So it is the rate of
failures that opens the breaker and not their number. A busy address has many failures; they say nothing by themselves.

- **Failure rate.** A leaky bucket stands for the sliding window: a failure is a drop more, a good answer takes
  `failures_a_success` drops out. So it fills only while more than that share of the calls fail (nine of ten), and it
  is one number however many calls there are. What is `period_s` old is forgotten.
- **Minimum number of calls.** It opens at `calls_least` drops, at up to six more for an address that was well lately,
  and at one more for each other call under way, since what overlaps in time tells of one moment only. One caller alone
  knows a dead address after five failures; a thousand callers do not take a bad moment for an end, and at three
  failures in ten hardly ever see it open.
- **Half-open.** After half a second one call probes the address. Each probe that fails doubles the time until the next,
  up to half a minute, so an address that was down for T seconds is asked again before 2 T: waiting for it costs no more
  than the fault does. After a probe that succeeds the limiter lets calls in by a slow start (`rules/limit.py`).
- **Whether to wait for it.** An address that was well before is worth waiting for (`is_worth_waiting`); one that was
  not is not, and who is turned away from it asks again as often as after a failure. A run of failures, however long,
  counts as one against it: an outage does not make it an address that never worked.

Not promised: that a rate between three and nine failures in ten is noticed. Every caller's own retries bear that.

A call is known by the time at which it began. What a call tells counts for the state in which it began and for no
later one, so a time-out that started before the opening neither closes, prolongs nor opens anything.
Sources: Nygard, Release It! (circuit breaker); CUSUM charts (Page 1954), of which the leaky bucket is one.
"""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a breaker opens, and for how long. A probe of which nothing is heard for `probe_s` no longer counts."""

    calls_least: int = 5
    failures_a_success: int = 9
    period_s: float = 30.0
    open_first_s: float = 0.5
    open_most_s: float = 30.0
    probe_s: float = 120.0


#: From how much standing on an address counts as one that was well, and the most it can have: a success is one more,
#: a run of failures two less.
_WELL, _STANDING_MOST = 3, 8


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of one address. Closed while `open_until_s` is None; from that time on it is half-open."""

    bounds: Bounds = Bounds()
    #: The drops in the bucket, and when the last one fell.
    failures: int = 0
    failed_at_s: float = -math.inf
    standing: int = 0
    #: Whether the last call failed.
    is_failing: bool = False
    #: When it last closed: calls that began earlier have no say.
    closed_at_s: float = -math.inf
    open_until_s: float | None = None
    #: How long it was opened for, and how many other calls were under way when it first was.
    open_s: float = 0.0
    under_way: int = 0
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


def is_worth_waiting(breaker: Breaker, now_s: float) -> bool:
    """Whether who is turned away had better wait: the address named a time itself, or it was well before."""
    return now_s < breaker.cool_until_s or breaker.standing >= _WELL


def begin(breaker: Breaker, now_s: float) -> Breaker:
    """A call begins, where `may_ask` allows it. While half-open it is the probe, and no other may begin."""
    return breaker if breaker.open_until_s is None else replace(breaker, probe_at_s=now_s)


def heard(breaker: Breaker, ok: bool | None, *, began_s: float, now_s: float, under_way: int = 0) -> Breaker:
    """The call that began at `began_s` is over: it went well, it failed, or (None) it tells nothing of the address.

    `under_way` is how many other calls are. Every call that began must be heard of, a cancelled one with None: that
    gives its probe back.
    """
    if breaker.open_until_s is None:
        if ok is None or began_s < breaker.closed_at_s:
            return breaker
        return _succeeded(breaker) if ok else _failed(breaker, now_s, under_way)
    if began_s != breaker.probe_at_s:
        return breaker
    if ok is None:
        return replace(breaker, probe_at_s=None)
    return _closed(breaker, now_s) if ok else _opened(breaker, now_s, breaker.under_way)


def cool(breaker: Breaker, until_s: float) -> Breaker:
    """Nobody asks before `until_s`: the address itself named the time. An earlier time shortens nothing."""
    return replace(breaker, cool_until_s=max(breaker.cool_until_s, until_s))


def _succeeded(breaker: Breaker) -> Breaker:
    if not breaker.is_failing and not breaker.failures and breaker.standing == _STANDING_MOST:
        return breaker  # the usual case
    failures = max(0, breaker.failures - breaker.bounds.failures_a_success)
    standing = min(_STANDING_MOST, breaker.standing + 1)
    return replace(breaker, failures=failures, standing=standing, is_failing=False)


def _failed(breaker: Breaker, now_s: float, under_way: int) -> Breaker:
    """One failure more; the first after a success costs standing."""
    bounds = breaker.bounds
    standing = breaker.standing if breaker.is_failing else max(0, breaker.standing - 2)
    failures = 1 + (breaker.failures if now_s - breaker.failed_at_s < bounds.period_s else 0)
    failing = replace(breaker, failures=failures, failed_at_s=now_s, standing=standing, is_failing=True)
    return _opened(failing, now_s, under_way) if failures >= bounds.calls_least + standing + under_way else failing


def _opened(breaker: Breaker, now_s: float, under_way: int) -> Breaker:
    """It opens, or a probe failed: then for twice as long."""
    bounds = breaker.bounds
    open_s = bounds.open_first_s if breaker.open_until_s is None else min(2 * breaker.open_s, bounds.open_most_s)
    return replace(breaker, open_until_s=now_s + open_s, open_s=open_s, under_way=under_way, probe_at_s=None)


def _closed(breaker: Breaker, now_s: float) -> Breaker:
    standing = min(_STANDING_MOST, breaker.standing + 1)
    return Breaker(breaker.bounds, standing=standing, closed_at_s=now_s, cool_until_s=breaker.cool_until_s)
