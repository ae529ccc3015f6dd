"""Thinking that is written before an answer is not the answer, and an answer that talks of it stays whole."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from bullpen.orchestrator.rules.json.read import read_json
from bullpen.orchestrator.rules.thinking import Spoken, json_without_thinking, without_thinking


class Answer(BaseModel):
    answer: str
    n: int


ANSWER: TypeAdapter[Any] = TypeAdapter(Answer)
MARKS = [
    ("<think>", "</think>"),
    ("<THINK>", "</THINK>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
]
DRAFTS = ['maybe {"answer": "no", "n": 1}', "the set {1,2} or [3", 'so {"answer": "no', "", "a < b, and <i>that</i>"]
VALUE = {"answer": "forty-two", "n": 42}
WRAPPED = ["{}", "```json\n{}\n```", "The answer:\n{}"]


@pytest.mark.parametrize(("opens", "closes"), MARKS)
@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("wrapped", WRAPPED)
@pytest.mark.parametrize("lead", ["", "\n", "Let me see. "])
def test_the_json_behind_the_thinking_is_taken(opens: str, closes: str, draft: str, wrapped: str, lead: str) -> None:
    said = wrapped.replace("{}", json.dumps(VALUE))

    assert read_json(f"{lead}{opens}{draft}{closes}\n{said}", ANSWER).value == VALUE
    assert read_json(f"{lead}{opens}{draft}\n{closes}{said}", ANSWER).value == VALUE
    assert read_json(f"{draft}\n{closes}\n\n{said}", ANSWER).value == VALUE  # the template has opened it


@pytest.mark.parametrize(("opens", "closes"), MARKS)
@pytest.mark.parametrize("draft", DRAFTS)
def test_thinking_that_does_not_end_is_no_answer(opens: str, closes: str, draft: str) -> None:
    assert read_json(f"{opens}{draft}", ANSWER).problem
    assert without_thinking(f"\n{opens}{draft}") == ""


@given(st.text(), st.sampled_from(MARKS), st.text(), st.sampled_from(["{}", " {}", "```json\n{}\n```", "{},"]))
@example("", MARKS[0], "\n", "{}")
def test_a_value_that_holds_a_mark_stays_whole(before: str, marks: tuple[str, str], after: str, wrapped: str) -> None:
    value = {"answer": f"{before}{marks[0]}{after}{marks[1]}{before}", "n": 1}
    said = wrapped.replace("{}", json.dumps(value, ensure_ascii=False))

    assert json_without_thinking(said) == said
    assert read_json(said, ANSWER).value == read_json(json.dumps(value), ANSWER).value


@pytest.mark.parametrize(("opens", "closes"), MARKS)
def test_prose_that_talks_of_marks_stays_whole(opens: str, closes: str) -> None:
    for prose in (
        f"Models write {opens} first and {closes} last.",
        f"It ends with {closes}",
        f"Write it so:\n\n{opens}\nyour thoughts\n{closes}\n\nand then the answer.",
    ):
        assert without_thinking(prose) == prose


@given(st.lists(st.tuples(st.sampled_from(MARKS), st.sampled_from(DRAFTS)), max_size=3), st.data())
def test_a_stream_shows_the_answer_alone_however_it_is_cut(
    thoughts: list[tuple[tuple[str, str], str]], data: st.DataObject
) -> None:
    answer = data.draw(
        st.sampled_from(["Paris.", "<b>Paris</b>", "[1] Paris", "<thi", "{}", "Two.\n\n</think>, twice"])
    )
    text = "".join(f"{opens}{draft}{closes}\n\n" for (opens, closes), draft in thoughts) + answer
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    shown: list[str] = []
    spoken = Spoken(shown.append)
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        spoken.hear(text[start:end])

    assert spoken.is_all(answer) or (answer == "<thi" and not shown)  # it may still become a mark
    assert without_thinking(text) == answer
    assert "".join(shown) in (answer, "")


@pytest.mark.parametrize(
    "text",
    [
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>A loan.<|return|>",
        "<|channel|>final<|message|>A loan.",
        "<|start|>assistant<|channel|>analysis<|message|>final?<|end|><|channel|>final <|message|>A loan.<|end|>",
        "analysisThe user asks. Two words.assistantfinalA loan.",
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>A loan.<|END_RESPONSE|>",
        "<|begin_of_thought|>Hm.<|end_of_thought|>\n\n<|begin_of_solution|>A loan.<|end_of_solution|>",
    ],
)
def test_only_the_last_channel_is_the_answer(text: str) -> None:
    assert without_thinking(text) == "A loan."


@pytest.mark.parametrize("text", ["analysis of the final lease", "A channel <|channel|> of marks.", "assistantfinal"])
def test_words_that_are_no_channels_stay(text: str) -> None:
    assert without_thinking(text) == text


def test_channels_without_a_last_one_hold_no_answer() -> None:
    assert without_thinking("<|channel|>analysis<|message|>Hm.") == ""
