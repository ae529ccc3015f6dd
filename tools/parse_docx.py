"""The text of a Word document as Markdown: headings, lists, tables, in their order. Runs in the child process."""

import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from typing import Any

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn

from ..orchestrator.text import has_words
from .child import Limits, Parsed, Unparsed

_FIELDS = ("title", "author", "subject", "keywords", "category", "comments", "language", "last_modified_by", "revision")
_DATES = ("created", "modified")
_HEADING = re.compile(r"heading ([1-9])")
_ITEM = "- "
#: Styles that are based on each other; a damaged document may have them go round.
_BASES_MAX = 10
#: The runs of a paragraph: links, insertions, fields and controls hold some; deletions and text boxes are left out.
_RUNS = "./w:r | " + " | ".join(
    f"./w:{part}//w:r[not(ancestor::w:txbxContent)]" for part in ("hyperlink", "ins", "smartTag", "fldSimple", "sdt")
)
#: Parts of a body that only hold others.
_HOLDERS = frozenset(map(qn, ("w:sdt", "w:sdtContent", "w:ins", "w:customXml", "w:smartTag")))


def parse(data: bytes, limits: Limits) -> Parsed:
    """The document's text, title and properties. Raises Unparsed, and whatever python-docx does for damage."""
    _unpack(data, limits.unpacked)
    document = Document(BytesIO(data))
    if document.element.getroottree().docinfo.internalDTD is not None:
        raise Unparsed("it declares a document type, as no Word document does")
    text = "\n\n".join(_joined(_blocks(document.element.body, _Styles(document))))
    if not has_words(text):
        raise Unparsed("no text in it")
    metadata = _properties(document)
    return Parsed(text, str(metadata.get("title", "")), metadata)


def _unpack(data: bytes, most: int) -> None:
    """Unpacks everything once, a piece at a time: sizes in a zip are claims. Raises Unparsed."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unparsed("not a .docx: an old .doc, or one that opens with a password only; save it as .docx")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            claimed = sum(member.file_size for member in archive.infolist())
            if claimed > most:
                raise Unparsed(f"it unpacks to {claimed} bytes; at most {most} are read")
            if damaged := archive.testzip():
                raise Unparsed(f"damaged: {damaged} in it is not what it claims to be")
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise Unparsed(f"not a .docx, or damaged: {error}") from error


def _joined(blocks: Iterator[tuple[str, bool]]) -> Iterator[str]:
    """Blocks; the items of a list stand together."""
    items: list[str] = []
    for text, is_item in blocks:
        if is_item:
            items.append(text)
            continue
        if items:
            yield "\n".join(items)
            items = []
        yield text
    if items:
        yield "\n".join(items)


def _blocks(parent: Any, styles: "_Styles") -> Iterator[tuple[str, bool]]:
    """Each paragraph and table that has words, in order, and whether it is an item of a list."""
    for element in parent:
        if element.tag == qn("w:p"):
            if text := _text(element):
                mark = styles.mark(element)
                yield mark + text, mark == _ITEM
        elif element.tag == qn("w:tbl"):
            if table := _table(element):
                yield table, False
        elif element.tag in _HOLDERS:
            yield from _blocks(element, styles)


def _text(paragraph: Any) -> str:
    return "".join(run.text for run in paragraph.xpath(_RUNS)).strip()


class _Styles:
    """What the styles of a document make of its paragraphs."""

    def __init__(self, document: Any) -> None:
        self._part = document.part
        self._marks: dict[str | None, str] = {}

    def mark(self, paragraph: Any) -> str:
        """The Markdown that a paragraph begins with: of a heading or of an item; nothing for other paragraphs."""
        name = paragraph.style
        if name not in self._marks:
            self._marks[name] = self._mark(self._part.get_style(name, WD_STYLE_TYPE.PARAGRAPH))
        return self._marks[name] or (_ITEM if paragraph.xpath("./w:pPr/w:numPr") else "")

    def _mark(self, style: Any) -> str:
        """That of the nearest style which is known, of those that this one is based on."""
        for _ in range(_BASES_MAX):
            name = (style.name or "").lower() if style is not None else ""
            if found := _HEADING.fullmatch(name):
                return f"{'#' * min(6, int(found[1]))} "
            if name == "title":
                return "# "
            if name.startswith(("list bullet", "list number")):
                return _ITEM
            style = style.base_style if style is not None else None
        return ""


def _table(table: Any) -> str:
    rows = [[_cell(cell) for cell in row.xpath("./w:tc | ./w:sdt/w:sdtContent/w:tc")] for row in _rows(table)]
    if not any(cell for row in rows for cell in row):
        return ""
    width = max(map(len, rows))
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    return "\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])


def _rows(table: Any) -> list[Any]:
    return list(table.xpath("./w:tr | ./w:sdt/w:sdtContent/w:tr"))


def _cell(cell: Any) -> str:
    """One line: all its paragraphs, those of tables within it too."""
    return " ".join(" ".join(map(_text, cell.xpath(".//w:p"))).split()).replace("|", "\\|")


def _properties(document: Any) -> dict[str, Any]:
    try:
        # Asked for directly, python-docx would make up what is missing.
        properties = document.part.package.part_related_by(RELATIONSHIP_TYPE.CORE_PROPERTIES).core_properties
    except KeyError:
        return {}
    found = {name: getattr(properties, name) for name in _FIELDS}
    for name in _DATES:
        value = getattr(properties, name)
        found[name] = value.isoformat() if isinstance(value, datetime) else None
    return {name: value for name, value in found.items() if value}
