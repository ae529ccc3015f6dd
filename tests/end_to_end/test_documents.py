"""A folder as people have it: pages, tables, metadata and broken files; each quote opens where it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from bullpen.orchestrator.evidence import Document
from bullpen.tools import read_corpus

from ..tools import making
from .conftest import Command

RULES = {
    "REG-1": {"number": 1, "status": "Superseded", "superseded_by": "3", "created": "2015-02-01", "topic": "Stairs"},
    "REG-2": {"number": 2, "status": "Active", "created": "2016-05-09", "topic": "Stairs"},
    "REG-3": {"number": 3, "status": "Active", "created": "2019-11-30", "topic": "Stairs"},
    "REG-4": {"number": 4, "status": "Draft", "created": "2019-12-24", "topic": "Lifts"},
}
TITLES = {"REG-1": "Width of stairs", "REG-2": "Handrails", "REG-3": "Stairs in new houses", "REG-4": "Lift doors"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A PDF of three pages, a web page, a Word document, and regulations with metadata."""
    made = tmp_path / "folder"
    made.mkdir()
    pages = [["Cover", "Nothing to see here."], ["Results", "The ferry carried 4,210 bicycles in May."], ["End", "."]]
    (made / "ferry.pdf").write_bytes(making.pdf(*pages, title="Ferry report"))
    (made / "pilot.html").write_text(making.HTML.format(charset="utf-8"), encoding="utf-8")
    (made / "budget.docx").write_bytes(making.word())
    text = "A regulation about {}. It holds for every house."
    lines = [{"_id": id, "title": TITLES[id], "text": text.format(TITLES[id].lower()), **RULES[id]} for id in RULES]
    (made / "rules.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return made


def ask(bullpen: Command, question: str, folder: Path) -> dict[str, Any]:
    """The report and its status; verified."""
    found: dict[str, Any] = json.loads(bullpen("research", question, "--corpus", folder, "--json").stdout)
    assert bullpen("verify", "latest").returncode == 0
    return {**found["report"], "status": found["status"]}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("question", "source", "words", "place"),
    [
        (
            "How many bicycles did the ferry carry in May?",
            "ferry.pdf",
            "The ferry carried 4,210 bicycles in May.",
            "p. 2",
        ),
        (
            "When did the pilot of the night bus start?",
            "pilot.html",
            "The pilot of the night bus started in March",
            ":3",
        ),
        ("Who pays for the drivers?", "budget.docx", "Who pays for the drivers?", "budget.docx:"),
    ],
)
async def test_a_quote_opens_at_its_place(
    bullpen: Command, folder: Path, question: str, source: str, words: str, place: str
) -> None:
    report = ask(bullpen, question, folder)
    texts = {item.id: item.text async for item in read_corpus([folder]) if isinstance(item, Document)}

    quotes = [quote for claim in report["claims"] for quote in claim["quotes"]]
    assert all(texts[q["source"]][q["start"] : q["end"]] == q["text"] for q in quotes)
    assert any(words in quote["text"] for quote in quotes if quote["source"] == source)
    assert any(place in line for line in report["text"].splitlines() if source in line)


@pytest.mark.parametrize(
    ("question", "answer", "rule"),
    [
        ("What is the status of REG 2?", ["Active"], "lookup"),
        ('Which regulation superseded "Width of stairs", and what is its status?', ["REG 3 (Active)"], "lookup"),
        ("List the stairs regulations created in 2019.", ["REG 3"], "filter"),
        ("How many documents are about stairs, and which is the earliest?", ["3", "REG 1"], "count"),
        ("Which was created first: REG-2 or REG-4?", ["REG 2"], "min"),
    ],
)
def test_metadata_answers_exactly(bullpen: Command, folder: Path, question: str, answer: list[str], rule: str) -> None:
    report = ask(bullpen, question, folder)

    [marked] = [claim for claim in report["claims"] if claim["answer"]]
    assert (marked["answer"], marked["rule"]) == (answer, rule)


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What is the boiling point of tungsten?", "tungsten"),
        ("What is the status of REG 77?", "REG 77"),
        ("List the lifts regulations created in 1999.", "1999"),
    ],
)
def test_what_the_documents_do_not_say_is_refused_by_name(
    bullpen: Command, folder: Path, question: str, named: str
) -> None:
    report = ask(bullpen, question, folder)

    assert (report["status"], report["claims"]) == ("empty", [])
    assert any(named in gap["detail"] for gap in report["gaps"])


def test_broken_files_are_named_and_the_job_goes_on(bullpen: Command, folder: Path) -> None:
    whole = making.pdf(["Locked", "Nobody reads this."])
    (folder / "locked.pdf").write_bytes(making.encrypted(whole, "secret"))
    (folder / "broken.pdf").write_bytes(whole[:60])
    (folder / "scan.pdf").write_bytes(making.blank_pdf(4))
    (folder / "bomb.docx").write_bytes(making.claiming(making.word(), "word/document.xml", 2**31))
    (folder / "long.txt").write_text("no end " * 300_000)
    (folder / "chinois.txt").write_text("轮渡在五月运送了四千辆自行车。" * 20)
    report = ask(bullpen, "How many bicycles did the ferry carry in May?", folder)

    reasons = {Path(gap["reason"]).name: gap["detail"] for gap in report["gaps"] if gap["task"] == "corpus"}
    assert reasons.keys() == {"locked.pdf", "broken.pdf", "scan.pdf", "bomb.docx"}
    assert "4 pages" in reasons["scan.pdf"]
    assert report["status"] == "partial"
    assert "4,210 bicycles" in report["claims"][0]["text"]
