"""What the fields of documents hold, and how their values are put in order. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Literal

from ..evidence import Source
from ..lookup import TEXT
from ..metadata import ID, TITLE, as_period, elements, key, names_of

_DIGITS = re.compile(r"(\d+)")
_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9})+")

#: How the values of a field are put in order.
Scale = Literal["number", "date", "version", "text"]
#: The least and the greatest that a value may be: a year is all its days, version 3.8 every 3.8.x.
Span = tuple[Any, Any]


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
            fits = (s for s, read in READ.items() if sum(read(item) is not None for item in items) * 2 > len(items))
            self._scales[name] = next(fits, "text")
        return self._scales[name]


def value_of(source: Source, name: str) -> Any:
    """What a document holds under a name; its own id and title under theirs."""
    return source.id if name == ID else source.title if name == TITLE else source.metadata.get(name)


def _as_number(value: Any) -> Span | None:
    """A number, or a whole one as a text writes it; None for anything else, `3.12` too, which may be a version."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")
    if not is_number and not (isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,18}\s*", value)):
        return None
    number = value if is_number else int(value)
    return number, number


def _as_version(value: Any) -> Span | None:
    """A dotted number, part by part: 3.12 comes after 3.9. None for anything else."""
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not _VERSION.fullmatch(text) and not re.fullmatch(r"\d{1,9}", text):
        return None
    parts = tuple(map(int, text.split(".")))
    return parts, (*parts, float("inf"))


def as_text(value: Any) -> Span | None:
    """A text by its words, with numbers in it by what they are: `item 9` comes before `item 10`."""
    parts = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(key(value)) if part]
    return (parts, parts) if parts else None


#: What reads a value of each scale that has an order of its own; None for what is none of its values.
READ: Mapping[Scale, Callable[[Any], Span | None]] = {
    "number": _as_number,
    "date": as_period,
    "version": _as_version,
}
