"""What other rooms bring to a job: memory, tools and readers, as protocols in the platform's own words."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

from .evidence import Document, File, Passage, Source, Unreadable
from .metadata import Condition, Mentions

#: What is done where nobody knows how a tool's call ended: it is made again, a person is asked, or it is left.
InDoubt = Literal["retry", "ask", "skip"]


class Memory(Protocol):
    """What a project remembers. Scoped by corpus: a search sees only the corpora it names."""

    async def ingest(self, corpus: str, documents: Iterable[Document], files: Sequence[File] = ()) -> int:
        """Store or replace these documents of a corpus; returns how many were new or changed.

        Idempotent: a document whose text, title and metadata are stored already costs a hash. `files` are those whose
        documents are now stored, all of them.
        """
        ...

    async def files(self, corpus: str) -> Mapping[str, File]:
        """By address, the files of a corpus all of whose documents are stored, as they came from it."""
        ...

    async def duplicates(self, corpus: str) -> Mapping[str, str]:
        """By id, the sources of a corpus whose title and text another had before, and that one's id.

        Each is a source like any other, but a search in all shows a passage that both have once, as the first one's.
        """
        ...

    async def retain(self, corpus: str, keep: Sequence[str]) -> int:
        """Forget the documents of a corpus that are not in `keep` (ids); returns how many went."""
        ...

    async def search(
        self, query: str, *, corpora: Sequence[str], limit: int, sources: Sequence[str] = ()
    ) -> tuple[Passage, ...]:
        """At most `limit` passages, best first; a tie goes to the earlier one. Nothing in common: no passage.

        Where `sources` are named (ids), theirs alone.
        """
        ...

    async def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        """How rare each word is in all passages of the project: 1 in none of them, near 0 in nearly all."""
        ...

    async def mentions(self, question: str, *, corpora: Sequence[str]) -> Mentions:
        """What a question names: sources, values of metadata, and what looks like one and is not there."""
        ...

    async def select(
        self, where: Sequence[Condition], *, corpora: Sequence[str], fields: Sequence[str] = ()
    ) -> tuple[Source, ...]:
        """Every source that meets all conditions, in the order of their numbers; with `fields`, these alone."""
        ...

    async def source(self, source: str) -> Source | None:
        """The stored document, without its text."""
        ...

    async def read(self, source: str, start: int, end: int) -> str:
        """The source's text from `start` to `end`, in code points; empty where there is none."""
        ...

    async def add(self, key: str, text: str, *, source: str, start: int, end: int, writer: str, scope: str) -> None:
        """Remember a note under `key` (idempotent), with the span it rests on, its writer and its scope."""
        ...


class Toolbox(Protocol):
    """The tools a job may call."""

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """Name, description and JSON schema of the arguments, per tool; `in_doubt` where it is not to "ask"."""
        ...

    async def call(self, name: str, args: Mapping[str, Any], key: str) -> Any:
        """Run a tool; the result is plain JSON. The same call has the same key, in a resumed job as well.

        Raises ToolError for an unknown tool or bad arguments.
        """
        ...


class MemoryFactory(Protocol):
    """Opens the memory of a project folder; leaving the context closes it."""

    def __call__(self, folder: Path) -> AbstractAsyncContextManager[Memory]: ...


class ToolboxFactory(Protocol):
    """Opens the tools of a project folder; leaving the context closes them."""

    def __call__(self, folder: Path) -> AbstractAsyncContextManager[Toolbox]: ...


class CorpusReader(Protocol):
    """Reads what people have: files and folders in, documents out, in a stable order."""

    def __call__(
        self, paths: Sequence[Path], known: Mapping[str, File] | None = None
    ) -> AsyncIterator[Document | Unreadable | File]:
        """A file comes after its documents, or, where it is as it is `known` (by address), in their place.

        A reader that says nothing of files is read whole each time.
        """
        ...
