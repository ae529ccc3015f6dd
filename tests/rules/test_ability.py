"""What counts as able to take notes or to select, and what a rung is taken to be able to do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.rules.ability import (
    ABILITIES,
    CHOICE,
    POINTS,
    SENTENCES,
    Ability,
    Choice,
    Note,
    Notes,
    ability_of,
    are_right,
    is_right,
    readable,
)
from bullpen.orchestrator.settings import Rung

OWN = "http://127.0.0.1:8080/v1"
RIGHT = [Note(point=n, text=SENTENCES[s - 1], sentences=[s]) for n, (_, s) in enumerate(POINTS, start=1) if s]


@given(st.permutations(RIGHT))
def test_notes_are_right_in_any_order(notes: list[Note]) -> None:
    assert are_right(Notes(notes=notes))


@pytest.mark.parametrize(
    "notes",
    [
        [],
        RIGHT[:1],
        [*RIGHT, Note(point=3, text="Nobody knows.", sentences=[4])],
        [*RIGHT, Note(point=3, text="Nobody knows.", sentences=[])],
        [*RIGHT, Note(point=9, text="More.", sentences=[1])],
        [RIGHT[0].model_copy(update={"sentences": [2]}), RIGHT[1]],
        [RIGHT[0].model_copy(update={"sentences": [2, 4]}), RIGHT[1]],
        [RIGHT[0].model_copy(update={"text": "It cost 500,000 crowns."}), RIGHT[1]],
        [RIGHT[0].model_copy(update={"text": "It cost 412,000 crowns. " * 10}), RIGHT[1]],
        [RIGHT[0].model_copy(update={"text": " "}), RIGHT[1]],
    ],
)
def test_notes_are_wrong_that_miss_a_point_name_another_sentence_or_add_something(notes: list[Note]) -> None:
    # A note that says of the third point that nothing is said adds a note, and no fact.
    is_denial = notes[:2] == RIGHT and notes[2:] == [Note(point=3, text="Nobody knows.", sentences=[])]

    assert are_right(Notes(notes=notes)) is is_denial


@given(st.lists(st.integers(-2, len(SENTENCES) + 2), max_size=12))
def test_a_choice_is_right_that_is_small_and_has_the_answer(numbers: list[int]) -> None:
    chosen = set(numbers)
    is_there = all(1 <= number <= len(SENTENCES) for number in chosen)

    assert is_right(Choice(sentences=numbers)) is (CHOICE[1] in chosen and len(chosen) <= 3 and is_there)


@pytest.mark.parametrize(
    ("rung", "card", "found", "ability"),
    [
        ({"model": "openai_http:qwen2.5-1.5b", "base_url": OWN, "ability": "prose"}, None, ["select"], "prose"),
        ({"model": "embedded:extract"}, "extract", [], "extract"),
        ({"model": "embedded:extract", "ability": "select"}, "extract", [], "select"),
        ({"model": "openai_http:large"}, None, ["prose", None, "select"], "select"),
        ({"model": "openai_http:large"}, None, [None], "prose"),
        ({"model": "openai_http:tiny"}, None, ["extract"], "select"),
        ({"model": "openai_http:qwen2.5-1.5b-instruct", "base_url": OWN}, None, [None], "select"),
        ({"model": "openai_http:qwen2.5-1.5b-instruct", "base_url": OWN}, None, ["prose"], "prose"),
        ({"model": "openai_http:llama3.2:3b", "base_url": OWN}, None, [], "select"),
        ({"model": "openai_http:llama3.2:3b", "base_url": OWN, "tier": 2}, None, [], "prose"),
        ({"model": "openai_http:qwen3-32b", "base_url": OWN}, None, [], "prose"),
        ({"model": "openai_http:auto", "base_url": OWN}, None, [], "prose"),
        ({"model": "openai_http:llama-3.2-3b", "base_url": "https://api.example.com/v1"}, None, [], "prose"),
    ],
)
def test_what_is_set_goes_before_what_was_found_and_that_before_a_guess(
    rung: dict[str, Any], card: Ability | None, found: list[Ability | None], ability: str
) -> None:
    assert ability_of(Rung.model_validate(rung), card, found) == ability


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(ABILITIES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.just("abilities"), inner),
)


@given(JSON)
def test_whatever_a_file_says_only_abilities_are_read(value: Any) -> None:
    assert set(readable(value).values()) <= set(ABILITIES)
