"""The figures that a text names: digits and number words, what they are multiplied by and their units. Pure."""

import re
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from .tables import LETTERS, NUMBERS, SCALES, UNITS


class Figure(NamedTuple):
    """A number as a text names it. `values` are all ways to read it: `2,400` may be 2400 and 2.4."""

    start: int
    end: int
    text: str
    #: In plain digits; of a version, a time, or a number whose closing zeros may tell something (3.10), as written.
    values: tuple[str, ...]
    #: Of each value, half of what its last digit is worth: within that another number may have been rounded to it.
    margin: Decimal = Decimal(0)
    #: The dimension of its unit, and how many of the smallest unit one is; "" and 0 where it has none.
    unit: str = ""
    factor: float = 0.0
    is_spelled: bool = False
    #: Whether a word before it says that it is not meant exactly.
    is_about: bool = False
    #: What is counted: the words behind it.
    counted: tuple[str, ...] = ()


_SIGNS = r"(?P<sign>(?:US|A|C|NZ|HK)?[$]|[£€¥₹]|\b(?:EUR|USD|GBP|CHF|SEK|NOK|DKK|CZK|JPY|INR)\b)\s?"
_DIGITS = (
    r"(?P<time>\d{1,2}:\d{2}(?::\d{2})?)(?![\d:])"
    r"|(?P<version>\d+(?:\.\d+){2,}(?:[-+]?(?:a|b|rc|dev|post|alpha|beta|pre)[-.]?\d*)*)(?![\w])"
    r"|(?P<digits>\d{1,3}(?:[ ,.']\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)?)"
)
_ABOUT = (
    r"(?P<about>\b(?:about|around|nearly|almost|roughly|some|over|under|approximately|approx\.?|circa|ca?\.|up to|"
    r"close to|(?:more|less|fewer) than|at (?:least|most)|rund|etwa|fast|über|environ|près de|unos|casi)\s+|[~≈]\s?)?"
)
_FIGURE = re.compile(
    rf"{_ABOUT}(?<![\w.])(?<![A-Za-z_]-)(?:{_SIGNS})?(?:{_DIGITS})(?P<letters>[^\W\d_]+)?", re.IGNORECASE
)
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = "|".join(sorted(NUMBERS, key=len, reverse=True))
_SCALE = "|".join(sorted(SCALES, key=len, reverse=True))
_SPELLED = re.compile(
    rf"{_ABOUT}\b(?:an?\s+(?:hundred|thousand|million|billion|trillion)|(?:{_NUMBER}))\b"
    rf"(?:(?:\s+and\s+|[\s-]+)(?:{_NUMBER}|{_SCALE})\b){{0,12}}",
    re.IGNORECASE,
)
#: One of a unit, and half of one, without a number.
_A_UNIT = re.compile(r"\b(?:(?P<half>half)(?:[\s-]+an?)?|an?|per|each|every)(?=[\s-]+([^\W\d_]+))", re.IGNORECASE)
_BEHIND = re.compile(r"[\s-]*(?P<unit>per cent\b|percentage points?\b|[%‰]|°[CF]|[^\W\d_]+[23]?(?!\w))")
_SCALED = re.compile(rf"[\s-]*(?P<scale>{_SCALE})\b\.?", re.IGNORECASE)
_NEXT = re.compile(r"[\s-]+([^\W\d_]+)(?:\s+([^\W\d_]+))?")
_ORDINAL = ("", "st", "nd", "rd", "th", "er", "e")
_PHRASES = {"per cent": "%", "percentage point": "points", "percentage points": "points"}


def figures_in(text: str, words: Collection[str]) -> Iterator[Figure]:
    """What names a number: digits first, then number words, then `a year` and `half an hour`.

    `words` are those of the text, in lower case.
    """
    for found in _FIGURE.finditer(text) if _DIGIT.search(text) else ():
        if figure := _figure(text, found):
            yield figure
    if not (NUMBERS.keys().isdisjoint(words) and SCALES.keys().isdisjoint(words)):
        for found in _SPELLED.finditer(text):
            yield from _spelled(text, found)
    for found in () if UNITS.keys().isdisjoint(words) else _A_UNIT.finditer(text):
        unit, factor, end = unit_behind(text, found.end())
        if unit:
            said, value = text[found.start() : end], "0.5" if found["half"] else "1"
            yield Figure(found.start(), end, said, (value,), unit=unit, factor=factor, is_spelled=True)


def _figure(text: str, found: re.Match[str]) -> Figure | None:
    letters, sign = (found["letters"] or "").lower(), (found["sign"] or "").lower()
    start, end, scale = found.end("about") if found["about"] else found.start(), found.end(), 1
    if letters in LETTERS and (sign or found["letters"] in "kKMB"):
        scale = LETTERS[letters]
    elif letters in UNITS or letters in SCALES:
        end -= len(letters)
    elif letters not in _ORDINAL:
        return None  # `2to3`, a hash: a code
    if found["digits"] and scale == 1 and (more := _SCALED.match(text, end)):
        scale, end = SCALES[more["scale"].lower()], more.end()
    unit, factor, end = unit_behind(text, end, sign)
    if found["digits"]:
        values, margin = _values(found["digits"], scale, is_bare=not unit and scale == 1)
    else:
        values, margin = ((found["time"] or found["version"]).removeprefix("0").lower(),), Decimal(0)
    said, is_about = text[start:end].strip(), bool(found["about"])
    return Figure(start, end, said, values, margin, unit, factor, is_about=is_about, counted=_counted(text, end))


def _values(digits: str, scale: int, *, is_bare: bool) -> tuple[tuple[str, ...], Decimal]:
    """All ways to read the digits, and half of what the last one is worth."""
    marks, groups = re.findall(r"\D", digits), re.split(r"\D", digits)
    ways = [] if marks else [digits]
    if len(set(marks)) == 1 and all(len(group) == 3 for group in groups[1:]) and groups[0] != "0":
        ways.append("".join(groups))
    if len(set(marks)) == 2 or (len(marks) == 1 and marks[0] != " "):
        ways.append(f"{''.join(groups[:-1])}.{groups[-1]}")
    if is_bare and len(ways) == 1 and "." in ways[0] and ways[0].endswith("0"):
        return (ways[0],), Decimal(0)
    numbers = [Decimal(way) * scale for way in ways]
    exponent = numbers[0].as_tuple().exponent if scale == 1 else Decimal(ways[0]).as_tuple().exponent
    return tuple(map(plain, numbers)), Decimal(scale).scaleb(int(exponent)) / 2


def plain(number: Decimal) -> str:
    """A number in digits alone, without closing zeros behind the point."""
    said = format(number, "f")
    return said.rstrip("0").rstrip(".") if "." in said else said


def unit_behind(text: str, end: int, sign: str = "") -> tuple[str, float, int]:
    """The unit that is written before or behind a number that ends there, and where it ends with it."""
    if sign:
        return *(UNITS.get(sign) or UNITS["$"]), end
    behind = _BEHIND.match(text, end)
    name = behind["unit"].lower() if behind else ""
    known = UNITS.get(_PHRASES.get(name, name))
    return (*known, behind.end()) if behind and known else ("", 0.0, end)


def _counted(text: str, end: int) -> tuple[str, ...]:
    found = _NEXT.match(text, end)
    return tuple(word.lower().rstrip("s") for word in found.groups() if word) if found else ()


def _spelled(text: str, found: re.Match[str]) -> Iterator[Figure]:
    """Each number that the words make, which may be several: `five or six`, `two three-year terms`."""
    is_about = bool(found["about"])
    for run in _runs(text, found.end("about") if is_about else found.start(), found.end()):
        start, end = run[0].start(), run[-1].end()
        unit, factor, stop = unit_behind(text, end)
        value = plain(Decimal(_worth([word[0].lower() for word in run])))
        yield Figure(
            *(start, stop, text[start:stop].strip(), (value,)),
            unit=unit,
            factor=factor,
            is_spelled=True,
            is_about=is_about,
            counted=_counted(text, stop),
        )


def _runs(text: str, start: int, end: int) -> Iterator[list[re.Match[str]]]:
    """The words there, by the numbers that they make."""
    run: list[re.Match[str]] = []
    for word in _WORD.finditer(text, start, end):
        name = word[0].lower()
        if name not in NUMBERS and name not in SCALES and name not in ("a", "an"):
            continue  # the `and` of `two hundred and one`
        if run and not _goes_on(run[-1][0].lower(), name):
            yield run
            run = []
        run.append(word)
    yield run


def _goes_on(before: str, name: str) -> bool:
    if name in SCALES or before in SCALES:
        return True
    return 20 <= NUMBERS.get(before, 0) <= 90 and 1 <= NUMBERS.get(name, 0) < 10


def _worth(names: Sequence[str]) -> int:
    total = current = 0
    for name in names:
        scale = SCALES.get(name, 0)
        if scale == 100:
            current = (current or 1) * scale
        elif scale:
            total, current = total + (current or 1) * scale, 0
        else:
            current += NUMBERS.get(name, 1)
    return total + current
