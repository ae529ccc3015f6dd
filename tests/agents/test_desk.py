"""The desk end to end by a scripted model: what is read, what is asked next, what is written, checked and told."""

import re
from collections.abc import Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bullpen import Report, Status, research_team
from bullpen.agents.refine import NOTES_TOKENS
from bullpen.memory.in_memory import open_in_memory
from bullpen.orchestrator.gateway.model import Completion, Request
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.tokens import estimate
from bullpen.orchestrator.testing import ScriptedModel, scripted_system

pytestmark = pytest.mark.anyio

FERRY = """# The ferry

The ferry cost 300 crowns in 1902. It sails at dawn.

## Crew

The captain was Ada Holm. She left in 1910.
"""
MILL = "# The mill\n\nThe mill cost 200 crowns. A fire ended it in 1907.\n"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "ferry.md").write_text(FERRY)
    (tmp_path / "docs" / "mill.md").write_text(MILL)
    return tmp_path / "docs"


def number_of(request: Request, words: str) -> int:
    """The number under which a sentence is shown."""
    shown = "\n".join(one["text"] for one in request.inputs["documents"])
    found = re.search(rf"^\[(\d+)\] .*{re.escape(words)}", shown, re.MULTILINE)
    assert found is not None, shown
    return int(found[1])


def note(request: Request, words: str, text: str, point: int = 1) -> dict[str, Any]:
    return {"point": point, "text": text, "sentences": [number_of(request, words)]}


def read(*notes: tuple[str, str], **more: Any) -> Any:
    def answer(request: Request) -> Any:
        told = [note(request, words, text) for words, text in notes]
        points = {} if request.inputs["points"] else {"kind": "fact", "points": ["What did the ferry cost?"]}
        return {"notes": told, **points, **more}

    return answer


def checked(verdicts: Mapping[str, Any]) -> Any:
    """Verdicts by words of the sentence; what is not named is supported. Whoever judges is shown every quote."""

    def answer(request: Request) -> Any:
        shown = "\n".join(message.content for message in request.messages)
        assert all(f"({quote['number']}) {quote['text']}" in shown for quote in request.inputs["quotes"])
        said = []
        for sentence in request.inputs["sentences"]:
            found = next((told for words, told in verdicts.items() if words in sentence["text"]), "supported")
            more = {"verdict": found} if isinstance(found, str) else {"verdict": "overstated", "text": found["text"]}
            said.append({"sentence": sentence["number"], **more})
        return {"verdicts": said}

    return answer


COST = ("cost 300 crowns", "The ferry cost 300 crowns in 1902.")
WRITTEN = {"lead": "The ferry cost 300 crowns in 1902 [1]."}
ANSWERS: dict[str, Any] = {"read": read(COST), "write": WRITTEN, "check": checked({})}


@asynccontextmanager
async def desk(tmp_path: Path, model: ScriptedModel, **settings: Any) -> Any:
    team = research_team
    async with scripted_system(team, model, project=tmp_path / "project", **settings) as system:
        yield system


async def report(tmp_path: Path, corpus: Path, answers: Mapping[str, Any], **settings: Any) -> tuple[Report, list[str]]:
    model = ScriptedModel(answers)
    async with desk(tmp_path, model, **settings) as system:
        async with system.launch("What did the ferry cost?", corpus=corpus) as job:
            return await job.result(), [request.prompt for request in model.requests]


async def test_a_small_corpus_takes_three_calls_and_every_quote_stands(tmp_path: Path, corpus: Path) -> None:
    found, asked = await report(tmp_path, corpus, ANSWERS)

    assert asked == ["read", "write", "check"]
    assert found.status is Status.OK
    assert [claim.text for claim in found.claims] == ["The ferry cost 300 crowns in 1902."]
    assert [quote.text for quote in found.claims[0].quotes] == ["The ferry cost 300 crowns in 1902."]
    assert found.claims[0].notes == ("summarize-1.1",)
    assert found.layout is not None
    assert found.layout.lead == (found.claims[0].id,)
    assert [one.source for one in found.documents] == ["ferry.md", "mill.md"]
    assert found.checked is not None
    assert (found.checked.sentences, found.checked.as_they_stood) == (1, 1)


async def test_no_schema_is_told_twice_and_a_quote_goes_to_the_check_once(tmp_path: Path, corpus: Path) -> None:
    written = {"lead": "The ferry cost 300 crowns [1].", "sections": [{"heading": "Cost", "blocks": ["300 [1]."]}]}
    model = ScriptedModel({**ANSWERS, "write": written})
    async with desk(tmp_path, model) as system, system.launch("What did the ferry cost?", corpus=corpus) as job:
        await job.result()
    sent = {request.prompt: "\n".join(message.content for message in request.messages) for request in model.requests}

    assert [prompt for prompt, text in sent.items() if "matches this schema" in text] == []
    assert re.findall(r"^\(\d+\) .*", sent["check"], re.MULTILINE) == ["(1) The ferry cost 300 crowns in 1902."]
    assert 'begins="The ferry · The ferry cost' in sent["check"]  # its title once


async def test_what_the_check_finds_unsupported_is_dropped_and_what_says_too_much_is_mended(
    tmp_path: Path, corpus: Path
) -> None:
    written = {
        "lead": "The ferry cost exactly 300 crowns in 1902 [1].",
        "sections": [{"heading": "Prizes", "blocks": ["It won the Baltic Transit Award of 1903 [1]."]}],
    }
    said = {"exactly": {"text": "The ferry cost 300 crowns in 1902."}, "Award": "unsupported"}
    found, _ = await report(tmp_path, corpus, {**ANSWERS, "write": written, "check": checked(said)})

    assert [claim.text for claim in found.claims] == ["The ferry cost 300 crowns in 1902."]
    assert found.layout is not None
    assert found.layout.sections == ()
    assert found.checked is not None
    assert (found.checked.mended, found.checked.dropped) == (1, ("It won the Baltic Transit Award of 1903.",))
    assert "Award" not in " ".join(claim.text for claim in found.claims)


async def test_a_sentence_without_a_verdict_is_not_called_checked(tmp_path: Path, corpus: Path) -> None:
    found, _ = await report(tmp_path, corpus, {**ANSWERS, "check": {"verdicts": []}})

    assert found.checked is not None
    assert found.checked.as_they_stood == 0
    assert "1 of the sentences were given no verdict" in found.checked.reason
    assert "each checked" not in found.text


async def test_nobody_checks_and_the_report_says_so(tmp_path: Path, corpus: Path) -> None:
    found, _ = await report(tmp_path, corpus, {"read": read(COST), "write": WRITTEN})

    assert len(found.claims) == 1
    assert found.checked is not None
    assert found.checked.model == ""
    assert "no model checked" in found.checked.reason


async def test_a_sentence_without_a_number_is_no_sentence_of_the_report(tmp_path: Path, corpus: Path) -> None:
    written = {"lead": "The ferry cost 300 crowns in 1902 [1]. It is the finest of all ferries. It sank [7]."}
    found, _ = await report(tmp_path, corpus, {**ANSWERS, "write": written})

    assert [claim.text for claim in found.claims] == ["The ferry cost 300 crowns in 1902."]


async def test_a_writer_without_numbers_is_asked_again_and_then_the_notes_stand(tmp_path: Path, corpus: Path) -> None:
    found, asked = await report(tmp_path, corpus, {**ANSWERS, "write": {"lead": "The ferry cost 300 crowns."}})

    assert asked == ["read", "write", "write", "check"]
    assert [claim.text for claim in found.claims] == ["The ferry cost 300 crowns in 1902."]


async def test_notes_that_name_sentences_that_there_are_not_are_no_evidence(tmp_path: Path, corpus: Path) -> None:
    """Whoever names none at all has not read, so rules choose sentences: nobody says that the documents are silent."""
    invented = {
        "kind": "fact",
        "points": ["What did the ferry cost?"],
        "notes": [{"point": 1, "text": "The ferry cost 900 crowns.", "sentences": [977]}],
    }
    answers = {**ANSWERS, "read": invented, "write": {"lead": "The ferry cost 300 crowns [1]. It cost 900 [99]."}}
    found, asked = await report(tmp_path, corpus, answers)

    assert asked[0] == "read"
    assert [claim.text for claim in found.claims] == ["The ferry cost 300 crowns."]
    assert all(quote.text in FERRY for quote in found.claims[0].quotes)
    assert "900" not in found.text


async def test_reading_that_finds_nothing_ends_as_empty_in_words_for_people(tmp_path: Path, corpus: Path) -> None:
    """All there is has been read: nobody is asked where else to look."""
    found, asked = await report(tmp_path, corpus, {**ANSWERS, "read": read(not_said=[1])})

    assert found.status is Status.EMPTY
    assert (found.claims, found.outputs) == ((), ())
    assert len(found.documents) == 2
    assert "None of the documents that were read says it" in " ".join(gap.detail for gap in found.gaps)
    assert asked == ["read"]


async def test_everything_beside_the_question_is_no_report(tmp_path: Path, corpus: Path) -> None:
    """A brief that has drifted: the sentences are true, and none is an answer."""
    found, _ = await report(tmp_path, corpus, {**ANSWERS, "check": checked({"ferry": "beside"})})

    assert found.claims == ()
    assert found.status is not Status.OK


class Large:
    """A corpus too large for one call, and a model that chooses one document, then finds the other by a query."""

    def __init__(self, tmp_path: Path) -> None:
        self.docs = tmp_path / "docs"
        self.docs.mkdir()
        filler = "\n\n".join(f"Paragraph {n} of the chronicle speaks of weather and of wool." for n in range(900))
        for name, text in (("ferry.md", FERRY), ("mill.md", MILL), ("wool.md", filler), ("weather.md", filler)):
            (self.docs / name).write_text(text)
        self.seen: list[list[str]] = []
        self.answers: dict[str, Any] = {
            "triage": self.triage,
            "read": self.read,
            "gaps": {"points": [{"point": 2, "state": "open"}], "queries": ["mill cost crowns"]},
            "write": {"lead": "The ferry cost 300 crowns [1]. The mill cost 200 crowns [2]."},
            "check": checked({}),
        }

    def read(self, request: Request) -> Any:
        ids = [one["id"] for one in request.inputs["documents"]]
        self.seen.append(ids)
        if any("mill" in name for name in ids):
            return {"notes": [note(request, "200 crowns", "The mill cost 200 crowns.", 2)]}
        return {"notes": [note(request, *COST)], "not_said": [2]}

    def triage(self, request: Request) -> Any:
        ids = re.findall(r"^- \[(.+?)\]", request.inputs["cards"], re.MULTILINE)
        points = ["What did the ferry cost?", "What did the mill cost?"]
        return {"points": points, "documents": [name for name in ids if "ferry" in name] + ["nobody-has-this"]}


async def test_gaps_lead_to_another_look_once_and_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    """Triage chooses, the notes leave a point open, and a query finds the rest."""
    large = Large(tmp_path)
    found, asked = await report(tmp_path, large.docs, large.answers)

    assert asked == ["triage", "read", "gaps", "read", "write", "check"]
    assert len({name for ids in large.seen for name in ids}) == sum(map(len, large.seen))
    assert [claim.text for claim in found.claims] == ["The ferry cost 300 crowns.", "The mill cost 200 crowns."]
    assert found.claims[1].notes == ("summarize-2.1",)


async def test_what_can_be_done_without_is_waited_for_so_long_and_no_longer(tmp_path: Path) -> None:
    large, silent = Large(tmp_path), Completion(Outcome.TIMED_OUT)
    model = ScriptedModel({**large.answers, "gaps": silent})
    async with desk(tmp_path, model) as system, system.launch("What did the ferry cost?", corpus=large.docs) as job:
        found = await job.result()
    bounds = {request.prompt: request.within_s for request in model.requests}

    assert [prompt for prompt, within_s in bounds.items() if within_s is not None] == ["gaps"]
    assert [claim.text for claim in found.claims] == ["The ferry cost 300 crowns."]


async def test_a_query_is_not_asked_twice_and_a_round_that_adds_nothing_is_the_last(tmp_path: Path) -> None:
    large = Large(tmp_path)
    large.answers["gaps"] = {"points": [{"point": 2, "state": "open"}], "queries": ["tungsten of the moon"]}
    found, asked = await report(tmp_path, large.docs, large.answers, rounds_most=5)

    assert asked == ["triage", "read", "gaps", "write", "check"]
    assert [claim.text for claim in found.claims] == ["The ferry cost 300 crowns."]


async def test_documents_that_are_not_there_are_nobodys_evidence(tmp_path: Path) -> None:
    large = Large(tmp_path)
    large.answers["gaps"] = {"points": [], "documents": ["PEP-600", "../../etc/passwd"], "queries": []}
    found, _ = await report(tmp_path, large.docs, large.answers)

    assert {quote.source for claim in found.claims for quote in claim.quotes} == {large.seen[0][0]}
    assert [one.source for one in found.documents] == [large.seen[0][0]]


async def test_two_runs_ask_the_same_of_an_in_memory_store(tmp_path: Path, corpus: Path) -> None:
    from dataclasses import replace

    model = ScriptedModel(ANSWERS)
    team = replace(research_team, memory=open_in_memory)
    async with scripted_system(team, model, project=tmp_path / "project") as system:
        async with system.launch("What did the ferry cost?", corpus=corpus) as job:
            found = await job.result()

    assert len(found.claims) == 1


async def test_a_look_up_is_run_read_and_cited_with_its_conditions(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(8):
        kind, filler = ("ship", "mill")[n % 2], "It speaks of weather and of wool at some length. " * 150
        (docs / f"{n}.md").write_text(
            f"---\nkind: {kind}\nyear: {1900 + n}\n---\n# Number {n}\n\nA {kind}.\n\n{filler}\n"
        )
    shown: list[str] = []

    def reads(request: Request) -> Any:
        shown.extend(one["id"] for one in request.inputs["documents"])
        return {"notes": [], "not_said": [1]}

    def write(request: Request) -> Any:
        table = next(n for n, one in enumerate(request.inputs["notes"], start=1) if "look-up" in one["text"])
        assert "kind is ship: 4 of 8" in request.inputs["notes"][table - 1]["text"]
        return {"lead": f"Four of the eight are ships [{table}]."}

    ships = {"where": [{"field": "kind", "values": ["ship"]}], "show": ["year"], "count_by": ["kind"]}
    triage = {"kind": "list", "points": ["Which are ships?"], "documents": ["@1"], "lookups": [ships]}
    answers = {"triage": triage, "read": reads, "gaps": {}, "write": write, "check": checked({})}
    found, _ = await report(tmp_path, docs, answers)

    assert len(shown) == len(set(shown)) == 4
    assert [claim.text for claim in found.claims] == ["Four of the eight are ships."]
    assert {record.field for record in found.claims[0].records} == {"id", "kind", "year"}
    assert found.checked is not None
    assert (found.checked.model, found.checked.as_they_stood) == ("model", 1)


async def test_killed_after_any_event_the_job_ends_with_the_same_report_and_asks_nothing_twice(tmp_path: Path) -> None:
    large = Large(tmp_path)
    async with desk(tmp_path, ScriptedModel(large.answers)) as system, system.launch("?a", corpus=large.docs) as job:
        whole = await job.result()
        events = [event async for event in job.events()]
    asked = sum(event.kind == "model.answered" for event in events)
    assert asked == 6

    for n in range(1, len(events), 2):
        model = ScriptedModel(large.answers)
        settings: dict[str, Any] = {"before": events[:n], "project": tmp_path / "project"}
        async with scripted_system(research_team, model, **settings) as system, system.resume(events[0].job) as job:
            found = await job.result()

        answered = sum(event.kind == "model.answered" for event in events[:n])
        assert len(model.requests) == asked - answered, (n, events[n].kind)
        assert (found.claims, found.layout, found.checked) == (whole.claims, whole.layout, whole.checked)


async def test_the_look_over_the_notes_may_look_up_and_no_look_up_is_made_twice(tmp_path: Path) -> None:
    """What a look-up brings is read, its table goes to the writer, and the next look is shown what was looked up."""
    large = Large(tmp_path)
    mills = {"where": [{"field": "title", "op": "contains", "values": ["mill"]}]}
    large.answers["gaps"] = {"points": [], "documents": ["@1"], "lookups": [mills]}
    shown: list[Any] = []

    def write(request: Request) -> Any:
        shown.extend(request.inputs["notes"])
        return {"lead": "The ferry cost 300 crowns [1]. The mill cost 200 crowns [2]."}

    found, asked = await report(tmp_path, large.docs, {**large.answers, "write": write}, rounds_most=4)

    assert asked == ["triage", "read", "gaps", "read", "write", "check"]
    assert [claim.text for claim in found.claims] == ["The ferry cost 300 crowns.", "The mill cost 200 crowns."]
    assert [one["text"].splitlines()[0] for one in shown if "look-up" in one["text"]] == [
        "look-up: title contains “mill”: 1 of 4"
    ]


async def test_a_look_up_that_was_made_is_told_and_not_made_again(tmp_path: Path) -> None:
    large = Large(tmp_path)
    (large.docs / "wreck.md").write_text("# The wreck\n\nThe wreck lies off Mora.\n")
    mills = {"where": [{"field": "title", "op": "contains", "values": ["windmill"]}]}
    told: list[Any] = []

    def gaps(request: Request) -> Any:
        told.append(request.inputs["searched"])
        return {
            "points": [{"point": 2, "state": "open"}],
            "lookups": [mills],
            "queries": [f"wreck off Mora {len(told)}"],
        }

    def reads(request: Request) -> Any:
        ids = [one["id"] for one in request.inputs["documents"]]
        if "wreck.md" in ids:
            return {"notes": [note(request, "wreck lies", "The wreck lies off Mora.", 1)], "not_said": [2]}
        return {"notes": [note(request, *COST)] if "ferry.md" in ids else [], "not_said": [2]}

    answers = {**large.answers, "gaps": gaps, "read": reads, "write": WRITTEN}
    model = ScriptedModel(answers)
    async with desk(tmp_path, model, rounds_most=4) as system:
        async with system.launch("What did the ferry cost?", corpus=large.docs) as job:
            await job.result()

    assert len(told) == 2
    assert not any("title contains" in one for one in told[0])
    assert told[1].count("title contains “windmill”: 0 of 5") == 1


async def test_sections_that_were_shown_as_asked_are_not_asked_for_again_and_only_what_is_new_is_added(
    tmp_path: Path,
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    filler = " ".join(f"Sentence {n} of it tells of wool." for n in range(2_500))
    (docs / "ferry.md").write_text(f"{FERRY}\n## Wool\n\n{filler}\n\n## The wreck\n\nShe sank in 1931 off Mora.\n")

    def reads(request: Request) -> Any:
        fact = note(request, *COST)
        if request.inputs["is_second"]:
            return {
                "notes": [
                    {**fact, "text": "In 1902 it cost 300."},
                    note(request, "sank in 1931", "It sank in 1931.", 2),
                ]
            }
        return {"notes": [fact], "not_said": [2], "want": [{"document": "ferry.md", "headings": ["The wreck"]}]}

    def write(request: Request) -> Any:
        return {"lead": " ".join(f"{one['text']} [{one['number']}]" for one in request.inputs["notes"])}

    points = ["What did the ferry cost?", "When did it sink?"]
    triage = {"points": points, "documents": ["ferry.md"]}
    answers = {"triage": triage, "read": reads, "gaps": {}, "write": write, "check": checked({})}
    found, asked = await report(tmp_path, docs, answers, rounds_most=5)

    assert asked.count("read") == 2
    assert [claim.text for claim in found.claims] == ["The ferry cost 300 crowns in 1902.", "It sank in 1931."]


async def test_notes_that_there_is_no_room_for_are_counted_in_the_prompt_and_noted_in_the_run(
    tmp_path: Path, corpus: Path
) -> None:
    long = "The ferry cost 300 crowns in 1902, " + "as the chronicle of the town has it, " * 110

    def reads(request: Request) -> Any:
        words = ("sails at dawn", "was Ada Holm", "left in 1910", "mill cost", "fire ended", "cost 300")
        notes = [note(request, one, f"{n}: {long}", n % 2 + 1) for n, one in enumerate(words * 5)]
        pairs = [{**one, "sentences": [*one["sentences"], n % 8 + 1]} for n, one in enumerate(notes)]
        return {"points": ["What did the ferry cost?", "What else?"], "notes": pairs}

    model = ScriptedModel({**ANSWERS, "read": reads})
    async with desk(tmp_path, model) as system, system.launch("What did the ferry cost?", corpus=corpus) as job:
        await job.result()
        events = [event async for event in job.events()]

    asked = next(request for request in model.requests if request.prompt == "write")
    assert asked.inputs["left"] > 0
    assert estimate(" ".join(one["text"] for one in asked.inputs["notes"])) <= NOTES_TOKENS
    assert {one["point"] for one in asked.inputs["notes"]} == {1, 2}
    assert any("notes are not shown to the writer" in str(event.body) for event in events)
