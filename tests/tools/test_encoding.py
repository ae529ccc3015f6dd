"""Text in the encodings that people have: the right words, or a reason."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.orchestrator.evidence import Document
from bullpen.tools import read_corpus
from bullpen.tools.encoding import declared_in, decode, decode_utf8

MARKED = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
#: Any text with a character to be seen in it. A NUL at its start would make one mark of UTF-16 another of UTF-32.
TEXTS = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: bool(text.strip()) and text[0] != "\0")


@given(TEXTS, st.sampled_from(sorted(MARKED)))
def test_a_mark_at_the_start_decides(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == (text, MARKED[encoding])


@given(TEXTS.filter(lambda text: "\0" not in text and text[0] != "\ufeff"))
def test_what_is_utf_8_is_read_as_it(text: str) -> None:
    assert decode(text.encode(), declared="latin-1") == (text, "utf-8")
    assert decode_utf8(text.encode()) == text


@settings(deadline=None)  # the first call imports the library
@given(st.binary())
def test_any_bytes_are_text_or_refused_with_a_reason(data: bytes) -> None:
    try:
        assert decode(data).text.strip()
    except ValueError as error:
        assert str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Le café était très agréable.", "cp1252"),
        ("“Quoted” – naïve, by Zoë", "cp1252"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy", "cp1250"),
        ("Привет, как дела? Это простой текст.", "cp1251"),
        ("吾輩は猫である。名前はまだ無い。どこで生れたか。", "shift_jis"),
        ("English words\n" * 20_000 + "and a café\n" + "English words\n" * 20_000, "cp1252"),
    ],
)
def test_other_encodings_are_guessed(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == (text, encoding)


def test_a_declared_encoding_is_believed_where_it_fits() -> None:
    data = "Příliš".encode("iso8859_2")

    assert decode(data, declared="ISO-8859-2") == ("Příliš", "iso8859-2")
    assert decode("“a”".encode("cp1252"), declared="iso-8859-1").text == "“a”", "as browsers do"
    for wrong in ("no-such", "utf-8", "hex", "rot13", ""):
        assert decode("très café".encode("cp1252"), declared=wrong).encoding == "cp1252"


@pytest.mark.parametrize(
    ("page", "name"),
    [
        (b'<html><meta charset="windows-1251">', "windows-1251"),
        (b"<META http-equiv=Content-Type content='text/html; charset=koi8-r'>", "koi8-r"),
        (b'<?xml version="1.0" encoding="ISO-8859-2"?>', "ISO-8859-2"),
        (b"<p>charset=utf-7</p>", ""),
    ],
)
def test_what_a_page_declares(page: bytes, name: str) -> None:
    assert declared_in(page) == name


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a\0b", "not text: it holds NUL bytes"),
        ("words".encode("utf-16-le"), "not text: it holds NUL bytes"),
        (b"\xff\xfea", "not UTF-16-LE at byte 0"),
        (b"\xef\xbb\xbf\xff", "not UTF-8 at byte 0"),
        ("Žluťoučký kůň".encode() + b" \xe9 cut", "not UTF-8 at byte 20, though most of it is; save it as UTF-8"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
    ],
)
def test_what_is_no_text(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        decode(data)


@pytest.mark.anyio
async def test_an_encoding_is_recorded_where_it_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("abc é".encode("latin-1"))
    (tmp_path / "b.md").write_bytes("---\na: 1\nencoding: x\n---\n# Wörter".encode("utf-16"))
    (tmp_path / "c.txt").write_text("abc é")

    documents = [item async for item in read_corpus([tmp_path]) if isinstance(item, Document)]
    assert [document.metadata for document in documents] == [
        {"encoding": "cp1252"},
        {"a": 1, "encoding": "utf-16-le"},
        {},
    ]
    assert documents[0].text == documents[2].text == "abc é"


@pytest.mark.anyio
@pytest.mark.timeout(20)
async def test_fifty_megabytes_in_one_line_are_read(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        for _ in range(50):
            file.write(b"word: " * (2**20 // 6))

    [document] = [item async for item in read_corpus([tmp_path])]
    assert isinstance(document, Document)
    assert len(document.text) > 52_000_000
    assert len(document.title) <= 200
