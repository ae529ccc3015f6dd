"""What every memory promises, asked of the one on disk and of its twin."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bullpen.memory import open_in_memory, open_memory
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ids import digest
from bullpen.orchestrator.ports import Memory, MemoryFactory

pytestmark = pytest.mark.anyio


def document(id: str, text: str, *, title: str = "", **metadata: object) -> Document:
    return Document(id=id, title=title, uri=f"/corpus/{id}", text=text, metadata=metadata)


FACTORIES: list[MemoryFactory] = [open_memory, open_in_memory]


@pytest.fixture(params=FACTORIES, ids=["on disk", "in memory"])
async def memory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Memory]:
    async with request.param(tmp_path / "memory") as opened:
        yield opened


async def note(memory: Memory, key: str, text: str, *, source: str, span: tuple[int, int], scope: str) -> None:
    await memory.add(key, text, source=source, start=span[0], end=span[1], writer="analyst", scope=scope)


async def test_an_unchanged_document_is_stored_once(memory: Memory) -> None:
    documents = [document("a", "one whale", year=1851), document("b", "two whales")]

    assert await memory.ingest("sea", documents) == 2
    assert await memory.ingest("sea", documents) == 0


@pytest.mark.parametrize(
    "changed",
    [document("a", "a ship"), document("a", "a whale", title="T"), document("a", "a whale", year=1851)],
    ids=["text", "title", "metadata"],
)
async def test_a_changed_document_is_replaced(memory: Memory, changed: Document) -> None:
    await memory.ingest("sea", [document("a", "a whale")])

    assert await memory.ingest("sea", [changed]) == 1
    source = await memory.source("a")
    assert source is not None
    assert (source.title, source.metadata, source.text_hash) == (changed.title, changed.metadata, digest(changed.text))
    [passage] = await memory.search("whale ship", corpora=["sea"], limit=9)
    assert passage.text == changed.text


async def test_a_document_that_moved_is_not_new_but_its_address_follows(memory: Memory) -> None:
    await memory.ingest("sea", [document("a", "a whale")])
    moved = document("a", "a whale").model_copy(update={"uri": "/elsewhere/a"})

    assert await memory.ingest("sea", [moved]) == 0
    source = await memory.source("a")
    assert source is not None
    assert source.uri == "/elsewhere/a"


async def test_a_search_sees_only_the_corpora_it_names(memory: Memory) -> None:
    await memory.ingest("sea", [document("a", "a whale at sea")])
    await memory.ingest("land", [document("b", "a whale on land")])

    assert [p.source for p in await memory.search("whale", corpora=["land"], limit=9)] == ["b"]
    assert {p.source for p in await memory.search("whale", corpora=["land", "sea"], limit=9)} == {"a", "b"}
    assert await memory.search("whale", corpora=[], limit=9) == ()
    assert await memory.search("whale", corpora=["air"], limit=9) == ()


@pytest.mark.parametrize("query", ["tungsten", "", "the of and", "…!?", "\x00\ud800"])
async def test_nothing_in_common_finds_nothing(memory: Memory, query: str) -> None:
    await memory.ingest("sea", [document("a", "a whale")])

    assert await memory.search(query, corpora=["sea"], limit=9) == ()


async def test_an_empty_memory_finds_nothing(memory: Memory) -> None:
    assert await memory.search("whale", corpora=["sea"], limit=9) == ()
    assert await memory.source("a") is None
    assert await memory.read("a", 0, 9) == ""


async def test_a_tie_goes_to_the_earlier_passage(memory: Memory) -> None:
    names = [f"{number * 7 % 90}" for number in range(90)]
    await memory.ingest("sea", [document(name, "a whale" + " whale" * (at % 3)) for at, name in enumerate(names)])

    found = await memory.search("whale", corpora=["sea"], limit=80)
    assert [p.source for p in found] == [*names[2::3], *names[1::3], *names[0::3]][:80]


async def test_words_match_by_their_stems_and_titles_and_headings_count(memory: Memory) -> None:
    texts = [document("a", "He sails.", title="Moby Dick"), document("b", "# Harpoons\n\nThey are sharp.")]
    await memory.ingest("sea", texts)

    assert [p.source for p in await memory.search("sailing", corpora=["sea"], limit=9)] == ["a"]
    assert [p.source for p in await memory.search("dick", corpora=["sea"], limit=9)] == ["a"]
    [found] = await memory.search("harpoon", corpora=["sea"], limit=9)
    assert (found.source, found.heading) == ("b", "Harpoons")


async def test_one_id_in_two_corpora_names_two_sources(memory: Memory) -> None:
    await memory.ingest("sea", [document("a", "a whale")])
    await memory.ingest("land", [document("a", "a horse")])

    assert await memory.read("a", 0, 99) == "a whale"
    assert await memory.read("a~2", 0, 99) == "a horse"
    assert [p.source for p in await memory.search("horse", corpora=["land"], limit=9)] == ["a~2"]
    await memory.retain("sea", [])
    await memory.ingest("land", [document("a", "a mule")])
    assert await memory.read("a~2", 0, 99) == "a mule"


async def test_retain_forgets_what_is_not_kept(memory: Memory) -> None:
    await memory.ingest("sea", [document("a", "a whale"), document("b", "a whale too")])
    await memory.ingest("land", [document("c", "a whale on land")])
    await note(memory, "k", "leviathan", source="a", span=(2, 7), scope="job")

    assert await memory.retain("sea", ["b", "unknown"]) == 1
    assert await memory.retain("sea", ["b"]) == 0
    assert [p.source for p in await memory.search("whale", corpora=["sea", "land"], limit=9)] == ["b", "c"]
    assert await memory.source("a") is None
    assert await memory.search("leviathan", corpora=["job"], limit=9) == ()


async def test_a_note_leads_to_the_span_it_rests_on(memory: Memory) -> None:
    await memory.ingest("sea", [document("a", "The 🐋 is a mammal.", title="Whales")])
    await note(memory, "k", "cetaceans breathe air", source="a", span=(4, 17), scope="job")

    [found] = await memory.search("cetacean", corpora=["sea", "job"], limit=9)
    assert (found.source, found.title, found.start, found.end, found.text) == ("a", "Whales", 4, 17, "🐋 is a mammal")
    assert await memory.search("cetacean", corpora=["sea"], limit=9) == ()


async def test_a_note_is_kept_once_per_key_and_a_span_is_found_once(memory: Memory) -> None:
    await memory.ingest("sea", [document("a", "a whale")])
    for text in ("orca", "orca", "beluga"):
        await note(memory, "k", text, source="a", span=(0, 7), scope="job")
    await note(memory, "other", "beluga whale", source="a", span=(0, 7), scope="job")

    assert await memory.search("orca", corpora=["job"], limit=9) == ()
    assert len(await memory.search("beluga whale", corpora=["sea", "job"], limit=9)) == 1


async def test_a_note_survives_a_new_title_and_goes_with_the_text_it_rested_on(memory: Memory) -> None:
    await memory.ingest("sea", [document("a", "a whale")])
    await note(memory, "k", "orca", source="a", span=(0, 7), scope="job")

    await memory.ingest("sea", [document("a", "a whale", title="New")])
    assert len(await memory.search("orca", corpora=["job"], limit=9)) == 1
    await memory.ingest("sea", [document("a", "no fish", title="New")])
    assert await memory.search("orca", corpora=["job"], limit=9) == ()


@pytest.mark.parametrize(("source", "span"), [("b", (0, 1)), ("a", (0, 8)), ("a", (3, 3)), ("a", (-1, 2))])
async def test_a_note_that_rests_on_nothing_is_refused(memory: Memory, source: str, span: tuple[int, int]) -> None:
    await memory.ingest("sea", [document("a", "a whale")])

    with pytest.raises(BadInput, match="note 'k' rests on"):
        await note(memory, "k", "orca", source=source, span=span, scope="job")


async def test_characters_no_store_can_keep_are_replaced_one_for_one(memory: Memory) -> None:
    hostile = Document(id="a\x00", title="\ud800", uri="u\udfff", text="a\x00whale \ud83d", metadata={"k": "\ud800"})

    assert await memory.ingest("sea", [hostile]) == 1
    assert await memory.ingest("sea", [hostile]) == 0
    source = await memory.source("a\x00")
    assert source is not None
    assert (source.id, source.title, source.uri, source.metadata) == ("a�", "�", "u�", {"k": "�"})
    [found] = await memory.search("whale", corpora=["sea"], limit=9)
    assert found.text == "a�whale �"
    assert await memory.retain("sea", ["a\x00"]) == 0


TEXT = st.text(st.sampled_from("ab é\u0301🐋\r\n#=-.\u4e2d"), max_size=40)


@given(text=TEXT, start=st.integers(-5, 50), length=st.integers(-5, 50))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_reading_is_slicing(memory: Memory, text: str, start: int, length: int) -> None:
    await memory.ingest("sea", [document("a", text)])

    expected = text[max(0, start) : max(0, start + length)] if length > 0 else ""
    assert await memory.read("a", start, start + length) == expected


WORDS = st.lists(st.sampled_from(["whale", "whales", "ship", "sea", "ahab", "white", "the"]), max_size=8).map(" ".join)


@given(texts=st.lists(WORDS, max_size=8), notes=st.lists(WORDS, max_size=3), query=WORDS, limit=st.integers(0, 9))
@example(texts=["whale", "whale"], notes=["", "whale"], query="whale", limit=1)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_both_memories_rank_alike(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], notes: list[str], query: str, limit: int
) -> None:
    documents = [document(str(number), f"x {text}", title=text[:5]) for number, text in enumerate(texts)]
    found = []
    for open_either in FACTORIES:
        async with open_either(tmp_path_factory.mktemp("memory")) as memory:
            await memory.ingest("sea", documents)
            for number, text in enumerate(notes[: len(texts)]):
                await note(memory, str(number), text, source=str(number), span=(0, 1), scope="job")
            found.append(await memory.search(query, corpora=["sea", "job"], limit=limit))

    assert found[0] == found[1]
