"""Ingestion: a job's corpus, read, and brought into memory a few documents at a time; what has not changed is not read.

Whatever ends it, what is stored by then is not read again: each batch is stored with the files that it completes.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from pydantic import Field

from .doors import note_remarks
from .errors import BadInput
from .evidence import Document, File, Unreadable, Value
from .ids import StepKey, digest
from .journal.step import INGEST, Steps
from .ports import CorpusReader, Memory

#: The most documents, and the characters of them, that go to memory at once. A longer document goes alone.
BATCH, BATCH_CHARACTERS = 64, 4_000_000

Item = Document | Unreadable | File


def corpus_of(paths: Sequence[Path]) -> str:
    """The name under which memory keeps what these files and folders hold: the same for the same ones."""
    return digest("\n".join(sorted(str(path.resolve()) for path in paths)))[:16]


class Ingested(Value):
    """What reading a corpus came to."""

    documents: int
    changed: int
    removed: int
    unreadable: tuple[Unreadable, ...] = ()
    #: By id, the documents that say the same as another one under the same title, and the id of that one.
    duplicates: dict[str, str] = Field(default_factory=dict)


async def ingest(steps: Steps, memory: Memory, reader: CorpusReader, paths: Sequence[Path]) -> Ingested:
    """Corpus → memory, once: a step, so that its gaps are on record too.

    Raises: BadInput where nothing could be read.
    """
    corpus, resolved = corpus_of(paths), [path.resolve() for path in paths]

    async def effect(_: StepKey) -> Ingested:
        whole = await anyio.to_thread.run_sync(_count_files, resolved, abandon_on_cancel=True)
        known = await memory.files(corpus)
        read = _Read()
        async for batch in _batches(reader(resolved, known)):
            read.take(batch)
            new = [file for file in batch.files if file is not known.get(file.uri)]
            read.changed += await memory.ingest(corpus, batch.documents, new)
            steps.note("corpus.read", read.so_far(whole), recipient="memory")
        if not read.kept:
            raise BadInput(_nothing_read(resolved, read.unreadable))
        removed = await memory.retain(corpus, list(read.kept))
        await note_remarks(memory, steps)
        return read.ingested(removed, await memory.duplicates(corpus))

    args = {"corpus": corpus, "paths": [str(path) for path in paths]}
    return await steps.run(INGEST, "memory", args, effect, Ingested.model_validate)


@dataclass
class _Batch:
    """Some of what a reader says, in its order."""

    documents: list[Document] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    characters: int = 0

    def add(self, item: Item) -> None:
        if isinstance(item, Document):
            self.documents.append(item)
            self.characters += len(item.text)
        elif isinstance(item, File):
            self.files.append(item)
        else:
            self.unreadable.append(item)

    @property
    def is_full(self) -> bool:
        return len(self.documents) >= BATCH or self.characters >= BATCH_CHARACTERS


@dataclass
class _Read:
    """What reading has come to so far."""

    #: Ids of documents, in order.
    kept: dict[str, None] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    changed: int = 0
    _files: set[str] = field(default_factory=set)

    def take(self, batch: _Batch) -> None:
        self.kept |= dict.fromkeys(document.id for document in batch.documents)
        self.kept |= dict.fromkeys(name for file in batch.files for name in file.documents)
        self.unreadable += batch.unreadable
        uris = (item.uri for items in (batch.documents, batch.unreadable, batch.files) for item in items)
        self._files.update(uri.partition("#")[0] for uri in uris)

    def so_far(self, whole: int) -> dict[str, int]:
        """How far it is, of `whole` files."""
        unreadable, files = len(self.unreadable), len(self._files)
        return {"documents": len(self.kept), "unreadable": unreadable, "files": files, "of": whole}

    def ingested(self, removed: int, duplicates: Mapping[str, str]) -> Ingested:
        return Ingested(
            documents=len(self.kept),
            changed=self.changed,
            removed=removed,
            unreadable=tuple(self.unreadable),
            duplicates=dict(duplicates),
        )


async def _batches(items: AsyncIterator[Item]) -> AsyncIterator[_Batch]:
    """A file is never in an earlier batch than its documents."""
    batch = _Batch()
    async for item in items:
        if batch.is_full and not isinstance(item, File):
            yield batch
            batch = _Batch()
        batch.add(item)
    yield batch


def _count_files(paths: Sequence[Path]) -> int:
    """How many files there are to look at, so that somebody who waits can be told how far it is."""
    return sum(sum(path.is_file() for path in root.rglob("[!.]*")) if root.is_dir() else 1 for root in paths)


def _nothing_read(paths: Sequence[Path], gaps: Sequence[Unreadable]) -> str:
    first = f": {gaps[0].uri} is {gaps[0].reason}" if gaps else ""
    return f"nothing in {', '.join(repr(str(path)) for path in paths)} could be read{first}; name documents with text"
