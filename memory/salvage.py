"""What becomes of a damaged records' file: it is set aside, and what holds in it goes on in a new one. SQLite; blocks.

A document that is damaged, in its row or in a passage, stays known by its name alone, which two indexes hold as well:
it is found again once it is read again from its original, and notes on it outlive that. What is derived (vectors, what
files are known) is made anew. A damaged note has no original: it is named and gone.
"""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..orchestrator.errors import BadInput
from ..orchestrator.text import shorten
from .checksums import TABLES, provide, sound
from .database import DAMAGE, Damaged, Database, aside, seal_of

_LOG = logging.getLogger("bullpen.memory")

#: So many names of what is damaged are said.
_NAMED = 5
#: Tables of which a row that is lost is missed, as no other can be made in its place.
_MISSED = ("subjects", "links")
#: Tables that are made anew: all passages are pending, since the memory gets another id, and with it another index.
_ANEW = frozenset({"sources", "records", "pending"})
#: Facts that are the new file's own.
_OWN = ("id", DAMAGE)
#: What deletes rows that rest on others which are gone.
_ORPHANS = (
    "DELETE FROM records WHERE source NOT IN (SELECT number FROM sources)",
    "DELETE FROM vectors WHERE record NOT IN (SELECT number FROM records)",
    "DELETE FROM links WHERE record NOT IN (SELECT number FROM records) OR other NOT IN (SELECT number FROM records)",
)


def opened(path: Path) -> Database:
    """The file at `path`, made if there is none; where it is damaged, one with what holds. `remark` says so then.

    Raises: BadInput, as `Database` does, and where a damaged one cannot be set aside.
    """
    try:
        return Database(path)
    except Damaged as damage:
        try:
            said = _replaced(path)
        except (OSError, sqlite3.Error) as error:
            raise BadInput(
                f"memory {str(path)!r} is damaged ({damage}), and cannot be set aside: {error}; move it away, then "
                "documents are read again"
            ) from error
    _LOG.warning("%s", said)
    database = Database(path)
    database.remark = said
    return database


def _replaced(path: Path) -> str:
    """Put a file with what holds in place of this one, at once; what is lost, in words."""
    half, kept = path.with_name(f"{path.name}.salvaged"), aside(path)
    _delete(half)
    with_old = sqlite3.connect(path)
    new = Database(half)
    try:
        provide(with_old)
        with_old.text_factory = lambda data: data.decode(errors="replace")
        with new.transaction():
            lost = _taken_over(with_old, new)
            said = f"memory {str(path)!r} was damaged: {lost.said()}; as it was, it is kept as {kept.name!r}"
            new.keep_fact(DAMAGE, said)
    finally:
        new.close()
        with_old.close()
    _delete(kept)
    for old, other in zip(_files(path), _files(kept), strict=True):
        if old.exists():
            other.hardlink_to(old)
    for beside in _files(path)[1:]:
        beside.unlink(missing_ok=True)
    half.replace(path)
    seal_of(half).replace(seal_of(path))
    return said


def _files(path: Path) -> list[Path]:
    """The file, and those that SQLite may have left beside it."""
    return [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))]


def _delete(path: Path) -> None:
    for file in (*_files(path), seal_of(path)):
        file.unlink(missing_ok=True)


class _Lost(NamedTuple):
    """What does not hold: the ids of documents, the keys of notes, and how many other rows."""

    documents: Sequence[str]
    notes: Sequence[str]
    others: int

    def said(self) -> str:
        documents = f"to be read again from their originals: {_listed(self.documents)}" if self.documents else ""
        notes = f"notes lost: {_listed(self.notes)}" if self.notes else ""
        others = f"versions and links of notes lost: {self.others}" if self.others else ""
        return "; ".join(filter(None, (documents, notes, others))) or "nothing is lost"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(shorten(name, 60) for name in names[:_NAMED]) + more


def _taken_over(old: sqlite3.Connection, new: Database) -> _Lost:
    """Copy every row that holds, and of damaged documents the names."""
    new.execute("PRAGMA defer_foreign_keys=ON")
    damaged, lost_notes = _broken(old)
    named, ids, whole = _names(old), dict[int, str](), set[int]()
    for is_sound, row in sound(old, "sources"):
        number, ids[row[0]] = row[0], str(row[1])
        if is_sound and number not in damaged:
            _put(new, "sources", row)
            whole.add(number)
    ids |= {number: name for number, (name, _, _) in named.items()}
    damaged = ids.keys() - whole
    for number in damaged & named.keys():
        _put(new, "sources", (number, *named[number], "", "", "", "", 0, "{}", ""))
    for is_sound, row in sound(old, "records"):
        if is_sound and (row[1] == "note" or row[3] not in damaged):
            _put(new, "records", row)
    others = _copy_others(old, new)
    homeless = new.execute("SELECT key FROM records WHERE source NOT IN (SELECT number FROM sources)").fetchall()
    lost_notes += [str(key) for (key,) in homeless if key is not None]
    for orphans in _ORPHANS:
        new.execute(orphans)
    return _Lost([ids[number] for number in sorted(damaged)], lost_notes, others)


def _broken(old: sqlite3.Connection) -> tuple[set[int], list[str]]:
    """The numbers of documents of which a passage does not hold or has gone, and the keys of such notes.

    The index by source knows which rows there were, and whose: a row that is damaged may say anything.
    """
    whole, broken = set[int](), set[int]()
    keys: dict[int, str] = {}
    notes: dict[int, str] = {}
    for is_sound, (number, kind, key, source, *_) in sound(old, "records"):
        if is_sound:
            whole.add(number)
        elif kind == "note":
            notes[number] = str(key)
        else:
            keys[number] = str(key)
            broken.add(source)
    for source, kind, number in _indexed(old, "source, kind, number FROM records INDEXED BY records_by_source"):
        if number not in whole and kind == "passage":
            broken.add(source)
        elif number not in whole:
            notes.setdefault(number, keys.get(number, f"number {number}"))
    return broken, list(notes.values())


def _names(old: sqlite3.Connection) -> dict[int, tuple[str, str, str]]:
    """By number, the id, corpus and document of each source, as the indexes have them and not the rows."""
    ids = dict(_indexed(old, "number, id FROM sources INDEXED BY sqlite_autoindex_sources_1"))
    told = _indexed(old, "number, corpus, document FROM sources INDEXED BY sqlite_autoindex_sources_2")
    return {number: (ids[number], corpus, document) for number, corpus, document in told if number in ids}


def _indexed(old: sqlite3.Connection, asked: str) -> Iterator[Any]:
    """The rows that an index holds, as far as it can be read."""
    with suppress(sqlite3.DatabaseError):
        yield from old.execute(f"SELECT {asked}")


def _copy_others(old: sqlite3.Connection, new: Database) -> int:
    """Copy the rows of all other tables that hold; how many of those that are missed do not."""
    lost = 0
    for table in TABLES.keys() - _ANEW:
        for is_sound, row in sound(old, table):
            if is_sound and row[0] not in _OWN:
                _put(new, table, row)
            lost += not is_sound and table in _MISSED
    new.execute(
        "INSERT OR IGNORE INTO subjects (scope, about, version)"
        " SELECT scope, about, max(version) FROM records WHERE about != '' GROUP BY scope, about"
    )
    return lost


def _put(new: Database, table: str, row: Sequence[object]) -> None:
    marks = ", ".join("?" * len(row))
    new.execute(f"INSERT INTO {table} ({TABLES[table].columns}) VALUES ({marks})", row)  # noqa: S608 - names of ours
