"""Whether values of a type come back from JSON as they went, found out before there is one. Pure.

Secrets and fields that are left out are seen in the schemas, everything else in examples that are written and read. An
example that the type's own validators refuse tells nothing; what none has shown is found when a value is written.
"""

import functools
import itertools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError

from ..codec import NotKept, as_type, decoded, encoded
from ..errors import InvalidWorker
from .json.examples import examples

Schema = Mapping[str, Any]


def adapter_of(
    what: str, kind: Any, problem_of: Callable[[TypeAdapter[Any]], str], names: Mapping[str, Any]
) -> TypeAdapter[Any]:
    """What reads and writes values of this type, of which `problem_of` says nothing.

    Raises InvalidWorker for a type that JSON cannot carry, NameError for one that rests on a name which is not known.
    """
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(as_type(what, kind))
        adapter.rebuild(_types_namespace=names)
        problem = problem_of(adapter)
    except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema, PydanticUserError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidWorker(f"{what} is {kind!r}, which JSON cannot carry: {reason}") from error
    if problem:
        raise InvalidWorker(f"{what} is {kind!r}: {problem}")
    return adapter


def _secret_in(schema: Schema) -> str:
    for owner, part in _owners(schema).items():
        for name, field in part.get("properties", {"": part}).items():
            if _is_secret(field):
                place = f"field {name!r} of {_named(owner, part)}" if name else "it"
                return f"{place} is a secret, which no record may hold; let the worker read it where it is kept"
    return ""


def secret_in(adapter: TypeAdapter[Any]) -> str:
    """What is secret in a type of which values are only read; "" where nothing is."""
    return _secret_in(adapter.json_schema())


def problem_of(adapter: TypeAdapter[Any]) -> str:
    """What would not come back as it went, by field and class, with what mends it; "" where nothing is known.

    Raises what pydantic raises for a type that has no JSON schema.
    """
    written = adapter.json_schema(by_alias=False, mode="serialization")
    alike = itertools.chain.from_iterable(map(_confused, _alike(adapter.core_schema)))
    if (confused := next(alike, "")) or not _has_own_ways(adapter.core_schema):
        return confused
    read = adapter.json_schema(by_alias=False)
    changed = (f"{error}; let its serializers, validators and aliases agree" for error in _changed(adapter, adapter))
    return _secret_in(read) or _left_out(read, written) or next(changed, "")


def _has_own_ways(core: Any) -> bool:
    """Whether functions, aliases or exclusions have a say in how values are read and written: most types have none, and
    what pydantic writes by itself it reads. Source: `pydantic_core.core_schema`.
    """
    if isinstance(core, list | tuple):
        return any(map(_has_own_ways, core))
    if not isinstance(core, dict):
        return False
    if str(core.get("type")).startswith("function-") or core.keys() & {"validation_alias", "serialization_exclude"}:
        return True
    return any(_has_own_ways(part) for name, part in core.items() if name not in ("metadata", "default"))


def _left_out(read: Schema, written: Schema) -> str:
    kept = _owners(written)
    for owner, part in _owners(read).items():
        if "properties" not in (other := kept.get(owner, {})):
            continue  # it is written as something else altogether: examples tell
        for name in part.get("properties", {}):
            if name not in other["properties"]:
                place = f"field {name!r} of {_named(owner, part)}"
                return f"{place} is left out when it is written; take its `exclude` away"
    return ""


def _changed(adapter: TypeAdapter[Any], of: TypeAdapter[Any]) -> Iterator[str]:
    """What comes back as another value, of the examples of a type that the adapter has among its own."""
    for example in examples(of.json_schema(by_alias=False)):
        try:
            value = decoded(of, example)
        except ValidationError:
            continue
        try:
            encoded(adapter, value)
        except (NotKept, ValidationError) as error:
            yield str(error)


def _confused(classes: Sequence[type[BaseModel]]) -> Iterator[str]:
    """Which of these classes, between which only values can tell, come back as another of them."""
    either: TypeAdapter[Any] = TypeAdapter(functools.reduce(operator.or_, classes))
    for each in classes:
        for error in _changed(either, TypeAdapter(each)):
            yield f"{error}; give them a field that tells them apart, such as a Literal"


def _alike(core: Any) -> Iterator[list[type[BaseModel]]]:
    """The models with the same fields among the alternatives of each union."""
    if isinstance(core, list | tuple):
        yield from itertools.chain.from_iterable(map(_alike, core))
    elif isinstance(core, dict):
        if core.get("type") == "union":
            choices = (choice[0] if isinstance(choice, tuple) else choice for choice in core["choices"])
            models = [choice["cls"] for choice in choices if choice.get("type") == "model"]
            for model in models:
                same = [other for other in models if other.model_fields.keys() == model.model_fields.keys()]
                if len(same) > 1 and same[0] is model:
                    yield same
        yield from _alike([part for name, part in core.items() if name not in ("metadata", "default")])


def _owners(schema: Schema) -> dict[str, Schema]:
    """The classes in a schema, by the name that it has for each; the outermost under none."""
    outermost = {name: part for name, part in schema.items() if name != "$defs"}
    return {"": outermost, **schema.get("$defs", {})}


def _named(owner: str, part: Schema) -> str:
    return str(part.get("title", owner))


def _is_secret(part: Any) -> bool:
    match part:
        case dict():
            return part.get("writeOnly") is True or any(map(_is_secret, part.values()))
        case list():
            return any(map(_is_secret, part))
    return False
