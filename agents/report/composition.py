"""The research report as a person reads it: Markdown, the answer first, every sentence with its evidence. Pure.

Whatever is from outside, names too, stands in it as data: its marks are the report's own.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from ...orchestrator.evidence import Block, Claim, Disagreement, Evidence, Report, Source
from ...orchestrator.metadata import ID, shown
from ...orchestrator.rules.citing import Marks, evidence_lines, sources_of, title_of
from ...orchestrator.rules.compose import NO_ANSWER, RULER, footer, returned, sentence, under
from ...orchestrator.rules.markdown import as_data
from ...orchestrator.rules.plainly import went_wrong
from .consulted import documents_part
from .default_layout import Laid, counted_by, kind_of, laid_out
from .open_points import open_points

_NOTHING = "Nothing was found that answers this."
#: What stands in place of an answer where only something near it was found.
_NEAR = "The documents that were read do not answer this; what stands near it:"


class _Page(NamedTuple):
    """What every part of a report is written from."""

    laid: Laid
    marks: Marks
    sources: Mapping[str, Source]

    def prose(self, names: Sequence[str]) -> str:
        """Claims one behind the other."""
        return " ".join(sentence(self.laid.claims[name], self.marks) for name in names)


def compose_research(question: str, report: Report, evidence: Evidence, *, notice: str = "") -> str:
    """A research report as Markdown; every sentence of substance carries its numbers. `notice` stands above it."""
    sources = {source.id: source for source in evidence.sources}
    laid = laid_out(report.claims, report.layout, sources)
    claims = [*laid.all(), *(claim for disagreement in report.disagreements for claim in disagreement.claims)]
    page = _Page(laid, Marks(claims), sources)
    wrong = went_wrong(report.gaps)
    body = _body(page, is_open=bool(report.not_answered))
    cited = [name for claim in claims for name in _read_for(claim)]
    parts = [
        f"# {as_data(question)}",
        f"*{as_data(notice)}*" if notice else "",
        body or returned(report.outputs) or NO_ANSWER.get(report.status) or _NOTHING,
        under("Where sources disagree", [_conflict(disagreement, page) for disagreement in report.disagreements]),
        under("Not answered", [f"- {as_data(point)}" for point in open_points(report)]),
        under("What went wrong", [f"- {as_data(said)}" for said in wrong]),
        under("Documents", [documents_part(cited, report.documents, evidence, report.completeness)]),
        under("Evidence", evidence_lines(page.marks, evidence)),
    ]
    return "\n\n".join(filter(None, parts)) + RULER + footer(report) + "\n"


def _read_for(claim: Claim) -> list[str]:
    """The documents that a claim was read in: rows of a look-up were not read."""
    return [quote.source for quote in claim.quotes] if claim.rule == "select" else list(sources_of(claim))


def _body(page: _Page, *, is_open: bool) -> str:
    """What was found out. `is_open` is whether the question is said not to be answered."""
    layout = page.laid.layout
    parts = [page.prose(layout.lead) or (_NEAR if is_open and layout.sections else "")]
    for section in page.laid.layout.sections:
        heading = as_data(section.heading)
        parts += [f"## {heading}"] if heading else []
        parts += [_block(block, page) for block in section.blocks]
    return "\n\n".join(filter(None, parts))


def _block(block: Block, page: _Page) -> str:
    if block.kind == "paragraph":
        return page.prose(block.claims)
    if block.rows:
        return _grid(block, page)
    claims = [page.laid.claims[name] for name in block.claims]
    kinds = set(map(kind_of, claims))
    if block.kind == "table" and kinds == {"count"}:
        return _counts(claims, page)
    if block.kind == "table" and kinds == {"row"}:
        return _records(claims, page)
    return "\n".join(f"- {sentence(claim, page.marks)}" for claim in claims)


def _grid(block: Block, page: _Page) -> str:
    """A table of sentences: a column for the heads of its rows, where they have any, and one for each cell."""
    rows = [list(map(page.prose, row)) for row in block.rows]
    columns = list(map(as_data, block.columns))
    if block.heads:
        rows = [[as_data(head), *row] for head, row in zip_longest(block.heads[: len(rows)], rows, fillvalue="")]
        columns = columns if len(columns) >= max(map(len, rows)) else ["", *columns]
    return _table(columns, rows)


def _records(claims: Sequence[Claim], page: _Page) -> str:
    """A line a document, a column a field, in the order in which the fields come."""
    fields = list(dict.fromkeys(record.field for claim in claims for record in claim.records if record.field != ID))
    rows = []
    for claim in claims:
        values = {record.field: as_data(shown(record.value)) for record in claim.records}
        names = "; ".join(dict.fromkeys(title_of(record.source, page.sources) for record in claim.records))
        rows.append([f"{as_data(names)} {page.marks.of(claim)}", *(values.get(field, "") for field in fields)])
    return _table(["document", *(as_data(field.replace("_", " ")) for field in fields)], rows)


def _counts(claims: Sequence[Claim], page: _Page) -> str:
    """A line a claim, for claims that are counted by the same things."""
    names = list(dict.fromkeys(name for claim in claims for name in counted_by(claim)))
    parts = [(counted_by(claim), page.marks.of(claim)) for claim in claims]
    rows = [[*(as_data(held.get(name, "")) for name in names), marks] for held, marks in parts]
    return _table([*map(as_data, names), "evidence"], rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as wide as its widest row."""
    width = max(len(columns), *map(len, rows))
    lines = [[*line, *[""] * (width - len(line))] for line in (columns, ["---"] * width, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _conflict(disagreement: Disagreement, page: _Page) -> str:
    why = f": {sentence(disagreement.why, page.marks)}" if disagreement.why else ""
    sides = "\n".join(f"  - {_said(side, page)}" for side in disagreement.sides)
    return f"- {as_data(disagreement.about)}{why}\n{sides}"


def _said(side: Claim, page: _Page) -> str:
    """What a side says, behind the names of those who say it."""
    who = ", ".join(title_of(name, page.sources) for name in sources_of(side))
    return f"{as_data(who)}: {sentence(side, page.marks)}"
