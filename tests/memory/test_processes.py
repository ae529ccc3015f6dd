"""A killed process loses nothing that it acknowledged; a folder that cannot be used is refused in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from bullpen.memory import HashedEmbedder, open_memory
from bullpen.orchestrator.errors import BadInput

pytestmark = pytest.mark.anyio

INGEST = """
import sys, anyio
from pathlib import Path
from bullpen.memory import HashedEmbedder, open_memory
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ports import Note
async def main():
    async with open_memory(Path(sys.argv[1]), embedder=HashedEmbedder()) as memory:
        for batch in range(1000):
            text = f"whale {batch} " * 700
            texts = [Document(id=f"{batch}-{n}", title="." * n, uri="", text=text) for n in range(20)]
            await memory.ingest("sea", texts)
            note = Note(key=f"k{batch}", text="orca", source=f"{batch}-0", start=0, end=5, writer="w", scope="job")
            await memory.add(note)
            print(batch, flush=True)
anyio.run(main)
"""


def start(script: str, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", script, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("acknowledged", [3, 12])
async def test_a_kill_during_ingest_loses_nothing_acknowledged(tmp_path: Path, acknowledged: int) -> None:
    with start(INGEST, tmp_path) as child:
        assert child.stdout
        for _ in range(acknowledged):
            child.stdout.readline()
        child.kill()

    async with open_memory(tmp_path, embedder=HashedEmbedder()) as memory:
        for batch in range(acknowledged):
            assert [await memory.source(f"{batch}-{n}") for n in range(20)].count(None) == 0
            found = await memory.search(f"{batch}", corpora=["sea"], limit=1000)
            assert {p.source for p in found} >= {f"{batch}-{n}" for n in range(20)}
        assert len(await memory.search("orca", corpora=["job"], limit=99)) >= acknowledged


async def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInput, match=r"cannot keep memory in .*give a folder that can be written") as caught:
        async with open_memory(tmp_path / "file" / "memory"):
            pass
    assert "\n" not in str(caught.value)


async def test_a_folder_whose_lock_may_not_be_taken_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()

    with pytest.raises(BadInput, match=r"lock' is a folder where only a regular file is opened") as caught:
        async with open_memory(tmp_path, embedder=HashedEmbedder()):
            pass
    assert "\n" not in str(caught.value)


async def test_a_records_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").write_bytes(b"my thesis " * 500)

    for _ in range(2):
        with pytest.raises(BadInput, match="cannot keep records in"):
            async with open_memory(tmp_path, embedder=HashedEmbedder()):
                pass
    assert (tmp_path / "records.sqlite").read_bytes() == b"my thesis " * 500


def test_importing_the_memory_loads_no_index() -> None:
    script = "import sys, bullpen.memory; print({'chromadb', 'numpy', 'bm25s', 'Stemmer'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert printed.stdout == "set()\n"
