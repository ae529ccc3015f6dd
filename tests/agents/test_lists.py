"""A list over many documents: every one is kept or set aside, and what is told of it is told by code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen import Report, Status
from bullpen.agents.reading import Note, Shown, shown
from bullpen.agents.room import within
from bullpen.agents.rows import KEPT, ReadCell, ReadRow, kept_note, row_table, rows_of
from bullpen.orchestrator.evidence import Source
from bullpen.orchestrator.gateway.model import Request
from bullpen.orchestrator.rules.numbering import number
from bullpen.orchestrator.testing import ScriptedModel

from .test_desk import checked, desk, number_of

pytestmark = pytest.mark.anyio

COLUMNS = ["built", "cost"]
QUESTION = "Which ferries were built, when, and for how much?"


def ship(n: int, kind: str = "ferry", more: str = "") -> str:
    text = f"Ship {n} is a {kind}. It was built in {1900 + n}. It cost {n}00 crowns."
    return f"---\nkind: {kind}\n---\n# Ship {n}\n\n{text}\n\n{more}\n"


def fleet(tmp_path: Path, size: int, more: str = "", barges: Sequence[int] = (3, 7)) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(1, size + 1):
        (docs / f"ship-{n:03}.md").write_text(ship(n, "barge" if n in barges else "ferry", more))
    return docs


def row(request: Request, document: dict[str, str]) -> dict[str, Any]:
    """What a careful reader says of one document."""
    n = int(document["title"].removeprefix("Ship "))
    if "is a barge" in document["text"]:
        return {"doc": document["id"], "keep": False, "why_not": "no ferry", "cells": []}
    cells = [
        {"column": "built", "text": str(1900 + n), "sentences": [number_of(request, f"built in {1900 + n}")]},
        {"column": "cost", "text": f"{n}00", "sentences": [number_of(request, f"cost {n}00 crowns")]},
    ]
    return {"doc": document["id"], "keep": True, "why_not": "", "cells": cells}


def rows(request: Request) -> Any:
    return {"rows": [row(request, one) for one in request.inputs["documents"]]}


def write(request: Request) -> Any:
    counted = next(one["number"] for one in request.inputs["notes"] if "kept rows" in one["text"])
    return {"lead": f"There are many ferries [{counted}].", "sections": [{"heading": "Ferries", "blocks": ["@rows"]}]}


TRIAGE = {
    "kind": "list",
    "points": [QUESTION],
    "documents": ["@1"],
    "lookups": [{"where": [{"field": "text", "op": "contains", "values": ["ship"]}]}],
    "columns": COLUMNS,
}
ANSWERS: dict[str, Any] = {"triage": TRIAGE, "rows": rows, "widen": {}, "write": write, "check": checked({})}
WOOL = "It speaks of weather and of wool at some length. " * 200


async def report(
    tmp_path: Path, corpus: Path, answers: dict[str, Any], **settings: Any
) -> tuple[Report, list[Request]]:
    model = ScriptedModel(answers)
    async with desk(tmp_path, model, **settings) as system, system.launch(QUESTION, corpus=corpus) as job:
        return await job.result(), list(model.requests)


def asked(requests: Sequence[Request]) -> list[str]:
    return [request.prompt for request in requests]


def table_of(found: Report) -> dict[str, list[str]]:
    """By the name of a row, what its cells say."""
    assert found.layout is not None
    texts = {claim.id: claim.text for claim in found.claims}
    blocks = [block for section in found.layout.sections for block in section.blocks if block.rows]
    return {
        head: ["; ".join(texts[name] for name in cell) for cell in cells]
        for block in blocks
        for head, cells in zip(block.heads, block.rows, strict=True)
    }


async def test_every_document_is_kept_with_its_cells_or_set_aside_with_a_reason(tmp_path: Path) -> None:
    found, requests = await report(tmp_path, fleet(tmp_path, 14, WOOL), ANSWERS)

    assert found.status is Status.OK
    held = table_of(found)
    assert len(held) == 12
    assert next(cells for head, cells in held.items() if "Ship 5" in head) == ["1905", "500"]
    cell = next(claim for claim in found.claims if claim.text == "1905")
    assert [quote.text for quote in cell.quotes] == ["Ship 5 is a ferry. It was built in 1905."]
    assert {one.source: one.why_not for one in found.documents if one.why_not} == {
        "ship-003.md": "no ferry",
        "ship-007.md": "no ferry",
    }
    assert "set aside: no ferry" in found.text
    assert found.completeness == "All 14 documents were read, 12 kept and 2 set aside."
    assert found.completeness in found.text
    assert "widen" not in asked(requests)  # all there is has been read
    assert found.as_json()["report"]["completeness"] == found.completeness


async def test_what_is_counted_over_the_rows_is_counted_by_code(tmp_path: Path) -> None:
    found, requests = await report(tmp_path, fleet(tmp_path, 14, WOOL), ANSWERS)

    counted = next(one["text"] for one in requests[-2].inputs["notes"] if "kept rows" in one["text"])
    assert counted.splitlines() == [
        "kept rows: 12 of 14 documents that were read",
        "  built: from 1901 (ship-001.md “Ship 1”) to 1914 (ship-014.md “Ship 14”)",
        "  cost: from 100 (ship-001.md “Ship 1”) to 1400 (ship-014.md “Ship 14”)",
    ]
    lead = found.claims[0]
    assert lead.notes == (KEPT,)
    assert len({record.source for record in lead.records}) == 12
    quoted = [one["text"] for one in requests[-1].inputs["quotes"]]
    assert any("kept rows: 12 of 14" in text for text in quoted)


async def test_a_small_collection_is_read_in_one_call_that_gives_rows_where_it_finds_a_list(tmp_path: Path) -> None:
    def reads(request: Request) -> Any:
        assert request.inputs["is_many"]
        told = [row(request, one) for one in request.inputs["documents"]]
        return {"kind": "list", "points": [QUESTION], "columns": COLUMNS, "rows": told[:-1]}

    found, requests = await report(tmp_path, fleet(tmp_path, 10), {**ANSWERS, "read": reads})

    assert asked(requests) == ["read", "rows", "write", "check"]
    assert [one["id"] for one in requests[1].inputs["documents"]] == ["ship-010.md"]
    assert len(table_of(found)) == 8
    assert found.completeness == "All 10 documents were read, 8 kept and 2 set aside."


async def test_a_document_without_a_row_is_asked_about_once_more_and_then_told(tmp_path: Path) -> None:
    def forgetful(request: Request) -> Any:
        documents = [one for one in request.inputs["documents"] if one["id"] not in ("ship-002.md", "ship-004.md")]
        told = [row(request, one) for one in documents]
        loose = {"doc": "ship-004.md", "keep": True, "cells": [{"column": "built", "text": "1904", "sentences": [999]}]}
        return {"rows": [*told, loose, {"doc": "nobody", "keep": True, "cells": []}]}

    found, requests = await report(tmp_path, fleet(tmp_path, 14, WOOL), {**ANSWERS, "rows": forgetful})

    again = [r for r in requests if r.prompt == "rows" and r.again]
    assert [[one["id"] for one in request.inputs["documents"]] for request in again] == [
        ["ship-002.md"],
        ["ship-004.md"],
    ]
    assert found.status is Status.PARTIAL
    assert "2 documents were read and not judged: ship-002.md, ship-004.md." in found.not_answered
    assert len(table_of(found)) == 10


async def test_matches_that_there_is_no_room_for_are_told_and_the_report_is_partial(tmp_path: Path) -> None:
    docs = fleet(tmp_path, 40, WOOL[:1_500], barges=())
    found, requests = await report(tmp_path, docs, ANSWERS, tasks_most=7)

    calls = [request for request in requests if request.prompt == "rows"]
    seen = [one["id"] for request in calls for one in request.inputs["documents"]]
    assert len(calls) == 2
    assert all(len(request.inputs["documents"]) <= 10 for request in calls)
    assert found.status is Status.PARTIAL
    left = 40 - len(seen)
    assert left > 0
    assert f"{left} documents that were chosen were not read (" in found.text


def widening(**more: Any) -> dict[str, Any]:
    """Half of the fleet is looked up at first."""
    where = [{"field": "kind", "values": ["ferry"]}]
    triage = {**TRIAGE, "lookups": [{"where": where}]}
    return {**ANSWERS, "triage": triage, "widen": more}


async def test_a_list_is_widened_once_and_only_with_what_nobody_has_read(tmp_path: Path) -> None:
    docs = fleet(tmp_path, 30, WOOL[:2_000], barges=range(4, 30))
    (docs / "ship-099.md").write_text(ship(99, "vessel", "Ferry is another word for it. " + WOOL[:2_000]))
    wider = {"where": [{"field": "kind", "values": ["ferry", "vessel"]}]}
    found, requests = await report(tmp_path, docs, widening(queries=["barge built"], lookups=[wider]))

    calls = [[one["id"] for one in r.inputs["documents"]] for r in requests if r.prompt == "rows"]
    seen = [name for ids in calls for name in ids]
    assert len(seen) == len(set(seen))
    assert "ship-099.md" in seen
    assert len(seen) == 10
    assert asked(requests).count("widen") == 1
    assert any("Ship 99" in head for head in table_of(found))
    assert found.completeness == (
        "Of 31 documents, 4 matched (kind is ferry: 4 of 31); 10 were read, 5 kept and 5 set aside. Widened by "
        "“barge built”, kind is ferry or vessel: 5 of 31: 6 documents more read; 1 of them kept. "
        "Other wording may be missed."
    )
    request = next(request for request in requests if request.prompt == "widen")
    assert "1902" in request.inputs["rows"]
    assert "kind is ferry: 4 of 31" in " ".join(request.inputs["tables"])


async def test_a_look_up_is_not_made_twice_and_nobody_widens_where_nobody_answers(tmp_path: Path) -> None:
    docs = fleet(tmp_path, 14, WOOL)
    same = {"where": [{"field": "kind", "values": ["ferry"]}]}
    found, requests = await report(tmp_path, docs, widening(lookups=[same]))
    silent = {name: answer for name, answer in widening().items() if name != "widen"}

    assert asked(requests).count("rows") == len([r for r in requests if r.prompt == "rows" and not r.again])
    assert len(found.documents) == 12
    assert found.completeness == (
        "Of 14 documents, 12 matched (kind is ferry: 12 of 14); 12 were read, 12 kept and 0 set aside. "
        "Other wording may be missed."
    )
    model = ScriptedModel(silent)
    async with desk(tmp_path / "again", model) as system, system.launch(QUESTION, corpus=docs) as job:
        assert (await job.result()).completeness == found.completeness


async def test_nobody_writes_and_the_rows_stand_as_a_table(tmp_path: Path) -> None:
    found, _ = await report(tmp_path, fleet(tmp_path, 14, WOOL), {**ANSWERS, "write": {"lead": "No number."}})

    assert len(table_of(found)) == 12
    assert found.claims[0].text == "1901"
    assert found.layout is not None
    lead = next(claim.text for claim in found.claims if claim.id == found.layout.lead[0])
    assert lead == "kept rows: 12 of 14 documents that were read"


def crowded(request: Request) -> Any:
    """A year by kind, as a table that was counted, with one cell wrong."""
    n = next(one["number"] for one in request.inputs["notes"] if "| kind |" in one["text"])
    table = f"| kind | number |\n|---|---|\n| ferry | 12 [{n}] |\n| barge | 3 [{n}] |"
    return {"lead": f"Most are ferries [{n}].", "sections": [{"heading": "Kinds", "blocks": [table]}]}


async def test_counts_are_compared_by_code_and_only_what_is_left_is_checked_by_a_model(tmp_path: Path) -> None:
    triage = {"kind": "survey", "points": ["Which kinds are there?"], "lookups": [{"count_by": ["kind"]}]}
    answers = {**ANSWERS, "triage": triage, "write": crowded, "check": checked({"barge": "unsupported"})}
    found, requests = await report(tmp_path, fleet(tmp_path, 14, WOOL), answers)

    assert [one["text"] for one in requests[-1].inputs["sentences"]] == ["Most are ferries.", "barge · number: 3"]
    assert [claim.text for claim in found.claims] == ["Most are ferries.", "12"]
    assert found.checked is not None
    assert (found.checked.sentences, found.checked.as_they_stood, found.checked.dropped) == (3, 2, ("3",))
    assert "1 cell was compared with a look-up or field by code" in found.checked.reason
    assert asked(requests) == ["triage", "write", "check"]
    assert all("ship-0" not in one["text"] for one in requests[1].inputs["notes"])


async def test_a_cell_that_says_the_field_of_its_column_is_compared_by_code(tmp_path: Path) -> None:
    def of_kind(request: Request) -> Any:
        told = [row(request, one) for one in request.inputs["documents"]]
        for one, document in zip(told, request.inputs["documents"], strict=True):
            field = int(document["text"].partition("[")[2].partition("]")[0])
            wrong = "barge" if "Ship 5 is" in document["text"] else "ferry"
            one["cells"] = [{"column": "Kind", "text": wrong, "sentences": [field]}] if one["keep"] else []
        return {"rows": told}

    triage = {**TRIAGE, "columns": ["kind"]}
    found, requests = await report(tmp_path, fleet(tmp_path, 14, WOOL), {**ANSWERS, "triage": triage, "rows": of_kind})

    left = [one["text"] for one in requests[-1].inputs["sentences"]]
    assert left == ["There are many ferries.", "ship-005.md “Ship 5” · kind: barge"]
    assert found.checked is not None
    assert (found.checked.sentences, found.checked.as_they_stood) == (13, 13)
    assert "11 cells were compared" in found.checked.reason


async def test_a_report_that_is_too_large_for_one_check_is_checked_in_several(tmp_path: Path) -> None:
    found, requests = await report(tmp_path, fleet(tmp_path, 45, WOOL[:1_500], barges=()), ANSWERS)

    checks = [request for request in requests if request.prompt == "check"]
    assert [len(request.inputs["sentences"]) for request in checks] == [60, 31]
    for request in checks:
        shown_quotes = {quote["number"] for quote in request.inputs["quotes"]}
        assert shown_quotes == {n for one in request.inputs["sentences"] for n in one["quotes"]}
    assert found.checked is not None
    assert (found.checked.sentences, found.checked.as_they_stood) == (91, 91)


# By rule


def call_of(*texts: str) -> list[Shown]:
    documents = [
        number(Source(id=f"d{n}", title=f"Title {n % 2}", uri="", text_hash="", metadata={"of": n}), text)
        for n, text in enumerate(texts)
    ]
    return shown(documents, 1_000, {}, {})


CALL = call_of("One is red.", "Two is blue.", "Three is green.")
NAMES = st.sampled_from(["d0", "D1", "d2", "Title 0", "Title 1", "d9", ""])
CELLS = st.builds(
    ReadCell,
    column=st.sampled_from(["Colour", "colour", "size"]),
    text=st.sampled_from(["red", "blue", "", " "]),
    sentences=st.lists(st.integers(-1, 8), max_size=3).map(tuple),
)
ROWS = st.builds(ReadRow, doc=NAMES, keep=st.booleans(), why_not=st.just("no"), cells=st.lists(CELLS, max_size=3))


@given(st.lists(ROWS, max_size=8))
def test_every_document_is_kept_set_aside_or_not_judged_and_cells_quote_their_own(given: list[ReadRow]) -> None:
    found = rows_of(given, CALL, ("colour",))
    kept = {note.cell.source for note in found.cells if note.cell}
    left = {one.document.source.id for one in found.unjudged}

    assert sorted([*kept, *found.set_aside, *left]) == ["d0", "d1", "d2"]
    for note in found.cells:
        assert note.cell is not None and note.cell.column == "colour" and note.cell.text.strip()
        evidence = {q.source for q in note.quotes} | {r.source for r in note.records}
        assert evidence == {note.cell.source}
        assert any(row.keep for row in given)


def test_a_title_that_two_documents_have_names_none() -> None:
    told = [ReadRow(doc="Title 0", keep=False), ReadRow(doc="Title 1", keep=False, why_not="red is asked")]
    assert rows_of(told, CALL, ("colour",)).set_aside == {"d1": "red is asked"}


def test_a_field_is_evidence_of_a_cell() -> None:
    cells = (ReadCell(column="colour", text="0", sentences=(1,)),)
    note = rows_of([ReadRow(doc="d0", keep=True, cells=cells)], CALL, ("colour",)).cells[0]

    assert note.text == "d0 “Title 0” · colour: 0"
    assert [(record.source, record.field) for record in note.records] == [("d0", "of")]


def test_values_that_come_again_are_counted_and_columns_that_not_all_have() -> None:
    def cell(n: int, column: str, text: str) -> Note:
        at = {"source": f"d{n}", "row": f"d{n}", "column": column, "text": text}
        return Note.model_validate({"text": text, "cell": at})

    cells = [cell(n, "kind", "ab"[n % 2]) for n in range(5)] + [cell(2, "left", "2020-01-05")]
    note = kept_note(cells, 9)
    assert note is not None
    assert note.text.splitlines() == [
        "kept rows: 5 of 9 documents that were read",
        "  kind: a 3, b 2",
        "  left: in 1 of the rows",
        "  left: from 2020-01-05 (d2) to 2020-01-05 (d2)",
    ]
    assert row_table(cells).splitlines()[2:5] == [
        "| d0 | a [1] |  |",
        "| d1 | b [2] |  |",
        "| d2 | a [3] | 2020-01-05 [6] |",
    ]
    assert kept_note([], 9) is None


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=30), st.integers(0, 400))
def test_notes_have_room_in_turns_and_tables_come_first(kinds: list[tuple[int, bool]], most: int) -> None:
    notes = [Note(id=str(n), point=p, text="some words on it", is_table=t) for n, (p, t) in enumerate(kinds)]
    kept, left = within(notes, most)

    assert len(kept) + left == len(notes)
    assert [note for note in notes if note in kept] == kept
    if any(note.is_table for note in notes if note not in kept):
        assert all(note.is_table for note in kept)
    counts = [sum(note.point == point and not note.is_table for note in kept) for point in range(5)]
    wanted = [sum(note.point == point and not note.is_table for note in notes) for point in range(5)]
    assert all(one + 1 >= min(max(counts), all_of_it) for one, all_of_it in zip(counts, wanted, strict=True))
