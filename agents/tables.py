"""Look-ups as tables: in the words of a prompt, and as notes that a writer cites. Pure.

A look-up that counts shows its counts, whole where there is room, and no rows: an example beside a count tells nothing.
Any other shows its rows. What there is no room for is told.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..orchestrator.evidence import Record
from ..orchestrator.lookup import Grouped, Row, Table
from ..orchestrator.metadata import key, shown
from .reading import Note
from .room import fitting

#: A field as the header of a text writes it.
_FIELD = re.compile(r"(?P<name>[^:=\n]{1,60}?)\s*[:=]\s*(?P<value>.+)", re.DOTALL)
#: Tokens of a table in a prompt, about.
TABLE_TOKENS = 2_500
#: Columns of a table of counts; a field with more values has a row for each.
_COLUMNS_MOST = 12
#: Rows of a look-up whose fields are on record.
_ON_RECORD = 20
#: What is counted of documents in which a field is empty, and what a count by one field is called.
_NONE, _NUMBER = "none", "number"


def noted_table(name: str, table: Table, *, has_rows: bool = True) -> Note:
    """What a look-up came to, as a note: its conditions with counts or rows, and the fields of the first of these."""
    records = [
        Record(source=row.source, field=column, value=value)
        for row in table.rows[:_ON_RECORD]
        for column, value in (("id", row.source), *zip(table.columns, row.values, strict=True))
        if value is not None
    ]
    text = rendered_table(table, "look-up", has_rows=has_rows)
    return Note(id=name, text=text, records=tuple(records), is_table=True)


def rendered_table(table: Table, name: str, *, most: int = TABLE_TOKENS, has_rows: bool = True) -> str:
    """What a look-up came to, for a prompt: its conditions, what each of them costs, then counts or else rows.

    Counts and rows have about `most` tokens; what is left out is counted.
    """
    head = [f"{name}: {table.told}", *(f"  note: {remark}" for remark in table.remarks)]
    for near in table.without if len(table.without) > 1 else ():
        values = ", ".join(f"{value} {count}" for value, count in near.values)
        head.append(f"  without “{near.condition}”: {near.total}{f' ({values})' if values else ''}")
    head += [f"  {count} of {table.documents} documents have no {field}" for field, count in table.lacking]
    if table.grouped:
        return "\n".join([*head, *_counts(table.grouped, most)])
    if not has_rows:
        return "\n".join(head)
    kept = fitting([_row(row, table.columns) for row in table.rows], most)
    left = table.total - len(kept)
    return "\n".join([*head, *kept, *([f"… {left} more"] if left else [])])


def _row(row: Row, columns: Sequence[str]) -> str:
    held = [f"{c}: {shown(v)}" for c, v in zip(columns, row.values, strict=True) if v is not None]
    said = [f"“{' '.join(quote.text.split())}”" for quote in row.quotes]
    return "- " + " · ".join([f"[{row.source}] “{row.title}”", *held, *said])


class _Counted(NamedTuple):
    """One value of a field, and the documents that have it."""

    value: str
    sources: frozenset[str]


def _counts(grouped: Sequence[Grouped], most: int) -> list[str]:
    """The counts by one field, or by two crossed; by more, each of them and all together."""
    if len(grouped) == 3:  # two fields, and both together
        pairs = [(each.field, _values_of(each)) for each in grouped[:2]]
        (name, rows), (_, columns) = sorted(pairs, key=lambda pair: -len(pair[1]))
        if len(columns) <= _COLUMNS_MOST:
            return _crossed(name, rows, columns, most)
    return [line for each in grouped for line in _listed(each, most // len(grouped))]


def _values_of(grouped: Grouped) -> list[_Counted]:
    groups = [_Counted(group.value, frozenset(group.sources)) for group in grouped.groups]
    return [*groups, *([_Counted(_NONE, frozenset(grouped.none))] if grouped.none else [])]


def _listed(grouped: Grouped, most: int) -> list[str]:
    values = _values_of(grouped)
    return _table([grouped.field, _NUMBER], [[one.value, str(len(one.sources))] for one in values], most)


def _crossed(name: str, rows: Sequence[_Counted], columns: Sequence[_Counted], most: int) -> list[str]:
    """A row for each value of one field, a column for each of another, and how many documents there are of each."""
    cells = [[r.value, *(str(len(r.sources & c.sources)) for c in columns), str(len(r.sources))] for r in rows]
    everything = frozenset[str]().union(*(row.sources for row in rows))
    totals = ["all", *(str(len(column.sources)) for column in columns), str(len(everything))]
    return _table([name, *(column.value for column in columns), "all"], [*cells, totals], most)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> list[str]:
    """A Markdown table with as many rows as there is room for."""
    lines = [_line(row) for row in (columns, ["---"] * len(columns), *rows)]
    kept = fitting(lines, most)
    left = len(lines) - len(kept)
    return [*kept, *([f"… {left} more rows"] if left else [])]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def counts_in(text: str) -> dict[tuple[str, str], int]:
    """The counts in a look-up's words, by what their row and column are called, folded."""
    found: dict[tuple[str, str], int] = {}
    columns: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells and not columns:
            columns = cells
        elif not cells:
            columns = []
        found |= {
            (key(cells[0]), key(c)): int(n) for c, n in zip(columns[1:], cells[1:], strict=False) if n.isdecimal()
        }
    return found


def is_counted(row: str, column: str, cell: str, text: str) -> bool:
    """Whether a cell says what the look-up of this text counts for its row and column, whichever of the two comes
    first; where there is one number to a row, its column may be called anything."""
    counts = counts_in(text)
    alone = {names[0]: number for names, number in counts.items() if names[1] == _NUMBER}
    number = counts.get((key(row), key(column)), counts.get((key(column), key(row)), alone.get(key(row))))
    return number is not None and cell.replace(",", "").strip() == str(number)


def is_field(column: str, cell: str, said: str) -> bool:
    """Whether a cell says the value of the field that its column is called by, as in `package = "quay"`."""
    found = _FIELD.match(said.strip())
    return found is not None and key(found["name"]) == key(column) and key(found["value"]) == key(cell) != ""
