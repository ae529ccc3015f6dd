"""HTML, PDF and Word: the words that are there, under their page or heading; a named reason where there are none."""

import random
from pathlib import Path

import pytest

from bullpen.orchestrator.evidence import Document, Source, Unreadable
from bullpen.orchestrator.rules.headings import headings
from bullpen.orchestrator.rules.numbering import number
from bullpen.tools import corpus, read_corpus
from bullpen.tools.child import Limits

from . import making

pytestmark = pytest.mark.anyio

WORD_XML = "word/document.xml"


async def read(folder: Path, **files: bytes | str) -> tuple[dict[str, Document], dict[str, str]]:
    """What comes of files, named `name_ending`: the documents and the reasons by name."""
    for name, data in files.items():
        path = folder / ".".join(name.rsplit("_", 1))
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    both = [item async for item in read_corpus([folder])]
    documents = {item.id: item for item in both if isinstance(item, Document)}
    return documents, {Path(item.uri).name: item.reason for item in both if isinstance(item, Unreadable)}


def heading_over(text: str, words: str) -> str:
    """The heading that some words, which stand in the text once, stand under."""
    assert text.count(words) == 1, words
    return [mark.text for mark in headings(text) if mark.start <= text.index(words)][-1]


async def test_the_pages_of_a_pdf_are_counted_by_form_feeds(tmp_path: Path) -> None:
    pages = [[f"Chapter {n}", f"On page {n} the river rose by {n} metres.", "And it fell."] for n in range(1, 13)]
    data = making.pdf(*pages, title="The River", author="Ada Byron")

    documents, gaps = await read(tmp_path, a_pdf=data, b_pdf=making.encrypted(data, ""), c_PDF=making.pdf(["Untitled"]))
    assert gaps == {}
    text = documents["a.pdf"].text
    for n in range(1, 13):
        words = f"On page {n} the river rose by {n} metres."
        assert text.count(words) == 1
        assert 1 + text.count("\f", 0, text.index(words)) == n
    assert documents["a.pdf"].title == "The River"
    metadata = documents["a.pdf"].metadata
    assert (metadata["title"], metadata["author"], metadata["pages"]) == ("The River", "Ada Byron", 12)
    assert metadata["created"] == "2024-03-05T10:15:00+01:00"
    assert documents["b.pdf"].text == text, "the empty password opens it"
    assert documents["c.PDF"].title == "Untitled"


async def test_a_page_is_read_without_what_stands_around_it(tmp_path: Path) -> None:
    page = making.HTML.format(charset="utf-8")
    latin = making.HTML.format(charset="windows-1252").encode("cp1252")
    marked = making.HTML.format(charset="wrong").encode("utf-16")

    documents, gaps = await read(tmp_path, a_html=page, b_htm=latin, c_html=marked)
    assert gaps == {}
    document = documents["a.html"]
    for words, heading in making.HTML_QUOTES.items():
        assert heading_over(document.text, words) == heading
    assert [noise for noise in making.HTML_NOISE if noise in document.text] == []
    assert document.title == "Night bus pilot"
    assert document.metadata == {"title": "Night bus pilot", "author": "Ada Byron", "date": "2024-03-05"}
    assert documents["b.htm"].text == documents["c.html"].text == document.text
    assert (documents["b.htm"].metadata["encoding"], documents["c.html"].metadata["encoding"]) == (
        "cp1252",
        "utf-16-le",
    )


async def test_a_word_document_is_read_in_order_with_its_headings_and_tables(tmp_path: Path) -> None:
    documents, gaps = await read(tmp_path, a_docx=making.word())

    assert gaps == {}
    document = documents["a.docx"]
    assert document.text.split("\n\n") == [
        "# Budget note",
        "The first words stand under the title.",
        "# Costs",
        "The table below is complete.",
        "| Month | Euros |\n| --- | --- |\n| March | 12\\|000 |",
        "The words after the table.",
        "## Open questions",
        "- Who pays for the drivers?\n- When does it end?",
    ]
    assert heading_over(document.text, "The words after the table.") == "Costs"
    assert document.title == document.metadata["title"] == "Budget note"
    assert document.metadata["author"] == "Ada Byron"
    assert document.metadata["created"] == "2013-12-23T23:15:00+00:00"


async def test_what_every_reader_extracts_is_numbered_line_by_line(tmp_path: Path) -> None:
    pages = [
        ["Night bus", "The pilot started in March, and the council was", "asked to extend it. It was"],
        ["cheap."],
    ]
    line = '{"id": "d", "title": "D", "text": "# D\\n\\nIt began.\\n\\n| a | b |"}'
    html = making.HTML.format(charset="utf-8")
    documents, gaps = await read(tmp_path, a_html=html, b_docx=making.word(), c_pdf=making.pdf(*pages), d_jsonl=line)

    assert gaps == {}
    said = {id: told(document) for id, document in documents.items()}
    assert set(making.HTML_QUOTES) - {"return riders / buses"} <= {words for _, words in said["a.html"]}
    assert said["b.docx"] == [
        *(("sentence", "The first words stand under the title."), ("sentence", "The table below is complete.")),
        *(("row", "| Month | Euros |"), ("row", "| March | 12\\|000 |"), ("sentence", "The words after the table.")),
        *(("item", "- Who pays for the drivers?"), ("item", "- When does it end?")),
    ]
    assert [words for _, words in said["c.pdf"]] == [
        "Night bus",
        "The pilot started in March, and the council was asked to extend it.",
        "It was cheap.",
    ]
    assert said["d"] == [("sentence", "It began."), ("row", "| a | b |")]


def told(document: Document) -> list[tuple[str, str]]:
    """What kind of line each is and what it says, but for the fields of the metadata."""
    source = Source(id=document.id, title=document.title, uri=document.uri, text_hash="", metadata=document.metadata)
    return [(x.kind, x.text) for x in number(source, document.text).lines.values() if x.kind != "field"]


async def test_changes_and_controls_in_a_word_document_are_read_as_they_stand(tmp_path: Path) -> None:
    run = b"<w:r><w:t>%s</w:t></w:r>"
    words = b"The first words stand under the title.</w:t></w:r>"
    more = (
        b'<w:ins w:id="1" w:author="x">' + run % b" Added." + b"</w:ins>"
        b'<w:del w:id="2" w:author="x"><w:r><w:delText>Gone.</w:delText></w:r></w:del>'
        b"</w:p><w:sdt><w:sdtContent><w:p>" + run % b"In a control." + b"</w:p></w:sdtContent></w:sdt><w:p>"
    )
    data = making.changed(making.word(), WORD_XML, lambda xml: xml.replace(words, words + more))

    documents, _ = await read(tmp_path, a_docx=data)
    text = documents["a.docx"].text
    assert "The first words stand under the title. Added.\n\nIn a control.\n\n# Costs" in text
    assert "Gone." not in text


async def test_what_is_no_pdf_or_has_no_text_is_named(tmp_path: Path) -> None:
    data = making.pdf(*[["Heading", "words " * 20]] * 50)
    noise = random.Random(7).randbytes(5_000)

    documents, gaps = await read(
        tmp_path,
        locked_pdf=making.encrypted(data, "secret"),
        cut_pdf=data[: len(data) // 2],
        junk_pdf=b"%PDF-1.7\n" + noise,
        no_pdf=noise,
        scan_pdf=making.blank_pdf(3),
        one_pdf=making.blank_pdf(1),
        bomb_pdf=making.pdf_bomb(100),
        zz_pdf=data,
    )
    assert list(documents) == ["zz.pdf"]
    assert gaps.pop("cut.pdf").startswith("damaged: ")
    assert gaps.pop("junk.pdf").startswith("damaged: ")
    assert gaps.pop("bomb.pdf").startswith("damaged: Limit reached while decompressing")
    assert gaps == {
        "locked.pdf": "encrypted: it opens with a password only; save it without one",
        "no.pdf": "not a PDF",
        "scan.pdf": "no text on its 3 pages: scanned? run OCR first",
        "one.pdf": "no text on its 1 page: scanned? run OCR first",
    }


async def test_what_is_no_word_document_or_a_bomb_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "LIMITS", Limits(unpacked=2**20))
    secret = tmp_path / "secret.png"
    secret.write_text("not for anybody")
    good, words = making.word(), b"The first words"
    large = making.changed(good, WORD_XML, lambda xml: xml.replace(words, words * 2**17))

    documents, gaps = await read(
        tmp_path,
        bomb_docx=large,
        lying_docx=making.claiming(large, WORD_XML, 1_000),
        entities_docx=making.changed(good, WORD_XML, lambda xml: making.with_entities(xml, words)),
        core_docx=making.changed(good, "docProps/core.xml", lambda xml: making.with_entities(xml, b"Budget note")),
        file_docx=making.changed(good, WORD_XML, lambda xml: making.with_a_file(xml, words, secret.as_uri())),
        broken_docx=making.changed(good, WORD_XML, lambda xml: xml[:-20]),
        cut_docx=good[: len(good) // 2],
        no_docx=b"hello",
        old_docx=b"\xd0\xcf\x11\xe0" + bytes(1_000),
        zz_docx=good,
    )
    assert list(documents) == ["zz.docx"]
    assert gaps.pop("bomb.docx").endswith("at most 1048576 are read")
    assert gaps.pop("lying.docx") == f"damaged: {WORD_XML} in it is not what it claims to be"
    for name in ("entities.docx", "core.docx"):
        assert "entit" in gaps.pop(name)
    assert gaps.pop("file.docx") == "it declares a document type, as no Word document does"
    assert gaps.pop("broken.docx").startswith("damaged: ")
    for name in ("cut.docx", "no.docx"):
        assert gaps.pop(name).startswith("not a .docx, or damaged: ")
    assert gaps == {"old.docx": "not a .docx: an old .doc, or one that opens with a password only; save it as .docx"}


async def test_a_page_without_text_is_named_and_entities_stay_unread(tmp_path: Path) -> None:
    page = making.HTML.format(charset="utf-8")
    bomb = making.with_entities(b"<?xml?>" + page.removeprefix("<!DOCTYPE html>").encode(), b"started in March")

    documents, gaps = await read(
        tmp_path,
        scripts_html="<html><head><title>App</title></head><body><script>run()</script></body></html>",
        words_html="just some words",
        packed_html=b"\x1f\x8b\x08\x00" + bytes(100),
        deep_html="<html><body>" + "<div>" * 100_000 + "words",
        zz_html=bomb,
    )
    assert gaps == {
        "scripts.html": "no text in it: a page made by scripts? save what the browser shows",
        "deep.html": "no text in it: a page made by scripts? save what the browser shows",
        "words.html": "not HTML",
        "packed.html": "not text: it holds NUL bytes",
    }
    assert "lollol" not in documents["zz.html"].text
    assert "started in March" in documents["zz.html"].text


async def test_a_huge_page_is_given_up_and_the_next_file_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "LIMITS", Limits(seconds=2.0))
    paragraphs = "".join(f"<p>Paragraph {n} of a page that is far too long for anybody.</p>\n" for n in range(500_000))

    documents, gaps = await read(tmp_path, a_html=f"<html><body>{paragraphs}", b_docx=making.word())
    assert len(paragraphs) > 30_000_000
    assert gaps == {"a.html": "the parser was stopped after 2 s"}
    assert list(documents) == ["b.docx"]


async def test_too_long_a_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "LIMITS", Limits(characters=100))
    pages = [["Heading", "The words of one page."]] * 9

    _, gaps = await read(tmp_path, a_pdf=making.pdf(*pages), b_html=making.HTML.format(charset="utf-8"))
    assert gaps["a.pdf"] == "its text has more than 100 characters; split it"
    assert gaps["b.html"].endswith("characters; at most 100 are read, so split it")


async def test_old_formats_are_named_as_not_read(tmp_path: Path) -> None:
    _, gaps = await read(tmp_path, a_doc=b"x", b_odt=b"x", c_rtf=b"x", d_epub=b"x", e_md="words")

    assert set(gaps) == {"a.doc", "b.odt", "c.rtf", "d.epub"}
    assert all(reason.startswith("its ending is not one of .md, ") for reason in gaps.values())


async def test_the_same_file_gives_the_same_text(tmp_path: Path) -> None:
    files = {
        "a_html": making.HTML.format(charset="utf-8").encode(),
        "b_pdf": making.pdf(["One", "words"]),
        "c_docx": making.word(),
    }

    assert await read(tmp_path, **files) == await read(tmp_path, **files)
