"""How documents are read: which go into one call, how they are shown, and how a model's numbers become notes. Pure.

Several documents are shown in one call, and their sentences are numbered through all of them, so that a number alone
says which document it stands in. Code makes the quotes from the numbers: nothing is copied, no quote can be invented.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from pydantic import Field

from ..orchestrator.evidence import Claim, Consulted, Passage, Quote, Record, Rule, Value
from ..orchestrator.rules.excerpts import Excerpt, excerpt
from ..orchestrator.rules.numbering import Numbered

#: What form of answer a question asks for.
Kind = Literal["fact", "list", "comparison", "history", "how", "survey"]
#: How documents are read and written up: notes and prose by the model; or it selects sentences, and rules arrange them;
#: or rules do both.
Way = Literal["prose", "select", "extract"]
#: Tokens of documents in one call.
CALL_TOKENS = 12_000
#: Tokens of one document, of those of a call, and how many these are, where each is a row of a table: all are read at
#: the same depth, and a call with many of them loses some.
ROW_DOCUMENT_TOKENS, ROW_CALL_TOKENS, ROWS_A_CALL = 2_000, 4_000, 10


class ReadTask(Value):
    """Documents to be read for some points of a question. Without points, whoever reads says what they are."""

    question: str
    way: Way = "prose"
    kind: Kind = "fact"
    points: tuple[str, ...] = ()
    #: The columns of a table with a row for each document; where there are none, facts are noted down.
    columns: tuple[str, ...] = Field(default=(), exclude_if=lambda columns: not columns)
    #: The ids of the documents, best first.
    documents: tuple[str, ...] = ()
    #: Those that others read meanwhile, or have read.
    others: tuple[str, ...] = ()
    #: Whether those of the rest that the searches before it found are read as well.
    found: bool = False
    #: Those of which an outline is read.
    outlines: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)
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
    """The numbers of the sentences of a passage that answer a question, best first."""

    #: A server that holds a model to the schema ends a list that does not end; elsewhere code cuts it.
    sentences: tuple[int, ...] = Field(json_schema_extra={"maxItems": 5})


class Chosen(Value):
    """How far a model that only selects has answered: the passages it was shown, and those that it named sentences of
    (or none); `reason` is why it last gave no answer."""

    model: str = ""
    asked: int = 0
    answered: int = 0
    reason: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether it was asked and never answered."""
        return bool(self.asked) and not self.answered


def together(readings: Sequence[Chosen]) -> Chosen | None:
    """How far a model has answered in several readings; None where it was asked in none."""
    models = " and ".join(dict.fromkeys(one.model for one in readings if one.model))
    reason = next((one.reason for one in readings if one.reason), "")
    asked, answered = sum(one.asked for one in readings), sum(one.answered for one in readings)
    return Chosen(model=models, asked=asked, answered=answered, reason=reason) if asked else None


class Read(Value):
    """What some documents say about the points, as a model notes it down."""

    notes: tuple[ReadNote, ...]
    #: The numbers of the points of which these documents say nothing.
    not_said: tuple[int, ...] = ()
    #: What else must be read for a point: the ids or titles of documents that these name.
    see_also: tuple[str, ...] = ()
    #: Sections that were cut and are needed.
    want: tuple[Want, ...] = ()


class ReadAll(Value):
    """What the answer must say, decided first, and what all documents that there are say of it."""

    kind: Kind = "fact"
    #: In the order in which a reader wants them.
    points: tuple[str, ...] = Field(min_length=1, max_length=8)
    notes: tuple[ReadNote, ...]
    #: The numbers of the points of which the documents say nothing.
    not_said: tuple[int, ...] = ()


class Cell(Value):
    """Where a note stands in the table of a list."""

    source: str
    #: How people call the document.
    row: str
    column: str
    text: str


class Note(Value):
    """A fact that was noted down, with the words that say it."""

    #: What later steps call it: the task that read, and a number. The analysis gives it.
    id: str = ""
    point: int = 0
    text: str
    quotes: tuple[Quote, ...] = ()
    #: The path of headings under which each quote stands.
    under: tuple[str, ...] = ()
    #: Fields of documents that say it.
    records: tuple[Record, ...] = ()
    #: Whether it is what a look-up found, or what code has counted.
    is_table: bool = False
    #: Where it is a cell of a row that was kept.
    cell: Cell | None = Field(default=None, exclude_if=lambda cell: cell is None)
    #: How it was computed from those fields, by a question that rules read, and what it answers, value by value.
    rule: Rule | None = Field(default=None, exclude_if=lambda rule: rule is None)
    answer: tuple[str, ...] = Field(default=(), exclude_if=lambda answer: not answer)
    #: Whether a model that only selects named it, and rules did not.
    is_added: bool = Field(default=False, exclude_if=lambda is_added: not is_added)


def note_of(claim: Claim, point: int = 0) -> Note:
    """A claim that somebody else has found, as a note."""
    return Note(
        point=point,
        text=claim.text,
        quotes=claim.quotes,
        records=claim.records,
        rule=claim.rule,
        answer=claim.answer,
    )


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
    #: By id, the headings of sections that were read as they had been asked for.
    sections: dict[str, tuple[str, ...]] = Field(default_factory=dict, exclude_if=lambda sections: not sections)
    #: Why what was found may not answer the question, and its words that were understood without a quote.
    weak: str = Field(default="", exclude_if=lambda weak: not weak)
    explained: tuple[str, ...] = Field(default=(), exclude_if=lambda words: not words)
    #: Where a model only selects: how far it has.
    chosen: Chosen | None = Field(default=None, exclude_if=lambda chosen: chosen is None)


class Shown(NamedTuple):
    """A document as a call shows it, and what is added to its numbers there."""

    document: Numbered
    excerpt: Excerpt
    offset: int

    @property
    def as_asked(self) -> dict[str, str]:
        """It as a prompt is given it."""
        source = self.document.source
        return {"id": source.id, "title": source.title, "text": self.excerpt.text}

    def own(self, numbers: Iterable[int]) -> list[int]:
        """Those of a call's numbers that are lines of this document and were shown, as its own."""
        return [n - self.offset for n in numbers if n - self.offset in self.excerpt.numbers]

    def within(self, passage: Passage) -> list[int]:
        """The call's numbers of the lines of which something stands in a passage."""
        lines = self.document.lines.items()
        return [n + self.offset for n, line in lines if line.start < passage.end and passage.start < line.end]


def batches(tokens: Sequence[tuple[str, int]], most: int = CALL_TOKENS, count: int | None = None) -> list[list[str]]:
    """Ids of documents, grouped in their order so that each group has at most so many tokens, or is one document.

    With `count` no group has more documents than that.
    """
    groups: list[list[str]] = []
    room = 0
    for name, size in tokens:
        if not groups or size > room or len(groups[-1]) == count:
            groups.append([])
            room = most
        groups[-1].append(name)
        room -= size
    return groups


def share(sizes: Sequence[int], room: int) -> int:
    """How much each of these may have at most, so that all of them together have no more than there is room for."""
    left = sorted(sizes)
    while left and left[0] * len(left) <= room:
        room -= left.pop(0)
    return room // len(left) if left else max(sizes, default=0)


def shown(
    documents: Sequence[Numbered],
    most: int,
    wanted: Mapping[str, Sequence[str]],
    found: Mapping[str, Sequence[int]],
    fewer: Mapping[str, int] = MappingProxyType({}),
) -> list[Shown]:
    """The documents as one call shows them, each cut to about `most` tokens where it has more, or to `fewer`, by id.

    Of a long one the beginning is shown, with the `wanted` sections (by heading) or else those in which something was
    `found` (offsets, best first), as many as fit.
    """
    result: list[Shown] = []
    offset = 0
    for document in documents:
        room = fewer.get(document.source.id, most)
        parts = document.named(wanted.get(document.source.id, ()))
        if not parts and document.tokens > room:
            places = [part for at in found.get(document.source.id, ()) for part in document.within(at, at + 1)]
            every = dict.fromkeys((*places, *range(len(document.parts))))
            parts = tuple(part for part in every if not document.lists_links(part))  # the first to be done without
        result.append(Shown(document, excerpt(document, parts or None, room, offset=offset), offset))
        offset += max(document.lines, default=0)
    return result


def noted(notes: Sequence[ReadNote], call: Sequence[Shown]) -> tuple[list[Note], list[ReadNote]]:
    """The notes with their quotes, and those that name no sentence that was shown."""
    kept: list[Note] = []
    loose: list[ReadNote] = []
    for note in notes:
        said = said_by(note.text, note.sentences, call)
        if said is None:
            loose.append(note)
        else:
            kept.append(said.model_copy(update={"point": note.point}))
    return kept, loose


def said_by(text: str, numbers: Iterable[int], call: Sequence[Shown]) -> Note | None:
    """What these numbers say, with quotes and fields; None where none of them is a line that was shown."""
    own = [(one.document, one.own(numbers)) for one in call]
    placed = [(quote, document.heading_at(quote.start)) for document, n in own for quote in document.quotes(n)]
    records = tuple(record for document, lines in own for record in document.records(lines))
    if not text.strip() or not (placed or records):
        return None
    quotes, under = tuple(quote for quote, _ in placed), tuple(heading for _, heading in placed)
    return Note(text=text.strip(), quotes=quotes, under=under, records=records)


def consulted(call: Sequence[Shown], set_aside: Mapping[str, str] | None = None) -> tuple[Consulted, ...]:
    """What was read, for the report; by id, why some of it was set aside."""
    return tuple(
        Consulted(
            source=one.document.source.id,
            depth="sections" if one.excerpt.cut else "whole",
            cut=one.excerpt.cut,
            why_not=(set_aside or {}).get(one.document.source.id, ""),
        )
        for one in call
    )
