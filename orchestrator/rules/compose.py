"""The report as a person reads it: Markdown, the answer first, every sentence with its evidence. Pure.

Whatever is from outside, names too, stands in it as data: its marks are the report's own.
"""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from ..envelope import Status
from ..evidence import Block, Checked, Claim, Disagreement, Evidence, Output, Report, Source
from ..metadata import ID, shown
from .citing import Marks, evidence_lines, sources_of, title_of
from .consulted import documents_part
from .layout import Laid, counted_by, kind_of, laid_out
from .markdown import as_data
from .plainly import open_points, went_wrong
from .price import told_usd
from .same_model import without_folder

#: What stands before the footer: who wrote and checked the report, what it cost, how it could be better.
RULER = "\n\n---\n\n"
_NOTHING = "Nothing was found that answers this."
#: The same of a team that does no research.
_NOTHING_RETURNED = "The work is done, and its workers returned nothing to show."
_UNFINISHED = "There is no answer, for the reasons below."
_UNCHECKED = "*What the workers returned, as they returned it: it rests on no source that was checked.*"
#: What is said instead where that is not the reason why there is no answer.
_NO_ANSWER: Mapping[Status, str] = {
    Status.FAILED: "There is no answer: the work failed, for the reasons below.",
    Status.OVER_BUDGET: "There is no answer: the budget does not allow the work.",
    Status.CANCELLED: "There is no answer: the work was ended before there was one.",
}


class _Page(NamedTuple):
    """What every part of a report is written from."""

    laid: Laid
    marks: Marks
    sources: Mapping[str, Source]

    def sentence(self, claim: Claim) -> str:
        """A claim and its marks."""
        return f"{as_data(claim.text)} {self.marks.of(claim)}".strip()

    def prose(self, names: Sequence[str]) -> str:
        """Claims one behind the other."""
        return " ".join(self.sentence(self.laid.claims[name]) for name in names)


def compose(question: str, report: Report, evidence: Evidence, *, notice: str = "", is_research: bool = True) -> str:
    """A report's value as Markdown; its own `text` is not looked at. Every sentence of substance carries its numbers.

    `notice` stands above it. Without an answer, its status says whether one was looked for; `is_research` is whether
    findings were to be expected of the team.
    """
    sources = {source.id: source for source in evidence.sources}
    laid = laid_out(report.claims, report.layout, sources)
    claims = [*laid.all(), *(claim for disagreement in report.disagreements for claim in disagreement.claims)]
    page = _Page(laid, Marks(claims), sources)
    wrong = went_wrong(report.gaps)
    unfinished = _UNFINISHED if report.gaps else _NOTHING_RETURNED
    nothing = _NO_ANSWER.get(report.status) or (_NOTHING if is_research else unfinished)
    cited = [name for claim in claims if claim.rule != "select" for name in sources_of(claim)]  # rows were not read
    parts = [
        f"# {as_data(question)}",
        f"*{as_data(notice)}*" if notice else "",
        _body(page) or _returned(report.outputs) or nothing,
        _under("Where sources disagree", [_conflict(disagreement, page) for disagreement in report.disagreements]),
        _under("Not answered", [f"- {as_data(point)}" for point in open_points(report)]),
        _under("What went wrong", [f"- {as_data(said)}" for said in wrong]),
        _under("Documents", [documents_part(cited, report.documents, evidence)]),
        _under("Evidence", evidence_lines(page.marks, evidence)),
    ]
    return "\n\n".join(filter(None, parts)) + RULER + _footer(report) + "\n"


def _under(heading: str, lines: Sequence[str]) -> str:
    """A part of the report; "" where it has nothing to say."""
    return f"## {heading}\n\n" + "\n".join(lines) if any(lines) else ""


# What was found out


def _body(page: _Page) -> str:
    parts = [page.prose(page.laid.layout.lead)]
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
    return "\n".join(f"- {page.sentence(claim)}" for claim in claims)


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


def _returned(outputs: Sequence[Output]) -> str:
    """What workers returned, each under its task where there are several; "" for nothing."""
    there = [output for output in outputs if output.value is not None]
    if not there:
        return ""
    several = [f"### {as_data(output.task)}\n\n{_value(output.value)}" for output in there]
    return "\n\n".join([_UNCHECKED, *(several if len(there) > 1 else [_value(there[0].value)])])


def _value(value: Any) -> str:
    """A worker's value: text as data, a paragraph for each of its lines; anything else as JSON."""
    if isinstance(value, str) and value.strip():
        return "\n\n".join(as_data(line) for line in value.splitlines() if line.strip())
    shown_as = json.dumps(value, indent=2, ensure_ascii=False)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown_as)), default=0))
    return f"{fence}json\n{shown_as}\n{fence}"


# What is around it


def _conflict(disagreement: Disagreement, page: _Page) -> str:
    why = f": {page.sentence(disagreement.why)}" if disagreement.why else ""
    sides = "\n".join(f"  - {_said(side, page)}" for side in disagreement.sides)
    return f"- {as_data(disagreement.about)}{why}\n{sides}"


def _said(side: Claim, page: _Page) -> str:
    """What a side says, behind the names of those who say it."""
    who = ", ".join(title_of(name, page.sources) for name in sources_of(side))
    return f"{as_data(who)}: {page.sentence(side)}"


def _footer(report: Report) -> str:
    """Who wrote the report and who checked it, what it cost, and why it is worse than it could be."""
    models, lane = ", ".join(map(without_folder, report.made_by.models)), report.made_by.lane
    how = "Written by" if report.written_by or not report.checked else "Chosen with the help of"
    said = [f"{how} {models} ({lane})." if models else f"{how} {lane}." if lane else "No model was asked."]
    said += [_check(report.checked)] if report.checked else []
    cost = told_usd(report.cost_usd, report.estimated_usd) if report.cost_usd else "nothing"
    said += [f"It cost {cost} and took {_time(report.seconds)}."]
    said += [f"It is worse than it could be: {'; '.join(report.degraded)}."] if report.degraded else []
    return as_data(" ".join(said))


def _check(checked: Checked) -> str:
    """Whether the sentences were checked, by whom and what came of it."""
    if not checked.model:
        return f"Nobody checked the sentences against their quotes{f': {checked.reason}' if checked.reason else ''}."
    counts = [f"{checked.as_they_stood} as they stood"]
    counts += [f"{checked.mended} mended"] if checked.mended else []
    counts += [f"{len(checked.dropped)} left out"] if checked.dropped else []
    judged = checked.as_they_stood + checked.mended + len(checked.dropped)
    how = "each checked against its" if judged >= checked.sentences else f"{judged} of them checked against their"
    said = f"{_many(checked.sentences, 'sentence')}, {how} quotes by {without_folder(checked.model)}"
    return f"{said}: {', '.join(counts)}{f' ({checked.reason})' if checked.reason else ''}."


def _time(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else _many(rest, "second")


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
