"""What a document is worth now: its metadata, its own words, and what came after it."""

import pytest

from bullpen.agents.standing import facts_of, first_day, quoted, siblings, successors
from bullpen.orchestrator.evidence import Evidence, Source
from bullpen.orchestrator.rules.report import problem_of

from .corpus import RECALLS, REGULATIONS, source_of

FIRST, SEVENTH = source_of(REGULATIONS[0]), source_of(REGULATIONS[6])


def made(**metadata: object) -> Source:
    return Source(id="REG-1", title="Stairs", uri="", text_hash="", metadata=metadata)


def test_the_facts_of_a_document_are_its_status_dates_and_relations_and_they_hold() -> None:
    fact = facts_of(FIRST)

    assert fact is not None
    assert [record.field for record in fact.records] == ["status", "created", "superseded_by", "version"]
    assert fact.text == (
        "status: Superseded · created: 2009-03-12 · superseded by: 7 · version: 1.4 — "
        "“Stair widths in dwellings” (REG 1)"
    )
    assert fact.answer == ()


@pytest.mark.parametrize("document", [*REGULATIONS, *RECALLS], ids=lambda one: one.id)
def test_the_facts_of_every_document_hold(document: object) -> None:
    source = source_of(document)  # type: ignore[arg-type]
    fact = facts_of(source)

    assert fact is not None
    assert problem_of(fact, Evidence(sources=(source,))) == ""


def test_a_document_without_telling_metadata_has_no_facts() -> None:
    assert facts_of(made()) is None
    assert facts_of(made(status="", topic="Fire", version="https://board.invalid/1")) is None


def test_facts_stand_in_the_order_of_their_days_and_those_without_a_day_last() -> None:
    facts = [facts_of(source) for source in (made(status="Draft"), SEVENTH, FIRST)]
    texts = [fact.records[0].source for fact in sorted((one for one in facts if one), key=first_day)]

    assert texts == ["REG-1", "REG-7", "REG-1"]
    assert first_day(facts[0]) > first_day(facts[1])  # type: ignore[arg-type]


def test_a_document_names_its_successors_by_number_and_by_id() -> None:
    assert successors(FIRST) == ("7", "REG 7")
    assert successors(made(replaced_by=["REG-8", 9])) == ("REG-8", "REG REG-8", "9", "REG 9")
    assert successors(SEVENTH) == ()


def test_what_was_replaced_by_the_same_document_is_a_sibling() -> None:
    assert [(one.field, one.op, one.values) for one in siblings(FIRST)] == [("superseded_by", "is", ("7",))]
    assert siblings(SEVENTH) == []


def test_what_a_document_says_of_itself_is_quoted_where_it_stands() -> None:
    text = (
        "# Stairs\n\nStairs are steep.\n\n.. note::\n   This regulation is not superseded, but this page is outdated.\n"
    )
    claim = quoted("REG-1", text)

    assert claim is not None
    (quote,) = claim.quotes
    assert text[quote.start : quote.end] == quote.text == claim.text
    assert quote.text == "This regulation is not superseded, but this page is outdated."


@pytest.mark.parametrize(
    "text", ["", "The old stair was replaced by a ramp.", "This page tells of stairs and ramps of every kind."]
)
def test_what_says_nothing_of_the_document_itself_is_not_quoted(text: str) -> None:
    assert quoted("REG-1", text) is None
