"""The vector index is derived: whatever happens to it, the memory finds what it found, and the index comes back."""

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import chromadb
import pytest

from bullpen.memory import HashedEmbedder, open_in_memory, open_memory
from bullpen.memory.ranking import fuse
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ports import Memory

pytestmark = pytest.mark.anyio

DOCUMENTS = [Document(id=f"{n}", title=f"Ship {n}", uri=f"{n}", text=f"whale {n} sails " * (n + 1)) for n in range(30)]


async def find(memory: Memory) -> list[str]:
    return [p.model_dump_json() for p in await memory.search("whale 7 ships", corpora=["sea"], limit=30)]


async def fresh() -> list[str]:
    async with open_in_memory(Path()) as memory:
        await memory.ingest("sea", DOCUMENTS)
        return await find(memory)


def with_collection(folder: Path, act: Callable[[Any], Any]) -> Any:
    client = chromadb.PersistentClient(str(folder / "chroma"), settings=chromadb.Settings(anonymized_telemetry=False))
    try:
        return act(client.get_collection("records", embedding_function=None))
    finally:
        client.close()


def indexed(folder: Path) -> set[int]:
    return {int(record) for record in with_collection(folder, lambda collection: collection.get()["ids"])}


def recorded(folder: Path) -> set[int]:
    database = sqlite3.connect(folder / "records.sqlite")
    numbers = {number for (number,) in database.execute("SELECT number FROM records")}
    database.close()
    return numbers


def delete_folder(folder: Path) -> None:
    (folder / "chroma").rename(folder / "gone")


def delete_some(folder: Path) -> None:
    ids = [str(number) for number in sorted(recorded(folder))[:5]]
    with_collection(folder, lambda collection: collection.delete(ids=ids))


def add_one(folder: Path) -> None:
    row = {"ids": ["99999"], "embeddings": [[1.0] * 256], "metadatas": [{"scope": "sea"}]}
    with_collection(folder, lambda collection: collection.upsert(**row))


def end_uncleanly(folder: Path) -> None:
    (folder / "chroma.json").unlink()


def spoil(folder: Path) -> None:
    (folder / "chroma" / "chroma.sqlite3").write_bytes(b"not a database" * 1000)


def cut(folder: Path) -> None:
    os.truncate(folder / "chroma" / "chroma.sqlite3", 8192)


def spoil_stamp(folder: Path) -> None:
    (folder / "chroma.json").write_bytes(b"\xff[")


def spoil_and_end_uncleanly(folder: Path) -> None:
    spoil(folder)
    end_uncleanly(folder)


DAMAGES = [delete_folder, delete_some, add_one, end_uncleanly, spoil, cut, spoil_stamp, spoil_and_end_uncleanly]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_loses_nothing_and_is_mended(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    async with open_memory(tmp_path) as memory:
        await memory.ingest("sea", DOCUMENTS)
    damage(tmp_path)

    async with open_memory(tmp_path) as memory:
        assert await find(memory) == await fresh()
        assert await memory.ingest("sea", DOCUMENTS) == 0
    assert indexed(tmp_path) == recorded(tmp_path)
    assert len(recorded(tmp_path)) == 30
    assert (tmp_path / "chroma.damaged").exists() == (damage in (spoil, cut, spoil_and_end_uncleanly))


async def test_changes_reach_the_index_by_the_end(tmp_path: Path) -> None:
    async with open_memory(tmp_path) as memory:
        await memory.ingest("sea", DOCUMENTS)
        await memory.ingest("sea", [DOCUMENTS[3].model_copy(update={"text": "a ship"})])
        await memory.retain("sea", [document.id for document in DOCUMENTS[:20]])
        await memory.add("k", "orca", source="1", start=0, end=5, writer="w", scope="job")

    assert indexed(tmp_path) == recorded(tmp_path)
    assert len(recorded(tmp_path)) == 21


async def test_what_a_failed_session_did_not_index_is_indexed_by_the_next(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the job failed"):
        async with open_memory(tmp_path) as memory:
            await memory.ingest("sea", DOCUMENTS)
            raise RuntimeError("the job failed")
    async with open_memory(tmp_path) as memory:
        assert await find(memory) == await fresh()

    assert indexed(tmp_path) == recorded(tmp_path)


async def test_an_index_left_in_order_is_not_opened_again(tmp_path: Path) -> None:
    async with open_memory(tmp_path) as memory:
        await memory.ingest("sea", DOCUMENTS)
    before = (tmp_path / "chroma.json").stat()
    async with open_memory(tmp_path) as memory:
        await memory.ingest("sea", DOCUMENTS)
        await find(memory)

    assert (tmp_path / "chroma.json").stat().st_mtime_ns == before.st_mtime_ns


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


async def test_another_embedder_builds_the_index_anew_and_a_semantic_one_takes_part(tmp_path: Path) -> None:
    texts = {"a": "a car", "b": "a cetacean", "c": "a whale", "d": "a horse"}
    documents = [Document(id=id, title="", uri=id, text=text) for id, text in texts.items()]
    async with open_memory(tmp_path) as memory:
        await memory.ingest("sea", documents)
        assert [p.source for p in await memory.search("whale", corpora=["sea"], limit=9)] == ["c"]
    async with open_memory(tmp_path, embedder=Meaning()) as memory:
        assert [p.source for p in await memory.search("whale", corpora=["sea"], limit=9)] == ["c", "b"]
        assert [p.source for p in await memory.search("automobile", corpora=["sea"], limit=9)] == ["a"]
        assert await memory.search("whale", corpora=["land"], limit=9) == ()
        await memory.ingest("sea", [Document(id="e", title="", uri="e", text="cetaceans")])
        assert {p.source for p in await memory.search("whale", corpora=["sea"], limit=9)} == {"b", "c", "e"}

    assert json.loads((tmp_path / "chroma.json").read_text())["embedder"] == "meaning-3"
    assert indexed(tmp_path) == recorded(tmp_path)
    async with open_memory(tmp_path) as memory:
        assert [p.source for p in await memory.search("whale", corpora=["sea"], limit=9)] == ["c"]
    assert with_collection(tmp_path, lambda collection: collection.metadata["embedder"]) == "hash-256"


def test_hashed_vectors_have_length_one_even_without_words() -> None:
    same, again, empty = HashedEmbedder().embed(["Whales sail.", "the whale sailing", "…"])

    assert same == again
    assert [round(sum(x * x for x in vector), 9) for vector in (same, empty)] == [1, 1]
    assert len(empty) == HashedEmbedder.dimensions


def test_fusion_rewards_agreement_and_breaks_ties_by_the_first_ranking() -> None:
    assert fuse([1, 2, 3], [3, 4]) == [3, 1, 2, 4]
    assert fuse([1, 2], [2, 1]) == [1, 2]
    assert fuse([], []) == []
