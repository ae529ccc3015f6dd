"""A claim without evidence is not written; what failed is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.envelope import Failure, Result, Status
from bullpen.orchestrator.evidence import (
    Claim,
    Disagreement,
    Draft,
    Evidence,
    Finding,
    Gap,
    Passage,
    Quote,
    Record,
    Source,
)
from bullpen.orchestrator.rules import report

TEXT = "The pilot cost 48,000 crowns. It ran for six months."
PASSAGE = Passage(source="a.md", title="A", start=10, end=10 + len(TEXT), text=TEXT, line=7)
SOURCE = Source(id="a.md", title="A", uri="docs/a.md", text_hash="0", metadata={"year": 2024, "status": "Final"})
QUOTE = Quote(source="a.md", start=10, end=39, text="The pilot cost 48,000 crowns.")
EVIDENCE = Evidence(sources=(SOURCE,), passages=(PASSAGE,))
GOOD = Claim(text="It cost 48,000 crowns.", quotes=(QUOTE,))


def record(field: str, value: object, source: str = "a.md") -> Record:
    return Record(source=source, field=field, value=value)


def test_a_claim_whose_quote_stands_is_kept() -> None:
    assert report.problem_of(GOOD, EVIDENCE) == ""


@pytest.mark.parametrize(
    "quote",
    [
        QUOTE.model_copy(update={"text": "The pilot cost 84,000 crowns."}),
        QUOTE.model_copy(update={"start": 11}),
        QUOTE.model_copy(update={"source": "b.md"}),
        QUOTE.model_copy(update={"end": 10}),
    ],
)
def test_a_quote_that_does_not_stand_where_it_says_drops_its_claim(quote: Quote) -> None:
    draft = report.only_supported(Draft(claims=(GOOD, Claim(text="x", quotes=(quote,)))), EVIDENCE)

    assert draft.claims == (GOOD,)
    assert [gap.reason for gap in draft.gaps] == ["ClaimDropped"]


@given(start=st.integers(0, 70), length=st.integers(0, 60), text=st.text(max_size=60))
def test_a_quote_stands_exactly_when_the_text_there_is_equal(start: int, length: int, text: str) -> None:
    quote = Quote(source="a.md", start=start, end=start + length, text=text)
    inside = start >= 10 and start + length <= PASSAGE.end and length > 0

    assert report.stands_in(quote, [PASSAGE]) == (inside and TEXT[start - 10 : start - 10 + length] == text)


def test_a_claim_without_evidence_is_not_written() -> None:
    assert report.problem_of(Claim(text="Trust me."), Evidence()) == "it has no evidence"


@pytest.mark.parametrize(
    ("claim", "problem"),
    [
        (Claim(text="It is Final.", records=(record("status", "Final"),), rule="lookup"), ""),
        (Claim(text="It is Draft.", records=(record("status", "Draft"),), rule="lookup"), "is not 'Draft'"),
        (Claim(text="It is open.", records=(record("status", "Final"),), rule="lookup"), "does not say"),
        (Claim(text="There are 2.", records=(record("year", 2024), record("status", "Final")), rule="count"), ""),
        (Claim(text="There are 3.", records=(record("year", 2024),), rule="count"), "gives '1'"),
        (Claim(text="The first was in 2024.", records=(record("year", 2024),), rule="min"), ""),
        (Claim(text="The last was in 2023.", records=(record("year", 2024),), rule="max"), "gives '2024'"),
        (Claim(text="It is Final.", records=(record("status", "Final"),)), "no rule"),
        (Claim(text="None.", quotes=(QUOTE,), rule="count"), "no records"),
    ],
)
def test_a_computed_claim_is_computed_again(claim: Claim, problem: str) -> None:
    found = report.problem_of(claim, EVIDENCE)

    assert problem in found
    assert bool(problem) == bool(found)


def test_a_disagreement_goes_with_a_side_that_does_not_hold() -> None:
    bad = Claim(text="x")
    disagreement = Disagreement(about="cost", sides=(GOOD, bad))

    assert not report.only_supported(Draft(disagreements=(disagreement,)), EVIDENCE).disagreements


def result(output: object, status: Status = Status.OK, kind: str = "") -> Result:
    failure = Failure(type=kind, detail="why") if kind else None
    return Result(task="t", worker="w", status=status, output=output, failure=failure)


def test_the_last_draft_counts_and_without_one_the_findings_do() -> None:
    finding = result(Finding(about="q", claims=(GOOD, GOOD)).model_dump())

    assert report.draft_of([finding, result("some text"), result(None)]) == Draft(claims=(GOOD,))
    assert report.draft_of([finding, result(Draft(claims=()).model_dump())]) == Draft()


def test_every_failure_is_a_gap_but_what_was_skipped_because_of_one() -> None:
    results = [result(None, Status.FAILED, "ValueError"), result(None, Status.CANCELLED, "Skipped"), result(1)]

    assert report.gaps_of(results, skipped="Skipped") == (Gap(task="t", reason="ValueError", detail="why"),)


OK, FAILED, EMPTY, BROKE = (
    result(1),
    result(None, Status.FAILED, "E"),
    result(None, Status.EMPTY, "E"),
    result(None, Status.OVER_BUDGET, "E"),
)
GAP = (Gap(task="t", reason="E"),)


@pytest.mark.parametrize(
    ("claims", "gaps", "results", "expected"),
    [
        ((GOOD,), (), (OK,), Status.OK),
        ((GOOD,), GAP, (OK, FAILED), Status.PARTIAL),
        ((), GAP, (FAILED, FAILED), Status.FAILED),
        ((), GAP, (EMPTY,), Status.EMPTY),
        ((), (), (OK,), Status.EMPTY),
        ((GOOD,), GAP, (OK, BROKE), Status.PARTIAL),
        ((), GAP, (OK, BROKE), Status.OVER_BUDGET),
    ],
)
def test_the_status_says_how_it_ended(
    claims: tuple[Claim, ...], gaps: tuple[Gap, ...], results: tuple[Result, ...], expected: Status
) -> None:
    assert report.status_of(Draft(claims=claims), gaps, results, expects_claims=True) == expected


def test_the_text_numbers_sources_in_the_order_they_are_needed_and_names_what_is_missing() -> None:
    other = Claim(text="It ended.", quotes=(QUOTE.model_copy(update={"source": "b.md"}), QUOTE))
    text = report.compose("Why?", Draft(claims=(GOOD, other)), GAP, EVIDENCE, "A notice.")

    assert text == (
        "# Why?\n\n*A notice.*\n\n- It cost 48,000 crowns. [1]\n- It ended. [2][1]\n\n"
        "## What is missing\n\n- t: E\n\n## Sources\n\n1. A: docs/a.md:7\n2. b.md\n"
    )
