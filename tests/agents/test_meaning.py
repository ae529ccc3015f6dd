"""Questions in other words than the documents use: what is near in meaning is shown, what is far is refused."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen import Document, Passage, Report, Rung
from bullpen.agents import research_team
from bullpen.agents.coverage import REFUSED_BELOW, WEAK_BELOW, key_words
from bullpen.agents.extraction import Line, pick_sentences
from bullpen.agents.meaning import FAR, SENTENCES_MOST, doubt, listed, said_in, trust
from bullpen.memory import HashedEmbedder, open_memory
from bullpen.memory.embedding import Vector
from bullpen.orchestrator.testing import ScriptedModel, scripted_system

pytestmark = pytest.mark.anyio

SHARES = st.floats(0, 1)
RARITIES = st.dictionaries(st.sampled_from(["bus", "3.31", "cargo-asm", "TypedDict", "tungsten"]), SHARES)
NEARNESS = st.none() | st.dictionaries(st.text(max_size=3), st.floats(-1, 1), max_size=3)

#: What is said in two ways.
SAME = {"coach": "bus", "autobus": "bus", "expense": "cost", "price": "cost", "fare": "cost", "kosten": "cost"}


class Concepts(HashedEmbedder):
    """An embedder that knows a few synonyms, and one other language."""

    id, is_semantic = "concepts", True

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        told = [[word.strip(".,?") for word in text.lower().split()] for text in texts]
        return super().embed([" ".join(SAME.get(word, word) for word in words) for words in told])


def passage(text: str, title: str = "", source: str = "a") -> Passage:
    return Passage(source=source, title=title, start=0, end=len(text), text=text)


# Trust


@given(held=SHARES, found=RARITIES, near=NEARNESS)
def test_an_answer_is_trusted_by_its_words_and_refused_only_where_it_is_far_too(
    held: float, found: dict[str, float], near: dict[str, float] | None
) -> None:
    said = trust(held, found, near)

    assert (said == "sound") == (held >= WEAK_BELOW)
    if held >= REFUSED_BELOW or (near and max(near.values()) >= FAR):
        assert said != "none"
    if said == "none":
        assert not any(found.get(name, 0) >= 0.2 for name in ("3.31", "cargo-asm", "TypedDict"))


@given(held=SHARES, more=SHARES, found=RARITIES, near=NEARNESS)
def test_more_of_the_words_never_make_an_answer_less_trusted(
    held: float, more: float, found: dict[str, float], near: dict[str, float] | None
) -> None:
    order = ["none", "weak", "sound"]

    assert order.index(trust(max(held, more), found, near)) >= order.index(trust(held, found, near))


# What is said


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
    ],
)
def test_items_are_listed_as_in_a_sentence(items: list[str], said: str) -> None:
    assert listed(items) == said


def test_doubt_is_a_sentence_that_names_the_words_and_the_nearest_documents() -> None:
    found = [passage("x", "Lifts"), passage("y", "Lifts"), passage("z", "", "b")]

    assert doubt(["tungsten"], found) == (
        "None of the documents found uses “tungsten”; the nearest passages are from “Lifts” and “b”."
    )
    assert doubt(list("abcde"), found[:1]) == (
        "Most words of the question stand in none of the documents found; the nearest passages are from “Lifts”."
    )
    assert doubt([], []) == "No document uses all the words of the question."


def test_a_sentence_that_points_back_is_understood_with_its_title() -> None:
    text = "This crate is a toy and should never be used. Nobody maintains the parser of the crate."

    assert list(said_in([passage(text, "glue")]).values()) == [
        "glue: This crate is a toy and should never be used.",
        "Nobody maintains the parser of the crate.",
    ]


def test_so_many_sentences_are_compared_at_the_most() -> None:
    text = " ".join(f"The tram number {n} runs along the river every night." for n in range(2 * SENTENCES_MOST))

    assert len(said_in([passage(text)])) == SENTENCES_MOST


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What's the council's budget?", ["council", "budget"]),
        ("Who wrote PEP 703's appendix?", ["wrote", "PEP", "703", "appendix"]),
        ("Why isn't it paid, and what’re they asking?", ["paid", "asking"]),
        ("Whats wrong? It doesnt run.", ["wrong", "run"]),
        ("According to O'Brien, it can't fly.", ["O'Brien", "fly"]),
    ],
)
def test_what_joins_words_is_not_a_word_of_the_question(question: str, words: list[str]) -> None:
    assert key_words(question) == words


# Sentences


def test_the_sentence_that_is_nearest_in_meaning_is_picked_though_it_shares_no_word() -> None:
    near, other = "A coach ride is 2 crowns at any hour of the day.", "The price list hangs in the hall of the house."
    lines = [Line(1, other, source="a"), Line(2, near, source="a")]

    assert pick_sentences("What does the price come to?", lines, most=1, near={2: 0.8, 1: 0.1}) == [(2,)]


def test_what_is_far_and_shares_no_word_is_never_picked() -> None:
    lines = [Line(1, "A ferry sails to the northern islands on every morning.")]

    assert pick_sentences("Who mines tungsten?", lines, most=3, near={1: 0.1}) == []


# The team


BUSES = (
    ("fares.md", "A single ride by coach has a fare of 2 crowns. The driver sells no yearly pass."),
    ("ferry.md", "A ferry sails to the northern islands on every morning of the summer."),
)


async def asked(question: str, folder: Path, embedder: HashedEmbedder) -> Report:
    """The report of the team, with the embedded model, over documents on fares and ferries."""

    async def read(paths: Sequence[Path], known: object = None) -> AsyncIterator[Document]:
        for name, text in BUSES:
            yield Document(id=name, title=name, uri=name, text=text)

    team = replace(research_team, memory=partial(open_memory, embedder=embedder), corpus=read)
    rungs = (Rung(model="embedded:extract"),)
    async with scripted_system(team, ScriptedModel({}), rungs=rungs, project=folder) as system:
        async with system.launch(question, corpus=Path(__file__).parent) as job:
            return await job.result()


async def test_a_question_in_other_words_is_answered_weakly_where_meaning_is_known(tmp_path: Path) -> None:
    question = "Was kosten autobus ride single?"

    report = await asked(question, tmp_path, Concepts())

    assert report.claims[0].text == "A single ride by coach has a fare of 2 crowns."
    [gap] = [gap for gap in report.gaps if gap.reason == "WeakEvidence"]
    assert gap.detail.startswith("None of the documents found uses “kosten” and “autobus”; the nearest passages")


async def test_what_is_far_in_meaning_is_refused(tmp_path: Path) -> None:
    report = await asked("Which quarry yields tungsten?", tmp_path, Concepts())

    assert report.claims == ()
    assert "uses “quarry”, “yields” and “tungsten”" in " ".join(gap.detail for gap in report.gaps)


async def test_a_typing_error_is_read_as_the_word_that_the_documents_use_and_that_is_said(tmp_path: Path) -> None:
    report = await asked("Which ferry sails to the northen ilsands?", tmp_path, HashedEmbedder())

    assert report.claims[0].text == "A ferry sails to the northern islands on every morning of the summer."
    assert "Read “northen” as “northern” and “ilsands” as “islands”." in [gap.detail for gap in report.gaps]
