"""The vector index is derived: whatever happens to it, the memory finds what it found, and the index comes back."""

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import chromadb
import pytest

from bullpen.memory import HashedEmbedder, ProjectMemory, chroma, open_memory
from bullpen.memory.ranking import fuse
from bullpen.orchestrator.errors import BadInput, Unavailable
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ports import Note

pytestmark = pytest.mark.anyio


THINGS = ["whale", "ship", "harpoon", "sail", "anchor", "rope", "storm", "island"]
#: More than Chroma keeps in its log, so that it has written each of its files.
MANY = 1_100


class Meant(HashedEmbedder):
    """The hashed embedder, taken at its word: what it finds near takes part in ranking.

    Of few dimensions, so that Chroma's graph misses nothing and every search can be compared with an exact one.
    """

    id = "meant-16"
    dimensions = 16
    is_semantic = True


def documents(count: int) -> list[Document]:
    told = random.Random(7)
    rare = [f"w{told.randrange(2_000)}x" for _ in range(4_000)]
    texts = [" ".join([*told.choices(THINGS, k=9), *told.sample(rare, 6), str(n)]) for n in range(count)]
    return [Document(id=f"{n}", title="", uri=f"{n}", text=text) for n, text in enumerate(texts)]


async def find(memory: ProjectMemory, *scopes: str) -> list[str]:
    found = []
    for query in ("whale 7 ships", "sailing to islands", "500", "storms and ropes"):
        found += [p.model_dump_json() for p in await memory.search(query, corpora=scopes or ["sea"], limit=30)]
    return found


async def fill(folder: Path, count: int) -> list[str]:
    """A memory of so many documents, left in order; what is found in it."""
    async with open_memory(folder, embedder=Meant()) as memory:
        await memory.ingest("sea", documents(count))
        await memory.settle()
        return await find(memory)


@pytest.fixture(autouse=True)
def _few_are_indexed_as_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma, "EXACT", 0)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    folder = tmp_path_factory.mktemp("filled")
    yield folder, anyio.run(fill, folder, MANY)


def with_client(folder: Path, act: Callable[[Any], Any]) -> Any:
    client = chromadb.PersistentClient(str(folder / "chroma"), settings=chromadb.Settings(anonymized_telemetry=False))
    try:
        return act(client)
    finally:
        client.close()


def with_collection(folder: Path, act: Callable[[Any], Any]) -> Any:
    def on_first(client: Any) -> Any:
        [named] = client.list_collections()
        return act(client.get_collection(named.name, embedding_function=None))

    return with_client(folder, on_first)


def indexed(folder: Path) -> set[int]:
    return {int(record) for record in with_collection(folder, lambda collection: collection.get()["ids"])}


def recorded(folder: Path) -> set[int]:
    database = sqlite3.connect(folder / "records.sqlite")
    numbers = {number for (number,) in database.execute("SELECT number FROM records WHERE kind = 'passage'")}
    database.close()
    return numbers


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "chroma").rglob("*") if path.is_file())


def delete_folder(folder: Path) -> None:
    shutil.rmtree(folder / "chroma")


def empty_folder(folder: Path) -> None:
    delete_folder(folder)
    (folder / "chroma").mkdir()


def delete_some(folder: Path) -> None:
    ids = [str(number) for number in sorted(recorded(folder))[:5]]
    with_collection(folder, lambda collection: collection.delete(ids=ids))


def add_one(folder: Path) -> None:
    row = {"ids": ["99999"], "embeddings": [[1.0] * 16]}
    with_collection(folder, lambda collection: collection.upsert(**row))


def end_uncleanly(folder: Path) -> None:
    (folder / "chroma.json").unlink()


def spoil_stamp(folder: Path) -> None:
    (folder / "chroma.json").write_bytes(b"\xff[")


def another_shape_of_stamp(folder: Path) -> None:
    (folder / "chroma.json").write_text('["files"]')


def stamp_of_another_memory(folder: Path) -> None:
    stamp = json.loads((folder / "chroma.json").read_text())
    (folder / "chroma.json").write_text(json.dumps({**stamp, "memory": "another"}))


def of_each_file(name: str, damage: Callable[[Path], None]) -> dict[str, Callable[[Path], None]]:
    """The damage done to each of the files that Chroma keeps."""
    kinds = ("chroma.sqlite3", "data_level0.bin", "header.bin", "index_metadata.pickle", "length.bin", "link_lists.bin")

    def to(kind: str) -> Callable[[Path], None]:
        return lambda folder: damage(next(path for path in files(folder) if path.name == kind))

    return {f"{name} {kind}": to(kind) for kind in kinds}


def spoil(path: Path) -> None:
    path.write_bytes(b"not what it was" * 1_000)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """One bit, and nothing that a look at sizes and times would show."""
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def claim_terabytes(path: Path) -> None:
    os.truncate(path, 1 << 41)


def link(path: Path) -> None:
    """The same content elsewhere, through which Chroma would write."""
    elsewhere = path.parents[2] / path.name
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "delete the folder": delete_folder,
    "empty the folder": empty_folder,
    "delete some": delete_some,
    "add one": add_one,
    "end uncleanly": end_uncleanly,
    "spoil the stamp": spoil_stamp,
    "another stamp": another_shape_of_stamp,
    "another memory": stamp_of_another_memory,
    **of_each_file("delete", Path.unlink),
    **of_each_file("spoil", spoil),
    **of_each_file("cut", cut),
    **of_each_file("flip", flip),
    "link": lambda folder: link(folder / "chroma" / "chroma.sqlite3"),
    "claim terabytes": lambda folder: claim_terabytes(next(p for p in files(folder) if p.name == "link_lists.bin")),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_loses_nothing_and_is_never_opened(
    tmp_path: Path, filled: tuple[Path, list[str]], damage: str
) -> None:
    folder, found = tmp_path / "memory", filled[1]
    shutil.copytree(filled[0], folder)
    DAMAGES[damage](folder)

    async with open_memory(folder, embedder=Meant()) as memory:
        assert await find(memory) == found
        assert (await memory.stored()).vectors == MANY
    assert (folder / "chroma.damaged").exists() == (damage != "delete the folder")


@pytest.mark.parametrize("damage", ["delete the folder", "cut data_level0.bin", "end uncleanly"])
async def test_the_index_comes_back_behind(tmp_path: Path, filled: tuple[Path, list[str]], damage: str) -> None:
    folder, found = tmp_path / "memory", filled[1]
    shutil.copytree(filled[0], folder)
    DAMAGES[damage](folder)

    async with open_memory(folder, embedder=Meant()) as memory:
        await memory.settle()
        assert (await memory.stored()).pending == 0
        assert await find(memory) == found
    assert indexed(folder) == recorded(folder)


async def test_an_index_left_in_order_is_opened_as_it_is(tmp_path: Path, filled: tuple[Path, list[str]]) -> None:
    folder = tmp_path / "memory"
    shutil.copytree(filled[0], folder)

    for _ in range(2):
        async with open_memory(folder, embedder=Meant()) as memory:
            assert await find(memory) == filled[1]
            assert (await memory.stored()).pending == 0
    assert not (folder / "chroma.damaged").exists()


async def test_changes_reach_the_index_by_the_end(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=Meant()) as memory:
        await memory.ingest("sea", documents(30))
        await memory.ingest("sea", [documents(4)[3].model_copy(update={"text": "a ship"})])
        await memory.retain("sea", [document.id for document in documents(20)])
        await memory.add(Note(key="k", text="orca", source="1", start=0, end=5, writer="w", scope="job"))

    assert indexed(tmp_path) == recorded(tmp_path)
    assert len(recorded(tmp_path)) == 20


@pytest.mark.parametrize("change", ["some go", "some change"])
async def test_what_has_gone_is_not_found_before_the_index_hears_of_it(
    tmp_path: Path, filled: tuple[Path, list[str]], change: str
) -> None:
    folder = tmp_path / "memory"
    shutil.copytree(filled[0], folder)
    was = documents(1)[0].text

    async with open_memory(folder, embedder=Meant()) as memory:
        if change == "some go":
            await memory.retain("sea", [document.id for document in documents(MANY)[60:]])
        else:
            await memory.ingest("sea", [d.model_copy(update={"text": f"an island {d.id}"}) for d in documents(60)])
        at_once = await memory.search(was, corpora=["sea"], limit=30)
        await memory.settle()
        assert await memory.search(was, corpora=["sea"], limit=30) == at_once
    assert len(at_once) == 30
    assert was not in {passage.text for passage in at_once}


async def test_what_a_failed_session_did_not_index_is_indexed_by_the_next(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the job failed"):
        async with open_memory(tmp_path, embedder=Meant()) as memory:
            await memory.ingest("sea", documents(30))
            raise RuntimeError("the job failed")
    async with open_memory(tmp_path, embedder=Meant()) as memory:
        await find(memory)

    assert indexed(tmp_path) == recorded(tmp_path)


async def test_each_scope_is_indexed_and_searched_by_itself(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=Meant()) as memory:
        await memory.ingest("sea", documents(20))
        await memory.ingest("land", documents(9))
        await memory.settle()

        land = {p.source for p in await memory.search("whale", corpora=["land"], limit=99)}
        both = {p.source for p in await memory.search("whale", corpora=["land", "sea"], limit=99)}
        assert land
        assert land <= {f"{n}~2" for n in range(9)}
        assert land < both
    assert len(with_client(tmp_path, lambda client: client.list_collections())) == 2


async def test_a_large_corpus_answers_at_once_and_by_meaning_when_its_vectors_are_there(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=Meant()) as memory:
        await memory.ingest("sea", documents(300))
        at_once = await memory.search("sailing", corpora=["sea"], limit=30)
        await memory.settle()
        then = await memory.search("sailing", corpora=["sea"], limit=30)
        stored = await memory.stored()

    assert (len(at_once), len(then)) == (30, 30)
    assert (stored.vectors, stored.lacking, stored.pending, stored.failed) == (300, 0, 0, "")


class Failing(Meant):
    """Embeds a question, and no document."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        if len(texts) > 1:
            raise BadInput("the embedder is out of order")
        return super().embed(texts)


async def test_vectors_that_cannot_be_made_are_named_and_words_go_on(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=Failing()) as memory:
        await memory.ingest("sea", documents(300))
        with pytest.raises(BadInput, match="out of order"):
            await memory.settle()
        assert (await memory.stored()).failed == "the embedder is out of order"


class Panics(Meant):
    """Ends as code in Rust does that is at its wits' end."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        raise PanicException("index out of bounds")


class PanicException(BaseException):
    """Named as Chroma's."""


async def test_a_panic_behind_keeps_nobody_waiting(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=Panics()) as memory:
        await memory.ingest("sea", documents(300))
        with pytest.raises(Unavailable, match="vectors of 'meant-16' cannot be made: index out of bounds"):
            await memory.settle()


async def test_a_panic_of_the_index_is_a_store_set_aside(
    tmp_path: Path, filled: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "memory"
    shutil.copytree(filled[0], folder)

    def panic(*_: object) -> None:
        raise PanicException("index out of bounds")

    async with open_memory(folder, embedder=Meant()) as memory:
        monkeypatch.setattr("bullpen.memory.chroma._query", panic)
        assert await find(memory) == filled[1]
    assert (folder / "chroma.damaged").exists()


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda vectors: [vector[1:] for vector in vectors], r"of the shape \(15,\), not \(16,\)"),
        (lambda vectors: vectors[1:], r"gave \d vectors for \d texts"),
        (lambda vectors: [[vector] for vector in vectors], r"of the shape \(1, 16\), not \(16,\)"),
    ],
    ids=["too short", "too few", "nested"],
)
@pytest.mark.parametrize("texts", ["documents", "questions"])
async def test_what_an_embedder_gets_wrong_is_named_and_nothing_is_kept(
    tmp_path: Path, made: Callable[[Any], Any], told: str, texts: str
) -> None:
    class Wrong(Meant):
        def embed(self, texts_: Sequence[str]) -> Sequence[Sequence[float]]:
            vectors = super().embed(texts_)
            return made(vectors) if (len(texts_) > 1) == (texts == "documents") else vectors

    async with open_memory(tmp_path, embedder=Wrong()) as memory:
        await memory.ingest("sea", documents(3))
        with pytest.raises(BadInput, match=told):
            await find(memory)
        # Those of documents may be made, behind, while a question has none.
        assert (await memory.stored()).vectors in ((0,) if texts == "documents" else (0, 3))
        assert await memory.source("1") is not None


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
async def test_a_vector_of_no_number_is_refused(tmp_path: Path, number: float) -> None:
    class Nowhere(Meant):
        def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
            return [[number, *vector[1:]] for vector in super().embed(texts)]

    async with open_memory(tmp_path, embedder=Nowhere()) as memory:
        await memory.ingest("sea", documents(3))
        with pytest.raises(BadInput, match="holds NaN or an infinite number; look"):
            await find(memory)
        assert (await memory.stored()).vectors == 0


class Meaning:
    """A semantic embedder of three meanings: wheels, whales, and neither."""

    id = "meaning-3"
    dimensions = 3
    is_semantic = True

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        wheels, whales = ("car", "automobile"), ("whale", "cetacean")
        return [self._unit(*(any(word in text for word in words) for words in (wheels, whales))) for text in texts]

    def _unit(self, wheels: bool, whales: bool) -> list[float]:
        return [float(wheels), float(whales and not wheels), float(not wheels and not whales)]


TEXTS = {"a": "a car", "b": "a cetacean", "c": "a whale", "d": "a horse"}
FOUR = [Document(id=id, title="", uri=id, text=text) for id, text in TEXTS.items()]


async def sources(memory: ProjectMemory, query: str, corpus: str = "sea") -> list[str]:
    return [p.source for p in await memory.search(query, corpora=[corpus], limit=9)]


async def test_a_semantic_embedder_takes_part_and_a_hashed_one_gives_way_to_it(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=HashedEmbedder()) as memory:
        await memory.ingest("sea", FOUR)
        assert await sources(memory, "whale") == ["c"]
    async with open_memory(tmp_path, embedder=Meaning()) as memory:
        assert await sources(memory, "whale") == ["c", "b"]
        assert await sources(memory, "automobile") == ["a"]
        assert await sources(memory, "whale", "land") == []
        await memory.ingest("sea", [Document(id="e", title="", uri="e", text="cetaceans")])
        assert set(await sources(memory, "whale")) == {"b", "c", "e"}

    assert json.loads((tmp_path / "chroma.json").read_text())["embedder"] == "meaning-3"
    assert indexed(tmp_path) == recorded(tmp_path)


async def test_vectors_that_rank_are_left_alone_by_an_embedder_that_does_not(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=Meaning()) as memory:
        await memory.ingest("sea", FOUR)
    async with open_memory(tmp_path, embedder=HashedEmbedder()) as memory:
        assert await sources(memory, "whale") == ["c"]
        await memory.settle()
        assert (await memory.stored()).vectors == 4
    async with open_memory(tmp_path, embedder=Meaning()) as memory:
        assert await sources(memory, "whale") == ["c", "b"]


async def test_another_semantic_embedder_is_refused_by_name_and_embeds_again_on_request(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=Meaning()) as memory:
        await memory.ingest("sea", FOUR)
    with pytest.raises(BadInput, match=r"holds vectors of 'meaning-3', not of 'meant-16'.*memory rebuild"):
        async with open_memory(tmp_path, embedder=Meant()):
            pass
    async with open_memory(tmp_path, embedder=Meant(), fresh=True) as memory:
        await memory.settle()
        assert ((await memory.stored()).vectors, (await memory.stored()).embedder) == (4, "meant-16")
        assert (await sources(memory, "whale"))[0] == "c"
    assert indexed(tmp_path) == recorded(tmp_path)


def test_hashed_vectors_have_length_one_even_without_words() -> None:
    same, again, empty = HashedEmbedder().embed(["Whales sail.", "the whale sailing", "…"])

    assert same == again
    assert [round(sum(x * x for x in vector), 9) for vector in (same, empty)] == [1, 1]
    assert len(empty) == HashedEmbedder.dimensions


def test_fusion_rewards_agreement_and_breaks_ties_by_the_first_ranking() -> None:
    assert fuse([1, 2, 3], [3, 4]) == [3, 1, 2, 4]
    assert fuse([1, 2], [2, 1]) == [1, 2]
    assert fuse([], []) == []


async def test_a_few_passages_need_no_index_and_load_no_chroma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma, "EXACT", 10)
    for count, is_indexed in ((10, False), (11, True)):
        folder = tmp_path / str(count)
        await fill(folder, count)
        async with open_memory(folder, embedder=Meant()) as memory:
            assert (await memory.stored()).pending == 0
        assert (folder / "chroma").exists() == is_indexed
