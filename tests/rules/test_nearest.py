"""The nearest of several texts, and where two differ."""

from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.rules.nearest import difference, nearest

LINES = st.lists(st.text("ab ", max_size=4), max_size=12)


def test_the_nearest_shares_most_words() -> None:
    far, near = ["count to ten"], ["say hello to", "the town"]

    assert nearest(["say hello to", "the village"], [far, near]) == near


def test_a_long_line_is_cut_to_where_it_differs() -> None:
    assert difference(["x" * 100 + "old"], ["x" * 100 + "new" + "y" * 100]) == [
        "- …" + "x" * 16 + "old",
        "+ …" + "x" * 16 + "new" + "y" * 41 + "…",
    ]


def test_what_is_only_in_one_of_them_is_shown_alone() -> None:
    assert difference(["a", "b"], ["a"]) == ["- b"]
    assert difference(["a"], ["a", "b"]) == ["+ b"]
    assert difference(["a", "same"], ["a", "same"]) == []


def test_much_is_counted_and_not_shown() -> None:
    told = difference([str(n) for n in range(20)], [f"new {n}" for n in range(20)], most=3)

    assert len(told) == 4
    assert told[-1] == "… and 37 more differing lines"


@given(LINES, LINES)
def test_there_is_a_difference_exactly_when_they_differ(known: list[str], asked: list[str]) -> None:
    assert bool(difference(known, asked)) == (known != asked)


@given(st.lists(LINES, min_size=1), LINES)
def test_one_with_the_same_words_is_nearest(known: list[list[str]], asked: list[str]) -> None:
    found = nearest(asked, [*known, asked])

    assert sorted(" ".join(found).split()) == sorted(" ".join(asked).split())
