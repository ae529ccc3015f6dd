"""What the notes of a reading come to: which points are answered, and what else is to be looked up. Pure."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ..orchestrator.evidence import Consulted, Disagreement, Value
from .reading import Chosen, Kind, Note, Notes, Want, Way


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
    #: What look-ups came to.
    tables: tuple[Note, ...] = ()


class PointState(Value):
    """What the notes say of a point."""

    point: int
    state: Literal["answered", "open", "contradicted"]
    why: str = ""


class Gaps(Value):
    """What is open, and what might close it."""

    points: tuple[PointState, ...] = ()
    documents: tuple[str, ...] = Field(default=(), max_length=8)
    queries: tuple[str, ...] = Field(default=(), max_length=3)


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
    #: What rules saw: sources that differ, why the evidence may be weak, words that need no quote.
    disagreements: tuple[Disagreement, ...] = Field(default=(), exclude_if=lambda sides: not sides)
    weak: tuple[str, ...] = Field(default=(), exclude_if=lambda weak: not weak)
    explained: tuple[str, ...] = Field(default=(), exclude_if=lambda words: not words)
    #: Where a model only selects: how far it has, reading by reading.
    chosen: tuple[Chosen, ...] = Field(default=(), exclude_if=lambda chosen: not chosen)

    @property
    def asks_for_more(self) -> bool:
        """Whether another round is asked for."""
        return bool(self.next_documents or self.next_queries or self.want)


def overview(
    read: Sequence[Notes], planned: Sequence[str], tables: Sequence[Note] = (), kind: Kind = "fact"
) -> Overview:
    """The notes of all readings as one: points in their order, equal notes once, notes by point, then tables."""
    points = list(dict.fromkeys((*planned, *(point for notes in read for point in notes.points))))
    kept: dict[tuple[int, frozenset[object]], Note] = {}
    for notes in read:
        for note in notes.notes:
            known = 1 <= note.point <= len(notes.points)
            point = points.index(notes.points[note.point - 1]) + 1 if known else 0
            kept.setdefault(
                (point, frozenset((*note.quotes, *map(str, note.records)))), note.model_copy(update={"point": point})
            )
    ordered = sorted(kept.values(), key=lambda note: (note.point == 0, note.point))
    told = {point for notes in read for point in _told(notes)}
    documents: dict[str, Consulted] = {}
    for one in (one for notes in read for one in notes.documents):
        before = documents.get(one.source)
        documents[one.source] = one if before is None or not one.cut else before
    return Overview(
        kind=read[0].kind if read else kind,
        points=tuple(points),
        notes=(*ordered, *tables),
        # Where look-ups alone were made, nobody has said which points they answer.
        unsaid=tuple(point for point in points if point not in told and (read or not tables)),
        documents=tuple(documents.values()),
        want=tuple(want for notes in read for want in notes.want),
        weak=tuple(dict.fromkeys(notes.weak for notes in read if notes.weak)),
        explained=tuple(dict.fromkeys(word for notes in read for word in notes.explained)),
        chosen=tuple(notes.chosen for notes in read if notes.chosen),
    )


def _told(notes: Notes) -> set[str]:
    """The points that a reading answers: it has notes for them, and does not say that they are only touched on."""
    noted = {note.point for note in notes.notes} - set(notes.not_said)
    return {point for n, point in enumerate(notes.points, start=1) if n in noted}


def see_also(read: Sequence[Notes]) -> tuple[str, ...]:
    """What readers say should be read as well and was not."""
    done = {one.source for notes in read for one in notes.documents}
    return tuple(dict.fromkeys(name for notes in read for name in notes.see_also if name not in done))
