"""From the sources that an inquiry picks to claims that say what their metadata says, with the records behind it. Pure.

No sentence is composed: a claim is a field's name and its values, and what they are of.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ..orchestrator.evidence import Claim, Record, Source
from ..orchestrator.metadata import (
    ID,
    Condition,
    as_date,
    elements,
    field_of,
    is_empty,
    label,
    order,
    shown,
    years_of,
)
from .inquiry import Inquiry

#: What is said of a reference to nothing that is there; no part of the answer.
_ABSENT = " (not among the documents)"
#: How many others the earliest or latest is shown beside.
_COMPARED_MOST = 5
#: How many sources have a row of their own.
ROWS_MOST = 40


def claims_of(inquiry: Inquiry, sources: Sequence[Source], referred: Mapping[str, Source]) -> tuple[Claim, ...]:
    """What the metadata of these sources answers, the answer first; nothing where they say nothing."""
    if not sources:
        return ()
    if inquiry.by_year:
        return tuple(_by_year(inquiry, sources))
    if inquiry.rule == "count":
        return tuple(_count(inquiry, sources))
    if inquiry.rule in ("min", "max"):
        return tuple(_extreme(inquiry, sources))
    if inquiry.rule == "filter":
        return tuple(_filter(inquiry, sources))
    return tuple(_lookup(inquiry, sources, referred))


# One claim for each rule


def _lookup(inquiry: Inquiry, sources: Sequence[Source], referred: Mapping[str, Source]) -> Iterator[Claim]:
    """Each source's fields, a claim a source; what the first one refers to is followed where the question does."""
    told = [(source, _row(source, inquiry, referred)) for source in sources[:ROWS_MOST]]
    named = [(source, row) for source, row in told if row.records]
    rows = [row for _, row in named]
    if len(rows) == 1:
        yield rows[0]
    elif rows:
        if len({row.answer for row in rows}) == 1:  # they all say the same, so it is the answer
            yield rows[0]
        else:
            heads = {_label(source) for source in referred.values()}
            said = [(_label(s), [_flat(item, heads) for item in row.answer if item != _label(s)]) for s, row in named]
            answer = tuple(f"{name} ({'; '.join(rest)})" if rest else name for name, rest in said)
            text = "; ".join(answer)
            yield Claim(text=text, records=tuple(r for row in rows for r in row.records), rule="lookup", answer=answer)
        yield from (row.model_copy(update={"answer": ()}) for row in rows)


def _flat(item: str, heads: Collection[str]) -> str:
    """What a reference says, to stand in brackets itself: `PEP 8; Final` for `PEP 8 (Final)`."""
    head, bracket, rest = item.partition(" (")
    return f"{head}; {rest.removesuffix(')')}" if bracket and head in heads else item


def _row(source: Source, inquiry: Inquiry, referred: Mapping[str, Source]) -> Claim:
    parts, answer, records = [], [], []
    for name in inquiry.fields:
        value = source.metadata.get(name)
        if name == ID:
            parts.append(_label(source))
            answer.append(_label(source))
        if name == ID or is_empty(value):
            continue
        records.append(Record(source=source.id, field=name, value=value))
        is_reference = bool(inquiry.then) or any(str(item) in referred for item in elements(value))
        followed = [_followed(item, inquiry, referred) for item in elements(value)] if is_reference else []
        items = [item for item, _ in followed] or _items(value)
        records += [record for _, more in followed for record in more]
        answer += items
        absent = [shown(item) for item in elements(value) if str(item) not in referred] if is_reference else []
        said = [f"{item}{_ABSENT}" if item in absent else item for item in items]
        parts.append(f"{called(name)}: {'; '.join(said)}")
    if ID in inquiry.fields and not records:  # its id is all there is to say, so it is said as it is written
        parts, answer, records = [source.id], [source.id], [Record(source=source.id, field=ID, value=source.id)]
    of = f"“{source.title}”" if ID in inquiry.fields else what(source)
    return Claim(text=f"{' · '.join(parts)} — {of}", records=tuple(records), rule="lookup", answer=tuple(answer))


def _followed(item: Any, inquiry: Inquiry, referred: Mapping[str, Source]) -> tuple[str, list[Record]]:
    """What a reference names, with what is asked of it, and the records that say so."""
    source = referred.get(str(item))
    if source is None:
        return shown(item), []
    found = [(name, source.metadata.get(name)) for name in inquiry.then]
    records = [Record(source=source.id, field=name, value=value) for name, value in found if not is_empty(value)]
    said = "; ".join(_years_or_all(record, inquiry) for record in records)
    label = _label(source)
    is_its_number = label.rpartition(" ")[2] == shown(item)  # then the record itself says so
    return f"{label} ({said})" if said else label if is_its_number else shown(item), records


def _years_or_all(record: Record, inquiry: Inquiry) -> str:
    years = years_of(record.value)
    return years[0] if inquiry.in_years and years else shown(record.value)


def _items(value: Any) -> list[str]:
    """The values of a field, one by one where it is a list."""
    return [shown(item) for item in value] if isinstance(value, list) else [shown(value)]


def _filter(inquiry: Inquiry, sources: Sequence[Source]) -> Iterator[Claim]:
    """The sources themselves, and a row for each where more is asked."""
    answer = tuple(_label(source) for source in sources)
    records = [
        Record(source=source.id, field=name, value=field_of(source.id, source.metadata, name))
        for source in sources
        for condition in inquiry.where
        for name in (condition.field, *condition.also)
    ]
    kept = tuple(record for record in records if not is_empty(record.value))
    own = tuple(Record(source=source.id, field=ID, value=source.id) for source in sources)
    yield Claim(
        text=f"{', '.join(answer)} — {_conditions(inquiry.where)}", records=kept or own, rule="filter", answer=answer
    )


def _count(inquiry: Inquiry, sources: Sequence[Source]) -> Iterator[Claim]:
    """How many there are; with the earliest or the latest of them, where that is asked too."""
    records = _dates(inquiry, sources)
    dated = [record for record in records if as_date(record.value)]
    answer = [str(len(sources))]
    text = f"{len(sources)} — {_conditions(inquiry.where)}"
    if inquiry.extreme and dated:
        end = _end(inquiry.extreme, dated)
        first = next(source for source in sources if source.id == end.source)
        answer.append(_label(first))
        text += f" · {_EXTREMES[inquiry.extreme]}: {_label(first)} ({shown(end.value)}), “{first.title}”"
    yield Claim(text=text, records=tuple(records), rule="count", answer=tuple(answer))


def _extreme(inquiry: Inquiry, sources: Sequence[Source]) -> Iterator[Claim]:
    """The earliest or the latest; what the question held against it is named beside it."""
    records = [record for record in _dates(inquiry, sources) if as_date(record.value)]
    if not records:
        return
    end = _end(inquiry.rule, records)
    by_id = {source.id: source for source in sources}
    chosen = by_id[end.source]
    names = [inquiry.between] if inquiry.between else [n for n in inquiry.fields if n not in (ID, end.field)]
    told = [Record(source=chosen.id, field=n, value=v) for n in names if not is_empty(v := chosen.metadata.get(n))]
    said = tuple(shown(record.value) for record in told)
    answer = said if inquiry.between and said else (_label(chosen), *said)
    others = [f"{_name(by_id[r.source], inquiry)}: {shown(r.value)}" for r in records if r is not end]
    text = f"{' · '.join(answer)} — {_EXTREMES[inquiry.rule]} {inquiry.date}: {shown(end.value)} ({_label(chosen)})"
    text += f"; {'; '.join(others)}" if 0 < len(others) <= _COMPARED_MOST else f", of {len(records)}"
    rest = [record for record in records if record is not end]
    yield Claim(text=text, records=(end, *rest, *told), rule=inquiry.rule, answer=answer)


def _by_year(inquiry: Inquiry, sources: Sequence[Source]) -> Iterator[Claim]:
    """How many there are, and for each year how many and how they divide by the fields that the question names."""
    dated = [(source, years[0]) for source in sources if (years := years_of(source.metadata.get(inquiry.date)))]
    if not dated:
        return
    yield _counted(f"{len(dated)} — {_conditions(inquiry.where)}", dated, inquiry, answer=(str(len(dated)),))
    for year in sorted({year for _, year in dated}):
        inside = [(source, day) for source, day in dated if day == year]
        divided = [f"{called(name)}: {_shares([source for source, _ in inside], name)}" for name in inquiry.divided]
        yield _counted(" · ".join([f"year: {year}", f"number: {len(inside)}", *divided]), inside, inquiry)


def _counted(
    text: str, dated: Sequence[tuple[Source, str]], inquiry: Inquiry, *, answer: tuple[str, ...] = ()
) -> Claim:
    records = [Record(source=s.id, field=inquiry.date, value=s.metadata[inquiry.date]) for s, _ in dated]
    return Claim(text=text, records=tuple(records), rule="count", answer=answer)


_SHARES_MOST = 4


def _shares(sources: Sequence[Source], name: str) -> str:
    """How many sources have each value, most first; how many have none."""
    counts = Counter(shown(value) for source in sources for value in elements(source.metadata.get(name)))
    without = sum(not elements(source.metadata.get(name)) for source in sources)
    parts = [f"{value} {n}" for value, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_SHARES_MOST]]
    return ", ".join([*parts, *([f"none {without}"] if without else [])])


# Words

_EXTREMES = {"min": "earliest", "max": "latest"}


def _end(rule: str, records: Sequence[Record]) -> Record:
    pick = min if rule == "min" else max
    return pick(records, key=lambda record: order(record.value))


def _dates(inquiry: Inquiry, sources: Sequence[Source]) -> list[Record]:
    """The date of each source; last, by id, those that have none, so that they are counted all the same."""
    values = [(source.id, source.metadata.get(inquiry.date)) for source in sources]
    dated = [Record(source=name, field=inquiry.date, value=value) for name, value in values if as_date(value)]
    return dated + [Record(source=name, field=ID, value=name) for name, value in values if not as_date(value)]


def _name(source: Source, inquiry: Inquiry) -> str:
    value = source.metadata.get(inquiry.between)
    return _label(source) if is_empty(value) else shown(value)


def _label(source: Source) -> str:
    return label(source.id, source.metadata)


def what(source: Source) -> str:
    """A source by title and id."""
    return f"“{source.title}” ({_label(source)})" if source.title != source.id else _label(source)


def called(name: str) -> str:
    """A field's name as people write it."""
    return name.replace("_", " ")


def _conditions(where: Sequence[Condition]) -> str:
    """The conditions, in words."""
    said = {
        "is": "{field}: {values}",
        "year": "{field}: {values}",
        "since": "{field}: {values} or later",
        "before": "{field}: before {values}",
        "absent": "no {field}",
        "present": "with {field}",
    }
    names = [" or ".join(called(name) for name in (condition.field, *condition.also)) for condition in where]
    return " · ".join(
        said[condition.op].format(field=name, values=" or ".join(condition.values))
        for name, condition in zip(names, where, strict=True)
    )
