"""Documents made for the tests: each holds known words at known places."""

import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from itertools import pairwise
from typing import cast

import docx
from pypdf import PageObject, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, StreamObject

#: What the page says, and the heading that it says it under.
HTML_QUOTES = {
    "The pilot of the night bus started in March, and the council extended it in June.": "Night bus pilot",
    "Running it cost 12,000 euros a month — less than the council had planned for.": "What it cost",
    "| March | 310 |": "What it cost",
    "- Drivers asked for longer breaks": "What is next",
    "return riders / buses": "What is next",
}
HTML_NOISE = ("Accept all cookies", "Imprint", "Timetables")
HTML = """<!DOCTYPE html>
<html lang="en"><head><meta charset="{charset}"><title>Night bus pilot</title>
<meta name="author" content="Ada Byron"><meta property="article:published_time" content="2024-03-05"></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/times">Timetables</a></li></ul></nav>
<div class="cookie-banner" id="cookie-consent"><p>We value your privacy.</p><button>Accept all cookies</button></div>
<main><article><h1>Night bus pilot</h1>
<p>The pilot of the night bus started in March, and the council extended it in June.</p>
<h2>What it cost</h2>
<p>Running it cost 12,000 euros a month — less than the council had planned for.</p>
<table><tr><th>Month</th><th>Riders</th></tr><tr><td>March</td><td>310</td></tr></table>
<h2>What is next</h2>
<ul><li>Drivers asked for longer breaks</li><li>A second line may follow in the autumn</li></ul>
<pre><code>def load(riders, buses):
    return riders / buses
</code></pre></article></main>
<footer><a href="/imprint">Imprint</a> Copyright. All rights reserved.</footer></body></html>"""


def pdf(*pages: Sequence[str], title: str = "", author: str = "") -> bytes:
    """A page for each list of lines; the first line is its heading. Made on a day in March 2024."""
    writer = PdfWriter()
    font = DictionaryObject({NameObject(f"/{key}"): NameObject(f"/{value}") for key, value in _FONT.items()})
    for lines in pages:
        page = writer.add_blank_page(595, 842)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F"): font})}
        )
        _fill(writer, page, "\n".join(_line(number, line) for number, line in enumerate(lines)).encode("latin-1"))
    facts = {"/Title": title, "/Author": author, "/CreationDate": "D:20240305101500+01'00'"}
    writer.add_metadata({name: value for name, value in facts.items() if value})
    return _written(writer)


_FONT = {"Type": "Font", "Subtype": "Type1", "BaseFont": "Helvetica", "Encoding": "WinAnsiEncoding"}


def _line(number: int, text: str) -> str:
    return f"BT /F {11 if number else 18} Tf 50 {780 - 20 * number} Td ({text}) Tj ET"


def _fill(writer: PdfWriter, page: PageObject, content: bytes) -> None:
    stream = StreamObject()
    stream._data = zlib.compress(content, 9)
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    page[NameObject("/Contents")] = writer._add_object(stream)


def encrypted(data: bytes, password: str) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(data))
    writer.encrypt(password, "owner", algorithm="AES-256")
    return _written(writer)


def blank_pdf(pages: int) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    return _written(writer)


def pdf_bomb(unpacked_mb: int, filters: int = 1) -> bytes:
    """A page whose content unpacks to so much, through one filter or through several in a row."""
    data = spaces(unpacked_mb)
    for _ in range(filters - 1):
        data = zlib.compress(data, 9)
    return _with_content(data, filters)


def _with_content(packed: bytes, filters: int) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(pdf(["heading"])))
    stream = StreamObject()
    stream._data = packed
    stream[NameObject("/Filter")] = ArrayObject([NameObject("/FlateDecode")] * filters)
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)
    return _written(writer)


def pdf_of_one_stream_many_times(unpacked_mb: int, times: int) -> bytes:
    """A page that names the same content again and again, each time small enough."""
    writer = PdfWriter(clone_from=BytesIO(pdf(["heading"])))
    _fill(writer, writer.pages[0], b" " * 2**20 * unpacked_mb)
    content = writer.pages[0].raw_get("/Contents")
    writer.pages[0][NameObject("/Contents")] = ArrayObject([content] * times)
    return _written(writer)


def pdf_that_goes_round() -> bytes:
    """A PDF whose tree of pages holds itself."""
    data = pdf(["heading"])
    writer = PdfWriter(clone_from=BytesIO(data))
    pages = cast(DictionaryObject, writer.root_object["/Pages"])
    pages[NameObject("/Kids")] = ArrayObject([writer.root_object.raw_get("/Pages")] * 2)
    return _written(writer)


@cache
def spaces(megabytes: int) -> bytes:
    """So many, packed, without ever being held unpacked."""
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(b" " * 2**20) for _ in range(megabytes)) + packer.flush()


def zip_bomb(megabytes: int) -> bytes:
    """A Word document of so many unpacked, in one part."""
    out = BytesIO(word())
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("word/media/image1.png", "w", force_zip64=True) as part:
            for _ in range(megabytes):
                part.write(bytes(2**20))
    return out.getvalue()


def _written(writer: PdfWriter) -> bytes:
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def word() -> bytes:
    """A Word document: a title, two headings, a list, a table between paragraphs."""
    made = docx.Document()
    made.core_properties.title, made.core_properties.author = "Budget note", "Ada Byron"
    made.add_heading("Budget note", 0)
    made.add_paragraph("The first words stand under the title.")
    made.add_heading("Costs", 1)
    made.add_paragraph("The table below is complete.")
    table = made.add_table(2, 2)
    for cell, text in zip(table._cells, ("Month", "Euros", "March", "12|000"), strict=True):
        cell.text = text
    made.add_paragraph("The words after the table.")
    made.add_heading("Open questions", 2)
    for item in ("Who pays for the drivers?", "When does it end?"):
        made.add_paragraph(item, style="List Bullet")
    return _saved(made)


def _saved(made: "docx.document.Document") -> bytes:
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def changed(data: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The same zip with one part of it changed."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return out.getvalue()


def claiming(data: bytes, part: str, size: int) -> bytes:
    """The same zip, whose directory says that one part unpacks to `size` bytes."""
    raw = bytearray(data)
    entry = 0
    while (entry := raw.find(b"PK\x01\x02", entry)) >= 0:
        if raw[entry + 46 : entry + 46 + len(part)] == part.encode():
            raw[entry + 24 : entry + 28] = size.to_bytes(4, "little")
        entry += 4
    return bytes(raw)


def with_entities(xml: bytes, use_in: bytes) -> bytes:
    """The same XML with ten entities, each ten times the one before, and the last of them behind some words."""
    names = "abcdefghij"
    each = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    head = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "lol">{each}]>'.encode()
    return head + xml[xml.index(b"?>") + 2 :].replace(use_in, use_in + b"&j;")


def with_a_file(xml: bytes, use_in: bytes, uri: str) -> bytes:
    """The same XML, which asks for the words of another file."""
    head = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "{uri}">]>'.encode()
    return head + xml[xml.index(b"?>") + 2 :].replace(use_in, use_in + b"&a;")
