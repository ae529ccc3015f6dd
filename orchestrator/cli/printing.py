"""What the commands print: tables for people, JSON for programs."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..journal.events import Event
from ..text import printable

_WIDTH_PIPED = 240
_SHOWN = ("seq", "at_ms", "task", "kind", "phase", "sender", "recipient", "step")


def when(at_ms: int) -> str:
    """A wall-clock time in UTC; empty for none."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if at_ms else ""


def as_row(event: Event) -> dict[str, Any]:
    """An event as `--json` shows it."""
    return {name: getattr(event, name) for name in _SHOWN} | {"body": event.value}


def print_json(value: Any) -> None:
    """One JSON value, for programs and for people who look."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_table(columns: tuple[str, ...], rows: list[list[str]]) -> None:
    """A table that keeps whole words: as wide as it needs to be where nobody's terminal sets a width."""
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=_WIDTH_PIPED)).print(table)
