"""What the notes of a reading come to: which points are answered, and what else is to be looked up. Pure."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ..orchestrator.evidence import Consulted, Disagreement, Value
from ..orchestrator.lookup import Select
from .reading import Chosen, Kind, Note, Notes, Want, Way
from .rows import KEPT, kept_note


class LookedUp(Value):
    """A look-up that was made, and what it came to in words."""

    select: Select
    told: str


#: How many documents and searches are named where nothing was found.
_NAMED_MOST = 6
#: The seconds that a call may take which can be done without: waiting for it would be worse than doing without it.
HINT_WITHIN_S = 60.0


class GapsTask(Value):
    """To look over what was read. The last time, nothing else may be asked for."""

    question: str
    way: Way = "prose"
    kind: Kind = "fact"
    #: The points of the plan; readers that had none have made their own.
    points: tuple[str, ...] = ()
    #: What has been searched for.
    searched: tuple[str, ...] = ()
    is_last: bool = False
    #: What look-ups came to, and which they were.
    tables: tuple[Note, ...] = ()
    look_ups: tuple[LookedUp, ...] = Field(default=(), exclude_if=lambda look_ups: not look_ups)
    #: The columns of a list that is read row by row.
    columns: tuple[str, ...] = Field(default=(), exclude_if=lambda columns: not columns)
    #: What is known not to be among the documents, a sentence each.
    absent: tuple[str, ...] = Field(default=(), exclude_if=lambda absent: not absent)
    #: How many documents there are; 0 where nobody has counted. And how many notes the round before had.
    of: int = Field(default=0, exclude_if=lambda of: not of)
    noted: int = Field(default=0, exclude_if=lambda noted: not noted)

    @property
    def tried(self) -> tuple[str, ...]:
        """What was searched for, and the look-ups that no table shows since they found nothing."""
        shown = [table.text for table in self.tables]
        return (*self.searched, *(one.told for one in self.look_ups if not any(one.told in text for text in shown)))

    def nothing_found(self, read: Sequence[str]) -> str:
        """Why there is no answer, for people, where these documents were read."""
        absent = [said if said.endswith((".", "!", "?")) else f"{said}." for said in self.absent]
        if read:
            more = f" and {len(read) - _NAMED_MOST} more" if len(read) > _NAMED_MOST else ""
            return " ".join(
                [*absent, f"None of the documents that were read says it: {', '.join(read[:_NAMED_MOST])}{more}"]
            )
        of = f"Of {self.of} documents none" if self.of else "No document"
        queries = [f"“{query}”" for query in self.searched if query != self.question][:_NAMED_MOST]
        searched = f"; searched for {', '.join(queries)}" if queries else ""
        looked_up = "".join(f"; looked up: {one.told}" for one in self.look_ups[:_NAMED_MOST])
        return " ".join([*absent, f"{of} seems to be about it, so none was read{searched}{looked_up}"])


class PointState(Value):
    """What the notes say of a point."""

    point: int
    state: Literal["answered", "open", "contradicted"]
    why: str = ""


class Gaps(Value):
    """What is open, and what might close it. `@1` in `documents` is all that the first of these look-ups finds."""

    points: tuple[PointState, ...] = ()
    documents: tuple[str, ...] = Field(default=(), max_length=8)
    queries: tuple[str, ...] = Field(default=(), max_length=3)
    lookups: tuple[Select, ...] = Field(default=(), max_length=2)


class Widened(Value):
    """Where else rows of a list may be: other words, and a condition that asks for less."""

    queries: tuple[str, ...] = Field(default=(), max_length=3)
    lookups: tuple[Select, ...] = Field(default=(), max_length=1)


class Overview(Value):
    """All that was read for a question, in the order in which it is written up."""

    kind: Kind = "fact"
    points: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    #: The points that no note is for, and why those are open that have some.
    unsaid: tuple[str, ...] = ()
    documents: tuple[Consulted, ...] = ()
    #: What is to be read or searched for next; nothing where the writing may begin.
    next_documents: tuple[str, ...] = ()
    next_queries: tuple[str, ...] = ()
    want: tuple[Want, ...] = ()
    #: The look-ups that were made so far.
    look_ups: tuple[LookedUp, ...] = Field(default=(), exclude_if=lambda look_ups: not look_ups)
    #: What rules saw: sources that differ, why the evidence may be weak, words that need no quote.
    disagreements: tuple[Disagreement, ...] = Field(default=(), exclude_if=lambda sides: not sides)
    weak: tuple[str, ...] = Field(default=(), exclude_if=lambda weak: not weak)
    explained: tuple[str, ...] = Field(default=(), exclude_if=lambda words: not words)
    #: Where a model only selects: how far it has, reading by reading.
    chosen: tuple[Chosen, ...] = Field(default=(), exclude_if=lambda chosen: not chosen)

    @property
    def tables(self) -> tuple[Note, ...]:
        """What look-ups came to."""
        return tuple(note for note in self.notes if note.is_table and note.id != KEPT)

    @property
    def kept(self) -> tuple[str, ...]:
        """The ids of the documents that are rows of a list."""
        return tuple(dict.fromkeys(note.cell.source for note in self.notes if note.cell))

    @property
    def asks_for_more(self) -> bool:
        """Whether another round is asked for."""
        return bool(self.next_documents or self.next_queries or self.want)


def overview(read: Sequence[Notes], task: GapsTask) -> Overview:
    """The notes of all readings as one: points in their order, equal notes once, notes by point, then tables.

    A document that is read again only adds: what quotes nothing but what was quoted for the point is left out.
    """
    points = list(dict.fromkeys((*task.points, *(point for notes in read for point in notes.points))))
    kept: list[Note] = []
    for notes in read:
        known = [(note.point, _evidence(note)) for note in kept]
        for note in (note.model_copy(update={"point": _point(note, notes, points)}) for note in notes.notes):
            own = _evidence(note)
            if not any(point == note.point and own <= evidence for point, evidence in known) or note.cell:
                kept.append(note)
    unique: dict[object, Note] = {}
    for note in kept:
        unique.setdefault((note.point, note.cell, _evidence(note)), note)
    ordered = sorted(unique.values(), key=lambda note: (note.point == 0, note.point))
    documents: dict[str, Consulted] = {}
    for one in (one for notes in read for one in notes.documents):
        before = documents.get(one.source)
        documents[one.source] = one if before is None or not one.cut else before
    rows = kept_note(ordered, len(documents))
    told = {point for notes in read for point in _told(notes)} | (set(points) if rows else set())
    return Overview(
        kind=read[0].kind if read else task.kind,
        points=tuple(points),
        notes=(*ordered, *([rows] if rows else []), *task.tables),
        # Where look-ups alone were made, nobody has said which points they answer.
        unsaid=tuple(point for point in points if point not in told and (read or not task.tables)),
        documents=tuple(documents.values()),
        want=_wanted(read),
        look_ups=task.look_ups,
        weak=tuple(dict.fromkeys(notes.weak for notes in read if notes.weak)),
        explained=tuple(dict.fromkeys(word for notes in read for word in notes.explained)),
        chosen=tuple(notes.chosen for notes in read if notes.chosen),
    )


def _point(note: Note, notes: Notes, points: Sequence[str]) -> int:
    """The number of a note's point among all points; 0 where whoever read had none of that number."""
    return points.index(notes.points[note.point - 1]) + 1 if 1 <= note.point <= len(notes.points) else 0


def _evidence(note: Note) -> frozenset[object]:
    return frozenset((*note.quotes, *map(str, note.records)))


def _wanted(read: Sequence[Notes]) -> tuple[Want, ...]:
    """The sections that readers ask for and nobody was shown since they could be asked for."""
    had = {(name, heading) for notes in read for name, headings in notes.sections.items() for heading in headings}
    wants = [want for notes in read for want in notes.want]
    left = [tuple(heading for heading in want.headings if (want.document, heading) not in had) for want in wants]
    return tuple(Want(document=w.document, headings=h) for w, h in zip(wants, left, strict=True) if h)


def _told(notes: Notes) -> set[str]:
    """The points that a reading answers: it has notes for them, and does not say that they are only touched on."""
    noted = {note.point for note in notes.notes} - set(notes.not_said)
    return {point for n, point in enumerate(notes.points, start=1) if n in noted}


def see_also(read: Sequence[Notes]) -> tuple[str, ...]:
    """What readers say should be read as well and was not."""
    done = {one.source for notes in read for one in notes.documents}
    return tuple(dict.fromkeys(name for notes in read for name in notes.see_also if name not in done))
