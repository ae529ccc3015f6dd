"""What other rooms bring to a job: memory, tools and readers, as protocols in the platform's own words."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from .evidence import Card, Document, File, Passage, Source, Unreadable, Value
from .lookup import Select, Summary, Table
from .metadata import Condition, Mentions
from .settings import Settings

#: What is done where nobody knows how a tool's call ended: it is made again, a person is asked, or it is left.
InDoubt = Literal["retry", "ask", "skip"]


class Superseded(Value):
    """How a note came to be superseded. All of it is empty where the note that took its place has gone since."""

    #: The key of the note that stands in its place.
    by: str = ""
    writer: str = ""
    #: When, in milliseconds since 1970.
    at: int = 0
    #: Why, where one of several was chosen.
    reason: str = ""


class Note(Value):
    """What an agent has written into memory, with where it comes from.

    Notes about one subject (`about`, within their scope) form its history: `version` counts its changes. A note that
    another one `supersedes` is kept and no longer found; notes that say different things are linked by `contradicts`
    and both stay, until one of them is chosen.
    """

    key: str
    text: str
    source: str
    start: int
    end: int
    scope: str
    writer: str
    run: str = ""
    task: str = ""
    about: str = ""
    #: When it was written, in milliseconds since 1970.
    at: int = 0
    #: The subject's version that this note made, or was chosen at; 0 for a note about nothing in particular.
    version: int = 0
    #: Keys of the notes that this one replaced.
    supersedes: tuple[str, ...] = ()
    #: Keys of the notes that say something else about the same, while both are live.
    contradicts: tuple[str, ...] = ()
    #: None while it is live.
    superseded: Superseded | None = None


class Explained(Value):
    """Why a search finds a passage: its place (from 1) among those found by words and among the nearest; 0 is none."""

    passage: Passage
    by_words: int = 0
    by_meaning: int = 0
    #: The words, as stems, that it shares with what was asked.
    words: tuple[str, ...] = ()


class Stored(Value):
    """What a memory holds, and how far its indexes have come."""

    sources: int
    passages: int
    notes: int
    #: Documents of each corpus.
    corpora: dict[str, int]
    #: The id of the embedder, whether its vectors rank, how many are there and how many are still to be made.
    embedder: str
    is_semantic: bool
    vectors: int
    lacking: int
    #: Passages that the index of vectors has not seen; they are searched exactly meanwhile. A few need no index.
    pending: int
    #: Subjects about which live notes say different things.
    conflicts: int = 0
    #: Why no more vectors are made; empty while they are.
    failed: str = ""
    #: What was found damaged, as long as what was set aside then is kept; empty where nothing was.
    damage: str = ""


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
        self,
        query: str,
        *,
        corpora: Sequence[str],
        limit: int,
        sources: Sequence[str] = (),
        where: Sequence[Condition] = (),
        diversity: float = 0.0,
    ) -> tuple[Passage, ...]:
        """At most `limit` passages, best first; a tie goes to the earlier one. Nothing in common: no passage.

        Where `sources` are named (ids), theirs alone; with `where`, those of sources whose metadata meet all of it.
        `diversity`, from 0 to 1, puts off passages that say again what stands before them.
        """
        ...

    async def neighbours(
        self, source: str, start: int, end: int, *, before: int = 1, after: int = 1
    ) -> tuple[Passage, ...]:
        """So many passages of a source before and after a span, in the order in which they are read."""
        ...

    async def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        """How rare each word is in all passages of the project: 1 in none of them, near 0 in nearly all."""
        ...

    async def closeness(self, question: str, texts: Sequence[str]) -> tuple[float, ...] | None:
        """How near in meaning each text is to a question, as a cosine from -1 to 1; None where nobody can say so.

        Nobody can where the embedder is not semantic or is down.
        """
        ...

    async def mentions(self, question: str, *, corpora: Sequence[str]) -> Mentions:
        """What a question names: sources, values of metadata, and what looks like one and is not there."""
        ...

    async def select(
        self, where: Sequence[Condition], *, corpora: Sequence[str], fields: Sequence[str] = ()
    ) -> tuple[Source, ...]:
        """Every source that meets all conditions, in the order of their numbers; with `fields`, these alone."""
        ...

    async def cards(self, *, corpora: Sequence[str], sources: Sequence[str] = ()) -> tuple[Card, ...]:
        """Every source of these corpora as a catalogue shows it, in the order of their numbers.

        Where `sources` are named (ids), these alone.
        """
        ...

    async def fields(self, *, corpora: Sequence[str]) -> Summary:
        """What the metadata of these corpora holds under which names, as far as it takes to ask `look_up`."""
        ...

    async def look_up(self, select: Select, *, corpora: Sequence[str]) -> Table:
        """What a select comes to over these corpora; one that cannot be run is a table with its `problem`."""
        ...

    async def source(self, source: str) -> Source | None:
        """The stored document, without its text."""
        ...

    async def read(self, source: str, start: int, end: int) -> str:
        """The source's text from `start` to `end`, in code points; empty where there is none."""
        ...

    async def add(self, note: Note, *, expects: int | None = None) -> Note:
        """Remember a note under its key (idempotent), as it is kept then.

        Of notes about one subject in one scope, those that say different things stand beside each other, linked. With
        `expects`, the subject's version as the writer has read it (0: nothing is known), the note takes their place;
        where somebody has written meanwhile, Conflict is raised and nothing written.
        Raises BadInput where its span is not in memory.
        """
        ...

    async def recall(
        self, about: str, *, scopes: Sequence[str] | None = None, history: bool = False
    ) -> tuple[Note, ...]:
        """The notes about a subject in these scopes (None: all), oldest first; with `history`, superseded ones too.

        Notes about nothing in particular (`about` is empty) are searched, not recalled.
        """
        ...

    async def resolve(self, key: str, *, reason: str, writer: str, expects: int | None = None) -> Note:
        """Let a note stand for its subject: the others are superseded, for this reason. Alone, it does so already.

        Raises BadInput where it is not live, Conflict where the subject is at another version than `expects`.
        """
        ...

    async def forget(self, key: str) -> bool:
        """Delete a note; whether it was there. What it had superseded stays so."""
        ...


@runtime_checkable
class Remarking(Protocol):
    """A memory that can say why it is worse than it could be."""

    async def remarks(self) -> tuple[str, ...]:
        """A line for everything that is: an embedder that is down, what was found damaged. Empty where nothing is."""
        ...


@runtime_checkable
class KeptMemory(Memory, Protocol):
    """A memory that is kept between jobs, and can say what it holds and why it finds what it finds."""

    async def stored(self) -> Stored:
        """What it holds, and how far its indexes have come."""
        ...

    async def explain(self, query: str, *, corpora: Sequence[str], limit: int) -> tuple[Explained, ...]:
        """What a search finds, each with its places in the rankings it comes from."""
        ...

    async def forget_source(self, source: str) -> bool:
        """Forget a source with all that rests on it; whether it was there. The next ingestion reads it again."""
        ...

    def export(self) -> AsyncIterator[Mapping[str, Any]]:
        """Every source with its text, then every note, superseded ones too: plain JSON, each with its `kind`."""
        ...

    async def settle(self) -> None:
        """Wait until every vector is made and indexed. Raises Unavailable where that fails."""
        ...

    async def rebuild(self) -> None:
        """Make every vector and every index anew; waits for all of it."""
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
    """Opens the memory of a project folder by these settings; leaving the context closes it.

    One that takes `fresh` (a bool) as well opens, with it, a memory that it would refuse for vectors of another
    embedder, and forgets these.
    """

    def __call__(self, folder: Path, settings: Settings) -> AbstractAsyncContextManager[Memory]: ...


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
