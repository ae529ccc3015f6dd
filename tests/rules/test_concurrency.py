"""The limit on what is in flight moves by its rules: lowered by refusals, judged, raised by success."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.rules.concurrency import Call, Concurrency, rate_limited, restarted, succeeded, taken
from bullpen.orchestrator.rules.limit import Limits, concurrency


def run(state: Concurrency, first: int, successes: int, in_flight: int) -> Concurrency:
    for number in range(first, first + successes):
        state = succeeded(state, Call(number, 1), in_flight)
    return state


def refuse(state: Concurrency, *numbers: int, place: int, in_flight: int) -> Concurrency:
    for number in numbers:
        state = rate_limited(state, Call(number, place), begun=numbers[-1], in_flight=in_flight)
    return state


def lowered(state: Concurrency, place: int = 9) -> Concurrency:
    """16 of 16 refused, from that place on: the limit is on trial, and 16 calls have begun."""
    return refuse(state, *range(1, 17), place=place, in_flight=16)


START = Concurrency(16, most=64, window=4)


def test_a_limit_that_nobody_reaches_does_not_grow() -> None:
    start = concurrency(Limits(concurrency_start=8))

    assert run(start, 1, 1000, in_flight=7).limit == 8
    assert run(start, 1, 1, in_flight=8).limit == 9


def test_a_few_refusals_are_tolerated_and_one_round_trip_halves_once_however_many_were_refused() -> None:
    few = refuse(START, *range(1, 16), place=9, in_flight=16)

    assert few.limit == 16
    assert (lowered(START).limit, lowered(START).refused) == (8, 9)
    assert refuse(lowered(START), *range(1, 17), place=5, in_flight=8).refused == 5
    assert refuse(lowered(START), *range(1, 17), place=5, in_flight=8).limit == 8


def test_one_call_at_a_time_is_never_lowered_and_nothing_is_learned_of_it() -> None:
    state = refuse(START, *range(1, 100), place=1, in_flight=1)

    assert (state.limit, state.refused) == (16, None)


def test_where_lowering_helped_one_refusal_at_the_refused_place_lowers_it_again() -> None:
    state = run(lowered(START), 17, 4, in_flight=8)
    assert (state.limit_before, state.limit, state.refused) == (0, 9, 9)

    assert refuse(state, 30, place=9, in_flight=9).limit == 4
    assert refuse(state, 30, place=8, in_flight=9).limit == 9


def test_it_comes_back_fast_to_beneath_what_was_refused_and_tries_that_again_slowly() -> None:
    state = run(lowered(START, place=12), 17, 3, in_flight=64)
    assert (state.limit, state.refused) == (11, 12)

    assert run(state, 20, 3, in_flight=64).limit == 11
    assert run(state, 20, 4, in_flight=64).limit == 12


def test_a_refused_place_within_the_lowered_limit_is_no_bound_where_calls_are_taken_now() -> None:
    assert run(lowered(START, place=3), 17, 4, in_flight=8).refused == 2 * 8 + 1


def test_where_lowering_did_not_help_the_limit_comes_back_and_the_share_is_tolerated() -> None:
    state = lowered(START)
    for number in (17, 18, 19, 20):
        state = rate_limited(state, Call(number, 1), begun=number, in_flight=8)

    assert (state.limit, state.refused, state.limit_before) == (16, None, 0)
    assert state.tolerance > 0.9


def test_a_tolerance_wears_off() -> None:
    state = Concurrency(16, most=64, window=4, tolerance=0.6)
    for number in range(1, 1001):
        state = taken(state, Call(number, 1))
    assert 0.2 < state.tolerance < 0.3
    for number in range(1, 10_000):
        state = taken(state, Call(number, 1))
    assert state.tolerance < 0.051


def test_a_call_from_before_the_lowering_does_not_raise_what_it_knows_nothing_of() -> None:
    assert run(lowered(START), 4, 7, in_flight=10).limit == 8


def test_after_an_outage_a_quarter_of_what_was_borne_may_go() -> None:
    state = Concurrency(64, most=64, window=4, tolerance=0.4)

    assert [restarted(state, borne, begun=9).limit for borne in (0, 8, 200, 1000)] == [2, 2, 50, 64]
    assert restarted(state, 200, begun=9).tolerance == 0.4


@given(
    limits=st.builds(Limits, concurrency_start=st.integers(0, 40), concurrency_most=st.integers(1, 20)),
    heard=st.lists(st.tuples(st.booleans(), st.integers(1, 30), st.integers(0, 30)), max_size=200),
)
def test_the_limit_stays_between_one_and_the_most_and_moves_by_its_rules(
    limits: Limits, heard: list[tuple[bool, int, int]]
) -> None:
    state = concurrency(limits)
    for number, (is_ok, place, in_flight) in enumerate(heard, 1):
        call, before = Call(number, place), state
        state = (
            succeeded(state, call, in_flight)
            if is_ok
            else rate_limited(state, call, begun=number + 3, in_flight=in_flight)
        )

        assert 1 <= state.limit <= limits.concurrency_most
        halved = max(1, min(before.limit, in_flight) // 2)
        back = max(before.limit, before.limit_before)
        assert state.limit in (
            (before.limit, before.limit + 1, back, back + 1) if is_ok else (before.limit, halved, back)
        )


@pytest.mark.parametrize("workers", [8, 60, 300])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.2, 0.3])
def test_refusals_that_come_whatever_is_in_flight_hardly_lower_what_is(share: float, workers: int) -> None:
    """Rounds of as many calls as are let in; those refused are heard of first. On average nine in ten may go."""
    rounds = max(40, 2000 // workers)
    assert sum(_let_in(share, seed, workers, rounds) for seed in range(5)) >= 0.9 * 5 * workers * rounds


def _let_in(share: float, seed: int, workers: int, rounds: int) -> int:
    chance, state, begun, let_in = Random(seed), concurrency(Limits()), 0, 0
    for _ in range(rounds):
        calls = [Call(begun + place, place) for place in range(1, min(workers, state.limit) + 1)]
        begun, let_in = begun + len(calls), let_in + len(calls)
        for is_ok, call in sorted((chance.random() >= share, call) for call in calls):
            state = (
                succeeded(state, call, len(calls))
                if is_ok
                else rate_limited(state, call, begun=begun, in_flight=len(calls))
            )
    return let_in
