"""What is said over a job's socket: one line of JSON asks, one line answers. Pure."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from ..errors import BadInput
from ..text import has_words

VERSION: Literal[1] = 1
#: The longest line, in bytes, its end included.
LINE_BYTES_MOST = 64 * 1024
#: The longest note or reason, in characters: as JSON it fits a line, whatever it is written in.
_TEXT_MOST = 8000


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _wordy(text: str) -> str:
    if not has_words(text):
        raise ValueError("it has no words")
    return text


class State(_Said):
    """Say what it is doing: its run cannot say so while there is no room to write."""

    command: Literal["state"] = "state"


class Pause(_Said):
    """Begin no new task, no new model call and no new tool call; what is in flight ends."""

    command: Literal["pause"] = "pause"


class Resume(_Said):
    """Go on after a pause."""

    command: Literal["resume"] = "resume"


class Cancel(_Said):
    """End the job now, with what it has."""

    command: Literal["cancel"] = "cancel"


class Approve(_Said):
    """Let a worker do what it asked leave for, or refuse it. An empty `id` is the only approval that is waited for."""

    command: Literal["approve"] = "approve"
    id: str = Field(default="", max_length=64)
    is_refused: bool = False
    reason: str = Field(default="", max_length=_TEXT_MOST)


class Steer(_Said):
    """Tell the supervisor something; it hears it at its next decision."""

    command: Literal["steer"] = "steer"
    text: Annotated[str, Field(max_length=_TEXT_MOST), AfterValidator(_wordy)]


class Budget(_Said):
    """Set the most that the job may spend, in USD."""

    command: Literal["budget"] = "budget"
    usd: float = Field(ge=0, le=1e9)


Command = Annotated[State | Pause | Resume | Cancel | Approve | Steer | Budget, Field(discriminator="command")]


class Request(_Said):
    """A command, and the job it is meant for."""

    version: Literal[1] = VERSION
    job: str
    command: Command


class Reply(_Said):
    """What came of it, in words and in facts; `is_done` is False where it was refused, and `said` is why."""

    version: Literal[1] = VERSION
    is_done: bool
    said: str
    facts: dict[str, Any] = {}


class Asker(_Said):
    """The process that asked, as the system says it, not as it says itself; None where the system does not tell."""

    pid: int | None
    uid: int | None


_COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
_Line = TypeVar("_Line", Request, Reply)


def command_of(name: str, values: dict[str, Any]) -> Command:
    """The command with this name and these values. Raises BadInput, one line, for one that cannot be sent."""
    try:
        return _COMMAND.validate_python({"command": name, **values})
    except ValidationError as error:
        raise BadInput(f"{name}: {_first(error)}") from error


def line_of(said: Request | Reply) -> bytes:
    """It as a line."""
    return said.model_dump_json().encode() + b"\n"


def read_line(line: bytes, kind: type[_Line]) -> _Line:
    """The request or reply in a line. Raises BadInput, one line, for what is none or is of another version."""
    try:
        found = from_json(line)
    except ValueError as error:
        raise BadInput(f"what was said to the job's socket is not JSON: {error}") from error
    version = found.get("version") if isinstance(found, dict) else None
    if version != VERSION:
        raise BadInput(f"version {version!r} of control is spoken, and this is {VERSION}: use the Bullpen of the job")
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        raise BadInput(f"the line is no {kind.__name__.lower()}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
