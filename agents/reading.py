"""How documents are read: which go into one call, how they are shown, and how a model's numbers become notes. Pure.

Several documents are shown in one call, and their sentences are numbered through all of them, so that a number alone
says which document it stands in. Code makes the quotes from the numbers: nothing is copied, no quote can be invented.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from ..orchestrator.evidence import Consulted, Quote, Record, Value
from ..orchestrator.rules.numbering import ARROW, Line, Numbered, Part, cleaned

#: What form of answer a question asks for.
Kind = Literal["fact", "list", "comparison", "history", "how", "survey"]
#: How documents are read and written up: notes and prose by the model; or it selects sentences, and rules arrange them.
Way = Literal["prose", "select"]
#: Tokens of documents in one call.
CALL_TOKENS = 12_000
#: Sentences of a document that are shown whatever is cut: how it begins says what it is.
_HEAD = 30


class ReadTask(Value):
    """Documents to be read for some points of a question. Without points, whoever reads says what they are."""

    question: str
    way: Way = "prose"
    kind: Kind = "fact"
    points: tuple[str, ...] = ()
    #: The ids of the documents, best first.
    documents: tuple[str, ...] = ()
    #: Those that others read meanwhile, or have read.
    others: tuple[str, ...] = ()
    #: Whether those of the rest that the searches before it found are read as well.
    found: bool = False
    #: What people have said since the question was asked.
    notes: tuple[str, ...] = ()
    #: By id, headings of a long document that are to be read rather than what is found in it.
    sections: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class ReadNote(Value):
    """One fact that a document says about a point, and the numbers of the sentences that say it."""

    #: The number of the point that it is for, from 1.
    point: int = 1
    #: The fact, in a sentence that can be understood alone.
    text: str
    sentences: tuple[int, ...] = Field(min_length=1)


class Want(Value):
    """Sections of a document that were cut and are to be read."""

    document: str
    headings: tuple[str, ...] = Field(min_length=1)


class Picked(Value):
    """The numbers of the sentences of one document that answer a question, best first."""

    sentences: tuple[int, ...]


class Reading(Value):
    """What some documents say, as a model notes it down."""

    notes: tuple[ReadNote, ...]
    #: The numbers of the points of which these documents say nothing.
    not_said: tuple[int, ...] = ()


class Read(Reading):
    """What some documents say about the points."""

    #: What else must be read for a point: the ids or titles of documents that these name.
    see_also: tuple[str, ...] = ()
    #: Sections that were cut and are needed.
    want: tuple[Want, ...] = ()


class ReadAll(Reading):
    """What all documents that there are say, and what the answer must say."""

    kind: Kind = "fact"
    #: In the order in which a reader wants them.
    points: tuple[str, ...] = Field(min_length=1, max_length=8)


class Note(Value):
    """A fact that was noted down, with the words that say it."""

    #: What later steps call it: the task that read, and a number. The analysis gives it.
    id: str = ""
    point: int = 0
    text: str
    quotes: tuple[Quote, ...] = ()
    #: Fields of documents that say it.
    records: tuple[Record, ...] = ()


class Notes(Value):
    """What came of reading some documents."""

    kind: Kind = "fact"
    #: The points as whoever read them knew them.
    points: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    not_said: tuple[int, ...] = ()
    see_also: tuple[str, ...] = ()
    want: tuple[Want, ...] = ()
    #: The documents, read in whole or in part.
    documents: tuple[Consulted, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A document as a call shows it: which of its parts, and what is added to its numbers."""

    document: Numbered
    parts: tuple[Part, ...]
    #: What is added to a number of the document to make it one of the call.
    offset: int
    #: What was cut, in words; empty where all of it is shown.
    cut: str

    @property
    def tokens(self) -> int:
        """About how many tokens it has as it is shown."""
        return sum(part.tokens for part in self.parts)

    @property
    def outline(self) -> tuple[str, ...]:
        """The headings of the parts that are not shown."""
        there = {part.path for part in self.parts}
        return tuple(part.heading for part in self.document.parts if part.lines and part.path not in there)

    @property
    def text(self) -> str:
        """It as a prompt shows it: each line behind its number, under the path of its heading."""
        shown: list[str] = []
        for part in self.parts:
            path = part.path[1:] if part.path[:1] == (self.document.source.title,) else part.path
            shown += [f"# {ARROW.join(path)}"] if path else []
            shown += [f"[{n}] {'(field) ' if line.kind == 'field' else ''}{line.text}" for n, line in self.lines(part)]
        if self.cut:
            shown.append(f"[cut: {self.cut}. Sections not shown: {'; '.join(self.outline)}]")
        return "\n".join(shown)

    def lines(self, part: Part) -> Iterator[tuple[int, Line]]:
        """The lines of a part, each with its number in the call."""
        return ((line.number + self.offset, line) for line in part.lines)


def batches(tokens: Sequence[tuple[str, int]], most: int = CALL_TOKENS) -> list[list[str]]:
    """Ids of documents, grouped in their order so that each group has at most so many tokens, or is one document."""
    groups: list[list[str]] = []
    room = 0
    for name, size in tokens:
        if not groups or size > room:
            groups.append([])
            room = most
        groups[-1].append(name)
        room -= size
    return groups


def shown(
    documents: Sequence[Numbered], most: int, wanted: dict[str, tuple[str, ...]], found: dict[str, list[int]]
) -> list[Shown]:
    """The documents as one call shows them, each cut to `most` tokens where it has more.

    Of a long one the beginning is shown, then the `wanted` sections (by heading) or those in which something was
    `found` (offsets, best first), as many as fit.
    """
    result: list[Shown] = []
    offset = 0
    for document in documents:
        name = document.source.id
        parts = document.parts
        if document.tokens > most:
            parts = _chosen(document, most, wanted.get(name, ()), found.get(name, ()))
        result.append(Shown(document, parts, offset, _cut(document, parts)))
        offset += len(document.lines)
    return result


def _chosen(document: Numbered, most: int, headings: Sequence[str], found: Sequence[int]) -> tuple[Part, ...]:
    """The parts that are wanted by their headings; else the beginning of a document and what was found in it, as many
    as fit, in its order."""
    asked = [heading.casefold() for heading in headings]
    wanted = [part for part in document.parts if any(heading in part.heading.casefold() for heading in asked)]
    if wanted:
        return _fitting(document, wanted, most)
    wanted += [part for at in found for part in document.parts if any(x.start <= at < x.end for x in part.lines)]
    kept: dict[int, Part] = {}
    room = most
    for index, part in ((document.parts.index(part), part) for part in (*document.parts[:2], *wanted, *document.parts)):
        cut = Part(part.path, part.lines[:_HEAD]) if part.tokens > room and index < 2 else part
        if index not in kept and cut.lines and cut.tokens <= room:
            kept[index] = cut
            room -= cut.tokens
    return tuple(kept[index] for index in sorted(kept))


def _cut(document: Numbered, parts: Sequence[Part]) -> str:
    """How much of a document is not shown, in words."""
    missing = len(document.lines) - sum(len(part.lines) for part in parts)
    if not missing:
        return ""
    sections = sum(bool(part.lines) for part in document.parts) - len(parts)
    return f"{missing} sentences of {sections} sections" if sections else f"{missing} sentences"


def noted(read: Reading, call: Sequence[Shown]) -> tuple[list[Note], list[ReadNote]]:
    """The notes with their quotes, and those that name no sentence that was shown."""
    kept: list[Note] = []
    loose: list[ReadNote] = []
    for note in read.notes:
        quotes: list[Quote] = []
        records: list[Record] = []
        for one in call:
            there = {line for part in one.parts for line, _ in one.lines(part)}
            own = [n - one.offset for n in note.sentences if n in there]
            quotes += one.document.quotes(own)
            records += one.document.records(own)
        if (quotes or records) and note.text.strip():
            text = note.text.strip()
            kept.append(Note(point=note.point, text=text, quotes=tuple(quotes), records=tuple(records)))
        else:
            loose.append(note)
    return kept, loose


def selected(picked: Picked, one: Shown, most: int) -> list[Note]:
    """A note for each sentence that was picked, in its own words; fields are none."""
    there = {n: line for part in one.parts for n, line in one.lines(part) if line.kind != "field"}
    numbers = [n - one.offset for n in dict.fromkeys(picked.sentences) if n in there][:most]
    quotes = dict.fromkeys(quote for n in numbers for quote in one.document.quotes([n]))
    return [Note(text=cleaned(quote.text), quotes=(quote,)) for quote in quotes]


def consulted(call: Sequence[Shown]) -> tuple[Consulted, ...]:
    """What was read, for the report."""
    return tuple(
        Consulted(source=one.document.source.id, depth="sections" if one.cut else "whole", cut=one.cut) for one in call
    )
