"""Which documents a `Select` finds, and what is told of them."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.evidence import Source
from bullpen.orchestrator.lookup import Order, Select, Table, Where
from bullpen.orchestrator.rules import lookup
from bullpen.orchestrator.rules.fields import Fields
from bullpen.orchestrator.rules.lookup import QUOTED_MOST, ROWS_MOST
from bullpen.orchestrator.rules.phrase import fold, phrase

TEXTS: Mapping[str, str] = {
    "PEP-8": "A guide.\n\nIt asks for four spaces. Tabs are frowned upon.",
    "PEP-665": "Lock files\n==========\n\nA *lock file* names wheels only. It was refused.",
    "PEP-751": "A lock-file names every package. It is agreed upon.",
    "PEP-9": "Plain text about nothing.",
}
PEPS = (
    Source(id="PEP-8", title="Style", uri="u", text_hash="", metadata={"number": 8, "status": "Active"}),
    Source(
        id="PEP-665",
        title="A file format",
        uri="u",
        text_hash="",
        metadata={
            "number": 665,
            "status": "Rejected",
            "created": "29-Jul-2021",
            "superseded_by": "751",
            "topics": ["Packaging", "locks"],
            "python": "3.11",
        },
    ),
    Source(
        id="PEP-751",
        title="Another file format",
        uri="u",
        text_hash="",
        metadata={
            "number": 751,
            "status": "Final",
            "created": "2024-07-24",
            "topics": ["packaging"],
            "python": "3.9",
            "editors": "Ada <a@b.c>, Bo",
        },
    ),
    Source(
        id="PEP-9",
        title="Text",
        uri="u",
        text_hash="",
        metadata={"number": 9, "status": "Final", "created": "2021-01-02", "topics": [], "python": "2.7"},
    ),
)


def run(*where: Mapping[str, Any], **more: Any) -> Table:
    select = Select(where=tuple(map(Where.model_validate, where)), **more)
    return lookup.run(select, Fields(PEPS), TEXTS.__getitem__)


def found(field: str, op: str, *values: Any, negated: bool = False) -> list[str]:
    table = run({"field": field, "op": op, "values": values, "negated": negated})
    assert not table.problem
    return [source.removeprefix("PEP-") for source in table.sources]


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        (("status", "is", "final"), ["751", "9"]),
        (("status", "in", "ACTIVE", "Rejected"), ["8", "665"]),
        (("topics", "is", "Packaging"), ["665", "751"]),
        (("editors", "is", "Bo"), ["751"]),
        (("id", "is", "PEP 751", "665", "pep-0008"), ["8", "665", "751"]),
        (("title", "contains", "file format"), ["665", "751"]),
        (("superseded_by", "is", "PEP 751"), ["665"]),
        (("superseded_by", "is", 751), ["665"]),
        (("created", "is", 2021), ["665", "9"]),
        (("created", "is", "2021-07"), ["665"]),
        (("created", "between", 2021, 2021), ["665", "9"]),
        (("created", "between", "2021-02", "2024-07-24"), ["665", "751"]),
        (("created", "between", "", "July 2021"), ["665", "9"]),
        (("created", "between", "2024", ""), ["751"]),
        (("number", "between", 9, 700), ["665", "9"]),
        (("python", "between", "3.9", "3.11"), ["665", "751"]),
        (("created", "empty"), ["8"]),
        (("topics", "empty"), ["8", "9"]),
        (("text", "contains", "lock file"), ["665", "751"]),
        (("text", "contains", "tab", "wheels"), ["665"]),
    ],
)
def test_a_condition_finds(condition: tuple[Any, ...], ids: list[str]) -> None:
    assert found(*condition) == ids
    assert found(*condition, negated=True) == [n for n in ("8", "665", "751", "9") if n not in ids]


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"field": "statuss", "values": ["Final"]}, "there is no field 'statuss'; name one of status"),
        ({"field": "qqqq"}, "name one of id, title, text, number, status, created"),
        ({"field": "status", "op": "between", "values": ["a", "b"]}, "`between` needs dates or numbers, and 'status'"),
        (
            {"field": "created", "op": "between", "values": ["2020"]},
            "takes two values, of which one may be empty, not 1",
        ),
        ({"field": "created", "op": "between", "values": ["2024", "2021"]}, "2024 comes after 2021"),
        (
            {"field": "created", "op": "between", "values": ["soon", "2021"]},
            "'soon' is no date; write 2021, 2021-06 or",
        ),
        ({"field": "created", "values": ["soon"]}, "'soon' is no date"),
        ({"field": "number", "op": "between", "values": ["few", ""]}, "'few' is no number; write it in digits"),
        ({"field": "text", "values": ["lock"]}, "ask what it `contains`, not `is`"),
        ({"field": "text", "op": "contains", "values": ["…"]}, "'…' has no word in it"),
        ({"field": "status", "values": [""]}, "`is` on 'status' needs a value"),
        ({"field": "status", "op": "empty", "values": ["no"]}, "`empty` on 'status' takes no values"),
    ],
)
def test_what_cannot_be_run_says_how_it_could(where: Mapping[str, Any], says: str) -> None:
    table = run(where)
    assert says in table.problem
    assert (table.rows, table.told) == ((), table.problem)


@pytest.mark.parametrize("more", [{"show": "no"}, {"count_by": ["no"]}, {"order": {"field": "no"}}, {"show": ["text"]}])
def test_what_is_shown_must_be_there(more: Mapping[str, Any]) -> None:
    assert run(**more).problem


def test_a_value_that_nobody_has_is_told_with_those_close_to_it() -> None:
    table = run({"field": "status", "values": ["Rejectd", "Final"]})
    assert table.remarks == ("no document has 'Rejectd' as its status; close to it: Rejected",)
    assert table.total == 2


def test_a_table_tells_its_conditions_what_each_costs_and_what_lacks_the_field() -> None:
    table = run(
        {"field": "topics", "values": ["packaging"]},
        {"field": "created", "op": "between", "values": [2021, 2022]},
        {"field": "text", "op": "contains", "values": ["wheels"]},
        show=["status"],
        count_by=["status"],
    )
    assert table.told == "topics is packaging; created between 2021 and 2022; text contains “wheels”: 1 of 4"
    assert [row.values for row in table.rows] == [(["Packaging", "locks"], "29-Jul-2021", "Rejected")]
    assert [row.label for row in table.rows] == ["PEP 665"]
    assert [(near.total, near.values) for near in table.without] == [
        (1, (("Packaging", 1), ("locks", 1))),
        (1, (("2021", 1),)),
        (1, ()),
    ]
    assert table.lacking == (("topics", 2), ("created", 1))
    assert [(g.value, g.sources) for g in table.grouped[0].groups] == [("Rejected", ("PEP-665",))]


def test_words_in_a_text_are_quoted_with_their_sentence() -> None:
    table = run({"field": "text", "op": "contains", "values": ["lock file"]})
    assert [[quote.text for quote in row.quotes] for row in table.rows] == [
        ["Lock files"],
        ["A lock-file names every package."],
    ]


def test_days_are_counted_by_their_years_in_order() -> None:
    [by_year] = run(count_by=["created"]).grouped
    assert [(g.value, len(g.sources)) for g in by_year.groups] == [("2021", 2), ("2024", 1)]
    assert by_year.none == ("PEP-8",)


@pytest.mark.parametrize(
    ("field", "down", "ids"),
    [
        ("created", False, ["9", "665", "751", "8"]),
        ("created", True, ["751", "665", "9", "8"]),
        ("python", False, ["9", "751", "665", "8"]),
        ("id", True, ["751", "665", "9", "8"]),
        ("status", False, ["8", "751", "9", "665"]),
    ],
)
def test_rows_stand_in_the_order_that_was_asked_for_those_without_it_last(
    field: str, down: bool, ids: list[str]
) -> None:
    assert [s.removeprefix("PEP-") for s in run(order=Order(field=field, down=down)).sources] == ids


def test_many_documents_are_named_and_no_more_quoted_than_can_be_read() -> None:
    many = [Source(id=f"d{n}", title="", uri="", text_hash="", metadata={"n": n}) for n in range(ROWS_MOST + 7)]
    select = Select(where=(Where(field="text", op="contains", values=("word",)),))
    table = lookup.run(select, Fields(many), lambda _: "The word stands here. Another one.")
    assert (len(table.rows), len(table.more), table.total) == (ROWS_MOST, 7, ROWS_MOST + 7)
    assert sum(bool(row.quotes) for row in table.rows) == QUOTED_MOST
    assert table.sources == tuple(source.id for source in many)


def test_a_text_is_read_only_where_it_decides_something() -> None:
    read: list[str] = []
    conditions = [("status", "Final"), ("number", "751"), ("text", "lock")]
    where = tuple(Where(field=f, op="contains" if f == "text" else "is", values=(v,)) for f, v in conditions)

    def text_of(source: str) -> str:
        read.append(source)
        return TEXTS[source]

    lookup.run(Select(where=where), Fields(PEPS), text_of)
    assert set(read) == {"PEP-751", "PEP-9"}


# Properties over any catalogue

NAMES = ("kind", "day", "size")
ITEM = st.sampled_from(["a", "A b", "b", "2020-01-05", "5 May 2021", "2021", 3, 4.5, "7", "", None])
SOURCES = st.lists(st.dictionaries(st.sampled_from(NAMES), ITEM | st.lists(ITEM, max_size=3)), max_size=6)
WHERE = st.builds(
    Where,
    field=st.sampled_from([*NAMES, "text", "id", "title"]),
    op=st.sampled_from(["is", "in", "contains", "between", "empty"]),
    values=st.lists(st.sampled_from(["a", "b", "2021", "2020-01", "3", "7", ""]), max_size=2),
    negated=st.booleans(),
)


def documents(fields: list[dict[str, Any]]) -> list[Source]:
    return [
        Source(id=f"d-{n}", title=f"b {n}", uri="", text_hash="", metadata=held) for n, held in enumerate(fields, 1)
    ]


def text_of(source: str) -> str:
    return f"a text of {source}. It says B, and a 2021."


@given(SOURCES, st.lists(WHERE, max_size=3), st.sampled_from([None, *NAMES]), st.booleans())
def test_conditions_are_met_together_and_each_alone_says_what_it_costs(
    fields: list[dict[str, Any]], where: list[Where], by: str | None, down: bool
) -> None:
    known = Fields(documents(fields))
    order = Order(field=by, down=down) if by in known.names else None
    table = lookup.run(Select(where=tuple(where), order=order), known, text_of)
    assert table == lookup.run(Select(where=tuple(where), order=order), known, text_of)
    if table.problem:
        return
    alone = [set(lookup.run(Select(where=(one,)), known, text_of).sources) for one in where]
    everything = {source.id for source in known.sources}
    assert set(table.sources) == everything.intersection(*alone)
    assert len(set(table.sources)) == table.total
    for n, near in enumerate(table.without):
        others = [met for m, met in enumerate(alone) if m != n]
        assert near.total == len(everything.intersection(*others))
    for one, met in zip(where, alone, strict=True):
        opposite = lookup.run(
            Select(where=(one.model_copy(update={"negated": not one.negated}),)), known, text_of
        ).sources
        assert set(opposite) == everything - met


@given(SOURCES, st.sampled_from(NAMES))
def test_every_document_is_counted(fields: list[dict[str, Any]], by: str) -> None:
    known = Fields(documents(fields))
    if by in known.names:
        [grouped] = lookup.run(Select(count_by=(by,)), known, text_of).grouped
        named = [source for group in grouped.groups for source in group.sources]
        assert {*named, *grouped.none} == {source.id for source in known.sources}
        assert not set(named) & set(grouped.none)
        assert all(len(set(group.sources)) == len(group.sources) for group in grouped.groups)


@given(st.text(max_size=60), st.text(min_size=1, max_size=8), st.text(max_size=60))
def test_a_quote_stands_in_the_text_and_holds_the_words(before: str, words: str, after: str) -> None:
    wanted, text = phrase(words), f"{before} {words} {after}"
    [source] = documents([{}])
    if wanted is not None and wanted.search(fold(text)):
        select = Select(where=(Where(field="text", op="contains", values=(words,)),))
        [row] = lookup.run(select, Fields([source]), lambda _: text).rows
        [quote] = row.quotes
        assert text[quote.start : quote.end] == quote.text
        assert wanted.search(fold(quote.text))
