"""The limits hold for every story: at once, per minute, and whose turn it is."""

import math
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bullpen.orchestrator.envelope import Priority
from bullpen.orchestrator.rules.limit import (
    Bucket,
    Gate,
    Limits,
    Queue,
    Waiter,
    bucket,
    level,
    ready_at_s,
    take,
)
from bullpen.orchestrator.rules.outcome import Outcome


def waits(
    job: str, priority: Priority = Priority.NORMAL, since_s: float = 0.0, *, tokens: int = 0, most_s: float = math.inf
) -> Waiter:
    return Waiter(job, priority, tokens, since_s, since_s + most_s)


# ---------------------------------------------------------------- how much in a minute

AMOUNTS = st.tuples(
    st.floats(0, 30).map(lambda gap: round(gap, 3)),
    st.integers(1, 400),
    st.floats(0, 20).map(lambda gap: round(gap, 3)),
    st.integers(-400, 400),
)


@settings(max_examples=300, deadline=None)
@given(per_minute=st.integers(1, 600), story=st.lists(AMOUNTS, max_size=40))
def test_no_minute_holds_more_than_its_bound(per_minute: int, story: list[tuple[float, int, float, int]]) -> None:
    """At each admission, whatever was corrected before: what the 60 s up to it hold is within the bound."""
    state, now_s = Bucket(per_minute), 0.0
    taken: list[tuple[float, int]] = []
    for gap, amount, later, correction in story:
        now_s = ready_at_s(state, amount, now_s + gap)
        state = take(state, amount, now_s)
        taken.append((now_s, amount))
        in_a_minute = sum(each for at_s, each in taken if now_s - at_s < 60 - 1e-6)
        assert in_a_minute <= per_minute + max(0, math.ceil(amount - state.capacity))
        now_s += later
        state = take(state, max(correction, -amount), now_s)
        taken.append((now_s, max(correction, -amount)))


@given(per_minute=st.integers(1, 10_000))
def test_single_units_come_at_most_so_often_in_a_minute_and_hardly_less(per_minute: int) -> None:
    state, now_s, at_s = Bucket(per_minute), 0.0, list[float]()
    while now_s < 180 and len(at_s) < 400:
        now_s = ready_at_s(state, 1, now_s)
        state = take(state, 1, now_s)
        at_s.append(now_s)

    for first, last in zip(at_s, at_s[per_minute:], strict=False):
        assert last - first >= 60 - 1e-6
    assert state.per_second * 60 >= 0.9 * per_minute


def test_an_amount_greater_than_the_bucket_waits_for_a_full_one_and_leaves_a_debt() -> None:
    full = bucket(600)
    assert full is not None
    state = take(full, 600, 0.0)

    assert (full.capacity, level(full, 0.0), level(state, 0.0)) == (60, 60, -540)
    assert level(state, ready_at_s(state, 10_000, 0.0)) == 60
    assert level(take(state, -900, 0.0), 0.0) == 60


# ---------------------------------------------------------------- who is next


def served(queue: Queue[Waiter], now_s: float = 0.0, most: int = 1000) -> list[Waiter]:
    order: list[Waiter] = []
    while len(order) < most and (waiter := queue.first(now_s)) is not None:
        queue.take(waiter)
        order.append(waiter)
    return order


def test_the_best_class_goes_first_and_within_a_job_the_oldest() -> None:
    queue = Queue[Waiter](ageing_s=10)
    everyone = [waits("a", priority) for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH) for _ in range(2)]
    for waiter in everyone:
        queue.add(waiter)

    assert served(queue) == [*everyone[4:], *everyone[2:4], *everyone[:2]]
    assert len(queue) == 0


def test_jobs_take_turns_however_much_one_asks() -> None:
    queue = Queue[Waiter](ageing_s=10)
    for job in "aaaaaabbc":
        queue.add(waits(job))

    assert "".join(waiter.job for waiter in served(queue)) == "abcabaaaa"


def test_a_job_that_asks_one_by_one_has_its_turn_among_those_that_ask_for_much() -> None:
    queue = Queue[Waiter](ageing_s=10)
    for _ in range(100):
        queue.add(waits("much"))
    order: list[str] = []
    for _ in range(20):
        if order[-1:] != ["much"]:
            queue.add(waits("little"))
        order += [waiter.job for waiter in served(queue, most=1)]

    assert Counter(order) == {"much": 10, "little": 10}


def test_who_became_as_good_as_the_best_while_nobody_looked_goes_before_who_came_later() -> None:
    queue = Queue[Waiter](ageing_s=10)
    early = [waits("a", Priority.LOW, 0.0), waits("a", Priority.NORMAL, 11.0)]
    late = waits("a", Priority.HIGH, 25.0)
    for waiter in (*early, late):
        queue.add(waiter)

    assert served(queue, now_s=25) == [*early, late]


@given(asked=st.lists(st.sampled_from("ab"), max_size=60))
def test_while_both_wait_two_jobs_are_served_alike(asked: list[str]) -> None:
    queue = Queue[Waiter](ageing_s=10)
    left, had = Counter(asked), Counter[str]()
    for job in asked:
        queue.add(waits(job))
    for waiter in served(queue):
        if min(left["a"], left["b"]) > 0:
            had[waiter.job] += 1
            assert abs(had["a"] - had["b"]) <= 1
        left[waiter.job] -= 1


@settings(deadline=None)
@given(
    jobs=st.integers(1, 5),
    depth=st.integers(1, 8),
    priority=st.sampled_from([Priority.NORMAL, Priority.LOW]),
    every_s=st.sampled_from([0.01, 0.3, 1.0, 4.0]),
    own=st.booleans(),
)
def test_under_an_endless_flood_of_high_everyone_has_a_turn_within_the_bound(
    jobs: int, depth: int, priority: Priority, every_s: float, own: bool
) -> None:
    """The flood keeps `depth` waiting of each of its jobs; one is served every `every_s`.

    Bound: ageing_s for each class beneath the best, then one turn of every other job for each of its own ahead and
    for itself.
    """
    queue = Queue[Waiter](ageing_s=10)
    poor = waits("0" if own else "poor", priority)
    queue.add(poor)
    waiting = Counter[str]()
    now_s = turns_after_ageing = 0.0
    turns_most = (jobs + 1) * (depth + 1 if own else 1)
    while True:
        for job in map(str, range(jobs)):
            while waiting[job] < depth:
                queue.add(waits(job, Priority.HIGH, now_s))
                waiting[job] += 1
        (next_one,) = served(queue, now_s, most=1)
        if next_one is poor:
            break
        waiting[next_one.job] -= 1
        turns_after_ageing += now_s >= 10 * priority
        assert turns_after_ageing <= turns_most
        now_s += every_s

    assert now_s >= 10 * priority


# ---------------------------------------------------------------- all of it


class Story(RuleBasedStateMachine):
    """Requests come, wait, go, end in any way, or are given up, of three jobs and in any order."""

    LIMITS = Limits(
        concurrency_start=4,
        concurrency_most=6,
        concurrency_window=3,
        requests_per_minute=20,
        tokens_per_minute=1000,
        ageing_s=5,
    )

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate[Waiter](self.LIMITS)
        self.now_s = 0.0
        self.waiting: list[Waiter] = []
        self.out: list[Waiter] = []
        #: What the buckets were charged, and when; less than nothing is a refund.
        self.requests: list[tuple[float, int]] = []
        self.tokens: list[tuple[float, int]] = []

    def admit(self) -> None:
        while (waiter := self.gate.admit(self.now_s)) is not None:
            self.waiting.remove(waiter)
            self.out.append(waiter)
            self.requests.append((self.now_s, 1))
            self.tokens.append((self.now_s, waiter.tokens))
            assert len(self.out) <= self.gate.concurrency.limit
            assert self._in_a_minute(self.requests) <= 20
            assert self._in_a_minute(self.tokens) <= 1000 + max(0, waiter.tokens - 100)

    def _in_a_minute(self, charged: list[tuple[float, int]]) -> int:
        return sum(amount for at_s, amount in charged if self.now_s - at_s < 60 - 1e-6)

    @rule(
        job=st.sampled_from("abc"),
        priority=st.sampled_from(list(Priority)),
        tokens=st.integers(0, 300),
        most_s=st.sampled_from([5.0, 60.0]),
    )
    def comes(self, job: str, priority: Priority, tokens: int, most_s: float) -> None:
        waiter = waits(job, priority, self.now_s, tokens=tokens, most_s=most_s)
        self.gate.queue.add(waiter)
        self.waiting.append(waiter)
        self.admit()

    @rule(seconds=st.sampled_from([0.0, 0.5, 3, 20]))
    def time_goes(self, seconds: float) -> None:
        self.now_s += seconds
        self.admit()

    @precondition(lambda self: self.out)
    @rule(
        data=st.data(),
        outcome=st.sampled_from([Outcome.OK, Outcome.OK, Outcome.RATE_LIMITED, Outcome.SERVER_ERROR, None]),
        used=st.integers(0, 400) | st.none(),
    )
    def ends(self, data: st.DataObject, outcome: Outcome | None, used: int | None) -> None:
        call = self._drawn(data, self.out).call
        assert call is not None
        before, in_flight = self.gate.concurrency, self.gate.in_flight
        self.gate.finish(call, outcome, used, self.now_s)
        if used is not None:
            self.tokens.append((self.now_s, used - call.tokens))
        after = self.gate.concurrency
        if call.number <= before.halved_at:
            assert after.limit == before.limit
        elif outcome is Outcome.RATE_LIMITED:
            halved = max(1, min(before.limit, in_flight) // 2)
            assert after.limit in (before.limit, halved, before.limit_before)
        self.admit()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def is_given_up(self, data: st.DataObject) -> None:
        self.gate.queue.remove(self._drawn(data, self.waiting))
        self.admit()

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def is_undone(self, data: st.DataObject) -> None:
        waiter = self._drawn(data, self.out)
        assert waiter.call is not None
        self.gate.undo(waiter.call, self.now_s)
        self.requests.append((self.now_s, -1))
        self.tokens.append((self.now_s, -waiter.tokens))
        self.admit()

    def _drawn(self, data: st.DataObject, among: list[Waiter]) -> Waiter:
        return among.pop(data.draw(st.integers(0, len(among) - 1)))

    @invariant()
    def the_counts_are_those_of_the_story(self) -> None:
        assert self.gate.in_flight == len(self.out)
        assert len(self.gate.queue) == len(self.waiting)
        assert 1 <= self.gate.concurrency.limit <= 6

    @invariant()
    def whoever_is_next_is_of_the_best_class_and_the_oldest_of_its_job(self) -> None:
        first = self.gate.queue.first(self.now_s)
        if first is None:
            assert not self.waiting
            return
        assert self._class(first) == min(map(self._class, self.waiting))
        alike = [each for each in self.waiting if each.job == first.job and self._class(each) == self._class(first)]
        assert self._due_s(first) == min(map(self._due_s, alike))

    def _class(self, waiter: Waiter) -> Priority:
        return Priority.HIGH if self._due_s(waiter) <= self.now_s else waiter.priority

    def _due_s(self, waiter: Waiter) -> float:
        return waiter.since_s + 5 * waiter.priority

    @invariant()
    def nobody_waits_who_may_go(self) -> None:
        head = self.gate.head(self.now_s)
        assert head is None or self.gate.ready_at_s(head, self.now_s) > self.now_s

    def teardown(self) -> None:
        """When everything in flight has ended, time alone lets everyone through who waits."""
        for waiter in self.out:
            assert waiter.call is not None
            self.gate.finish(waiter.call, None, 0, self.now_s)
        tries = 0
        while len(self.gate.queue):
            tries += 1
            head = self.gate.head(self.now_s)
            assert head is not None
            assert tries <= 2 * len(self.waiting)
            self.now_s = self.gate.ready_at_s(head, self.now_s)
            # None where the time, rounded, is a hair too early: then the next try comes that much later.
            if (admitted := self.gate.admit(self.now_s)) is not None:
                assert admitted.call is not None
                self.gate.finish(admitted.call, None, 0, self.now_s)


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)


def test_a_newcomer_does_not_overtake_who_waits() -> None:
    gate = Gate[Waiter](Limits())
    gate.queue.add(waits("a"))

    assert gate.begin() is None


def test_hopeless_is_who_could_not_go_even_if_all_tokens_in_flight_came_back() -> None:
    gate = Gate[Waiter](Limits(tokens_per_minute=1000))
    gate.queue.add(waits("a", tokens=1000))
    first = gate.admit(0.0)
    assert first is not None
    assert first.call is not None
    impatient = waits("b", tokens=50, most_s=20)

    assert gate.ready_at_s(impatient, 0.0) > 60
    assert not gate.is_hopeless(impatient, 0.0)
    gate.finish(first.call, Outcome.OK, 1000, 0.0)
    assert gate.is_hopeless(impatient, 0.0)
    assert not gate.is_hopeless(waits("b", tokens=50), 0.0)
