"""How retrieval over several hops is scored and compared."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.benchmarks.multihop.scoring import difference, has_all, mcnemar, recall


def test_recall_is_the_share_of_the_gold_and_all_is_all_of_it() -> None:
    found, gold = ["a", "x", "b"], frozenset({"a", "b"})

    assert (recall(found, gold, 2), recall(found, gold, 3)) == (0.5, 1.0)
    assert (has_all(found, gold, 2), has_all(found, gold, 3)) == (False, True)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([False] * 5 + [True], [True] * 5 + [True], (5, 0, 2 / 32)),
        ([False, True], [True, False], (1, 1, 1.0)),
        ([True], [True], (0, 0, 1.0)),
        ([False] * 8 + [True], [True] * 8 + [False], (8, 1, 20 / 512)),
    ],
)
def test_mcnemar_counts_what_changed(before: list[bool], after: list[bool], expected: tuple[int, int, float]) -> None:
    assert mcnemar(before, after) == pytest.approx(expected)


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=6), st.sampled_from([-0.5, 0.0, 0.25]))
@settings(max_examples=15, deadline=None)
def test_the_same_gain_everywhere_is_certain(before: list[float], gain: float) -> None:
    assert difference(before, [value + gain for value in before]) == pytest.approx((gain, gain, gain))


def test_a_gain_in_few_questions_is_uncertain() -> None:
    mean, low, high = difference([0.0] * 20, [1.0] + [0.0] * 19)

    assert low == 0.0 < mean == 0.05 < high


def test_questions_that_are_not_the_same_are_not_compared() -> None:
    with pytest.raises(ValueError, match="shorter"):
        difference([0.0, 1.0], [1.0])
