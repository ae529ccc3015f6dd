"""The index of passages' vectors, in Chroma: derived from the vectors on record, a collection for each scope.

Why it is as it is (measured on chromadb 1.5.9, decision 0021): a filter by scope costs 100 ms at 18,000 passages, a
collection of its own 1 ms. A high `sync_threshold` survives a kill, but replays its log when it is opened, 15 s and
more at that size; with the usual one the store opens in .3 s, and a kill while it writes can ruin it, so that the
process that opens it next may crash. So a store is opened only when its files are, byte for byte, what its last owner
has put its stamp on, which nobody does in the middle of writing. Any other is set aside, never copied (its sparse files
can claim terabytes), and filled again from the vectors on record, behind; meanwhile these are searched exactly.
"""

import hashlib
import json
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from itertools import groupby
from pathlib import Path
from typing import Any

from ..orchestrator.errors import Unavailable
from ..orchestrator.ids import digest
from ..orchestrator.regular_files import (
    check_folder,
    is_regular,
    keep_private,
    make_folder,
    make_private,
    open_regular,
    read_regular,
    remove_all,
    replacing,
)
from .embedding import Vector
from .records import Change, Records
from .vectors import DIGITS, Near

_LOG = logging.getLogger("bullpen.memory")

#: What Rust's panics are called in Python: no kind of Exception, and in no module that can be imported.
_PANIC = "PanicException"

#: Up to so many records are searched exactly, in a few milliseconds: to open the index would take longer, and to load
#: Chroma 40 MB. So are scopes of which the index still holds more that are gone: it would be asked for all of these.
EXACT = 1_000
#: Records per write.
BATCH = 200
#: How many neighbours Chroma looks at, so that of the best hardly one is missed (measured in decision 0021).
_SEARCHED = 200


class ChromaIndex:
    """One owner's index. Opened on first use; its stamp says how it was left."""

    def __init__(self, folder: Path, records: Records, *, memory: str) -> None:
        """`memory` (id) and the embedder that `adopt` names: an index of another is not this one.

        Raises: BadInput where something else stands in the place of the store or of its stamp.
        """
        self._folder, self._records = folder / "chroma", records
        self._stamp = folder / "chroma.json"
        check_folder(self._folder)
        self._new_stamp = folder / "chroma.new"
        for file in (self._stamp, self._new_stamp):
            keep_private(file)
        self._identity = {"memory": memory}
        self._client: Any = None
        self._collections: dict[str, Any] = {}
        self._is_stamped = False

    def adopt(self, embedder: str) -> None:
        """Be the index of this embedder's vectors (id), before it is opened."""
        self._identity["embedder"] = embedder

    def catch_up(self, *, at_least: int = 1) -> int:
        """Write a batch of what is pending and has a vector, if there are so many; how many records that were.

        Puts the stamp on the store where nothing is left. Raises: Unavailable when Chroma fails.
        """
        changes = self._records.pending(BATCH) if self.is_needed() else []
        if len(changes) < at_least:
            if not changes and self._client is not None and not self._is_stamped:
                with self._own_words():
                    self._put_stamp()
            return 0
        with self._own_words():
            self._open()
            self._lift_stamp()
            for scope, of_scope in groupby(sorted(changes, key=lambda change: change.scope), lambda c: c.scope):
                self._apply(scope, list(of_scope))
            make_private(self._folder)
        self._records.settle(changes)
        return len(changes)

    def is_behind(self) -> bool:
        """Whether there is something to write."""
        return self.is_needed() and bool(self._records.pending(1))

    def behind(self) -> int:
        """How many passages are to be written."""
        return self._records.pending_count() if self.is_needed() else 0

    def is_needed(self) -> bool:
        """Whether there is anything that would not be searched exactly."""
        return self._client is not None or self._records.has_more_passages_than(EXACT)

    def check(self) -> None:
        """Set a store aside that cannot be trusted: then all passages are pending. Opens nothing."""
        if self._client is None and not self._is_as_stamped():
            self._put_aside()

    def nearest(self, vector: Vector, scopes: Sequence[str], limit: int, *, gone: Collection[int] = ()) -> list[Near]:
        """The nearest passages that the index holds, each scope by itself, but for those that are `gone` from memory.

        Where the index fails, it holds none.
        """
        try:
            with self._own_words():
                self._open()
                mine = [self._collections[scope] for scope in scopes if scope in self._collections]
                found = (near for collection in mine for near in _query(collection, vector, limit + len(gone)))
                return [near for near in found if near.record not in gone]
        except Unavailable as error:
            _LOG.warning("%s", error)
            return []

    def close(self) -> None:
        """Let go of the store and put the stamp on it. Closing twice is harmless."""
        if self._client is None:
            return
        if not self._is_stamped:
            self._put_stamp()
        self._let_go()

    def clear(self) -> None:
        """Throw the store away; every passage is pending."""
        self._let_go()
        self._lift_stamp()
        self._records.unsettle()
        remove_all(self._folder)

    def _let_go(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client, self._collections = None, {}

    def _apply(self, scope: str, changes: Sequence[Change]) -> None:
        collection = self._collections.get(scope) or self._create(scope)
        gone = [str(change.record) for change in changes if change.vector is None]
        kept = [change for change in changes if change.vector is not None]
        if gone:
            collection.delete(ids=gone)
        if kept:
            import numpy

            vectors = [numpy.frombuffer(change.vector or b"", dtype=numpy.float32) for change in kept]
            collection.upsert(ids=[str(change.record) for change in kept], embeddings=vectors)

    def _create(self, scope: str) -> Any:
        self._collections[scope] = collection = self._client.create_collection(
            f"scope-{digest(scope)[:32]}",
            embedding_function=None,
            metadata={"scope": scope},
            configuration={"hnsw": {"space": "cosine", "ef_search": _SEARCHED}},
        )
        return collection

    # Trust

    def _open(self) -> None:
        """Open the store; one that cannot be trusted is not opened, and a new one is begun."""
        if self._client is not None:
            return
        self.check()
        import chromadb

        make_folder(self._folder)
        make_private(self._folder)  # whatever Chroma makes in there, as the umask says: nobody else gets to it
        # A `.env` of the working folder could name a server, to which Chroma would send what it is given.
        settings = chromadb.Settings(_env_file=None, anonymized_telemetry=False)
        self._client = chromadb.PersistentClient(str(self._folder), settings=settings)
        found = [self._client.get_collection(named.name, embedding_function=None) for named in self._collected()]
        self._collections = {collection.metadata["scope"]: collection for collection in found}
        for collection in found:  # opening writes to some files, and so does the first query: then all stays as it is
            if collection.count():
                collection.query(query_embeddings=collection.get(limit=1, include=["embeddings"])["embeddings"])
        self._put_stamp()

    def _collected(self) -> list[Any]:
        return list(self._client.list_collections())

    def _is_as_stamped(self) -> bool:
        """Whether there is a store of this memory, and its files are what its last owner left."""
        try:
            left = json.loads(read_regular(self._stamp))
        except (OSError, ValueError):  # a stamp that cannot be read vouches for nothing
            return False
        if not isinstance(left, dict) or {name: left.get(name) for name in self._identity} != self._identity:
            return False
        if not all(map(is_regular, self._paths())):  # Chroma would write through a link
            return False
        files = left.get("files")
        if not isinstance(files, list) or not all(isinstance(file, list) for file in files):
            return False
        return [file[:2] for file in files] == self._sizes() and files == self._files()

    def _put_stamp(self) -> None:
        make_private(self._folder)
        with replacing(self._stamp, self._new_stamp) as file:
            file.write(json.dumps({**self._identity, "files": self._files()}).encode())
        self._is_stamped = True

    def _lift_stamp(self) -> None:
        self._stamp.unlink(missing_ok=True)
        self._is_stamped = False

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.rglob("*") if path.is_symlink() or not path.is_dir())

    def _sizes(self) -> list[list[Any]]:
        """Name and size of every file: a file can claim terabytes, so that sizes are compared before contents."""
        return [[path.relative_to(self._folder).as_posix(), path.stat().st_size] for path in self._paths()]

    def _files(self) -> list[list[Any]]:
        """Name, size and digest of every file in the store."""
        return [[*sized, _digest(path)] for sized, path in zip(self._sizes(), self._paths(), strict=True)]

    def _put_aside(self) -> None:
        """Nothing is indexed from now on; what was found instead is kept for whoever wants to look."""
        self._lift_stamp()
        self._records.unsettle()
        aside = self._folder.with_name("chroma.damaged")
        if self._folder.exists():
            remove_all(aside)
            self._folder.rename(aside)
            make_private(aside)

    @contextmanager
    def _own_words(self) -> Iterator[None]:
        """Chroma's errors stop here. Nothing is lost by them: the store is set aside, and all is pending again."""
        from chromadb.errors import ChromaError

        try:
            yield
        except BaseException as error:
            if not isinstance(error, ChromaError) and type(error).__name__ != _PANIC:
                raise
            self._let_go()
            self._put_aside()
            raise Unavailable(f"vector index {str(self._folder)!r} failed and is built anew: {error}") from error


def _query(collection: Any, vector: Vector, limit: int) -> Iterator[Near]:
    import numpy

    asked = numpy.asarray([vector], dtype=numpy.float32)
    found = collection.query(query_embeddings=asked, n_results=limit, include=["distances"])
    pairs = zip(found["ids"][0], found["distances"][0], strict=True)
    return (Near(round(1.0 - distance, DIGITS), int(record)) for record, distance in pairs)


def _digest(path: Path) -> str:
    with FileIO(open_regular(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
