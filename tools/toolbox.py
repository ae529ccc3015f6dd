"""The tools a team brings, called by name (`ports.Toolbox`)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..orchestrator.errors import ToolError
from ..orchestrator.ports import Toolbox, ToolboxFactory
from .tool import Tool


class LocalToolbox:
    """Tools that are functions of this process."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        if len(self._tools) < len(tools):
            raise ValueError(f"two tools share a name: {[tool.name for tool in tools]}; rename one")

    def describe(self) -> Sequence[Mapping[str, Any]]:
        return [tool.describe() for tool in self._tools.values()]

    async def call(self, name: str, args: Mapping[str, Any], key: str) -> Any:
        if name not in self._tools:
            raise ToolError(f"no tool {name!r}; allowed: {', '.join(map(repr, self._tools)) or 'none'}")
        return await self._tools[name].call(args, key)


def open_toolbox(*tools: Tool) -> ToolboxFactory:
    """A factory of a toolbox with these tools, whatever the folder. Raises ValueError when two share a name."""
    toolbox = LocalToolbox(tools)

    @asynccontextmanager
    async def open_(folder: Path) -> AsyncIterator[Toolbox]:
        yield toolbox

    return open_
