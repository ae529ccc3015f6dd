"""Checks that every research report goes through. Pure."""

from ...orchestrator.evidence import Draft, Evidence
from ...orchestrator.rules.citing import title_of


def with_titles(draft: Draft, evidence: Evidence) -> Draft:
    """A section that is called by the id of a document is called by its title."""
    if draft.layout is None:
        return draft
    sources = {source.id: source for source in evidence.sources}
    sections = tuple(
        section.model_copy(update={"heading": title_of(section.heading, sources)}) for section in draft.layout.sections
    )
    return draft.model_copy(update={"layout": draft.layout.model_copy(update={"sections": sections})})
