"""What the commands print: tables for people, JSON for programs."""

import codecs
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ..ids import finite
from ..journal.events import Event
from ..text import escaped, printable
from .door import kept_back, told

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
    sys.stdout.write(json_of(value, indent=2) + "\n")


def json_line(value: Any) -> str:
    """One JSON value in a line of its own."""
    return json_of(value) + "\n"


def json_of(value: Any, indent: int | None = None) -> str:
    """JSON that no terminal obeys, in ASCII where standard output has no other characters."""
    is_utf8 = codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"
    write = json.JSONEncoder(ensure_ascii=not is_utf8, indent=indent, allow_nan=False).encode
    try:
        return escaped(write(kept_back(value)))
    except ValueError:  # a record of an earlier version may hold a number that is infinite or none
        return escaped(write(finite(kept_back(value))))


def console(*, stderr: bool = False) -> Console:
    """For what has colours, folds at a terminal's width or is drawn anew, on standard output or standard error."""
    stream = sys.stderr if stderr else sys.stdout
    return _Console(file=getattr(stream, "stream", stream), highlight=False)


class _Console(Console):
    """Text on its way to the terminal is as the door lets it, and no link; what rich adds is left alone."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            style = segment.style.update_link(None) if segment.style and segment.style.link else segment.style
            yield segment if segment.control else Segment(told(segment.text), style)


def print_table(columns: tuple[str, ...], rows: list[list[str]]) -> None:
    """A table that keeps whole words: as wide as it needs to be where nobody's terminal sets a width."""
    shown = [[printable(cell) for cell in row] for row in rows]
    screen = console()
    if not screen.is_terminal:
        _write_plainly([list(columns), *shown])
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in shown:
        table.add_row(*map(Text, row))
    screen.print(table)


def _write_plainly(rows: list[list[str]]) -> None:
    """One line a row, however long: nobody's terminal wraps it, and a thousand rows take no time."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
