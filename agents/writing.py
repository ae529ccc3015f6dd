"""From what a writer wrote to the claims of a report: sentences with the numbers of the notes they rest on. Pure.

A writer writes Markdown whose sentences and cells end in `[n]`, the numbers of notes. Code takes the numbers off, gives
each sentence the quotes of its notes, and keeps the order as it is. A sentence without a number that is known is
dropped, and named.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, groupby, takewhile

from pydantic import Field

from ..orchestrator.evidence import Block, Claim, Disagreement, Draft, Layout, Rule, Section, Value
from ..orchestrator.rules.layout import pruned
from .likeness import is_conflict
from .reading import Note

#: The numbers at the end of a sentence or a cell: `[1]`, `[1][2]`, `[1, 2]`, and full stops between and behind them.
_MARK = r"\[\s*\d+(?:\s*[,;–-]\s*\d+)*\s*\]\s*"
_MARKS = re.compile(rf"\s*(?:{_MARK})+")
_NUMBER = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")
#: Where a sentence ends: at a full stop with numbers before or behind it, or with something new behind it; and at the
#: end. Numbers in the middle of a sentence end none.
_END = re.compile(
    rf"(?<=[.!?])[\"'”’)]*\s*(?:{_MARK})+[.!?]?(?=\s|$)"
    rf"|\s*(?:{_MARK})+(?:[.!?]+[\"'”’)]*(?=\s|$)|$)"
    r"|[.!?][\"'”’)]*(?=\s+[\"'“‘(*_]*[^\Wa-z_])"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|etc|vs|cf|mrs?|ms|dr|prof|st|no|fig|approx|[^\W\d_]|\d{1,3})$", re.IGNORECASE
)
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_ROW = re.compile(r"\s*\|.*\|\s*$")
_RULE = re.compile(r"[\s|:-]+$")
_RANGE_MOST = 20
#: Pairs of notes that a writer is told of.
_RIVALS_MOST = 12
#: What stands for the whole table of the rows of a list.
ROWS = "@rows"
#: A cell that says nothing.
_EMPTY = ("", "–", "-", "—")


class WrittenSection(Value):
    """A part of a report: its heading, and its blocks in Markdown: a paragraph, a list or a table each."""

    heading: str
    blocks: tuple[str, ...]


class Side(Value):
    """What one side says, with the numbers of the notes that say it."""

    text: str
    notes: tuple[int, ...] = Field(min_length=1)


class Contradiction(Value):
    """What sources say differently, and why if they tell."""

    about: str
    sides: tuple[Side, ...] = Field(min_length=2)
    why: str = ""


class Written(Value):
    """A report as its writer wrote it."""

    lead: str
    sections: tuple[WrittenSection, ...] = ()
    disagreements: tuple[Contradiction, ...] = ()
    not_answered: tuple[str, ...] = ()


@dataclass
class _Page:
    """The claims so far, and what was dropped."""

    notes: Sequence[Note]
    claims: list[Claim] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def named(self, numbers: Sequence[int]) -> list[Note]:
        """The notes of these numbers, each once; a number that nobody has is left out."""
        return [self.notes[n - 1] for n in dict.fromkeys(numbers) if 1 <= n <= len(self.notes)]

    def add(self, text: str, numbers: Sequence[int]) -> str:
        """The id of a new claim; "" where it names no note that is there."""
        named = self.named(numbers)
        if not named or not text:
            self.dropped += [text] if text else []
            return ""
        claim = claim_of(f"s{len(self.claims) + 1}", text, named)
        self.claims.append(claim)
        return claim.id


def claim_of(name: str, text: str, notes: Sequence[Note]) -> Claim:
    """A sentence with the evidence of the notes that it rests on."""
    quotes = tuple(dict.fromkeys(quote for note in notes for quote in note.quotes))
    records = list({(r.source, r.field): r for note in notes for r in note.records}.values())
    return Claim(
        id=name,
        text=text,
        quotes=quotes,
        records=tuple(records),
        rule=_rule_of(notes) if records else None,
        answer=notes[0].answer if len(notes) == 1 else (),
        notes=tuple(dict.fromkeys(note.id for note in notes)),
        conditions=tuple(dict.fromkeys(note.text.partition("\n")[0] for note in notes if note.is_table)),
    )


def _rule_of(notes: Sequence[Note]) -> Rule:
    """How fields say it: as a note of its own was computed, as a look-up found them, or as they stand."""
    if len(notes) == 1 and notes[0].rule:
        return notes[0].rule
    return "select" if any(note.is_table for note in notes) else "field"


def draft_of(written: Written, notes: Sequence[Note]) -> tuple[Draft, list[str]]:
    """The report's claims and where they stand, and the sentences that were dropped as they name no note."""
    page = _Page(notes)
    lead = tuple(filter(None, (page.add(text, numbers) for text, numbers in sentences_of(written.lead))))
    sections = [
        Section(heading=section.heading.strip(), blocks=tuple(_blocks(section.blocks, page)))
        for section in written.sections
    ]
    told = [_disagreement(n, one, page) for n, one in enumerate(written.disagreements, start=1)]
    disagreements = [one for one in told if one is not None]
    draft = Draft(
        claims=tuple(page.claims),
        disagreements=tuple(disagreements),
        layout=Layout(lead=lead, sections=tuple(section for section in sections if section.blocks)),
        not_answered=tuple(
            dict.fromkeys(filter(None, (_MARKS.sub("", said).strip() for said in written.not_answered)))
        ),
    )
    return draft, page.dropped


def rivals(notes: Sequence[Note], points: Sequence[str]) -> list[tuple[int, int]]:
    """The numbers of notes, from 1, that name different figures for what seems one thing, in different documents."""
    return [
        (a, b)
        for (a, one), (b, other) in combinations(enumerate(notes, start=1), 2)
        if one.point == other.point
        and not (one.cell or other.cell or one.is_table or other.is_table)  # rows differ, and counts are no rivals
        and not {quote.source for quote in one.quotes} & {quote.source for quote in other.quotes}
        and is_conflict(one.text, other.text, points[one.point - 1] if one.point else "")
    ][:_RIVALS_MOST]


def by_point(points: Sequence[str], notes: Sequence[Note]) -> Draft:
    """A report of the notes as they stand: the first of each point leads, the others follow under their points."""
    page = _Page(notes)
    rows = tuple(_rows(page))
    # Of a table the first line says what it is; its rows are no sentence.
    said = {n: note.text.partition("\n")[0] if note.is_table else note.text for n, note in enumerate(notes)}
    others = {n: page.add(said[n], (n + 1,)) for n, note in enumerate(notes) if note.cell is None}
    groups = {point: [n for n in others if notes[n].point == point] for point in range(len(points) + 1)}
    lead = [group[0] for point, group in groups.items() if point and group] or list(others)[:1]
    sections = [
        Section(
            heading=points[point - 1] if point else "Beside this",
            blocks=(Block(kind="list", claims=tuple(others[n] for n in group if n not in lead)),),
        )
        for point, group in sorted(groups.items(), key=lambda item: (not item[0], item[0]))
        if [n for n in group if n not in lead]
    ]
    table = [Section(heading="", blocks=rows)] if rows else []
    layout = Layout(lead=tuple(others[n] for n in lead), sections=(*table, *sections))
    return Draft(claims=tuple(page.claims), layout=layout)


def _disagreement(number: int, one: Contradiction, page: _Page) -> Disagreement | None:
    """Two sides at least, each with its notes; the reason, where it has notes of its own."""
    sides = []
    for n, side in enumerate(one.sides, start=1):
        named = page.named((*side.notes, *numbers_in(side.text)))
        if named:
            sides.append(claim_of(f"d{number}.{n}", bare(side.text), named))
        else:
            page.dropped.append(side.text)
    named = page.named(numbers_in(one.why))
    why = claim_of(f"d{number}.why", bare(one.why), named) if named and bare(one.why) else None
    return Disagreement(about=bare(one.about), sides=tuple(sides), why=why) if len(sides) > 1 else None


def sentences_of(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The sentences of a paragraph without their marks, each with the numbers that it ends in."""
    start = 0
    while start < len(text):
        end = next((m.end() for m in _END.finditer(text, start) if not _abbreviates(text, start, m)), len(text))
        piece = text[start:end]
        start = end
        numbers = numbers_in(piece)
        said = bare(piece)
        if said or numbers:
            yield said, numbers


def _abbreviates(text: str, start: int, found: re.Match[str]) -> bool:
    return found[0][:1] == "." and "[" not in found[0] and _ABBREVIATION.search(text[start : found.start()]) is not None


def numbers_in(text: str) -> tuple[int, ...]:
    """The numbers in a text's marks: `[1, 3]` and `[2–4]` are three each."""
    found: list[int] = []
    for marks in _MARKS.findall(text):
        for first, last in _NUMBER.findall(marks):
            stop = min(int(last or first), int(first) + _RANGE_MOST)
            found += range(int(first), max(int(first), stop) + 1)
    return tuple(dict.fromkeys(found))


def bare(text: str) -> str:
    """A text without its marks, on one line, with its full stop behind the last word."""
    said = " ".join(_MARKS.sub(" ", text).split())
    return re.sub(r"\s+([.!?,;:])", r"\1", re.sub(r"([.!?])(?:\s*\.)+$", r"\1", said)).strip()


def _blocks(written: Sequence[str], page: _Page) -> Iterator[Block]:
    for text in written:
        if text.strip() == ROWS:
            yield from _rows(page)
            continue
        for is_row, group in groupby(text.splitlines(), key=lambda line: _ROW.match(line) is not None):
            lines = list(group)
            yield from _table(lines, page) if is_row else _prose(lines, page)


def _rows(page: _Page) -> Iterator[Block]:
    """The rows that were kept as a table whose cells say what their notes say; none where there are none."""
    cells = [(n, note.cell) for n, note in enumerate(page.notes, start=1) if note.cell]
    columns = tuple(dict.fromkeys(cell.column for _, cell in cells))
    rows: dict[str, dict[str, list[str]]] = {}
    for n, cell in cells:
        rows.setdefault(cell.row, {}).setdefault(cell.column, []).append(page.add(cell.text, (n,)))
    if rows:
        held = tuple(tuple(tuple(row.get(column, ())) for column in columns) for row in rows.values())
        yield Block(kind="table", columns=("", *columns), rows=held, heads=tuple(rows))


def _prose(lines: Sequence[str], page: _Page) -> Iterator[Block]:
    """Paragraphs and lists, in their order."""
    for kind, group in groupby(_announced(_joined(lines)), key=lambda item: item[0]):
        texts = [text for _, text in group]
        if kind == "list":
            items = [name for text in texts for name in _item(text, page)]
            if items:
                yield Block(kind="list", claims=tuple(items))
        else:
            for text in texts:
                claims = tuple(filter(None, (page.add(said, numbers) for said, numbers in sentences_of(text))))
                if claims:
                    yield Block(kind="paragraph", claims=claims)


def _item(text: str, page: _Page) -> list[str]:
    """An item is one claim, whatever sentences it has."""
    name = page.add(bare(text), numbers_in(text))
    return [name] if name else []


def _announced(pieces: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Items and paragraphs; a line that announces a list and has no numbers has those of its items."""
    found = list(pieces)
    for n, (kind, text) in enumerate(pieces):
        if kind == "paragraph" and text.rstrip().endswith(":"):
            items = takewhile(lambda piece: piece[0] == "list", pieces[n + 1 :])
            numbers = dict.fromkeys(number for _, item in items for number in numbers_in(item))
            found[n] = (kind, text + "".join(f" [{number}]" for number in numbers))
    return found


def _joined(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Items and paragraphs as one text each; what follows an item without a mark of its own belongs to it."""
    found: list[tuple[str, str]] = []
    is_new = True
    for line in lines:
        if not line.strip():
            is_new = True
        elif mark := _ITEM.match(line):
            found.append(("list", line[mark.end() :]))
            is_new = False
        elif is_new:
            found.append(("paragraph", line.lstrip("# ")))
            is_new = False
        else:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    return found


def _table(lines: Sequence[str], page: _Page) -> Iterator[Block]:
    """A table of cells that are claims. A first column without numbers names the rows; a cell takes its row's numbers
    where it has none."""
    columns, *rows = [_cells(line) for line in lines if not _RULE.fullmatch(line)] or [[]]
    is_headed = not any(numbers_in(row[0]) for row in rows)
    heads, kept = [], list[tuple[tuple[str, ...], ...]]()
    for row in rows:
        whole = numbers_in(" ".join(row))
        cells = [(bare(cell), numbers_in(cell)) for cell in row[is_headed:]]
        names = [page.add(said, numbers or whole) if said not in _EMPTY else "" for said, numbers in cells]
        if any(names):
            heads.append(bare(row[0]))
            kept.append(tuple((name,) if name else () for name in names))
    if kept:
        names_of_rows = tuple(heads) if is_headed else ()
        yield Block(kind="table", columns=tuple(map(bare, columns)), rows=tuple(kept), heads=names_of_rows)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def without(draft: Draft, gone: Sequence[str], mended: Mapping[str, str]) -> Draft:
    """The draft without some claims, and with the words of others replaced; what is left empty vanishes with them."""
    disagreements = []
    for one in draft.disagreements:
        sides = _left(one.sides, gone, mended)
        why = _left((one.why,) if one.why else (), gone, mended)
        if len(sides) > 1:
            disagreements.append(one.model_copy(update={"sides": sides, "why": why[0] if why else None}))
    kept = _left(draft.claims, gone, mended)
    return draft.model_copy(
        update={
            "claims": kept,
            "disagreements": tuple(disagreements),
            "layout": draft.layout and pruned(draft.layout, {claim.id for claim in kept}),
        }
    )


def _left(claims: Sequence[Claim], gone: Sequence[str], mended: Mapping[str, str]) -> tuple[Claim, ...]:
    kept = (claim for claim in claims if claim.id not in gone)
    return tuple(c.model_copy(update={"text": mended[c.id]}) if c.id in mended else c for c in kept)
