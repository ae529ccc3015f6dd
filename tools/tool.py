"""Makes a tool of a typed function: its name, what it is for, and the schema its arguments must keep."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ..orchestrator.errors import ToolError
from ..orchestrator.ids import canonical, plain
from ..orchestrator.text import clean, shorten


@dataclass(frozen=True)
class Tool:
    """A function that a model may call by name. The arguments' fields bear the names in their aliases."""

    name: str
    description: str
    arguments: type[BaseModel]
    function: Callable[..., Any]

    def describe(self) -> Mapping[str, Any]:
        """Name, description and JSON schema of the arguments."""
        return {"name": self.name, "description": self.description, "parameters": self.arguments.model_json_schema()}

    async def call(self, args: Mapping[str, Any]) -> Any:
        """The function's result as plain JSON; one that is not async runs in a thread.

        Raises: ToolError for arguments that the schema does not allow.
        """
        given = self._checked(args)
        if inspect.iscoroutinefunction(self.function):
            return plain(await self.function(**given))
        return plain(await to_thread.run_sync(lambda: self.function(**given)))

    def _checked(self, args: Mapping[str, Any]) -> dict[str, Any]:
        try:
            values = self.arguments.model_validate_json(clean(canonical(args)))
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


def tool(function: Callable[..., Any]) -> Tool:
    """The tool that calls this function; its docstring's first line says what it is for.

    Raises: TypeError when an argument has no type or cannot be given by name, or when there is no docstring.
    """
    name = function.__name__
    if not (doc := inspect.getdoc(function)):
        raise TypeError(f"tool {name!r} has no docstring; say in its first line what it is for")
    hints = get_type_hints(function, include_extras=True)
    # Aliases carry the names, because a field called `json` or `copy` would hide a method of the model.
    fields: dict[str, Any] = {
        f"argument_{at}": _field(name, each, hints)
        for at, each in enumerate(inspect.signature(function).parameters.values())
    }
    strict = ConfigDict(extra="forbid", strict=True)
    return Tool(name, doc.splitlines()[0], create_model(name, __config__=strict, **fields), function)


def _field(tool_name: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> tuple[Any, Any]:
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if parameter.name not in hints or parameter.kind not in by_name:
        raise TypeError(f"tool {tool_name!r}: argument {str(parameter)!r} needs a name and a type, such as 'text: str'")
    default = ... if parameter.default is parameter.empty else parameter.default
    return hints[parameter.name], Field(default, alias=parameter.name)
