"""A file that is as it was when it was read is not read again; one that may have changed is."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from bullpen.orchestrator.evidence import Document, File, Unreadable
from bullpen.tools import read_corpus, reading, stamp
from bullpen.tools.finding import Found
from bullpen.tools.reading import Item

from . import making

pytestmark = pytest.mark.anyio

HOUR_NS = 3_600_000_000_000


@pytest.fixture(autouse=True)
def files_are_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if an hour went by between writing a file and reading it: nobody can set when a file was changed."""
    now_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + HOUR_NS)


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are opened, as they are."""
    names: list[str] = []
    opened = reading._opened

    def watched(path: Path):  # type: ignore[no-untyped-def]
        names.append(path.name)
        return opened(path)

    monkeypatch.setattr(reading, "_opened", watched)
    return names


async def read(folder: Path, known: Mapping[str, File] | None = None) -> list[Item]:
    return [item async for item in read_corpus([folder], known)]


def files_of(items: list[Item]) -> dict[str, File]:
    return {item.uri: item for item in items if isinstance(item, File)}


def write(folder: Path) -> None:
    (folder / "a.md").write_text("# Whales")
    (folder / "b.jsonl").write_text('{"_id": "x", "text": "one"}\n{"_id": "y", "text": "two"}\n')
    (folder / "c.docx").write_bytes(making.word())


async def test_a_file_comes_after_its_documents_with_their_ids(tmp_path: Path) -> None:
    write(tmp_path)

    items = await read(tmp_path)
    assert [type(item).__name__ for item in items] == ["Document", "File"] + ["Document"] * 2 + ["File"] + [
        "Document",
        "File",
    ]
    files = files_of(items)
    assert [file.documents for file in files.values()] == [("a.md",), ("x", "y"), ("c.docx",)]
    assert list(files) == [str(tmp_path / name) for name in ("a.md", "b.jsonl", "c.docx")]


async def test_known_files_come_in_the_place_of_their_documents_and_are_not_opened(
    tmp_path: Path, read_files: list[str]
) -> None:
    write(tmp_path)
    files = files_of(await read(tmp_path))
    read_files.clear()

    assert await read(tmp_path, files) == list(files.values())
    assert read_files == []


async def test_a_changed_file_alone_is_read_again(tmp_path: Path, read_files: list[str]) -> None:
    write(tmp_path)
    files = files_of(await read(tmp_path))
    status = (tmp_path / "a.md").stat()
    (tmp_path / "a.md").write_text("# Orcas!")
    os.utime(tmp_path / "a.md", ns=(status.st_atime_ns, status.st_mtime_ns))  # as some tools leave it
    read_files.clear()

    items = await read(tmp_path, files)
    assert [item.text for item in items if isinstance(item, Document)] == ["# Orcas!"]
    assert read_files == ["a.md"]
    assert files_of(items).keys() == files.keys()


async def test_a_file_in_the_place_of_another_is_read(tmp_path: Path, read_files: list[str]) -> None:
    write(tmp_path)
    files = files_of(await read(tmp_path))
    (tmp_path / "new").write_text("# Orcas!")
    (tmp_path / "new").replace(tmp_path / "a.md")
    read_files.clear()

    await read(tmp_path, files)
    assert read_files == ["a.md"]


async def test_another_reader_reads_everything(
    tmp_path: Path, read_files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    files = files_of(await read(tmp_path))
    read_files.clear()
    monkeypatch.setattr(stamp, "_reader", lambda: "another")

    await read(tmp_path, files)
    assert sorted(read_files) == ["a.md", "b.jsonl", "c.docx"]


async def test_a_file_that_was_just_written_is_not_vouched_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.setattr(time, "time_ns", lambda: (tmp_path / "a.md").stat().st_ctime_ns + 1_000_000_000)

    assert files_of(await read(tmp_path)) == {}


async def test_a_file_of_which_something_could_not_be_read_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(" ")
    (tmp_path / "b.jsonl").write_text('{"_id": "x", "text": "one"}\nnonsense\n')
    (tmp_path / "c.pdf").write_bytes(b"no pdf")

    items = await read(tmp_path)
    assert [type(item) for item in items] == [Unreadable, Document, Unreadable, Unreadable]


async def test_an_id_that_a_new_file_takes_first_is_not_taken_from_memory_as_well(tmp_path: Path) -> None:
    line = '{"_id": "x", "text": "%s"}\n'
    (tmp_path / "b.jsonl").write_text(line % "old")
    files = files_of(await read(tmp_path))
    (tmp_path / "a.jsonl").write_text(line % "new")

    items = await read(tmp_path, files)
    assert [item.text for item in items if isinstance(item, Document)] == ["new"]
    [gap] = [item for item in items if isinstance(item, Unreadable)]
    assert gap.reason == f"id 'x' was read already, from {tmp_path / 'a.jsonl'}#1"
    assert files_of(items).keys() == {str(tmp_path / "a.jsonl")}


@pytest.mark.parametrize("name", ["a.md", "a.jsonl"])
def test_a_file_that_is_written_to_meanwhile_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    path.write_text('{"_id": "x", "text": "one"}\n')
    fstat = os.fstat

    def written_to(descriptor: int) -> os.stat_result:
        with path.open("a") as file:
            file.write("\n")
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", written_to)
    *documents, gap = reading.read(Found(path, name))
    assert isinstance(gap, Unreadable)
    assert gap.reason == "it changed while it was read; read it again when nobody writes to it"
    assert [type(item) for item in documents] == ([Document] if name.endswith("l") else [])


def test_a_file_that_is_written_to_once_is_read_again_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.md"
    path.write_text("one")
    fstat, calls = os.fstat, list[int]()

    def written_to(descriptor: int) -> os.stat_result:
        calls.append(descriptor)
        if len(calls) == 3:  # it is looked at on opening, before and after it is read
            path.write_text("one, two")
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", written_to)
    document, file = reading.read(Found(path, "a.md"))
    assert isinstance(document, Document)
    assert document.text == "one, two"
    assert isinstance(file, File)
    assert file.stamp == reading.stamp_of(path)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    [gap] = reading.read(Found(tmp_path / "a.md", "a.md"))

    assert gap == Unreadable(uri=str(tmp_path / "a.md"), reason="cannot be read: No such file or directory")
    assert reading.stamp_of(tmp_path / "a.md") == ""


async def test_what_is_parsed_side_by_side_comes_in_order(tmp_path: Path) -> None:
    for n in range(12):
        (tmp_path / f"{n:02}.pdf").write_bytes(
            making.pdf(*[[f"Page {page} of {n}"] for page in range(1 + 40 % (n + 1))])
        )
        (tmp_path / f"{n:02}.txt").write_text(f"text {n}")

    items = await read(tmp_path)
    assert [item.id for item in items if isinstance(item, Document)] == sorted(os.listdir(tmp_path))
    texts = {item.id: item.text for item in items if isinstance(item, Document)}
    assert all(texts[f"{n:02}.pdf"].startswith(f"Page 0 of {n}") for n in range(12))
