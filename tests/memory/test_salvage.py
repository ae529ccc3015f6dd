"""A damaged file: whatever bit of it has flipped, what memory says is what it said, or the damage is said."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bullpen.memory import HashedEmbedder, ProjectMemory, checksums, database, open_memory
from bullpen.memory.checksums import TABLES, is_whole, provide
from bullpen.orchestrator.errors import BullpenError
from bullpen.orchestrator.evidence import Document, File
from bullpen.orchestrator.ports import Note

pytestmark = pytest.mark.anyio

CORPUS, SCOPE = "corpus", "job"
RECORDS = "records.sqlite"
COUNT = 9


class Meant(HashedEmbedder):
    """The hashed embedder, taken at its word, so that vectors rank."""

    id, dimensions, is_semantic = "meant-32", 32, True


def document(n: int) -> Document:
    text = "\n\n".join(f"# Flaw {part} of {n}\n\n{'A client trusts whom it should not. ' * 60}" for part in range(2))
    metadata = {"date": f"2021-0{n}-15", "package": "hyper", "id": f"ADV-{n}"}
    return Document(id=f"adv-{n}", title=f"Flaw {n}", uri=f"/adv/{n}.md", text=text, metadata=metadata)


DOCUMENTS = [document(n) for n in range(1, COUNT + 1)]


def a_note(n: int, **more: Any) -> Note:
    more = {"text": f"client {n} is old", "about": "", **more}
    return Note(key=f"k{n}", source=f"adv-{n}", start=0, end=9, scope=SCOPE, writer="w", **more)


async def read_again(memory: ProjectMemory) -> None:
    """What a job does first: files that are not known are read, and stored."""
    known = await memory.files(CORPUS)
    for each in DOCUMENTS:
        if each.uri not in known:
            await memory.ingest(CORPUS, [each], [File(uri=each.uri, stamp="1", documents=(each.id,))])
    await memory.retain(CORPUS, [each.id for each in DOCUMENTS])


async def said(memory: ProjectMemory) -> dict[str, Any]:
    """All that answers are made of."""
    scopes = [CORPUS, SCOPE]
    sources = await memory.select((), corpora=[CORPUS])
    return {
        "sources": sources,
        "texts": [await memory.read(source.id, 0, 9999) for source in sources],
        "mentions": await memory.mentions("How many are by hyper, and is ADV-3 a client?", corpora=[CORPUS]),
        "found": [await memory.search(query, corpora=scopes, limit=30) for query in ("client flaw", "old 3", "trusts")],
        "notes": [await memory.recall("age", history=True), await memory.recall("size")],
        "conflicts": (await memory.stored()).conflicts,
        "near": [await memory.neighbours(source.id, 0, 10) for source in sources],
    }


async def made(folder: Path) -> dict[str, Any]:
    async with open_memory(folder, embedder=Meant()) as memory:
        await read_again(memory)
        for note in (a_note(1), a_note(2, about="age"), a_note(3, about="age"), a_note(4, about="size")):
            await memory.add(note)
        await memory.add(a_note(5, about="size"), expects=1)
        await memory.settle()
        return await said(memory)


async def opened_again(folder: Path) -> tuple[tuple[str, ...], dict[str, Any]]:
    """What is remarked when the folder is opened by a job, and what memory says then."""
    async with open_memory(folder, embedder=Meant()) as memory:
        remarks = await memory.remarks()
        await read_again(memory)
        return remarks, await said(memory)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("kept")
    yield folder, anyio.run(made, folder)


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.write_bytes(data)


def where(path: Path, words: bytes, *, first: bytes = b"") -> int:
    """The bit in front of which these bytes stand, behind the first place of some others."""
    data = path.read_bytes()
    return data.index(words, data.index(first)) * 8


def copy(kept: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)
    return Path(shutil.copytree(kept[0], tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock")))


@given(bit=st.integers(0, 2**21))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(bit=20 * 8)
@example(bit=100 * 8)
@example(bit=56 * 8)
@example(bit=60 * 8 + 24)
def test_no_flipped_bit_changes_what_is_said_unless_the_damage_is_said(
    kept: tuple[Path, dict[str, Any]], tmp_path: Path, bit: int
) -> None:
    folder = copy(kept, tmp_path)
    flip(folder / RECORDS, bit)

    try:
        remarks, told = anyio.run(opened_again, folder)
    except BullpenError as error:
        assert str(folder / RECORDS) in str(error)
        return
    assert remarks or told == kept[1]
    documents = ("sources", "texts", "mentions", "near")
    assert [told[name] for name in documents] == [kept[1][name] for name in documents]
    assert all(set(now) <= set(then) for now, then in zip(told["notes"], kept[1]["notes"], strict=True)) or remarks


def damaged(kept: tuple[Path, dict[str, Any]], tmp_path: Path, words: bytes, table: str) -> Path:
    """A copy in which one bit of these words, in a row of this table, has flipped."""
    folder = copy(kept, tmp_path)
    with sqlite3.connect(folder / RECORDS) as file:
        [root] = file.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    file.close()
    data = (folder / RECORDS).read_bytes()
    for at in (n for n in range(len(data)) if data.startswith(words, n)):
        flip(folder / RECORDS, at * 8)
        with sqlite3.connect(folder / RECORDS) as file:
            provide(file)
            rows = TABLES[table]
            wrong = file.execute(f"SELECT count(*) FROM {table} WHERE checksum IS NOT {rows.checksum()}").fetchone()
        file.close()
        if wrong == (1,):
            return folder
        flip(folder / RECORDS, at * 8)
    raise AssertionError(f"{words!r} stands in no row of {table} (page {root})")


@pytest.mark.parametrize("words", [b'2021-09-15","id":"ADV-9', b"Flaw 9/adv", b"adv-9"])
async def test_a_damaged_document_is_named_and_read_again(
    kept: tuple[Path, dict[str, Any]], tmp_path: Path, words: bytes
) -> None:
    folder = damaged(kept, tmp_path, words, "sources")

    (remark,), told = await opened_again(folder)

    assert "was damaged: to be read again from their originals: adv-9; as it was, it is kept as" in remark
    assert told["sources"] == kept[1]["sources"]
    assert told["notes"] == kept[1]["notes"]


async def test_notes_on_a_damaged_document_outlive_it(kept: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = damaged(kept, tmp_path, b'2021-03-15","id":"ADV-3', "sources")

    async with open_memory(folder, embedder=Meant()) as memory:
        assert (await memory.source("adv-3") or DOCUMENTS[0]).metadata == {}
        assert [note.key for note in await memory.recall("age")] == ["k2", "k3"]
        await read_again(memory)
        assert (await said(memory))["notes"] == kept[1]["notes"]


async def test_a_damaged_note_is_named_and_gone(kept: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = damaged(kept, tmp_path, b"client 2 is old", "records")

    (remark,), told = await opened_again(folder)

    assert "was damaged: notes lost: k2;" in remark
    assert [note.key for note in told["notes"][0]] == ["k3"]
    assert told["sources"] == kept[1]["sources"]


async def test_what_was_lost_is_told_until_somebody_has_looked(
    kept: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = damaged(kept, tmp_path, b"client 2 is old", "records")
    (remark,), _ = await opened_again(folder)

    for expected in (remark, ""):
        async with open_memory(folder, embedder=Meant()) as memory:
            assert (await memory.remarks(), (await memory.stored()).damage) == ((), expected)
        (folder / f"{RECORDS}.damaged").unlink(missing_ok=True)


def test_each_column_has_its_share_in_the_checksum(kept: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path = copy(kept, tmp_path) / RECORDS
    with sqlite3.connect(path, isolation_level=None) as file:
        provide(file)
        assert is_whole(file)
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        assert {name for name in tables if not name.startswith("sqlite_")} == set(TABLES)
        for table, rows in TABLES.items():
            columns = {name for _, name, *_ in file.execute(f"PRAGMA table_info({table})")}
            assert columns == {*rows.key, *rows.others, "checksum"}
    file.close()


async def test_an_older_file_gets_its_checksums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as before:
        before.setattr(database, "_VERSIONS", database._VERSIONS[:-1])
        before.setattr(database, "VERSION", database.VERSION - 1)
        before.setattr(checksums, "is_whole", lambda _: True)
        told = await made(tmp_path)
    assert "without all checksums" not in caplog.text

    assert await opened_again(tmp_path) == ((), told)
    assert caplog.text.count("was made without all checksums: each of its rows has one now") == 1
    folder = damaged((tmp_path, told), tmp_path, b"client 2 is old", "records")
    (remark,), _ = await opened_again(folder)
    assert "notes lost: k2" in remark
