"""Makes a tool of a typed function: its name, what it is for, and the schema its arguments must keep."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, overload

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ..orchestrator.annotations import DEFINE, hints_of, names_around
from ..orchestrator.errors import ToolError
from ..orchestrator.ids import canonical, plain
from ..orchestrator.ports import InDoubt
from ..orchestrator.text import clean, shorten

#: The argument that a function may have for the key under which a call is made once.
KEY = "idempotency_key"


@dataclass(frozen=True)
class Tool:
    """A function that a model may call by name. The arguments' fields bear the names in their aliases."""

    name: str
    description: str
    arguments: type[BaseModel]
    function: Callable[..., Any]
    #: What is done where nobody knows how a call ended: it is made again, a person is asked, or it is left.
    in_doubt: InDoubt = "ask"

    def describe(self) -> Mapping[str, Any]:
        """Name, description, JSON schema of the arguments, and what is done in doubt."""
        told = {"name": self.name, "description": self.description, "in_doubt": self.in_doubt}
        return {**told, "parameters": self.arguments.model_json_schema()}

    async def call(self, args: Mapping[str, Any], key: str) -> Any:
        """The function's result as plain JSON; one that is not async runs in a thread.

        Raises: ToolError for arguments that the schema does not allow.
        """
        given = self._checked(args)
        if KEY in inspect.signature(self.function).parameters:
            given[KEY] = key
        if inspect.iscoroutinefunction(self.function):
            return plain(await self.function(**given))
        return plain(await to_thread.run_sync(lambda: self.function(**given)))

    def _checked(self, args: Mapping[str, Any]) -> dict[str, Any]:
        try:
            values = self.arguments.model_validate_json(clean(json.dumps(plain(args), ensure_ascii=False)))
        except ValidationError as error:
            raise ToolError(f"tool {self.name!r}: {self._explain(error)}") from error
        fields = self.arguments.model_fields
        return {fields[name].alias or name: getattr(values, name) for name in values.model_fields_set}

    def _explain(self, error: ValidationError) -> str:
        wrong = "; ".join(
            f"argument {'.'.join(map(str, found['loc']))!r}: {found['msg']}, got {shorten(repr(found['input']), 80)}"
            for found in error.errors(include_url=False)
        )
        return f"{wrong}; allowed: {canonical(self.arguments.model_json_schema().get('properties', {}))}"


@overload
def tool(function: Callable[..., Any]) -> Tool: ...
@overload
def tool(*, in_doubt: InDoubt) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(function: Callable[..., Any] | None = None, *, in_doubt: InDoubt = "ask") -> Any:
    """The tool that calls this function; its docstring's first line says what it is for.

    `in_doubt` is what a resumed job does where a process died in the middle of a call: "retry" for what may be done
    twice, "skip" for what must not, "ask" to have a person decide. A function with an argument `idempotency_key: str`
    is given the same one each time that the same call is made; the model does not see it.

    Raises: TypeError when an argument has no type or cannot be given by name, or when there is no docstring.
    """
    return _made(function, in_doubt) if function else lambda given: _made(given, in_doubt)


def _made(function: Callable[..., Any], in_doubt: InDoubt) -> Tool:
    name = function.__name__
    if not (doc := inspect.getdoc(function)):
        raise TypeError(f"tool {name!r} has no docstring; say in its first line what it is for")
    try:
        hints = hints_of(function, names_around(function))
    except NameError as error:
        raise TypeError(f"tool {name!r}: {error}; {DEFINE}") from error
    # Aliases carry the names, because a field called `json` or `copy` would hide a method of the model.
    fields: dict[str, Any] = {
        f"argument_{at}": _field(name, each, hints)
        for at, each in enumerate(inspect.signature(function).parameters.values())
        if each.name != KEY
    }
    strict = ConfigDict(extra="forbid", strict=True)
    return Tool(name, doc.splitlines()[0], create_model(name, __config__=strict, **fields), function, in_doubt)


def _field(tool_name: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> tuple[Any, Any]:
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if parameter.name not in hints or parameter.kind not in by_name:
        raise TypeError(f"tool {tool_name!r}: argument {str(parameter)!r} needs a name and a type, such as 'text: str'")
    default = ... if parameter.default is parameter.empty else parameter.default
    return hints[parameter.name], Field(default, alias=parameter.name)
