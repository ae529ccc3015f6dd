"""Metadata as data: how names and values compare, what a field holds, and which sources a condition picks."""

import math
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator import metadata
from bullpen.orchestrator.evidence import Source
from bullpen.orchestrator.metadata import (
    Condition,
    as_date,
    as_period,
    elements,
    holds,
    is_empty,
    key,
    label,
    order,
    shown,
)

ANY_TEXT = st.text(st.characters(codec=None), max_size=40)
SCALAR = st.none() | st.booleans() | st.integers(-99, 3000) | st.floats() | ANY_TEXT | st.dates().map(str)
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def source(id: str = "PEP-8", **fields: Any) -> Source:
    return Source(id=id, title="T", uri="u", text_hash="0", metadata=fields)


def met(field: str, op: str, *values: str, also: tuple[str, ...] = ()) -> Condition:
    return Condition.model_validate({"field": field, "op": op, "values": values, "also": also})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("PEP 8", "pep-0008"),
        ("PEP 8", "PEP-8"),
        ("PEP 0", "pep-0000"),
        ("PEP_8", "‘pep’ — 8"),
        ("Style  Guide: Python!", "style guide python"),
        ("ＰＥＰ ８", "PEP 8"),
        ("Straße", "STRASSE"),
        ("RUSTSEC-2020-0001", "rustsec 2020 1"),
        (8, "08"),
    ],
)
def test_two_ways_of_writing_one_name_have_one_key(one: object, other: object) -> None:
    assert key(one) == key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("C", "C++"), ("C++", "C#"), ("PEP 8", "PEP 80"), ("PEP 8", "PEP8"), ("0", ""), ("x1", "x01")]
)
def test_different_names_have_different_keys(one: str, other: str) -> None:
    assert key(one) != key(other)


@given(ANY_TEXT)
def test_a_key_is_its_own_key(text: str) -> None:
    assert key(key(text)) == key(text)


@given(ANY_TEXT)
def test_a_key_is_words_and_single_spaces(text: str) -> None:
    found = key(text)

    assert all(character.isalnum() or character in " +#" for character in found)
    assert found.split() == [word for word in found.split(" ") if word]


@given(st.text(st.sampled_from("ab 19"), max_size=12), st.sampled_from(["-", "_", ", ", ": ", " — ", "\n"]))
def test_marks_between_words_do_not_matter(text: str, mark: str) -> None:
    assert key(text.replace(" ", mark)) == key(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Final", ["Final"]),
        ("a, b,  c", ["a", "b", "c"]),
        ("a, , b, ", ["a", "b"]),
        ("a,b", ["a,b"]),
        ("513, 571", ["513", "571"]),
        ("January 5, 1990", ["January 5, 1990"]),
        ("01-Jan-2001, 12-Feb-2002", ["01-Jan-2001", "12-Feb-2002"]),
        (["a, b", ["c"], [], ""], ["a", "b", "c"]),
        ({"low": ">= 1", "high": ["2", 3]}, [">= 1", "2", 3]),
        (0, [0]),
        (False, [False]),
        (None, []),
        ("", []),
        ([], []),
        ({}, []),
    ],
)
def test_a_field_holds_its_items_and_what_commas_part(value: object, expected: list[object]) -> None:
    assert elements(value) == expected


def test_a_long_text_is_one_element_whatever_its_commas() -> None:
    sentence = "so, " * 120

    assert elements(sentence) == [sentence]


@pytest.mark.parametrize("value", [None, "", " ", "\n\t", [], {}, [""], [[], {}], {"a": ""}, [None, " "]])
def test_what_holds_nothing_says_nothing(value: object) -> None:
    assert is_empty(value)
    assert elements(value) == []


@pytest.mark.parametrize("value", [0, False, 0.0, "0", "-", [0], {"a": False}])
def test_nought_is_something(value: object) -> None:
    assert not is_empty(value)


@given(VALUE)
def test_no_element_holds_others_and_a_field_without_any_is_empty(value: object) -> None:
    found = elements(value)

    assert not any(isinstance(item, (list, dict)) or is_empty(item) for item in found)
    assert is_empty(value) == (not found)


@pytest.mark.parametrize(
    "text",
    [
        "2001-07-05",
        "2001/07/05",
        "05.07.2001",
        "5.7.2001",
        "05-Jul-2001",
        "5-jul-2001",
        "05 Jul 2001",
        "5 July 2001",
        "July 5, 2001",
        "Jul 5, 2001",
        " 2001-07-05 ",
        "2001-07-05T14:00:00Z",
        "2001-07-05 14:00",
        "2001-07-05T14:00:00.123456+02:00",
    ],
)
def test_a_day_is_read_as_people_and_machines_write_it(text: str) -> None:
    assert as_date(text) == date(2001, 7, 5)


@pytest.mark.parametrize(
    "value",
    [
        *("2001", "2001-07", "2001-13-05", "2001-02-30", "July 2001", "0000-01-01", "3.10.1", "1.2.3.2001", ""),
        *("about 2001-07-05", "2001-07-05" * 9, "\x00" * 9, "٠" * 12),
        *(2001, None, ["2001-07-05"], {"a": 1}, True),
    ],
)
def test_nothing_else_is_a_day(value: object) -> None:
    assert as_date(value) is None


@given(VALUE | st.text(st.sampled_from("0123456789-/.,: TZJanMay\x00٣²"), min_size=8, max_size=32))
def test_rubbish_is_no_day_and_no_error(value: object) -> None:
    found = as_date(value)

    assert found is None or isinstance(value, str)


@given(
    st.dates(date(1000, 1, 1)),
    st.sampled_from(["%Y-%m-%d", "%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%Y/%m/%d", "%d.%m.%Y"]),
)
def test_every_day_is_read_back(day: date, form: str) -> None:
    assert as_date(day.strftime(form)) == day


def test_numbers_come_before_days_and_days_before_texts() -> None:
    mixed = ["b", "12-Feb-2002", 7, "a", "2001-01-01", 0.5, None, ["x"]]

    assert sorted(mixed, key=order) == [0.5, 7, "2001-01-01", "12-Feb-2002", None, ["x"], "a", "b"]


@given(st.lists(VALUE, max_size=8))
def test_any_values_can_be_put_in_order_and_the_order_does_not_depend_on_where_they_stood(values: list[object]) -> None:
    turned = values[::-1]
    found = [order(value) for value in sorted(values, key=order)]

    assert all(one <= other for one, other in pairwise(found))
    assert found == [order(value) for value in sorted(turned, key=order)]


def test_what_is_not_a_number_comes_with_the_texts() -> None:
    assert [str(n) for n in sorted([math.nan, 2, math.inf, 1], key=order)] == ["1", "2", "inf", "nan"]


@pytest.mark.parametrize(
    ("id", "fields", "expected"),
    [
        ("PEP-8", {"number": 8}, "PEP 8"),
        ("PEP-8", {"number": 9}, "PEP-8"),
        ("PEP-0", {"number": 0}, "PEP 0"),
        ("PEP-8", {}, "PEP-8"),
        ("PEP-1", {"is_draft": True}, "PEP-1"),
        ("notes.md", {"number": 8}, "notes.md"),
        ("a-²", {"number": 2}, "a-²"),
        ("a-" + "1" * 5000, {"number": 1}, "a-" + "1" * 5000),
        ("RUSTSEC-2020-0001", {"number": 2020}, "RUSTSEC-2020-0001"),
    ],
)
def test_a_source_is_called_by_its_series_and_number_only_where_the_number_is_its_own(
    id: str, fields: dict[str, object], expected: str
) -> None:
    assert label(id, fields) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ada Lovelace <ada@example.org>", "Ada Lovelace"),
        (["Ada <ada@example.org>", "Bo <bo@example.org>"], "Ada; Bo"),
        ("Ada <ada@example.org>, Bo <bo@example.org>", "Ada, Bo"),
        ("two\n lines", "two lines"),
        (">= 3 <4", ">= 3 <4"),
        (" <ada@example.org> ", "<ada@example.org>"),
        (3.8, "3.8"),
        (None, "None"),
        ([], ""),
    ],
)
def test_a_value_is_shown_without_addresses_where_there_is_a_name(value: object, expected: str) -> None:
    assert shown(value) == expected


@given(VALUE)
def test_what_says_something_shows_something_on_one_line(value: object) -> None:
    text = shown(value)

    assert is_empty(value) or text
    assert len(text.splitlines()) <= 1 or isinstance(value, dict)


def test_the_years_of_a_field_are_those_of_its_days() -> None:
    assert metadata.years_of(["01-Jan-2001", "2002-02-02, soon", 2003]) == ["2001", "2002"]


FIELDS: dict[str, Any] = {
    "status": "Final",
    "created": "05-Jul-2001",
    "authors": "Ada <a@b.c>, Bo",
    "topics": ["a b", "C++"],
    "n": 8,
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (met("status", "is", "final"), True),
        (met("status", "is", "Draft", "FINAL"), True),
        (met("status", "is", "Draft"), False),
        (met("status", "is"), False),
        (met("none", "is", "Final"), False),
        (met("none", "is", "None"), False),
        (met("authors", "is", "bo"), True),
        (met("topics", "is", "A-B"), True),
        (met("topics", "is", "C"), False),
        (met("n", "is", "08"), True),
        (met("id", "is", "pep 0008"), True),
        (met("id", "is", "pep 9"), False),
        (met("created", "year", "2001"), True),
        (met("created", "year", "2000", "2001"), True),
        (met("created", "year", "2002"), False),
        (met("status", "year", "2001"), False),
        (met("created", "since", "2001"), True),
        (met("created", "since", "2002"), False),
        (met("created", "before", "2002"), True),
        (met("created", "before", "2001"), False),
        (met("none", "before", "2001"), False),
        (met("none", "absent"), True),
        (met("status", "absent"), False),
        (met("none", "present"), False),
        (met("id", "present"), True),
        (met("none", "is", "final", also=("status",)), True),
        (met("status", "is", "draft", also=("n", "created")), False),
        (met("status", "absent", also=("none",)), True),
    ],
)
def test_a_condition_holds_for_what_the_source_says(condition: Condition, expected: bool) -> None:
    assert holds(condition, source(**FIELDS)) is expected


@given(VALUE, st.data())
def test_is_holds_with_any_element_of_a_value(value: object, data: st.DataObject) -> None:
    held = elements(value)
    if held:
        assert holds(met("f", "is", str(data.draw(st.sampled_from(held)))), source(f=value))
    assert not holds(met("f", "is", "no such value"), source(f=value))
    assert holds(met("f", "present"), source(f=value)) != holds(met("f", "absent"), source(f=value))


@given(st.dates(), st.integers(1, 9999))
def test_since_and_before_part_all_days_at_a_year(day: date, year: int) -> None:
    dated = source(created=str(day))

    assert holds(met("created", "since", str(year)), dated) == (day.year >= year)
    assert holds(met("created", "before", str(year)), dated) == (day.year < year)
    assert holds(met("created", "year", str(year)), dated) == (day.year == year)


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        (2024, "2024-01-01", "2024-12-31"),
        ("2024", "2024-01-01", "2024-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("December 9999", "9999-12-01", "9999-12-31"),
        ("Jul 2021", "2021-07-01", "2021-07-31"),
        ("05-Jul-2021", "2021-07-05", "2021-07-05"),
    ],
)
def test_a_year_and_a_month_are_all_their_days(value: Any, first: str, last: str) -> None:
    assert as_period(value) == (date.fromisoformat(first), date.fromisoformat(last))


@given(VALUE)
def test_whatever_a_period_is_it_does_not_end_before_it_begins(value: Any) -> None:
    period = as_period(value)
    assert period is None or period.first <= period.last


@pytest.mark.parametrize("value", ["soon", "20", "3.12", "9", 12, None, True, ["2021"], "2021-13", "0000-05"])
def test_what_names_no_day_is_no_period(value: Any) -> None:
    assert as_period(value) is None
