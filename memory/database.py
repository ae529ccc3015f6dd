"""The file in which memory keeps its records, and how its tables came to be. SQLite; blocks."""

import hashlib
import logging
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from ..orchestrator.errors import BadInput
from ..orchestrator.regular_files import keep_private, open_regular, read_regular, replacing
from . import checksums

_LOG = logging.getLogger("bullpen.memory")

#: The fact that says what was found damaged, the last time that something was.
DAMAGE = "damage"

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
    # Columns are named, since tables get one more.
    """
DROP TRIGGER passage_added;
DROP TRIGGER passage_gone;
CREATE TRIGGER passage_added AFTER INSERT ON records WHEN new.kind = 'passage' BEGIN
    INSERT OR REPLACE INTO pending (record, scope) VALUES (new.number, new.scope);
END;
CREATE TRIGGER passage_gone AFTER DELETE ON records WHEN old.kind = 'passage' BEGIN
    INSERT OR REPLACE INTO pending (record, scope) VALUES (old.number, old.scope);
END;
""",
    # A checksum in every row: a flipped bit is found, and no answer is made of it.
    checksums.ADDED,
)
VERSION = len(_VERSIONS)
#: How the names of files end that SQLite has beside this one.
_BESIDE = ("-wal", "-shm", "-journal")


#: A file may have been received, so its cells are checked. What its triggers call needs no bound: it has ours alone, or
#: nothing is done in it; and SQLite's `trusted_schema=OFF` would keep ours from their checksums.
_PRAGMAS = (
    *("busy_timeout=5000", "cell_size_check=ON"),
    *("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"),
)


def seal_of(path: Path) -> Path:
    """Where the digest of a file is kept."""
    return path.with_name(f"{path.name}.sha256")


def aside(path: Path) -> Path:
    """Where a damaged file is kept."""
    return path.with_name(f"{path.name}.damaged")


#: What to do about an error of SQLite's, where the folder is not what is wrong.
_MENDS = {
    sqlite3.SQLITE_NOTADB: "its first bytes are not SQLite's; move it away, then documents are read again",
    sqlite3.SQLITE_ERROR: "its head is damaged; move it away, then documents are read again",
}


class Damaged(Exception):
    """The file holds something that nobody has written."""


class Database:
    """The open file. Every write is one transaction, on disk when `transaction` is left.

    Beside it lies the digest of the file as its last owner has left it: where it is that still, nothing in it has
    changed, and no row is looked at. Any other is checked row by row, as after a crash.
    """

    #: What is to be said of how it was found; empty where nothing is.
    remark = ""

    def __init__(self, path: Path) -> None:
        """Open or create it, or bring it to this version.

        Raises: BadInput when it cannot be written, or was made by something else or by a newer Bullpen; Damaged.
        """
        self._path, self._seal = path, seal_of(path)
        for beside in (self._seal, *(path.with_name(path.name + ending) for ending in _BESIDE)):
            keep_private(beside)
        try:
            os.close(open_regular(path, os.O_RDWR | os.O_CREAT))  # SQLite gives what it makes beside it the same mode
            is_sealed = self._is_sealed()
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(path, is_sealed=is_sealed)
            except BaseException:
                self._connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            if is_damage(error):
                raise Damaged(str(error)) from error
            mend = _MENDS.get(_code(error), "give a folder that can be written")
            raise BadInput(f"cannot keep records in {str(path)!r}: {error}; {mend}") from error
        self.execute, self.executemany = self._connection.execute, self._connection.executemany
        [self.id] = self.execute("SELECT value FROM facts WHERE name = 'id'").fetchone()
        self._changes_sealed = self._connection.total_changes if is_sealed else -1
        self._is_doubted = False

    def _prepare(self, path: Path, *, is_sealed: bool) -> None:
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        checksums.provide(self._connection)
        [version] = self._connection.execute("PRAGMA user_version").fetchone()
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute(f"PRAGMA user_version={version}")  # fails now where nothing can be written
        self._connection.execute("ROLLBACK")
        if version > VERSION:
            raise BadInput(
                f"records {str(path)!r} are of version {version}, not {VERSION}; use the Bullpen that wrote them"
            )
        if _schema(self._connection) != _schema_of(version):
            raise BadInput(
                f"records {str(path)!r} have other tables or triggers than Bullpen makes: something else has made or "
                "changed them; move the file away, or restore a copy of it"
            )
        if version and not is_sealed and not checksums.is_whole(self._connection):
            raise Damaged("a row or a page is not as it was written")
        if version < VERSION:
            steps = "".join(_VERSIONS[version:])
            named = f"INSERT OR IGNORE INTO facts (name, value) VALUES ('id', '{uuid.uuid4()}');"  # noqa: S608
            script = f"BEGIN IMMEDIATE; {steps} {named} PRAGMA user_version={VERSION}; COMMIT;"
            self._connection.executescript(script)
            if version:
                _LOG.warning("memory %r was made without all checksums: each of its rows has one now", str(path))

    def doubt(self) -> None:
        """Something in it was not as it should be: whoever opens it next is to look at every row."""
        self._is_doubted = True

    def close(self) -> None:
        """Let go of the file, and put the seal on what it holds now."""
        is_as_sealed = self._connection.total_changes == self._changes_sealed
        self._connection.close()
        if self._is_doubted:
            self._seal.unlink(missing_ok=True)
        elif not is_as_sealed:
            with replacing(self._seal, self._seal.with_suffix(".new")) as file:
                file.write(_digest(self._path).encode())

    def _is_sealed(self) -> bool:
        """Whether the file is, byte for byte, what its last owner has left."""
        if not self._seal.exists() or self._path.with_name(self._path.name + "-wal").exists():
            return False
        return self._path.exists() and read_regular(self._seal) == _digest(self._path).encode()

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

    def damage(self) -> str:
        """What was found damaged, as long as the file that was set aside is there; empty where nothing was."""
        return self.fact(DAMAGE) if aside(self._path).exists() else ""

    def fact(self, name: str) -> str:
        """What is kept under this name about the memory itself; empty where nothing is."""
        row = self.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def keep_fact(self, name: str, value: str) -> None:
        self.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))


def _schema(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """What was made in it: tables, indexes, triggers and views, but for what SQLite makes for itself."""
    return connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite@_%' ESCAPE '@' ORDER BY name"
    ).fetchall()


@cache
def _schema_of(version: int) -> list[tuple[str, str, str]]:
    """What a file of this version has: a trigger of somebody else's would do what it likes at our next write."""
    with closing(sqlite3.connect(":memory:")) as made:
        checksums.provide(made)
        made.executescript("".join(_VERSIONS[:version]))
        return _schema(made)


def is_damage(error: Exception) -> bool:
    """Whether SQLite has found that the file is not as it was written."""
    return _code(error) == sqlite3.SQLITE_CORRUPT


def _code(error: Exception) -> int:
    """Which of SQLite's errors it is, without what says more of it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _digest(path: Path) -> str:
    with os.fdopen(open_regular(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
