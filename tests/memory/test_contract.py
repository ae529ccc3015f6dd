"""What every memory promises, asked of the one on disk, of one that another process owns, and of their twin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bullpen.memory import open_in_memory, open_memory
from bullpen.memory.embedding import HashedEmbedder, Vector
from bullpen.memory.words import words as stems
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ids import digest
from bullpen.orchestrator.metadata import Condition
from bullpen.orchestrator.ports import Memory, MemoryFactory, Note
from bullpen.orchestrator.settings import Settings

pytestmark = pytest.mark.anyio


def document(id: str, text: str, *, title: str = "", **metadata: object) -> Document:
    return Document(id=id, title=title, uri=f"/corpus/{id}", text=text, metadata=metadata)


#: Without a re-ranker that knows meanings, whatever weights this machine has: all then rank by words alone.
on_disk = partial(open_memory, embedder=HashedEmbedder())


@asynccontextmanager
async def open_by_message(folder: Path, settings: Settings | None = None) -> AsyncIterator[Memory]:
    """The memory of a folder that somebody else has open."""
    async with on_disk(folder) as owner, on_disk(folder) as client:
        assert (owner.is_owner, client.is_owner) == (True, False)
        yield client
        assert (owner.is_owner, client.is_owner) == (True, False)


FACTORIES: list[MemoryFactory] = [on_disk, open_in_memory, open_by_message]


@pytest.fixture(params=FACTORIES, ids=["on disk", "in memory", "by message"])
async def memory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Memory]:
    async with request.param(tmp_path / "memory") as opened:
        yield opened


async def note(memory: Memory, key: str, text: str, *, source: str, span: tuple[int, int], scope: str) -> None:
    start, end = span
    await memory.add(Note(key=key, text=text, source=source, start=start, end=end, writer="analyst", scope=scope))


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
    texts = ["a whale" + " whale" * (at % 3) for at in range(90)]
    await memory.ingest(
        "sea", [document(n, t, title="." * at) for at, (n, t) in enumerate(zip(names, texts, strict=True))]
    )

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


# Documents that say the same


async def test_of_documents_that_say_the_same_the_first_is_found(memory: Memory) -> None:
    same = [document(name, "a whale", title="Whales", copy=name) for name in "abc"]
    await memory.ingest("sea", [*same, document("d", "a whale", title="Others"), document("e", "a whale at sea")])
    await memory.ingest("land", [document("f", "a whale", title="Whales")])

    assert await memory.duplicates("sea") == {"b": "a", "c": "a"}
    found = await memory.search("whale", corpora=["sea", "land"], limit=9)
    assert {passage.source for passage in found} == {"a", "d", "e", "f"}
    assert len(found) == 4


async def test_each_of_them_is_a_source_of_its_own(memory: Memory) -> None:
    await memory.ingest("sea", [document(name, "a whale", title="Whales", copy=name) for name in "ab"])

    assert [p.source for p in await memory.search("whale", corpora=["sea"], limit=9, sources=["b"])] == ["b"]
    [second] = await memory.select([Condition(field="copy", op="is", values=("b",))], corpora=["sea"])
    assert second.id == "b"
    assert await memory.read("b", 0, 7) == "a whale"


async def test_where_the_first_goes_the_second_is_found(memory: Memory) -> None:
    await memory.ingest("sea", [document(name, "a whale", title="Whales") for name in "ab"])
    await memory.retain("sea", ["b"])
    assert [p.source for p in await memory.search("whale", corpora=["sea"], limit=9)] == ["b"]

    await memory.ingest("sea", [document("a", "a whale", title="Whales")])
    await memory.ingest("sea", [document("a", "a ship", title="Ships")])
    assert [p.source for p in await memory.search("whale", corpora=["sea"], limit=9)] == ["b"]
    assert await memory.duplicates("sea") == {}


# Some sources alone


async def test_a_search_in_some_sources_finds_theirs_alone(memory: Memory) -> None:
    await memory.ingest("sea", [document(name, f"a whale {name}") for name in "abc"])
    await memory.ingest("land", [document("d", "a whale on land")])

    assert [p.source for p in await memory.search("whale", corpora=["sea"], limit=9, sources=["c", "a"])] == ["a", "c"]
    assert await memory.search("whale", corpora=["sea"], limit=9, sources=["d"]) == ()
    assert await memory.search("whale", corpora=["sea"], limit=9, sources=["nowhere", "\x00"]) == ()
    assert len(await memory.search("whale", corpora=["sea"], limit=9, sources=[])) == 3


async def test_a_search_in_some_sources_is_as_deep_as_one_in_all(memory: Memory) -> None:
    better = [document(f"{n}", "whale whale whale") for n in range(120)]
    await memory.ingest("sea", [*better, document("last", "one whale among many other things of the sea")])

    assert [p.source for p in await memory.search("whale", corpora=["sea"], limit=1, sources=["last"])] == ["last"]


async def test_a_note_is_found_in_its_source(memory: Memory) -> None:
    await memory.ingest("sea", [document("a", "a whale"), document("b", "a whale")])
    await note(memory, "k", "leviathan", source="a", span=(2, 7), scope="job")

    assert [p.text for p in await memory.search("leviathan", corpora=["job"], limit=9, sources=["a"])] == ["whale"]
    assert await memory.search("leviathan", corpora=["job"], limit=9, sources=["b"]) == ()


# How rare words are


async def test_a_word_is_the_rarer_the_fewer_passages_hold_it(memory: Memory) -> None:
    await memory.ingest(
        "sea", [document(name, f"all whales {name * 3} {'some' * (name in 'ab')}") for name in "abcdef"]
    )

    rare = await memory.rarity(["all", "some", "aaa", "tungsten", "whale", "WHALES"])
    assert list(rare) == ["all", "some", "aaa", "tungsten", "whale", "WHALES"]
    assert 0 < rare["all"] < rare["some"] < rare["aaa"] < rare["tungsten"] == 1
    assert rare["all"] == rare["whale"] == rare["WHALES"] < 0.05


async def test_several_words_are_as_rare_as_the_rarest_and_none_are_not_rare(memory: Memory) -> None:
    await memory.ingest("sea", [document("a", "a whale"), document("b", "a whale and a ship")])

    rare = await memory.rarity(["whale ship", "ship", "the", "", "…", "whale-tungsten"])
    assert rare["whale ship"] == rare["ship"]
    assert rare["whale-tungsten"] == 1
    assert (rare["the"], rare[""], rare["…"]) == (0, 0, 0)


async def test_in_an_empty_memory_every_word_is_rare(memory: Memory) -> None:
    assert await memory.rarity(["whale", "the"]) == {"whale": 1, "the": 0}
    assert await memory.rarity([]) == {}


# What metadata knows


BOOKS = [
    document("BOOK-10", "He sails.", title="The White Whale", author="Ada Ash", year=1851),
    document("BOOK-9", "She rides.", title="The Horse", author="Bo Ek", year=1860, shelf="Ada Ash"),
]
BY_ADA = Condition(field="author", op="is", values=("ada ash",))


async def named(memory: Memory, question: str, *corpora: str) -> list[tuple[str, ...]]:
    known = await memory.mentions(question, corpora=corpora or ["books"])
    return [mention.sources or (mention.kind, mention.field or mention.text) for mention in known.found]


async def selected(memory: Memory, *where: Condition, corpora: Sequence[str] = ("books",)) -> list[str]:
    return [source.id for source in await memory.select(where, corpora=corpora)]


async def test_a_question_names_sources_and_values_of_its_corpora(memory: Memory) -> None:
    await memory.ingest("books", BOOKS)
    await memory.ingest("papers", [document("PAPER-1", "x", title="The White Whale")])

    assert await named(memory, "Is book 9 or the white whale by Ada Ash?") == [
        ("BOOK-9",),
        ("BOOK-10",),
        ("value", "author"),
        ("value", "shelf"),
    ]
    assert await named(memory, "Is the white whale book 11?", "papers") == [("PAPER-1",)]
    assert await named(memory, "Is the white whale book 11?", "papers", "books") == [
        ("BOOK-10", "PAPER-1"),
        ("unknown", "id"),
    ]
    known = await memory.mentions("whale", corpora=["books"])
    assert ([field.name for field in known.fields], known.series, known.sources) == (
        ["author", "year", "shelf"],
        ("book",),
        2,
    )
    assert (await memory.mentions("whale", corpora=["nowhere"])).sources == 0


async def test_a_value_says_how_many_passages_hold_it(memory: Memory) -> None:
    await memory.ingest("books", [*BOOKS, document("x", "Ash here and ash there.", topic="ash of the")])

    [author, *_] = (await memory.mentions("by Ada Ash", corpora=["books"])).found
    [topic] = (await memory.mentions("on ash of the", corpora=["books"])).found
    assert (author.holding, topic.holding) == (0, 1)


async def test_the_sources_that_meet_conditions_are_selected_in_the_order_of_their_numbers(memory: Memory) -> None:
    await memory.ingest("books", BOOKS)

    assert await selected(memory) == ["BOOK-9", "BOOK-10"]
    assert await selected(memory, BY_ADA) == ["BOOK-10"]
    assert await selected(memory, BY_ADA, Condition(field="shelf", op="present")) == []
    assert await selected(memory, BY_ADA.model_copy(update={"also": ("shelf",)})) == ["BOOK-9", "BOOK-10"]
    assert await selected(memory, corpora=["nowhere"]) == await selected(memory, corpora=[]) == []


async def test_a_source_is_selected_whole_or_cut_to_some_fields(memory: Memory) -> None:
    await memory.ingest("books", BOOKS)

    [whole] = await memory.select([BY_ADA], corpora=["books"])
    [cut] = await memory.select([BY_ADA], corpora=["books"], fields=["year", "nowhere"])
    assert whole == await memory.source("BOOK-10")
    assert cut == whole.model_copy(update={"metadata": {"year": 1851}})


async def test_what_metadata_knows_changes_with_the_documents(memory: Memory) -> None:
    await memory.ingest("books", BOOKS)
    assert await selected(memory, BY_ADA) == ["BOOK-10"]

    await memory.ingest("books", [document("BOOK-9", "She rides.", title="A Mule", author="Ada Ash")])
    assert await selected(memory, BY_ADA) == ["BOOK-9", "BOOK-10"]
    assert await named(memory, "Is it a mule or the horse?") == [("BOOK-9",)]

    await memory.retain("books", ["BOOK-9"])
    assert await selected(memory, BY_ADA) == ["BOOK-9"]
    assert await named(memory, "Is book 10 the white whale?") == [("unknown", "id")]

    await memory.retain("books", [])
    assert await selected(memory) == []
    assert await named(memory, "Is book 9 a mule?") == []


async def test_a_document_that_moved_is_selected_at_its_new_address(memory: Memory) -> None:
    await memory.ingest("books", BOOKS)
    await memory.select([], corpora=["books"])
    await memory.ingest("books", [book.model_copy(update={"uri": "/elsewhere"}) for book in BOOKS])

    assert [source.uri for source in await memory.select([], corpora=["books"])] == ["/elsewhere"] * 2


async def test_sources_of_several_corpora_stand_corpus_by_corpus_however_they_are_named(memory: Memory) -> None:
    await memory.ingest("sea", [document("c", "x"), document("a", "x")])
    await memory.ingest("land", [document("b", "x")])

    assert await selected(memory, corpora=["sea", "land"]) == ["b", "c", "a"]
    assert await selected(memory, corpora=["land", "sea", "land"]) == ["b", "c", "a"]


# The same from all


WORDS = st.lists(st.sampled_from(["whale", "whales", "ship", "sea", "ahab", "white", "the"]), max_size=8).map(" ".join)
SAID = st.sampled_from(["Final", "white ship", "a, b", ["sea", "Final"], "2001-01-01", 7, "", "x-1"])
METADATA = st.dictionaries(st.sampled_from(["status", "by", "n"]), SAID, max_size=3)
IDS = st.sampled_from(["x-1", "x-2", "x-10", "b", "a", "notes.md", "…"])
CORPORA = st.lists(st.sampled_from(["sea", "land", "air"]), max_size=3)


@given(query=WORDS, texts=st.lists(WORDS, min_size=1, max_size=12))
@example(query="ship", texts=["ship whale", "whale whale", "whale"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_found_shares_a_word_with_the_query(memory: Memory, query: str, texts: list[str]) -> None:
    await memory.retain("sea", [])
    numbered = enumerate(texts)
    await memory.ingest("sea", [document(str(n), f"x {text}", title="." * n) for n, text in numbered])

    found = await memory.search(query, corpora=["sea"], limit=20)
    sharing = {str(number) for number, text in enumerate(texts) if {*stems(query)} & {*stems(text)}}
    assert {passage.source for passage in found} == sharing
    assert len(found) == len(sharing)


@given(
    documents=st.lists(st.tuples(st.sampled_from(["sea", "land"]), IDS, WORDS, METADATA), max_size=7),
    gone=st.sampled_from(["", "sea", "land"]),
    corpora=CORPORA,
    question=st.tuples(WORDS, st.sampled_from(["", "x 2", "X-1 and 10", "by a", '"white ship" final'])).map(" ".join),
    field=st.sampled_from(["status", "by", "n", "id"]),
    sources=st.lists(IDS, max_size=3),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_all_memories_know_alike(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[tuple[str, str, str, dict[str, object]]],
    gone: str,
    corpora: list[str],
    question: str,
    field: str,
    sources: list[str],
) -> None:
    where = [Condition(field=field, op="is", values=("final", "x 1", "b"), also=("status",))]
    known = []
    for open_any in FACTORIES:
        async with open_any(tmp_path_factory.mktemp("memory"), Settings()) as memory:
            for corpus, id, text, metadata in documents:
                await memory.ingest(corpus, [document(id, f"y {text}", title=text[:10], **metadata)])
                await memory.mentions(question, corpora=corpora)
            await memory.retain(gone, ["a", "x-1"])
            known.append(
                (
                    await memory.mentions(question, corpora=corpora),
                    await memory.select(where, corpora=corpora, fields=[field]),
                    await memory.select([], corpora=corpora),
                    await memory.rarity(question.split()),
                    await memory.search(question, corpora=corpora, limit=9, sources=sources),
                )
            )

    assert known[0] == known[1] == known[2]


@given(texts=st.lists(WORDS, max_size=8), notes=st.lists(WORDS, max_size=3), query=WORDS, limit=st.integers(0, 9))
@example(texts=["whale", "whale"], notes=["", "whale"], query="whale", limit=1)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_all_memories_rank_alike(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], notes: list[str], query: str, limit: int
) -> None:
    documents = [document(str(number), f"x {text}", title=text[:5]) for number, text in enumerate(texts)]
    found = []
    for open_any in FACTORIES:
        async with open_any(tmp_path_factory.mktemp("memory"), Settings()) as memory:
            await memory.ingest("sea", documents)
            for number, text in enumerate(notes[: len(texts)]):
                await note(memory, str(number), text, source=str(number), span=(0, 1), scope="job")
            found.append(await memory.search(query, corpora=["sea", "job"], limit=limit))

    assert found[0] == found[1] == found[2]


# By meaning


class Fond:
    """Whatever speaks of love is near to any query, and nothing else is."""

    id, dimensions = "fond", 2

    def __init__(self, *, is_semantic: bool = True) -> None:
        self.is_semantic = is_semantic

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        return [[1.0, 0.0] if text in ("whale", "tungsten") or "love" in text else [0.0, 1.0] for text in texts]


async def _found(folder: Path, embedder: Fond, limit: int) -> list[str]:
    # Found in this order by words; only the last of them speaks of love.
    texts = [f"whale {'whale ' * (9 - n)}{'love' if n == 9 else ''}" for n in range(10)]
    async with open_memory(folder, embedder=embedder) as memory:
        await memory.ingest("sea", [document(str(n), text) for n, text in enumerate(texts)])
        return [p.source for p in await memory.search("whale", corpora=["sea"], limit=limit)]


@pytest.mark.parametrize("limit", [0, 1, 5, 10, 40])
async def test_meaning_puts_what_words_found_in_another_order_and_drops_nothing(tmp_path: Path, limit: int) -> None:
    by_words = await _found(tmp_path / "a", Fond(is_semantic=False), 40)
    by_both = await _found(tmp_path / "b", Fond(), 40)

    assert sorted(by_words) == sorted(by_both) == [str(n) for n in range(10)]
    assert by_both.index("9") < by_words.index("9") == 9
    assert [name for name in by_both if name != "9"] == [name for name in by_words if name != "9"]
    assert await _found(tmp_path / "c", Fond(), limit) == by_both[:limit]


async def test_meaning_finds_what_shares_no_word(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=Fond()) as memory:
        await memory.ingest("sea", [document("a", "all about love"), document("b", "a whale")])

        assert {p.source for p in await memory.search("whale", corpora=["sea"], limit=9)} == {"a", "b"}
        assert [p.source for p in await memory.search("tungsten", corpora=["sea"], limit=9)] == ["a"]


async def test_more_passages_than_are_put_in_order_are_found_all_the_same(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=Fond()) as memory:
        await memory.ingest("sea", [document(str(n), f"a whale {n}") for n in range(70)])

        assert len({p.source for p in await memory.search("whale", corpora=["sea"], limit=99)}) == 70


# What is near in meaning


async def test_nobody_says_how_near_texts_are_where_words_alone_rank(memory: Memory) -> None:
    await memory.ingest("sea", [document("a", "one whale")])

    assert await memory.closeness("whale", ["a whale", "a ship"]) is None
    assert await memory.closeness("whale", []) is None
