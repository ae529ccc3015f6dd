"""A job's corpus is brought into memory: what has not changed is not read, and what ended before is gone on with."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from bullpen.memory import InMemory, open_memory
from bullpen.orchestrator import ingest as module
from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.evidence import Document, File, Unreadable
from bullpen.orchestrator.ingest import Ingested, corpus_of, ingest
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.ports import CorpusReader, Memory
from bullpen.tools import read_corpus

pytestmark = pytest.mark.anyio

HOUR_NS = 3_600_000_000_000


@pytest.fixture(autouse=True)
def files_are_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if an hour went by between writing a file and reading it."""
    now_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + HOUR_NS)


async def into(memory: Memory, *paths: Path, reader: CorpusReader = read_corpus) -> tuple[Ingested, InMemoryJournal]:
    journal = InMemoryJournal("job", SystemClock())
    return await ingest(Steps(journal, "job", "job", "job"), memory, reader, paths), journal


class Watched(InMemory):
    """Remembers how many documents and characters came at once."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[int, int]] = []

    async def ingest(self, corpus: str, documents: Iterable[Document], files: Sequence[File] = ()) -> int:
        batch = list(documents)
        self.batches.append((len(batch), sum(len(document.text) for document in batch)))
        return await super().ingest(corpus, batch, files)


def write(folder: Path, count: int) -> None:
    folder.mkdir(exist_ok=True)
    for n in range(count):
        (folder / f"{n:03}.md").write_text(f"# Whale {n}")


async def test_an_unchanged_corpus_is_ingested_without_a_document(tmp_path: Path) -> None:
    write(tmp_path, 70)
    memory = Watched()
    first, _ = await into(memory, tmp_path)
    memory.batches.clear()

    second, journal = await into(memory, tmp_path)
    assert (first.documents, first.changed, first.removed) == (70, 70, 0)
    assert (second.documents, second.changed, second.removed) == (70, 0, 0)
    assert sum(count for count, _ in memory.batches) == 0
    read = [event.value for event in journal.events if event.kind == "corpus.read"]
    assert read[-1] == {"documents": 70, "unreadable": 0, "files": 70, "of": 70}


async def test_what_has_changed_alone_is_read_and_what_is_gone_forgotten(tmp_path: Path) -> None:
    write(tmp_path, 9)
    memory = Watched()
    await into(memory, tmp_path)
    memory.batches.clear()
    (tmp_path / "003.md").write_text("# An orca")
    (tmp_path / "004.md").unlink()
    (tmp_path / "new.md").write_text("# A ship")

    done, _ = await into(memory, tmp_path)
    assert (done.documents, done.changed, done.removed) == (9, 2, 1)
    assert sum(count for count, _ in memory.batches) == 2
    assert await memory.source("004.md") is None
    [found] = await memory.search("orca", corpora=[corpus_of([tmp_path])], limit=9)
    assert found.source == "003.md"


async def test_a_file_that_cannot_be_read_is_named_each_time(tmp_path: Path) -> None:
    write(tmp_path, 2)
    (tmp_path / "bad.md").write_bytes(b"\0")
    memory = InMemory()

    for _ in range(2):
        done, _ = await into(memory, tmp_path)
        assert [gap.reason for gap in done.unreadable] == ["not text: it holds NUL bytes"]
        assert done.documents == 2


async def test_a_batch_is_bounded_by_documents_and_by_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    monkeypatch.setattr(module, "BATCH_CHARACTERS", 100)
    write(tmp_path, 10)
    for n in range(3):
        (tmp_path / f"long-{n}.md").write_text("whale " * 20)
    memory = Watched()

    done, _ = await into(memory, tmp_path)
    assert done.documents == 13
    assert max(count for count, _ in memory.batches) == 4
    assert max(characters for _, characters in memory.batches) < 100 + 120


async def test_a_reader_that_says_nothing_of_files_is_read_whole_each_time(tmp_path: Path) -> None:
    async def reader(paths: Sequence[Path], known: object = None) -> AsyncIterator[Document]:
        for n in range(3):
            yield Document(id=f"{n}", title="", uri="somewhere", text="a whale")

    memory = Watched()
    for changed in (3, 0):
        done, _ = await into(memory, tmp_path, reader=reader)
        assert (done.documents, done.changed) == (3, changed)
    assert [count for count, _ in memory.batches] == [3, 3]


async def test_a_reader_that_breaks_leaves_what_it_had_read(tmp_path: Path) -> None:
    async def reader(
        paths: Sequence[Path], known: Mapping[str, File] | None = None
    ) -> AsyncIterator[Document | Unreadable | File]:
        for n in range(200):
            yield Document(id=f"{n}", title="", uri=f"{n}", text="a whale")
        raise OSError("the disk is gone")

    memory = InMemory()
    with pytest.raises(OSError, match="the disk is gone"):
        await into(memory, tmp_path, reader=reader)
    assert [await memory.source(f"{n}") is not None for n in (0, 127)] == [True, True]


async def test_nothing_that_could_be_read_is_refused_and_nothing_forgotten(tmp_path: Path) -> None:
    write(tmp_path, 1)
    memory = InMemory()
    await into(memory, tmp_path)
    (tmp_path / "000.md").write_bytes(b"")

    with pytest.raises(BadInput, match=r"nothing in .* could be read: .*000\.md is empty"):
        await into(memory, tmp_path)
    assert await memory.source("000.md") is not None


KILLED = """
import os, signal, sys, time, anyio
from pathlib import Path
from bullpen.memory import HashedEmbedder, open_memory
from bullpen.orchestrator import ingest as module
from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.tools import read_corpus
now_ns = time.time_ns
time.time_ns = lambda: now_ns() + 3_600_000_000_000
module.BATCH = 5

class Journal(InMemoryJournal):
    def append(self, entry):
        if entry.kind == "corpus.read" and entry.body["documents"] >= int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().append(entry)

async def main():
    async with open_memory(Path(sys.argv[1]), reranker=HashedEmbedder()) as memory:
        steps = Steps(Journal("job", SystemClock()), "job", "job", "job")
        await module.ingest(steps, memory, read_corpus, [Path(sys.argv[2])])
anyio.run(main)
"""


async def test_a_killed_ingestion_goes_on_with_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "corpus", 23)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "memory"), str(tmp_path / "corpus"), "15"]
    assert subprocess.run(command, check=False).returncode == -9  # noqa: ASYNC221
    monkeypatch.setattr(module, "BATCH", 5)

    async with open_memory(tmp_path / "memory") as memory:
        known = await memory.files(corpus_of([tmp_path / "corpus"]))
        assert 10 <= sum(len(file.documents) for file in known.values()) < 23
        done, _ = await into(memory, tmp_path / "corpus")
        assert done.changed == 23 - len(known)
        assert done.documents == 23
        assert len(await memory.search("whale", corpora=[corpus_of([tmp_path / "corpus"])], limit=50)) == 23
