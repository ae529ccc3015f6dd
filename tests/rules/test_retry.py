"""Restart bounds hold in every window, whatever the failures."""

from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.rules.retry import Bounds, decide


def test_what_cannot_go_better_is_given_up_at_once() -> None:
    assert decide(Bounds(), starts=1, retryable=False, restarts_at_s=(), now_s=0.0) == ("give_up", ())


def test_a_task_is_started_at_most_so_often() -> None:
    bounds = Bounds(starts_most=3)

    assert decide(bounds, starts=2, retryable=True, restarts_at_s=(), now_s=0.0)[0] == "again"
    assert decide(bounds, starts=3, retryable=True, restarts_at_s=(), now_s=0.0)[0] == "give_up"


@given(gaps=st.lists(st.floats(0, 40), max_size=40), most=st.integers(0, 5))
def test_no_window_holds_more_restarts_than_allowed(gaps: list[float], most: int) -> None:
    bounds = Bounds(starts_most=1000, restarts_most=most, period_s=60.0)
    now, remembered, restarts = 0.0, tuple[float, ...](), list[float]()
    for gap in gaps:
        now += gap
        decision, remembered = decide(bounds, starts=1, retryable=True, restarts_at_s=remembered, now_s=now)
        if decision == "again":
            restarts.append(now)

    for start in restarts:
        assert sum(start <= at < start + 60.0 for at in restarts) <= most
