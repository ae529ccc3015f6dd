"""Small differences between a value and the schema it was asked for, mended and named; nothing is invented.

Guided by JSON Schema as pydantic writes it. Whether the result is right is for the caller to validate: a place where
two mends are as good as each other, or none is known, stays as it was.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .decode import decode

Schema = Mapping[str, Any]

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d+|[+-]?\d{1,3}(?:,\d{3}){2,}")
_NUMBER = re.compile(r"[+-]?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,2})?")
_SPELLING = re.compile(r"[\s_-]+")
_PYTHON = {"string": str, "boolean": bool, "null": type(None), "array": list, "object": dict}
#: Alternatives within alternatives multiply: a value that takes more steps than this stays as it is.
_STEPS_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Fitted:
    """A value, the mends it took, and in how many places it is still known not to fit."""

    value: Any
    mends: tuple[str, ...] = ()
    misfits: int = 0

    @property
    def cost(self) -> tuple[int, int]:
        return self.misfits, len(self.mends)


def fit(value: Any, schema: Schema) -> Fitted:
    """The value, nearer to `schema`; its mends in words, each beginning with the place."""
    return _Fitting(schema.get("$defs", {})).fit(value, schema, "the answer")


class _Fitting:
    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions, self._steps = definitions, 0

    def fit(self, value: Any, schema: Schema, place: str) -> Fitted:
        self._steps += 1
        if self._steps > _STEPS_MOST:
            return Fitted(value, misfits=1)
        while "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        if options := schema.get("anyOf") or schema.get("oneOf"):
            return _cheapest(value, [self.fit(value, option, place) for option in options])
        if "enum" in schema or "const" in schema:
            return _spelled(value, schema.get("enum") or [schema["const"]], place)
        if "type" not in schema or _is_a(value, schema["type"]):
            return self._within(value, schema, place)
        return self._reshaped(value, schema, place)

    def _within(self, value: Any, schema: Schema, place: str) -> Fitted:
        if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
            return _joined([self.fit(v, schema["items"], f"{place}[{n}]") for n, v in enumerate(value)])
        if not isinstance(value, dict) or "properties" not in schema:
            return self._mapped(value, schema, place)
        as_it_is = self._object(value, schema, place)
        if len(value) != 1 or not as_it_is.misfits or set(value) & set(schema["properties"]):
            return as_it_is
        ((key, inner),) = value.items()
        return _cheapest(value, [as_it_is, _after(f"{place}: taken out of {key!r}", self.fit(inner, schema, place))])

    def _mapped(self, value: Any, schema: Schema, place: str) -> Fitted:
        inner = schema.get("additionalProperties")
        if not isinstance(value, dict) or not isinstance(inner, Mapping):
            return Fitted(value)
        parts = _joined([self.fit(v, inner, f"{place}.{key}") for key, v in value.items()])
        return replace(parts, value=dict(zip(value, parts.value, strict=True)))

    def _object(self, value: dict[str, Any], schema: Schema, place: str) -> Fitted:
        """Keys in another spelling, what is nullable and missing, and each field by itself."""
        properties, mends, misfits = schema["properties"], list[str](), 0
        fields: dict[str, Any] = {}
        for key, inner in value.items():
            known = key if key in properties else _meant(key, [name for name in properties if name not in value])
            if known is not None and known not in fields:
                fitted = self.fit(inner, properties[known], f"{place}.{known}")
                mends += [f"{place}.{known}: written as {key!r}"] * (known != key)
                mends, misfits, inner = [*mends, *fitted.mends], misfits + fitted.misfits, fitted.value
                key = known
            else:
                misfits += 1
            fields[key] = inner
        for name in [name for name in schema.get("required", ()) if name not in fields]:
            if self._is_nullable(properties[name]):
                fields[name] = None
                mends.append(f"{place}.{name}: missing, taken as null")
            else:
                misfits += 1
        return Fitted(fields, tuple(mends), misfits)

    def _is_nullable(self, schema: Schema) -> bool:
        return schema.get("type") == "null" or any(map(self._is_nullable, schema.get("anyOf", ())))

    def _reshaped(self, value: Any, schema: Schema, place: str) -> Fitted:
        """Another type than asked for: in a list or an object too many or too few, or written another way."""
        wanted = schema["type"]

        def tried(inner: Any, mend: str) -> Fitted:
            return _after(f"{place}: {mend}", self.fit(inner, schema, place))

        match value:
            case str() if wanted in ("array", "object") and (inner := _loaded(value, wanted)) is not None:
                return tried(inner, "JSON written as a string")
            case [only] if wanted != "array":
                return tried(only, "taken out of a list of one")
            case dict() if len(value) == 1 and wanted != "object":
                ((key, inner),) = value.items()
                unwrapped = [tried(inner, f"taken out of {key!r}")] if _is_a(inner, wanted) else []
                return _cheapest(value, [*unwrapped, *self._wrapped(value, schema, place)])
        if wrapped := self._wrapped(value, schema, place):
            return wrapped[0]
        scalar = _CONVERT[wanted](value) if wanted in _CONVERT else None
        return (
            Fitted(value, misfits=1)
            if scalar is None
            else Fitted(scalar, (f"{place}: {wanted} written as {value!r}"[:200],))
        )

    def _wrapped(self, value: Any, schema: Schema, place: str) -> list[Fitted]:
        """The value as the only item of a list, or the only field that an object has."""
        if value is None:
            return []
        if schema["type"] == "array" and isinstance(schema.get("items"), Mapping):
            item = self.fit(value, schema["items"], f"{place}[0]")
            return [_after(f"{place}: a single value taken as a list of one", replace(item, value=[item.value]))]
        fields = schema.get("properties", {}) if schema["type"] == "object" else {}
        if len(fields) != 1 or isinstance(value, dict | list):
            return []
        ((name, inner),) = fields.items()
        field = self.fit(value, inner, f"{place}.{name}")
        return [_after(f"{place}: a bare value taken as {name!r}", replace(field, value={name: field.value}))]


def _cheapest(value: Any, options: list[Fitted]) -> Fitted:
    """The option that takes least; the value as it was where two that differ take the same."""
    if not options:
        return Fitted(value, misfits=1)
    best = min(options, key=lambda option: option.cost)
    rivals = [option for option in options if option.cost == best.cost and repr(option.value) != repr(best.value)]
    return Fitted(value, misfits=max(1, best.misfits)) if rivals else best


def _after(mend: str, fitted: Fitted) -> Fitted:
    return replace(fitted, mends=(mend, *fitted.mends))


def _joined(parts: list[Fitted]) -> Fitted:
    mends = tuple(mend for part in parts for mend in part.mends)
    return Fitted([part.value for part in parts], mends, sum(part.misfits for part in parts))


def _is_a(value: Any, kind: str) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, _PYTHON[kind])


def _spelled(value: Any, names: list[Any], place: str) -> Fitted:
    """One of the names, whatever its case and its hyphens."""
    if any(value == name and type(value) is type(name) for name in names):
        return Fitted(value)
    if isinstance(value, list) and len(value) == 1:
        return _after(f"{place}: taken out of a list of one", _spelled(value[0], names, place))
    known = _meant(value, names) if isinstance(value, str) else None
    return (
        Fitted(value, misfits=1)
        if known is None
        else Fitted(known, (f"{place}: {known!r} written as {value!r}"[:200],))
    )


def _meant(name: str, names: list[Any]) -> str | None:
    """The one of `names` that is `name` in another spelling."""
    spelled = _SPELLING.sub("", name).casefold()
    like = [known for known in names if isinstance(known, str) and _SPELLING.sub("", known).casefold() == spelled]
    return like[0] if len(like) == 1 else None


def _loaded(text: str, wanted: str) -> Any:
    try:
        value = decode(text)
    except ValueError:
        return None
    return value if _is_a(value, wanted) else None


def _number(value: Any) -> float | int | None:
    words = value.strip() if isinstance(value, str) else ""
    if _THOUSANDS.fullmatch(words):
        words = words.replace(",", "")
    if not _NUMBER.fullmatch(words):
        return None
    return float(words) if set(words) & set(".eE") else int(words)


def _integer(value: Any) -> int | None:
    number = value if isinstance(value, float) else _number(value)
    return int(number) if number is not None and number == int(number) else None


def _string(value: Any) -> str | None:
    return json.dumps(value) if isinstance(value, int | float) else None


def _boolean(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(value.strip().casefold()) if isinstance(value, str) else None


_CONVERT: Mapping[str, Callable[[Any], Any]] = {
    "number": _number,
    "integer": _integer,
    "string": _string,
    "boolean": _boolean,
}
