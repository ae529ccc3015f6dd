"""Metadata as data: what the fields of a corpus hold, how values compare, and which sources a condition picks. Pure."""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from .evidence import Source, Value

#: What a field holds: `reference` names other sources, `identity` the source itself.
Kind = Literal["text", "number", "date", "reference", "identity"]

#: What every source has beside its own metadata.
ID, TITLE = "id", "title"

_WORD = re.compile(r"[^\W_]+|[+#]+")
_DATE_FORMATS = ("%Y-%m-%d", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%B %d, %Y", "%b %d, %Y", "%Y/%m/%d", "%d.%m.%Y")
_MONTH_FORMATS = ("%Y-%m", "%Y/%m", "%b %Y", "%B %Y", "%b-%Y")
_DATE = re.compile(r"\d.*\d{2}")
_YEAR = re.compile(r"[12]\d{3}")
_TIME = re.compile(r"[T ]\d\d:\d\d.*$")
_MAIL = re.compile(r"\s*<[^<>@\s]+@[^<>@\s]+>")
_NUMBERED = re.compile(r"([A-Za-z]{2,6})[-_ ]?(\d{1,18})(?:\.\w+)?$")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,6}$")
_COMMA = re.compile(r"\s*,\s+")


class Field(Value):
    """What a corpus says under one name: what kind of thing, in how many sources, how many different values."""

    name: str
    kind: Kind
    sources: int
    distinct: int
    #: All values, where there are few; else none.
    values: tuple[str, ...] = ()


class Mention(Value):
    """Words of a question that name something the corpus knows, or something of its kind that it does not know.

    `source`: the id or title of `sources`. `value`: `value` stands in `field` of `count` sources, and its rarest word
    in `holding` passages. `unknown`: an id of the corpus's own series, or a quoted title, that no source has.
    """

    kind: Literal["source", "value", "unknown"]
    text: str
    start: int
    end: int
    field: str = ""
    value: str = ""
    sources: tuple[str, ...] = ()
    count: int = 0
    holding: int = 0


class Mentions(Value):
    """What a question names, in its order, and the fields there are."""

    found: tuple[Mention, ...] = ()
    fields: tuple[Field, ...] = ()
    #: What the ids of the sources begin with, as `pep` in `PEP-8`.
    series: tuple[str, ...] = ()
    #: How many sources the corpora hold.
    sources: int = 0


class Period(NamedTuple):
    """From one day to another, both included."""

    first: date
    last: date


class Condition(Value):
    """What a source must have in a field, or in one of `also`: one of `values`, a date in one of these years,
    something, or nothing at all."""

    field: str
    also: tuple[str, ...] = ()
    op: Literal["is", "year", "since", "before", "absent", "present"]
    values: tuple[str, ...] = ()


def field_of(source: str, metadata: Mapping[str, Any], name: str) -> Any:
    """The value of a source's field; `id` is its own. None where it has none."""
    return source if name == ID else metadata.get(name)


def is_empty(value: Any) -> bool:
    """Whether a field says nothing."""
    if isinstance(value, (list, dict)):
        return all(map(is_empty, value.values() if isinstance(value, dict) else value))
    return value is None or (isinstance(value, str) and not value.strip())


def elements(value: Any) -> list[Any]:
    """What a field holds, one by one: a list's items; a text, and its parts where commas separate them."""
    if is_empty(value):
        return []
    if isinstance(value, list):
        return [inner for item in value for inner in elements(item)]
    if isinstance(value, dict):
        return [inner for item in value.values() for inner in elements(item)]
    parts = _COMMA.split(value) if isinstance(value, str) and len(value) < 400 else []
    parts = [part for part in parts if not is_empty(part)]
    return parts if len(parts) > 1 and as_date(value) is None else [value]


def key(text: Any) -> str:
    """What two ways of writing one name have in common: its words, folded, without marks between them."""
    folded = unicodedata.normalize("NFKC", str(text)).casefold()
    return " ".join(word.lstrip("0") or "0" if word.isdigit() else word for word in _WORD.findall(folded))


def as_date(value: Any) -> date | None:
    """The day a value names, written as people and machines write it; None for anything else, a bare year too."""
    if not isinstance(value, str) or not 8 <= len(value) <= 32 or not _DATE.search(value):
        return None
    return _day(_TIME.sub("", value.strip()))


@lru_cache(maxsize=1 << 14)
def _day(day: str) -> date | None:
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(day, form).date()
        except ValueError:
            continue
    return None


def as_period(value: Any) -> Period | None:
    """The day, month or year that a value names, as all its days; None for anything else."""
    day = as_date(value)
    if day is not None:
        return Period(day, day)
    text = str(value).strip() if isinstance(value, (str, int)) else ""
    if _YEAR.fullmatch(text):
        return Period(date(int(text), 1, 1), date(int(text), 12, 31))
    for form in _MONTH_FORMATS if len(text) <= 32 else ():
        try:
            first = datetime.strptime(text, form).date()
        except ValueError:
            continue
        return Period(first, first.replace(day=monthrange(first.year, first.month)[1]))
    return None


def shown(value: Any) -> str:
    """A value as a report writes it: a list with semicolons, a person without the address."""
    if isinstance(value, list):
        return "; ".join(shown(item) for item in value)
    return " ".join(_MAIL.sub("", value).split() or value.split()) if isinstance(value, str) else str(value)


def label(source: str, metadata: Mapping[str, Any]) -> str:
    """How people call a source: by the id it gives itself, or as `PEP 8` where the 8 is a field of its own."""
    own = metadata.get(ID)
    if isinstance(own, str) and key(own):
        return own
    found = _NUMBERED.match(source)
    number = found[2].lstrip("0") or "0" if found else ""
    if found and any(not isinstance(value, bool) and str(value) == number for value in metadata.values()):
        return f"{found[1].upper()} {number}"
    return source


def names_of(source: Source) -> list[str]:
    """The ids by which a source may be called: its own, its file's name without the ending, the id it gives itself."""
    own = source.metadata.get(ID)
    return list(dict.fromkeys([*ids_of(source.id), *([own] if isinstance(own, str) and own else [])]))


def ids_of(source: str) -> list[str]:
    """The ways to write the id of a source: whole, without the ending of its file, without folders."""
    stem = _SUFFIX.sub("", source)
    return list(dict.fromkeys([source, stem, stem.rpartition("/")[2]]))


def years_of(value: Any) -> list[str]:
    """The years of the days that a field names."""
    return [str(day.year) for day in map(as_date, elements(value)) if day]


def order(value: Any) -> tuple[int, Any]:
    """Numbers, then dates, then texts, each in their own order."""
    if isinstance(value, (int, float)) and value == value:  # NaN has no place among numbers
        return 0, value
    day = as_date(value)
    return (1, day.toordinal()) if day else (2, str(value))


def holds(condition: Condition, source: Source) -> bool:
    """Whether a source meets a condition."""
    return any(_holds(condition, source, name) for name in (condition.field, *condition.also))


def _holds(condition: Condition, source: Source, name: str) -> bool:
    value = field_of(source.id, source.metadata, name)
    if condition.op in ("absent", "present"):
        return is_empty(value) == (condition.op == "absent")
    if condition.op == "is":
        wanted = {key(item) for item in condition.values}
        if name == ID:
            return any(key(own) in wanted for own in names_of(source))
        held = [item for item in (value, *elements(value)) if not is_empty(item)]
        return any(key(way) in wanted for item in held for way in (item, shown(item)))
    years = [day.year for day in map(as_date, elements(value)) if day]
    return any(_TESTS[condition.op](year, condition.values) for year in years)


_TESTS: Mapping[str, Any] = {
    "year": lambda year, values: str(year) in values,
    "since": lambda year, values: year >= int(values[0]),
    "before": lambda year, values: year < int(values[0]),
}
