"""The research team over documents in memory: what a person who asks gets, with the embedded model and with another."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bullpen import Document, Report, Rung, Status
from bullpen.agents import research_team
from bullpen.memory import open_in_memory
from bullpen.orchestrator.testing import ScriptedModel, scripted_system

from .corpus import RECALLS, REGULATIONS

pytestmark = pytest.mark.anyio

EMBEDDED = (Rung(model="embedded:extract"),)


async def asked(question: str, documents: Sequence[Document], model: ScriptedModel | None = None) -> Report:
    """The report that the team gives over these documents."""

    async def read(paths: Sequence[Path], known: object = None) -> AsyncIterator[Document]:
        for document in documents:
            yield document

    team = replace(research_team, memory=open_in_memory, corpus=read)
    settings: dict[str, Any] = {} if model else {"rungs": EMBEDDED}
    async with scripted_system(team, model or ScriptedModel({}), **settings) as system:
        async with system.launch(question, corpus=Path(__file__).parent) as job:
            return await job.result()


def document(name: str, text: str, **metadata: Any) -> Document:
    return Document(id=name, title=name, uri=name, text=text, metadata=metadata)


TRAMS = (
    document("budget.md", "The night tram pilot cost 48,000 crowns in its first year. Two towns shared the price."),
    document("audit.md", "The night tram pilot cost 51,000 crowns in its first year. The mayor took the tram home."),
    document("ferry.md", "A ferry sails to the northern islands on every morning of the summer."),
)


def sources_of(report: Report) -> set[str]:
    quoted = {quote.source for claim in report.claims for quote in claim.quotes}
    return quoted | {record.source for claim in report.claims for record in claim.records}


def answers_of(report: Report) -> list[tuple[str, ...]]:
    return [claim.answer for claim in report.claims if claim.answer]


@pytest.mark.parametrize(
    ("question", "documents", "answer", "sources"),
    [
        ("What is the status of REG 7?", REGULATIONS, ("Active",), ["REG-7"]),
        ("What replaced REG 1, and what is its status?", REGULATIONS, ("REG 7 (Active)",), ["REG-1", "REG-7"]),
        ("Which Fire regulations were created in 2012?", REGULATIONS, ("REG 5", "REG 6"), ["REG-5", "REG-6"]),
        ("How many moss recalls are there?", RECALLS, ("2",), ["RCL-2020-0009", "RCL-2021-0020"]),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
async def test_what_metadata_answers_is_marked_once_and_rests_on_its_own_sources(
    question: str, documents: Sequence[Document], answer: tuple[str, ...], sources: list[str]
) -> None:
    report = await asked(question, documents)

    assert (report.status, report.uncovered) == (Status.OK, ())
    assert answers_of(report) == [answer]
    assert sources_of(report) == set(sources)


@pytest.mark.parametrize(
    ("question", "documents", "named"),
    [
        ("How much tungsten does the quarry of Brelling yield?", REGULATIONS, "“tungsten”"),
        ("How many ferries sail in 1999?", TRAMS, "“1999”"),
        ("What is the status of REG 77?", REGULATIONS, "'REG 77'"),
        ("Which recalls of the lumen-lamp came before 2019?", RECALLS, "date before 2019"),
    ],
)
async def test_what_the_documents_do_not_say_is_refused_by_name(
    question: str, documents: Sequence[Document], named: str
) -> None:
    report = await asked(question, documents)

    assert (report.status, report.claims) == (Status.EMPTY, ())
    assert named in " ".join(gap.detail for gap in report.gaps)


async def test_evidence_that_bears_on_a_part_of_the_question_is_called_weak() -> None:
    report = await asked("How does the night tram 3.31 cost 48,000 crowns?", TRAMS)

    assert report.status is Status.PARTIAL
    assert [(gap.reason, gap.detail) for gap in report.gaps] == [
        (
            "WeakEvidence",
            "None of the documents found uses “3.31”; the nearest passages are from “budget.md” and “audit.md”.",
        )
    ]
    assert report.uncovered == ("3.31",)


async def test_a_superseded_document_stands_with_its_successor_and_what_it_says_of_itself() -> None:
    report = await asked(
        "Which stretcher does a stair in a dwelling keep from being stuck at the landing?", REGULATIONS
    )
    texts = [claim.text for claim in report.claims]

    assert "This regulation is superseded by REG 7, which treats all stairs alike." in texts
    facts = [claim for claim in report.claims if claim.rule == "lookup"]
    assert {"REG-1", "REG-7"} <= {record.source for fact in facts for record in fact.records}
    assert len(answers_of(report)) == 1


async def test_two_documents_that_disagree_stand_side_by_side() -> None:
    report = await asked("What did the night tram pilot cost?", TRAMS)

    (disagreement,) = report.disagreements
    assert {quote.source for side in disagreement.sides for quote in side.quotes} == {"budget.md", "audit.md"}
    assert {"48,000", "51,000"} <= {word for claim in report.claims for word in claim.text.split()}


async def test_both_parts_of_a_question_are_answered() -> None:
    report = await asked("What did the night tram pilot cost, and who took the tram home?", TRAMS)
    text = " ".join(claim.text for claim in report.claims)

    assert "crowns in its first year" in text
    assert "The mayor took the tram home." in text


async def test_documents_of_another_language_answer_and_refuse_too() -> None:
    text = "Die Straßenbahn fährt jede Nacht bis zum Hafen. Sie kostet die Stadt fünfzigtausend Kronen im Jahr."
    documents = (document("bahn.md", text), document("dorf.md", "Das Dorf liegt am Fluss und hat eine alte Mühle."))
    found = await asked("Was kostet die Straßenbahn die Stadt im Jahr?", documents)
    none = await asked("Wer besitzt den Leuchtturm von Brelling?", documents)

    assert found.status is Status.OK
    assert found.claims[0].text == "Sie kostet die Stadt fünfzigtausend Kronen im Jahr."
    assert none.status is Status.EMPTY


@pytest.mark.parametrize("question", ["What is the status of the ferry?", "When did the ferry sail?"])
async def test_documents_without_metadata_make_no_answer_from_metadata(question: str) -> None:
    report = await asked(question, TRAMS)

    assert [claim for claim in report.claims if claim.rule] == []


# Copies


async def test_a_copy_of_a_document_is_cited_once() -> None:
    copies = [document(f"{n}.md", "The night tram pilot cost 48,000 crowns in its first year.") for n in range(40)]
    other = document("z.md", "The night tram pilot ended in May, when it had cost enough.")

    report = await asked("What did the night tram pilot cost?", [*copies, other])

    assert sources_of(report) == {"0.md", "z.md"}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which recall covers the item RCL-2020-0009?", None),
        ("Which Fire regulations were created in 2012?", ("REG 5", "REG 6")),
        ("Which Fire regulations were created in 2012 by glaziers?", None),
    ],
)
async def test_a_list_is_made_only_of_conditions_that_were_all_read(
    question: str, answer: tuple[str, ...] | None
) -> None:
    report = await asked(question, [*REGULATIONS, *RECALLS])

    exact = [claim.answer for claim in report.claims if claim.rule and claim.answer]
    assert exact == ([answer] if answer else [])


async def test_of_a_document_that_is_named_nothing_else_is_read() -> None:
    others = [document(f"{n}.md", "The tram pilot was praised by drivers and by the press.") for n in range(5)]
    named = document("TRAM-7", "The tram pilot was praised by nobody but drivers.", number=7)
    twin = document("TRAM-8", "The tram pilot was praised by the mayor.", number=8)

    report = await asked("Who praised the tram pilot in TRAM-7?", [*others, named, twin])

    assert sources_of(report) == {"TRAM-7"}
