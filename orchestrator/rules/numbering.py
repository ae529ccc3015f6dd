"""Numbers the sentences of a document, so that a model can name them and code can quote them. Pure.

The problem: a model that copies a quote breaks it; one that names a number cannot. So each thing that a document says
gets one number, in the order of reading: first its fields (`status: Final`), then its text. A sentence is one line, an
item of a list is one with its mark, a row of a table is one, and so is a paragraph of code. What is shown is cleaned
(targets of links, white space); what is quoted is cut from the text by offsets, so that it is exact by construction.

Headings are not numbered: they say under which path (`Jupyter › Voting`) a line stands, and make the outline. Runs of
numbers become one quote where nothing but white space lies between them, within one section and one block.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

from ..evidence import Quote, Record, Source
from ..metadata import is_empty, shown
from .tokens import estimate

Kind = Literal["field", "sentence", "item", "row", "code"]

#: What stands between the headings of a path.
ARROW = " › "
#: Characters of a line, beyond which it is cut at white space: a log or a minified file may be one line.
LINE_MOST = 1_000

_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_HASHES = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*\s*$")
_RULER = re.compile(r"([!-/:-@\[-`{-~])\1{2,}\s*$")
_ITEM = re.compile(r"\s*(?:[-*+•]|\(?(?:\d{1,3}|[A-Za-z])[.)])\s+(?=\S)")
_ROW = re.compile(r"\s*[|+]|.*\t.*\t")
_HEADER = re.compile(r"[A-Z][\w-]*(?: [\w-]+)?:(?:\s|$)")
_END = re.compile(
    r"[.!?][\"'”’)\]*_`]*\s+(?=[\"'“‘(\[*_`]*[^\Wa-z_])"  # what follows does not go on in lower case
    r"|[。！？][」』”’]*\s*"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“‘])(?:e\.g|i\.e|etc|vs|cf|mrs?|ms|dr|prof|st|no|fig|sec|approx|inc|al|[^\W\d_]|\d{1,3})$",
    re.IGNORECASE,
)
_LINKS = (
    (re.compile(r"!?\[([^\]\n]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"]*\")?\)"), r"\1"),
    (re.compile(r"`([^`<\n]+?)\s*<[^<>`\n]+>`_{1,2}"), r"\1"),
    (re.compile(r":[a-z-]+(?::[a-z-]+)?:`~?([^`<\n]+?)(?:\s*<[^<>`\n]+>)?`"), r"\1"),
    (re.compile(r"<(?:https?|mailto):[^<>\s]+>"), ""),
)
_BACK = re.compile(r"(?:This|That|These|Those|It|Its|They|Their|Such)\b")


class Line(NamedTuple):
    """One numbered thing. `text` is as it is shown; it stands in the source from `start` to `end`, a field nowhere."""

    number: int
    kind: Kind
    text: str
    start: int = 0
    end: int = 0
    #: Which of the document's parts it stands in, and which block: neighbours of one block may be quoted together.
    part: int = 0
    block: int = 0
    #: The name of a field.
    field: str = ""


class Part(NamedTuple):
    """What stands under one heading, and under the headings above it; the first has no heading."""

    path: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def heading(self) -> str:
        """The path in words; "" for what comes before the first heading."""
        return ARROW.join(self.path)

    @property
    def tokens(self) -> int:
        """About how many tokens it has as it is shown."""
        return sum(estimate(line.text) + 3 for line in self.lines)


class Numbered:
    """A document and its numbered lines, in the order of reading."""

    def __init__(self, source: Source, text: str, parts: Iterable[Part]) -> None:
        self.source, self._text = source, text
        self.parts = tuple(parts)

    @cached_property
    def lines(self) -> Mapping[int, Line]:
        """Every line by its number, from 1."""
        return {line.number: line for part in self.parts for line in part.lines}

    @cached_property
    def tokens(self) -> int:
        """About how many tokens the whole of it has as it is shown."""
        return sum(part.tokens for part in self.parts)

    def quotes(self, numbers: Collection[int]) -> tuple[Quote, ...]:
        """The lines of these numbers as quotes, in their order; numbers that there are not, and fields, are left out.

        Neighbours become one quote. One that points back (`This …`, `It …`) takes the sentence before it along.
        """
        wanted = sorted({n for n in numbers if n in self.lines and self.lines[n].kind != "field"})
        wanted = sorted({*wanted, *(n - 1 for n in wanted if self._points_back(n))})
        spans: list[list[Line]] = []
        for line in map(self.lines.__getitem__, wanted):
            if spans and self._follows(spans[-1][-1], line):
                spans[-1].append(line)
            else:
                spans.append([line])
        return tuple(self._quote(run[0].start, run[-1].end) for run in spans)

    def records(self, numbers: Collection[int]) -> tuple[Record, ...]:
        """The fields among the lines of these numbers."""
        fields = [self.lines[n].field for n in dict.fromkeys(numbers) if n in self.lines]
        return tuple(
            Record(source=self.source.id, field=name, value=self.source.metadata[name]) for name in fields if name
        )

    def _quote(self, start: int, end: int) -> Quote:
        return Quote(source=self.source.id, start=start, end=end, text=self._text[start:end])

    def _follows(self, one: Line, other: Line) -> bool:
        is_next = other.number == one.number + 1 and (one.part, one.block) == (other.part, other.block)
        return is_next and not self._text[one.end : other.start].strip()

    def _points_back(self, n: int) -> bool:
        line, before = self.lines[n], self.lines.get(n - 1)
        return before is not None and _BACK.match(line.text) is not None and self._follows(before, line)


def number(source: Source, text: str) -> Numbered:
    """The document with its fields and the sentences of its text numbered."""
    fields = [
        Line(n, "field", f"{name}: {shown(source.metadata[name])}", field=name)
        for n, name in enumerate((name for name in source.metadata if not is_empty(source.metadata[name])), start=1)
    ]
    count = len(fields)
    parts = [Part((), tuple(fields))]
    lines: list[Line] = list(fields)
    path: tuple[str, ...] = ()
    block = 0
    for found in _blocks(text):
        if found.heading is not None:
            parts[-1] = Part(path, tuple(lines))
            path, lines = (*path[: found.level - 1], found.heading), []
            parts.append(Part(path, ()))
            continue
        block += 1
        for start, end, kind in _lines_of(text, found):
            count += 1
            lines.append(Line(count, kind, cleaned(text[start:end]), start, end, len(parts) - 1, block))
        parts[-1] = Part(path, tuple(lines))
    return Numbered(source, text, parts)


def cleaned(text: str) -> str:
    """A line as it is shown: without targets of links, on one line."""
    for pattern, kept in _LINKS:
        text = pattern.sub(kept, text)
    return " ".join(text.split())


# Blocks: headings, paragraphs, items, tables, code


class _Block(NamedTuple):
    start: int
    end: int
    kind: Literal["prose", "row", "code"] = "prose"
    #: The words of a heading and its level from 1; None for what is none.
    heading: str | None = None
    level: int = 1


class _Row(NamedTuple):
    """A line of the text as it is written."""

    start: int
    end: int
    text: str


def _rows(text: str) -> list[_Row]:
    rows, at = [], 0
    for line in text.splitlines(keepends=True):
        rows.append(_Row(at, at + len(line.rstrip()), line.rstrip()))
        at += len(line)
    return rows


def _blocks(text: str) -> Iterator[_Block]:
    rows, styles, at = _rows(text), list[str](), 0
    while at < len(rows):
        row = rows[at]
        if not row.text:
            at += 1
        elif mark := _FENCE.match(row.text):
            end = next((n for n in range(at + 1, len(rows)) if rows[n].text.startswith(mark[1])), len(rows) - 1)
            yield _Block(row.start, rows[end].end, "code")
            at = end + 1
        elif found := _HASHES.match(row.text):
            yield _Block(row.start, row.end, heading=cleaned(found[2]), level=len(found[1]))
            at += 1
        elif size := _titled(rows, at):
            title = rows[at + size - 2]
            style = row.text[0] * (size - 1) if size == 3 else rows[at + 1].text[0]
            styles += [] if style in styles else [style]
            yield _Block(row.start, rows[at + size - 1].end, heading=cleaned(title.text), level=styles.index(style) + 1)
            at += size
        else:
            end = _end_of_block(rows, at)
            yield _Block(row.start, rows[end - 1].end, _kind_of(rows[at:end], rows, at))
            at = end


def _titled(rows: list[_Row], at: int) -> int:
    """How many rows an underlined title has that begins there: 2, 3 with a line above it, 0 where there is none."""
    texts = [row.text for row in rows[at : at + 3]]
    if len(texts) == 3 and _RULER.match(texts[0]) and _is_underlined(texts[1].strip(), texts[2]):
        return 3 if texts[0][0] == texts[2][0] else 0
    return 2 if len(texts) > 1 and not texts[0][:1].isspace() and _is_underlined(texts[0], texts[1]) else 0


def _is_underlined(title: str, row: str) -> bool:
    is_ruled = _RULER.match(row) is not None and row[0] not in "|`"
    return bool(title) and not _RULER.match(title) and is_ruled and len(row) >= min(len(title), 4)


def _end_of_block(rows: list[_Row], at: int) -> int:
    """The row behind the last of a block: a blank one, a heading, a fence, or the next item of a list."""
    end = at + 1
    is_table = bool(_ROW.match(rows[at].text))
    while end < len(rows) and rows[end].text:
        row = rows[end].text
        if _FENCE.match(row) or _HASHES.match(row) or _titled(rows, end) or _ITEM.match(row):
            break
        if bool(_ROW.match(row)) != is_table:
            break
        end += 1
    return end


def _kind_of(block: list[_Row], rows: list[_Row], at: int) -> Literal["prose", "row", "code"]:
    texts = [row.text for row in block]
    if all(map(_ROW.match, texts)) or (len(texts) > 1 and sum(bool(_HEADER.match(t)) for t in texts) * 2 > len(texts)):
        return "row"
    whole = "\n".join(texts)
    if _ITEM.match(whole):
        return "prose"
    telling = sum(c.isalpha() or c.isspace() or c in ",.;'’" for c in whole)
    is_indented = all(text.startswith(("    ", "\t")) for text in texts)
    if ">>>" in whole or telling < 0.75 * len(whole) or (is_indented and telling < 0.9 * len(whole)):
        return "code"
    return "prose"


# Lines


def _lines_of(text: str, block: _Block) -> Iterator[tuple[int, int, Kind]]:
    """Where the lines of a block stand, with what they are."""
    body = text[block.start : block.end]
    if block.kind == "code":
        yield from ((start, end, "code") for start, end in _cut(text, block.start, block.end))
    elif block.kind == "row":
        for row in _rows(body):
            if row.text.strip(" |+-=:\t"):
                yield from ((s, e, "row") for s, e in _cut(text, block.start + row.start, block.start + row.end))
    else:
        kind: Kind = "item" if _ITEM.match(body) else "sentence"
        ends = [m.end() for m in _END.finditer(body) if not _abbreviates(body, m)]
        for start, end in pairwise([0, *ends, len(body)]):
            yield from ((s, e, kind) for s, e in _cut(text, block.start + start, block.start + end))


def _abbreviates(body: str, found: re.Match[str]) -> bool:
    """Whether the full stop there ends an abbreviation, an initial or the number of an item."""
    return found[0][0] == "." and _ABBREVIATION.search(body[max(0, found.start() - 10) : found.start()]) is not None


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span without white space around it, in pieces of at most `LINE_MOST`; nothing where it is blank."""
    while start < end:
        stop = end
        if stop - start > LINE_MOST:
            space = max(text.rfind(" ", start + 1, start + LINE_MOST), text.rfind("\n", start + 1, start + LINE_MOST))
            stop = space if space > start else start + LINE_MOST
        piece = text[start:stop]
        first, last = start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
        if first < last:
            yield first, last
        start = stop
