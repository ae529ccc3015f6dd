"""Reads what people have: files and folders in, documents out, in a stable order (`ports.CorpusReader`).

Reads `.md`, `.rst`, `.txt`, `.html`, `.htm`, `.pdf`, `.docx` (a document each) and `.jsonl`, `.jsonl.gz` (a document a
line). What cannot be read comes out as Unreadable, in its place. Blocking work runs in a thread, parsers in child
processes, a few files ahead; a few documents are in memory at once, never the corpus.
"""

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from anyio import from_thread, to_thread

from ..orchestrator.evidence import File, Unreadable
from .child import Limits
from .children import Children
from .finding import Found, find
from .formats import PARSED, ending_of
from .reading import Item, read, stamp_of

#: Documents, characters of them, and seconds of reading them, per visit to the thread.
BATCH, BATCH_CHARACTERS, BATCH_S = 32, 4_000_000, 0.2
#: What parsing one document may cost.
LIMITS = Limits()
#: Files that are begun before they are wanted, for each child. What they hold waits in memory.
_AHEAD = 3


async def read_corpus(paths: Sequence[Path], known: Mapping[str, File] | None = None) -> AsyncIterator[Item]:
    """The documents of these files and folders (recursive, sorted), and what could not be read.

    A document's id is its path within the given folder, a given file's name, or a JSON line's own id. Hidden folders
    are passed over, as are files that are no documents. After its documents comes each file that may be known by its
    stamp; one that is `known`, by address, and has the same stamp comes in their place.

    Raises: BadInput when a path does not exist, or when nothing there has an ending that is read.
    """
    files = await to_thread.run_sync(find, paths)
    with closing(_read_all(files, known or {})) as items:
        while batch := await to_thread.run_sync(_take, items):
            for item in batch:
                yield item


def _take(items: Iterator[Item]) -> list[Item]:
    """The next few; what is large or takes long comes by itself, so that it waits for nothing and is not piled up."""
    taken: list[Item] = []
    end, characters = time.monotonic() + BATCH_S, 0
    for item in items:
        taken.append(item)
        characters += len(getattr(item, "text", ""))
        if len(taken) == BATCH or characters > BATCH_CHARACTERS or time.monotonic() > end:
            break
    return taken


def _read_all(files: Sequence[Found], known: Mapping[str, File]) -> Generator[Item, None, None]:
    # A job that is cancelled ends the children, and does not wait for them.
    with Children(LIMITS, check=from_thread.check_cancelled) as children:
        reading = _Reading(known, children)
        begun: deque[Callable[[], Iterable[Item]]] = deque()
        for file in files:
            begun.append(reading.begin(file))
            if len(begun) > _AHEAD * children.count:
                yield from begun.popleft()()
        while begun:
            yield from begun.popleft()()


class _Reading:
    """One reading of a corpus, in which an id is given once."""

    def __init__(self, known: Mapping[str, File], children: Children) -> None:
        self._known, self._children = known, children
        #: By id, the address that it was given to.
        self._given: dict[str, str] = {}

    def begin(self, file: Found) -> Callable[[], Iterable[Item]]:
        """Begin with what takes long; what is returned gives the items, in the file's turn."""
        before = None if file.reason else self._known.get(file.uri)
        if before and before.stamp == stamp_of(file.path):
            return partial(self._as_before, file, before)
        return self._begin_reading(file)

    def _begin_reading(self, file: Found) -> Callable[[], Iterable[Item]]:
        if ending_of(file.path.name) in PARSED and not file.reason:
            parsed = self._children.begin(lambda child: list(read(file, child)))
            return lambda: self._once(parsed())
        return lambda: self._once(read(file))

    def _as_before(self, file: Found, before: File) -> Iterator[Item]:
        """The file unread, unless an id of its documents has been given away since."""
        if self._given.keys().isdisjoint(before.documents):
            self._given |= dict.fromkeys(before.documents, before.uri)
            yield before
        else:
            yield from self._begin_reading(file)()

    def _once(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, without documents whose id was given before, and without a file that has lost one so."""
        is_whole = True
        for item in items:
            if isinstance(item, Unreadable):
                yield item
            elif isinstance(item, File):
                if is_whole:
                    yield item
            elif item.id in self._given:
                is_whole = False
                yield Unreadable(uri=item.uri, reason=f"id {item.id!r} was read already, from {self._given[item.id]}")
            else:
                self._given[item.id] = item.uri
                yield item
