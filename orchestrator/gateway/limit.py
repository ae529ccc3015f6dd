"""The layer that keeps within what one deployment allows: at once, per minute, and whose turn it is.

The rules are in `rules/limit.py`; here is the waiting. Whoever waits sleeps on an event of its own, so that a place
that comes free wakes one request and no herd. A bucket that fills up wakes nobody by itself: the next in line has an
alarm at the time when it will have filled.
"""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import anyio

from ..clock import monotonic_s
from ..errors import Overloaded
from ..rules.concurrency import Call
from ..rules.limit import Gate, Limits, Waiter
from ..rules.limit import level as bucket_level
from .model import Completion, Model, Request


class LimiterStatistics(NamedTuple):
    """What a limiter holds now; None where nothing per minute is bounded, negative after an estimate too low."""

    in_flight: int
    waiting: int
    limit: int
    requests_left: float | None
    tokens_left: float | None


@dataclass(slots=True, eq=False)
class _Sleeper(Waiter):
    event: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope | None = None
    #: The latest that its caller waits for.
    deadline_s: float = math.inf
    #: When it looks again by itself, since the bucket will have filled.
    alarm_s: float = math.inf

    def wake_at(self, alarm_s: float) -> None:
        """Set the alarm, also of one who sleeps already."""
        self.alarm_s = alarm_s
        if self.scope is not None:
            self.scope.deadline = min(self.until_s, alarm_s)


class Limiter:
    """What all requests to one deployment share, whichever job they are of. Belongs to one event loop."""

    def __init__(self, name: str, limits: Limits | None = None, *, is_own_server: bool = False) -> None:
        self.name, self._limits, self._is_own_server = name, limits or Limits(), is_own_server
        self._gate = Gate[_Sleeper](self._limits)
        #: When the last good answer came while others waited.
        self._moved_s = -math.inf
        #: By job, how many of its requests wait or are in flight.
        self._jobs: Counter[str] = Counter()

    @contextmanager
    def present(self, job: str) -> Iterator[None]:
        """A request of this job waits or is in flight."""
        self._jobs[job] += 1
        try:
            yield
        finally:
            self._jobs[job] -= 1
            if not self._jobs[job]:
                del self._jobs[job]

    def enter_nowait(self) -> Call | None:
        """A place at once, or None where it takes a look at the time or at who waits."""
        return self._gate.begin()

    async def enter(self, request: Request) -> Call:
        """Wait for a place, which `leave` gives back. Raises Overloaded, and then nothing was left behind.

        A cancelled caller leaves no trace: neither in the queue nor in the counts of the minute.
        """
        if (time := request.time) is not None and self._is_own_server and len(self._jobs) == 1:
            time.stop()  # all before it are its siblings
        sleeper = self._sleeper(request)
        self._gate.queue.add(sleeper)
        try:
            self._hand_out(sleeper.since_s)
            if sleeper.call is None and len(self._gate.queue) > self._limits.waiting_most:
                raise Overloaded(self._full())
            while sleeper.call is None:
                await self._sleep(sleeper)
        except BaseException:
            self._withdraw(sleeper)
            raise
        finally:
            if time is not None:
                time.go_on()
        return sleeper.call

    def leave(self, call: Call, completion: Completion | None) -> None:
        """The call is over; None where it was cancelled or raised. Whoever is next goes."""
        gate = self._gate
        outcome = None if completion is None else completion.outcome
        if not gate.is_metered and not gate.queue:
            gate.finish(call, outcome, None, 0.0)
            return
        now_s = monotonic_s()
        if outcome is not None and outcome.rule.is_well:
            self._moved_s = now_s
        gate.finish(call, outcome, _tokens_used(completion), now_s)
        self._hand_out(now_s)

    def start_slowly(self, borne: int) -> None:
        """Let calls in little by little: the deployment has just recovered, and `borne` calls were too many for it."""
        self._gate.start_slowly(borne)

    def statistics(self) -> LimiterStatistics:
        """What is in it now."""
        gate, now_s = self._gate, monotonic_s()
        left = [None if bucket is None else bucket_level(bucket, now_s) for bucket in (gate.requests, gate.tokens)]
        return LimiterStatistics(gate.in_flight, len(gate.queue), gate.concurrency.limit, *left)

    def _sleeper(self, request: Request) -> _Sleeper:
        now_s = monotonic_s()
        tokens = _tokens_most(request) if self._limits.tokens_per_minute is not None else 0
        sleeper = _Sleeper(request.steps.job, request.priority, tokens, now_s, now_s, deadline_s=request.until_s)
        sleeper.until_s = self._until_s(sleeper)
        return sleeper

    def _until_s(self, sleeper: _Sleeper) -> float:
        """How long it waits: to stand behind one's own calls is no overload for as long as they are answered."""
        return min(sleeper.deadline_s, max(sleeper.since_s, self._moved_s) + self._limits.wait_most_s)

    async def _sleep(self, sleeper: _Sleeper) -> None:
        """Until it is woken, its alarm or its time is over; then its turn is tried for. Raises Overloaded."""
        with anyio.CancelScope(deadline=min(sleeper.until_s, sleeper.alarm_s)) as sleeper.scope:
            await sleeper.event.wait()
        if sleeper.call is not None:
            return
        sleeper.alarm_s, now_s = math.inf, monotonic_s()
        sleeper.until_s = self._until_s(sleeper)
        self._hand_out(now_s)
        if sleeper.call is None and (now_s >= sleeper.until_s or self._gate.is_hopeless(sleeper, now_s)):
            raise Overloaded(self._late(sleeper, now_s))

    def _hand_out(self, now_s: float) -> None:
        """Give a place to everyone who may go, and the next an alarm where it waits for a bucket."""
        gate = self._gate
        while (sleeper := gate.admit(now_s)) is not None:
            sleeper.event.set()
        head = gate.head(now_s)
        if head is not None:
            # Who waits in vain is woken at once and gives up: the next may want less.
            head.wake_at(now_s if gate.is_hopeless(head, now_s) else gate.ready_at_s(head, now_s))

    def _withdraw(self, sleeper: _Sleeper) -> None:
        now_s = monotonic_s()
        if sleeper.call is not None:
            self._gate.undo(sleeper.call, now_s)
        else:
            self._gate.queue.remove(sleeper)
        self._hand_out(now_s)

    def _full(self) -> str:
        return (
            f"deployment {self.name!r}: {len(self._gate.queue) - 1} requests wait already, its bound (waiting_most); "
            "nothing was queued: run fewer jobs at once, raise the bound or add a rung"
        )

    def _late(self, sleeper: _Sleeper, now_s: float) -> str:
        gate, waited_s, most_s = self._gate, now_s - sleeper.since_s, max(0.0, sleeper.until_s - sleeper.since_s)
        bound = "its deadline" if sleeper.until_s >= sleeper.deadline_s else "wait_most_s"
        return (
            f"deployment {self.name!r}: no turn in {waited_s:.1f} s of at most {most_s:.1f} s ({bound}): "
            f"{gate.in_flight} in flight of {gate.concurrency.limit}, {len(gate.queue)} wait of at most "
            f"{self._limits.waiting_most}; run fewer jobs at once, raise the bound or add a rung"
        )


class Limit:
    """Lets a request through when the deployment's limiter has a place for it."""

    def __init__(self, inner: Model, limiter: Limiter) -> None:
        self._inner, self._limiter = inner, limiter

    async def complete(self, request: Request) -> Completion:
        """The answer. Raises Overloaded where the wait would be too long; nothing was sent then."""
        with self._limiter.present(request.steps.job):
            return await self._complete(request)

    async def _complete(self, request: Request) -> Completion:
        limiter = self._limiter
        call = limiter.enter_nowait() or await limiter.enter(request)
        completion: Completion | None = None
        try:
            if call.waited_s:
                waited = {"seconds": round(call.waited_s, 4)}
                request.steps.note("model.waited", waited, step=request.step, recipient=limiter.name)
            completion = await self._inner.complete(request)
        finally:
            limiter.leave(call, completion)
        return completion


def _tokens_most(request: Request) -> int:
    """A bound on what the request can use: few tokenizers make a token of less than three bytes."""
    text_bytes = sum(len(message.content.encode()) for message in request.messages)
    return text_bytes // 3 + (request.rung.tokens_out_most if request.rung else 0)


def _tokens_used(completion: Completion | None) -> int | None:
    """What was used; None where nobody knows."""
    if completion is None:
        return None
    used = completion.usage.tokens_in + completion.usage.tokens_out
    return used if used or completion.outcome.rule.is_free else None
