"""Numbers the sentences of a document, so that a model can name them and code can quote them. Pure.

The problem: a model that copies a quote breaks it; one that names a number cannot. So each thing that a document says
gets one number, in the order of reading: first its fields (`status: Final`), then its text. A field of a header is one,
a sentence is one, an item of a list has its mark with its first sentence, a row of a table is one, a paragraph of code
is one, and so is a target of links. What is shown is cleaned (`cleaning`); what is quoted is cut from the text by
offsets, so that it is exact by construction. A field of the metadata that the header of the text says in the same words
has no number of its own: the text can be quoted.

Headings are not numbered: they say under which path (`Jupyter › Voting`) a line stands, and make the outline. Runs of
numbers become one quote where nothing but white space lies between them, within one section and one block.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from ..evidence import Quote, Record, Source
from ..metadata import is_empty, key, shown
from .blocks import Block, blocks, is_border, mark_end
from .cleaning import cells, cleaned, code, listed
from .rows import Row
from .sentences import sentence_ends
from .tokens import estimate

Kind = Literal["field", "header", "sentence", "item", "row", "code", "links"]

#: What stands between the headings of a path.
ARROW = " › "
#: Characters of a line, beyond which it is cut at white space: a log or a minified file may be one line.
LINE_MOST = 1_000
#: And those of a row of a table that is written on several rows of the text.
ROW_MOST = 5_000
#: Tokens of a line beside its words, about: its number in brackets.
_NUMBER = 3

_BACK = re.compile(r"(?:This|That|These|Those|It|Its|They|Their|Such)\b")
#: A row of a header with which a field begins; others go on with the one before. A section of TOML says nothing.
_FIELD = re.compile(r"(?P<name>[^\s:=\[\]-][^:=]{0,63}?)\s*[:=](?:\s|$)\s*(?P<value>.*)", re.DOTALL)
_TABLE = re.compile(r"\[[^\]=]+\]")
_BORDERS = re.compile("=+")
#: An address, and the characters of what it is called at most.
_ADDRESS, _TITLE_MOST = re.compile(r"\S*://\S+"), 100
#: A row that is shorter than this share of its paragraph's widest, before one that begins anew, ends a line: it was not
#: broken for want of room.
_SHORT = 0.6


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
    #: The name of a field of the metadata.
    field: str = ""


class Part(NamedTuple):
    """What stands under one heading, and under the headings above it; the first has no heading."""

    path: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def heading(self) -> str:
        """The path in words; "" for what comes before the first heading."""
        return ARROW.join(self.path)


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
    def sizes(self) -> Mapping[int, int]:
        """About how many tokens each line has as it is shown, by its number: reckoned once, for a text may be long."""
        return {number: tokens_of(line) for number, line in self.lines.items()}

    @cached_property
    def tokens(self) -> int:
        """About how many tokens the whole of it has as it is shown."""
        return sum(self.sizes.values())

    def heading(self, part: int) -> str:
        """The path of a part in words, without the document's own title at its beginning."""
        path = self.parts[part].path
        return ARROW.join(path[1:] if path[:1] == (self.source.title,) else path)

    def heading_at(self, start: int) -> str:
        """The path under which something stands; "" for what comes before the first heading."""
        return next((self.heading(n) for n in self.within(start, start + 1)), "")

    def named(self, headings: Iterable[str]) -> tuple[int, ...]:
        """The parts whose paths contain these words, heading by heading: a section, and those within it.

        Marks and capitals do not count; a heading that there is not is passed over.
        """
        paths = [f" {key(part.heading)} " for part in self.parts]
        wanted = [f" {words} " for words in map(key, headings) if words]
        return tuple(dict.fromkeys(n for words in wanted for n, path in enumerate(paths) if words in path))

    def lists_links(self, part: int) -> bool:
        """Whether a part is a list of references: at least half of its lines are little but an address."""
        lines = self.parts[part].lines
        held = sum(line.kind == "links" or _is_address(self._text[line.start : line.end]) for line in lines)
        return held >= 2 and held * 2 >= len(lines)

    def within(self, start: int, end: int) -> tuple[int, ...]:
        """The parts of which something stands in this span of the text: those of a passage that was found."""
        return tuple(n for n, part in enumerate(self.parts) if any(x.start < end and start < x.end for x in part.lines))

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


def _is_address(said: str) -> bool:
    return "://" in said and len(" ".join(_ADDRESS.sub("", said).split())) <= _TITLE_MOST


def tokens_of(line: Line) -> int:
    """About how many tokens a line has as it is shown, with its number."""
    return estimate(line.text) + _NUMBER


def number(source: Source, text: str) -> Numbered:
    """The document with its fields and the sentences of its text numbered."""
    found = list(blocks(text))
    said = [_parted(line.text) for block in found[:1] if block.kind == "header" for line in _lines_of(text, block)]
    said.append(({"title"}, key(source.title)))
    lines = [
        Line(n, "field", f"{name}: {shown(source.metadata[name])}", field=name)
        for n, name in enumerate(_unsaid(source.metadata, said), start=1)
    ]
    count, parts, path = len(lines), [Part((), ())], list[tuple[int, str]]()
    for n, block in enumerate(found, start=1):
        if block.heading is not None:
            parts[-1] = parts[-1]._replace(lines=tuple(lines))
            path = [*(above for above in path if above[0] < block.heading.level), _named(block)]
            parts.append(Part(_without_title(source, [words for _, words in path]), ()))
            lines = []
            continue
        new = [line._replace(part=len(parts) - 1, block=n) for line in _lines_of(text, block)]
        lines += (line._replace(number=at) for at, line in enumerate(new, start=count + 1))
        count += len(new)
    parts[-1] = parts[-1]._replace(lines=tuple(lines))
    return Numbered(source, text, parts)


def lines_of(text: str) -> Iterator[Line]:
    """The lines of a text in order, as they are asked for, without numbers and parts."""
    return (line for block in blocks(text) for line in _lines_of(text, block))


def _named(block: Block) -> tuple[int, str]:
    assert block.heading is not None
    return block.heading.level, cleaned(block.heading.text)


def _without_title(source: Source, path: Sequence[str]) -> tuple[str, ...]:
    """The path without the document's own title at its beginning: it stands over all of it."""
    is_title = len(path) > 1 and key(path[0]) == key(source.title)
    return tuple(path[is_title:])


# Fields


def _parted(row: str) -> tuple[set[str], str]:
    """A field of a header as its name's words and its value, folded."""
    found = _FIELD.match(row)
    return (_stems(found["name"]), key(shown(found["value"]))) if found else (set(), key(row))


def _stems(name: str) -> set[str]:
    return {word.removesuffix("s") for word in key(re.sub(r"[_-]", " ", name)).split()}


def _unsaid(metadata: Mapping[str, Any], said: Sequence[tuple[set[str], str]]) -> Iterator[str]:
    """The names of the fields that say something, and that the header of the text does not say as well."""
    for name, value in metadata.items():
        words, stems = key(shown(value)), _stems(name)
        if not is_empty(value) and not any(stems & names and words == other for names, other in said):
            yield name


# Lines


def _lines_of(text: str, block: Block) -> Iterator[Line]:
    """The lines of a block, not numbered yet."""
    rows = block.rows
    match block.kind:
        case "heading":
            return
        case "header":
            yield from _rows(text, _fields(rows), "header")
        case "row":
            yield from _rows(text, ([row] for row in rows if not is_border(row.text)), "row")
        case "grid":
            yield from _table(text, _between_borders(rows), ())
        case "columns":
            columns = [found.start() for found in _BORDERS.finditer(rows[0].text)]
            yield from _table(text, _filled(rows, columns), columns)
        case "listed":
            yield from _listed(text, rows)
        case "code":
            yield from _codes(text, rows)
        case "links":
            yield from _rows(text, [rows], "links")
        case "prose" | "item":
            kind: Kind = "item" if block.kind == "item" else "sentence"
            yield from (Line(0, kind, cleaned(text[a:b]), a, b) for a, b in _sentences(text, rows))


def _rows(text: str, groups: Iterable[Sequence[Row]], kind: Kind) -> Iterator[Line]:
    for group in groups:
        for start, end in _cut(text, group[0].start, group[-1].end):
            said = text[start:end]
            yield Line(0, kind, " ".join(said.split()) if kind in ("header", "links") else cleaned(said), start, end)


def _fields(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows of each field of a header."""
    group: list[Row] = []
    for row in rows:
        if _TABLE.fullmatch(row.text) or not row.text:
            continue
        if group and not row.text[0].isspace() and _FIELD.match(row.text):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _between_borders(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    group: list[Row] = []
    for row in rows:
        if not is_border(row.text):
            group.append(row)
        elif group:
            yield group
            group = []
    if group:
        yield group


def _filled(rows: Sequence[Row], columns: Sequence[int]) -> Iterator[Sequence[Row]]:
    """The rows of a table whose first cell is empty go on with the one before them."""
    for group in _between_borders(rows):
        at = 0
        for n in range(1, len(group) + 1):
            if n == len(group) or group[n].text[: columns[1]].strip():
                yield group[at:n]
                at = n


def _table(text: str, groups: Iterable[Sequence[Row]], columns: Sequence[int]) -> Iterator[Line]:
    for group in groups:
        yield from _row(text, group, cells([row.text for row in group], columns))


def _listed(text: str, rows: Sequence[Row]) -> Iterator[Line]:
    """Each item of the outer list; what is no list of lists after all is shown as it stands."""
    starts = [n for n, row in enumerate(rows) if row.indent <= rows[0].indent]
    for a, b in pairwise([*starts, len(rows)]):
        said = text[rows[a].start : rows[b - 1].end]
        yield from _row(text, rows[a:b], listed(said) or cleaned(said))


def _row(text: str, group: Sequence[Row], said: str) -> Iterator[Line]:
    """A row of a table as one line, in other words than it is written in; one that cannot be any is cut."""
    start, end = group[0].start + group[0].indent, group[-1].end
    if end - start <= ROW_MOST:
        yield Line(0, "row", said, start, end)
    else:
        yield from _rows(text, [group], "row")


def _codes(text: str, rows: Sequence[Row]) -> Iterator[Line]:
    """Code in pieces of whole rows, as far as these are no longer than a line may be."""
    for start, end in _cut(text, rows[0].start, rows[-1].end, at="\n"):
        begins = text.rfind("\n", max(0, start - LINE_MOST), start) + 1
        indent = start - begins if begins and not text[begins:start].strip() else 0
        yield Line(0, "code", code(text[start:end], indent), start, end)


def _sentences(text: str, rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Where the sentences of a paragraph stand."""
    start, end = rows[0].start, rows[-1].end
    body, mark = text[start:end], mark_end(rows[0].text)
    ends = {*(at for at in sentence_ends(body) if at > mark), *(row.start - start for row in _begin_anew(rows))}
    for a, b in pairwise([0, *sorted(ends), len(body)]):
        yield from _cut(text, start + a, start + b)


def _begin_anew(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows before which a line ends though no mark says so: as in text that has been taken out of a page."""
    if len(rows) < 3:
        return
    widest = max(len(row.text) for row in rows)
    for before, row in pairwise(rows):
        first = row.text.lstrip()[:1]
        if len(before.text) < _SHORT * widest and (first.isupper() or first.isdigit()):
            yield row


def _cut(text: str, start: int, end: int, at: str = " ") -> Iterator[tuple[int, int]]:
    """The span without white space around it, in pieces of at most `LINE_MOST`; nothing where it is blank."""
    while start < end:
        stop = end
        if stop - start > LINE_MOST:
            spaces = (text.rfind(mark, start + 1, start + LINE_MOST) for mark in dict.fromkeys((at, "\n", " ")))
            stop = next((space for space in spaces if space > start), start + LINE_MOST)
        piece = text[start:stop]
        first, last = start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
        if first < last:
            yield first, last
        start = stop
