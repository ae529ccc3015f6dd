"""What a project knows, in SQLite: the truth from which every index is derived.

A source's id is its document's id. Where another corpus holds that id already, the later one is stored as `id~2`
(`~3`, …) and keeps that name, so that an id means one source in the whole project. Everything here blocks and is
called from one thread at a time. `pending` lists, in the transaction that changed them, the records the vector
index has not seen; triggers keep it.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ..orchestrator.errors import BadInput
from ..orchestrator.evidence import Document, Passage, Source
from ..orchestrator.ids import canonical, digest
from ..orchestrator.text import clean
from .chunking import Chunk
from .ranking import Place
from .rules import check_span, free_id

VERSION = 1

_SCHEMA = """
CREATE TABLE sources (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    corpus TEXT NOT NULL,
    document TEXT NOT NULL,
    title TEXT NOT NULL,
    uri TEXT NOT NULL,
    text TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    metadata TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    retrieved_at INTEGER NOT NULL,
    UNIQUE (corpus, document)
);
CREATE TABLE records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('passage', 'note')),
    key TEXT UNIQUE,
    source INTEGER NOT NULL REFERENCES sources (number) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    text TEXT NOT NULL,
    heading TEXT NOT NULL DEFAULT '',
    scope TEXT NOT NULL,
    writer TEXT NOT NULL,
    trust TEXT NOT NULL DEFAULT 'untrusted',
    at INTEGER NOT NULL
);
CREATE INDEX records_by_source ON records (source, kind);
CREATE TABLE pending (record INTEGER PRIMARY KEY);
CREATE TRIGGER record_added AFTER INSERT ON records BEGIN
    INSERT OR IGNORE INTO pending VALUES (new.number);
END;
CREATE TRIGGER record_gone AFTER DELETE ON records BEGIN
    INSERT OR IGNORE INTO pending VALUES (old.number);
END;
"""

#: What is compared with a query: the title and the heading count as if they stood in the passage.
_WORDED = "sources.title || char(10) || records.heading || char(10) || records.text"
_SOURCES = "SELECT id, title, uri, text_hash, metadata FROM sources"
_JOINED = "FROM records JOIN sources ON sources.number = records.source"


class Entry(NamedTuple):
    """A record as the lexical index sees it."""

    place: Place
    scope: str
    text: str


class Change(NamedTuple):
    """A record the vector index has not seen; without a text, it is gone."""

    record: int
    scope: str
    text: str | None


def _as_source(row: Sequence[str]) -> Source:
    name, title, uri, text_hash, metadata = row
    return Source(id=name, title=title, uri=uri, text_hash=text_hash, metadata=json.loads(metadata))


def fingerprint(document: Document) -> str:
    """Equal for documents of equal text, title and metadata."""
    return digest(clean(canonical([document.title, digest(clean(document.text)), document.metadata])))


class Records:
    """The open records file. Every write is one transaction, on disk when the call returns."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises BadInput when it cannot be written or was made by something else."""
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare(path)
        except sqlite3.Error as error:
            raise BadInput(
                f"cannot keep records in {str(path)!r}: {error}; give a folder that can be written"
            ) from error

    def _prepare(self, path: Path) -> None:
        for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._database.execute(f"PRAGMA {pragma}")
        [version] = self._database.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise BadInput(
                f"records {str(path)!r} are of version {version}, not {VERSION}; use the Bullpen that wrote them"
            )
        if version == 0:
            self._database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; durable on leaving."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    # Sources and their passages

    def is_current(self, corpus: str, document: Document) -> bool:
        """Whether the document is stored as it is; if only its address changed, the address follows."""
        row = self._database.execute(
            "SELECT number, fingerprint, uri FROM sources WHERE corpus = ? AND document = ?",
            (corpus, clean(document.id)),
        ).fetchone()
        if row is None or row[1] != fingerprint(document):
            return False
        if row[2] != clean(document.uri):
            self._database.execute("UPDATE sources SET uri = ? WHERE number = ?", (clean(document.uri), row[0]))
        return True

    def put(self, corpus: str, document: Document, chunks: Sequence[Chunk], at: int) -> None:
        """Store or replace a document and its passages. Notes on a text that is no longer there are forgotten."""
        number = self._put_source(corpus, document, at)
        self._database.execute("DELETE FROM records WHERE source = ? AND kind = 'passage'", (number,))
        self._database.executemany(
            "INSERT INTO records (kind, source, start, end, text, heading, scope, writer, at)"
            " VALUES ('passage', ?, ?, ?, ?, ?, ?, 'ingest', ?)",
            [(number, chunk.start, chunk.end, chunk.text, chunk.heading, corpus, at) for chunk in chunks],
        )

    def _put_source(self, corpus: str, document: Document, at: int) -> int:
        name, text = clean(document.id), clean(document.text)
        values = (clean(document.title), clean(document.uri), text, digest(text))
        more = (clean(canonical(document.metadata)), fingerprint(document), at)
        row = self._database.execute(
            "SELECT number, text_hash FROM sources WHERE corpus = ? AND document = ?", (corpus, name)
        ).fetchone()
        if row is None:
            cursor = self._database.execute(
                "INSERT INTO sources (title, uri, text, text_hash, metadata, fingerprint, retrieved_at, id, corpus,"
                " document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, *more, self._free_id(name), corpus, name),
            )
            return int(cursor.lastrowid or 0)
        number, text_hash = row
        if text_hash != digest(text):
            self._database.execute("DELETE FROM records WHERE source = ? AND kind = 'note'", (number,))
        self._database.execute(
            "UPDATE sources SET title = ?, uri = ?, text = ?, text_hash = ?, metadata = ?, fingerprint = ?,"
            " retrieved_at = ? WHERE number = ?",
            (*values, *more, number),
        )
        return int(number)

    def _free_id(self, name: str) -> str:
        return free_id(name, lambda name: self._number(name) is not None)

    def _number(self, source: str) -> int | None:
        row = self._database.execute("SELECT number FROM sources WHERE id = ?", (source,)).fetchone()
        return None if row is None else int(row[0])

    def retain(self, corpus: str, keep: Sequence[str]) -> int:
        """Forget the corpus's documents that are not kept, with what rests on them; how many went."""
        stored = self._database.execute("SELECT document, number FROM sources WHERE corpus = ?", (corpus,)).fetchall()
        kept = {clean(name) for name in keep}
        gone = [(number,) for document, number in stored if document not in kept]
        self._database.executemany("DELETE FROM sources WHERE number = ?", gone)
        return len(gone)

    def source(self, source: str) -> Source | None:
        row = self._database.execute(_SOURCES + " WHERE id = ?", (clean(source),)).fetchone()
        return None if row is None else _as_source(row)

    def sources(self, corpora: Sequence[str]) -> list[Source]:
        """Every source of these corpora."""
        asked = _SOURCES + " WHERE corpus = ? ORDER BY number"
        return [_as_source(row) for corpus in corpora for row in self._database.execute(asked, (corpus,))]

    def duplicates(self, corpus: str) -> dict[str, str]:
        """By id, the sources of a corpus whose title and text another one had before, and the id of that one."""
        rows = self._database.execute(
            "SELECT id, first_value(id) OVER (PARTITION BY title, text_hash ORDER BY number) FROM sources"
            " WHERE corpus = ?",
            (corpus,),
        )
        return {name: first for name, first in rows if name != first}

    def numbers(self, sources: Sequence[str]) -> set[int]:
        """The numbers under which these sources (ids) are kept."""
        return {number for source in sources if (number := self._number(clean(source))) is not None}

    def read(self, source: str, start: int, end: int) -> str:
        """The text between two code points, both cut to the source's ends; empty for an unknown source."""
        start = max(0, start)
        row = self._database.execute(
            "SELECT substr(text, ?, ?) FROM sources WHERE id = ?", (start + 1, max(0, end - start), clean(source))
        ).fetchone()
        return "" if row is None else str(row[0])

    # Notes

    def put_note(
        self, key: str, text: str, *, source: str, start: int, end: int, writer: str, scope: str, at: int
    ) -> tuple[Entry | None, bool]:
        """Store or replace the note of this key; returns it unless it was stored already, and whether one went.

        Raises: BadInput when its span is not in memory.
        """
        row = self._database.execute(
            "SELECT number, length(text) FROM sources WHERE id = ?", (clean(source),)
        ).fetchone()
        check_span(key, source, start, end, length=None if row is None else row[1])
        values = (row[0], start, end, clean(text), clean(scope), clean(writer))
        stored = self._database.execute(
            "SELECT source, start, end, text, scope, writer FROM records WHERE key = ?", (clean(key),)
        ).fetchone()
        if stored == values:
            return None, False
        self._database.execute("DELETE FROM records WHERE key = ?", (clean(key),))
        cursor = self._database.execute(
            "INSERT INTO records (kind, source, start, end, text, scope, writer, key, at)"
            " VALUES ('note', ?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, clean(key), at),
        )
        return Entry(Place(row[0], start, end, int(cursor.lastrowid or 0)), values[4], values[3]), stored is not None

    # What indexes are made of

    def count(self) -> int:
        [count] = self._database.execute("SELECT count(*) FROM records").fetchone()
        return int(count)

    def passages(self) -> Iterator[Entry]:
        """Every passage, in the order of places."""
        rows = self._database.execute(
            f"SELECT source, start, end, records.number, scope, {_WORDED} {_JOINED} WHERE kind = 'passage'"
            " ORDER BY source, start, end, records.number"
        )
        return (Entry(Place(*row[:4]), row[4], row[5]) for row in rows)

    def notes(self) -> Iterator[Entry]:
        """Every note. Its own text is what a query meets, not the title of the source it rests on."""
        rows = self._database.execute("SELECT source, start, end, number, scope, text FROM records WHERE kind = 'note'")
        return (Entry(Place(*row[:4]), row[4], row[5]) for row in rows)

    def spans(self, numbers: Sequence[int], limit: int) -> tuple[Passage, ...]:
        """The first `limit` different spans these records stand for, in this order; of duplicates, the first alone."""
        found: dict[tuple[str, str, str, int, int], Passage] = {}
        for number in numbers:
            row = self._database.execute(
                "SELECT corpus, text_hash, sources.id, title, start, end, substr(sources.text, start + 1, end - start),"
                f" heading {_JOINED} WHERE records.number = ?",
                (number,),
            ).fetchone()
            if row is not None and len(found) < limit:
                corpus, text_hash, source, title, start, end, text, heading = row
                passage = Passage(source=source, title=title, start=start, end=end, text=text, heading=heading)
                found.setdefault((corpus, title, text_hash, start, end), passage)
        return tuple(found.values())

    def pending_count(self) -> int:
        [count] = self._database.execute("SELECT count(*) FROM pending").fetchone()
        return int(count)

    def pending(self, limit: int) -> list[Change]:
        """The oldest records the vector index has not seen."""
        rows = self._database.execute(
            f"SELECT record, ifnull(scope, ''), {_WORDED} FROM pending LEFT JOIN records ON records.number = record"  # noqa: S608
            " LEFT JOIN sources ON sources.number = records.source ORDER BY record LIMIT ?",
            (limit,),
        )
        return [Change(*row) for row in rows]

    def settle(self, changes: Sequence[Change]) -> None:
        """The vector index has seen these."""
        with self.transaction():
            seen = [(change.record,) for change in changes]
            self._database.executemany("DELETE FROM pending WHERE record = ?", seen)

    def unsettle(self) -> None:
        """The vector index has seen nothing: every record is pending."""
        with self.transaction():
            self._database.execute("DELETE FROM pending")
            self._database.execute("INSERT INTO pending SELECT number FROM records")
