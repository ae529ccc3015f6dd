"""What the tasks of a research job come to as a draft, where nobody has written one too. Pure."""

from collections.abc import Sequence

from ...orchestrator.evidence import Claim, Draft, Rule
from ...orchestrator.rules.report import draft_of
from ..gaps import Overview
from ..reading import Note, Notes


def research_draft(values: Sequence[object]) -> Draft | None:
    """The last draft, or every claim of every finding; without any, what was noted down and not written up, so that
    paid work is not lost. None where nobody has looked."""
    found = draft_of(values)
    read = [value for value in values if isinstance(value, Notes | Overview)]
    if not read or any(isinstance(value, Draft) for value in values) or (found is not None and found.claims):
        return found
    claims = {claim.model_dump_json(): claim for value in read for claim in map(_as_claim, value.notes)}
    documents = {document.source: document for value in read for document in value.documents}
    return Draft(claims=tuple(claims.values()), documents=tuple(documents.values()))


def _as_claim(note: Note) -> Claim:
    rule: Rule | None = ("select" if note.is_table else "field") if note.records else None
    return Claim(text=note.text, quotes=note.quotes, records=note.records, rule=rule)
