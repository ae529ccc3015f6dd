"""Search in hops finds what the question's own words do not lead to, and stops."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen import Context, Document, Passage, Query, Settings, open_system, research_team
from bullpen.agents.multihop import ASKED, NAMED, Reached, search_in_hops
from bullpen.agents.search import Search
from bullpen.memory import InMemory, open_in_memory
from bullpen.orchestrator.rules.plan import Plan, PlannedTask

pytestmark = pytest.mark.anyio

TEXTS = {
    "The Straw Boat": "The Straw Boat is an opera in two acts. Its music was written by the composer Ada Lund.",
    "Ada Lund": "Ada Lund (1801 to 1866) lived in Ulm and passed away there. She was a pupil of Olof Berg.",
    "Olof Berg": "Olof Berg taught the organ. He was born at Stone Ferry.",
    "Stone Ferry": "Stone Ferry is a village of forty houses.",
    "The Paper Boat": "The Paper Boat is a film. The composer of the film's songs did die poor, it is said.",
    "Boats": "Where did boats of straw come from? Nobody knows who made the first.",
    "Composers": "How a composer did live and die in those days: most of them in debt.",
    "Films": "What a film costs: the composer of its music is paid last.",
}
QUESTION = "Where did the composer of The Straw Boat die?"


class Counted:
    """The memory's search, with what was asked."""

    def __init__(self, memory: InMemory) -> None:
        self._memory = memory
        self.asked: list[str] = []

    async def __call__(self, query: str, *, limit: int) -> Sequence[Passage]:
        self.asked.append(query)
        return await self._memory.search(query, corpora=["x"], limit=limit)


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[InMemory]:
    async with open_in_memory(tmp_path) as memory:
        await memory.ingest(
            "x", [Document(id=title, title=title, uri=title, text=text) for title, text in TEXTS.items()]
        )
        yield memory


def titles(found: Sequence[Reached]) -> list[str]:
    return [reached.passage.title for reached in found]


async def test_a_name_in_what_was_found_leads_to_what_was_not(memory: InMemory) -> None:
    search = Counted(memory)
    at_once = await search(QUESTION, limit=3)
    found = await search_in_hops(QUESTION, search, memory.rarity, hops=2, limit=3)

    assert "Ada Lund" not in [passage.title for passage in at_once]
    assert titles(found)[:2] == ["The Straw Boat", "Ada Lund"]


async def test_each_passage_says_in_which_hop_and_by_which_query_it_was_found(memory: InMemory) -> None:
    search = Counted(memory)
    found = {reached.passage.title: reached for reached in await search_in_hops(QUESTION, search, memory.rarity)}

    assert (found["The Straw Boat"].hop, found["Ada Lund"].hop) == (1, 2)
    assert found["Ada Lund"].query == "Ada Lund die"
    assert {reached.query for reached in found.values()} <= set(search.asked)


async def test_every_hop_goes_one_name_further(memory: InMemory) -> None:
    reach = []
    for hops in (1, 2, 3, 4):
        found = await search_in_hops(QUESTION, Counted(memory), memory.rarity, hops=hops, limit=20)
        later = {reached.passage.title for reached in found if reached.hop > 1}
        reach.append({"Ada Lund", "Olof Berg", "Stone Ferry"} & later)
        assert all(1 <= reached.hop <= hops for reached in found)

    assert reach == [set(), {"Ada Lund"}, {"Ada Lund", "Olof Berg"}, {"Ada Lund", "Olof Berg", "Stone Ferry"}]


async def test_what_one_search_finds_is_not_lost(memory: InMemory) -> None:
    question = "How many houses has the village of Stone Ferry?"
    found = await search_in_hops(question, search := Counted(memory), memory.rarity)

    assert titles(found)[0] == (await search(question, limit=1))[0].title == "Stone Ferry"
    assert found[0].hop == 1


async def test_where_the_passages_hold_all_that_is_asked_nothing_more_is_asked(tmp_path: Path) -> None:
    async with open_in_memory(tmp_path) as memory:
        text = "Stone Ferry has forty houses. Olof Berg counted the houses."
        await memory.ingest("x", [Document(id="a", title="", uri="a", text=text)])
        await search_in_hops("Which houses has Stone Ferry?", search := Counted(memory), memory.rarity)

    assert search.asked == ["Which houses has Stone Ferry?", "Stone Ferry"]


async def test_it_finds_the_same_twice(memory: InMemory) -> None:
    first, second = [await search_in_hops(QUESTION, Counted(memory), memory.rarity) for _ in range(2)]

    assert first == second


async def test_nothing_found_leads_nowhere(tmp_path: Path) -> None:
    async with open_in_memory(tmp_path) as memory:
        search = Counted(memory)

        assert await search_in_hops("Who is Ada Lund?", search, memory.rarity) == ()
        assert search.asked == ["Who is Ada Lund?", "Ada Lund"]


class OneSearch:
    """Has one question searched for."""

    async def brief(self, question: str, ctx: Context) -> Query:
        return Query(question=question, about=question)

    async def plan(self, brief: Query, ctx: Context) -> Plan:
        return Plan(tasks=(PlannedTask(id="search", worker="search", input=brief.model_dump()),))

    async def review(self, brief: Query, results: object, ctx: Context) -> None:
        return None


async def passages_for(question: str, folder: Path) -> list[str]:
    """The titles of the passages that the search worker finds in the documents."""
    corpus = folder / "corpus"
    corpus.mkdir()
    for title, text in TEXTS.items():
        (corpus / f"{title}.md").write_text(f"# {title}\n\n{text}\n")
    team = replace(research_team, supervisor=lambda *_: OneSearch(), workers=(Search,))
    async with open_system(Settings(project=folder / "project"), team) as system:
        async with system.launch(question, corpus=corpus) as job:
            await job.result()
            return [passage["title"] for passage in job.results["search"].output["passages"]]


async def test_the_search_worker_follows_names_where_evidence_is_weak(tmp_path: Path) -> None:
    assert {"The Straw Boat", "Ada Lund"} <= set(await passages_for(QUESTION, tmp_path))


async def test_the_search_worker_follows_no_name_where_one_document_says_enough(tmp_path: Path) -> None:
    assert "Olof Berg" not in await passages_for("Where in Ulm did Ada Lund live?", tmp_path)


NAMES = [f"{first} {last}" for first in ("Ada", "Olof", "Rosa", "Hans") for last in ("Lund", "Berg", "Wells", "Salt")]
CORPUS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=16), min_size=1)


@given(CORPUS, st.lists(st.sampled_from(NAMES), max_size=6), st.integers(1, 4), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
async def test_searches_are_bounded_and_no_passage_comes_twice(
    told: Mapping[str, Sequence[str]], asked: Sequence[str], hops: int, limit: int
) -> None:
    memory = InMemory()
    texts = {name: f"{name} knew {', and '.join(others)}." for name, others in told.items()}
    await memory.ingest("x", [Document(id=name, title=name, uri=name, text=text) for name, text in texts.items()])
    search = Counted(memory)
    found = await search_in_hops(
        f"Who knew {' or '.join(asked)} in Ulm?", search, memory.rarity, hops=hops, limit=limit
    )

    assert len(search.asked) <= 1 + NAMED + (hops - 1) * ASKED
    assert len(found) <= limit
    assert len(set(titles(found))) == len(found)
    assert [reached.score for reached in found] == sorted((reached.score for reached in found), reverse=True)
