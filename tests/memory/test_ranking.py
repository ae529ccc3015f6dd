"""One ranking out of several, and one that does not say the same thing twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.memory.ranking import diversify, fuse

RANKINGS = st.lists(st.integers(0, 30), unique=True, max_size=20)


def unlike(_: int, __: int) -> float:
    return 0.0


@given(ranking=RANKINGS, keep=st.integers(0, 25), diversity=st.floats(0, 1))
@settings(deadline=None)
def test_what_is_unlike_keeps_its_order(ranking: list[int], keep: int, diversity: float) -> None:
    found = diversify(ranking, unlike, diversity, keep)

    assert found == ranking[:keep] or diversity == 1


@given(ranking=RANKINGS, keep=st.integers(0, 25), diversity=st.floats(0, 1))
@settings(deadline=None)
def test_each_is_chosen_once_and_nothing_is_made_up(ranking: list[int], keep: int, diversity: float) -> None:
    found = diversify(ranking, lambda one, other: (one * other % 7) / 7, diversity, keep)

    assert len(found) == len(set(found)) == min(keep, len(ranking))
    assert set(found) <= set(ranking)
    assert not found or diversity == 1 or found[0] == ranking[0]


def test_what_says_the_same_again_is_put_off() -> None:
    twins = {frozenset((1, 2)): 1.0}

    def similar(one: int, other: int) -> float:
        return twins.get(frozenset((one, other)), 0.0)

    assert diversify([1, 2, 3, 4], similar, 0.5, 4) == [1, 3, 4, 2]
    assert diversify([1, 2, 3, 4], similar, 0.0, 4) == [1, 2, 3, 4]


@pytest.mark.parametrize("weights", [(), (1.0, 1.0)])
def test_fusing_a_ranking_with_itself_changes_nothing(weights: tuple[float, ...]) -> None:
    assert fuse([3, 1, 2], [3, 1, 2], weights=weights) == [3, 1, 2]
