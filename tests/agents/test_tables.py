"""Look-ups as a prompt shows them: counts whole and without rows, rows as far as there is room."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.tables import counts_in, is_counted, is_field, noted_table, rendered_table
from bullpen.orchestrator.evidence import Source
from bullpen.orchestrator.lookup import Select, Table, Where
from bullpen.orchestrator.rules import lookup
from bullpen.orchestrator.rules.fields import Fields
from bullpen.orchestrator.rules.tokens import estimate


def table_of(held: list[dict[str, Any]], **select: Any) -> Table:
    sources = [Source(id=f"d{n}", title=f"T{n}", uri="", text_hash="", metadata=m) for n, m in enumerate(held)]
    table = lookup.run(Select(**select), Fields(sources), lambda _: "")
    assert not table.problem
    return table


SHIPS: list[dict[str, Any]] = [
    {"kind": kind, "built": built}
    for kind, built in [("ferry", "1902-05-01"), ("ferry", "1903-01-02"), ("barge", "1902-07-08"), (None, "1903-04-05")]
]


def test_a_table_tells_its_conditions_its_near_misses_and_its_rows() -> None:
    where = (Where(field="kind", values=("ferry", "barge")), Where(field="built", op="between", values=("1903", "")))
    table = table_of(SHIPS, where=where)

    assert rendered_table(table, "@1").splitlines() == [
        "@1: kind is ferry or barge; built from 1903: 1 of 4",
        "  without “kind is ferry or barge”: 2 (ferry 1)",
        "  without “built from 1903”: 3 (1902 2, 1903 1)",
        "  1 of 4 documents have no kind",
        "- [d1] “T1” · kind: ferry · built: 1903-01-02",
    ]


def test_what_is_counted_is_a_table_without_examples() -> None:
    assert rendered_table(table_of(SHIPS, count_by=("kind",)), "look-up").splitlines() == [
        "look-up: all documents: 4 of 4",
        "  1 of 4 documents have no kind",
        "| kind | number |",
        "| --- | --- |",
        "| ferry | 2 |",
        "| barge | 1 |",
        "| none | 1 |",
    ]


def test_two_fields_are_counted_one_by_the_other_whichever_is_named_first() -> None:
    ships = [*SHIPS, {"kind": None, "built": "1904"}, {"kind": "ferry", "built": "1905"}]
    for names in (("built", "kind"), ("kind", "built")):
        assert rendered_table(table_of(ships, count_by=names), "x").splitlines()[2:] == [
            "| built | ferry | barge | none | all |",
            "| --- | --- | --- | --- | --- |",
            "| 1902 | 1 | 1 | 0 | 2 |",
            "| 1903 | 1 | 0 | 1 | 2 |",
            "| 1904 | 0 | 0 | 1 | 1 |",
            "| 1905 | 1 | 0 | 0 | 1 |",
            "| all | 3 | 1 | 2 | 6 |",
        ]


KINDS = st.sampled_from(["a", "b", "c|d", None]) | st.lists(st.sampled_from(["a", "b"]), max_size=2)


@given(st.lists(st.fixed_dictionaries({"x": KINDS, "y": KINDS}), min_size=1, max_size=12))
def test_the_counts_of_two_fields_are_those_of_the_documents(held: list[dict[str, Any]]) -> None:
    if all(not row[name] for row in held for name in ("x", "y")):
        return
    named = [{name: row[name] for name in row} for row in held]
    lines = rendered_table(table_of(named, count_by=("x", "y")), "t").splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[0] == "|"]

    def values(row: dict[str, Any], name: str) -> set[str]:
        value = row[name] if isinstance(row[name], list) else [row[name]]
        return {str(item).replace("|", "/") for item in value if item} or {"none"}

    one, other = ("x", "y") if head[0] == "x" else ("y", "x")
    for cells in rows[:-1]:
        for column, count in zip(head[1:-1], cells[1:-1], strict=True):
            assert int(count) == sum(cells[0] in values(r, one) and column in values(r, other) for r in held)


@given(st.integers(1, 400), st.integers(0, 600))
def test_rows_and_counts_have_room_and_what_is_left_out_is_counted(size: int, most: int) -> None:
    held = [{"name": f"ship {n}"} for n in range(size)]
    for told in (
        rendered_table(table_of(held, show=("name",)), "t", most=most),
        rendered_table(table_of(held, count_by=("name",)), "t", most=most),
    ):
        body = [line for line in told.splitlines()[1:] if not line.startswith("…")]
        left = sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("…"))
        assert estimate("\n".join(body)) <= most + len(body)
        assert len([line for line in body if "ship" in line]) + left in (size, size + 1, size + 2)


def test_a_note_of_a_look_up_rests_on_the_fields_of_its_first_rows() -> None:
    note = noted_table("T1", table_of(SHIPS, count_by=("kind",)))

    assert note.is_table and "[d0]" not in note.text
    assert {(r.source, r.field) for r in note.records} >= {("d0", "id"), ("d0", "kind"), ("d3", "id")}
    bare = noted_table("T1", table_of(SHIPS, show=("kind",)), has_rows=False)
    assert bare.text == "look-up: all documents: 4 of 4\n  1 of 4 documents have no kind"


def test_a_cell_that_says_what_a_look_up_counts_is_known_by_code() -> None:
    crossed = rendered_table(table_of(SHIPS, count_by=("built", "kind")), "look-up")
    alone = rendered_table(table_of(SHIPS, count_by=("kind",)), "look-up")

    assert is_counted("1902", "Ferry", "1", crossed) or is_counted("Ferry", "1902", "1", crossed)
    assert is_counted("Barge", "1902", "1", crossed) and is_counted("1902", "barge", "1", crossed)
    assert not is_counted("1902", "barge", "2", crossed) and not is_counted("1909", "barge", "1", crossed)
    assert is_counted("ferry", "How many", "2", alone) and not is_counted("ferry", "How many", "3", alone)
    assert not is_counted("ferry", "1902", "2", "look-up: all documents: 4 of 4")
    assert counts_in(crossed)["all", "all"] == 4


def test_a_cell_that_says_the_field_of_its_column_is_known_by_code() -> None:
    assert is_field("Package", "quay", 'package = "quay"') and is_field("made on", "2019-05-03", "made-on: 2019-05-03")
    assert not is_field("package", "quay 2", 'package = "quay"') and not is_field("name", "quay", 'package = "quay"')
    assert not is_field("package", "", "package =") and not is_field("package", "quay", "The package is quay.")
