"""Plain extraction: the parts of a question, the sentences of a text, and which of them are quoted."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.coverage import key_words
from bullpen.agents.extraction import Line, lines_of, pick_sentences
from bullpen.agents.likeness import is_conflict, is_repetition
from bullpen.agents.parts import items_of, kind_of, resolved, split_question
from bullpen.agents.sentences import sentences


def said(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(text)]


def numbered(*texts: tuple[str, ...]) -> list[Line]:
    """The lines of documents, numbered through all of them."""
    lines = [(f"doc-{n}", said) for n, text in enumerate(texts) for said in text]
    return [Line(number, said, source=source) for number, (source, said) in enumerate(lines, start=1)]


def picked(question: str, *texts: tuple[str, ...], most: int = 3, each: int = 0) -> list[str]:
    lines = numbered(*texts)
    words = {line.number: line.text for line in lines}
    found = pick_sentences(question, lines, most=most, each=each)
    return [" ".join(words[number] for number in group) for group in found]


# Questions


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("What did it cost?", 1),
        ("What did the bus cost, who used it, and why was it extended?", 3),
        ("Who paid? When did it start?", 2),
        ("Which trains and buses run at night?", 1),
        ("Which pilots were extended and which were not?", 1),
        ("", 1),
    ],
)
def test_a_question_is_split_where_it_asks_again(question: str, parts: int) -> None:
    assert len(split_question(question)) == parts


def test_a_part_that_says_little_is_told_what_it_is_about() -> None:
    parts = split_question("What did the night bus pilot cost, who used it, and why was it extended?")

    assert parts[1:] == ["who used it (night bus pilot)", "why was it extended (night bus pilot)"]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How did the tram come to the harbour?", "history"),
        ("What is the history of the ferry?", "history"),
        ("How do the two ferries differ?", "comparison"),
        ("Which bridges were closed in winter?", "list"),
        ("Which stone bridges leaked water?", "list"),
        ("Which process uses the bridge?", "fact"),
        ("What are the phases of the repair?", "survey"),
        ("How is the pilot paid?", "how"),
        ("What did the pilot cost?", "fact"),
        ("Who paid for the pilot?", "fact"),
    ],
)
def test_a_question_says_what_form_its_answer_has(question: str, kind: str) -> None:
    assert kind_of(question) == kind


def test_what_a_question_enumerates_can_be_searched_for_one_by_one() -> None:
    assert items_of("Which of the bridges Old Mill, Harbour and Weir were closed?") == [
        "Which of the bridges Old Mill",
        "Harbour",
        "Weir were closed",
    ]
    assert items_of("What did the pilot cost?") == []


def test_a_part_is_asked_with_its_subject_in_place_of_the_word_that_points_at_it() -> None:
    assert resolved("who used it (night bus pilot)") == "who used night bus pilot"
    assert resolved("who paid (ferry)") == "who paid ferry"
    assert resolved("What did it cost?") == "What did it cost?"


# Sentences

JUNK = [
    " ", "-", "`", ".", "\n", "=", "Name: value\n", "Name:", '"', "* ", "> ", "a", "a-", "a. ", "A.", ".!?)]", "\n ",
    "\n- ", "#", "\n# ", "---\n", "x\n---\n", "1. ", "1", ".. note::\n", ".')", "\t", "e.g. ", '. "', "- an item:\n",
    "_", "x'", "The pilot cost a lot of money. ",
]  # fmt: skip


def test_sentences_stand_as_they_are_and_headings_tables_and_fragments_do_not_count() -> None:
    text = (
        "# A heading of some length.\n\nDr. Ames spoke first, e.g. on costs. "
        "Ridership rose by 3.5 per cent!\n\n"
        "| a table | with a row that is long enough. |\n\n- A point that is made, and made well.\n- Too few.\n- No.\n"
    )

    assert said(text) == [
        "Dr. Ames spoke first, e.g. on costs.",
        "Ridership rose by 3.5 per cent!",
        "A point that is made, and made well.",
        "Too few.",  # an item of a list need be no sentence
    ]


@pytest.mark.parametrize(
    "block",
    [
        "```\nthe_code = runs(here) and says nothing.\n```",
        "Author: Ines Falk\nStatus: In force since long ago.\nVersion: 2.0 of this text.",
        ">>> result = compute(the_whole, of_it)\nThe result is printed below.",
        "Costs of the pilot by year.\n===========================",
        "=====================\nCosts of the whole pilot.\n=====================",
        "x = {a: 1, b: [2, 3]}; y = (x[0] + x[1]) * 4 / 5;",
        "| one | two |\n|-----|-----|\n| 1.0 | 2.0 of it all. |",
    ],
)
def test_what_is_no_running_text_is_left_out(block: str) -> None:
    assert said(f"The pilot ran for one year.\n\n{block}\n\nIt was extended in the spring.") == [
        "The pilot ran for one year.",
        "It was extended in the spring.",
    ]


@pytest.mark.parametrize("mark", [".. note::\n   ", ".. warning:: Mind\n\t", "> "])
def test_an_admonition_is_read(mark: str) -> None:
    assert said(f"{mark}The pilot was stopped in May.") == ["The pilot was stopped in May."]


def test_a_sentence_knows_its_heading() -> None:
    text = "# Costs\n\nThe pilot cost 48,000 crowns.\n\nRiders\n------\n\nNobody counted the riders at night."

    assert [sentence.heading for sentence in sentences(text)] == ["Costs", "Riders"]


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" \n.-*#=>`|:AaB1!?\"'")), max_size=300))
def test_sentences_are_slices_of_any_text_in_order_and_apart(text: str) -> None:
    found = sentences(text)

    assert all(text[one.start : one.end] == one.text for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(one.after is None or one.after < one.start for one in found)


LINES = [
    *JUNK,
    "The pilot cost 5 crowns.",
    "This was paid.",
    "- an item of 6 crowns",
    "It ran for a whole year.",
    "So:",
]


@given(st.lists(st.sampled_from(LINES), max_size=30), st.lists(st.sampled_from(LINES), max_size=30), st.integers(0, 3))
def test_what_is_picked_are_lines_of_one_document_each_group_once(one: list[str], other: list[str], each: int) -> None:
    lines = numbered(tuple(one), tuple(other))
    sources = {line.number: line.source for line in lines}
    groups = pick_sentences("What did the pilot cost?", lines, most=4, each=each)

    assert all(len({sources[number] for number in group}) == 1 for group in groups)
    assert all(list(group) == list(range(group[0], group[-1] + 1)) for group in groups)
    assert len(set(groups)) == len(groups) <= 6  # a rival, and who names both, come beside them


def test_a_document_is_read_as_it_is_shown_without_fields_and_code() -> None:
    shown = (
        "[1] (field) status: Final\n[2] Title: Ferries\n\n## Costs\n[3] It cost 5.\n[4] (code)\n    x = 1\n[5] - coal"
    )
    lines = list(lines_of(shown, "Ferries", "a", {3: 2, 5: 4}))

    assert [(line.number, line.text, line.heading, line.rank) for line in lines] == [
        (3, "It cost 5.", "Costs", 2),
        (5, "- coal", "Costs", 4),
    ]
    assert [line.rank for line in lines_of(shown, ranks={3: 2})] == [2, 2]  # as the last passage that was found


@pytest.mark.parametrize("unit", JUNK, ids=ascii)
def test_no_text_takes_long_to_read(unit: str) -> None:
    text = (unit * 200_000)[:200_000]
    began = time.process_time()
    sentences(text)
    key_words(text)

    assert time.process_time() - began < 4.0  # what is not linear takes minutes


# Which of them


def test_sentences_are_picked_by_their_words_and_not_twice() -> None:
    texts = (
        ("The pilot cost 48,000 crowns in total.", "The mayor likes to walk in the park."),
        ("In total the pilot cost 48,000 crowns.", "Costs of the pilot were shared by two towns."),
    )

    assert picked("What did the pilot cost?", *texts, most=2) == [
        "The pilot cost 48,000 crowns in total.",
        "Costs of the pilot were shared by two towns.",
    ]
    assert picked("Where is tungsten mined?", *texts) == []


def test_a_list_is_quoted_whole_with_the_sentence_that_announces_it() -> None:
    text = (
        "The pilot was paid for by:",
        "- the town of Morven,",
        "- the county,",
        "- its riders.",
        "It ran for one year.",
    )

    assert picked("Who paid for the pilot?", text, most=1) == [" ".join(text[:4])]
    assert picked("Which county was it?", text, most=1) == [" ".join(text[:4])]
    assert picked("Who paid for the pilot?", (text[0], text[4])) == []  # what it announces is not there


def test_a_sentence_that_points_back_brings_the_one_before_it() -> None:
    text = ("A landlord tests the alarm every quarter.", "This keeps the batteries fresh in winter.")

    assert picked("What keeps batteries fresh?", text, most=1) == [" ".join(text)]


def test_each_document_is_heard_before_one_is_heard_again() -> None:
    long = (
        "The pilot cost 5 crowns a ride.",
        "The pilot cost the town its sleep.",
        "What the pilot cost was paid in May.",
    )
    other = ("A report of forty pages says little, but does say somewhere what the ferry cost.",)
    question = "What did the pilot cost?"

    assert picked(question, long, other, most=2, each=1)[1] == other[0]
    assert other[0] not in picked(question, long, other, most=2)


def test_where_each_document_is_heard_it_says_first_what_it_is() -> None:
    text = (
        "This paper describes the pilot.",
        "It counts riders by the hour.",
        "The pilot cost 5 crowns a day.",
        "The pilot cost too much.",
    )
    question = "What did the pilot cost?"

    assert picked(question, text, most=1, each=1) == ["This paper describes the pilot. It counts riders by the hour."]
    assert picked(question, text, most=1) == [text[2]]
    assert picked(question, text[2:], most=1, each=1) == [text[2]]


def test_two_documents_that_name_different_numbers_are_both_quoted() -> None:
    one, other = (f"The night tram pilot cost {n},000 crowns in its first year." for n in (48, 51))
    question = "What did the night tram pilot cost?"

    texts = (one,), (other, "Two towns shared the price of the pilot.")
    assert set(picked(question, *texts, most=2)) == {one, other}

    both = "The mayor said that the night tram pilot cost 51,000 crowns, and not 48,000 crowns."
    assert picked(question, *texts, ("The mayor spoke.", both), most=2)[0] == both


# Repetition and conflict


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("The pilot cost 48,000 crowns in total.", "In total the pilot cost 48,000 crowns.", True),
        ("The pilot cost 48,000 crowns.", "The mayor walks in the park.", False),
        ("The pilot cost 48,000 crowns.", "The pilot cost 51,000 crowns.", False),
        (
            "The night tram pilot cost 48,000 crowns in its first year.",
            "The night tram pilot cost 51,000 crowns in its first year.",
            False,
        ),
        ("Of it.", "Of it.", True),
    ],
)
def test_what_says_the_same_is_a_repetition(one: str, other: str, is_one: bool) -> None:
    assert is_repetition(one, other) is is_repetition(other, one) is is_one


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("The night bus pilot cost 48,000 crowns.", "The night bus pilot cost 51,000 crowns.", True),
        ("The night bus pilot cost 48,000 crowns.", "In total, the night bus pilot cost 48,000 crowns.", False),
        ("The night bus pilot cost 48,000 crowns.", "The night bus pilot cost a lot of crowns.", False),
        ("The night bus pilot cost 48,000 crowns.", "A ferry to the northern islands sails 3 times.", False),
        ("It cost 4 crowns.", "It cost 5 crowns.", False),  # too few words to be sure of
    ],
)
def test_the_same_words_with_other_numbers_are_a_conflict(one: str, other: str, is_one: bool) -> None:
    assert is_conflict(one, other) is is_conflict(other, one) is is_one
