"""What metadata answers: each rule's claims over the invented corpora, and that every claim holds over any corpus."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bullpen import Document
from bullpen.agents.inquiry import Inquiry, read_question
from bullpen.agents.lookup import claims_of
from bullpen.memory.catalogue import Catalogue
from bullpen.orchestrator.evidence import Claim, Evidence, Rule, Source
from bullpen.orchestrator.metadata import ID, Condition, elements
from bullpen.orchestrator.rules.report import problem_of

from .corpus import RECALLS, REGULATIONS, mentions_of, source_of


def told(question: str, documents: Sequence[Document]) -> tuple[Claim, ...]:
    """What the metadata of these documents answers."""
    inquiry = read_question(question, mentions_of(question, documents))
    assert inquiry is not None
    catalogue = Catalogue(map(source_of, documents))
    return claims_of(inquiry, catalogue.select(inquiry.where), referred(inquiry, catalogue))


def referred(inquiry: Inquiry, catalogue: Catalogue) -> dict[str, Source]:
    by_id = {source.id: source for source in catalogue.sources}
    names = (
        [str(item) for s in catalogue.sources for item in elements(s.metadata.get(inquiry.fields[0]))]
        if (inquiry.then)
        else []
    )
    return {name: by_id[found] for name in names if (found := catalogue.resolve(name))}


ANSWERS: list[tuple[str, Sequence[Document], tuple[str, ...]]] = [
    ("What is the status of REG 7?", REGULATIONS, ("Active",)),
    ("What are the topic and the version of REG 9?", REGULATIONS, ("Fire", "1.3")),
    ("Who wrote REG 1?", REGULATIONS, ("Ines Falk, Tor Aske",)),
    ("Which regulation superseded REG 1, and what is its status?", REGULATIONS, ("REG 7 (Active)",)),
    (
        "Which regulations does REG 5 require, and in which year was each created?",
        REGULATIONS,
        ("REG 2 (2009)", "REG 1 (2009)"),
    ),
    (
        "Which regulations do REG 8 and REG 10 require, and what is the topic of each?",
        REGULATIONS,
        ("REG 8 (REG 7; Stairs)", "REG 10 (REG 3; Structure)"),
    ),
    ("What is the status of REG 3 and REG 11?", REGULATIONS, ("REG 3 (Active)", "REG 11 (Draft)")),
    ("What is the status of REG 3 and REG 4?", REGULATIONS, ("Active",)),
    ("Which Fire regulations were created in 2012?", REGULATIONS, ("REG 5", "REG 6")),
    ("Which regulations were created between 2012 and 2015?", REGULATIONS, ("REG 5", "REG 6", "REG 7", "REG 8")),
    ("How many Fire regulations are there?", REGULATIONS, ("5",)),
    ("How many Stairs regulations are there, and which is the latest?", REGULATIONS, ("3", "REG 8")),
    ("Which is older, REG 3 or REG 4?", REGULATIONS, ("REG 3",)),
    ("What is the status of the newest Fire regulation?", REGULATIONS, ("REG 12", "Draft")),
    ("How many regulations were created each year?", REGULATIONS, ("12",)),
    ("How many recalls of the tidekettle were not withdrawn?", RECALLS, ("1",)),
    ("How many tidekettle recalls are there?", RECALLS, ("1",)),
    ("Which was recalled first, the varde heater or the kite?", RECALLS, ("varde heater",)),
    ("Which versions fix RCL-2021-0008?", RECALLS, ("3.0", "2.9")),
    ("When was RCL-2020-0011 withdrawn?", RECALLS, ("2020-11-15",)),
]


@pytest.mark.parametrize(("question", "documents", "answer"), ANSWERS, ids=lambda value: str(value)[:60])
def test_the_answer_comes_first_and_once_and_all_claims_hold(
    question: str, documents: Sequence[Document], answer: tuple[str, ...]
) -> None:
    claims = told(question, documents)

    assert claims[0].answer == answer
    assert [claim for claim in claims[1:] if claim.answer] == []
    assert [problem for claim in claims if (problem := problem_of(claim, evidence(documents)))] == []


def evidence(documents: Sequence[Document]) -> Evidence:
    return Evidence(sources=tuple(map(source_of, documents)))


def test_an_address_is_no_part_of_what_is_said() -> None:
    assert [claim.text for claim in told("Who wrote REG 2?", REGULATIONS)] == [
        "authors: Maren Oduya — “Smoke alarms in rented rooms” (REG 2)"
    ]


def test_each_year_says_how_many_and_how_they_divide() -> None:
    texts = [claim.text for claim in told("How many recalls were there each year, by country?", RECALLS)]

    assert texts == [
        "9 — no withdrawn",
        "year: 2019 · number: 2 · country: Norland 2",
        "year: 2020 · number: 2 · country: Norland 2",
        "year: 2021 · number: 3 · country: Norland 2, Sudland 1",
        "year: 2022 · number: 2 · country: Norland 1, Sudland 1",
    ]


def test_a_reference_to_what_is_not_there_says_so() -> None:
    alone = [one for one in REGULATIONS if one.id != "REG-7"]
    claims = told("Which regulation superseded REG 1?", alone)
    followed = claims_of(
        Inquiry(rule="lookup", where=(), fields=("superseded_by",), then=("status",)),
        [source_of(REGULATIONS[0])],
        {},
    )

    assert claims[0].answer == ("7",)
    assert followed[0].answer == ("7",)
    assert "superseded by: 7 (not among the documents)" in followed[0].text


def test_what_each_source_says_is_said_of_it_and_not_of_one_that_says_nothing() -> None:
    claims = told("What is the fixed_in of RCL-2020-0009, RCL-2020-0002 and RCL-2021-0003?", RECALLS)

    assert claims[0].answer == ("RCL-2020-0002 (2.4)", "RCL-2021-0003 (7.2)")


def test_a_document_found_by_its_title_is_named_by_its_id() -> None:
    claims = told("Which regulation is called “Green roofs”?", REGULATIONS)

    assert [claim.answer for claim in claims] == [("REG-10",)]
    assert problem_of(claims[0], evidence(REGULATIONS)) == ""


def test_documents_with_one_more_field_are_named_with_it() -> None:
    claims = told("Which recalls were published in Sudland?", RECALLS)

    assert claims[0].answer[0] == "RCL-2020-0011 (2020-10-01)"
    assert [problem for claim in claims if (problem := problem_of(claim, evidence(RECALLS)))] == []


def test_where_no_source_has_the_field_there_is_no_answer() -> None:
    assert told("Which regulation superseded REG 2?", REGULATIONS) == ()
    assert claims_of(Inquiry(rule="count", where=()), (), {}) == ()


def test_what_has_no_date_is_counted_and_is_not_the_earliest() -> None:
    undated = Document(id="REG-0", title="Ladders", uri="", text="", metadata={"topic": "Stairs"})
    documents = (undated, *REGULATIONS)
    (claim,) = told("How many Stairs regulations are there, and which is the earliest?", documents)

    assert claim.answer == ("4", "REG 1")
    assert problem_of(claim, evidence(documents)) == ""


PIECES = (
    "Which regulations", "How many recalls", "What is the status of", "REG 1", "REG 7", "REG 99", "lumen-lamp", "Fire",
    "and", "or", "not", "withdrawn", "superseded", "does", "require", "each year", "by topic", "in 2012", "since 2010",
    "between 2012 and 2019", "earliest", "latest", "when", "was", "created", "recall", "RCL-2020-0011", "reason", "(",
    ")", '"Green roofs"', "its", "Who wrote", "in which year", "Active", "Draft", "kite", "number", "title", "?", ",",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9), st.sampled_from([REGULATIONS, RECALLS]))
def test_whatever_is_asked_what_is_answered_holds(pieces: list[str], documents: Sequence[Document]) -> None:
    question = " ".join(pieces)
    inquiry = read_question(question, mentions_of(question, documents))
    claims = told(question, documents) if inquiry else ()

    assert [(claim, why) for claim in claims if (why := problem_of(claim, evidence(documents)))] == []
    assert len([claim for claim in claims if claim.answer]) == bool(claims)


# Any corpus, any inquiry

FIELDS = ("status", "topic", "made", "also_made", "size", "follows", "reason")
DAYS = st.dates().filter(lambda day: day.year >= 1000).map(lambda day: day.isoformat())
WORDS = st.sampled_from(["Draft", "Active", "Fire", "a, b", "x (y)", "Ann Lee <ann@x.invalid>", "1", "ü ß", "0"])
VALUES = st.one_of(
    WORDS, DAYS, st.integers(0, 20), st.booleans(), st.none(), st.lists(WORDS, max_size=3), st.text(max_size=6),
    st.sampled_from(["2", "DOC 1", "1, 2", "DOC-1, DOC-2", "99"]), st.floats(-5, 5),
)  # fmt: skip
METADATA = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5)


@st.composite
def corpora(draw: st.DrawFn) -> list[Source]:
    held = draw(st.lists(METADATA, min_size=1, max_size=6))
    numbered = draw(st.booleans())
    return [
        Source(
            id=f"DOC-{n}" if numbered else f"notes/{n}.md",
            title=draw(st.sampled_from([f"Title {n}", "Same title", ""])),
            uri="",
            text_hash="",
            metadata=metadata | ({"number": n} if draw(st.booleans()) else {}),
        )
        for n, metadata in enumerate(held, start=1)
    ]


NAMES = st.sampled_from(FIELDS)
ASKED = st.lists(st.sampled_from((*FIELDS, ID)), max_size=3, unique=True)
CONDITIONS = st.builds(Condition, field=NAMES, op=st.just("present")) | st.builds(
    Condition, field=NAMES, op=st.just("is"), values=st.tuples(WORDS)
)


@st.composite
def inquiries(draw: st.DrawFn) -> Inquiry:
    rule: Rule = draw(st.sampled_from(["lookup", "filter", "count", "min", "max"]))
    ends: list[Rule | None] = [None, "min", "max"]
    is_count = rule == "count"
    return Inquiry(
        rule=rule,
        where=tuple(draw(st.lists(CONDITIONS, max_size=2))),
        fields=tuple(draw(ASKED)),
        then=tuple(draw(st.lists(NAMES, max_size=2, unique=True))) if rule == "lookup" else (),
        date=draw(st.sampled_from(["made", "also_made"])),
        between=draw(st.sampled_from(["", "topic"])) if rule in ("min", "max") else "",
        by_year=is_count and draw(st.booleans()),
        divided=tuple(draw(st.lists(st.sampled_from(["status", "reason"]), max_size=2, unique=True))),
        in_years=draw(st.booleans()),
        extreme=draw(st.sampled_from(ends)) if is_count else None,
    )


@given(corpora(), inquiries())
def test_every_claim_holds_and_one_has_the_answer(sources: list[Source], inquiry: Inquiry) -> None:
    inquiry = inquiry.model_copy(update={"then": inquiry.then if inquiry.fields else ()})
    catalogue = Catalogue(sources)
    chosen = catalogue.select(inquiry.where)
    assume(chosen)
    claims = claims_of(inquiry, chosen, referred(inquiry, catalogue))
    wrong: list[Any] = [
        (claim, why) for claim in claims if (why := problem_of(claim, Evidence(sources=tuple(sources))))
    ]

    assert wrong == []
    assert len([claim for claim in claims if claim.answer]) == bool(claims)
