"""Which files a corpus is stored from, so that nobody reads again what has not changed. Blocks.

A file is vouched for by what is stored: where one of its documents is gone, or came from another file since, it is not
known. The table may be lost at any time: then files are read once more.
"""

import json
from collections.abc import Sequence

from ..orchestrator.evidence import Document, File
from ..orchestrator.text import clean
from .database import Database


class Files:
    """The files behind the documents of one open memory; each method that writes is called within a transaction."""

    def __init__(self, database: Database, cut: str) -> None:
        """`cut` says how texts are cut: files whose documents were cut otherwise are not known."""
        self._database, self._cut = database, cut

    def put(self, corpus: str, files: Sequence[File]) -> None:
        """These files were read to their end, and their documents are stored."""
        rows = [(corpus, clean(file.uri), file.stamp, json.dumps(file.documents), self._cut) for file in files]
        self._database.executemany(
            "INSERT OR REPLACE INTO files (corpus, uri, stamp, documents, cut) VALUES (?, ?, ?, ?, ?)", rows
        )

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
        self._database.executemany("DELETE FROM files WHERE corpus = ? AND uri = ?", uris)

    def forget_unknown(self, corpus: str) -> None:
        """Forget the files that nothing stored vouches for."""
        known = self.known(corpus)
        rows = self._database.execute("SELECT uri FROM files WHERE corpus = ?", (corpus,)).fetchall()
        gone = [(corpus, uri) for (uri,) in rows if uri not in known]
        self._database.executemany("DELETE FROM files WHERE corpus = ? AND uri = ?", gone)


def addresses(document: Document) -> tuple[str, str]:
    """What the address of the document's file may be."""
    uri = clean(document.uri)
    return uri, uri.rpartition("#")[0]


def is_from(file: File, uris: dict[str, str]) -> bool:
    """Whether each document of the file is among these (address by id), with an address in the file."""
    found = [uris.get(clean(document), "") for document in file.documents]
    return all(uri == file.uri or uri.startswith(f"{file.uri}#") for uri in found)
