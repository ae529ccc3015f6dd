"""Values that a JSON schema describes, to try what is made of them. Pure.

Each alternative, each optional field and each item is in one of them. Guided by JSON Schema as pydantic writes it; what
patterns and validators ask for beside it is not known here, so that some may not fit.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

#: How many are made of any part of a schema: alternatives within alternatives multiply.
EXAMPLES_MOST = 32

_FORMATS: Mapping[str, str] = {
    "date": "2001-02-03",
    "time": "04:05:06Z",
    "date-time": "2001-02-03T04:05:06Z",
    "duration": "P1DT2S",
    "email": "a@example.com",
    "uri": "https://example.com/",
    "uuid": "12345678-1234-4678-8234-567812345678",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "ipvanyaddress": "127.0.0.1",
    "ipv4network": "10.0.0.0/8",
    "ipv6network": "fe80::/64",
    "regex": "a+",
    "base64": "dGV4dA==",
    "base64url": "dGV4dA==",
    "json-string": "1",
}


def examples(schema: Schema) -> list[Any]:
    """A few values, the first with all that they may have; none where the schema has no finite value."""
    return _Examples(schema.get("$defs", {})).of(schema, frozenset())


class _Examples:
    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions, self._numbers = definitions, itertools.count(1)

    def of(self, schema: Schema, entered: frozenset[str]) -> list[Any]:
        return list(itertools.islice(self._each(schema, entered), EXAMPLES_MOST))

    def _each(self, schema: Any, entered: frozenset[str]) -> Iterator[Any]:
        match schema:
            case {"$ref": str(name)}:
                if name not in entered:
                    yield from self._each(self._definitions[name.rpartition("/")[2]], entered | {name})
            case {"const": value}:
                yield value
            case {"enum": list(values)}:
                yield from values
            case {"anyOf": list(options)} | {"oneOf": list(options)}:
                yield from _in_turn([self.of(option, entered) for option in options])
            case {"allOf": [part]}:
                yield from self._each(part, entered)
            case {"type": "object"}:
                yield from self._objects(schema, entered)
            case {"type": "array"}:
                yield from self._arrays(schema, entered)
            case {"type": "string"}:
                yield self._text(schema)
            case {"type": "integer" | "number"}:
                yield self._number(schema)
            case {"type": "boolean"}:
                yield from (True, False)
            case {"type": "null"}:
                yield None
            case _:
                yield f"any {next(self._numbers)}"

    def _objects(self, schema: Schema, entered: frozenset[str]) -> Iterator[dict[str, Any]]:
        """All fields at once, then those that are required with one other, or one alternative, at a time."""
        choices = {name: self.of(part, entered) for name, part in schema.get("properties", {}).items()}
        if isinstance(others := schema.get("additionalProperties"), Mapping) and not choices:
            choices[_key(schema)] = self.of(others, entered)
        required = schema.get("required", ())
        if any(not choices.get(name) for name in required):
            return
        first = {name: values[0] for name, values in choices.items() if values}
        yield first
        least = {name: first[name] for name in required}
        yield least
        yield from _in_turn([[{**least, name: value} for value in values] for name, values in choices.items()])

    def _arrays(self, schema: Schema, entered: frozenset[str]) -> Iterator[list[Any]]:
        heads = [self.of(part, entered) for part in schema.get("prefixItems", ())]
        if all(heads):
            head = [values[0] for values in heads]
            items = self.of(schema["items"], entered) if isinstance(schema.get("items"), Mapping) else []
            count = max(schema.get("minItems", 0) - len(head), 1)
            yield from ([*head, *(item for _ in range(count))] for item in items)
            for n, values in enumerate(heads):
                yield from ([*head[:n], value, *head[n + 1 :]] for value in values)
            yield head

    def _text(self, schema: Schema) -> str:
        if text := _FORMATS.get(schema.get("format", "")):
            return text
        text = f"text {next(self._numbers)}".ljust(schema.get("minLength", 0), "x")
        return text[: schema.get("maxLength")]

    def _number(self, schema: Schema) -> float:
        """A number within its bounds, another one each time where they leave room."""
        step = schema.get("multipleOf", 1)
        least = schema.get("minimum", schema.get("exclusiveMinimum", -math.inf))
        most = schema.get("maximum", schema.get("exclusiveMaximum", math.inf))
        number = next(self._numbers) * step
        if number <= least:
            number = (least // step + 1) * step
        if number >= most:
            number = (most // step - 1) * step
        if not least < number < most:
            number = (least + most) / 2
        return number if schema["type"] == "number" else int(number)


def _key(schema: Schema) -> str:
    """A key of a mapping: numbers are keys of most types."""
    return "1" if "propertyNames" not in schema else next(iter(schema["propertyNames"].get("enum", ("1",))))


def _in_turn(lists: list[list[Any]]) -> Iterator[Any]:
    """The first of each, then the second of each."""
    missing = object()
    for row in itertools.zip_longest(*lists, fillvalue=missing):
        yield from (value for value in row if value is not missing)
