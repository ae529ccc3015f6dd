"""Where claims stand in a report: each that the layout names is printed once, and what is dropped leaves no trace."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.report.composition import compose_research
from bullpen.agents.report.default_layout import laid_out
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.evidence import (
    Block,
    Claim,
    Draft,
    Evidence,
    Gap,
    Layout,
    Passage,
    Quote,
    Record,
    Report,
    Section,
    Source,
)
from bullpen.orchestrator.rules import report as rules
from bullpen.orchestrator.rules.citing import Marks
from bullpen.orchestrator.rules.compose import RULER
from bullpen.orchestrator.rules.layout import ids_of, pruned

NAMES = "abcdefgh"
LISTED = "\n## Evidence\n\n"
_MARK = re.compile(r"(?<!\\)\[(T?\d+)\]")

ids = st.lists(st.sampled_from([*NAMES, "unknown"]), max_size=4).map(tuple)
tables = st.integers(1, 3).flatmap(
    lambda width: st.builds(
        Block,
        kind=st.just("table"),
        columns=st.lists(st.just("column"), max_size=4).map(tuple),
        rows=st.lists(st.tuples(*[ids] * width), min_size=1, max_size=3).map(tuple),
        heads=st.lists(st.just("head"), max_size=4).map(tuple),
    )
)
blocks = tables | st.builds(Block, kind=st.sampled_from(["paragraph", "list", "table"]), claims=ids)
layouts = st.builds(
    Layout,
    lead=ids,
    sections=st.lists(
        st.builds(Section, heading=st.sampled_from(["", "Heading"]), blocks=st.lists(blocks, max_size=3).map(tuple)),
        max_size=3,
    ).map(tuple),
)


def quote(n: int, source: str = "s") -> Quote:
    return Quote(source=source, start=n, end=n + 1, text="q")


def claim(name: str) -> Claim:
    n = NAMES.index(name)
    return Claim(id=name, text=f"Claim-{name}.", quotes=(quote(n // 2), quote(n)))


recorded = st.builds(
    lambda name, rule, fields: Claim(
        text=f"Claim-{name}.",
        records=tuple(Record(source=source, field=field, value=1) for source, field in fields),
        rule=rule,
    ),
    name=st.sampled_from(NAMES),
    rule=st.sampled_from(["lookup", "filter", "count", "min", "field"]),
    fields=st.sets(st.tuples(st.sampled_from("xyz"), st.sampled_from(["id", "f", "g"])), min_size=1),
)
quoted = st.builds(lambda name: claim(name).model_copy(update={"id": ""}), st.sampled_from(NAMES))
CLAIMS = st.lists(quoted | recorded, max_size=6)


def text_of(claims: tuple[Claim, ...], layout: Layout | None) -> str:
    made = Report(job="j", status=Status.OK, text="", claims=claims, layout=layout)
    return compose_research("Why?", made, Evidence(sources=(Source(id="s", title="S", uri="s", text_hash="0"),)))


def printed_and_listed(text: str) -> tuple[set[str], list[str]]:
    """The numbers behind sentences, and those that evidence has a line for."""
    body, _, evidence = text.partition(RULER)[0].partition(LISTED)
    lines = [_MARK.match(line[2:]) for line in evidence.splitlines()]
    return set(_MARK.findall(body)), [found[1] for found in lines if found]


@given(layouts, st.sets(st.sampled_from(NAMES)))
def test_each_claim_of_a_layout_is_printed_once_and_a_dropped_one_nowhere(layout: Layout, kept: set[str]) -> None:
    text = text_of(tuple(map(claim, sorted(kept))), layout).partition(LISTED)[0]

    said = re.findall(r"Claim-(\w)\.", text)
    assert said == [name for name in dict.fromkeys(ids_of(layout)) if name in kept]


@given(layouts, st.sets(st.sampled_from(NAMES)))
def test_what_is_empty_vanishes_and_the_rest_keeps_its_order(layout: Layout, kept: set[str]) -> None:
    left = pruned(layout, kept)

    assert list(ids_of(left)) == [name for name in dict.fromkeys(ids_of(layout)) if name in kept]
    assert pruned(left, kept) == left
    for section in left.sections:
        assert section.blocks
        for block in section.blocks:
            assert bool(block.rows) != bool(block.claims)
            assert all(any(row) for row in block.rows)
            assert len(block.heads) in (0, len(block.rows))


@given(CLAIMS)
def test_each_number_has_a_line_of_evidence_and_each_line_is_used(claims: list[Claim]) -> None:
    used, listed = printed_and_listed(text_of(tuple(claims), None))

    assert used == set(listed)
    assert len(listed) == len(set(listed))
    assert list(Marks(claims).cited) == list(dict.fromkeys(Marks(claims).cited))


@given(layouts)
def test_so_it_is_with_a_layout(layout: Layout) -> None:
    used, listed = printed_and_listed(text_of(tuple(map(claim, NAMES)), layout))

    assert used == set(listed)
    assert listed == [str(n) for n in range(1, len(listed) + 1)]


@given(CLAIMS)
def test_without_a_layout_each_claim_stands_somewhere(claims: list[Claim]) -> None:
    laid = laid_out(claims, None, {})

    assert sorted(map(int, ids_of(laid.layout))) == list(range(len(claims)))
    assert [laid.claims[str(n)] for n in range(len(claims))] == claims


def said(text: str, source: str, start: int) -> Claim:
    return Claim(text=text, quotes=(Quote(source=source, start=start, end=start + len(text), text=text),))


def test_sentences_that_are_quoted_stand_by_document_in_its_order() -> None:
    answer = said("A1", "a", 1).model_copy(update={"answer": ("A1",)})
    claims = [said("B9", "b", 9), answer, said("A5", "a", 5), said("B2", "b", 2), said("A3", "a", 3)]
    layout = laid_out(claims, None, {"a": Source(id="a", title="The A", uri="a", text_hash="")}).layout

    assert layout.lead == ("1",)
    assert [(section.heading, section.blocks[0].claims) for section in layout.sections] == [
        ("b", ("3", "0")),
        ("The A", ("4", "2")),
    ]


def test_sentences_that_somebody_wrote_stay_in_their_order() -> None:
    claims = [claim("a"), claim("h"), said("q", "s", 2), claim("b")]

    layout = laid_out(claims, None, {}).layout
    assert (layout.lead, layout.sections[0].blocks[0].claims) == (("0",), ("1", "2", "3"))
    assert laid_out(claims[:3], None, {}).layout == Layout(lead=("0", "1", "2"))


def test_a_table_has_its_heads_columns_and_cells() -> None:
    block = Block(
        kind="table",
        columns=("PEP 665", "PEP 751"),
        heads=("What", "Nothing", "Name"),
        rows=((("a",), ("b", "c")), ((), ("gone",)), (("d",), ())),
    )
    claims = tuple(map(claim, "abcd"))
    layout = Layout(sections=(Section(heading="Held together", blocks=(block,)),))

    assert (
        "## Held together\n\n|  | PEP 665 | PEP 751 |\n| --- | --- | --- |\n"
        "| What | Claim-a. [1] | Claim-b. [1][2] Claim-c. [2][3] |\n| Name | Claim-d. [2][4] |  |"
    ) in text_of(claims, layout)
    assert "Nothing" not in text_of(claims, layout)


def test_a_claim_that_does_not_hold_leaves_the_layout_with_its_section() -> None:
    good = Claim(id="good", text="It is.", quotes=(quote(0),))
    bad = Claim(id="bad", text="It is not.")
    evidence = Evidence(passages=(Passage(source="s", title="", start=0, end=1, text="q"),))
    layout = Layout(
        lead=("good", "bad"), sections=(Section(heading="x", blocks=(Block(kind="list", claims=("bad",)),)),)
    )

    assert rules.only_supported(Draft(claims=(good, bad), layout=layout), evidence).layout == Layout(lead=("good",))


def test_a_limit_that_a_laid_out_draft_names_is_no_failure_and_what_is_open_is() -> None:
    limit, failure = (Gap(task="t", reason=reason, detail="x") for reason in ("NothingFound", "TimedOut"))
    draft = Draft(claims=(claim("a"),), layout=Layout(lead=("a",)))

    def status(draft: Draft, *gaps: Gap) -> Status:
        return rules.status_of(draft, gaps, (), expects_claims=True)

    assert status(draft, limit) is Status.OK
    assert status(draft, limit, failure) is Status.PARTIAL
    assert status(draft.model_copy(update={"not_answered": ("Who?",)})) is Status.PARTIAL
    assert status(draft.model_copy(update={"layout": None}), limit) is Status.PARTIAL
