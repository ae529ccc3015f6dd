"""A reader of what people have: documents in a stable order, and a reason for whatever could not be read."""

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.evidence import Document, Unreadable
from bullpen.orchestrator.ports import CorpusReader
from bullpen.tools import formats, read_corpus
from bullpen.tools.title import title_of

pytestmark = pytest.mark.anyio


READER: CorpusReader = read_corpus


async def read(*paths: Path) -> tuple[list[Document], dict[str, str]]:
    items = [item async for item in READER(paths)]
    gaps = [item for item in items if isinstance(item, Unreadable)]
    return [item for item in items if isinstance(item, Document)], {Path(gap.uri).name: gap.reason for gap in gaps}


def lines(*rows: object) -> bytes:
    return b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)


async def test_a_folder_is_read_in_order_with_paths_as_ids(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/z.txt", "b/a.rst", "c.md", "a.MD", "d.png"):
        (tmp_path / name).write_text("# Whales\n\ntext")

    documents, gaps = await read(tmp_path)
    assert [document.id for document in documents] == ["a.MD", "c.md", "b/a.rst", "b/z.txt"]
    assert [document.title for document in documents] == ["Whales"] * 4
    assert gaps == {}
    assert (documents, gaps) == await read(tmp_path)


async def test_a_given_file_has_its_name_as_id_and_every_character_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("\ufeffTitle 🐋\r\n\r\ne\u0301".encode())

    [document], gaps = await read(file)
    assert (document.id, document.text, document.uri) == ("a.txt", "Title 🐋\r\n\r\ne\u0301", str(file))
    assert (document.title, gaps) == ("Title 🐋", {})


@pytest.mark.parametrize("packed", [False, True])
async def test_json_lines_are_documents_and_their_other_fields_metadata(tmp_path: Path, packed: bool) -> None:
    data = lines(
        {"_id": 7, "title": "Moby", "text": "whale", "year": 1851}, {"id": "b", "text": "# Ship\n\nx"}, {"text": "last"}
    )
    file = tmp_path / ("c.jsonl.gz" if packed else "c.jsonl")
    file.write_bytes(gzip.compress(data) if packed else data)

    documents, gaps = await read(tmp_path)
    assert [(d.id, d.title, d.metadata) for d in documents] == [
        ("7", "Moby", {"year": 1851}),
        ("b", "Ship", {}),
        (f"{file.name}:3", "last", {}),
    ]
    assert gaps == {}


async def test_a_bad_line_is_named_and_reading_goes_on(tmp_path: Path) -> None:
    bad = [b"{nonsense\n", b"[1, 2]\n", b'{"_id": "x"}\n', b'{"text": " "}\n', b"\xff\xfe\n", b"[" * 100_000 + b"\n"]
    deep = b'{"text": "x", "m": ' + b"[" * 40 + b"]" * 40 + b"}\n"
    (tmp_path / "c.jsonl").write_bytes(
        lines({"_id": "a", "text": "first"}, *bad, deep, b"\n", {"_id": "z", "text": "last"})
    )

    documents, gaps = await read(tmp_path)
    assert [document.id for document in documents] == ["a", "z"]
    assert [reason.split(":")[0] for reason in gaps.values()] == [f"line {number}" for number in range(2, 9)]
    assert next(iter(gaps)) == "c.jsonl#2"
    assert "no 'text'" in gaps["c.jsonl#4"]
    assert "not UTF-8 at byte 0" in gaps["c.jsonl#6"]


async def test_hostile_json_becomes_text_that_any_store_can_keep(tmp_path: Path) -> None:
    row = rb'{"_id": "\ud800", "title": "\u0000", "text": "a\u0000b\udc00", "m\ud800": ["\ud800", NaN, 1e999]}'
    (tmp_path / "c.jsonl").write_bytes(row)

    [document], _ = await read(tmp_path)
    assert (document.id, document.title, document.text) == ("�", "�", "a�b�")
    assert document.metadata == {"m�": ["�", None, None]}


async def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    (tmp_path / "secret.md").write_text("secret")
    (folder / "binary.md").write_bytes(b"text\0text")
    (folder / "empty.md").write_bytes(b"")
    (folder / "blank.md").write_bytes(b" \n")
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(lines({"_id": "a", "text": os.urandom(99).hex()}))[:-20])
    (folder / "no.jsonl.gz").write_bytes(b"not packed")
    (folder / "paper.odt").write_bytes(b"PK")
    (folder / ".hidden.md").write_text("hidden")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.md").write_text("never read")
    (folder / "out.md").symlink_to(tmp_path / "secret.md")
    (folder / "up").symlink_to(tmp_path)
    (folder / "broken.md").symlink_to(folder / "nowhere")
    (folder / "in.md").symlink_to(folder / "good.md")
    (folder / "good.md").write_text("good")
    os.mkfifo(folder / "pipe.txt")

    documents, gaps = await read(folder)
    assert [document.id for document in documents] == ["good.md", "in.md"]
    assert gaps.pop("cut.jsonl.gz").startswith("damaged after line ")
    assert gaps.pop("no.jsonl.gz").startswith("damaged after line 0")
    assert gaps.pop("paper.odt").startswith("its ending is not one of .md")
    assert gaps == {
        "binary.md": "not text: it holds NUL bytes",
        "empty.md": "empty",
        "blank.md": "empty",
        ".hidden.md": "hidden",
        "out.md": "a link that leads outside the folder; name what it leads to, to have it read",
        "up": "a link that leads outside the folder; name what it leads to, to have it read",
        "broken.md": "a link that leads nowhere",
        "pipe.txt": "not a regular file",
    }


async def test_an_id_is_given_once(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.md").write_text(folder)

    documents, gaps = await read(tmp_path / "one", tmp_path / "two", tmp_path / "one")
    assert [document.text for document in documents] == ["one"]
    assert gaps == {"a.md": f"id 'a.md' was read already, from {tmp_path / 'one' / 'a.md'}"}


async def test_too_much_is_a_named_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FILE_MAX", 100)
    monkeypatch.setattr(formats, "UNPACKED_MAX", 150)
    (tmp_path / "a.txt").write_text("x" * 101)
    (tmp_path / "bomb.jsonl.gz").write_bytes(
        gzip.compress(lines({"_id": "b", "text": "first"}, *[{"text": "x" * 20}] * 99))
    )
    (tmp_path / "long.jsonl.gz").write_bytes(gzip.compress(lines({"_id": "l", "text": "first"}, {"text": "x" * 101})))

    documents, gaps = await read(tmp_path)
    assert {"b", "l"} <= {document.id for document in documents}
    assert gaps == {
        "a.txt": "101 bytes; at most 100 are read, so split it",
        "bomb.jsonl.gz": "the rest after line 4 was not read: it unpacks to more than 150 bytes; split it",
        "long.jsonl.gz": "the rest after line 1 was not read: a line of more than 100 bytes",
    }


async def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"corpus '.*nowhere' does not exist"):
        await read(tmp_path / "nowhere")


async def test_nothing_that_is_read_is_refused_with_the_endings(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")

    for path in (tmp_path, tmp_path / "a.png"):
        with pytest.raises(
            BadInput, match=r"nothing to read in .*\.md, \.rst, \.txt, \.html, \.htm, \.pdf, \.docx, \.jsonl, "
        ):
            await read(path)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("intro\n\n# Whales #\n", "Whales"),
        ("======\nWhales\n======\n", "Whales"),
        ("---\nkey: x\n\n", "key: x"),
        ("first line\nsecond", "first line"),
        ("…\n!\n", ""),
        ("# \x1b[31mred\n", "�[31mred"),
    ],
)
def test_a_title_is_the_first_heading_or_line(text: str, title: str) -> None:
    assert title_of(text) == title


@given(st.text())
def test_a_title_is_always_one_short_line(text: str) -> None:
    assert len(title_of(text)) <= 200
    assert "\n" not in title_of(text)
