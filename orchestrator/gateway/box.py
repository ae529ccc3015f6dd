"""An object around an answer that is none: some servers refuse a schema whose top level is a list or a plain value.

What is asked for, recorded and handed on is the answer itself: the box is put around it for the provider alone, and an
answer that comes without its box is taken as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, create_model

from ..ids import finite


@dataclass(frozen=True, slots=True)
class Box:
    """What a provider is asked for instead: an object with the answer under this name."""

    name: str
    returns: TypeAdapter[Any]
    schema: Mapping[str, Any]

    def opened(self, value: Any) -> Any:
        """The answer in what was read, plain JSON."""
        return put_in(self.name, value)[self.name]


def put_in(name: str, value: Any) -> Any:
    """The answer in its box, where it came without."""
    return value if isinstance(value, dict) and value.keys() == {name} else {name: value}


def box_of(kind: Any, schema: Mapping[str, Any]) -> Box | None:
    """The box for answers of a type, whose schema this is; None where that is an object by itself."""
    top = schema
    while "$ref" in top:
        top = schema["$defs"][top["$ref"].removeprefix("#/$defs/")]
    if top.get("type") == "object":
        return None
    name = "items" if top.get("type") == "array" else "value"
    fields: dict[str, Any] = {name: (kind, ...)}
    inner: Any = Annotated[create_model("Answer", **fields), BeforeValidator(partial(put_in, name))]
    returns: TypeAdapter[Any] = TypeAdapter(inner)
    return Box(name, returns, finite(returns.json_schema()))
