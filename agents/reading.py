"""How documents are read: which go into one call, how they are shown, and how a model's numbers become notes. Pure.

Several documents are shown in one call, and their sentences are numbered through all of them, so that a number alone
says which document it stands in. Code makes the quotes from the numbers: nothing is copied, no quote can be invented.
"""

from collections.abc import Iterable, Mapping, Sequence
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
    #: The path of headings under which each quote stands.
    under: tuple[str, ...] = ()
    #: Fields of documents that say it.
    records: tuple[Record, ...] = ()
    #: Whether it is what a look-up found.
    is_table: bool = False
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
    documents: Sequence[Numbered],
    most: int,
    wanted: Mapping[str, Sequence[str]],
    found: Mapping[str, Sequence[int]],
) -> list[Shown]:
    """The documents as one call shows them, each cut to about `most` tokens where it has more.

    Of a long one the beginning is shown, with the `wanted` sections (by heading) or else those in which something was
    `found` (offsets, best first), as many as fit.
    """
    result: list[Shown] = []
    offset = 0
    for document in documents:
        parts = document.named(wanted.get(document.source.id, ()))
        if not parts and document.tokens > most:
            places = [part for at in found.get(document.source.id, ()) for part in document.within(at, at + 1)]
            parts = tuple(dict.fromkeys((*places, *range(len(document.parts)))))
        result.append(Shown(document, excerpt(document, parts or None, most, offset=offset), offset))
        offset += max(document.lines, default=0)
    return result


def noted(read: Reading, call: Sequence[Shown]) -> tuple[list[Note], list[ReadNote]]:
    """The notes with their quotes, and those that name no sentence that was shown."""
    kept: list[Note] = []
    loose: list[ReadNote] = []
    for note in read.notes:
        own = [(one.document, one.own(note.sentences)) for one in call]
        placed = [(quote, document.heading_at(quote.start)) for document, n in own for quote in document.quotes(n)]
        records = tuple(record for document, numbers in own for record in document.records(numbers))
        if (placed or records) and note.text.strip():
            quotes, under = tuple(quote for quote, _ in placed), tuple(heading for _, heading in placed)
            kept.append(Note(point=note.point, text=note.text.strip(), quotes=quotes, under=under, records=records))
        else:
            loose.append(note)
    return kept, loose


def consulted(call: Sequence[Shown]) -> tuple[Consulted, ...]:
    """What was read, for the report."""
    return tuple(
        Consulted(
            source=one.document.source.id,
            depth="sections" if one.excerpt.cut else "whole",
            cut=one.excerpt.cut,
        )
        for one in call
    )
