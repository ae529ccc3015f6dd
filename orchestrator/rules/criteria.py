"""Whether a document meets a condition, why a condition cannot be asked, and what it is in words. Pure."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import chain
from typing import Any, NamedTuple

from ..evidence import Source
from ..lookup import TEXT, Select, Where
from ..metadata import ID, as_period, elements, is_empty, key, names_of, shown
from ..text import shorten
from .fields import READ, Fields, Scale, Span, value_of
from .phrase import fold, phrase

#: Characters of a value that a message repeats.
_SHOWN_MOST = 60

_Meets = Callable[[Any], bool]


class Criterion(NamedTuple):
    """A condition, ready to be asked."""

    where: Where
    words: str
    #: Whether what stands in the field meets it.
    meets: _Meets

    @property
    def is_of_text(self) -> bool:
        """Whether it asks what a document says."""
        return self.where.field == TEXT


def criterion_of(where: Where, fields: Fields) -> Criterion:
    """The condition over these fields; one in which `problem_of` sees nothing."""
    test = _TESTS[where.op](where, fields)
    meets: _Meets = (lambda value: not test(value)) if where.negated else test
    return Criterion(where, words_of(where), meets)


def words_of(where: Where) -> str:
    """A condition in words."""
    a_not, values = " not" if where.negated else "", [shorten(value, _SHOWN_MOST) for value in where.values]
    if where.op == "empty":
        return f"{where.field} is{a_not} empty"
    if where.op == "between":
        low, high = values
        span = f"between {low} and {high}" if low and high else f"from {low}" if low else f"up to {high}"
        return f"{where.field}{a_not} {span}"
    if where.op == "contains":
        verb = "does not contain" if where.negated else "contains"
        return f"{where.field} {verb} {' or '.join(f'“{value}”' for value in values)}"
    return f"{where.field} is{a_not} {' or '.join(values)}"


# What cannot be asked


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
    read = READ[scale]
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


def remarks_on(select: Select, fields: Fields) -> Iterator[str]:
    """For each value that no document has in its field, those that are close."""
    for where in select.where:
        if where.op in ("is", "in") and fields.scale(where.field) != "date":
            items = (item for source in fields.sources for item in elements(asked_of(source, where.field)))
            held = {key(item): shown(item) for item in items}
            for value in where.values:
                if not _wanted(value, fields) & held.keys():
                    close = [held[k] for k in get_close_matches(key(value), held, n=3, cutoff=0.7)]
                    more = f"; close to it: {', '.join(close)}" if close else ""
                    yield f"no document has {shorten(value, _SHOWN_MOST)!r} as its {where.field}{more}"


# Whether it is met


def asked_of(source: Source, name: str) -> Any:
    """What a condition looks at: the value of a field, and in place of the id every name of the document."""
    return list(names_of(source)) if name == ID else value_of(source, name)


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
    read = READ[fields.scale(where.field)]
    low, high = map(read, where.values)
    return lambda value: _is_within(low, high, value, read)


def _is_within(low: Span | None, high: Span | None, value: Any, read: Callable[[Any], Span | None]) -> bool:
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
