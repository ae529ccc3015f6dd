"""What a model wrote becomes one JSON value, or a problem: never a guess, never an exception."""

import json
import time
from typing import Any, Literal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from bullpen.orchestrator.rules.json.decode import DEPTH_MOST, DIGITS_MOST
from bullpen.orchestrator.rules.json.mending import LENGTH_MOST
from bullpen.orchestrator.rules.json.read import BRACKETS_MOST, read_json

V = {"a": 1, "b": ["x", True, None]}
J = json.dumps(V)

READ = [
    # prose and fences
    (f"```json\n{J}\n```", V),
    (f"```\n{J}\n```", V),
    (f"```json {J} ```", V),
    (f"```json\n{J}", V),
    (f"{J}\n```", V),
    (f"Here you are:\n{J}", V),
    (f"{J}\nI hope this helps!", V),
    (f"Sure.\n\n```json\n{J}\n```\n\nLet me know [if not].", V),
    (f"The note [see above] says: {J}", V),
    (f"I'll answer, as it's asked: {J}", V),
    (f"\ufeff{J}", V),
    (f"{J}\n\n{J}", V),
    # slips
    ('{"a": 1, "b": ["x", true, null],}', V),
    ('{"a": 1, "b": ["x", true, null,]}', V),
    ("{'a': 1, 'b': ['x', True, None]}", V),
    ('{a: 1, b: ["x", true, null]}', V),
    ("{“a”: 1, “b”: [“x”, true, null]}", V),
    ('{"a": 1, // the first\n "b": ["x", /* yes */ true, null]}', V),
    ('{"a": 1\n "b": ["x", true, null]}', V),
    ('{"a": 1, "b": ["x", true, null]', V),
    ('{"a": 1, "b": ["x", true, null', V),
    ('{"a": 1, "b": ["x", true, null]}}', V),
    ('{"a": 1, "b": ["x" true, null]}', V),
    ('{"a": "one\ntwo"}', {"a": "one\ntwo"}),
    ('{"a": "say "no" twice"}', {"a": 'say "no" twice'}),
    ('{"a": "x}', {"a": "x"}),
    ('{"a": x y}', {"a": "x y"}),
    ('{"url": https://example.org/a}', {"url": "https://example.org/a"}),
    ("{'a': 'it\\'s \"so\"'}", {"a": 'it\'s "so"'}),
    ('["\\ud800"]', ["\ufffd"]),
    ('["x\udcff"]', ["x\ufffd"]),
    ('["a\x00b"]', ["a\x00b"]),
]

REFUSED = [
    ('{"a": 1}, "a": 2}', "leave out"),
    # row 39: which of two was meant
    ('{"verified": false, "verified": true}', "twice"),
    ('{"a": {"b": [{"c": 1, "c": 1}]}}', "twice"),
    ('{"a": 1, "\\u0061": 2}', "twice"),
    ("{'a': 1, a: 2}", "twice"),
    ('```json\n{"a": 1, "a": 2}\n```', "twice"),
    ('{"": 1, "": 2,}', "twice"),
    ('Either {"a": 1} or {"a": 2}.', "several"),
    ('```json\n{"a": 1}\n```\n```json\n{"a": 2}\n```', "several"),
    ("[1] and [true]", "several"),
    ('{"a": NaN}', "not a JSON number"),
    ('{"a": [Infinity]}', "not a JSON number"),
    ('{"a": -Infinity}', "not a JSON number"),
    ("{a: nan}", "not a JSON number"),
    ("NaN", "not a JSON number"),
    ("[1e999]", "not a JSON number"),
    # row 40: beyond every use
    ("[" * 5000 + "]" * 5000, "nested"),
    ("[" * 5000, "nested"),
    ('{"a":' * 5000 + "1" + "}" * 5000, "nested"),
    ("[" * (DEPTH_MOST + 1) + "]" * (DEPTH_MOST + 1), "nested"),
    ("9" * 5000, "digits"),
    (f'{{"a": {"9" * 5000}}}', "digits"),
    (f"{{a: -{'9' * 5000}}}", "digits"),
    # cut off
    ('{"a": 12', "cut off"),
    ('{"a": "12', "cut off"),
    ('{"a": [1, 2', "cut off"),
    ('{"a": [1, 2,', "cut off"),
    ('{"a": tru', "cut off"),
    ('{"a":', "cut off"),
    ('{"a": 1, "b"', "cut off"),
    ('{"a": "see [x]', "cut off"),
    ('Here: {"a": "so it', "cut off"),
    ("{", "cut off"),
    ('"abc', "no JSON value"),
    # a repair would guess
    ('{"a": , "b": 1}', "invent"),
    ('{"a": true, WHAT "b": "x"}', "leave out"),
    ('{"code": [0789]}', "leave out"),
    ("[\n{}\n{} x]", "drop"),
    # nothing there
    ("", "no JSON value"),
    (" \n", "no JSON value"),
    ("I do not know.", "no JSON value"),
    ("True", "no JSON value"),
    ("```json\n```", "no JSON value"),
    ("]", "no JSON value"),
    ("[x] " * (BRACKETS_MOST + 1), "pieces"),
    ("{a: x y} " * 6, "nearly JSON"),
    ("[" + "a: b, " * LENGTH_MOST + "]", "longer"),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_what_was_plainly_meant_is_read_and_said_to_be_repaired(text: str, value: Any) -> None:
    reading = read_json(text)

    assert (reading.problem, reading.value) == ("", value)
    assert reading.is_repaired
    assert all(reading.mends)


@pytest.mark.parametrize(("text", "problem"), REFUSED)
def test_what_is_ambiguous_cut_or_absurd_is_refused(text: str, problem: str) -> None:
    reading = read_json(text)

    assert reading.value is None
    assert problem in reading.problem


def test_a_number_of_many_digits_is_kept_up_to_the_bound() -> None:
    assert read_json("9" * DIGITS_MOST).value == int("9" * DIGITS_MOST)


# ---------------------------------------------------------------- with a schema


class Item(BaseModel):
    name: str
    size: int


class Found(BaseModel):
    verdict: Literal["holds", "does not hold", "open"]
    items: list[Item] = []
    note: str | None


class Only(BaseModel):
    text: str


ITEM, FOUND = TypeAdapter(Item), TypeAdapter(Found)
GOOD = {"name": "a", "size": 1}


@pytest.mark.parametrize(
    ("returns", "text", "value", "mend"),
    [
        (Item, '{"name": "a", "size": "1"}', GOOD, "types"),
        (Item, '[{"name": "a", "size": 1}]', GOOD, "list of one"),
        (Item, '{"item": {"name": "a", "size": 1}}', GOOD, "taken out of 'item'"),
        (Item, '"{\\"name\\": \\"a\\", \\"size\\": 1}"', GOOD, "written as a string"),
        (Item, '{"Name": "a", "SIZE": 1}', GOOD, "written as 'Name'"),
        (Item, '{"name": 7, "size": 1}', {"name": "7", "size": 1}, "string"),
        (list[Item], '{"name": "a", "size": 1}', [GOOD], "list of one"),
        (list[Item], '{"items": [{"name": "a", "size": 1}]}', [GOOD], "taken out"),
        (list[Item], '{"name": "a", "size": 1} {"name": "b", "size": 2}', [GOOD, {"name": "b", "size": 2}], "one list"),
        (dict[str, Item], '{"x": {"name": 7, "size": 1}}', {"x": {"name": "7", "size": 1}}, "string"),
        (
            Found,
            '{"verdict": "Does-not-hold", "note": "x"}',
            {"verdict": "does not hold", "items": [], "note": "x"},
            "verdict",
        ),
        (Found, '{"verdict": "open"}', {"verdict": "open", "items": [], "note": None}, "missing"),
        (list[str], "[1, true]", ["1", "true"], "string"),
        (float, '"1,234.5"', 1234.5, "number"),
        (int, '"1,234,567"', 1234567, "integer"),
        (bool, "True", True, "plain text"),
        (str, "Just an answer.", "Just an answer.", "plain text"),
        (Literal["yes", "no"], "Yes", "yes", "'yes'"),
        (Only, '"x"', {"text": "x"}, "bare value"),
        (Item | list[int], "[1, 2]", [1, 2], ""),
        (int | str, '"3"', "3", ""),
    ],
)
def test_small_differences_are_mended_and_named(returns: Any, text: str, value: Any, mend: str) -> None:
    reading = read_json(text, TypeAdapter(returns))

    assert (reading.problem, reading.value) == ("", value)
    assert mend in "; ".join(reading.mends)
    assert reading.is_repaired == bool(mend)


@pytest.mark.parametrize(
    ("returns", "text", "problem"),
    [
        (Item, '{"name": "a"}', "size: Field required"),
        (Item, '{"name": "a", "size": "many"}', "size: "),
        (Item, '{"name": "a", "size": 1.5}', "size: "),
        (Item, '{"name": "a", "size": "1,234"}', "size: "),
        (
            Item,
            '{"name": "a", "size": "1", "Size": 2, "x": {"name": "b", "size": 2}} or {"name": "b", "size": 2',
            "cut off",
        ),
        (Item, '{"name": "a", "size": 1} {"name": "b", "size": 2}', "several"),
        (Found, '{"verdict": "closed", "note": ""}', "verdict: "),
        (int, "about three", "the answer: "),
        (list[int], "[1, null]", "1: "),
        (Item, "no", "the answer: "),
        (Only, "I do not know.", "the answer: "),
        (Only, "It is so [1].", "the answer: "),
        (list[str], "I do not know.", "the answer: "),
    ],
)
def test_what_the_schema_does_not_settle_is_a_problem(returns: Any, text: str, problem: str) -> None:
    reading = read_json(text, TypeAdapter(returns))

    assert reading.value is None
    assert problem in reading.problem


def test_the_schema_singles_out_one_of_several_values() -> None:
    text = 'As in [1], {"name": "a", "size": 1} and not {"size": 2}.'

    assert read_json(text).problem
    assert read_json(text, ITEM).value == GOOD


def test_a_value_that_fits_as_it_is_needs_no_mend() -> None:
    assert read_json('{"verdict": "open", "note": null}', FOUND).mends == ()


# ---------------------------------------------------------------- whatever the text

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
CONTAINERS = st.lists(VALUES, max_size=4) | st.dictionaries(WORDS, VALUES, max_size=4)
PROSE = st.text(st.sampled_from("abc .,!?\n'"), max_size=30)
JSONISH = st.text(st.sampled_from("{}[]:,\"'\\ \nab1-.eE/*`“”\ud800\x00"), max_size=60)
TYPES = st.sampled_from([Item, Found, list[Item], dict[str, int], int | list[str], str, bool, Any])


def same(one: Any, other: Any) -> bool:
    return json.dumps(one) == json.dumps(other)


@given(VALUES, st.sampled_from([None, 0, 2]), st.booleans())
def test_json_reads_as_itself_without_a_repair(value: Any, indent: int | None, ascii_only: bool) -> None:
    reading = read_json(json.dumps(value, indent=indent, ensure_ascii=ascii_only))

    assert same(reading.value, value)
    assert not reading.problem
    assert not reading.is_repaired


@given(CONTAINERS, PROSE, PROSE, st.booleans())
def test_json_in_prose_reads_as_itself_and_says_so(value: Any, before: str, after: str, fenced: bool) -> None:
    text = json.dumps(value)
    around = f"{before}\n```json\n{text}\n```\n{after}" if fenced else f"{before} so:\n{text}\nThat is it. {after}"
    reading = read_json(around)

    assert reading.problem == ""
    assert same(reading.value, value)
    assert reading.is_repaired


@given(CONTAINERS, st.data())
def test_a_value_cut_off_anywhere_is_never_passed_off_as_read(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    reading = read_json(cut)

    assert reading.problem or reading.is_repaired
    if cut and cut[-1].isalnum() and cut[-4:] not in ("true", "null") and not cut.endswith("false"):
        assert reading.problem


@given(st.dictionaries(WORDS, VALUES, min_size=1, max_size=3), VALUES, VALUES, st.data())
def test_a_duplicate_key_is_refused_wherever_it_stands(fields: dict[str, Any], one: Any, two: Any, data: Any) -> None:
    key = data.draw(st.sampled_from(sorted(fields)))
    pairs = [*fields.items(), (key, two)]
    text = "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs) + "}"
    for wrapped in (text, f'[{json.dumps(one)}, {{"x": {text}}}]', f"So: {text}", f'{{"x": {text},}}', text[:-1]):
        if wrapped != text[:-1] or text[-2] in ']"}':
            assert "twice" in read_json(wrapped).problem


@given(st.text(st.characters(codec=None), max_size=80) | JSONISH, st.none() | TYPES)
@settings(max_examples=300)
def test_no_text_raises_and_a_reading_is_a_value_or_a_problem(text: str, returns: Any) -> None:
    reading = read_json(text, None if returns is None else TypeAdapter(returns))

    assert not (reading.problem and reading.value is not None)
    json.dumps(reading.value, ensure_ascii=False, allow_nan=False).encode()
    reading.problem.encode()


@given(CONTAINERS)
def test_a_mended_text_reads_the_same_a_second_time(value: Any) -> None:
    first = read_json(json.dumps(value)[:-1])
    assume(not first.problem)

    assert same(read_json(json.dumps(first.value)).value, first.value)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        '{"a": "' + "x" * 10_000_000,
        '"' * 1_000_000,
        "'" * 1_000_000,
        "{a:" * 300_000,
        "[1] " * 300_000,
        "{'a': 'b', }" * 20_000,
        "{" + ", ".join(f"k{n}: v{n}" for n in range(800)) + "}",
        ("{" + ", ".join(f"k{n}: v{n}" for n in range(800)) + "} ") * 20,
        "[1], " * 90 + "[a: b",
        "\\" * 1_000_000 + "{",
        "/*" * 300_000 + "{",
    ],
    ids=lambda text: text[:8],
)
def test_a_hostile_text_takes_bounded_time(text: str) -> None:
    began = time.process_time()
    read_json(text)
    read_json(text, FOUND)

    assert time.process_time() - began < 10


class Lease(BaseModel):
    name: str = ""
    size: int = 0


class Called(BaseModel):
    name: str
    arguments: dict[str, int]


CALL = '{"name": "explain", "arguments": {"name": "a", "size": 1}}'


@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>\n{CALL}\n</tool_call>",
        f"[TOOL_CALLS][{CALL}]",
        f"<|python_tag|>{CALL.replace('arguments', 'parameters')}",
        f'```json\n{{"type": "function", "function": {CALL}}}\n```',
        json.dumps({"tool_calls": [{"id": "c", "function": {"name": "x", "arguments": '{"name": "a", "size": 1}'}}]}),
        "<tool_call><function=x>\n<parameter=name>\na\n</parameter>\n<parameter=size>\n1\n</parameter>\n</function>",
    ],
)
def test_the_arguments_of_a_call_that_was_written_as_text_are_the_answer(text: str) -> None:
    reading = read_json(text, TypeAdapter(Lease))

    assert reading.value == {"name": "a", "size": 1}
    assert "call written as text" in " ".join(reading.mends)


def test_an_answer_that_has_the_keys_of_a_call_is_none() -> None:
    value = {"name": "explain", "arguments": {"size": 1}}

    assert read_json(json.dumps(value), TypeAdapter(Called)).value == value
    assert read_json(json.dumps([value]), TypeAdapter(list[Called])).value == [value]
    assert read_json(json.dumps(value)).value == value
