"""A report that rules lay out: what leads, what stands under which part or document, what is the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.reading import Kind, Note
from bullpen.agents.sections import disagreements_of, heading_of, laid_out
from bullpen.orchestrator.evidence import Draft, Quote, Record, Source

QUESTION = "What did the ferry cost, and who paid for it?"
POINTS = ("What did the ferry cost", "who paid for it (ferry)")
SOURCES = {
    name: Source(id=name, title=f"The {name}", uri=name, text_hash="", metadata={"created": day})
    for name, day in (("ferry", "1910-05-01"), ("mill", "1902-03-04"))
}


def said(text: str, point: int = 1, source: str = "ferry", start: int = 0) -> Note:
    return Note(point=point, text=text, quotes=(Quote(source=source, start=start, end=start + 9, text=text),))


def field(text: str, source: str = "ferry", *answer: str) -> Note:
    record = Record(source=source, field="status", value="Final")
    return Note(text=text, records=(record,), rule="lookup", answer=answer)


def shape(draft: Draft) -> list[tuple[str, list[str]]]:
    """What leads, under no name, and the texts under each heading."""
    assert draft.layout is not None
    texts = {claim.id: claim.text for claim in draft.claims}
    sections = [
        (s.heading, [texts[name] for block in s.blocks for name in block.claims]) for s in draft.layout.sections
    ]
    return [("", [texts[name] for name in draft.layout.lead]), *sections]


def placed(draft: Draft) -> list[str]:
    """The ids of all claims where they stand."""
    assert draft.layout is not None
    blocks = (block for section in draft.layout.sections for block in section.blocks)
    return [*draft.layout.lead, *(name for block in blocks for name in block.claims)]


def test_the_first_sentence_of_each_part_leads_and_the_others_stand_under_their_parts() -> None:
    notes = [said("It cost 300."), said("It was dear."), said("The county paid.", 2), said("The town helped.", 2)]
    draft = laid_out(QUESTION, "fact", POINTS, [*notes, field("status: Final")], SOURCES)

    assert shape(draft) == [
        ("", ["It cost 300.", "The county paid."]),
        ("What did the ferry cost?", ["It was dear."]),
        ("Who paid for it?", ["The town helped."]),
        ("Of the documents", ["status: Final"]),
    ]
    assert [claim.answer for claim in draft.claims if claim.answer] == [("It cost 300.",)]


def test_what_documents_say_of_themselves_stands_apart() -> None:
    draft = laid_out(QUESTION, "fact", POINTS[:1], [said("It cost 300."), said("This paper is withdrawn.", 0)], SOURCES)

    assert shape(draft) == [
        ("", ["It cost 300."]),
        ("What the documents say of themselves", ["This paper is withdrawn."]),
    ]


def test_in_a_history_documents_stand_in_the_order_of_their_dates_and_sentences_in_theirs() -> None:
    notes = [
        said("Later.", start=50),
        said("Ferries begin."),
        said("Mills begin.", source="mill"),
        said("So.", start=20),
    ]
    more = [said("It was sold.", start=90), said("Mills end.", source="mill", start=30)]

    def headings(kind: Kind) -> list[tuple[str, list[str]]]:
        return shape(laid_out("q", kind, ("q",), [*notes, *more], SOURCES))

    ferry, mill = ("“The ferry” (ferry)", ["So.", "Later.", "It was sold."]), ("“The mill” (mill)", ["Mills end."])
    assert headings("history") == [("", ["Ferries begin.", "Mills begin."]), mill, ferry]
    assert headings("survey") == [("", ["Ferries begin.", "Mills begin."]), ferry, mill]


def test_what_metadata_answers_is_all_the_answer_there_is_and_is_told_once() -> None:
    exact = field("status: Final", "ferry", "Final")
    draft = laid_out(QUESTION, "fact", POINTS, [said("It cost 300."), exact, exact, field("row")], SOURCES)

    assert draft.layout is None
    assert [(claim.text, claim.answer, claim.rule) for claim in draft.claims] == [
        ("status: Final", ("Final",), "lookup"),
        ("row", (), "lookup"),
        ("It cost 300.", (), None),
    ]


WORDS = st.text("abc .", min_size=1, max_size=12)
NOTES = st.lists(st.builds(said, WORDS, st.integers(0, 2), st.sampled_from(("ferry", "mill")), st.integers(0, 9)))


@given(NOTES, st.sampled_from(("fact", "history", "list", "comparison", "survey", "how")))
def test_every_claim_stands_in_one_place(notes: list[Note], kind: Kind) -> None:
    draft = laid_out(QUESTION, kind, POINTS, notes, SOURCES)

    assert draft.layout is not None
    assert sorted(placed(draft)) == sorted(claim.id for claim in draft.claims)
    assert bool(draft.layout.lead) is bool(notes)
    assert len(draft.layout.lead) <= 3
    assert sum(bool(claim.answer) for claim in draft.claims) <= 1


def test_figures_that_differ_between_documents_are_a_disagreement_once() -> None:
    one, other = (
        said("The ferry cost 300 crowns in the year."),
        said("The ferry cost 400 crowns in the year.", source="mill"),
    )
    [found] = disagreements_of(QUESTION, [one, other, one.model_copy(update={"point": 2})])

    assert [side.text for side in found.sides] == [one.text, other.text]
    assert found.about == "ferry cost crowns year"
    assert disagreements_of(QUESTION, [one, said("The ferry cost 400 crowns in the year.")]) == ()  # of one document


@pytest.mark.parametrize(
    ("part", "heading"), [("who paid (ferry)", "Who paid?"), ("What is it?", "What is it?"), ("", "")]
)
def test_a_part_is_a_heading_without_what_was_added(part: str, heading: str) -> None:
    assert heading_of(part) == heading
