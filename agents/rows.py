"""A list that is read row by row: every document of a call is kept with what it says for each column, or set aside with
the reason. Pure.

So documents that nobody has read and documents that do not belong to a list differ, and what is kept can be counted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import Field

from ..orchestrator.evidence import Record, Value
from ..orchestrator.metadata import ID, as_date, ids_of, key, label, order
from .reading import Cell, Kind, Note, ReadNote, Shown, said_by

#: The id of the note that tells what the kept rows come to.
KEPT = "R"
#: Values of a column that are counted.
_VALUES_MOST = 12


class ReadCell(Value):
    """What a document says for one column, and the numbers of the sentences that say it."""

    column: str
    text: str
    sentences: tuple[int, ...]


class ReadRow(Value):
    """Whether a document belongs to the list, what it says for each column, or why it does not."""

    #: The id of the document.
    doc: str
    keep: bool
    why_not: str = ""
    cells: tuple[ReadCell, ...] = ()


class ReadRows(Value):
    """A row for each of some documents."""

    rows: tuple[ReadRow, ...]


class ReadTable(Value):
    """What the answer must say, decided first, and what many documents say of it: as rows, or as notes."""

    kind: Kind = "fact"
    points: tuple[str, ...] = Field(min_length=1, max_length=8)
    #: Of a list whose rows are documents; then there are rows in place of notes.
    columns: tuple[str, ...] = Field(default=(), max_length=5)
    rows: tuple[ReadRow, ...] = ()
    notes: tuple[ReadNote, ...] = ()
    not_said: tuple[int, ...] = ()


class Rows(NamedTuple):
    """The cells of the rows that are kept, why documents were set aside, by id, and those that no row judges."""

    cells: list[Note]
    set_aside: dict[str, str]
    unjudged: list[Shown]
    #: What cells say that name no sentence of their document, or no column that was asked for.
    loose: list[str]


def rows_of(read: Sequence[ReadRow], call: Sequence[Shown], columns: Sequence[str]) -> Rows:
    """The rows as notes, a note for each cell. A row is kept for what one of its cells quotes, and for nothing else."""
    names = _by_name(call)
    known = {key(column): column for column in columns}
    rows = Rows([], {}, [], [])
    for row in read:
        one = names.get(key(row.doc))
        if one is not None and not row.keep:
            rows.set_aside.setdefault(one.document.source.id, row.why_not.strip() or "it is beside the question")
        for cell in row.cells if row.keep else ():
            column = known.get(key(cell.column))
            said = _cell(cell, column, one) if one and column else None
            if said is not None:
                rows.cells.append(said)
            elif key(cell.text):
                rows.loose.append(f"{row.doc}: {cell.column}: {cell.text}")
    kept = {note.cell.source for note in rows.cells if note.cell}
    for source in kept & rows.set_aside.keys():
        del rows.set_aside[source]
    judged = kept | rows.set_aside.keys()
    rows.unjudged.extend(one for one in call if one.document.source.id not in judged)
    return rows


def _by_name(call: Sequence[Shown]) -> dict[str, Shown]:
    """The documents by their ids, and by their titles where no other has the same."""
    titles = Counter(key(one.document.source.title) for one in call)
    named = {title: one for one in call if titles[title := key(one.document.source.title)] == 1}
    for one in reversed(call):
        source = one.document.source
        named |= dict.fromkeys(map(key, (*ids_of(source.id), label(source.id, source.metadata))), one)
    return named


def _cell(cell: ReadCell, column: str, one: Shown) -> Note | None:
    source, said = one.document.source, said_by(cell.text, cell.sentences, [one])
    called = label(source.id, source.metadata)
    row = called if source.title in (source.id, called) else f"{called} “{source.title}”"
    placed = Cell(source=source.id, row=row, column=column, text=said.text) if said else None
    return said and said.model_copy(update={"text": f"{row} · {column}: {said.text}", "cell": placed})


# What the kept rows come to


def kept_note(cells: Sequence[Note], read: int) -> Note | None:
    """How many documents were kept of those that were read, how often a value stands in a column, and which dates and
    numbers are the least and the greatest: counted by code. None where no row was kept."""
    rows = list(dict.fromkeys(note.cell.source for note in cells if note.cell))
    if not rows:
        return None
    columns = dict.fromkeys(note.cell.column for note in cells if note.cell)
    lines = [f"kept rows: {len(rows)} of {read} documents that were read"]
    for column in columns:
        held = [note.cell for note in cells if note.cell and note.cell.column == column]
        lines += _counted(column, held, len(rows))
    records = tuple(Record(source=source, field=ID, value=source) for source in rows)
    return Note(id=KEPT, text="\n".join(lines), records=records, is_table=True)


def _counted(column: str, cells: Sequence[Cell], rows: int) -> Iterator[str]:
    """The ends of a column of dates or numbers, and the counts of one whose values come again."""
    held = len({cell.source for cell in cells})
    if held < rows:
        yield f"  {column}: in {held} of the rows"
    if all(as_date(cell.text) or _is_number(cell.text) for cell in cells):
        least, greatest = (pick(cells, key=_order) for pick in (min, max))
        yield f"  {column}: from {least.text} ({least.row}) to {greatest.text} ({greatest.row})"
    counts = Counter(cell.text for cell in cells)
    if len(cells) > 1 and len(counts) <= min(_VALUES_MOST, len(cells) // 2):
        yield f"  {column}: {', '.join(f'{value} {count}' for value, count in counts.most_common())}"


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(",", "").replace(".", "", 1).isdecimal()


def _order(cell: Cell) -> tuple[int, Any]:
    return order(float(cell.text.replace(",", "")) if _is_number(cell.text) else cell.text)


def row_table(notes: Sequence[Note], *, numbered: bool = True) -> str:
    """The rows that were kept as a Markdown table; its cells end in the numbers of their notes, from 1."""
    cells = [(n, note.cell) for n, note in enumerate(notes, start=1) if note.cell]
    columns = list(dict.fromkeys(cell.column for _, cell in cells))
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    for n, cell in cells:
        said = f"{cell.text} [{n}]" if numbered else cell.text
        rows.setdefault((cell.source, cell.row), {}).setdefault(cell.column, []).append(said)
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[row, *("; ".join(held.get(column, ())) for column in columns)] for (_, row), held in rows.items()]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) if rows else ""
