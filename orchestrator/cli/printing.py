"""What the commands print: tables for people, JSON for programs."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..journal.events import Event
from ..text import escaped, printable

_SHOWN = ("seq", "at_ms", "task", "kind", "phase", "sender", "recipient", "step")


def when(at_ms: int) -> str:
    """A wall-clock time in UTC; empty for none."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if at_ms else ""


def as_row(event: Event) -> dict[str, Any]:
    """An event as `--json` shows it."""
    return {name: getattr(event, name) for name in _SHOWN} | {"body": event.value}


def cell(value: Any) -> str:
    """A value as a table shows it: numbers without an exponent."""
    return (f"{value:.6f}".rstrip("0").rstrip(".") or "0") if isinstance(value, float) else str(value)


def print_json(value: Any) -> None:
    """One JSON value, for programs and for people who look."""
    sys.stdout.write(escaped(json.dumps(value, ensure_ascii=False, indent=2)) + "\n")


def json_line(value: Any) -> str:
    """One JSON value in a line of its own."""
    return escaped(json.dumps(value, ensure_ascii=False)) + "\n"


def print_table(columns: tuple[str, ...], rows: list[list[str]]) -> None:
    """A table that keeps whole words: as wide as it needs to be where nobody's terminal sets a width."""
    shown = [[printable(cell) for cell in row] for row in rows]
    console = Console()
    if not console.is_terminal:
        _write_plainly([list(columns), *shown])
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in shown:
        table.add_row(*map(Text, row))
    console.print(table)


def _write_plainly(rows: list[list[str]]) -> None:
    """One line a row, however long: nobody's terminal wraps it, and a thousand rows take no time."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
