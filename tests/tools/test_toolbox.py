"""A typed function is a tool: its schema is told, its arguments are checked, its result is plain JSON."""

from pathlib import Path
from typing import Any, Literal

import pytest

from bullpen.orchestrator.errors import ToolError
from bullpen.tools import open_toolbox, tool

pytestmark = pytest.mark.anyio


@tool
def repeat(text: str, times: int = 2, *, case: Literal["upper", "lower"] = "lower") -> dict[str, Any]:
    """Repeats a text.

    More words that a model need not read.
    """
    return {"text": getattr(text, case)() * times, "path": Path("a")}


@tool
async def copy(json: list[str]) -> tuple[str, ...]:
    """Copies; its argument has the name of a method."""
    return tuple(json)


async def call(name: str, **args: Any) -> Any:
    async with open_toolbox(repeat, copy)(Path()) as toolbox:
        return await toolbox.call(name, args, "key")


async def test_a_tool_is_described_by_its_signature() -> None:
    async with open_toolbox(repeat, copy)(Path()) as toolbox:
        [described, other] = toolbox.describe()

    assert (described["name"], described["description"]) == ("repeat", "Repeats a text.")
    schema = described["parameters"]
    assert list(schema["properties"]) == ["text", "times", "case"]
    assert schema["required"] == ["text"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["times"]["default"] == 2
    assert schema["properties"]["case"]["enum"] == ["upper", "lower"]
    assert list(other["parameters"]["properties"]) == ["json"]


async def test_a_call_gives_plain_json() -> None:
    assert await call("repeat", text="Ab", case="upper") == {"text": "ABAB", "path": "a"}
    assert await call("repeat", text="a", times=3) == {"text": "aaa", "path": "a"}
    assert await call("copy", json=["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({}, "'text': Field required"),
        ({"text": 1}, "'text': .*valid string, got 1"),
        ({"text": "a", "times": "2"}, "'times': .*valid integer, got '2'"),
        ({"text": "a", "case": "title"}, "'case': .*'upper' or 'lower'"),
        ({"text": "a", "extra": 1}, "'extra': Extra inputs"),
    ],
)
async def test_bad_arguments_are_named_with_what_is_allowed(args: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolError, match=rf"tool 'repeat': argument {says}.*; allowed: .*\"case\""):
        await call("repeat", **args)


async def test_an_unknown_tool_is_named_with_those_that_exist() -> None:
    with pytest.raises(ToolError, match="no tool 'delete'; allowed: 'repeat', 'copy'"):
        await call("delete")


def test_a_function_that_cannot_be_a_tool_is_refused_when_it_is_made() -> None:
    def untyped(text) -> None:  # type: ignore[no-untyped-def]
        """Has no type."""

    def many(*texts: str) -> None:
        """Takes any number."""

    def silent(text: str) -> None: ...

    for function, says in ((untyped, "'text' needs a name and a type"), (many, r"\*texts"), (silent, "no docstring")):
        with pytest.raises(TypeError, match=says):
            tool(function)
    with pytest.raises(ValueError, match="share a name"):
        open_toolbox(repeat, repeat)
