"""How values are written as plain JSON and read back: one rule for all that workers take and give. Pure.

Written is what the fields hold, under the fields' names: no computed fields, no aliases. Read are names and aliases, so
that what a model writes by its schema, what a team's code puts together and what is on record are one form. JSON has no
number for infinity: it is written as `"Infinity"`, which a float reads back.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from .errors import BadInput, InvalidWorker
from .ids import compact, finite, plain
from .text import clean, shorten

T = TypeVar("T")

_SHOWN_MOST = 60
_ANY: TypeAdapter[Any] = TypeAdapter(Any)
_SCALARS = (str, int, float, bool, type(None))


class NotKept(ValueError):
    """A value that JSON would bring back as another one, or not at all; the message says which field of which class."""


class _Difference(NamedTuple):
    """Where a value and what came back of it differ: a place within the value of this class."""

    place: str
    owner: str
    went: Any
    came: Any

    def __str__(self) -> str:
        went, came = (shorten(repr(value), _SHOWN_MOST) for value in (self.went, self.came))
        return f"{_within(self.place, self.owner)} is {went} and comes back as {came}"


def decoded(adapter: TypeAdapter[T], value: Any) -> T:
    """The typed value in plain JSON, or in what a team's code has put together. Raises pydantic's ValidationError."""
    try:
        return adapter.validate_python(value, by_alias=True, by_name=True)
    except ValidationError:
        if not isinstance(value, dict | list | str):
            raise
        # What is strict takes a date, a set or a tuple from JSON alone.
        return adapter.validate_json(compact(value), by_alias=True, by_name=True)


def encoded(adapter: TypeAdapter[Any], value: Any) -> Any:
    """The value as plain JSON, which `decoded` brings back as it went.

    Raises ValidationError for a value of another type, NotKept for one that would come back as another one.
    """
    typed = decoded(adapter, value)
    if isinstance(typed, type):
        raise NotKept(f"class {typed.__name__} stands where a value is meant; give an instance")
    try:
        written = adapter.dump_python(
            typed, mode="json", by_alias=False, round_trip=True, exclude_computed_fields=True, warnings=False
        )
        kept = finite(written)
    except (PydanticSerializationError, UnicodeDecodeError) as error:
        raise NotKept(f"{type(typed).__name__} cannot be written: {str(error).splitlines()[0]}") from error
    try:
        back = decoded(adapter, kept)
    except ValidationError as error:
        raise NotKept(_unread(typed, error)) from error
    if not _is_equal(typed, back):  # what is equal need not be gone through, which takes long
        for difference in _differences(typed, back, "", type(typed).__name__):
            raise NotKept(str(difference))
    return kept


def as_type(what: str, kind: Any) -> Any:
    """The type that was given. Raises InvalidWorker where it is a value."""
    is_instance = dataclasses.is_dataclass(kind) and not isinstance(kind, type)
    if is_instance or isinstance(kind, BaseModel | dict | list | set | str | int | float):
        given = shorten(repr(kind), _SHOWN_MOST)
        raise InvalidWorker(f"{what} is a value, {given}; give a type, such as {type(kind).__name__}")
    return kind


def as_instance(what: str, value: T, kind: type[T]) -> T:
    """The value that was given. Raises BadInput where it is none of that class, as where it is the class itself."""
    if not isinstance(value, kind):
        raise BadInput(f"{what} is {shorten(repr(value), _SHOWN_MOST)}; give an instance, {kind.__name__}(…)")
    return value


def untyped(value: Any) -> Any:
    """Plain JSON of no declared type, as `plain` makes it. Raises NotKept for what would come back as another value."""
    return encoded(_ANY, plain(value))


def misfit(error: ValidationError, whole: str) -> str:
    """The first thing that does not fit, after the name of its field, or that of the whole."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or whole}: {first['msg']}"


def _within(place: str, owner: str) -> str:
    return f"field {place!r} of {owner}" if place else owner


def _unread(value: Any, error: ValidationError) -> str:
    """What is written and cannot be read, by the field and the class that has it."""
    first = error.errors(include_url=False, include_input=False)[0]
    place, owner = "", type(value).__name__
    for step in first["loc"]:
        parts = _parts(value)
        if parts is not None and step in parts:
            place, owner, value = str(step), type(value).__name__, parts[step]
    return f"{_within(place, owner)} is {shorten(repr(value), _SHOWN_MOST)}, and is not read back: {first['msg']}"


def _differences(went: Any, came: Any, place: str, owner: str) -> Iterator[_Difference]:
    """Where they differ, innermost first. A value of no declared type comes back as plain JSON: that is none.

    A class may stand for one derived from it, where that adds nothing.
    """
    before, after = _parts(went), _parts(came)
    if before is not None and after is not None and isinstance(went, type(came)) and before.keys() == after.keys():
        for name in before:
            yield from _differences(before[name], after[name], str(name), type(went).__name__)
    elif not (_is_equal(went, came) or _is_plain_form(went, came)):
        yield _Difference(place, owner, went, came)


def _parts(value: Any) -> Mapping[Any, Any] | None:
    """What a value is made of, by name, key or number; None for one that is a whole."""
    match value:
        case BaseModel():
            return {name: getattr(value, name, None) for name in type(value).model_fields} | (value.model_extra or {})
        case Mapping():
            return value
        case list() | tuple():
            return dict(enumerate(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return None


def _is_equal(went: Any, came: Any) -> bool:
    if isinstance(went, str) and isinstance(came, str):
        return clean(went) == came  # what no store can keep is U+FFFD
    is_nan = went != went and came != came
    return isinstance(went, type(came)) and bool(went == came or is_nan or _hold_the_same(went, came))


def _hold_the_same(went: Any, came: Any) -> bool:
    """Of objects that nothing but their identity tells apart, whether they hold the same."""
    has_no_equality = type(went).__eq__ is object.__eq__  # type: ignore[comparison-overlap]
    return has_no_equality and getattr(went, "__dict__", None) == getattr(came, "__dict__", None)


def _is_plain_form(went: Any, came: Any) -> bool:
    """Whether this is what JSON makes of an object of no declared type. Secrets come as asterisks, and are none."""
    if isinstance(went, _SCALARS) or hasattr(went, "get_secret_value") or not isinstance(came, dict | list | str):
        return False
    return bool(to_jsonable_python(went, by_alias=False, round_trip=True) == came)
