"""What a writer wrote becomes claims: the order stays, marks become evidence, and what names no note is dropped."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.check import Seen, Verdict, asked, judge
from bullpen.agents.reading import Note
from bullpen.agents.writing import (
    Contradiction,
    Side,
    Written,
    WrittenSection,
    by_point,
    draft_of,
    numbers_in,
    rivals,
    sentences_of,
    without,
)
from bullpen.orchestrator.evidence import Draft, Layout, Quote, Record

NOTES = [
    Note(id=f"read.{n}", point=1 + n % 2, text=f"Fact {n}.", quotes=(Quote(source="a", start=n, end=n + 1, text="x"),))
    for n in range(1, 10)
]


def draft(lead: str, *blocks: str, **more: Any) -> tuple[Draft, list[str]]:
    sections = (WrittenSection(heading="More", blocks=blocks),) if blocks else ()
    return draft_of(Written(lead=lead, sections=sections, **more), NOTES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It cost 3 [1].", [("It cost 3.", (1,))]),
        ("It cost 3. [1] It sank [2][3].", [("It cost 3.", (1,)), ("It sank.", (2, 3))]),
        ("It cost £2.4 million, e.g. for Dr. Holm [1, 2]. Then it sank [3-5]", None),
        ("Both hold [1]; one does not [2].", [("Both hold; one does not.", (1, 2))]),
        ("No number at all.", [("No number at all.", ())]),
        ("It is optional [1] because tools differ [2].", [("It is optional because tools differ.", (1, 2))]),
        ("Both [1] and PEP 8 [2] say so. No [3]", [("Both and PEP 8 say so.", (1, 2)), ("No", (3,))]),
        ("He said “no.” [4] She did not [5].", [("He said “no.”", (4,)), ("She did not.", (5,))]),
        ("[1]", [("", (1,))]),
        ("", []),
    ],
)
def test_sentences_lose_their_marks_and_keep_their_numbers(
    text: str, expected: list[tuple[str, tuple[int, ...]]] | None
) -> None:
    wanted = (
        expected
        if expected is not None
        else [("It cost £2.4 million, e.g. for Dr. Holm.", (1, 2)), ("Then it sank", (3, 4, 5))]
    )
    assert list(sentences_of(text)) == wanted


def test_a_range_that_never_ends_is_cut() -> None:
    assert len(numbers_in("[1-999999999]")) < 50


def test_blocks_are_paragraphs_lists_and_tables_in_their_order() -> None:
    found, dropped = draft(
        "It cost 3 [1].",
        "One [2]. Two [3].\n- first [4]\n- second\n  goes on [5]",
        "| | cost |\n|---|---|\n| ferry | 3 [6] |\n| mill | 4 [7] |",
    )
    assert found.layout is not None
    texts = {claim.id: claim.text for claim in found.claims}
    paragraph, items, table = found.layout.sections[0].blocks

    assert [texts[name] for name in found.layout.lead] == ["It cost 3."]
    assert [texts[name] for name in paragraph.claims] == ["One.", "Two."]
    assert [texts[name] for name in items.claims] == ["first", "second goes on"]
    assert table.columns == ("", "cost")
    assert table.heads == ("ferry", "mill")
    assert [["".join(texts[name] for name in cell) for cell in row] for row in table.rows] == [["3"], ["4"]]
    assert dropped == []


def test_a_line_that_announces_a_list_rests_on_its_items() -> None:
    found, dropped = draft("", "It names:\n- one [1]\n- two [2, 3]\n\nAnd then:")

    assert [(claim.text, claim.notes) for claim in found.claims] == [
        ("It names:", ("read.1", "read.2", "read.3")),
        ("one", ("read.1",)),
        ("two", ("read.2", "read.3")),
    ]
    assert dropped == ["And then:"]


def test_what_names_no_note_is_dropped_and_named_wherever_it_stands() -> None:
    found, dropped = draft("Right [1]. Invented. Beyond [44].", "- loose\n- held [2]", "| a |\n|---|\n| x [99] |")

    assert [claim.text for claim in found.claims] == ["Right.", "held"]
    assert dropped == ["Invented.", "Beyond.", "loose", "x"]


def test_a_field_that_is_cited_is_evidence_of_its_own() -> None:
    record = Record(source="PEP-665", field="status", value="Rejected")
    found, _ = draft_of(Written(lead="It was rejected [1]."), [Note(id="r.1", text="x", records=(record,))])

    assert found.claims[0].records == (record,)
    assert found.claims[0].rule == "field"


words = st.text("abc déж中", min_size=1, max_size=12).map(str.strip).filter(bool)


@given(st.lists(st.tuples(words, st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True)), max_size=8))
def test_what_is_written_comes_out_as_it_was_written(sentences: list[tuple[str, list[int]]]) -> None:
    text = " ".join(f"A{said}{''.join(f' [{n}]' for n in numbers)}." for said, numbers in sentences)
    found, dropped = draft(text)

    assert [claim.text for claim in found.claims] == [f"A{' '.join(said.split())}." for said, _ in sentences]
    assert [claim.notes for claim in found.claims] == [tuple(f"read.{n}" for n in numbers) for _, numbers in sentences]
    assert dropped == []


def placed(layout: Layout) -> list[str]:
    """The ids of all claims in the order of the page."""
    names = list(layout.lead)
    for section in layout.sections:
        for block in section.blocks:
            names += [*block.claims, *(name for row in block.rows for cell in row for name in cell)]
    return names


markdown = st.text(st.sampled_from('ab .|-*#[]123\n:!?…\\"“’'), max_size=120)


@given(markdown, st.lists(markdown, max_size=4))
def test_whatever_is_written_every_claim_has_evidence_and_one_place(lead: str, blocks: list[str]) -> None:
    found, _ = draft(lead, *blocks)

    assert found.layout is not None
    assert sorted(placed(found.layout)) == sorted(claim.id for claim in found.claims)
    assert all(claim.quotes and claim.text and "[1]" not in claim.text for claim in found.claims)
    assert all(section.blocks for section in found.layout.sections)


@given(markdown, st.lists(markdown, max_size=3), st.sets(st.integers(1, 30)))
def test_what_is_taken_out_leaves_nothing_empty_behind(lead: str, blocks: list[str], gone: set[int]) -> None:
    found, _ = draft(lead, *blocks)
    assert found.layout is not None
    names = {f"s{n}" for n in gone}
    left = without(found, tuple(names), {}).layout
    assert left is not None

    assert placed(left) == [name for name in placed(found.layout) if name not in names]
    assert all(section.blocks for section in left.sections)
    for section in left.sections:
        assert all(block.claims or block.rows for block in section.blocks)
        assert all(any(row) for block in section.blocks for row in block.rows)


def test_the_verdicts_are_applied_and_nothing_is_written_anew() -> None:
    found, _ = draft("One [1]. Two [2].", "Three [3]. Four [4]. Five [5]. Six [6].")
    verdicts = [
        Verdict(sentence=1, verdict="repeated"),  # of the lead nothing is
        Verdict(sentence=2, verdict="overstated", text="About two [2]."),
        Verdict(sentence=3, verdict="unsupported"),
        Verdict(sentence=4, verdict="overstated", text=" "),
        Verdict(sentence=5, verdict="supported"),
        Verdict(sentence=5, verdict="unsupported"),  # the first word counts
        Verdict(sentence=77, verdict="unsupported"),
    ]
    judged = judge(found, verdicts)

    assert [claim.text for claim in judged.draft.claims] == ["One.", "About two.", "Five.", "Six."]
    assert (judged.as_they_stood, judged.mended, judged.unjudged) == (2, 1, 1)
    assert judged.dropped == ("Three.", "Four.")


def test_words_that_take_the_place_of_others_are_looked_at_as_these_are() -> None:
    found, _ = draft("One [1]. Two [2]. Three [3].")
    verdicts = [
        Verdict(sentence=1, verdict="overstated", text="One of 1902."),
        Verdict(sentence=2, verdict="overstated", text="About two."),
    ]
    judged = judge(found, verdicts, lambda claim: "1902" in claim.text or claim.text == "Three.")

    assert [claim.text for claim in judged.draft.claims] == ["About two."]
    assert (judged.as_they_stood, judged.mended, judged.dropped, judged.unjudged) == (0, 1, ("One.", "Three."), 1)


def test_what_stands_beside_the_question_stays_where_nothing_else_would() -> None:
    found = draft("One [1].", "Two [2].")[0].model_copy(update={"not_answered": ("How many.",)})
    beside = [Verdict(sentence=1, verdict="beside"), Verdict(sentence=2, verdict="beside")]
    wrong = [Verdict(sentence=1, verdict="beside"), Verdict(sentence=2, verdict="unsupported")]

    assert [claim.text for claim in judge(found, beside).draft.claims] == ["One.", "Two."]
    assert [claim.text for claim in judge(found, wrong).draft.claims] == ["One."]
    assert [claim.text for claim in judge(found, beside[:1]).draft.claims] == ["Two."]
    assert judge(found.model_copy(update={"not_answered": ()}), beside).draft.claims == ()


def test_a_cell_is_shown_with_its_row_and_column_and_is_neither_beside_nor_repeated() -> None:
    found, _ = draft("It cost 3 [1].", "| | cost | year |\n|---|---|---|\n| ferry | 3 [6] | 1902 [7] |")
    shown = asked(found.claims, found.layout, Seen({("a", 6): "Money › Old"}))
    verdicts = [
        Verdict(sentence=2, verdict="repeated"),
        Verdict(sentence=3, verdict="overstated", text="ferry · year: about 1902"),
    ]
    judged = judge(found, verdicts)

    assert [sentence["text"] for sentence in shown.sentences] == [
        "It cost 3.",
        "ferry · cost: 3",
        "ferry · year: 1902",
    ]
    assert [quote["under"] for quote in shown.quotes if quote["under"]] == ["Money › Old"]
    assert [claim.text for claim in judged.draft.claims] == ["It cost 3.", "3", "about 1902"]


def test_a_side_that_is_not_borne_out_takes_its_disagreement_along() -> None:
    sides = [Side(text="It cost 3.", notes=(1,)), Side(text="It cost 4.", notes=(2,))]
    told = Contradiction(about="the cost", sides=tuple(sides), why="One counts the crew [3].")
    found, _ = draft("It cost 3 or 4 [1][2].", disagreements=(told,))
    unsure = Contradiction(about="the cost", sides=tuple(sides), why="Somebody is wrong.")

    assert found.disagreements[0].why is not None
    assert found.disagreements[0].why.text == "One counts the crew."
    assert draft("x [1].", disagreements=(unsure,))[0].disagreements[0].why is None
    assert judge(found, [Verdict(sentence=3, verdict="unsupported")]).draft.disagreements == ()
    assert judge(found, [Verdict(sentence=4, verdict="unsupported")]).draft.disagreements[0].why is None


def test_a_writer_is_told_which_notes_name_different_figures_for_one_thing() -> None:
    said = [
        ("a", 1, "The trial cost 182,400 pounds in its first year."),
        ("b", 1, "The trial cost 201,100 pounds in its first year."),
        ("b", 1, "The trial carried 18,200 passengers by night."),
        ("a", 1, "The trial cost 201,100 pounds in its first year."),
        ("c", 2, "The trial cost 190,000 pounds in its first year."),
    ]
    notes = [
        Note(point=point, text=text, quotes=(Quote(source=source, start=0, end=1, text="x"),))
        for source, point, text in said
    ]

    assert rivals(notes, ["What did the trial cost?", "What else?"]) == [(1, 2)]
    assert rivals(notes * 9, ["What did the trial cost?", "What else?"])[12:] == []


def test_notes_that_nobody_wrote_up_stand_under_their_points() -> None:
    found = by_point(["First?", "Second?"], NOTES[:5])
    texts = {claim.id: claim.text for claim in found.claims}
    assert found.layout is not None

    assert len(found.layout.lead) == 2
    assert {section.heading for section in found.layout.sections} == {"First?", "Second?"}
    assert sorted(placed(found.layout)) == sorted(texts)
