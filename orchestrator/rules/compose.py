"""The report as a person reads it: Markdown, the answer first, every sentence with its sources. Pure.

Whatever is from outside, names too, stands in it as data: its marks are the report's own.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from ..envelope import Status
from ..evidence import Claim, Disagreement, Draft, Evidence, Gap, Output, Source
from ..metadata import label, shown
from .markdown import as_data
from .report import quotes_of, stands_in

#: A claim computed from many documents names so many of them; the run has all.
_MARKS_MOST = 3
_NOTHING = "Nothing was found that answers this."
#: The same of a team that does no research.
_NOTHING_RETURNED = "The work is done, and its workers returned nothing to show."
_UNFINISHED = "There is no answer: what is missing says why."
_UNCHECKED = "*What the workers returned, as they returned it: it rests on no source that was checked.*"
#: What is said instead where that is not the reason why there is no answer.
_NO_ANSWER: Mapping[Status, str] = {
    Status.FAILED: "There is no answer: the work failed, and what is missing says why.",
    Status.OVER_BUDGET: "There is no answer: the budget does not allow the work.",
    Status.CANCELLED: "There is no answer: the work was ended before there was one.",
}


def compose(
    question: str,
    draft: Draft,
    gaps: Sequence[Gap],
    evidence: Evidence,
    *,
    notice: str = "",
    degraded: Sequence[str] = (),
    status: Status = Status.OK,
    outputs: Sequence[Output] = (),
    is_research: bool = True,
) -> str:
    """The report as Markdown. Every sentence of substance is a claim and carries the numbers of its sources.

    `notice` stands above it; `degraded`, why it is worse than it could be, ends it. Without an answer, `status` says
    whether one was looked for. `outputs` are what a team returned that finds nothing out; `is_research` is whether
    findings were to be expected of it.
    """
    numbers = {name: n for n, name in enumerate(_cited(draft), start=1)}
    sources = {source.id: source for source in evidence.sources}
    parts = [f"# {as_data(question)}"]
    parts += [f"*{as_data(notice)}*"] if notice else []
    nothing = _NO_ANSWER.get(status) or (_NOTHING if is_research else _UNFINISHED if gaps else _NOTHING_RETURNED)
    parts.append(_body(draft.claims, numbers, sources) or _returned(outputs) or nothing)
    if draft.disagreements:
        parts.append("## Where sources disagree\n\n" + "\n".join(_conflict(d, numbers) for d in draft.disagreements))
    missing = [*map(_gap, gaps), *_uncovered(draft)]
    if missing:
        parts.append("## What is missing\n\n" + "\n".join(f"- {line}" for line in missing))
    if numbers:
        listed = [f"{n}. {_source(name, draft, evidence)}" for name, n in numbers.items()]
        listed += _unlisted(draft, numbers)
        parts.append("## Sources\n\n" + "\n".join(listed))
    if degraded:
        parts.append("## Degraded\n\n" + "\n".join(f"- {as_data(reason)}" for reason in degraded))
    return "\n\n".join(parts) + "\n"


def _body(claims: Sequence[Claim], numbers: Mapping[str, int], sources: Mapping[str, Source]) -> str:
    """The claims in order: the answer by itself, sentences as a list, what metadata says of documents as a table."""
    parts = []
    for kind, group in groupby(claims, key=_kind):
        same = list(group)
        if kind == "answer":
            parts += [f"**{_sentence(claim, numbers)}**" for claim in same]
        elif kind == "row" and len(same) > 1:
            parts.append(_table(same, numbers, sources))
        elif kind == "count" and len({tuple(_columns(claim)) for claim in same}) == 1 and len(same) > 1:
            parts.append(_counts(same, numbers))
        else:
            parts.append("\n".join(f"- {_sentence(claim, numbers)}" for claim in same))
    return "\n\n".join(parts)


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


def _kind(claim: Claim) -> str:
    if claim.answer:
        return "answer"
    if claim.rule == "count" and not claim.quotes:
        return "count"
    is_row = claim.rule == "lookup" and not claim.quotes and len({record.source for record in claim.records}) == 1
    return "row" if is_row else "sentence"


def _table(rows: Sequence[Claim], numbers: Mapping[str, int], sources: Mapping[str, Source]) -> str:
    """A line a document, a column a field, in the order in which the fields come."""
    fields = list(dict.fromkeys(record.field for row in rows for record in row.records if record.field != "id"))
    lines = [["document", *(as_data(field.replace("_", " ")) for field in fields)], ["---"] * (len(fields) + 1)]
    for row in rows:
        name = row.records[0].source
        values = {record.field: as_data(shown(record.value)) for record in row.records}
        lines.append(
            [f"{as_data(_title(name, sources))} {_marks(row, numbers)}", *(values.get(field, "") for field in fields)]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _columns(claim: Claim) -> dict[str, str]:
    """The parts of a claim such as `year: 2020 · number: 7`, by name."""
    return {name: value for name, _, value in (part.partition(": ") for part in claim.text.split(" · "))}


def _counts(claims: Sequence[Claim], numbers: Mapping[str, int]) -> str:
    """A line a claim, for claims that are counted by the same things."""
    names = list(_columns(claims[0]))
    lines = [[*map(as_data, names), "documents"], ["---"] * (len(names) + 1)]
    lines += [[*map(as_data, _columns(claim).values()), _marks(claim, numbers)] for claim in claims]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _title(name: str, sources: Mapping[str, Source]) -> str:
    source = sources.get(name)
    if source is None or source.title == name:
        return name
    return f"{label(name, source.metadata)}, {source.title}"


def _sides(draft: Draft) -> list[Claim]:
    return [*draft.claims, *(side for disagreement in draft.disagreements for side in disagreement.sides)]


def _cited(draft: Draft) -> list[str]:
    """The ids of the sources, in the order in which the text first needs them."""
    return list(dict.fromkeys(name for claim in _sides(draft) for name in _named(claim)))


def _named(claim: Claim) -> list[str]:
    """The sources that a claim names: all that it quotes, and the first few whose metadata it was computed from."""
    quoted = list(dict.fromkeys(quote.source for quote in claim.quotes))
    recorded = list(dict.fromkeys(record.source for record in claim.records))
    most = len(recorded) if claim.rule == "lookup" else _MARKS_MOST
    return list(dict.fromkeys([*quoted, *recorded[:most]]))


def _unlisted(draft: Draft, numbers: Mapping[str, int]) -> list[str]:
    rest = {record.source for claim in _sides(draft) for record in claim.records} - numbers.keys()
    return [f"\n…and the metadata of {len(rest)} more documents, which the run names one by one."] if rest else []


def _sentence(claim: Claim, numbers: Mapping[str, int]) -> str:
    return f"{as_data(claim.text)} {_marks(claim, numbers)}"


def _marks(claim: Claim, numbers: Mapping[str, int]) -> str:
    marks = "".join(f"[{numbers[name]}]" for name in _named(claim))
    more = len({record.source for record in claim.records} - set(_named(claim)))
    return f"{marks} and {more} more" if more else marks


def _conflict(disagreement: Disagreement, numbers: Mapping[str, int]) -> str:
    sides = "\n".join(f"  - {_sentence(side, numbers)}" for side in disagreement.sides)
    return f"- {as_data(disagreement.about)}\n{sides}"


def _gap(gap: Gap) -> str:
    return as_data(f"{gap.task}: {gap.reason}" + (f": {gap.detail}" if gap.detail else ""))


def _uncovered(draft: Draft) -> Iterable[str]:
    if draft.uncovered and draft.claims:
        yield as_data(f"No evidence above contains these words of the question: {', '.join(draft.uncovered)}.")


def _source(name: str, draft: Draft, evidence: Evidence) -> str:
    """A source's title and where to open it: each place that is quoted, as `path:line` or by its page."""
    source = next((source for source in evidence.sources if source.id == name), None)
    if source is None:
        return as_data(name)
    quotes = [quote for quote in quotes_of(_sides(draft)) if quote.source == name]
    places = [passage for passage in evidence.passages if any(stands_in(quote, [passage]) for quote in quotes)]
    pages = sorted({passage.page for passage in places if passage.page})
    lines = sorted({passage.line for passage in places if passage.line})
    place = as_data(f"{source.title}: {source.uri}")
    if pages:
        return f"{place}, p. {', '.join(map(str, pages))}"
    return place if "#" in source.uri else place + ", ".join(f":{n}" for n in lines)
