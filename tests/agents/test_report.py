"""How research jobs end: what was noted and not written up, and what sections are called."""

from bullpen.agents.gaps import Overview
from bullpen.agents.reading import Note, Notes
from bullpen.agents.report.checks import with_titles
from bullpen.agents.report.drafting import research_draft
from bullpen.orchestrator.evidence import (
    Block,
    Claim,
    Consulted,
    Draft,
    Evidence,
    Finding,
    Layout,
    Quote,
    Record,
    Section,
    Source,
)

QUOTE = Quote(source="a.md", start=0, end=4, text="Text")
NOTE = Note(text="It is so.", quotes=(QUOTE,))
FIELD = Note(text="It is final.", records=(Record(source="a.md", field="status", value=["Final"]),))
READ = Notes(notes=(NOTE, FIELD), documents=(Consulted(source="a.md"), Consulted(source="b.md")))


def test_what_was_noted_and_not_written_up_is_not_lost() -> None:
    overview = Overview(notes=(NOTE.model_copy(update={"id": "read-1.1"}),), documents=READ.documents)
    draft = research_draft([READ, overview, "something else"])

    assert draft is not None
    assert [(claim.text, claim.rule) for claim in draft.claims] == [("It is so.", None), ("It is final.", "field")]
    assert [document.source for document in draft.documents] == ["a.md", "b.md"]


def test_a_draft_and_findings_go_before_what_was_noted() -> None:
    claim = Claim(text="Written.", quotes=(QUOTE,))

    assert research_draft([READ, Draft(), READ]) == Draft()
    assert research_draft([READ, Finding(about="x", claims=(claim,))]) == Draft(claims=(claim,))
    empty = research_draft([READ, Finding(about="x")])
    assert empty is not None
    assert len(empty.claims) == 2


def test_where_nobody_has_looked_there_is_no_draft() -> None:
    assert research_draft(["a value", None, {"about": "x"}]) is None
    assert research_draft([Notes()]) == Draft()


def test_a_section_of_a_document_is_called_by_its_title() -> None:
    sections = tuple(
        Section(heading=heading, blocks=(Block(kind="list", claims=(name,)),))
        for name, heading in (("s1", "PEP-1"), ("s2", "What else?"), ("s3", "b.md"))
    )
    sources = (
        Source(id="PEP-1", title="Locks", uri="x", text_hash="", metadata={"number": 1}),
        Source(id="b.md", title="Leases", uri="b.md", text_hash=""),
    )
    draft = Draft(layout=Layout(lead=("s0",), sections=sections))
    after = with_titles(draft, Evidence(sources=sources))

    assert after.layout is not None
    assert [section.heading for section in after.layout.sections] == ["PEP 1, Locks", "What else?", "Leases"]
    assert after.layout.lead == ("s0",)
    assert with_titles(Draft(), Evidence()) == Draft()
