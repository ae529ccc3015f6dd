"""The desk over documents and models as bad as they come: what is missing is said, and nothing is made up."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bullpen import Report, Status
from bullpen.agents.catalogue import CARDS_MOST, WHOLE_MOST
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.gateway.model import Request

from .player import Player, asked, quoted

pytestmark = pytest.mark.anyio

QUESTION = "What did the ferry cost?"
FERRY = "# The ferry\n\nThe ferry cost 300 crowns in 1902.\n"
MILL = "# The mill\n\nThe mill cost 200 crowns.\n"
TEXTS = {"ferry.md": FERRY, "mill.md": MILL}
FACTS = {"cost 300 crowns": "The ferry cost 300 crowns."}
PROSE = "Certainly! The ferry was a marvel of its age, and I would be glad to tell you more about it."
#: Too much for one call, so that documents are chosen.
FILLER = {f"wool-{n}.md": "\n\n".join(f"Wool {n}-{k} is of no concern." for k in range(900)) for n in range(2)}


def assert_nothing_is_made_up(report: Report, texts: Mapping[str, str]) -> None:
    """Whatever a report says rests on words that stand in a document that there is."""
    claims = [*report.claims, *(claim for one in report.disagreements for claim in one.claims)]
    assert all(claim.quotes or claim.records for claim in claims)
    for quote in (quote for claim in claims for quote in claim.quotes):
        assert texts[quote.source][quote.start : quote.end] == quote.text
    assert {one.source for one in report.documents} <= texts.keys()


async def test_of_a_large_catalogue_some_cards_are_shown_and_the_prompt_says_how_many(tmp_path: Path) -> None:
    texts = {
        f"{n}.md": f"# Barge {n}\n\nBarge {n} carries oats and {n} sheep, on {n} days.\n"
        for n in range(WHOLE_MOST + 50)
    }
    long = {name: text + "It sails by the moon, and rests. " * 60 for name, text in texts.items()}
    triage = {"points": [QUESTION], "documents": ["7.md"]}
    player = Player(
        {"Barge 7 carries": "Barge 7 carries 7 sheep."}, {"triage": triage, "scout": {"queries": ["sheep"]}}
    )
    report = await asked(player, tmp_path, "What does barge 7 carry?", long)

    [shown] = player.shown("triage")
    assert shown.count("\n- [") == CARDS_MOST
    assert f"{CARDS_MOST} of {WHOLE_MOST + 50}" in shown
    assert quoted(report) == ["Barge 7 carries oats and 7 sheep, on 7 days."]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("table.md", "| vessel | cost |\n|---|---|\n| ferry | 300 |\n| barge | 200 |\n", "ferry"),
        ("code.md", "```python\nCOSTS = {'ferry': 300}\nprint(COSTS)\n```\n", "COSTS = "),
        (
            "sail.txt",
            "".join(f"1902-05-{n:02} 10:00:{n:02} WARN ferry: cost={n}00\n" for n in range(1, 29)),
            "cost=300",
        ),
        ("one.txt", "ferry=300;" * 200_000, "ferry=300"),
    ],
)
async def test_documents_without_a_sentence_are_read_and_quoted(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    report = await asked(Player({words: "The ferry cost 300."}), tmp_path, QUESTION, {name: text})

    assert (report.status, [claim.text for claim in report.claims]) == (Status.OK, ["The ferry cost 300."])
    assert words in quoted(report)[0]
    assert_nothing_is_made_up(report, {name: text})


@pytest.mark.parametrize("text", ["# A heading alone\n", "```\n```\n", "![](a.png)\n"])
async def test_documents_that_say_nothing_are_an_empty_report(tmp_path: Path, text: str) -> None:
    report = await asked(Player(FACTS), tmp_path, QUESTION, {"a.md": text})

    assert (report.status, report.claims) == (Status.EMPTY, ())
    assert report.gaps


@pytest.mark.parametrize("text", ["", "\n \n"])
async def test_a_folder_of_nothing_but_empty_files_is_refused_by_their_names(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match=r"a\.md is empty; name documents with text"):
        await asked(Player(FACTS), tmp_path, QUESTION, {"a.md": text})


@pytest.mark.parametrize("numbers", [[977], [0], [-3], [2**40], [977, 10**9]])
async def test_sentences_that_there_are_not_are_no_evidence(tmp_path: Path, numbers: list[int]) -> None:
    invented = {"notes": [{"point": 1, "text": "It cost 900 crowns.", "sentences": numbers}], "points": [QUESTION]}
    report = await asked(Player({}, {"read": invented}), tmp_path, QUESTION, TEXTS)

    assert all(quote.text in TEXTS[quote.source] for claim in report.claims for quote in claim.quotes)
    assert report.claims  # rules have chosen the sentences that there are
    assert "900" not in report.text


async def test_a_point_that_there_is_not_loses_no_note(tmp_path: Path) -> None:
    def read(request: Request) -> Any:
        told = player.read(request)
        return {**told, "notes": [{**note, "point": 99} for note in told["notes"]]}

    player = Player(FACTS)
    player.answers = {"read": read}
    report = await asked(player, tmp_path, QUESTION, TEXTS)

    assert quoted(report) == ["The ferry cost 300 crowns in 1902."]


async def test_documents_that_there_are_not_are_left_out_wherever_they_are_named(tmp_path: Path) -> None:
    absent = ["PEP 600", "../../etc/passwd", "@7", "-ferry.md", ""]
    answers = {
        "triage": {"points": [QUESTION, "Who paid?"], "documents": ["mill.md", *absent], "queries": []},
        "gaps": {"points": [{"point": 9, "state": "open"}], "documents": absent, "queries": []},
    }
    texts = TEXTS | FILLER
    report = await asked(Player({"cost 200 crowns": "The mill cost 200 crowns."}, answers), tmp_path, QUESTION, texts)

    assert [one.source for one in report.documents] == ["mill.md"]
    assert_nothing_is_made_up(report, texts)


async def test_where_no_document_that_is_there_is_chosen_the_question_is_searched_for(tmp_path: Path) -> None:
    triage = {"points": [QUESTION], "documents": ["PEP 600", "nowhere.md"]}
    report = await asked(Player(FACTS, {"triage": triage}), tmp_path, QUESTION, TEXTS | FILLER)

    assert quoted(report) == ["The ferry cost 300 crowns in 1902."]


async def test_the_same_note_thirty_times_is_one(tmp_path: Path) -> None:
    def read(request: Request) -> Any:
        told = player.read(request)
        return {**told, "notes": told["notes"] * 30}

    player = Player(FACTS)
    player.answers = {"read": read}
    report = await asked(player, tmp_path, QUESTION, TEXTS)

    assert [claim.text for claim in report.claims] == ["The ferry cost 300 crowns."]


@pytest.mark.parametrize(
    "written",
    [
        {"lead": "The ferry cost 300 crowns."},
        {"lead": "The ferry cost 300 crowns [7]. It sank [0]."},
        {"lead": ""},
        {"lead": " ", "sections": [{"heading": "Cost", "blocks": []}, {"heading": "", "blocks": ["", "| |\n|---|"]}]},
        {"lead": "[1]", "not_answered": ["", "[1]"]},
    ],
)
async def test_where_nothing_is_written_that_names_a_note_the_notes_stand(tmp_path: Path, written: Any) -> None:
    report = await asked(Player(FACTS, {"write": written}), tmp_path, QUESTION, TEXTS)

    assert [claim.text for claim in report.claims] == ["The ferry cost 300 crowns."]
    assert_nothing_is_made_up(report, TEXTS)


async def test_a_writer_who_says_that_nothing_is_answered_is_believed(tmp_path: Path) -> None:
    player = Player(FACTS, {"write": {"lead": "", "not_answered": ["What the tram cost."]}})
    report = await asked(player, tmp_path, QUESTION, TEXTS)

    assert (report.status, report.claims, report.not_answered) == (Status.EMPTY, (), ("What the tram cost.",))
    assert "- What the tram cost." in report.text
    assert report.checked is None  # there is nothing to check


async def test_what_is_not_among_the_documents_is_said_where_nothing_was_read(tmp_path: Path) -> None:
    where = [{"field": "id", "values": ["PEP-9413"]}]
    triage = {"points": [QUESTION], "absent": ["There is no PEP 9413 here"], "lookups": [{"where": where}]}
    player = Player(FACTS, {"triage": triage})
    report = await asked(player, tmp_path, QUESTION, TEXTS | FILLER)

    assert report.status is Status.EMPTY
    assert "- There is no PEP 9413 here. Of " in report.text
    assert "documents none seems to be about it, so none was read; looked up: id is PEP-9413: 0 of" in report.text


@pytest.mark.parametrize("verdict", ["unsupported", "beside"])
async def test_a_check_that_drops_everything_leaves_no_answer_and_says_so(tmp_path: Path, verdict: str) -> None:
    """Also where the brief has drifted: sentences that are true and beside the question are no answer to it."""

    def check(request: Request) -> Any:
        return {"verdicts": [{"sentence": one["number"], "verdict": verdict} for one in request.inputs["sentences"]]}

    report = await asked(Player(FACTS, {"check": check}), tmp_path, QUESTION, TEXTS)

    assert (report.status, report.claims) == (Status.EMPTY, ())
    assert report.checked is not None
    assert report.checked.dropped == ("The ferry cost 300 crowns.",)
    assert "Nothing was found that answers this" in report.text


@pytest.mark.parametrize("prompt", ["triage", "read", "gaps", "write", "check"])
async def test_prose_instead_of_json_is_a_step_without_a_model(tmp_path: Path, prompt: str) -> None:
    """What the step's rule makes of it, said in the report; nothing of the prose gets there."""
    triage = {"points": [QUESTION, "Who paid?"], "documents": ["ferry.md"]}
    texts = TEXTS | FILLER
    answers = {"triage": triage, prompt: PROSE, "select": {"sentences": [1]}}
    report = await asked(Player(FACTS, answers), tmp_path, QUESTION, texts)

    assert report.status is Status.OK or report.gaps or report.not_answered
    assert "marvel" not in report.text
    assert_nothing_is_made_up(report, texts)
    if prompt in ("write", "check"):
        assert report.checked is not None
        assert "no model" in report.checked.reason


async def test_prose_to_everything_is_quotes_chosen_by_rule_or_nothing(tmp_path: Path) -> None:
    prompts = ("triage", "scout", "read", "select", "gaps", "write", "check", "brief", "search", "summarize", "analyze")
    player = Player({}, dict.fromkeys((*prompts, "refine", "steer", "plan"), PROSE))
    report = await asked(player, tmp_path, QUESTION, TEXTS | FILLER)

    assert report.status is not Status.OK
    assert "marvel" not in report.text
    assert report.gaps
    assert_nothing_is_made_up(report, TEXTS | FILLER)


async def test_documents_that_contradict_each_other_are_both_quoted_under_their_names(tmp_path: Path) -> None:
    texts = {"ledger.md": FERRY, "letter.md": "# A letter\n\nThe ferry cost 450 crowns, lamps and all.\n"}
    facts = FACTS | {"cost 450 crowns": "The ferry cost 450 crowns with its lamps."}
    sides = [{"text": "It cost 300 crowns.", "notes": [1]}, {"text": "It cost 450 crowns.", "notes": [2]}]
    write = {
        "lead": "The ferry cost 300 or 450 crowns [1][2].",
        "disagreements": [{"about": "the cost of the ferry", "sides": sides, "why": "The lamps [2]."}],
    }
    report = await asked(Player(facts, {"write": write}), tmp_path, QUESTION, texts)

    told = report.text.split("## Where sources disagree")[1]
    assert re.search(r"The ferry: It cost 300 crowns.*\n.*A letter: It cost 450 crowns", told)
    assert [one.about for one in report.disagreements] == ["the cost of the ferry"]
    assert_nothing_is_made_up(report, texts)


async def test_a_false_premise_is_told_with_what_the_documents_say_instead(tmp_path: Path) -> None:
    write = {
        "lead": "The documents know of no wreck; the ferry cost 300 crowns in 1902 [1].",
        "not_answered": ["Why the ferry sank: nothing says that it did."],
    }
    report = await asked(Player(FACTS, {"write": write}), tmp_path, "Why did the ferry of 1902 sink?", TEXTS)

    assert report.status is Status.PARTIAL
    assert "nothing says that it did" in report.text.split("## Not answered")[1]
    assert_nothing_is_made_up(report, TEXTS)
