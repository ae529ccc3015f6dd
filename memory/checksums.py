"""A checksum in every row of the records' file, which triggers keep, and whether all that the file holds is as written.

CRC-32 finds every change of up to 32 neighbouring bits; SQLite's own check finds what is wrong between rows: pages,
counts and indexes. Together they miss no flipped bit that could change an answer. Neither is a signature.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Rows(NamedTuple):
    """A table's key, and its other columns but for the checksum: the long ones last, which are copied least then."""

    key: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def columns(self) -> str:
        """All of them, as SQL lists them."""
        return ", ".join(f'"{name}"' for name in (*self.key, *self.others))

    def checksum(self, of: str = "") -> str:
        """SQL for the checksum of a row, told apart by type; `of` is `new.` in a trigger."""
        told = (f'typeof({of}"{name}") || ifnull({of}"{name}", \'\')' for name in (*self.key, *self.others))
        return f"crc32(CAST({' || char(10) || '.join(told)} AS BLOB))"


_OF_NOTES = ("run", "task", "about", "version", "live")
#: Every table with rows of ours, those that others refer to first.
TABLES: Mapping[str, Rows] = {
    "facts": Rows(("name",), ("value",)),
    "sources": Rows(
        ("number",),
        ("id", "corpus", "document", "title", "uri", "text_hash", "fingerprint", "retrieved_at", "metadata", "text"),
    ),
    "records": Rows(
        ("number",),
        (*("kind", "key", "source", "start", "end", "scope", "writer", "trust", "at"), *_OF_NOTES, "heading", "text"),
    ),
    "subjects": Rows(("scope", "about"), ("version",)),
    "links": Rows(("record", "kind", "other"), ("reason", "writer", "at")),
    "files": Rows(("corpus", "uri"), ("stamp", "documents", "cut")),
    "vectors": Rows(("record",), ("vector",)),
    "pending": Rows(("record",), ("scope",)),
    "calls": Rows(("client", "number"), ("result", "at")),
}


def provide(connection: sqlite3.Connection) -> None:
    """Let the connection compute checksums: without it nothing can be written."""
    connection.create_function("crc32", 1, zlib.crc32, deterministic=True)


def _added(table: str, rows: Rows) -> str:
    this = " AND ".join(f'"{name}" = new."{name}"' for name in rows.key)
    kept = f"BEGIN UPDATE {table} SET checksum = {rows.checksum('new.')} WHERE {this}; END;\n"  # noqa: S608 - names of ours
    return (
        f"ALTER TABLE {table} ADD COLUMN checksum INTEGER;\n"
        f"UPDATE {table} SET checksum = {rows.checksum()};\n"
        f"CREATE TRIGGER {table}_checksum AFTER INSERT ON {table} {kept}"
        f"CREATE TRIGGER {table}_checksum_again AFTER UPDATE OF {rows.columns} ON {table} {kept}"
    )


#: SQL that gives each table its checksums, and triggers that keep them.
ADDED = "".join(_added(table, rows) for table, rows in TABLES.items())


def is_whole(connection: sqlite3.Connection) -> bool:
    """Whether the file is sound and every row is as it was written. Reads all of it."""
    if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
        return False
    asked = "SELECT 1 FROM {0} NOT INDEXED WHERE checksum IS NOT {1} LIMIT 1"
    kept = {table: rows for table, rows in TABLES.items() if _has_checksums(connection, table)}
    return not any(connection.execute(asked.format(t, rows.checksum())).fetchone() for t, rows in kept.items())


def sound(connection: sqlite3.Connection, table: str) -> Iterator[tuple[bool, Sequence[Any]]]:
    """Each row of a table that can be read, as `Rows.columns` has it, and whether it is as it was written.

    What lies behind a damaged page is reached from the other end. Of a file without checksums all rows are believed.
    """
    rows, seen = TABLES[table], set[tuple[object, ...]]()
    for order in ("ASC", "DESC"):
        keys = ", ".join(f'"{name}" {order}' for name in rows.key)
        try:
            told = f"checksum IS {rows.checksum()}" if _has_checksums(connection, table) else "1"
            asked = f"SELECT {told}, {rows.columns} FROM {table} NOT INDEXED ORDER BY {keys}"  # noqa: S608 - names of ours
            for is_sound, *row in connection.execute(asked):
                if (key := tuple(row[: len(rows.key)])) not in seen:
                    seen.add(key)
                    yield bool(is_sound), row
        except sqlite3.DatabaseError:
            continue
        return


def _has_checksums(connection: sqlite3.Connection, table: str) -> bool:
    return any(name == "checksum" for _, name, *_ in connection.execute(f"PRAGMA table_info({table})"))
