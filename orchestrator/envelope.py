"""What travels between agents: a task out, a result back, and the envelope around both. Frozen, no I/O."""

import functools
from enum import IntEnum, StrEnum
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter

from .codec import as_type, decoded

Body = TypeVar("Body")
Output = TypeVar("Output")


class Status(StrEnum):
    """How a task or a job ended."""

    OK = "ok"
    PARTIAL = "partial"
    EMPTY = "empty"
    FAILED = "failed"
    CANCELLED = "cancelled"
    OVER_BUDGET = "over_budget"

    @property
    def delivered(self) -> bool:
        """Whether there is an output that others can build on."""
        return self in (Status.OK, Status.PARTIAL)


class Priority(IntEnum):
    """Classes of a channel: a lower number is served first."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Failure(_Message):
    """Why a task has no output: the error's type name and its message, with nothing secret in it."""

    type: str
    detail: str
    #: Whether another attempt could go better.
    retryable: bool = True


class Result(_Message):
    """What comes back for a task. `output` is plain JSON; `read` gives it its type again."""

    task: str
    worker: str
    status: Status
    output: Any = None
    failure: Failure | None = None

    def read(self, kind: type[Output]) -> Output:
        """The output as `kind`. Raises pydantic's ValidationError where it is something else."""
        return as_kind(kind, self.output)


def as_kind(kind: type[Output], plain: Any) -> Output:
    """Plain JSON as `kind`. Raises pydantic's ValidationError where it is something else."""
    value: Output = decoded(cast(Any, _cached_adapter)(as_type("the type to read", kind)), plain)
    return value


@functools.lru_cache(maxsize=256)
def _cached_adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


class Task(_Message):
    """What is delegated. `results` are those of the tasks it comes after, in plan order."""

    id: str
    worker: str
    input: Any
    results: tuple[Result, ...] = ()
    depth: int = 0


class Allowance(_Message):
    """What a task may spend, in micro-dollars; None is no limit of its own."""

    micro_usd: int | None = None


class Envelope(_Message, Generic[Body]):
    """A message on a channel. `deadline_s` is on the event loop's clock; an attempt starts at 1."""

    id: str
    job: str
    task: str
    sender: str
    recipient: str
    body: Body
    attempt: int = 1
    priority: Priority = Priority.NORMAL
    deadline_s: float | None = None
    allowance: Allowance = Allowance()
