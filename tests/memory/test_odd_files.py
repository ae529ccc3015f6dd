"""A memory's folder may have been received: whatever stands under its names, nothing outside is touched."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from bullpen.memory import lock, open_memory
from bullpen.orchestrator.errors import BadInput

from ..words.odd import ODD, Outside
from .test_index import Meant, documents

pytestmark = pytest.mark.anyio

#: What a memory opens, and what it makes anew whatever stands there.
OPENED = (
    *("lock", "records.sqlite", "records.sqlite-wal", "records.sqlite-shm", "records.sqlite-journal"),
    *("words.npz", "words.new", "chroma.json", "chroma.new", "chroma"),
)
MADE = ("chroma.damaged", "memory.sock")


async def used(folder: Path) -> None:
    """Have a memory there made or opened, filled, searched and indexed anew."""
    async with open_memory(folder, embedder=Meant()) as memory:
        await memory.ingest("sea", documents(3))
        await memory.rebuild()
        assert await memory.search("whale", corpora=["sea"], limit=3)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", OPENED)
async def test_what_stands_in_a_files_place_is_named_and_left_alone(tmp_path: Path, odd: str, name: str) -> None:
    if (odd, name) == ("folder", "chroma"):
        return  # as it should be
    outside, folder = Outside(tmp_path), tmp_path / "memory"
    folder.mkdir()
    outside.stand_in(odd, folder / name)

    with pytest.raises(BadInput, match=rf"/memory/{name}' is a .*move (it|the link) away$"):
        await used(folder)

    assert outside.is_untouched()
    assert name in {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", MADE)
async def test_what_stands_where_something_is_made_is_not_written_through(tmp_path: Path, odd: str, name: str) -> None:
    outside, folder = Outside(tmp_path), tmp_path / "memory"
    folder.mkdir()
    outside.stand_in(odd, folder / name)

    await used(folder)

    assert outside.is_untouched()


async def test_a_memory_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = Outside(tmp_path)
    outside.stand_in("link to a folder", tmp_path / "memory")

    with pytest.raises(BadInput, match=r"/memory' is a link to '.*' and is not followed; name the folder"):
        await used(tmp_path / "memory")

    assert outside.is_untouched()


@pytest.mark.parametrize("mask", [0o000, 0o022])
async def test_nobody_else_can_read_what_is_kept(tmp_path: Path, mask: int) -> None:
    folder = tmp_path / "memory"
    (folder / "chroma").mkdir(parents=True)
    for name in ("lock", "words.npz", "chroma/old"):  # as they were made before
        (folder / name).write_bytes(b"")
        (folder / name).chmod(0o666)
    before = os.umask(mask)
    try:
        async with open_memory(folder, embedder=Meant()) as memory:
            await memory.ingest("sea", documents(1_100))
            await memory.settle()
            while_open = wide_in(folder)
        assert os.umask(mask) == mask
    finally:
        os.umask(before)

    assert (while_open, wide_in(folder)) == ([], [])
    assert {path.name for path in folder.iterdir()} >= {"lock", "records.sqlite", "words.npz", "chroma.json", "chroma"}


def wide_in(folder: Path) -> list[str]:
    found = [path for path in folder.rglob("*") if not path.is_symlink()]
    return [path.name for path in found if stat.S_IMODE(path.lstat().st_mode) & 0o077]


FOREIGN = {
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON sources BEGIN DELETE FROM records; END",
    "a view": "CREATE VIEW v AS SELECT * FROM sources",
    "a view in a table's place": "DROP TABLE calls; CREATE VIEW calls AS SELECT 1 AS client",
    "one table less": "DROP TABLE facts",
    "a column more": "ALTER TABLE sources ADD COLUMN more TEXT",
}


@pytest.mark.parametrize("made", FOREIGN)
async def test_records_with_tables_that_are_not_ours_are_named_and_left_alone(tmp_path: Path, made: str) -> None:
    await used(tmp_path)
    with sqlite3.connect(tmp_path / "records.sqlite") as database:
        database.executescript(FOREIGN[made])
    database.close()

    with pytest.raises(BadInput, match=r"records\.sqlite' have other tables or triggers than Bullpen makes.*move"):
        await used(tmp_path)


async def test_another_programs_database_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "records.sqlite") as database:
        database.execute("CREATE TABLE photos (name TEXT)")
    database.close()

    with pytest.raises(BadInput, match="have other tables or triggers than Bullpen makes"):
        await used(tmp_path)


@pytest.mark.parametrize("held", [b"", b"-1", b"\xff\xfe", b"12\n34", b"9" * 9])
async def test_who_holds_a_lock_is_a_number_or_unknown(tmp_path: Path, held: bytes) -> None:
    (tmp_path / "lock").write_bytes(held)

    assert lock.holder(tmp_path) == ("9" * 9 if held == b"9" * 9 else "unknown")
