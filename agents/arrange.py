"""A report without a writer: sentences that were chosen, put in order by rule and quoted as they stand. Pure.

For models that can say which sentences answer a question and cannot write: what they choose is ranked by the words that
it shares with the question, what says the same is folded into one, and the best sentence of each point leads.
"""

from collections.abc import Sequence

from ..orchestrator.evidence import Block, Claim, Draft, Layout, Section
from ..orchestrator.rules.cleaning import cleaned
from .language import terms
from .likeness import is_conflict, is_repetition
from .reading import Note
from .writing import claim_of

#: Sentences of a report, and of its lead.
_MOST, _LEAD_MOST = 20, 3


def point_for(text: str, points: Sequence[str]) -> int:
    """The number of the point that a sentence shares most words with, from 1; 0 where it shares none."""
    held = set(terms(text))
    shares = [len(held & set(terms(point))) / max(1, len(set(terms(point)))) for point in points]
    return shares.index(max(shares)) + 1 if shares and max(shares) > 0 else 0


def distinct(notes: Sequence[Note]) -> list[Note]:
    """The notes without those that repeat an earlier one; one that names another figure is none of them."""
    kept: list[Note] = []
    for note in notes:
        if not any(is_repetition(note.text, one.text) and not is_conflict(note.text, one.text) for one in kept):
            kept.append(note)
    return kept


def _source(note: Note) -> str:
    sources = [*(quote.source for quote in note.quotes), *(record.source for record in note.records)]
    return next(iter(sources), "")


def _verbatim(note: Note) -> str:
    """The words that its quotes have, since nobody has checked its own; a note of fields alone has no others."""
    return " … ".join(cleaned(quote.text) for quote in note.quotes) or note.text


def arranged(question: str, points: Sequence[str], notes: Sequence[Note]) -> Draft:
    """The best of the notes: those that lead, then the others under their points, or under their documents."""
    asked = set(terms(question))
    quoted = [note.model_copy(update={"text": _verbatim(note)}) for note in notes]
    ranked = sorted(quoted, key=lambda note: -len(asked & set(terms(note.text))))
    best = distinct(ranked)[:_MOST]
    claims = {id(note): claim_of(f"s{n}", note.text, [note]) for n, note in enumerate(best, start=1)}
    firsts = {note.point: note for note in reversed(best) if note.point}
    lead = [firsts[point] for point in sorted(firsts)][:_LEAD_MOST] or best[:1]
    rest = [note for note in best if all(note is not one for one in lead)]
    sections: dict[str, list[Claim]] = {}
    for note in sorted(rest, key=lambda note: (note.point == 0, note.point)):
        heading = points[note.point - 1] if note.point and len(points) > 1 else _source(note)
        sections.setdefault(heading, []).append(claims[id(note)])
    laid_out = Layout(
        lead=tuple(claims[id(note)].id for note in lead),
        sections=tuple(
            Section(heading=heading, blocks=(Block(kind="list", claims=tuple(claim.id for claim in group)),))
            for heading, group in sections.items()
        ),
    )
    return Draft(claims=tuple(claims.values()), layout=laid_out)
