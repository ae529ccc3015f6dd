"""What the benchmarks of the two readers count: a wrong value passed off as read is never anything else."""

from typing import Any

import pytest
from pydantic import ValidationError

from bullpen.benchmarks.output.baml import Schema
from bullpen.benchmarks.output.json import measure
from bullpen.benchmarks.output.refusal import has_keyword, parts
from bullpen.benchmarks.output.scoring import (
    Attempt,
    Detection,
    JsonOutcome,
    RefusalLabel,
    detection,
    json_outcome,
    same,
)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (2, 2.0, True),
        (1, True, False),
        (0, False, False),
        ([1, {"a": None}], [1, {"a": None}], True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ([1], [1, 2], False),
        ("1", 1, False),
        (None, "", False),
    ],
)
def test_values_are_the_same_as_json(one: Any, other: Any, expected: bool) -> None:
    assert same(one, other) is expected
    assert same(other, one) is expected


@pytest.mark.parametrize(
    ("kind", "attempt", "expected"),
    [
        ("value", Attempt([1]), "right"),
        ("value", Attempt([1], is_repaired=True), "right"),
        ("value", Attempt([2], is_repaired=True), "wrong"),
        ("value", Attempt([2]), "unsaid"),
        ("value", Attempt(problem="no"), "refused"),
        ("must_accept", Attempt(problem="no"), "refused"),
        ("must_accept", Attempt([2]), "unsaid"),
        ("must_reject", Attempt(problem="no"), "right"),
        ("must_reject", Attempt([1], is_repaired=True), "repaired"),
        ("must_reject", Attempt([1]), "unsaid"),
        ("either", Attempt([1]), "right"),
        ("either", Attempt([1], is_repaired=True), "repaired"),
        ("either", Attempt(problem="no"), "refused"),
        ("nothing", Attempt(problem="no"), "right"),
        ("nothing", Attempt(""), "right"),
        ("nothing", Attempt([1], is_repaired=True), "wrong"),
    ],
)
def test_an_attempt_is_scored_by_what_the_row_expects(kind: str, attempt: Attempt, expected: JsonOutcome) -> None:
    assert json_outcome({"expected_kind": kind, "expected": [1]}, attempt) == expected


def test_each_reader_is_measured_on_each_row() -> None:
    row = {"id": 1, "suite": "s", "test": "t", "expected_kind": "value", "expected": {"a": 1}}
    (slip,) = measure([{**row, "input": "{'a': 1}"}])
    (raw,) = measure([{**row, "input_b64": "eyJhIjogMX0="}])
    (shaped,) = measure(
        [{**row, "input": "1", "schema_baml": "class A {\n a int\n}", "target": 'FieldType::class("A")'}]
    )

    assert (slip["ours"], slip["json_repair"], slip["json"]) == ("right", "right", "refused")
    assert (raw["ours"], raw["json"]) == ("right", "right")
    assert (shaped["ours"], shaped["json_repair"]) == ("right", "unsaid")


def test_a_schema_of_baml_becomes_a_type() -> None:
    schema = Schema(
        'enum Kind {\n A @alias("the-a")\n B\n}\n'
        'class Part {\n  kind Kind\n  names (string | int)[]\n  note string? @description(#"\n (what)\n"#)\n'
        '  code string @check(ok, {{this|regex_match("\\d(-)?")}})\n  old float @alias(new)\n}'
    )
    returns = schema.target('FieldType::List(FieldType::Class("Part".to_string()).into())')
    given = {"kind": "B", "names": ["x", 1], "code": "7", "new": 1}

    (part,) = returns.validate_python([given])
    assert part.model_dump() == {"kind": "B", "names": ["x", 1], "note": None, "code": "7", "old": 1.0}
    with pytest.raises(ValidationError):
        returns.validate_python([{**given, "code": "x"}])
    with pytest.raises(ValueError, match="no type known"):
        schema.target("FieldType::image()")


JUDGED: list[tuple[RefusalLabel, bool]] = [
    ("full", True),
    ("full", True),
    ("full", False),
    ("none", True),
    ("none", False),
    ("partial", True),
    ("partial", False),
]


def test_partial_refusals_count_as_answers_or_not_at_all() -> None:
    assert detection(JUDGED, with_partial=True) == Detection(caught=2, missed=1, false=2)
    assert detection(JUDGED, with_partial=False) == Detection(caught=2, missed=1, false=1)


def test_precision_and_recall() -> None:
    assert (Detection(2, 1, 2).precision, Detection(2, 1, 2).recall) == (0.5, 2 / 3)
    assert (Detection(0, 0, 0).precision, Detection(0, 0, 0).recall) == (1.0, 1.0)


def test_every_reply_is_in_one_half_and_with_its_model() -> None:
    rows = [{"prompt_id": n, "model": "ab"[n % 2]} for n in range(5)]
    found = parts(rows)

    assert [len(found[name]) for name in ("all", "tuning half", "check half", "a", "b")] == [5, 3, 2, 3, 2]
    assert has_keyword("Well, I’m sorry")
    assert not has_keyword("Well.")
