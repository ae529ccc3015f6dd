"""From the table of a look-up to claims that the record of a job can be checked against. Pure.

A claim names documents by their ids and says what their fields hold, as its rule computes it again (`rules/report`).
What stands in texts, not in fields, is quoted, for as many rows as a table quotes: that a text does not contain words
can only be told, in the conditions of the count.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..orchestrator.evidence import Block, Claim, Record
from ..orchestrator.lookup import Row, Table
from ..orchestrator.metadata import ID, is_empty, order, shown


def count_of(table: Table, name: str) -> Claim | None:
    """How many documents meet the conditions, in words, with each of them on record; None where there is none.

    Its id is the table's `name`, by which a writer cites it.
    """
    if not table.total:
        return None
    text = f"{table.total} of {table.documents} documents: {table.conditions}"
    quotes = tuple(quote for row in table.rows for quote in row.quotes)
    records = tuple(_own(source) for source in table.sources)
    return Claim(id=name, text=text, quotes=quotes, records=records, rule="count", answer=(str(table.total),))


def groups_of(table: Table, name: str) -> tuple[Claim, ...]:
    """How many of the documents found have each value of a field that was counted by, and how many have none."""
    rows = {row.source: row for row in table.rows}
    return tuple(
        Claim(
            id=f"{name}.{grouped.field}.{n}",
            text=f"{grouped.field}: {value} · number: {len(sources)}",
            records=tuple(_record(rows.get(source), source, grouped.field, table) for source in sources),
            rule="count",
        )
        for grouped in table.grouped
        for n, (value, sources) in enumerate(_parts(grouped.groups, grouped.none), start=1)
    )


def _parts(groups: Sequence[Any], none: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    yield from ((group.value, group.sources) for group in groups)
    if none:
        yield "none", none


def extreme_of(table: Table, name: str) -> Claim | None:
    """The first document of an ordered table, with what the others hold; None where its field is no date or number."""
    if table.select.order is None or table.more or not table.rows or table.select.order.field not in table.columns:
        return None
    field, is_down = table.select.order.field, table.select.order.down
    at = table.columns.index(field)
    held = [row for row in table.rows if row.values[at] is not None]
    if not held or {order(row.values[at])[0] for row in held} not in ({0}, {1}):  # neither numbers nor dates alone
        return None
    pick = max if is_down else min
    end = pick(held, key=lambda row: order(row.values[at]))
    others = tuple(Record(source=row.source, field=field, value=row.values[at]) for row in held if row is not end)
    own = Record(source=end.source, field=field, value=end.values[at])
    most = "greatest" if is_down else "least"
    text = f"{end.label} — {most} {field}: {shown(own.value)}, of {len(held)}"
    return Claim(id=f"{name}.{most}", text=text, records=(own, *others), rule="max" if is_down else "min")


def rows_of(table: Table, name: str) -> tuple[Claim, ...]:
    """A claim for each row: the document, and what it holds in each column."""
    return tuple(_row(row, table, f"{name}.{n}") for n, row in enumerate(table.rows, start=1))


def _row(row: Row, table: Table, name: str) -> Claim:
    held = [(c, v) for c, v in zip(table.columns, row.values, strict=True) if not is_empty(v)]
    records = tuple(Record(source=row.source, field=column, value=value) for column, value in held)
    text = " · ".join([_called(row), *(f"{column}: {shown(value)}" for column, value in held)])
    return Claim(id=name, text=text, quotes=row.quotes, records=records or (_own(row.source),), rule="lookup")


def block_of(table: Table, name: str, *, most: int = 40) -> tuple[tuple[Claim, ...], Block]:
    """The first `most` rows as a table of a report, the documents in its first column, and the claims of its cells."""
    claims: dict[str, Claim] = {}
    rows = []
    for n, row in enumerate(table.rows[:most], start=1):
        cells = _cells(row, table, f"{name}.{n}")
        claims |= {claim.id: claim for claim in cells.values()}
        rows.append(tuple((cells[column].id,) if column in cells else () for column in ("", *table.columns)))
    return tuple(claims.values()), Block(kind="table", columns=("Document", *table.columns), rows=tuple(rows))


def _cells(row: Row, table: Table, name: str) -> Mapping[str, Claim]:
    """By column, a claim for each thing that a row holds; the document itself under no name, with its quotes."""
    own = Claim(id=f"{name}.id", text=_called(row), quotes=row.quotes, records=(_own(row.source),), rule="lookup")
    held = [(c, v) for c, v in zip(table.columns, row.values, strict=True) if not is_empty(v)]
    return {
        "": own,
        **{
            column: Claim(
                id=f"{name}.{column}",
                text=shown(value),
                records=(Record(source=row.source, field=column, value=value),),
                rule="lookup",
            )
            for column, value in held
        },
    }


def _called(row: Row) -> str:
    return f"{row.label} “{row.title}”" if row.title != row.source else row.label


def _own(source: str) -> Record:
    return Record(source=source, field=ID, value=source)


def _record(row: Row | None, source: str, field: str, table: Table) -> Record:
    """What a document holds in a field; that it is there, where it holds nothing or has no row."""
    value = row.values[table.columns.index(field)] if row and field in table.columns else None
    return _own(source) if is_empty(value) else Record(source=source, field=field, value=value)
