"""What the benchmark of answers counts as right: all that was asked for and nothing else."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.benchmarks.answers.scoring import Tally, atoms, cited, is_right, items, normal, sources_hold

ITEMS = st.lists(st.text(st.sampled_from("abc 1-"), min_size=1).filter(normal), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Style-Guide", "style guide"),
        ("Style_Guide", "STYLE  GUIDE"),
        ("“Style Guide”", "style guide"),
        ("Final.", "final"),
        ("Ｆｉｎａｌ", "Final"),
        ("O'Hara", "O’Hara"),
    ],
)
def test_two_ways_of_writing_one_answer_are_one(one: str, other: str) -> None:
    assert is_right([one], other)
    assert is_right([one], [other])


@pytest.mark.parametrize(("one", "other"), [("3.8", "3.81"), ("3.8", "38"), ("Final", "Finals"), ("C", "C++")])
def test_different_answers_are_not_one(one: str, other: str) -> None:
    assert not is_right([one], other)
    assert not is_right([other], [one])


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        (["A", "B"], ["B", "A"], True),
        (["A", "B"], "B; A", True),
        (["A; B"], "B;A", True),
        (["A (B)"], "A; B", True),
        (["A"], "A (B)", False),
        (["A (C)"], "A (B)", False),
        (["A (B)"], "A", False),
        (["A; B"], ["A", "B"], False),
        (["A"], "A; B", False),
        (["A", "B"], ["A"], False),
        (["A", "B"], "A", False),
        (["A", "A"], "A", True),
        ([], "A", False),
        ([], ["A"], False),
        ([""], "A", False),
        ([], "", False),
    ],
)
def test_an_answer_is_right_when_it_names_all_and_nothing_else(
    answer: Sequence[str], gold: str | list[str], expected: bool
) -> None:
    assert is_right(answer, gold) is expected


@given(ITEMS)
def test_the_order_of_items_does_not_matter(answer: list[str]) -> None:
    turned = answer[::-1]

    assert is_right(answer, turned)
    assert is_right(turned, "; ".join(answer))


@given(ITEMS)
def test_an_item_too_many_or_too_few_is_wrong(answer: list[str]) -> None:
    assert not is_right([*answer, "zzz"], answer)
    assert not is_right([*answer, "zzz"], "; ".join(answer))
    assert not is_right(answer, [*answer, "zzz"])
    assert not is_right(answer, "; ".join([*answer, "zzz"]))


@given(st.text(max_size=20))
def test_what_is_normal_stays_so_and_has_no_marks(text: str) -> None:
    found = normal(text)

    assert not set("-_\"'“”‘’`") & set(found)
    assert found == found.strip()
    assert normal(found) == found


def test_items_and_atoms_are_parted_by_semicolons_and_brackets() -> None:
    assert items("A; b-c") == items(["b c", "a"]) == {"a", "b c"}
    assert atoms(["A (b; c)", "D"]) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("names", "gold", "expected"),
    [
        ("a", "a", True),
        ("abc", "a", True),
        ("abcd", "a", False),
        ("abcd", "ab", True),
        ("abcde", "ab", False),
        ("abcdef", "abc", True),
        ("abcdefg", "abc", False),
        ("a", "ab", False),
        ("bcd", "a", False),
        ("", "a", False),
        ("abc", "", True),
        ("abcd", "", False),
    ],
)
def test_sources_hold_when_all_are_there_and_not_many_more(names: str, gold: str, expected: bool) -> None:
    assert sources_hold(set(names), list(gold)) is expected


def test_the_sources_of_a_report_are_those_of_its_quotes_and_records() -> None:
    claims = [{"quotes": [{"source": "a"}], "records": []}, {"quotes": [], "records": [{"source": "b"}] * 2}]

    assert cited({"claims": claims}) == {"a", "b"}
    assert cited({"claims": []}) == set()


def test_a_share_is_of_those_for_which_it_was_looked_at() -> None:
    tally = Tally()
    assert tally.share("right") == 0
    tally.add(right=True, cited=True)
    tally.add(right=False)

    assert (tally.asked, tally.share("right"), tally.share("cited"), tally.share("nothing")) == (2, 0.5, 1.0, 0)
