"""The days, months and years that a text names, however they are written. Pure."""

import re
from collections.abc import Collection, Iterator
from itertools import product
from typing import NamedTuple

from .tables import MONTHS, PLAIN_MONTHS


class Day(NamedTuple):
    """A day, or what of it is named; 0 where nothing is."""

    year: int
    month: int
    day: int

    def parts(self) -> Iterator["Day"]:
        """It, and what of it may be named: the month of its year, the year, the day of the month, the month."""
        yield from (self, self._replace(day=0), Day(self.year, 0, 0), self._replace(year=0), Day(0, self.month, 0))


class Dated(NamedTuple):
    """Where a text names a day, and which: one of `ways`, as `03/04/2025` and `the 1990s` leave open."""

    start: int
    end: int
    text: str
    ways: tuple[Day, ...]


_MONTH = rf"(?:{'|'.join(sorted(map(re.escape, MONTHS), key=len, reverse=True))})"
_PLAIN = rf"(?:{'|'.join(sorted(PLAIN_MONTHS, key=len, reverse=True))})"
_OTHER = rf"(?:{'|'.join(sorted(MONTHS.keys() - PLAIN_MONTHS))})"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\.?(?!\d)"
_YEAR = r"(?:1[5-9]|20)\d\d(?!\d)"
_OR = r"\s*(?:-|/|,|\b(?:and|to|until|or|und|bis|et|y|e|au)\b)\s*"
_DAYS = rf"{_DAY}(?:{_OR}{_DAY}){{0,3}}"

#: Each way to write one; a group is called by what it is (year, month, day; two that may be either; a later year, an s
#: of a decade) and by which way it is of. The first way that fits is taken.
_WAYS = (
    rf"(?P<y1>{_YEAR})(?P<mark1>[-/.])(?P<m1>0?[1-9]|1[0-2])(?P=mark1)(?P<d1>0?[1-9]|[12]\d|3[01])(?!\d)(?:T[\d:.]+Z?)?",
    r"(?P<y2>\d{4})年(?:(?P<m2>\d{1,2})月(?:(?P<d2>\d{1,2})日)?)?",
    rf"(?P<either3>\d{{1,2}})(?P<mark3>[-/.])(?P<or3>\d{{1,2}})(?P=mark3)(?P<y3>{_YEAR})",
    rf"(?P<d4>{_DAYS})(?:\s+(?:of|de)\s+|\s*-\s*|\s+|(?<=\.))(?P<m4>{_MONTH})\b\.?"
    rf"(?:(?:,?\s+(?:de\s+)?|\s*-\s*)(?P<y4>{_YEAR}))?",
    rf"(?P<m5>{_MONTH})\.?\s+(?P<d5>{_DAYS})(?![\d:%]|[,.]\d)(?:,?\s+(?P<y5>{_YEAR}))?",
    rf"(?P<m6>{_MONTH})\.?,?\s+(?:of\s+|de\s+)?(?P<y6>{_YEAR})",
    rf"(?P<y7>{_YEAR})-(?P<m7>0[1-9]|1[0-2])(?![\w-])",
    rf"(?P<y8>{_YEAR})\s*[-/]\s*(?P<last8>{_YEAR}|\d\d)(?![\w-])",
    rf"(?P<y9>{_YEAR})(?P<decade9>'?s\b)?(?!\w|%|[.,:]\d)",
    rf"(?P<m10>{_PLAIN})\b",
    rf"(?:in|since|from|until|by|of|between|and|during|to|last|this|next)\s+(?P<m11>{_OTHER})\b",
)
_FOUR = re.compile(r"\d{4}")
_ANY = re.compile(rf"(?<![\w£$€.])(?<![A-Za-z_]-)(?:{'|'.join(_WAYS)})", re.IGNORECASE)


def days_in(text: str, words: Collection[str]) -> Iterator[Dated]:
    """What names days, in order; `6 and 7 December` names two. `words` are those of the text, in lower case."""
    if MONTHS.keys().isdisjoint(words) and not _FOUR.search(text):
        return  # most texts, for which this is many times cheaper
    for found in _ANY.finditer(text):
        part = {name.rstrip("0123456789"): value for name, value in found.groupdict().items() if value}
        start = min(found.start(name) for name, value in found.groupdict().items() if value)
        if set(part) == {"m"} and part["m"].islower():
            continue  # `to march`: a month alone is written with a capital
        said = text[start : found.end()].strip()
        for ways in filter(None, _named(part)):
            yield Dated(start, found.end(), said, ways)


def _named(part: dict[str, str]) -> Iterator[tuple[Day, ...]]:
    """The days of what was found, each in all ways to read it."""
    year = int(part.get("y", 0))
    if "either" in part:
        one, other = int(part["either"]), int(part["or"])
        yield tuple(Day(year, m, d) for m, d in {(one, other), (other, one)} if m <= 12 and d <= 31)
    elif "decade" in part and not year % 10:
        yield tuple(Day(each, 0, 0) for each in range(year, year + 10))
    else:
        month = part.get("m", "0")
        months = [int(month) if month.isdigit() else MONTHS[month.lower()]]
        last = part.get("last", "")
        years = [year, *([int(last if len(last) == 4 else f"{year // 100}{last}")] if last else [])]
        days = [int(digits) for digits in re.findall(r"\d+", part.get("d", ""))] or [0]
        yield from ((Day(*each),) for each in product(years, months, days))
