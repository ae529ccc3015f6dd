"""What a research desk did wrong before it read whole documents: a test for each fault, by a model that plays its part.

Two of the thirteen are no matter of a job and stand elsewhere. Which heading a passage stands under, and that headings
and targets of links by themselves are no passages: `tests/memory/test_chunking`. What a worker's own question shows a
model, how an array is asked for, and that claims of other workers are no material: `tests/dispatch/test_reading`.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from bullpen import Status
from bullpen.orchestrator.gateway.model import Request

from .player import Player, asked, quoted

pytestmark = pytest.mark.anyio

FERRY = "# The ferry\n\nThe ferry cost 300 crowns in 1902.\n\nIts hull was of oak.\n"


def chronicle(n: int) -> str:
    """A text that has the question's words, nothing of an answer, and no sentence of another's."""
    told = " ".join(f"In the week {n}-{week} it speaks of wool and of weather." for week in range(60))
    return f"# Chronicle {n}\n\nThe cost of ferry number {n} was talked of.\n\n{told}\n"


async def test_what_the_models_own_queries_find_is_read(tmp_path: Path) -> None:
    """The question's own words filled the cut, so that what a model searched for had no effect."""
    texts = {f"{n}.md": chronicle(n) for n in range(24)} | {"ledger.md": "# Ledger\n\nPaid: 300 crowns, vessel.\n"}
    triage = {"points": ["What did the ferry cost?"], "documents": ["0.md"], "queries": ["ledger paid vessel"]}
    player = Player({"Paid: 300 crowns": "The ferry cost 300 crowns."}, {"triage": triage})
    report = await asked(player, tmp_path, "What was the cost of the ferry?", texts)

    assert quoted(report) == ["Paid: 300 crowns, vessel."]


@pytest.mark.parametrize(
    "question",
    [
        "What's wrong with passenger watercraft?",
        "Watercraft's outlay?",
        "How did municipalities settle, according to Holm's ledger?",
    ],
)
async def test_no_question_is_refused_for_its_words(tmp_path: Path, question: str) -> None:
    """Questions were refused before anything was read, since no document has "What's", "according" or their nouns."""
    player = Player({"cost 300 crowns": "The ferry cost 300 crowns."}, points=[question])
    report = await asked(player, tmp_path, question, {"a.md": FERRY})

    assert (report.status, report.gaps) == (Status.OK, ())
    assert quoted(report) == ["The ferry cost 300 crowns in 1902."]


async def test_a_document_that_the_question_does_not_name_is_read_and_never_denied(tmp_path: Path) -> None:
    """Every part was locked to the documents that the question named; of others the report said they were not there."""
    texts = {f"reg-{n}.md": f"---\nnumber: {n}\n---\n# Reg {n}\n\nReg {n} has {n} rules.\n" for n in (12, 13)}
    player = Player({"Reg 12 has": "Reg 12 has 12 rules.", "Reg 13 has": "Reg 13, which follows it, has 13."})
    report = await asked(player, tmp_path, "What came of REG 12?", texts)

    assert quoted(report) == ["Reg 12 has 12 rules.", "Reg 13 has 13 rules."]
    assert "no passage" not in report.text


async def test_fields_are_no_answer_that_the_model_did_not_write(tmp_path: Path) -> None:
    """Who wrote a document came in bold as the answer to how many votes that person got, though the model had dropped
    it."""
    question = "How many votes did Ada Holm receive?"
    said = "---\nauthor: {} <{}@h.invalid>\n---\n# Vote {}\n\nTo receive votes is no merit.\n"
    names = ["Ada Holm", *(f"Olaf {letter}berg" for letter in "BCDEFGHI")]
    texts = {f"{n}.md": said.format(name, n, n) for n, name in enumerate(names)}
    report = await asked(Player({}, points=[question]), tmp_path, question, texts)

    assert (report.status, report.claims) == (Status.EMPTY, ())
    assert "author" not in report.text.split("## Documents")[0]


async def test_the_conditions_of_a_look_up_stand_in_the_report(tmp_path: Path) -> None:
    """A filter that nobody could see told what was of no concern to the question."""
    filler = "It speaks of wool and of weather at length. " * 160
    texts = {f"{n}.md": f"---\nkind: {('ship', 'mill')[n % 2]}\n---\n# Number {n}\n\n{filler}\n" for n in range(8)}
    where = {"where": [{"field": "kind", "values": ["ship"]}]}
    triage = {"kind": "list", "points": ["Which are ships?"], "documents": [], "lookups": [where]}
    write = {"lead": "Four of the eight are ships [1]."}
    report = await asked(Player({}, {"triage": triage, "write": write}), tmp_path, "Which are ships?", texts)

    assert [claim.text for claim in report.claims] == ["Four of the eight are ships."]
    assert "kind is ship: 4 of 8" in report.text.split("## Evidence")[1]


async def test_the_order_of_the_writer_is_the_order_of_the_report(tmp_path: Path) -> None:
    """What fields say was put first, so that a report began with "It did so because"; tables vanished."""
    text = "---\nstatus: Closed\ncreated: 1902-05-01\n---\n" + FERRY
    facts = {
        "hull was of oak": "Its hull was of oak.",
        "cost 300": "It cost 300 crowns.",
        "status: Closed": "It is closed.",
    }
    sections = [
        {"heading": "Hull", "blocks": ["It is of oak [1].", "| | state |\n|---|---|\n| ferry | closed [3] |"]},
        {"heading": "Cost", "blocks": ["It took 300 crowns [2]."]},
    ]
    write = {"lead": "A ferry of oak cost 300 crowns [1][2].", "sections": sections}
    report = await asked(Player(facts, {"write": write}), tmp_path, "What of the ferry's status?", {"a.md": text})
    said = [
        "A ferry of oak cost",
        "## Hull",
        "It is of oak",
        "| ferry | closed",
        "## Cost",
        "It took 300",
        "## Documents",
    ]

    assert sorted(said, key=report.text.index) == said


async def test_a_complete_report_is_complete_and_no_machinery_stands_in_it(tmp_path: Path) -> None:
    """Lists of words that "no evidence contains", ids of tasks and names of errors stood under complete reports."""
    player = Player({"cost 300 crowns": "Three hundred crowns were paid for it."})
    question = "Which outlay did the municipality's watercraft occasion, notwithstanding subsidies?"
    report = await asked(player, tmp_path, question, {"a.md": FERRY})

    assert report.status is Status.OK
    body = report.text.partition("\n\n")[2]
    assert not re.search(r"summarize|analyze|refine|NotFound|WeakEvidence|contains? these words|outlay|subsidies", body)


async def test_each_quote_has_a_number_of_its_own_and_is_printed_with_its_line(tmp_path: Path) -> None:
    """A number was a document, and no quote was printed: nobody could tell which words carry which sentence."""
    player = Player({"cost 300 crowns": "The ferry cost 300 crowns.", "hull was of oak": "It was of oak."})
    report = await asked(player, tmp_path, "What was the ferry?", {"a.md": FERRY})

    assert "The ferry cost 300 crowns. [1] It was of oak. [2]" in report.text.replace("\\[", "[").replace("\\]", "]")
    evidence = report.text.split("## Evidence")[1]
    assert re.search(r"1\W.*The ferry cost 300 crowns in 1902\..*a\.md:3", evidence)
    assert re.search(r"2\W.*Its hull was of oak\..*a\.md:5", evidence)


async def test_each_step_knows_what_those_before_it_found_and_did_not_find(tmp_path: Path) -> None:
    """What was missing, searched and said twice was lost between the steps, so that rounds asked the same again."""
    filler = "\n\n".join(f"Paragraph {n} speaks of weather and of wool." for n in range(900))
    texts = {"ferry.md": FERRY, "wool.md": filler, "weather.md": filler}
    points = ["What did the ferry cost?", "Who steered it?"]
    triage = {"points": points, "documents": ["ferry"], "queries": ["ferry hull oak"]}
    gaps = {"points": [{"point": 2, "state": "open"}], "queries": ["ferry hull oak", "steersman"]}

    def read(request: Request) -> Any:
        """The same sentence twice, in other words."""
        one = {**player.read(request)["notes"][0]}
        return {"notes": [one, {**one, "text": "300 crowns were paid."}], "not_said": [2]}

    player = Player({"cost 300 crowns": "The ferry cost 300 crowns."}, {"triage": triage, "gaps": gaps}, points)
    player.answers = {**player.answers, "read": read}
    report = await asked(player, tmp_path, "What did it cost, and who steered it?", texts)

    first = next(request for request in player.requests if request.prompt == "gaps")
    assert first.inputs["searched"] == ("ferry hull oak",)
    [write] = [request for request in player.requests if request.prompt == "write"]
    assert write.inputs["not_said"] == ("Who steered it?",)
    assert [note["text"] for note in write.inputs["notes"]] == ["The ferry cost 300 crowns."]
    assert quoted(report) == ["The ferry cost 300 crowns in 1902."]
    assert len(player.shown("read")) == 1


async def test_no_sentence_of_a_document_is_sent_twice(tmp_path: Path) -> None:
    """Two fifths of what was sent had been sent before, in scraps that overlapped."""
    facts = {"cost 300 crowns": "The ferry cost 300 crowns.", "hull was of oak": "The hull is oak, at 300 crowns."}
    texts = {
        "a.md": FERRY,
        **{f"{n}.md": f"# Mill {n}\n\nMill {n} grinds oats, and has {n} stones.\n" for n in range(9)},
    }
    player = Player(facts, points=["What did the ferry cost?", "Of what was it?"])
    await asked(player, tmp_path, "What did the ferry cost, and of what was it?", texts)

    whole = "\n".join(player.shown("read"))
    assert [whole.count(words) for words in ("cost 300 crowns in 1902", "hull was of oak", "Mill 7 grinds")] == [
        1,
        1,
        1,
    ]
    assert "in 1902" not in "\n".join(player.shown("write"))
    assert (
        "\n".join(player.shown("check")).count("The ferry cost 300 crowns in 1902.") <= 2
    )  # as a quote, and in a head


async def test_names_and_figures_that_stand_in_no_quote_are_shown_to_the_check_and_dropped_where_nobody_checks(
    tmp_path: Path,
) -> None:
    """That quotes stand was seen by code, not that a sentence says no more than they do."""
    write = {"lead": "The ferry cost 300 crowns [1]. So did those of Wexcombe and Tarnholm in 1911 [1]."}
    player = Player({"cost 300 crowns": "The ferry cost 300 crowns."}, {"write": write})
    await asked(player, tmp_path, "What did the ferry cost?", {"a.md": FERRY})
    [check] = [request for request in player.requests if request.prompt == "check"]
    assert [one["odd"] for one in check.inputs["sentences"]] == [[], ["Wexcombe", "Tarnholm", "1911"]]

    (tmp_path / "again").mkdir()
    alone = Player(player.facts, {**player.answers, "check": "I do not check."})
    report = await asked(alone, tmp_path / "again", "What did the ferry cost?", {"a.md": FERRY})
    assert [claim.text for claim in report.claims] == ["The ferry cost 300 crowns."]
    assert report.checked is not None
    assert report.checked.dropped == ("So did those of Wexcombe and Tarnholm in 1911.",)
