"""What a job's limits do: which documents are read and how far, what the report says of it, what the writer is told."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen import Report, Rung, Settings, Status, open_system, research_team
from bullpen.agents.limiting import NOTHING, OUTLINE_TOKENS, SMALL_TOKENS, UNSEEN_TOKENS, Chosen, limited, told
from bullpen.agents.reading import shown
from bullpen.orchestrator.evidence import Source
from bullpen.orchestrator.gateway.model import Request
from bullpen.orchestrator.limits import Limits
from bullpen.orchestrator.rules.numbering import number
from bullpen.orchestrator.testing import ScriptedModel, scripted_system

LIMITS = st.builds(
    Limits,
    read_tokens_most=st.integers(1_000, 60_000),
    document_tokens_most=st.integers(500, 20_000),
    whole_documents_most=st.integers(1, 6),
    outline_documents_most=st.integers(0, 6),
)
SIZES = st.dictionaries(st.sampled_from("abcdefghijklmnop"), st.integers(0, 30_000))


@given(SIZES, st.lists(st.sampled_from("abcdefghijklmnop"), unique=True), LIMITS, st.sampled_from(["fact", "survey"]))
def test_no_limit_is_passed_and_every_document_is_read_or_named(
    tokens: dict[str, int], names: list[str], limits: Limits, kind: Any
) -> None:
    chosen = limited(names, tokens, limits, kind)
    whole = [name for name in chosen.tokens if name not in chosen.outlines]

    assert sorted((*chosen.tokens, *chosen.left)) == sorted(names)
    assert [name for name in names if name in chosen.tokens] == list(chosen.tokens)
    assert chosen.spent <= limits.read_tokens_most
    assert max(chosen.tokens.values(), default=0) <= limits.document_tokens_most
    assert sum(chosen.tokens[name] > SMALL_TOKENS for name in whole) <= limits.whole_documents_most
    assert len(chosen.outlines) <= limits.outline_documents_most
    assert all(chosen.tokens[name] <= OUTLINE_TOKENS for name in chosen.outlines)


def test_the_best_are_whole_a_fact_needs_fewer_and_what_is_small_does_not_count() -> None:
    tokens = {"a": 5_000, "b": 5_000, "small": 900, "c": 5_000, "d": 5_000, "e": 5_000}
    limits = Limits(whole_documents_most=4, outline_documents_most=1)

    assert limited(tokens, tokens, limits, "survey").outlines == ("e",)
    fact = limited(tokens, tokens, limits, "fact")
    assert (fact.outlines, fact.left) == (("d",), ("e",))
    assert fact.tokens["small"] == 900
    assert limited(tokens, tokens, limits, "list").tokens == tokens


def test_what_was_read_before_counts_and_more_of_it_takes_no_place() -> None:
    limits = Limits(read_tokens_most=10_000, whole_documents_most=1, outline_documents_most=0)
    before = Chosen({"a": 4_000}, ())

    assert limited(["b"], {"b": 2_000}, limits, "survey", before).left == ("b",)
    assert limited(["a"], {"a": 4_000}, limits, "survey", before).left == ()
    assert limited(["a"], {"a": 4_000}, limits, "survey", before, kept=3_000).left == ("a",)
    assert limited(["z"], {}, limits, "survey", NOTHING).spent == UNSEEN_TOKENS


def test_an_outline_is_cut_and_says_so() -> None:
    text = "\n\n".join(f"## Part {n}\n\n" + f"Part {n} speaks of wool and of weather. " * 40 for n in range(20))
    long = number(Source(id="long", title="Long", uri="long", text_hash=""), f"# Long\n\n{text}")
    whole, outline = (shown([long], 15_000, {}, {}, fewer)[0].excerpt for fewer in ({}, {"long": OUTLINE_TOKENS}))

    assert not whole.cut
    assert outline.cut
    assert set(outline.numbers) < set(whole.numbers)


class Desk:
    """Six long documents of which a model chooses all, and what it is asked."""

    def __init__(self, tmp_path: Path) -> None:
        self.docs, self.project = tmp_path / "docs", tmp_path / "project"
        self.docs.mkdir()
        for n in range(6):
            filler = f"The mill of year {n} ground rye and wheat for the town. " * 400
            (self.docs / f"{n}.md").write_text(f"# Number {n}\n\nThe ferry cost {n} crowns.\n\n{filler}\n")
        self.model = ScriptedModel(
            {
                "triage": self.triage,
                "read": self.read,
                "gaps": {"points": [{"point": 1, "state": "open"}], "queries": ["rye and wheat"]},
                "write": {"lead": "The ferry cost crowns [1]."},
                "check": {"verdicts": [{"sentence": 1, "verdict": "supported"}]},
            }
        )

    def triage(self, request: Request) -> Any:
        ids = re.findall(r"^- \[(.+?)\]", request.inputs["cards"], re.MULTILINE)
        return {"kind": "survey", "points": ["What did the ferry cost?"], "documents": sorted(ids)}

    def read(self, request: Request) -> Any:
        found = re.search(r"^\[(\d+)\] The ferry cost", request.inputs["documents"][0]["text"], re.MULTILINE)
        assert found is not None
        note = {"point": 1, "text": "The ferry cost crowns.", "sentences": [int(found[1])]}
        return {"notes": [note], "not_said": [1]}

    async def report(self, **said: Any) -> Report:
        options = {name: said.pop(name) for name in ("effort", "length", "language") if name in said}
        async with scripted_system(research_team, self.model, project=self.project, **said) as system:
            async with system.launch("What did the ferry cost?", corpus=self.docs, **options) as job:
                return await job.result()

    def asked(self, prompt: str) -> list[Request]:
        return [request for request in self.model.requests if request.prompt == prompt]

    @property
    def read_ids(self) -> Sequence[str]:
        return [one["id"] for request in self.asked("read") for one in request.inputs["documents"]]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.anyio
async def test_a_limit_that_keeps_documents_out_makes_the_report_partial_and_is_told_for_people(desk: Desk) -> None:
    report = await desk.report(whole_documents_most=2, outline_documents_most=1, rounds_most=1)

    assert sorted(desk.read_ids) == ["0.md", "1.md", "2.md"]
    assert [one.source for one in report.documents if one.cut] == ["2.md"]
    assert report.status is Status.PARTIAL
    assert "3 documents that were chosen were not read (3.md, 4.md, 5.md): this job reads up to" in report.text
    assert "2 documents whole and 1 in outline; ask with more effort" in report.text


@pytest.mark.anyio
async def test_the_tokens_of_a_job_bound_all_of_its_rounds(desk: Desk) -> None:
    report = await desk.report(read_tokens_most=12_000, rounds_most=3)
    texts = [one["text"] for request in desk.asked("read") for one in request.inputs["documents"]]

    assert len("".join(texts)) / 4 <= 12_000
    assert "this job reads up to 12,000 tokens" in report.text


@pytest.mark.anyio
async def test_a_limit_is_not_blamed_for_what_no_round_was_to_read_or_what_failed(desk: Desk) -> None:
    asked: list[str] = []

    def gaps(request: Request) -> Any:
        asked.append("gaps")
        return {"points": [{"point": 1, "state": "open"}], "documents": [f"{len(asked)}.md"]}

    answers = {
        "triage": {"kind": "survey", "points": ["What did the ferry cost?"], "documents": ["0.md"]},
        "read": lambda request: desk.read(request) if request.inputs["documents"][0]["id"] == "0.md" else {"notes": []},
        "gaps": gaps,
        "write": {"lead": "The ferry cost crowns [1]."},
        "check": {"verdicts": [{"sentence": 1, "verdict": "supported"}]},
    }
    desk.model = ScriptedModel(answers)
    report = await desk.report(rounds_most=4)

    assert desk.read_ids == ["0.md", "1.md"]  # a round that adds no note is the last, whatever is asked for after it
    assert "not read" not in report.text
    assert "reads up to" not in told(["a.md"], Limits(), is_limited=False)


@pytest.mark.anyio
async def test_the_effort_decides_how_often_it_looks_again(desk: Desk) -> None:
    await desk.report(effort="quick")
    assert (len(desk.asked("gaps")), len(desk.asked("triage"))) == (0, 1)

    await desk.report(effort="normal")
    assert len(desk.asked("gaps")) == 1


@pytest.mark.anyio
async def test_length_and_language_reach_the_writer_alone_and_nothing_is_said_where_none_is(desk: Desk) -> None:
    await desk.report(length="about 300 words", language="German", rounds_most=1)
    await desk.report(rounds_most=1)
    said, unsaid = ("\n".join(message.content for message in one.messages) for one in desk.asked("write"))

    assert "<length>about 300 words</length>" in said
    assert "<language>German</language>" in said
    assert "in the language that `language` names" in said
    assert "length" not in unsaid
    assert "language" not in unsaid
    assert not [one for one in desk.model.requests if one.prompt != "write" and "German" in str(one.messages)]


@pytest.mark.anyio
async def test_where_no_model_writes_the_report_says_that_neither_is_as_asked_for(tmp_path: Path) -> None:
    (tmp_path / "ferry.md").write_text("# The ferry\n\nThe ferry cost 300 crowns in 1902.\n")
    settings = Settings(rungs=(Rung(model="embedded:extract"),), project=tmp_path / "p", embedder="hashed")
    reports = []
    async with open_system(settings, research_team) as system:
        for language in (None, "German"):
            corpus = tmp_path / "ferry.md"
            async with system.launch("What did the ferry cost?", corpus=corpus, language=language) as job:
                reports.append(await job.result())

    told = "No model wrote this, so neither its length nor its language is as asked for."
    assert [told in report.text for report in reports] == [False, True]
    assert [report.status for report in reports] == [Status.OK, Status.PARTIAL]
