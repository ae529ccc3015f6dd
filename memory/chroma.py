"""The vector index, in Chroma: derived from the records, and built anew whenever it cannot be trusted.

Why the settings are as they are (all measured on chromadb 1.5.9): below `sync_threshold` Chroma keeps its log in
SQLite; above, it rewrites files in place, and one kill in ten then ruins the store for good. So the threshold is
never reached and writes come in batches. A ruined store can crash the process that opens it, so one that was not
closed, or was touched since, is first opened in a child. A folder is renamed away, never copied: its sparse files
can claim terabytes.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..orchestrator.errors import Unavailable
from .embedding import Embedder
from .records import Change, Records

#: Records per write, and the least that is worth a write before closing.
BATCH = 500
PROBE_TIMEOUT_S = 60

_COLLECTION = "records"
_PROBE = """
import sys, chromadb
client = chromadb.PersistentClient(sys.argv[1], settings=chromadb.Settings(anonymized_telemetry=False))
for collection in client.list_collections():
    if collection.count():
        [vector] = collection.get(limit=1, include=["embeddings"])["embeddings"]
        collection.query(query_embeddings=[vector], n_results=1)
client.close()
"""


class VectorIndex:
    """One owner's index of all records. Opened on first use; `close` leaves a stamp that says how it was left."""

    def __init__(self, folder: Path, records: Records, embedder: Embedder) -> None:
        self._folder, self._records, self.embedder = folder / "chroma", records, embedder
        self._stamp = folder / "chroma.json"
        self._client: Any = None
        self._collection: Any = None

    def catch_up(self, *, at_least: int = 1, may_wait: bool = False) -> None:
        """Write what is pending, in batches, as long as `at_least` records are.

        What `may_wait` does so while it is no whole batch and the store is as it was left.
        """
        pending = self._records.pending_count()
        waits = pending < at_least > 1 or (self._is_as_left() and (not pending or (may_wait and pending < BATCH)))
        if self._client is None and waits:
            return
        with _own_words(self._folder):
            self._open()
            self._fill(self._collection, at_least=at_least)

    def nearest(self, query: str, scopes: Sequence[str], limit: int) -> list[int]:
        """Record numbers within these scopes, nearest first, none at a right angle or beyond."""
        if not self._records.count():
            return []
        with _own_words(self._folder):
            self._open()
            self.catch_up()
            found = self._collection.query(
                query_embeddings=list(self.embedder.embed([query])),
                n_results=limit,
                where={"scope": {"$in": list(scopes)}},
                include=["distances"],
            )
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return [int(record) for record, distance in pairs if distance < 1.0]

    def close(self) -> None:
        """Let go of the store and leave the stamp. Closing twice is harmless."""
        if self._client is None:
            return
        self._client.close()
        self._client = self._collection = None
        waiting = self._stamp.with_suffix(".new")
        waiting.write_text(json.dumps(self._state()))
        waiting.replace(self._stamp)

    def _apply(self, collection: Any, changes: Sequence[Change]) -> None:
        gone = [str(change.record) for change in changes if change.text is None]
        kept = [(change, change.text) for change in changes if change.text is not None]
        if gone:
            collection.delete(ids=gone)
        if kept:
            collection.upsert(
                ids=[str(change.record) for change, _ in kept],
                embeddings=list(self.embedder.embed([text for _, text in kept])),
                metadatas=[{"scope": change.scope} for change, _ in kept],
            )
        self._records.settle(changes)

    # Trust

    def _state(self) -> dict[str, Any]:
        """What the stamp holds: whose vectors, of how many records, in which files."""
        indexed = self._records.count() - self._records.pending_count()
        return {**self._identity(), "records": indexed, "files": self._files()}

    def _identity(self) -> dict[str, Any]:
        return {"embedder": self.embedder.id, "dimensions": self.embedder.dimensions}

    def _files(self) -> list[list[Any]]:
        """Name, size and time of last change of every file in the store."""
        found = sorted(path for path in self._folder.rglob("*") if path.is_file())
        stats = [(path.relative_to(self._folder).as_posix(), path.stat()) for path in found]
        return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]

    def _left(self) -> dict[str, Any]:
        """The stamp, or nothing where the store was not closed."""
        try:
            left = json.loads(self._stamp.read_text())
        except (FileNotFoundError, ValueError):  # a stamp that cannot be read vouches for nothing
            return {}
        return left if isinstance(left, dict) else {}

    def _is_as_left(self) -> bool:
        """Whether the files, but for what is pending, are those whose count was compared when they were closed."""
        return self._left() == self._state()

    def _open(self) -> None:
        """Open the store and bring it to the records' count; whatever cannot be trusted is built anew."""
        if self._client is not None:
            return
        is_as_left = self._left().get("files") == self._files()
        self._stamp.unlink(missing_ok=True)
        if self._folder.exists() and not is_as_left and not _is_healthy(self._folder):
            self._put_aside()
        self._connect()

    def _connect(self) -> None:
        import chromadb

        self._folder.mkdir(exist_ok=True)
        settings = chromadb.Settings(anonymized_telemetry=False)
        client: Any = chromadb.PersistentClient(str(self._folder), settings=settings)
        try:
            self._collection = self._trusted(client)
        except BaseException:
            client.close()
            raise
        self._client = client

    def _trusted(self, client: Any) -> Any:
        """The collection, holding every record: as found, or emptied and filled again."""
        collection = _collection(client, self._identity())
        if collection.metadata == self._identity():
            self._fill(collection)
            if collection.count() == self._records.count():
                return collection
        client.delete_collection(_COLLECTION)
        collection = _collection(client, self._identity())
        self._records.unsettle()
        self._fill(collection)
        return collection

    def _fill(self, collection: Any, *, at_least: int = 1) -> None:
        while self._records.pending_count() >= at_least:
            self._apply(collection, self._records.pending(BATCH))

    def _put_aside(self) -> None:
        aside = self._folder.with_name("chroma.damaged")
        if aside.exists():
            shutil.rmtree(aside)
        self._folder.rename(aside)


def _collection(client: Any, identity: dict[str, Any]) -> Any:
    return client.get_or_create_collection(
        _COLLECTION,
        embedding_function=None,
        metadata=identity,
        configuration={"hnsw": {"space": "cosine", "sync_threshold": 1_000_000}},
    )


@contextmanager
def _own_words(folder: Path) -> Iterator[None]:
    """Chroma's errors stop here. Records are not touched by them, so a new index is always the mend."""
    from chromadb.errors import ChromaError

    try:
        yield
    except ChromaError as error:
        raise Unavailable(
            f"vector index {str(folder)!r} failed: {error}; delete that folder to build it anew"
        ) from error


def _is_healthy(folder: Path) -> bool:
    """Whether a child process can open, count and query the store; it may crash in our stead."""
    command = [sys.executable, "-c", _PROBE, str(folder)]
    try:
        probe = subprocess.run(command, capture_output=True, timeout=PROBE_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return False
    return probe.returncode == 0
