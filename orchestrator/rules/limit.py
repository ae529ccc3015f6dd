"""How much one deployment is asked at a time, and who is next. No clock and no waiting: the time is in the values.

`Concurrency` (in `concurrency.py`) and `Bucket` are frozen rules, `Queue` is who waits, and `Gate` puts them together:
a shell asks it who may go (`admit`), and waits where it says so.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ..envelope import Priority
from .concurrency import Call, Concurrency, rate_limited, restarted, succeeded, taken
from .outcome import Outcome

#: How long a request waits for its turn while nothing moves, in seconds.
WAIT_MOST_S = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the asking of one deployment; None is no bound. Whole numbers are at least 1, `waiting_most` 0.

    A deployment starts without a bound that anybody feels, since nothing is known of it before it complains; then half
    of what was in flight is the bound. `ageing_s` is how long a request waits per class until it counts as the best.
    """

    concurrency_start: int = 1000
    concurrency_most: int = 1000
    concurrency_window: int = 32
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    waiting_most: int = 10_000
    wait_most_s: float = WAIT_MOST_S
    ageing_s: float = 10.0


def concurrency(limits: Limits) -> Concurrency:
    """Where a deployment starts."""
    start = max(1, min(limits.concurrency_start, limits.concurrency_most))
    return Concurrency(start, max(1, limits.concurrency_most), limits.concurrency_window)


# ---------------------------------------------------------------- how much in a minute


@dataclass(frozen=True, slots=True)
class Bucket:
    """Whole units, such as requests or tokens: a tenth of a minute's at once, the rest evenly.

    At every admission the sum of what was taken in the 60 s before it (it included, corrections included) is at most
    `per_minute`, or as much more as the admitted amount is greater than `capacity`: such an amount waits for a full
    bucket and leaves a debt.
    """

    per_minute: int
    level: float = 0.0
    #: When the level was so. What was empty at the beginning of time is full at any other.
    at_s: float = -math.inf

    @property
    def capacity(self) -> float:
        """The most that can be taken at once without a debt."""
        return max(1.0, self.per_minute / 10)

    @property
    def per_second(self) -> float:
        """capacity + 60 s of this is per_minute + 1, which whole units in less than 60 s never reach."""
        return (self.per_minute + 1 - self.capacity) / 60


def bucket(per_minute: int | None) -> Bucket | None:
    """A full bucket, or None where there is no bound."""
    return None if per_minute is None else Bucket(per_minute)


def level(state: Bucket, now_s: float) -> float:
    """What is in it now; negative is a debt."""
    return min(state.capacity, state.level + (now_s - state.at_s) * state.per_second)


def ready_at_s(state: Bucket, amount: int, now_s: float) -> float:
    """From when on this amount may be taken; `now_s` where it may at once."""
    missing = min(amount, state.capacity) - level(state, now_s)
    return now_s if missing <= 0 else now_s + missing / state.per_second


def take(state: Bucket, amount: int, now_s: float) -> Bucket:
    """Take an amount; a negative one gives back what was taken too much."""
    return replace(state, level=level(state, now_s) - amount, at_s=now_s)


# ---------------------------------------------------------------- who is next


@dataclass(slots=True, eq=False)
class Waiter:
    """A request that waits from `since_s` until `until_s` at most. `call` is its place in flight once it has one."""

    job: str
    priority: Priority
    tokens: int
    since_s: float
    until_s: float
    call: Call | None = None


W = TypeVar("W", bound=Waiter)


class Queue(Generic[W]):
    """Who waits, and who is next: the best class; within it jobs take turns; within a job the oldest.

    A request that has waited `ageing_s` for each class it stands below the best counts from then on like one of the
    best class that has just come. Ahead of it are then only those of the best class which waited already: at most as
    many of its own job, and for each of these turns one of every other job that waits. Every call is O(1).
    """

    def __init__(self, ageing_s: float) -> None:
        self._ageing_s = ageing_s
        #: By class, the jobs in the order of their turns, and of each job its requests in the order of their coming.
        self._turns: dict[Priority, OrderedDict[str, OrderedDict[W, None]]] = {each: OrderedDict() for each in Priority}
        #: By class, all that could still age, oldest first.
        self._ageing: dict[Priority, OrderedDict[W, None]] = {each: OrderedDict() for each in Priority}
        self._class_of: dict[W, Priority] = {}

    def __len__(self) -> int:
        return len(self._class_of)

    def add(self, waiter: W) -> None:
        """At the end of its line. Requests are added in the order of their `since_s`."""
        self._age(waiter.since_s)
        self._put(waiter, waiter.priority)

    def remove(self, waiter: W) -> None:
        """Take it out, wherever it stands; its job keeps its turn."""
        kind = self._class_of.pop(waiter)
        line = self._turns[kind][waiter.job]
        del line[waiter]
        if not line:
            del self._turns[kind][waiter.job]
        self._ageing[kind].pop(waiter, None)

    def first(self, now_s: float) -> W | None:
        """The next, who stays in the queue."""
        self._age(now_s)
        turns = next((turns for turns in self._turns.values() if turns), None)
        return next(iter(next(iter(turns.values())))) if turns else None

    def take(self, waiter: W) -> None:
        """Take out the next: its job goes behind the others."""
        turns = self._turns[self._class_of[waiter]]
        turns.move_to_end(waiter.job)
        self.remove(waiter)

    def _put(self, waiter: W, kind: Priority) -> None:
        self._class_of[waiter] = kind
        self._turns[kind].setdefault(waiter.job, OrderedDict())[waiter] = None
        if kind is not Priority.HIGH:
            self._ageing[kind][waiter] = None

    def _age(self, now_s: float) -> None:
        while oldest := [next(iter(line)) for line in self._ageing.values() if line]:
            waiter = min(oldest, key=self._due_s)
            if self._due_s(waiter) > now_s:
                return
            self.remove(waiter)
            self._put(waiter, Priority.HIGH)

    def _due_s(self, waiter: W) -> float:
        return waiter.since_s + waiter.priority * self._ageing_s


# ---------------------------------------------------------------- all of it


class Gate(Generic[W]):
    """Everything that limits one deployment, but for the waiting."""

    def __init__(self, limits: Limits) -> None:
        self.concurrency = concurrency(limits)
        self.queue = Queue[W](limits.ageing_s)
        self.in_flight = self.begun = 0
        self.requests, self.tokens = bucket(limits.requests_per_minute), bucket(limits.tokens_per_minute)
        #: Whether there is a bound per minute, so that somebody must know the time.
        self.is_metered = bool(self.requests or self.tokens)
        self._reserved = 0

    def begin(self) -> Call | None:
        """A place at once, where nothing is metered, nobody waits and one is free; no time is needed for it."""
        if self.is_metered or self.in_flight >= self.concurrency.limit or self.queue:
            return None
        return self._begin()

    def admit(self, now_s: float) -> W | None:
        """The next who may go now, with its `call`; None when nobody may."""
        if self.in_flight >= self.concurrency.limit:
            return None
        waiter = self.queue.first(now_s)
        if waiter is None or self.ready_at_s(waiter, now_s) > now_s:
            return None
        self.queue.take(waiter)
        self._meter(1, waiter.tokens, now_s)
        waiter.call = self._begin(waiter.tokens, now_s - waiter.since_s)
        return waiter

    def head(self, now_s: float) -> W | None:
        """Who is next and waits for a bucket only; None when a place is what is missing, or nobody waits."""
        return None if self.in_flight >= self.concurrency.limit else self.queue.first(now_s)

    def ready_at_s(self, waiter: Waiter, now_s: float) -> float:
        """From when on the buckets allow it."""
        requests_s = ready_at_s(self.requests, 1, now_s) if self.requests else now_s
        tokens_s = ready_at_s(self.tokens, waiter.tokens, now_s) if self.tokens else now_s
        return max(requests_s, tokens_s)

    def is_hopeless(self, waiter: Waiter, now_s: float) -> bool:
        """Whether its time ends before the buckets allow it, even if all calls in flight gave back all their tokens."""
        if self.requests and ready_at_s(self.requests, 1, now_s) > waiter.until_s:
            return True
        if not self.tokens:
            return False
        return ready_at_s(take(self.tokens, -self._reserved, now_s), waiter.tokens, now_s) > waiter.until_s

    def finish(self, call: Call, outcome: Outcome | None, tokens: int | None, now_s: float) -> None:
        """A call is over; it used so many tokens, or (None) as many as were reserved for it, for all that is known."""
        match outcome:
            case Outcome.OK:
                self.concurrency = succeeded(self.concurrency, call, self.in_flight)
            case Outcome.RATE_LIMITED:
                self.concurrency = rate_limited(self.concurrency, call, begun=self.begun, in_flight=self.in_flight)
            case None | Outcome.CANCELLED | Outcome.COOLING:
                pass
            case _:
                self.concurrency = taken(self.concurrency, call)
        self._end(call)
        if tokens is not None:
            self._meter(0, tokens - call.tokens, now_s)

    def start_slowly(self, borne: int) -> None:
        """The deployment has recovered from a failure that came while `borne` calls were out."""
        self.concurrency = restarted(self.concurrency, borne, begun=self.begun)

    def undo(self, call: Call, now_s: float) -> None:
        """A place was given and nothing was sent: everything as if it had not been."""
        self._end(call)
        self._meter(-1, -call.tokens, now_s)

    def _begin(self, tokens: int = 0, waited_s: float = 0.0) -> Call:
        self.in_flight += 1
        self.begun += 1
        self._reserved += tokens
        return Call(self.begun, self.in_flight, tokens, waited_s)

    def _end(self, call: Call) -> None:
        self.in_flight -= 1
        self._reserved -= call.tokens

    def _meter(self, requests: int, tokens: int, now_s: float) -> None:
        if self.requests and requests:
            self.requests = take(self.requests, requests, now_s)
        if self.tokens and tokens:
            self.tokens = take(self.tokens, tokens, now_s)
