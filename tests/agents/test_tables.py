"""What a look-up found as claims: each of them can be computed again from the documents."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.tables import block_of, count_of, extreme_of, groups_of, rows_of
from bullpen.orchestrator.evidence import Claim, Evidence, Passage, Source
from bullpen.orchestrator.lookup import Order, Select, Table, Where
from bullpen.orchestrator.rules import lookup
from bullpen.orchestrator.rules.fields import Fields
from bullpen.orchestrator.rules.report import problem_of

TEXT = "It names wheels only. Nobody wanted it."
WORDS = Where(field="text", op="contains", values=("wheels",))
PEPS = tuple(
    Source(id=f"PEP-{n}", title=f"Title {n}", uri="", text_hash="", metadata={"number": n, "of": of, "on": on})
    for n, of, on in [(650, "tools", "2020-07-16"), (665, "wheels", "29-Jul-2021"), (751, ["all", "wheels"], None)]
)


def table_of(sources: tuple[Source, ...] = PEPS, **select: Any) -> Table:
    table = lookup.run(Select(**select), Fields(sources), lambda _: TEXT)
    assert not table.problem
    return table


def claims_of(table: Table) -> list[Claim]:
    single = [claim for claim in (count_of(table, "T1"), extreme_of(table, "T1")) if claim]
    return [*single, *groups_of(table, "T1"), *rows_of(table, "T1"), *block_of(table, "T1")[0]]


def problems(claims: list[Claim], sources: tuple[Source, ...] = PEPS) -> list[str]:
    passages = tuple(Passage(source=s.id, title="", start=0, end=len(TEXT), text=TEXT) for s in sources)
    evidence = Evidence(sources=sources, passages=passages)
    return [problem for claim in claims if (problem := problem_of(claim, evidence))]


def test_a_table_says_how_many_which_and_by_what() -> None:
    table = table_of(where=(WORDS,), order=Order(field="on", down=True), count_by=("of",))
    claims = claims_of(table)

    assert [claim.text for claim in claims[:8]] == [
        "3 of 3 documents: text contains “wheels”",
        "PEP 665 — greatest on: 29-Jul-2021, of 2",
        "of: wheels · number: 2",
        "of: all · number: 1",
        "of: tools · number: 1",
        "PEP 665 “Title 665” · on: 29-Jul-2021 · of: wheels",
        "PEP 650 “Title 650” · on: 2020-07-16 · of: tools",
        "PEP 751 “Title 751” · of: all; wheels",
    ]
    assert [quote.text for quote in claims[0].quotes] == ["It names wheels only."] * 3
    assert problems(claims) == []


def test_the_claims_of_a_block_are_its_cells_each_once() -> None:
    claims, block = block_of(table_of(show=("of", "on")), "T1", most=2)
    ids = [claim for row in block.rows for cell in row for claim in cell]

    assert block.columns == ("Document", "of", "on")
    assert ids == [claim.id for claim in claims]
    assert len(set(ids)) == len(ids)
    assert [claim.text for claim in claims] == [
        "PEP 650 “Title 650”",
        "tools",
        "2020-07-16",
        "PEP 665 “Title 665”",
        "wheels",
        "29-Jul-2021",
    ]
    assert block_of(table_of(show=("on",)), "T1")[1].rows[2] == (("T1.3.id",), ())


def test_nothing_found_is_no_claim() -> None:
    assert claims_of(table_of(where=(Where(field="of", values=("none",)),))) == []


@pytest.mark.parametrize("position", [0, 1, 2, 5, 8, 9])
def test_a_claim_that_was_changed_does_not_hold(position: int) -> None:
    claim = claims_of(table_of(order=Order(field="on", down=True), count_by=("of",)))[position]
    assert problems([claim]) == []
    assert problems([claim.model_copy(update={"text": "something else"})]) != []
    others = tuple(s.model_copy(update={"metadata": {"number": 1}, "id": s.id + "0"}) for s in PEPS)
    assert problems([claim], others) != []


ITEM = st.sampled_from(["a", "A, b", "Ada <a@b.c>", "2020-01-05", "5 May 2021", 2021, 3, 4.5, -1, True, "7", " ", None])
FIELDS = st.dictionaries(st.sampled_from(["kind", "day", "size"]), ITEM | st.lists(ITEM, max_size=3))


@given(st.lists(FIELDS, max_size=5), st.sampled_from(["kind", "day", "size"]), st.booleans())
def test_every_claim_holds(fields: list[dict[str, Any]], name: str, down: bool) -> None:
    sources = tuple(
        Source(id=f"doc-{n}.md", title=f"T{n}", uri="", text_hash="", metadata={"day": None, **held})
        for n, held in enumerate(fields)
    )
    known = Fields(sources)
    if name in known.names:
        select = Select(where=(WORDS,), show=("day",), count_by=(name,), order=Order(field=name, down=down))
        table = lookup.run(select, known, lambda _: TEXT)
        assert problems(claims_of(table), sources) == []
