"""A claim without evidence is not written; what failed is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.inquiry import Inquiry
from bullpen.agents.lookup import claims_of
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
from bullpen.orchestrator.metadata import ID, Condition, is_empty
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


# What is computed from metadata is computed again


def proposal(number: int, **fields: object) -> Source:
    return Source(id=f"PEP-{number}", title="A title", uri="u", text_hash="0", metadata={"number": number, **fields})


PEPS = (
    proposal(8, status="Final", created="05-Jul-2001", authors=["Ada <a@b.c>", "Bo Ek"], python="3.8", next=20),
    proposal(20, status="Draft", created="19-Aug-2004", authors="Cy Dee, Eva Ek", python="3.10", next=[8, 21]),
    proposal(21, status="Final; never used", authors=["Bo Ek (editor)"], created="2004-09-01", next=""),
    proposal(30, status="Draft"),
)
BY_ID = {source.id: source for source in PEPS}
REFERRED = {str(source.metadata["number"]): source for source in PEPS}
METADATA = {source.id: source.metadata for source in PEPS}
ANY = (Condition(field="number", op="present"),)


def asked(rule: str, *fields: str, **more: object) -> Inquiry:
    return Inquiry.model_validate({"rule": rule, "where": ANY, "fields": fields, "date": "created", **more})


INQUIRIES = [
    pytest.param(asked("lookup", "status"), PEPS[:1], id="one value"),
    pytest.param(asked("lookup", "authors"), PEPS[:1], id="a list, item by item"),
    pytest.param(asked("lookup", "authors"), PEPS[1:2], id="a text with commas, whole"),
    pytest.param(asked("lookup", "status", "authors", ID), PEPS, id="several fields of several sources"),
    pytest.param(asked("lookup", "status"), PEPS[1::2], id="sources that say the same"),
    pytest.param(asked("lookup", "next", then=("status",)), PEPS[:1], id="a reference followed"),
    pytest.param(asked("lookup", "next", then=("created",), in_years=True), PEPS[:2], id="a day by its year"),
    pytest.param(asked("lookup", "created", in_years=True), PEPS[:1], id="a day"),
    pytest.param(asked("filter"), PEPS, id="all that meet a condition"),
    pytest.param(asked("filter", where=(Condition(field="gone", op="absent"),)), PEPS, id="all without a field"),
    pytest.param(asked("count"), PEPS, id="how many"),
    pytest.param(asked("count", extreme="min"), PEPS, id="how many, and the earliest"),
    pytest.param(asked("count", extreme="min"), PEPS[::-1], id="how many, the first without a day"),
    pytest.param(asked("count", extreme="max"), PEPS, id="how many, and the latest"),
    pytest.param(asked("count", by_year=True, divided=("status",)), PEPS, id="how many each year"),
    pytest.param(asked("min"), PEPS, id="the earliest"),
    pytest.param(asked("max"), PEPS, id="the latest"),
    pytest.param(asked("min", between="status"), PEPS, id="the earlier of two values"),
]


@pytest.mark.parametrize(("inquiry", "sources"), INQUIRIES)
def test_what_a_look_up_makes_is_computed_again_and_holds(inquiry: Inquiry, sources: tuple[Source, ...]) -> None:
    claims = claims_of(inquiry, sources, REFERRED)

    assert claims
    assert [claim.answer for claim in claims if claim.answer]
    assert [problem for claim in claims if (problem := report.recompute(claim, METADATA))] == []


@pytest.mark.parametrize(("inquiry", "sources"), INQUIRIES)
def test_an_answer_that_no_record_gives_is_refused(inquiry: Inquiry, sources: tuple[Source, ...]) -> None:
    for claim in claims_of(inquiry, sources, REFERRED):
        for wrong in ("PEP 9", "Rejected", "99", "not Final", "PEP 8 (Rejected)", "PEP 9 (Final)", "2099-01-01", ""):
            forged = claim.model_copy(update={"answer": (*claim.answer, wrong)})
            assert f"does not give {wrong!r}" in report.recompute(forged, METADATA), (forged.text, wrong)


@pytest.mark.parametrize(("inquiry", "sources"), INQUIRIES)
def test_a_record_changed_in_anything_is_refused(inquiry: Inquiry, sources: tuple[Source, ...]) -> None:
    for claim in claims_of(inquiry, sources, REFERRED):
        first, *rest = claim.records
        for change in ({"value": "forged"}, {"value": None}, {"field": "nowhere"}, {"source": "PEP-9"}):
            forged = claim.model_copy(update={"records": (first.model_copy(update=change), *rest)})
            assert report.recompute(forged, METADATA), change
        assert "no rule" in report.recompute(claim.model_copy(update={"rule": None}), METADATA)
        assert "no records" in report.recompute(claim.model_copy(update={"records": ()}), METADATA)


def computed(rule: str, text: str, *records: Record, answer: tuple[str, ...] = ()) -> str:
    claim = Claim.model_validate({"text": text, "records": records, "rule": rule, "answer": answer})
    return report.recompute(claim, METADATA)


def of(field: str, *numbers: int) -> list[Record]:
    return [record(field, METADATA[f"PEP-{n}"][field], f"PEP-{n}") for n in numbers]


@pytest.mark.parametrize(
    ("text", "answer", "problem"),
    [
        ("PEP 8 (Final), PEP 20 (Draft)", ("PEP 8 (Final)", "PEP 20"), ""),
        ("PEP 8 (Final), PEP 20 (Draft)", ("PEP 8 (Final)", "PEP 20 (Draft)"), ""),
        ("Draft and Final", ("Final", "Draft"), ""),
        ("Draft and Final", ("PEP 8 (Final; Draft)",), ""),
        ("Draft and Final", ("Final Draft",), "does not give 'Final Draft'"),
        ("Draft and Final", ("DraftFinal",), "does not give"),
        ("Draft and Final", ("PEP 8 (Final) too",), "does not give"),
        ("Draft and Final", ("PEP 8 (PEP 20 (Final); Draft)",), ""),
        ("Draft and Final", ("Final, Draft",), "does not give"),
        ("Only Draft", (), "does not say"),
    ],
)
def test_a_look_up_says_each_value(text: str, answer: tuple[str, ...], problem: str) -> None:
    found = computed("lookup", text, *of("status", 8, 20), answer=answer)

    assert problem in found
    assert bool(problem) == bool(found)


@pytest.mark.parametrize(
    ("text", "is_said"),
    [
        ("Ada; Bo Ek", True),
        ("Bo Ek, then Ada", True),
        ("Ada", False),
        ("Bo Ek", False),
        ("Eva", False),
    ],
)
def test_a_list_is_said_whole_or_item_by_item(text: str, is_said: bool) -> None:
    assert (computed("lookup", text, *of("authors", 8)) == "") is is_said


@pytest.mark.parametrize(
    ("field", "text", "is_said"),
    [
        ("created", "In 2001.", True),
        ("created", "On 05-Jul-2001.", True),
        ("created", "In 2002.", False),
        ("created", "In July.", False),
        ("created", "Number 12001.", False),
        ("python", "Python 3.8.", True),
        ("python", "Python 3.81", False),
        ("python", "Python 3.8.1", False),
        ("python", "Python 13.8", False),
        ("number", "The 8th.", True),
        ("number", "It is 3.8 or 80 or 1,8 or 8,000.", False),
    ],
)
def test_a_number_is_said_as_itself_and_a_day_by_its_year_too(field: str, text: str, is_said: bool) -> None:
    assert (computed("lookup", text, *of(field, 8)) == "") is is_said


@given(st.integers(1, 4), st.integers(0, 40))
def test_a_count_is_the_number_of_its_records_and_no_other(number: int, said: int) -> None:
    records = [record(ID, source.id, source.id) for source in PEPS[:number]]

    assert (computed("count", f"There are {said}.", *records, answer=(str(said),)) == "") == (said == number)
    assert computed("count", f"There are {number + 1}.", *records, records[0])


@pytest.mark.parametrize(
    ("rule", "text", "answer", "problem"),
    [
        ("min", "PEP 8 — 05-Jul-2001", ("PEP 8",), ""),
        ("min", "PEP 8 — 2001", ("PEP 8 (2001)",), ""),
        ("min", "PEP 20 — 19-Aug-2004", ("PEP 20",), "gives '05-Jul-2001'"),
        ("min", "05-Jul-2001; 2004-09-01", ("PEP 21",), "does not give 'PEP 21'"),
        ("max", "PEP 21 — 2004-09-01", ("PEP 21",), ""),
        ("max", "2004-09-01; 05-Jul-2001", ("PEP 8",), "does not give 'PEP 8'"),
        ("max", "2004-09-01", ("05-Jul-2001",), "does not give"),
        ("count", "3 — the earliest: PEP 8", ("3", "PEP 8"), ""),
        ("count", "3 — the latest: PEP 21", ("3", "PEP 21"), ""),
        ("count", "3 — the earliest: PEP 20", ("3", "PEP 20"), "does not give 'PEP 20'"),
        ("count", "3", ("4",), "does not give '4'"),
    ],
)
def test_an_extreme_is_the_one_that_its_records_give(
    rule: str, text: str, answer: tuple[str, ...], problem: str
) -> None:
    found = computed(rule, text, *of("created", 8, 20, 21), answer=answer)

    assert problem in found
    assert bool(problem) == bool(found)


def test_the_earlier_of_two_values_is_the_one_of_the_earlier_source() -> None:
    dates, status = of("created", 8, 20), of("status", 8, 20)

    assert computed("min", "Final: 05-Jul-2001; Draft: 2004", *dates, status[0], answer=("Final",)) == ""
    assert computed("min", "Final: 05-Jul-2001; Draft: 2004", *dates, *status, answer=("Draft",))


def test_a_filter_names_every_source() -> None:
    records = of("status", 8, 20)

    assert computed("filter", "PEP 8, PEP 20 — status: any", *records, answer=("PEP 8", "PEP 20")) == ""
    assert computed("filter", "PEP 8, PEP 200 — status: any", *records)
    assert computed("filter", "PEP 80, PEP 20 — status: any", *records)
    assert computed("filter", "PEP 8, PEP 20, PEP 21", *records, answer=("PEP 8", "PEP 20", "PEP 21"))


@pytest.mark.parametrize("value", ["PEP-8", ["PEP-8", "PEP-20"], "PEP-8, PEP-20"])
def test_a_source_that_is_referred_to_may_be_called_as_people_call_it(value: object) -> None:
    first = Source(id="a", title="A", uri="u", text_hash="0", metadata={"next": value})
    claims = claims_of(asked("lookup", "next", then=("status",)), [first], {id: BY_ID[id] for id in METADATA})

    assert [report.recompute(claim, METADATA | {"a": first.metadata}) for claim in claims] == [""]
    forged = [claim.model_copy(update={"text": "next: PEP 21", "answer": ()}) for claim in claims]
    assert all(report.recompute(claim, METADATA | {"a": first.metadata}) for claim in forged)


@pytest.mark.parametrize("value", ["", " ", [], [""], None])
def test_a_record_that_says_nothing_proves_nothing(value: object) -> None:
    claim = Claim(text="The moon is cheese.", records=(record("x", value),), rule="lookup")

    assert report.recompute(claim, {"a.md": {"x": value}})
    assert report.recompute(claim, {})


@pytest.mark.parametrize("id", ["report (1).md", "a; b.md", "c, d.md", "PEP-8 (draft)"])
@pytest.mark.parametrize("status", ["Final", "Final (for now)", "a; b", "a, b", ["x; y", "z (w)"], "(all)", 7, 1.5])
def test_names_and_values_with_marks_of_their_own_hold(id: str, status: object) -> None:
    sources = [
        Source(id=name, title="T", uri="u", text_hash="0", metadata={"status": value})
        for name, value in ((id, status), ("other", "Draft"))
    ]
    claims = claims_of(asked("lookup", "status"), sources, {})

    assert len(claims) == 3
    assert [report.recompute(claim, {s.id: s.metadata for s in sources}) for claim in claims] == [""] * 3


WORDY = st.text(st.sampled_from("ab12 ,;().-|"), max_size=8).map("x{}".format)
SAID = WORDY | st.integers(0, 2100) | st.dates().map(str)
SOURCES = st.lists(
    st.fixed_dictionaries(
        {"status": SAID | st.lists(SAID, min_size=1, max_size=3)}, optional={"created": st.dates().map(str)}
    ),
    min_size=1,
    max_size=4,
)


@given(SOURCES, st.sampled_from(["lookup", "filter", "count", "min", "max"]), st.sampled_from([None, "min", "max"]))
def test_no_honest_claim_is_refused(fields: list[dict[str, object]], rule: str, extreme: str | None) -> None:
    sources = [proposal(number, **values) for number, values in enumerate(fields)]
    kept = {source.id: source.metadata for source in sources}

    for claim in claims_of(asked(rule, "status", "created", extreme=extreme), sources, {}):
        assert report.recompute(claim, kept) == ""
        assert not any(is_empty(found.value) for found in claim.records)


def test_a_disagreement_goes_with_a_side_that_does_not_hold() -> None:
    bad = Claim(text="x")
    disagreement = Disagreement(about="cost", sides=(GOOD, bad))

    assert not report.only_supported(Draft(disagreements=(disagreement,)), EVIDENCE).disagreements


def result(output: object, status: Status = Status.OK, kind: str = "") -> Result:
    failure = Failure(type=kind, detail="why") if kind else None
    return Result(task="t", worker="w", status=status, output=output, failure=failure)


def test_the_last_draft_counts_and_without_one_the_findings_do() -> None:
    finding = Finding(about="q", claims=(GOOD, GOOD))

    assert report.draft_of([finding, "some text", None]) == Draft(claims=(GOOD,))
    assert report.draft_of([Draft(claims=(GOOD,)), finding, Draft()]) == Draft()
    assert report.draft_of(["some text", {"about": "q"}]) is None


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
