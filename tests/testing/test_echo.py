"""What is answered without a script."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.testing.provider import ScriptedProvider
from bullpen.orchestrator.testing.provider.echo import smallest

from .client import ask

LEAVES = st.sampled_from(
    [
        {"type": "string", "minLength": 3},
        {"type": "string", "format": "date-time"},
        {"type": "integer", "minimum": 3, "multipleOf": 7},
        {"type": "integer", "exclusiveMaximum": -4},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 0.25},
        {"type": "number", "exclusiveMinimum": 1.5, "exclusiveMaximum": 1.6},
        {"type": ["boolean", "null"]},
        {"enum": ["a", 2]},
        {"const": {"deep": [1]}},
        {"$ref": "#/$defs/Part"},
        True,
        {},
    ]
)


def containers(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(schemas, min_size=1, max_size=3)
    objects = st.builds(
        lambda fields, needed: {"type": "object", "properties": fields, "required": sorted(fields)[:needed]},
        st.dictionaries(st.sampled_from("abcd"), schemas, max_size=4),
        st.integers(0, 4),
    )
    return st.one_of(
        objects,
        st.builds(lambda items, n: {"type": "array", "items": items, "minItems": n}, schemas, st.integers(0, 3)),
        st.builds(lambda parts: {"anyOf": parts}, some),
    )


@given(st.recursive(LEAVES, containers, max_leaves=12))
def test_the_smallest_value_fits_its_schema(schema: Any) -> None:
    part = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Part"}, "n": {"minimum": 1}}, "required": ["n"]}
    whole = {"$defs": {"Part": part}, "anyOf": [schema]}

    jsonschema.validate(smallest(whole), whole)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": ""}),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"anyOf": [{"type": "string", "minLength": 9}, {"type": "null"}, {"type": "integer"}]}, 0),
        ({"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"required": ["b"]}]}, {"a": 1, "b": None}),
        ({"type": "number", "minimum": 2.5}, 2.5),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "minItems": 2}, [1, 2]),
    ],
)
def test_the_smallest_value(schema: dict[str, Any], value: Any) -> None:
    assert smallest(schema) == value


def test_a_schema_may_come_back_to_itself_where_it_may_also_end() -> None:
    tree = {
        "type": "object",
        "properties": {"left": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        "required": ["left"],
    }

    assert smallest(tree) == {"left": None}


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "object", "properties": {"again": {"$ref": "#"}}, "required": ["again"]}, "'#' needs itself"),
        ({"$ref": "#/$defs/Nowhere"}, "points to nothing"),
        ({"anyOf": []}, "no alternative"),
        ({"type": "integer", "minimum": 1, "maximum": 0}, "no number fits"),
    ],
)
def test_a_schema_without_a_value_is_refused(schema: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        smallest(schema)


def test_without_a_script_the_question_comes_back_shortened() -> None:
    with ScriptedProvider() as provider:
        assert ask(provider.url, say="How are you?").text == "You said: How are you?"
        assert len(ask(provider.url, say="x" * 1000).text) < 100


def test_a_schema_in_the_request_is_answered_with_its_smallest_value() -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    endless = {"type": "object", "properties": {"again": {"$ref": "#"}}, "required": ["again"]}
    with ScriptedProvider() as provider:
        fits = ask(
            provider.url, response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
        )
        free = ask(provider.url, response_format={"type": "json_object"})
        none = ask(provider.url, response_format={"type": "json_schema", "json_schema": {"schema": endless}})

    assert (fits.text, free.text) == ('{"ok": false}', "{}")
    assert (none.status, none.value["error"]["param"]) == (400, "response_format")
