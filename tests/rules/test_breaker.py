"""The breaker opens and closes exactly by its rules, whatever the order in which calls begin and are heard of."""

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bullpen.orchestrator.rules.breaker import (
    Bounds,
    Breaker,
    begin,
    cool,
    heard,
    is_worth_waiting,
    may_ask,
    ready_at_s,
)


def tell(breaker: Breaker, ok: bool, *at_s: float, under_way: int = 0) -> Breaker:
    for now_s in at_s:
        breaker = heard(begin(breaker, now_s), ok, began_s=now_s, now_s=now_s, under_way=under_way)
    return breaker


def fail(breaker: Breaker, *at_s: float, under_way: int = 0) -> Breaker:
    return tell(breaker, False, *at_s, under_way=under_way)


OPEN = fail(Breaker(), 0, 1, 2, 3, 4)


def test_one_caller_alone_knows_a_dead_address_after_five_failures() -> None:
    assert may_ask(fail(Breaker(), 0, 1, 2, 3), 4)
    assert not may_ask(OPEN, 4)
    assert ready_at_s(OPEN) == 4.5
    assert [may_ask(OPEN, now_s) for now_s in (4.4, 4.5)] == [False, True]


def test_what_overlaps_in_time_tells_of_one_moment_only() -> None:
    moment = [4.0] * 300

    assert may_ask(fail(Breaker(), *moment, under_way=300), 5)
    assert not may_ask(fail(Breaker(), *moment, *[4.1] * 5, under_way=300), 4.2)


def test_failures_further_apart_than_the_period_do_not_open_it() -> None:
    assert may_ask(fail(Breaker(), 0, 29, 58, 87, 117), 117)
    assert not may_ask(fail(Breaker(), 0, 29, 58, 87, 116), 116)


@settings(max_examples=30, deadline=None)
@given(
    share=st.floats(0, 0.3), seed=st.integers(0, 9), calls=st.sampled_from([100, 3000]), jobs=st.sampled_from([10, 300])
)
def test_with_many_calls_under_way_three_failures_in_ten_never_open_it(
    share: float, seed: int, calls: int, jobs: int
) -> None:
    """However many failures that makes: it is their rate that counts."""
    chance, breaker = Random(seed), Breaker()
    for n in range(calls):
        breaker = tell(breaker, chance.random() >= share, n / 100, under_way=jobs)
        assert breaker.open_until_s is None


@given(others=st.integers(0, 1000), well=st.integers(0, 100))
def test_a_dead_address_is_known_after_a_bounded_number_of_failures_however_long_it_was_well(
    others: int, well: int
) -> None:
    """The least number of calls, six more where it was well, and one for each other call under way."""
    breaker = tell(Breaker(), True, *[0.0] * well)
    most = 5 + max(0, min(well, 8) - 2) + others
    dead = fail(breaker, *[1.0] * (most - 1), under_way=others)

    assert may_ask(dead, 1)
    assert not may_ask(fail(dead, 1.0, under_way=others), 1)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_one_call_at_a_time_of_which_three_in_ten_fail_hardly_ever_opens_it(seed: int) -> None:
    chance, breaker, opened = Random(seed), Breaker(), 0
    for n in range(2000):
        breaker = tell(breaker, chance.random() >= 0.3, n / 1000)
        opened += breaker.open_until_s is not None
        breaker = Breaker(standing=8) if breaker.open_until_s is not None else breaker

    assert opened <= 1


def test_half_open_lets_one_probe_through_whose_end_decides() -> None:
    probing = begin(OPEN, 40)

    assert not may_ask(probing, 41)
    assert heard(probing, True, began_s=40, now_s=41) == Breaker(standing=1, closed_at_s=41)
    assert ready_at_s(heard(probing, False, began_s=40, now_s=41)) == 42


def test_each_probe_that_fails_doubles_the_time_until_the_next_up_to_half_a_minute() -> None:
    breaker, waits_s = OPEN, []
    for _ in range(9):
        now_s = ready_at_s(breaker)
        breaker = fail(breaker, now_s)
        waits_s.append(ready_at_s(breaker) - now_s)

    assert waits_s == [1, 2, 4, 8, 16, 30, 30, 30, 30]


@given(down_s=st.floats(0.1, 10_000))
def test_after_an_outage_it_is_asked_again_before_as_long_again_has_passed(down_s: float) -> None:
    """And half a second; or within half a minute."""
    breaker = fail(Breaker(), *[0.0] * 5)
    while (now_s := ready_at_s(breaker)) < down_s:
        breaker = fail(breaker, now_s)

    assert now_s - down_s <= min(down_s + 0.5, 30) + 1e-6


def test_a_probe_that_tells_nothing_is_given_back() -> None:
    assert heard(begin(OPEN, 40), None, began_s=40, now_s=41) == OPEN


def test_a_probe_of_which_nothing_is_ever_heard_blocks_for_a_bounded_time() -> None:
    lost = begin(OPEN, 40)
    again = begin(lost, 160)

    assert [may_ask(lost, now_s) for now_s in (159.9, 160)] == [False, True]
    assert heard(again, True, began_s=40, now_s=161) == again


def test_calls_that_began_in_an_earlier_state_have_no_say() -> None:
    closed = heard(begin(OPEN, 40), True, began_s=40, now_s=41)
    late = closed
    for _ in range(9):
        late = heard(late, False, began_s=3, now_s=42)

    assert late == closed
    assert not may_ask(fail(closed, 41, 41, 41, 41, 41), 41)
    assert heard(OPEN, True, began_s=3, now_s=5) == heard(OPEN, False, began_s=3, now_s=5) == OPEN


def test_nobody_asks_before_the_time_that_the_address_named() -> None:
    cooling = cool(cool(Breaker(), 50), 20)

    assert [may_ask(cooling, now_s) for now_s in (49.9, 50)] == [False, True]
    assert not may_ask(cool(OPEN, 50), 40)
    assert ready_at_s(cool(OPEN, 3)) == 4.5


@pytest.mark.parametrize(("well", "is_worth_it"), [(0, False), (4, False), (5, True), (1000, True)])
def test_an_address_that_was_well_is_worth_waiting_for_however_long_it_fails(well: int, is_worth_it: bool) -> None:
    breaker = fail(tell(Breaker(), True, *map(float, range(well))), *[2000.0 + n for n in range(100)])

    assert is_worth_waiting(breaker, 3000) == is_worth_it
    assert is_worth_waiting(cool(breaker, 3001), 3000)


@dataclass
class Began:
    at_s: float
    is_probe: bool


class Story(RuleBasedStateMachine):
    """Calls begin, overlap, end or are lost; beside the breaker stands a naive account of what has happened."""

    BOUNDS = Bounds(calls_least=3, failures_a_success=2, period_s=10.0, open_first_s=5.0, open_most_s=7.0, probe_s=8.0)

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(self.BOUNDS)
        self.now_s = 0.0
        self.calls: list[Began] = []
        self.standing, self.is_failing = 0, False
        #: Since it last closed: when each call ended, and whether it failed.
        self.told: list[tuple[float, bool]] = []
        self.open_until_s: float | None = None
        self.open_s = 5.0
        self.closed_at_s = -1.0
        self.probe: Began | None = None
        self.cool_until_s = 0.0

    @property
    def is_allowed(self) -> bool:
        if self.now_s < self.cool_until_s:
            return False
        if self.open_until_s is None:
            return True
        return self.now_s >= self.open_until_s and (self.probe is None or self.now_s >= self.probe.at_s + 8)

    def drops(self) -> int:
        """What is in the bucket after all that was told."""
        drops, at_s = 0, -100.0
        for now_s, is_failure in self.told:
            drops = 1 + (drops if now_s - at_s < 10 else 0) if is_failure else max(0, drops - 2)
            at_s = now_s if is_failure else at_s
        return drops

    @rule(seconds=st.sampled_from([0.5, 1, 2, 5, 9]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @precondition(lambda self: may_ask(self.breaker, self.now_s))
    @rule()
    def begins(self) -> None:
        self.breaker = begin(self.breaker, self.now_s)
        call = Began(self.now_s, is_probe=self.open_until_s is not None)
        self.calls.append(call)
        if call.is_probe:
            self.probe = call

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), ok=st.sampled_from([True, False, False, False, None]), under_way=st.integers(0, 2))
    def ends(self, data: st.DataObject, ok: bool | None, under_way: int) -> None:
        call = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        self.breaker = heard(self.breaker, ok, began_s=call.at_s, now_s=self.now_s, under_way=under_way)
        if call is self.probe:
            self.probe = None
            if ok is not None:
                self.open_s = 5.0 if ok else 7.0
                self.open_until_s = None if ok else self.now_s + self.open_s
                self.closed_at_s = self.now_s if ok else self.closed_at_s
                self.standing, self.is_failing = min(8, self.standing + ok), self.is_failing and not ok
        elif self.open_until_s is None and ok is not None and call.at_s >= self.closed_at_s:
            self.told.append((self.now_s, not ok))
            if ok or not self.is_failing:
                self.standing = min(8, self.standing + 1) if ok else max(0, self.standing - 2)
            self.is_failing = not ok
            if not ok and self.drops() >= 3 + self.standing + under_way:
                self.open_until_s = self.now_s + self.open_s
                self.told.clear()

    @rule(seconds=st.sampled_from([1, 4, 12]))
    def cools(self, seconds: float) -> None:
        self.breaker = cool(self.breaker, self.now_s + seconds)
        self.cool_until_s = max(self.cool_until_s, self.now_s + seconds)

    @invariant()
    def it_allows_what_the_account_allows(self) -> None:
        assert may_ask(self.breaker, self.now_s) == self.is_allowed

    @invariant()
    def there_is_at_most_one_probe_of_which_something_may_still_be_heard(self) -> None:
        live = [call for call in self.calls if call.is_probe and self.now_s < call.at_s + 8]
        assert self.open_until_s is None or len([call for call in live if call is not self.probe]) == 0


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
