"""Runs a `Select` over documents: which are found, how many each condition costs, how they divide. Pure.

A document's text is asked for only where it decides something: where no more than one other condition is not met.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import chain
from typing import Any, Literal, NamedTuple

from ..evidence import Quote, Source
from ..lookup import TEXT, Group, Grouped, Row, Select, Table, Where, Without
from ..metadata import (
    ID,
    TITLE,
    as_period,
    elements,
    is_empty,
    key,
    label,
    names_of,
    shown,
)
from ..text import shorten
from .numbering import number
from .phrase import find, fold, phrase

#: Documents with a row of their own, and those whose text is quoted, the first ones: more are named by their ids.
ROWS_MOST, QUOTED_MOST = 500, 40
#: Values of a near-miss that are shown.
_VALUES_MOST = 6
#: Code points around words that were found, in which the sentence that holds them is looked for.
_AROUND = 1_200
#: Characters of a value that a message repeats.
_SHOWN_MOST = 60

_DIGITS = re.compile(r"(\d+)")
_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9})+")

#: How the values of a field are put in order.
Scale = Literal["number", "date", "version", "text"]
#: The least and the greatest that a value may be: a year is all its days, version 3.8 every 3.8.x.
_Span = tuple[Any, Any]
_Meets = Callable[[Any], bool]


class _Condition(NamedTuple):
    where: Where
    words: str
    #: Whether what stands in the field meets it.
    meets: _Meets

    @property
    def is_of_text(self) -> bool:
        return self.where.field == TEXT


class _Found(NamedTuple):
    """What came of all documents: those found, and for each condition those that meet the others alone."""

    sources: list[Source]
    near: list[list[Source]]


class Fields:
    """What the documents hold under each name."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self._scales: dict[str, Scale] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name, those that every document has first."""
        own = dict.fromkeys(chain.from_iterable(source.metadata for source in self.sources))
        return tuple(dict.fromkeys([ID, TITLE, TEXT, *own]))

    @cached_property
    def numbers(self) -> Mapping[str, str]:
        """By the key of a numbered id, as `pep 8`, the number by which fields may name it."""
        split = ((name, name.split(" ")) for source in self.sources for name in map(key, names_of(source)))
        return {name: words[1] for name, words in split if len(words) == 2 and words[1].isdecimal()}

    def scale(self, name: str) -> Scale:
        """What more than half of a field's values are."""
        if name not in self._scales:
            items = [item for source in self.sources for item in elements(value_of(source, name))]
            fits = (s for s, read in _READ.items() if sum(read(item) is not None for item in items) * 2 > len(items))
            self._scales[name] = next(fits, "text")
        return self._scales[name]


def run(select: Select, fields: Fields, text_of: Callable[[str], str]) -> Table:
    """The table that a select comes to over these documents, in their order unless it names another one.

    `text_of` gives the text of a document by its id. A select that cannot be run is a table with its `problem`.
    """
    if problem := problem_of(select, fields):
        return Table(select=select, problem=problem, documents=len(fields.sources))
    conditions = [_Condition(where, words_of(where), _meets(where, fields)) for where in select.where]
    found = _find(conditions, fields.sources, text_of)
    ordered = _ordered(found.sources, select, fields)
    columns = _columns(select)
    return Table(
        select=select,
        conditions="; ".join(condition.words for condition in conditions) or "all documents",
        columns=columns,
        rows=tuple(_rows(ordered[:ROWS_MOST], columns, conditions, text_of)),
        more=tuple(source.id for source in ordered[ROWS_MOST:]),
        documents=len(fields.sources),
        grouped=tuple(_grouped(name, ordered, fields) for name in dict.fromkeys(select.count_by)),
        without=tuple(_without(c, ordered, near, fields) for c, near in zip(conditions, found.near, strict=True)),
        lacking=tuple(_lacking(columns, fields.sources)),
        remarks=tuple(_remarks(select, fields)),
    )


def value_of(source: Source, name: str) -> Any:
    """What a document holds under a name; its own id and title under theirs."""
    return source.id if name == ID else source.title if name == TITLE else source.metadata.get(name)


# What cannot be run


def problem_of(select: Select, fields: Fields) -> str:
    """Why a select cannot be run, in words that its writer can act on; empty where it can."""
    problems = chain(_unknown(select, fields), (p for where in select.where if (p := _wrong(where, fields))))
    return next(problems, "")


def _unknown(select: Select, fields: Fields) -> Iterator[str]:
    shown_names = [*select.show, *select.count_by, *([select.order.field] if select.order else [])]
    for name in [where.field for where in select.where] + shown_names:
        if name not in fields.names:
            close = get_close_matches(name, fields.names, n=3, cutoff=0.5) or list(fields.names)
            yield f"there is no field {shorten(name, _SHOWN_MOST)!r}; name one of {', '.join(close)}"
    if TEXT in shown_names:
        yield f"field {TEXT!r} is the whole document, which can only be asked what it `contains`; read the document"


def _wrong(where: Where, fields: Fields) -> str:
    """Why a condition on a field that is there cannot be run."""
    name, values = where.field, where.values
    if name == TEXT and where.op != "contains":
        return f"field {TEXT!r} is the whole document: ask what it `contains`, not `{where.op}`"
    if where.op == "empty":
        return f"`empty` on {name!r} takes no values; for the others set `negated`" if values else ""
    if not any(map(str.strip, values)):
        return f"`{where.op}` on {name!r} needs a value"
    if where.op == "between":
        return _wrong_range(where, fields.scale(name))
    if where.op == "contains":
        odd = next((value for value in values if phrase(value) is None), None)
        return "" if odd is None else f"`contains` on {name!r}: {shorten(odd, _SHOWN_MOST)!r} has no word in it"
    odd = next((value for value in values if as_period(value) is None), None)
    if odd is not None and fields.scale(name) == "date" and not _stands_in(odd, name, fields):
        return _not_of(where, odd, "date")
    return ""


def _wrong_range(where: Where, scale: Scale) -> str:
    if scale == "text":
        return f"`between` needs dates or numbers, and {where.field!r} holds text: use `is` or `contains`"
    if len(where.values) != 2:
        return f"`between` on {where.field!r} takes two values, of which one may be empty, not {len(where.values)}"
    read = _READ[scale]
    odd = next((value for value in where.values if value.strip() and read(value) is None), None)
    if odd is not None:
        return _not_of(where, odd, scale)
    low, high = map(read, where.values)
    is_upside_down = low and high and low[0] > high[1]
    return f"`between` on {where.field!r}: {where.values[0]} comes after {where.values[1]}" if is_upside_down else ""


def _not_of(where: Where, value: str, scale: Scale) -> str:
    mend = "write 2021, 2021-06 or 2021-06-30" if scale == "date" else "write it in digits"
    return f"`{where.op}` on {where.field!r}: {shorten(value, _SHOWN_MOST)!r} is no {scale}; {mend}"


def _stands_in(value: str, name: str, fields: Fields) -> bool:
    return any(key(value) in _keys_of(value_of(source, name)) for source in fields.sources)


def _remarks(select: Select, fields: Fields) -> Iterator[str]:
    """For each value that no document has in its field, those that are close."""
    for where in select.where:
        if where.op in ("is", "in") and fields.scale(where.field) != "date":
            items = (item for source in fields.sources for item in elements(_held(source, where.field)))
            held = {key(item): shown(item) for item in items}
            for value in where.values:
                if not _wanted(value, fields) & held.keys():
                    close = [held[k] for k in get_close_matches(key(value), held, n=3, cutoff=0.7)]
                    more = f"; close to it: {', '.join(close)}" if close else ""
                    yield f"no document has {shorten(value, _SHOWN_MOST)!r} as its {where.field}{more}"


# Whether a document meets a condition


def _meets(where: Where, fields: Fields) -> _Meets:
    test = _TESTS[where.op](where, fields)
    return (lambda value: not test(value)) if where.negated else test


def _empty(_: Where, __: Fields) -> _Meets:
    return is_empty


def _is(where: Where, fields: Fields) -> _Meets:
    wanted = frozenset(chain.from_iterable(_wanted(value, fields) for value in where.values))
    within = [span for v in where.values if (span := as_period(v))] if fields.scale(where.field) == "date" else []

    def meets(value: Any) -> bool:
        if not wanted.isdisjoint(_keys_of(value)):
            return True
        return any(_is_within(span, span, value, as_period) for span in within)

    return meets


def _contains(where: Where, _: Fields) -> _Meets:
    wanted = [found for value in where.values if (found := phrase(value))]

    def meets(value: Any) -> bool:
        texts = [item if isinstance(item, str) else shown(item) for item in _items(value)]
        return any(one.search(folded) for folded in map(fold, texts) for one in wanted)

    return meets


def _items(value: Any) -> list[Any]:
    """A list's items, or the value itself."""
    return [item for item in (value if isinstance(value, list) else [value]) if not is_empty(item)]


def _between(where: Where, fields: Fields) -> _Meets:
    read = _READ[fields.scale(where.field)]
    low, high = map(read, where.values)
    return lambda value: _is_within(low, high, value, read)


def _is_within(low: _Span | None, high: _Span | None, value: Any, read: Callable[[Any], _Span | None]) -> bool:
    """Whether a value, or an item of it, lies between two others; None leaves an end open."""
    held = [span for item in elements(value) if (span := read(item))]
    return any((low is None or low[0] <= least) and (high is None or most <= high[1]) for least, most in held)


_TESTS: Mapping[str, Callable[[Where, Fields], _Meets]] = {
    "is": _is,
    "in": _is,
    "contains": _contains,
    "between": _between,
    "empty": _empty,
}


def _as_number(value: Any) -> _Span | None:
    """A number, or a whole one as a text writes it; None for anything else, `3.12` too, which may be a version."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")
    if not is_number and not (isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,18}\s*", value)):
        return None
    number = value if is_number else int(value)
    return number, number


def _as_version(value: Any) -> _Span | None:
    """A dotted number, part by part: 3.12 comes after 3.9. None for anything else."""
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not _VERSION.fullmatch(text) and not re.fullmatch(r"\d{1,9}", text):
        return None
    parts = tuple(map(int, text.split(".")))
    return parts, (*parts, float("inf"))


_READ: Mapping[Scale, Callable[[Any], _Span | None]] = {
    "number": _as_number,
    "date": as_period,
    "version": _as_version,
}


def _held(source: Source, name: str) -> Any:
    """What a condition looks at: the value of a field, and in place of the id every name of the document."""
    return list(names_of(source)) if name == ID else value_of(source, name)


def _keys_of(value: Any) -> set[str]:
    """What a field's value and each of its parts are compared by."""
    items = [item for item in (value, *elements(value)) if not is_empty(item) and not isinstance(item, dict)]
    ways = {way for item in items for way in (item, shown(item)) if not isinstance(way, list)}
    return {name for way in ways if (name := key(way))}


def _wanted(value: str, fields: Fields) -> set[str]:
    """What a value may be written as: of a numbered document the number alone, and of a number a document's id."""
    name = key(value)
    ids = {own for own, number in fields.numbers.items() if number == name} if name.isdecimal() else set[str]()
    return {name, fields.numbers.get(name, name), *ids} - {""}


def _find(conditions: Sequence[_Condition], sources: Sequence[Source], text_of: Callable[[str], str]) -> _Found:
    found = _Found([], [[] for _ in conditions])
    order = sorted(range(len(conditions)), key=lambda n: conditions[n].is_of_text)
    for source in sources:
        failed: list[int] = []
        text: str | None = None
        for n in order:
            condition = conditions[n]
            if condition.is_of_text:
                text = text_of(source.id) if text is None else text
            held = text if condition.is_of_text else _held(source, condition.where.field)
            if not condition.meets(held):
                failed.append(n)
                if len(failed) == 2:
                    break
        if not failed:
            found.sources.append(source)
        elif len(failed) == 1:
            found.near[failed[0]].append(source)
    return found


# What is shown of them


def words_of(where: Where) -> str:
    """A condition in words."""
    a_not = " not" if where.negated else ""
    if where.op == "empty":
        return f"{where.field} is{a_not} empty"
    if where.op == "between":
        low, high = where.values
        span = (
            f"from {low}" if not high.strip() else f"up to {high}" if not low.strip() else f"between {low} and {high}"
        )
        return f"{where.field}{a_not} {span}"
    if where.op == "contains":
        verb = "does not contain" if where.negated else "contains"
        return f"{where.field} {verb} {' or '.join(f'“{value}”' for value in where.values)}"
    return f"{where.field} is{a_not} {' or '.join(where.values)}"


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
    read = _READ.get(fields.scale(name), _as_text)
    keyed = [(_rank(value_of(source, name), read, down=down), source) for source in sources]
    ranked = sorted((pair for pair in keyed if pair[0] is not None), key=lambda pair: pair[0], reverse=down)
    return [source for _, source in ranked] + [source for rank, source in keyed if rank is None]


def _rank(value: Any, read: Callable[[Any], _Span | None], *, down: bool) -> Any:
    """What a value is ordered by: of a list the greatest or the least; None where nothing of it is on the scale."""
    spans = [span[0] for item in elements(value) if (span := read(item))]
    return (max if down else min)(spans, default=None)


def _as_text(value: Any) -> _Span | None:
    """A text by its words, with numbers in it by what they are: `item 9` comes before `item 10`."""
    parts = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(key(value)) if part]
    return (parts, parts) if parts else None


def _rows(
    sources: Sequence[Source], columns: Sequence[str], conditions: Sequence[_Condition], text_of: Callable[[str], str]
) -> Iterator[Row]:
    wanted = [c.where.values for c in conditions if c.is_of_text and not c.where.negated]
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


def _without(condition: _Condition, found: Sequence[Source], near: Sequence[Source], fields: Fields) -> Without:
    sources, name = [*found, *near], condition.where.field
    is_counted = not condition.is_of_text and name not in (ID, TITLE)
    counts = Counter(value for s in sources for value in _group_names(s, name, fields)) if is_counted else Counter()
    commonest = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_VALUES_MOST]
    return Without(condition=condition.words, total=len(sources), values=tuple(commonest))


def _lacking(columns: Sequence[str], sources: Sequence[Source]) -> Iterator[tuple[str, int]]:
    for name in columns:
        if count := sum(is_empty(source.metadata.get(name)) for source in sources):
            yield name, count
