"""The proper names in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.names import is_called, names, normal

WORDS = st.lists(st.sampled_from(["Ada", "of", "Ulm", "II.", "the", "Who", "ran.", "(x)", "Rosa's", "M."]), max_size=12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where did the composer of The Straw Boat die?", ["The Straw Boat"]),
        ("Who is Ada Lund's father-in-law?", ["Ada Lund"]),
        ("Was Ada Lund or Olof Berg born first?", ["Ada Lund", "Olof Berg"]),
        ("She was the niece of Rosa II. She lived in Ulm.", ["Rosa II", "Ulm"]),
        ("It was led by Hans J. Salt and by Dr. Lund.", ["Hans J. Salt", "Dr. Lund"]),
        ("A daughter of Rosa of the Lake, of Ulm.", ["Rosa of the Lake", "Ulm"]),
        ("Ulm, then Ulm again.", ["Ulm"]),
        ("The fee was raised.", []),
        ("what is written small is no name", []),
        ("", []),
    ],
)
def test_names_are_runs_of_words_with_capitals(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@given(WORDS)
def test_a_name_stands_in_its_text_and_comes_once(words: list[str]) -> None:
    text = " ".join(words)
    found = names(text)

    assert all(name in text for name in found)
    assert len({normal(name) for name in found}) == len(found)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert all(normal(name) for name in names(text))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The Straw Boat (film)", "the straw boat"),
        ("John Wells, 2nd Earl", "John Wells"),
        ("Rosa of Ulm", "Rosa"),
        ("Ada Lund", "Ada Lund of Ulm"),
    ],
)
def test_a_title_is_a_name_that_it_goes_on_from_or_begins(title: str, name: str) -> None:
    assert is_called(title, name)


@pytest.mark.parametrize(
    ("title", "name"), [("Home", "Home of the Gentry"), ("Rosario", "Rosa"), ("Ulm", ""), ("", "Ulm"), ("", "")]
)
def test_a_title_is_no_name_of_something_else(title: str, name: str) -> None:
    assert not is_called(title, name)
