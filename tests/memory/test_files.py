"""Which files a corpus is stored from: as long as what is stored came from them, and no longer."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from bullpen.memory import open_in_memory, open_memory
from bullpen.memory.embedding import HashedEmbedder
from bullpen.orchestrator.evidence import Document, File
from bullpen.orchestrator.ports import Memory, MemoryFactory

pytestmark = pytest.mark.anyio

FACTORIES: list[MemoryFactory] = [partial(open_memory, embedder=HashedEmbedder()), open_in_memory]

ONE = File(uri="/sea/a.md", stamp="1", documents=("a.md",))
TWO = File(uri="/sea/b #1.jsonl", stamp="1", documents=("x", "y"))


@pytest.fixture(params=FACTORIES, ids=["on disk", "in memory"])
async def memory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Memory]:
    async with request.param(tmp_path / "memory") as opened:
        yield opened


def documents(*files: File) -> list[Document]:
    """What came of the files."""
    found: list[Document] = []
    for file in files:
        for line, name in enumerate(file.documents, start=1):
            uri = f"{file.uri}#{line}" if file.uri.endswith(".jsonl") else file.uri
            found.append(Document(id=name, title="", uri=uri, text=f"the text of {name}"))
    return found


async def store(memory: Memory, *files: File) -> None:
    await memory.ingest("sea", documents(*files), files)


async def test_files_whose_documents_are_stored_are_known(memory: Memory) -> None:
    await store(memory, ONE, TWO)

    assert await memory.files("sea") == {ONE.uri: ONE, TWO.uri: TWO}
    assert await memory.files("land") == {}


async def test_a_file_is_known_as_it_was_last_read(memory: Memory) -> None:
    await store(memory, ONE)
    again = ONE.model_copy(update={"stamp": "2"})
    await store(memory, again)

    assert await memory.files("sea") == {ONE.uri: again}


async def test_a_file_that_has_lost_a_document_is_not_known(memory: Memory) -> None:
    await store(memory, ONE, TWO)
    await memory.retain("sea", ["a.md", "x"])
    assert await memory.files("sea") == {ONE.uri: ONE}

    await memory.ingest("sea", documents(TWO))
    assert await memory.files("sea") == {ONE.uri: ONE}


async def test_a_file_whose_documents_were_read_again_without_it_is_not_known(memory: Memory) -> None:
    await store(memory, ONE, TWO)
    await memory.ingest("sea", documents(ONE, TWO))

    assert await memory.files("sea") == {}


async def test_a_file_whose_document_came_from_another_since_is_not_known(memory: Memory) -> None:
    await store(memory, TWO)
    other = File(uri="/sea/b", stamp="1", documents=("x",))
    await store(memory, other)

    assert await memory.files("sea") == {other.uri: other}


async def test_a_file_without_documents_is_known(memory: Memory) -> None:
    empty = File(uri="/sea/empty.jsonl", stamp="1", documents=())
    await store(memory, ONE, empty)

    assert await memory.files("sea") == {ONE.uri: ONE, empty.uri: empty}


async def test_hostile_names_are_known_too(memory: Memory) -> None:
    hostile = File(uri="/sea/\x00'.md", stamp="1", documents=("\x00\ud800",))
    await store(memory, hostile)

    [file] = (await memory.files("sea")).values()
    assert file.stamp == "1"


async def test_files_whose_documents_were_cut_otherwise_are_not_known(tmp_path: Path) -> None:
    async with open_memory(tmp_path) as memory:
        await store(memory, ONE)
    async with open_memory(tmp_path, overlap=50) as memory:
        assert await memory.files("sea") == {}
    async with open_memory(tmp_path) as memory:
        assert await memory.files("sea") == {ONE.uri: ONE}


async def test_files_are_known_after_opening_again(tmp_path: Path) -> None:
    async with open_memory(tmp_path) as memory:
        await store(memory, ONE)
    async with open_memory(tmp_path) as memory:
        assert await memory.files("sea") == {ONE.uri: ONE}
