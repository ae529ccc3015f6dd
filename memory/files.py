"""Which files a corpus is stored from, so that nobody reads again what has not changed. A table beside the records.

A file is vouched for by what is stored: where one of its documents is gone, or came from another file since, it is not
known. The table may be lost at any time: then files are read once more.
"""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ..orchestrator.evidence import Document, File
from ..orchestrator.text import clean

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    corpus TEXT NOT NULL,
    uri TEXT NOT NULL,
    stamp TEXT NOT NULL,
    documents TEXT NOT NULL,
    cut TEXT NOT NULL,
    PRIMARY KEY (corpus, uri)
) WITHOUT ROWID
"""


class Files:
    """The files behind the records in this SQLite file, which the records have made. Blocking, one thread at a time."""

    def __init__(self, path: Path, cut: str) -> None:
        """`cut` says how texts are cut: files whose documents were cut otherwise are not known.

        Raises sqlite3.Error where it cannot be written.
        """
        self._cut = cut
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA busy_timeout=5000")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(_SCHEMA)

    def close(self) -> None:
        self._database.close()

    def put(self, corpus: str, files: Sequence[File]) -> None:
        """These files were read to their end, and their documents are stored. One transaction."""
        rows = [(corpus, clean(file.uri), file.stamp, json.dumps(file.documents), self._cut) for file in files]
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", rows)

    def known(self, corpus: str) -> dict[str, File]:
        """By address, the files of a corpus all of whose documents are stored, as they came from it."""
        uris = dict(self._database.execute("SELECT document, uri FROM sources WHERE corpus = ?", (corpus,)))
        asked = "SELECT uri, stamp, documents FROM files WHERE corpus = ? AND cut = ?"
        rows = self._database.execute(asked, (corpus, self._cut))
        files = [File(uri=uri, stamp=stamp, documents=json.loads(documents)) for uri, stamp, documents in rows]
        return {file.uri: file for file in files if is_from(file, uris)}

    def forget(self, corpus: str, documents: Sequence[Document]) -> None:
        """Forget the files of these documents, which are about to be what somebody has read of them since."""
        uris = {(corpus, uri) for document in documents for uri in addresses(document)}
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM files WHERE corpus = ? AND uri = ?", uris)

    def forget_unknown(self, corpus: str) -> None:
        """Forget the files that nothing stored vouches for."""
        known = self.known(corpus)
        rows = self._database.execute("SELECT uri FROM files WHERE corpus = ?", (corpus,)).fetchall()
        gone = [(corpus, uri) for (uri,) in rows if uri not in known]
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM files WHERE corpus = ? AND uri = ?", gone)


def addresses(document: Document) -> tuple[str, str]:
    """What the address of the document's file may be."""
    uri = clean(document.uri)
    return uri, uri.rpartition("#")[0]


def is_from(file: File, uris: dict[str, str]) -> bool:
    """Whether each document of the file is among these (address by id), with an address in the file."""
    found = [uris.get(clean(document), "") for document in file.documents]
    return all(uri == file.uri or uri.startswith(f"{file.uri}#") for uri in found)
