"""The answer where nobody has written a script: a few words of the question, or the smallest value of a schema."""

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import BadInput
from ...text import shorten
from .replies import Fails, Says, says_json
from .wire import Asked, Reply

#: Texts that satisfy a format of JSON Schema.
_FORMATS = {
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "date-time": "2000-01-01T00:00:00Z",
    "email": "a@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
}

_IS_WITHIN: Mapping[str, Callable[[float, float], bool]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}


def echo(asked: Asked) -> Reply:
    """The end of the question; where a schema is asked for its smallest value, or a 400 that says why there is none."""
    response_format = asked.body.get("response_format")
    match response_format:
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            try:
                return says_json(smallest(schema))
            except BadInput as error:
                return Fails(400, str(error), type="invalid_request_error", param="response_format")
        case {"type": "json_object"}:
            return says_json({})
        case _:
            return Says(f"You said: {shorten(asked.text.rpartition(chr(10))[2], 80)}")


def smallest(schema: Any) -> Any:
    """The smallest value that fits a JSON schema, as the short texts, lists and objects of it go.

    Reads type, properties, items, enum, const, $ref, anyOf, oneOf, allOf, formats and bounds; not pattern.
    Raises BadInput for a schema that has no finite value.
    """
    return _smallest(schema, schema, frozenset())


def _smallest(schema: Any, root: Any, entered: frozenset[str]) -> Any:
    match schema:
        case {"const": value}:
            return value
        case {"enum": [value, *_]}:
            return value
        case {"$ref": str(name)}:
            if name in entered:
                raise BadInput(f"{name!r} needs itself: no finite value fits the schema")
            return _smallest(_resolve(root, name), root, entered | {name})
        case {"anyOf": list(options)} | {"oneOf": list(options)}:
            rest = {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf")}
            return _least([_merged([rest, option]) for option in options], root, entered)
        case {"allOf": list(parts)}:
            rest = {name: value for name, value in schema.items() if name != "allOf"}
            resolved = [_resolve(root, part["$ref"]) if "$ref" in part else part for part in parts]
            return _smallest(_merged([rest, *resolved]), root, entered)
        case {"type": list(kinds)}:
            return _least([{**schema, "type": kind} for kind in kinds], root, entered)
        case dict():
            return _of_type(schema, root, entered)
        case _:  # `true`: anything fits
            return None


def _least(options: list[Any], root: Any, entered: frozenset[str]) -> Any:
    values, reason = [], BadInput("the schema offers no alternative: no value fits it")
    for option in options:
        try:
            values.append(_smallest(option, root, entered))
        except BadInput as error:
            reason = error
    if not values:
        raise reason
    return min(values, key=lambda value: len(json.dumps(value)))


def _of_type(schema: Mapping[str, Any], root: Any, entered: frozenset[str]) -> Any:
    match schema.get("type", "object" if "properties" in schema or "required" in schema else None):
        case "object":
            properties = schema.get("properties", {})
            return {name: _smallest(properties.get(name, True), root, entered) for name in schema.get("required", ())}
        case "array":
            items = [*schema.get("prefixItems", ())]
            items += [schema.get("items", True)] * (schema.get("minItems", 0) - len(items))
            return [_smallest(item, root, entered) for item in items[: schema.get("minItems", 0)]]
        case "string":
            return _FORMATS.get(schema.get("format", ""), "a" * schema.get("minLength", 0))
        case "integer" | "number" as kind:
            return _number(schema, whole=kind == "integer")
        case "boolean":
            return False
        case _:
            return None


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    """The fitting number that is nearest to 0: it, or one beside a bound or between the bounds."""
    step: float = schema.get("multipleOf", 1)
    bounds: list[float] = [schema[name] for name in _IS_WITHIN if name in schema]
    candidates = [0, *(step * (bound // step + more) for bound in bounds for more in (-1, 0, 1, 2))]
    if not whole and "multipleOf" not in schema:
        candidates += [*bounds, sum(bounds) / 2]
    tests = [(is_within, schema[name]) for name, is_within in _IS_WITHIN.items() if name in schema]
    fitting = [number for number in candidates if all(is_within(number, bound) for is_within, bound in tests)]
    if not fitting:
        raise BadInput(f"no number fits {dict(schema)}")
    return min(fitting, key=abs)


def _merged(parts: list[Any]) -> dict[str, Any]:
    """One schema that asks for what each of these asks for."""
    merged: dict[str, Any] = {}
    for part in parts:
        fields = part if isinstance(part, dict) else {}
        properties = {**merged.get("properties", {}), **fields.get("properties", {})}
        required = [*dict.fromkeys([*merged.get("required", ()), *fields.get("required", ())])]
        merged |= fields
        merged |= {"properties": properties} if properties else {}
        merged |= {"required": required} if required else {}
    return merged


def _resolve(root: Any, name: str) -> Any:
    """The part of the schema that a `$ref` such as `#/$defs/Part` points to."""
    found = root
    for step in name.removeprefix("#").strip("/").split("/") if name != "#" else ():
        step = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or step not in found:
            raise BadInput(f"$ref {name!r} points to nothing in the schema")
        found = found[step]
    return found
