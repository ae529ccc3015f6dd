"""A schema as a model is told it, worked out once for each type of answer. Pure."""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

#: Where a schema has the names of others, which are none of its own words.
_NAMED = ("properties", "$defs")


class Form:
    """A schema as it is told: in words, or beside a prompt."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.keys = keys_of(schema)
        self._described, self._bare = terse(schema), terse(schema, is_described=False)
        told = json.dumps(self._described, separators=(",", ":"), ensure_ascii=False)
        self.words = f"Answer with one JSON value that matches this schema, and nothing else:\n{told}"

    def is_named_in(self, text: str) -> bool:
        """Whether the text names every key of an answer, which has some, between backticks or double quotes."""
        return bool(self.keys) and all(f"`{key}`" in text or f'"{key}"' in text for key in self.keys)

    def beside(self, text: str) -> dict[str, Any]:
        """The schema that goes beside a prompt of this text: what that says of the keys is not said again."""
        return self._bare if self.is_named_in(text) else self._described


class _Same:
    """A schema that is the same as itself alone: types of answers keep theirs, and to compare them takes longer."""

    __slots__ = ("schema",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.schema is self.schema


def form_of(schema: Mapping[str, Any]) -> Form:
    """The form of a schema, which must not change."""
    return _form(_Same(schema))


@functools.lru_cache(maxsize=256)
def _form(same: _Same) -> Form:
    return Form(same.schema)


def terse(schema: Mapping[str, Any], *, is_described: bool = True) -> dict[str, Any]:
    """A schema that says the same to a model in fewer words: without titles, which repeat names, and defaults, with
    what is defined for one place in that place, and without descriptions unless it `is_described`."""
    uses = json.dumps(schema)
    definitions = {f"#/$defs/{name}": part for name, part in schema.get("$defs", {}).items()}
    once = {path: part for path, part in definitions.items() if uses.count(json.dumps(path)) == 1}
    silent = {"title", "default"} if is_described else {"title", "default", "description"}

    def told(part: Any) -> Any:
        if isinstance(part, list):
            return [told(each) for each in part]
        if not isinstance(part, dict):
            return part
        if isinstance(path := part.get("$ref"), str) and path in once:
            return told({**once[path], **{name: each for name, each in part.items() if name != "$ref"}})
        kept = {name: each for name, each in part.items() if name not in silent}
        return {name: _under_names(each, told) if name in _NAMED else told(each) for name, each in kept.items()}

    whole = {name: part for name, part in schema.items() if name != "$defs"}
    left = {name: part for name, part in schema.get("$defs", {}).items() if f"#/$defs/{name}" not in once}
    said: dict[str, Any] = told({"$defs": left, **whole} if left else whole)
    return said


def _under_names(parts: Mapping[str, Any], told: Callable[[Any], Any]) -> dict[str, Any]:
    """Schemas under names that are nobody's words: a field may be called `title`."""
    return {name: told(part) for name, part in parts.items()}


def keys_of(schema: Any) -> set[str]:
    """The keys that an answer of this schema may have, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(keys_of, schema))
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", ()))
    return own.union(*(keys_of(list(part.values()) if name in _NAMED else part) for name, part in schema.items()))
