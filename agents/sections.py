"""A report of sentences that rules chose, each as it stands: under the parts of the question, or by document. Pure."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from ..memory.context import in_turns
from ..orchestrator.evidence import Block, Claim, Disagreement, Draft, Layout, Section, Source
from ..orchestrator.rules.cleaning import cleaned
from .coverage import contains, key_words
from .likeness import is_conflict, is_repetition
from .lookup import what
from .parts import split_question
from .reading import Kind, Note
from .standing import facts_of, first_day
from .writing import claim_of

#: Sentences of a report of one document after another, of any other, and of a lead.
_WIDE_MOST, _MOST, _LEAD_MOST, _OPENINGS_MOST = 36, 14, 3, 2
#: With those that a model which only selects adds; and of these there is always room for so many.
_WHOLE_MOST, _ADDED_LEAST = 20, 6
#: What stands over what documents say of themselves.
_OF_DOCUMENTS, _OF_THEMSELVES = "Of the documents", "What the documents say of themselves"


def is_wide(kind: Kind) -> bool:
    """Whether a question of this kind is answered by several documents, each of which has something to say."""
    return kind in ("comparison", "history", "list", "survey")


def distinct(notes: Sequence[Note]) -> list[Note]:
    """The notes without those that repeat an earlier one; one that names another figure is none of them."""
    kept: list[Note] = []
    for note in notes:
        if not any(is_repetition(note.text, one.text) and not is_conflict(note.text, one.text) for one in kept):
            kept.append(note)
    return kept


def verbatim(note: Note) -> Note:
    """The note in the words of its quotes, where nobody has checked its own; one of fields alone has no others."""
    said = " … ".join(cleaned(quote.text) for quote in note.quotes) or note.text
    return note.model_copy(update={"text": said})


def disagreements_of(question: str, notes: Sequence[Note]) -> tuple[Disagreement, ...]:
    """Notes of different documents that name different figures for what a part of the question asks."""
    quoted = [claim_of("", note.text, [note]) for note in distinct([note for note in notes if note.quotes])]
    parts = split_question(question)
    return tuple(
        Disagreement(about=_shared(one.text, other.text), sides=(one, other))
        for one, other in combinations(quoted, 2)
        if not _sources(one) & _sources(other) and any(is_conflict(one.text, other.text, part) for part in parts)
    )


def _sources(claim: Claim) -> set[str]:
    return {quote.source for quote in claim.quotes}


def _shared(one: str, other: str) -> str:
    """The telling words that two sentences have in common, as the first one writes them."""
    return " ".join(word for word in key_words(one) if not word[0].isdigit() and contains(other, word))


class _Page:
    """Notes as claims, by the number of their note, while they are laid out."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self.notes = list(notes)
        self.claims = [claim_of(f"s{n}", note.text, [note]) for n, note in enumerate(notes, start=1)]
        self.names = {id(note): claim.id for note, claim in zip(self.notes, self.claims, strict=True)}

    def block(self, notes: Sequence[Note]) -> tuple[Block, ...]:
        """A block of these notes, none of no note: a table where all of them are fields."""
        names = tuple(self.names[id(note)] for note in notes)
        return (Block(kind="list" if any(note.quotes for note in notes) else "table", claims=names),) if names else ()


def laid_out(
    question: str, kind: Kind, points: Sequence[str], notes: Sequence[Note], sources: Mapping[str, Source]
) -> Draft:
    """The best of the notes (those of each point come best first), one of them marked as the answer.

    What a look-up computed is the answer, and no more is laid out than it. Else the first of each point leads; the
    others stand under their points or, where each document has something to say, under their documents.
    """
    fields = _once([note for note in notes if not note.quotes])
    quoted = _distinct([note for note in notes if note.quotes])
    if any(note.answer for note in fields):
        return Draft(claims=tuple(_Page([*fields, *quoted[:_MOST]]).claims))
    said = _best([note for note in quoted if note.point], _WIDE_MOST if is_wide(kind) else _MOST)
    aside = [note for note in quoted if not note.point]
    page = _Page([*said, *aside, *fields])
    lead = (_openings(said) if is_wide(kind) else _lead(said)) or aside[:1]
    rest = [note for note in (*said, *aside) if all(note is not one for one in lead)]
    groups = _by_document(rest, kind, sources) if is_wide(kind) else _by_point(rest, points)
    sections = [Section(heading=heading, blocks=page.block(group)) for heading, group in groups]
    sections += [Section(heading=_OF_DOCUMENTS, blocks=page.block(fields))] if fields else []
    names = tuple(page.names[id(note)] for note in lead)
    claims = [
        claim.model_copy(update={"answer": (claim.text,)}) if claim.id in names[:1] else claim for claim in page.claims
    ]
    return Draft(claims=tuple(claims), layout=Layout(lead=names, sections=tuple(sections)))


def _once(notes: Sequence[Note]) -> list[Note]:
    """The same words once, and one answer: each part of a question may have been looked up alike."""
    kept = list({note.text: note for note in reversed(notes)}.values())[::-1]
    answer = next((note for note in kept if note.answer), None)
    return [note if note is answer else note.model_copy(update={"answer": ()}) for note in kept]


def _distinct(notes: Sequence[Note]) -> list[Note]:
    """The notes without repetitions, in their order; what a model adds gives way to what rules have chosen."""
    kept = {id(note) for note in distinct(sorted(notes, key=lambda note: note.is_added))}
    return [note for note in notes if id(note) in kept]


def _best(notes: Sequence[Note], most: int) -> list[Note]:
    """At most so many notes of rules, and of those that a model has added what there is room for, in their order."""
    ruled = _in_turns([note for note in notes if not note.is_added])[:most]
    added = _in_turns([note for note in notes if note.is_added])[: max(_ADDED_LEAST, _WHOLE_MOST - len(ruled))]
    kept = {id(note) for note in (*ruled, *added)}
    return [note for note in notes if id(note) in kept]


def _in_turns(notes: Sequence[Note]) -> list[Note]:
    """The notes, the first of each point before the second of any."""
    by_point: dict[int, list[Note]] = {}
    for note in notes:
        by_point.setdefault(note.point, []).append(note)
    return in_turns(list(by_point.values()))


def _lead(notes: Sequence[Note]) -> list[Note]:
    """The first of each point, in their order."""
    firsts = {note.point: note for note in reversed(notes) if note.point}
    return [firsts[point] for point in sorted(firsts)][:_LEAD_MOST] or list(notes[:1])


def _openings(notes: Sequence[Note]) -> list[Note]:
    """What the first documents say first."""
    firsts: dict[str, Note] = {}
    for note in notes:
        source, start = note.quotes[0].source, note.quotes[0].start
        if source not in firsts or start < firsts[source].quotes[0].start:
            firsts[source] = note
    return list(firsts.values())[:_OPENINGS_MOST]


def _by_point(notes: Sequence[Note], points: Sequence[str]) -> list[tuple[str, list[Note]]]:
    """The notes under their points; of a question of one point, under no heading."""
    named = points if len(points) > 1 else ("",) * len(points)
    groups: dict[int, list[Note]] = {}
    for note in sorted(notes, key=lambda note: (note.point == 0, note.point)):
        groups.setdefault(note.point, []).append(note)
    return [(heading_of(named[point - 1]) if point else _OF_THEMSELVES, group) for point, group in groups.items()]


def _by_document(notes: Sequence[Note], kind: Kind, sources: Mapping[str, Source]) -> list[tuple[str, list[Note]]]:
    """The notes under the documents they stand in; those of a history in the order of their dates."""
    groups: dict[str, list[Note]] = {}
    for note in notes:
        groups.setdefault(note.quotes[0].source, []).append(note)
    names = sorted(groups, key=lambda name: _first_day(sources.get(name))) if kind == "history" else list(groups)
    for group in groups.values():
        group.sort(key=lambda note: note.quotes[0].start)
    return [(what(sources[name]) if name in sources else name, groups[name]) for name in names]


def _first_day(source: Source | None) -> tuple[int, object]:
    fact = facts_of(source) if source else None
    return first_day(fact) if fact else (9, "")


def heading_of(part: str) -> str:
    """A part of a question as a heading: without the subject that was added in brackets."""
    asked = part.removesuffix("?").partition(" (")[0]
    return f"{asked[:1].upper()}{asked[1:]}?" if asked else ""
