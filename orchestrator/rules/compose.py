"""A report as text, of a team that does not say how its reports are written; and what all reports have. Pure.

The text is Markdown. Whatever is from outside, names too, stands in it as data: its marks are the report's own.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ..envelope import Status
from ..evidence import Checked, CheckEffect, Claim, Disagreement, Evidence, Layout, Output, Report
from .citing import Marks, evidence_lines
from .layout import ids_of
from .markdown import as_data
from .plainly import limits, went_wrong
from .price import told_usd
from .same_model import without_folder

#: What stands before the footer: who wrote and checked the report, what it cost, how it could be better.
RULER = "\n\n---\n\n"
_NOTHING = "The work is done, and there is nothing to show."
_UNFINISHED = "There is no answer, for the reasons below."
#: Why there is no answer, where the status says it.
NO_ANSWER: Mapping[Status, str] = {
    Status.FAILED: "There is no answer: the work failed, for the reasons below.",
    Status.OVER_BUDGET: "There is no answer: the budget does not allow the work.",
    Status.CANCELLED: "There is no answer: the work was ended before there was one.",
}


class Compose(Protocol):
    """Writes a report as Markdown; its own `text` is not looked at. Pure: the same report gives the same text."""

    def __call__(self, question: str, report: Report, evidence: Evidence, *, notice: str = "") -> str:
        """The text; `notice` is what must stand above it, such as that no language model wrote it."""
        ...


def compose(question: str, report: Report, evidence: Evidence, *, notice: str = "") -> str:
    """The report of any team: what its workers returned, then its claims, each with the numbers of its evidence."""
    claims = [*_in_order(report), *(claim for one in report.disagreements for claim in one.claims)]
    marks = Marks(claims)
    body = [returned(report.outputs), *_claims(report, marks)]
    nothing = NO_ANSWER.get(report.status) or (_UNFINISHED if report.gaps else _NOTHING)
    parts = [
        f"# {as_data(question)}",
        f"*{as_data(notice)}*" if notice else "",
        *(body if any(body) else [nothing]),
        under("Disagreements", [_conflict(one, marks) for one in report.disagreements]),
        under("Not answered", [f"- {as_data(point)}" for point in (*report.not_answered, *limits(report.gaps))]),
        under("What went wrong", [f"- {as_data(said)}" for said in went_wrong(report.gaps)]),
        under("Evidence", evidence_lines(marks, evidence)),
    ]
    return "\n\n".join(filter(None, parts)) + RULER + footer(report) + "\n"


def under(heading: str, lines: Sequence[str]) -> str:
    """A part of a report under its heading; "" where it has nothing to say."""
    return f"## {heading}\n\n" + "\n".join(lines) if any(lines) else ""


# The claims


def _in_order(report: Report) -> list[Claim]:
    """The claims as the layout names them, then those that it does not name."""
    places = {name: n for n, name in enumerate(ids_of(report.layout or Layout()))}
    return sorted(report.claims, key=lambda claim: places.get(claim.id, len(places)))


def _claims(report: Report, marks: Marks) -> Iterator[str]:
    """The claims as lists, under the headings of the layout where there is one."""
    heading_of = {
        name: section.heading
        for section in (report.layout or Layout()).sections
        for name in ids_of(Layout(sections=(section,)))
    }
    last = ""
    for claim in _in_order(report):
        heading = heading_of.get(claim.id, "")
        if heading != last and heading:
            yield f"## {as_data(heading)}"
        last = heading
        yield f"- {sentence(claim, marks)}"


def sentence(claim: Claim, marks: Marks) -> str:
    """A claim and its marks."""
    return f"{as_data(claim.text)} {marks.of(claim)}".strip()


def _conflict(disagreement: Disagreement, marks: Marks) -> str:
    sides = "\n".join(f"  - {sentence(claim, marks)}" for claim in disagreement.claims)
    return f"- {as_data(disagreement.about)}\n{sides}"


# What workers returned


def returned(outputs: Sequence[Output]) -> str:
    """What workers returned, each under its task where there are several; "" for nothing."""
    there = [output for output in outputs if output.value is not None]
    if len(there) == 1:
        return _value(there[0].value)
    return "\n\n".join(f"### {as_data(output.task)}\n\n{_value(output.value)}" for output in there)


def _value(value: Any) -> str:
    """A worker's value: text as data, a paragraph for each of its lines; anything else as JSON."""
    if isinstance(value, str) and value.strip():
        return "\n\n".join(as_data(line) for line in value.splitlines() if line.strip())
    shown_as = json.dumps(value, indent=2, ensure_ascii=False)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown_as)), default=0))
    return f"{fence}json\n{shown_as}\n{fence}"


# The footer


def footer(report: Report) -> str:
    """Who wrote the report and who checked it, what it cost, and why it is worse than it could be."""
    models, lane = ", ".join(map(without_folder, report.made_by.models)), report.made_by.lane
    how = "Written by" if report.written_by or not report.checked else "Chosen with the help of"
    said = [f"{how} {models} ({lane})." if models else f"{how} {lane}." if lane else "No model was asked."]
    said += [_check(report.checked)] if report.checked else []
    said += filter(None, map(_effect, report.checks))
    said += ["What workers returned is shown as it came: nothing has checked it."] if report.outputs else []
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


def _effect(effect: CheckEffect) -> str:
    """What a check of the team did to sentences; "" where it left them as they were."""
    counts = {"left out": len(effect.dropped), "changed": len(effect.changed), "added": len(effect.added)}
    said = [f"{done} {_many(number, 'sentence')}" for done, number in counts.items() if number]
    return f"After that, {effect.check} {' and '.join(said)}." if said else ""


def _time(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else _many(rest, "second")


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
