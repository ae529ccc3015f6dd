"""Runs a `Select` over documents: which are found, how many each condition costs, how they divide. Pure.

A document's text is asked for only where it decides something: where no more than one other condition is not met.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

from ..evidence import Quote, Source
from ..lookup import TEXT, Group, Grouped, Row, Select, Table, Without
from ..metadata import (
    ID,
    TITLE,
    as_period,
    elements,
    is_empty,
    label,
    shown,
)
from .criteria import Criterion, asked_of, criterion_of, problem_of, remarks_on
from .fields import READ, Fields, Span, as_text, value_of
from .numbering import number
from .phrase import find, phrase

#: Documents with a row of their own, and those whose text is quoted, the first ones: more are named by their ids.
ROWS_MOST, QUOTED_MOST = 500, 40
#: Values of a near-miss that are shown.
_VALUES_MOST = 6
#: Code points around words that were found, in which the sentence that holds them is looked for.
_AROUND = 1_200


class _Found(NamedTuple):
    """What came of all documents: those found, and for each condition those that meet the others alone."""

    sources: list[Source]
    near: list[list[Source]]


def run(select: Select, fields: Fields, text_of: Callable[[str], str]) -> Table:
    """The table that a select comes to over these documents, in their order unless it names another one.

    `text_of` gives the text of a document by its id. A select that cannot be run is a table with its `problem`.
    """
    if problem := problem_of(select, fields):
        return Table(select=select, problem=problem, documents=len(fields.sources))
    criteria = [criterion_of(where, fields) for where in select.where]
    found = _find(criteria, fields.sources, text_of)
    ordered = _ordered(found.sources, select, fields)
    columns = _columns(select)
    return Table(
        select=select,
        conditions="; ".join(criterion.words for criterion in criteria) or "all documents",
        columns=columns,
        rows=tuple(_rows(ordered[:ROWS_MOST], columns, criteria, text_of)),
        more=tuple(source.id for source in ordered[ROWS_MOST:]),
        documents=len(fields.sources),
        grouped=_all_grouped(select.count_by, ordered, fields),
        without=tuple(_without(c, ordered, near, fields) for c, near in zip(criteria, found.near, strict=True)),
        lacking=tuple(_lacking(columns, fields.sources)),
        remarks=tuple(remarks_on(select, fields)),
    )


def _find(criteria: Sequence[Criterion], sources: Sequence[Source], text_of: Callable[[str], str]) -> _Found:
    found = _Found([], [[] for _ in criteria])
    order = sorted(range(len(criteria)), key=lambda n: criteria[n].is_of_text)
    for source in sources:
        failed: list[int] = []
        text: str | None = None
        for n in order:
            criterion = criteria[n]
            if criterion.is_of_text:
                text = text_of(source.id) if text is None else text
            held = text if criterion.is_of_text else asked_of(source, criterion.where.field)
            if not criterion.meets(held):
                failed.append(n)
                if len(failed) == 2:
                    break
        if not failed:
            found.sources.append(source)
        elif len(failed) == 1:
            found.near[failed[0]].append(source)
    return found


# What is shown of them


def _columns(select: Select) -> tuple[str, ...]:
    """What is shown: what the conditions, the order and the counts are about, then what was asked for."""
    asked = [where.field for where in select.where] + ([select.order.field] if select.order else [])
    names = dict.fromkeys([*asked, *select.count_by, *select.show])
    return tuple(name for name in names if name not in (ID, TITLE, TEXT))


def _ordered(sources: list[Source], select: Select, fields: Fields) -> list[Source]:
    """By the field that the select names, equals as they were and those without it last."""
    if select.order is None:
        return sources
    name, down = select.order.field, select.order.down
    read = READ.get(fields.scale(name), as_text)
    keyed = [(_rank(value_of(source, name), read, down=down), source) for source in sources]
    ranked = sorted((pair for pair in keyed if pair[0] is not None), key=lambda pair: pair[0], reverse=down)
    return [source for _, source in ranked] + [source for rank, source in keyed if rank is None]


def _rank(value: Any, read: Callable[[Any], Span | None], *, down: bool) -> Any:
    """What a value is ordered by: of a list the greatest or the least; None where nothing of it is on the scale."""
    spans = [span[0] for item in elements(value) if (span := read(item))]
    return (max if down else min)(spans, default=None)


def _rows(
    sources: Sequence[Source], columns: Sequence[str], criteria: Sequence[Criterion], text_of: Callable[[str], str]
) -> Iterator[Row]:
    wanted = [c.where.values for c in criteria if c.is_of_text and not c.where.negated]
    for n, source in enumerate(sources):
        values = tuple(None if is_empty(v := source.metadata.get(name)) else v for name in columns)
        quotes = tuple(_quotes(source, text_of(source.id), wanted)) if wanted and n < QUOTED_MOST else ()
        name = label(source.id, source.metadata)
        yield Row(source=source.id, title=source.title, label=name, values=values, quotes=quotes)


def _quotes(source: Source, text: str, wanted: Sequence[Sequence[str]]) -> Iterator[Quote]:
    """For each condition on the text the sentence that meets it first, by the first of its values that is there."""
    seen: set[tuple[int, int]] = set()
    for values in wanted:
        hits = (find(found, text) for value in values if (found := phrase(value)))
        hit = next(filter(None, hits), None)
        span = _sentence(source, text, *hit) if hit else None
        if span and span not in seen:
            seen.add(span)
            yield Quote(source=source.id, start=span[0], end=span[1], text=text[span[0] : span[1]])


def _sentence(source: Source, text: str, start: int, end: int) -> tuple[int, int]:
    """The sentences that some words stand in; of a block of code its line, of a heading the words alone."""
    first = max(0, start - _AROUND)
    bare = source.model_copy(update={"metadata": {}})
    lines = number(bare, text[first : end + _AROUND]).lines.values()
    around = [line for line in lines if first + line.start < end and start < first + line.end]
    if any(line.kind == "code" for line in around):
        stop = text.find("\n", end)
        return text.rfind("\n", 0, start) + 1, len(text) if stop < 0 else stop
    return min([start, *(first + line.start for line in around)]), max([end, *(first + line.end for line in around)])


def _all_grouped(names: Sequence[str], sources: Sequence[Source], fields: Fields) -> tuple[Grouped, ...]:
    """By each field, and where several are named by all of them at once: `2019, unsound`."""
    each = tuple(_grouped(name, sources, fields) for name in dict.fromkeys(names))
    if len(each) < 2:
        return each
    groups: dict[str, list[str]] = {}
    for source in sources:
        held = [_group_names(source, one.field, fields) or ["none"] for one in each]
        for values in product(*held):
            groups.setdefault(", ".join(values), []).append(source.id)
    together = tuple(Group(value=value, sources=tuple(groups[value])) for value in sorted(groups))
    return (*each, Grouped(field=" and ".join(one.field for one in each), groups=together))


def _grouped(name: str, sources: Sequence[Source], fields: Fields) -> Grouped:
    groups: dict[str, list[str]] = {}
    for source in sources:
        for value in _group_names(source, name, fields):
            groups.setdefault(value, []).append(source.id)
    ordered = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    if fields.scale(name) == "date":
        ordered.sort(key=lambda pair: pair[0])
    listed = tuple(Group(value=value, sources=tuple(ids)) for value, ids in ordered)
    none = tuple(source.id for source in sources if not _group_names(source, name, fields))
    return Grouped(field=name, groups=listed, none=none)


def _group_names(source: Source, name: str, fields: Fields) -> list[str]:
    """Under what a document is counted: each value once, a day under its year."""
    items = elements(value_of(source, name))
    if fields.scale(name) == "date":
        items = [str(period.first.year) for item in items if (period := as_period(item))]
    return list(dict.fromkeys(map(shown, items)))


def _without(criterion: Criterion, found: Sequence[Source], near: Sequence[Source], fields: Fields) -> Without:
    sources, name = [*found, *near], criterion.where.field
    is_counted = not criterion.is_of_text and name not in (ID, TITLE)
    counts = Counter(value for s in sources for value in _group_names(s, name, fields)) if is_counted else Counter()
    commonest = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_VALUES_MOST]
    return Without(condition=criterion.words, total=len(sources), values=tuple(commonest))


def _lacking(columns: Sequence[str], sources: Sequence[Source]) -> Iterator[tuple[str, int]]:
    for name in columns:
        if count := sum(is_empty(source.metadata.get(name)) for source in sources):
            yield name, count
