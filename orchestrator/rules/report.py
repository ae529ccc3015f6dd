"""From what a team's tasks returned to the value of its report: which claims may stand, and the status. Pure.

A claim without evidence does not stand, whoever wrote it; what failed is a gap, not silence.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..envelope import Result, Status
from ..evidence import CheckEffect, Claim, Draft, Evidence, Finding, Gap, Output, Passage, Quote, Record
from ..metadata import ID, as_date, elements, field_of, is_empty, label, order, shown, years_of
from ..text import shorten
from .layout import pruned
from .plainly import LIMITS

#: How much text around a quote is kept in the run, in code points.
AROUND = 200

#: What stands between two names in an item of an answer, and a number with the name of its series.
_NEXT = re.compile(r"\)*(?:; | \()")
_NUMBERED = re.compile(r"[^\s;()]+ (\d+)\b")


def draft_of(values: Sequence[object]) -> Draft | None:
    """What the values of tasks come to: the last draft, or else every claim of every finding; None without either."""
    drafts = [value for value in values if isinstance(value, Draft)]
    findings = [value for value in values if isinstance(value, Finding)]
    if drafts or not findings:
        return drafts[-1] if drafts else None
    claims = {claim.model_dump_json(): claim for finding in findings for claim in finding.claims}
    return Draft(claims=tuple(claims.values()))


def outputs_of(final: Iterable[tuple[Result, object]]) -> tuple[Output, ...]:
    """What the tasks that no other comes after returned, where that is neither a draft nor a finding, as plain JSON."""
    return tuple(
        Output(task=result.task, worker=result.worker, value=result.output)
        for result, value in final
        if not isinstance(value, Draft | Finding)
    )


def gaps_of(results: Iterable[Result], *, skipped: str) -> tuple[Gap, ...]:
    """A gap for every task that did not deliver; none for one that was `skipped` because of another's gap."""
    return tuple(
        Gap(task=result.task, reason=result.failure.type if result.failure else str(result.status), detail=_why(result))
        for result in results
        if result.status is not Status.OK and not (result.failure and result.failure.type == skipped)
    )


def _why(result: Result) -> str:
    return result.failure.detail if result.failure else ""


def quotes_of(claims: Iterable[Claim]) -> tuple[Quote, ...]:
    """Every quote, each once, in order."""
    return tuple(dict.fromkeys(quote for claim in claims for quote in claim.quotes))


def stands_in(quote: Quote, passages: Iterable[Passage]) -> bool:
    """Whether the quote stands, byte for byte, where it says it does in one of the passages of its source."""
    return any(
        passage.source == quote.source
        and passage.start <= quote.start < quote.end <= passage.end
        and passage.text[quote.start - passage.start : quote.end - passage.start] == quote.text
        for passage in passages
    )


def problem_of(claim: Claim, evidence: Evidence) -> str:
    """Why a claim may not be written; "" when its evidence holds."""
    if not claim.quotes and not claim.records:
        return "it has no evidence"
    loose = [quote for quote in claim.quotes if not stands_in(quote, evidence.passages)]
    if loose:
        return f"the quote {shorten(loose[0].text, 80)!r} does not stand in {loose[0].source!r} at {loose[0].start}"
    return recompute(claim, {source.id: source.metadata for source in evidence.sources})


def only_supported(draft: Draft, evidence: Evidence) -> Draft:
    """The draft with every claim that does not hold moved to the gaps; its place in the layout and its disagreements
    go with it."""
    claims = (*draft.claims, *(claim for one in draft.disagreements for claim in one.claims))
    problems = {id(claim): problem_of(claim, evidence) for claim in claims}
    dropped = [
        Gap(task="evidence", reason="ClaimDropped", detail=f"{shorten(claim.text, 120)!r}: {problem}")
        for claim in claims
        if (problem := problems[id(claim)])
    ]
    kept = tuple(claim for claim in draft.claims if not problems[id(claim)])
    return draft.model_copy(
        update={
            "claims": kept,
            "layout": draft.layout and pruned(draft.layout, {claim.id for claim in kept if claim.id}),
            "gaps": (*draft.gaps, *dropped),
            "disagreements": tuple(
                d for d in draft.disagreements if not any(problems[id(claim)] for claim in d.claims)
            ),
        }
    )


def held(returned: Draft, before: Draft, evidence: Evidence) -> Draft:
    """What a check made of a draft, as far as its claims hold: gaps it may add, and take none away."""
    gaps = (*before.gaps, *(gap for gap in returned.gaps if gap not in before.gaps))
    return only_supported(returned.model_copy(update={"gaps": gaps}), evidence)


def effect_of(check: str, before: Draft, after: Draft) -> CheckEffect | None:
    """What a check did to a draft; None where it left it as it was. A claim is known by its id, or else as it is."""
    old, new = _by_name(before), _by_name(after)
    kept = pruned(before.layout, new.keys()) if before.layout else None
    others = [name for name in Draft.model_fields if name not in ("claims", "disagreements", "gaps", "layout")]
    effect = CheckEffect(
        check=check,
        dropped=tuple(claim.text for name, claim in old.items() if name not in new),
        changed=tuple((old[name].text, c.text) for name, c in new.items() if name in old and old[name] != c),
        added=tuple(claim.text for name, claim in new.items() if name not in old),
        fields=tuple(
            [*(name for name in others if getattr(before, name) != getattr(after, name))]
            + (["layout"] if after.layout != kept else [])
        ),
    )
    return effect if effect != CheckEffect(check=check) else None


def _by_name(draft: Draft) -> dict[str, Claim]:
    claims = (*draft.claims, *(claim for one in draft.disagreements for claim in one.claims))
    return {claim.id or claim.model_dump_json(): claim for claim in claims}


def recompute(claim: Claim, metadata: Mapping[str, Mapping[str, Any]]) -> str:
    """What is wrong with a claim computed from metadata (by source id); "" when its rule gives the same again."""
    if claim.rule is None:
        return "" if not claim.records else "it has records but no rule"
    if not claim.records:
        return f"its rule is {claim.rule!r} but it has no records"
    for record in claim.records:
        if record.source not in metadata:
            return f"there is no source {record.source!r}"
        if field_of(record.source, metadata[record.source], record.field) != record.value or is_empty(record.value):
            return f"field {record.field!r} of {record.source!r} is not {record.value!r}"
    if claim.rule in ("field", "select"):
        return ""
    given = _given(claim, metadata)
    unsaid = [ways for ways in given.must if not any(_says(claim.text, way) for way in ways)]
    if unsaid:
        return f"its rule {claim.rule!r} gives {shown(unsaid[0][0])!r}, which it does not say"
    loose = [item for item in claim.answer if item != claim.text and not given.allows(item)]
    return f"its rule {claim.rule!r} does not give {loose[0]!r}" if loose else ""


class _Given(NamedTuple):
    """What a rule gives: the values that a claim must say, each in one of some ways, and what its answer may name."""

    must: list[tuple[Any, ...]]
    may: set[str]

    def allows(self, item: str) -> bool:
        """Whether one item of an answer names nothing else: `PEP 8 (Final; Ada)` names three things."""
        if item in self.may:
            return True
        starts = {0}
        for at in range(len(item)):
            for end in self._ends(item, at) if at in starts else ():
                if not item[end:].strip(")"):
                    return True
                if mark := _NEXT.match(item, end):
                    starts.add(mark.end())
        return False

    def _ends(self, item: str, at: int) -> set[int]:
        """Where what is named from here on ends: a value, or a number said with its series, as `PEP 8` for 8."""
        numbered = _NUMBERED.match(item, at)
        ends = {at + len(name) for name in self.may if name and item.startswith(name, at)}
        return ends | ({numbered.end()} if numbered and numbered[1] in self.may else set())


def _given(claim: Claim, metadata: Mapping[str, Mapping[str, Any]]) -> _Given:
    names = list(dict.fromkeys(record.source for record in claim.records))
    told = [record for record in claim.records if record.field != ID] or claim.records
    of_first = [record for record in told if record.field == told[0].field]
    if claim.rule == "count":
        number = len({(record.source, record.field) for record in claim.records})
        dated = [record for record in of_first if as_date(record.value)] or of_first
        ends = [pick(dated, key=_by_value) for pick in (min, max)]
        return _Given([(number,)], {str(number), *_sayings_of(ends, metadata)})
    if claim.rule in ("min", "max"):
        end = (min if claim.rule == "min" else max)(of_first, key=_by_value)
        its = [record for record in claim.records if record.source == end.source]
        return _Given([(end.value,)], _sayings_of(its, metadata))
    allowed = _sayings_of(claim.records, metadata)
    if claim.rule == "filter":
        return _Given([(label(name, metadata[name]), name) for name in names], allowed)
    return _Given([(record.value, _called(record.value, metadata)) for record in claim.records], allowed)


def _called(value: Any, metadata: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """What a field holds, with sources as people call them."""
    parts = elements(value)
    return [label(part, metadata[part]) if isinstance(part, str) and part in metadata else part for part in parts]


def _says(text: str, value: Any) -> bool:
    """Whether a claim says a value: as it is shown, a day by its year, or all that it holds one by one."""
    parts = elements(value)
    return any(_stands(saying, text) for saying in _sayings(value)) or (
        len(parts) > 1 and all(_says(text, part) for part in parts)
    )


def _stands(saying: str, text: str) -> bool:
    """Whether a text holds these words; a number, as a number of its own: 1 does not stand in 12 or 0.1."""
    before = r"(?<!\d)(?<!\d[.,])" if saying[:1].isdigit() else ""
    after = r"(?!\d)(?![.,]\d)" if saying[-1:].isdigit() else ""
    return re.search(before + re.escape(saying) + after, text) is not None


def _sayings(value: Any) -> list[str]:
    """The ways to say a value: as it is shown, a day by its year."""
    return [shown(value), *years_of(value)]


def _sayings_of(records: Iterable[Record], metadata: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """What an answer may name on the strength of these records."""
    names: set[str] = set()
    for record in records:
        names |= {label(record.source, metadata[record.source]), *_sayings(record.value)}
        whole = record.value if isinstance(record.value, list) else []
        names |= {
            saying
            for part in (*whole, *elements(record.value), *_called(record.value, metadata))
            for saying in _sayings(part)
        }
    return names | {part for name in names for part in name.split("; ")}


def _by_value(record: Record) -> tuple[int, Any]:
    return order(record.value)


def has_answer(draft: Draft, outputs: Iterable[Output]) -> bool:
    """Whether there is anything to show: a claim, or a value that a worker returned."""
    return bool(draft.claims) or any(output.value is not None for output in outputs)


def status_of(
    draft: Draft,
    gaps: Sequence[Gap],
    results: Collection[Result],
    *,
    expects_claims: bool,
    outputs: Sequence[Output] = (),
) -> Status:
    """How the job ended, when it ended by itself: in part where something failed, was cut short or is left open.

    A limit of the documents that a laid out draft was written in view of is none of these; what is open, it says.
    """
    if any(result.status is Status.OVER_BUDGET for result in results):
        return Status.PARTIAL if has_answer(draft, outputs) else Status.OVER_BUDGET
    if results and not any(result.status.delivered for result in results):
        looked = all(result.status in (Status.EMPTY, Status.CANCELLED) for result in results)
        return Status.EMPTY if looked else Status.FAILED
    if expects_claims and not has_answer(draft, outputs):
        return Status.EMPTY
    counted = [gap for gap in gaps if draft.layout is None or gap.reason not in LIMITS]
    return Status.PARTIAL if counted or draft.not_answered else Status.OK
