"""The twin runs where no thread may: on trio's jumping clock."""

import os
from pathlib import Path

import anyio
import pytest
import trio.testing

from bullpen.memory import open_in_memory
from bullpen.orchestrator.evidence import Document


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


@pytest.mark.anyio
async def test_the_twin_needs_neither_threads_nor_real_time(tmp_path: Path) -> None:
    with anyio.fail_after(1):
        async with open_in_memory(tmp_path / "nowhere") as memory:
            await memory.ingest("sea", [Document(id="a", title="", uri="", text="a whale")])
            assert len(await memory.search("whales", corpora=["sea"], limit=1)) == 1

    assert os.listdir(tmp_path) == []
