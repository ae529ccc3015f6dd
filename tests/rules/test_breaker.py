"""The breaker opens and closes exactly by its rules, whatever the order in which calls begin and are heard of."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bullpen.orchestrator.rules.breaker import Bounds, Breaker, begin, cool, heard, may_ask, ready_at_s


def fail(breaker: Breaker, *at_s: float) -> Breaker:
    for now_s in at_s:
        breaker = heard(begin(breaker, now_s), False, began_s=now_s, now_s=now_s)
    return breaker


OPEN = fail(Breaker(), 0, 1, 2, 3, 4)


def test_the_fifth_failure_within_the_period_opens_it_for_as_long_as_it_says() -> None:
    assert may_ask(fail(Breaker(), 0, 1, 2, 3), 4)
    assert not may_ask(OPEN, 4)
    assert ready_at_s(OPEN) == 34
    assert [may_ask(OPEN, now_s) for now_s in (33.9, 34)] == [False, True]


def test_failures_further_apart_than_the_period_do_not_open_it() -> None:
    assert may_ask(fail(Breaker(), 0, 10, 20, 29, 30), 30)
    assert not may_ask(fail(Breaker(), 0, 10, 20, 29, 29.9), 30)


def test_half_open_lets_one_probe_through_whose_end_decides() -> None:
    probing = begin(OPEN, 40)

    assert not may_ask(probing, 41)
    assert heard(probing, True, began_s=40, now_s=41) == Breaker(closed_at_s=41)
    assert ready_at_s(heard(probing, False, began_s=40, now_s=41)) == 71


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
    assert ready_at_s(cool(OPEN, 10)) == 34


@dataclass
class Began:
    at_s: float
    is_probe: bool


class Story(RuleBasedStateMachine):
    """Calls begin, overlap, end or are lost; beside the breaker stands a naive account of what has happened."""

    BOUNDS = Bounds(failures_most=3, period_s=10.0, open_s=5.0, probe_s=8.0)

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(self.BOUNDS)
        self.now_s = 0.0
        self.calls: list[Began] = []
        self.failures_at_s: list[float] = []
        self.open_until_s: float | None = None
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
    @rule(data=st.data(), ok=st.sampled_from([True, False, False, None]))
    def ends(self, data: st.DataObject, ok: bool | None) -> None:
        call = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        self.breaker = heard(self.breaker, ok, began_s=call.at_s, now_s=self.now_s)
        if call is self.probe:
            self.probe = None
            if ok is not None:
                self.open_until_s = None if ok else self.now_s + 5
                self.closed_at_s = self.now_s if ok else self.closed_at_s
        elif self.open_until_s is None and ok is False and call.at_s >= self.closed_at_s:
            self.failures_at_s.append(self.now_s)
            if sum(self.now_s - at_s < 10 for at_s in self.failures_at_s) >= 3:
                self.open_until_s = self.now_s + 5
                self.failures_at_s.clear()

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

    @invariant()
    def it_remembers_no_more_than_it_needs(self) -> None:
        assert len(self.breaker.failures_at_s) < 3


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
