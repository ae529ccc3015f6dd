"""The file in which memory keeps its records, and how its tables came to be. SQLite; blocks."""

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from ..orchestrator.errors import BadInput
from ..orchestrator.regular_files import keep_private, open_regular

#: What each version added to the one before it. A file is brought to the newest when it is opened.
_VERSIONS = (
    """
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
""",
    # Notes have a history; vectors are kept, so that an index can be filled again without embedding again; Chroma
    # holds passages alone, a collection for each scope, so what is pending names its scope.
    """
ALTER TABLE records ADD COLUMN run TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN task TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN about TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN live INTEGER NOT NULL DEFAULT 1;
CREATE INDEX records_by_scope ON records (scope, kind);
CREATE INDEX records_by_subject ON records (about, scope) WHERE about != '';
CREATE TABLE subjects (
    scope TEXT NOT NULL,
    about TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (scope, about)
) WITHOUT ROWID;
CREATE TABLE links (
    record INTEGER NOT NULL REFERENCES records (number) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('supersedes', 'contradicts')),
    other INTEGER NOT NULL REFERENCES records (number) ON DELETE CASCADE,
    reason TEXT NOT NULL DEFAULT '',
    writer TEXT NOT NULL DEFAULT '',
    at INTEGER NOT NULL,
    PRIMARY KEY (record, kind, other)
) WITHOUT ROWID;
CREATE INDEX links_back ON links (other, kind);
CREATE TABLE files (
    corpus TEXT NOT NULL,
    uri TEXT NOT NULL,
    stamp TEXT NOT NULL,
    documents TEXT NOT NULL,
    cut TEXT NOT NULL,
    PRIMARY KEY (corpus, uri)
) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE vectors (
    record INTEGER PRIMARY KEY REFERENCES records (number) ON DELETE CASCADE,
    vector BLOB NOT NULL
);
DROP TRIGGER record_added;
DROP TRIGGER record_gone;
DROP TABLE pending;
CREATE TABLE pending (record INTEGER PRIMARY KEY, scope TEXT NOT NULL);
INSERT INTO pending SELECT number, scope FROM records WHERE kind = 'passage';
CREATE TRIGGER passage_added AFTER INSERT ON records WHEN new.kind = 'passage' BEGIN
    INSERT OR REPLACE INTO pending VALUES (new.number, new.scope);
END;
CREATE TRIGGER passage_gone AFTER DELETE ON records WHEN old.kind = 'passage' BEGIN
    INSERT OR REPLACE INTO pending VALUES (old.number, old.scope);
END;
""",
    # What came of other processes' writes, so that one which is asked for again is not done twice.
    """
CREATE TABLE calls (
    client TEXT NOT NULL,
    number INTEGER NOT NULL,
    result TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (client, number)
) WITHOUT ROWID;
""",
)
VERSION = len(_VERSIONS)
#: How the names of files end that SQLite has beside this one.
_BESIDE = ("-wal", "-shm", "-journal")


#: A file may have been received: no functions with side effects for what is in it, and its cells are checked.
_PRAGMAS = (
    *("busy_timeout=5000", "trusted_schema=OFF", "cell_size_check=ON"),
    *("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"),
)


class Database:
    """The open file. Every write is one transaction, on disk when `transaction` is left."""

    def __init__(self, path: Path) -> None:
        """Open or create it, or bring it to this version.

        Raises: BadInput when it cannot be written, or was made by something else or by a newer Bullpen.
        """
        for beside in _BESIDE:
            keep_private(path.with_name(path.name + beside))
        try:
            os.close(open_regular(path, os.O_RDWR | os.O_CREAT))  # SQLite gives what it makes beside it the same mode
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare(path)
        except (OSError, sqlite3.Error) as error:
            raise BadInput(
                f"cannot keep records in {str(path)!r}: {error}; give a folder that can be written"
            ) from error
        self.execute, self.executemany = self._connection.execute, self._connection.executemany
        [self.id] = self.execute("SELECT value FROM facts WHERE name = 'id'").fetchone()

    def _prepare(self, path: Path) -> None:
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        [version] = self._connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise BadInput(
                f"records {str(path)!r} are of version {version}, not {VERSION}; use the Bullpen that wrote them"
            )
        if _schema(self._connection) != _schema_of(version):
            raise BadInput(
                f"records {str(path)!r} have other tables or triggers than Bullpen makes: something else has made or "
                "changed them; move the file away, or restore a copy of it"
            )
        if version < VERSION:
            steps = "".join(_VERSIONS[version:])
            named = f"INSERT OR IGNORE INTO facts VALUES ('id', '{uuid.uuid4()}');"  # noqa: S608
            script = f"BEGIN IMMEDIATE; {steps} {named} PRAGMA user_version={VERSION}; COMMIT;"
            self._connection.executescript(script)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; durable on leaving. One within another is part of that."""
        if self._connection.in_transaction:
            yield
            return
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def fact(self, name: str) -> str:
        """What is kept under this name about the memory itself; empty where nothing is."""
        row = self.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def keep_fact(self, name: str, value: str) -> None:
        self.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def _schema(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """What was made in it: tables, indexes, triggers and views, but for what SQLite makes for itself."""
    return connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite@_%' ESCAPE '@' ORDER BY name"
    ).fetchall()


@cache
def _schema_of(version: int) -> list[tuple[str, str, str]]:
    """What a file of this version has: a trigger of somebody else's would do what it likes at our next write."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript("".join(_VERSIONS[:version]))
        return _schema(made)
