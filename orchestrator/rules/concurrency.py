"""How many calls one deployment may have in flight: additive increase, multiplicative decrease, and a judge. Pure.

The problem: a 429 may say that too much is in flight, and then asking less helps. Or it comes whatever is in flight,
since others use the same account or the provider sheds a share of all calls, and then asking less only makes everything
slower. One 429 looks like the other; what tells them apart is whether lowering the limit helped.

- **When to lower.** Refusals beyond a tolerated share add up in a leaky bucket: a refusal is a drop more, a call that
  was taken lets out as much as the tolerated share allows. At `_DROPS_MOST`, and one for every two calls in flight
  (refusals come back sooner than answers), the limit becomes half of what was in flight. Where a limit is known already
  to have helped, one refusal at the place that was refused is enough.
- **Did it help?** Each lowering is on trial for the next `window` calls, or fewer at a limit of 1 to 3. It helped where
  the share of refusals fell to a third, or clearly more of the calls are taken: a provider that takes N at once takes N
  of L, so half of L doubles that. Then the limit grows fast to just beneath the place that was refused and slowly
  beyond it.
- **It did not.** Then the limit is what it was before, and what was refused is tolerated, and half as much again. That
  wears off over about a thousand calls, so that it is tried again.

A limit of one is never lowered. Not promised: to tell the two apart where nearly all calls are refused.
Sources: Chiu and Jain 1989 (AIMD); TCP Vegas, Brakmo and Peterson 1995, and gradient limiters (a limit is judged by
what a change of it changes); Page 1954 (the leaky bucket as a test for a change of rate).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

#: The least share of refusals that is tolerated and the most, and how many refusals beyond it lower the limit.
_TOLERANCE_LEAST, _TOLERANCE_MOST, _DROPS_MOST = 0.05, 0.95, 8
#: What is left of a tolerance after one call more.
_WEARS = 1 - 1 / 1000
#: A trial takes `window` calls, or so many for each that the limit lets in where these are fewer.
_TRIAL = 8
#: How much greater than the calls taken the refusals of a lowered limit must be to lower it again before it is judged.
_EXCESS = 3


class Call(NamedTuple):
    """A call in flight: the how-manieth it is of all, and which place it took, counted among those in flight then."""

    number: int
    place: int
    #: What it reserved.
    tokens: int = 0
    #: How long it waited for its place.
    waited_s: float = 0.0


class Tally(NamedTuple):
    """How many calls were taken, whatever came of them then, and how many were refused with a 429."""

    taken: int = 0
    refused: int = 0

    @property
    def calls(self) -> int:
        """All of them."""
        return self.taken + self.refused

    def and_one(self, is_refused: bool) -> "Tally":
        """One call more. Old ones lose weight, so that the numbers stay small."""
        taken, refused = (self.taken // 2, self.refused // 2) if self.calls >= 1024 else self
        return Tally(taken + (not is_refused), refused + is_refused)


_NO_CALLS = Tally()


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many may be in flight, within [1, most], and what is known of it."""

    limit: int
    most: int
    window: int
    successes: int = 0
    #: The least place that was refused before the last lowering that helped, or is on trial; None where none is known.
    refused: int | None = None
    #: How many calls had begun at the last lowering: they tell nothing about the new limit.
    halved_at: int = 0
    #: How the calls went that began since.
    since: Tally = _NO_CALLS
    #: While a lowering is on trial: the limit before it, and how the calls went that began before; else 0.
    limit_before: int = 0
    before: Tally = _NO_CALLS
    #: What share of refusals is tolerated, the refusals beyond it, and the least place among these.
    tolerance: float = _TOLERANCE_LEAST
    drops: float = 0.0
    drops_place: int | None = None


def succeeded(state: Concurrency, call: Call, in_flight: int) -> Concurrency:
    """A call went well while `in_flight` were out, itself included.

    It raises the limit only where that was reached, since a limit that nobody touches proves nothing. Beneath what was
    last refused each success raises the limit by one, which doubles it in a round trip; to try that again, or more,
    takes `window` successes each.
    """
    state = taken(state, call)
    if in_flight < state.limit or state.limit >= state.most or call.number <= state.halved_at:
        return state
    is_beneath = state.refused is None or state.limit + 1 < state.refused
    if is_beneath or state.successes + 1 >= state.window:
        return replace(state, limit=state.limit + 1, successes=0)
    return replace(state, successes=state.successes + 1)


def taken(state: Concurrency, call: Call) -> Concurrency:
    """A call was not refused, whatever came of it then."""
    if call.number <= state.halved_at:
        return replace(state, before=state.before.and_one(False)) if state.limit_before else state
    drops = max(0.0, state.drops - state.tolerance / (1 - state.tolerance))
    place = state.drops_place if drops else None
    return _judged(replace(_worn(state), since=state.since.and_one(False), drops=drops, drops_place=place))


def rate_limited(state: Concurrency, call: Call, *, begun: int, in_flight: int) -> Concurrency:
    """A call was refused with a 429 while `in_flight` were out, itself included; `begun` have begun so far."""
    if call.number <= state.halved_at:
        if not state.limit_before:
            return state
        return replace(state, before=state.before.and_one(True), refused=_least(state.refused, call.place))
    known, place = state.refused, _least(state.drops_place, call.place)
    state = replace(_worn(state), since=state.since.and_one(True), drops=state.drops + 1, drops_place=place)
    if state.limit_before:
        is_too_much = state.since.refused - state.since.taken >= _EXCESS + in_flight // 2
    else:
        is_too_much = state.drops >= _DROPS_MOST + in_flight // 2 or (known is not None and call.place >= known)
    reached = min(state.limit, in_flight)
    return _lowered(state, reached, begun) if is_too_much and reached > 1 else _judged(state)


def restarted(state: Concurrency, borne: int, *, begun: int) -> Concurrency:
    """The deployment has recovered from a failure that came while `borne` calls were out; `begun` have begun so far.

    A quarter of them may go, 2 at least, and each success lets in one more, which doubles them in a round trip.
    """
    limit = min(state.limit, max(2, borne // 4))
    return Concurrency(limit, state.most, state.window, halved_at=begun, tolerance=state.tolerance)


def _lowered(state: Concurrency, reached: int, begun: int) -> Concurrency:
    """Half of what was in flight, once for all that were. A trial that goes on is about the limit before the first."""
    is_first = not state.limit_before
    refused = state.drops_place if is_first or state.refused is None else _least(state.drops_place, state.refused)
    return replace(
        state,
        limit=reached // 2,
        successes=0,
        refused=refused,
        halved_at=begun,
        limit_before=state.limit if is_first else state.limit_before,
        before=state.since if is_first else state.before,
        since=_NO_CALLS,
        drops=0.0,
        drops_place=None,
    )


def _judged(state: Concurrency) -> Concurrency:
    """The end of a trial."""
    if not state.limit_before or state.since.calls < min(state.window, _TRIAL * state.limit):
        return state
    before, since = state.before, state.since
    has_fewer_refused = 3 * since.refused * before.calls <= before.refused * since.calls
    has_more_taken = 2 * (since.taken - 2) * before.calls >= 3 * before.taken * since.calls
    if has_fewer_refused or has_more_taken:
        # A place within the limit was taken since: it was not the place that was refused.
        is_within = state.refused is not None and state.refused <= state.limit
        refused = 2 * state.limit + 1 if is_within else state.refused
        return replace(state, refused=refused, limit_before=0, before=_NO_CALLS)
    share = (before.refused + since.refused) / (before.calls + since.calls)
    tolerance = min(_TOLERANCE_MOST, max(state.tolerance, 1.5 * share + _TOLERANCE_LEAST))
    limit = max(state.limit, state.limit_before)
    return Concurrency(limit, state.most, state.window, halved_at=state.halved_at, tolerance=tolerance)


def _worn(state: Concurrency) -> Concurrency:
    if state.tolerance == _TOLERANCE_LEAST:
        return state
    tolerance = _TOLERANCE_LEAST + (state.tolerance - _TOLERANCE_LEAST) * _WEARS
    return replace(state, tolerance=tolerance)


def _least(place: int | None, other: int) -> int:
    return other if place is None else min(place, other)
