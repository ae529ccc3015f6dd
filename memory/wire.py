"""What processes that share a memory say to each other: a length of four bytes, then so many bytes of JSON. Pure.

A connection begins with a `Hello`, and carries one request at a time; each is answered.
"""

import json
import struct
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ..orchestrator.errors import BadInput, restored
from .calls import CallId

VERSION: Literal[1] = 1
#: The longest message, in bytes: what one of them may make the other keep in its memory.
MESSAGE_BYTES_MOST = 64 << 20
_LENGTH = struct.Struct(">I")
LENGTH_BYTES = _LENGTH.size


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hello(_Said):
    """Who wants to be answered: its embedder, and whether it wants the vectors of others forgotten (`fresh`)."""

    version: Literal[1] = VERSION
    embedder: str
    is_semantic: bool
    fresh: bool = False


class Request(_Said):
    """A method with its arguments as plain values; a write has an `id`."""

    method: str
    arguments: dict[str, Any]
    id: CallId | None = None


class Failure(_Said):
    """An error, by the name of its class, and what else it knows."""

    kind: str
    said: str
    facts: dict[str, Any] = {}


class Reply(_Said):
    """What came of it: a result as a plain value, or a failure."""

    result: Any = None
    failure: Failure | None = None


_Message = TypeVar("_Message", Hello, Request, Reply)


def framed(said: Hello | Request | Reply) -> bytes:
    """It as a message. Raises: BadInput when that is too long."""
    # Escaped, so that a lone surrogate arrives as it is, and the store decides what becomes of it.
    data = json.dumps(dict(said), default=dict).encode()
    check_length(len(data))
    return _LENGTH.pack(len(data)) + data


def length_of(head: bytes) -> int:
    """How many bytes follow these four. Raises: BadInput when those are too many."""
    [length] = _LENGTH.unpack(head)
    check_length(length)
    return int(length)


def check_length(length: int) -> None:
    if length > MESSAGE_BYTES_MOST:
        raise BadInput(
            f"a message of {length} bytes is more than the {MESSAGE_BYTES_MOST} that go from one process to another; "
            "ask for less at once, or do it in the process that has the memory open"
        )


def read(data: bytes, kind: type[_Message]) -> _Message:
    """The message in these bytes. Raises: BadInput for what is none of this kind or of this version."""
    try:
        return kind.model_validate(json.loads(data))
    except (ValueError, RecursionError) as error:
        why = error.errors(include_url=False, include_input=False)[0] if isinstance(error, ValidationError) else error
        raise BadInput(
            f"what was said to a memory is no {kind.__name__.lower()} of version {VERSION}: {why}"
        ) from error


def failure_of(error: Exception) -> Failure:
    """An error as it travels: its class, its words, and those of its attributes that are plain."""
    facts = {name: value for name, value in vars(error).items() if isinstance(value, str | int | float | bool | None)}
    return Failure(kind=type(error).__name__, said=str(error), facts=facts)


def error_of(failure: Failure) -> Exception:
    """The reverse: of the same class, with the same words and attributes."""
    error = restored(failure.kind, failure.said)
    vars(error).update(failure.facts)
    return error
