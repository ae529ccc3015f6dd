"""What a text names: its days, figures and codes, and its words in the forms that names are looked up in. Pure.

A code is a name that is no word: `pylock.toml`, `__init__`, `CVE-2020-1234`, `N1`, what stands between backticks.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from .days import Dated, days_in
from .figures import Figure, figures_in, unit_behind
from .tables import NAME_ENDINGS, ORDINALS, UNITS

_SAME = str.maketrans({**dict.fromkeys("’‘ʼ´", "'"), **dict.fromkeys("“”„«»", '"'), **dict.fromkeys("‐‑‒–—−", "-")})
_CITED = re.compile(r"\[T?\d{1,4}(?: ?[,;-] ?T?\d{1,4})*\]")
_MARK = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_VERSION = re.compile(r"\b[vV](?=\d)")
_DOTTED = re.compile(r"\b(?:[A-Z]\.){2,}")
_TICKED = re.compile(r"(?<!`)`+([^`\s]+)`+")
_TICKS = re.compile("\x00([^\x00]+)\x00")
_CODE = re.compile(r"(?<![\w@])(?=[A-Za-z_]\w*(?:(?:::|//|[._+/@-])\w)|\w*[\d_])[A-Za-z_]\w*(?:(?:::|//|[._+/@-])\w+)*")
_LATE_CODE = re.compile(r"(?<![\w.])\d+[A-Za-z_]\w*")
#: A number behind a word and a hyphen: `top-8`.
_HYPHENED = re.compile(r"(?<=[A-Za-z]-)\d+(?![\w-]|[.,]\d)")
_IS_CODE = re.compile(r"\d|_|::|//|\w\w\.\w\w")
_NO_CODE = re.compile(
    r"(?:mid|post|pre|early|late|non|since|sub|top|under|over|jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec"
    r"|january|february|march|april|june|july|august|september|october|november|december|eur|usd|gbp|chf)[-.]?\d[\d.-]*\w*$",
    re.IGNORECASE,
)
_ENDING = re.compile(rf"[aeiouy]*(?:{'|'.join(NAME_ENDINGS)})?[aeiouy]*$")
_NO_CASES = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
#: A word, or a part of one around an apostrophe; not in Chinese, Japanese or Korean, which have no capitals.
WORD = re.compile(rf"[^\W\d_{_NO_CASES}]+")
_PART = re.compile(rf"{WORD.pattern}|[{_NO_CASES}]+|\d+")


class Code(NamedTuple):
    """A code, where it stands, and its parts: words in lower case, numbers without leading zeros."""

    start: int
    end: int
    text: str
    parts: tuple[str, ...]


class Read(NamedTuple):
    """What a text names. `rest` is the text with spaces in place of days, figures and codes; `start`s count in it."""

    days: tuple[Dated, ...]
    figures: tuple[Figure, ...]
    codes: tuple[Code, ...]
    rest: str
    #: Every word in lower case and every number in order; and the words.
    parts: tuple[str, ...]
    words: frozenset[str]
    #: The text in one way of writing.
    plain: str
    #: Numbers that stand in it as years, in codes and as ordinals.
    numbers: frozenset[str]


@lru_cache(maxsize=1024)
def read(text: str) -> Read:
    """What the text names."""
    plain = _plain(text)
    parts = parts_of(plain)
    words = frozenset(part for part in parts if not part[0].isdigit())
    codes, rest = _codes(plain)
    days = tuple(day for day in days_in(rest, words) if not _is_measured(day, rest))
    rest = _without(rest, days)
    figures = tuple(figures_in(rest, words))
    rest = _without(rest, figures)
    late = tuple(Code(m.start(), m.end(), m[0], parts_of(m[0])) for m in _LATE_CODE.finditer(rest))
    numbers = {part for code in (*codes, *late) for part in code.parts if part[0].isdigit()}
    numbers |= set(_HYPHENED.findall(plain))
    numbers |= {str(way.year) for day in days for way in day.ways}
    return Read(
        *(days, figures, (*codes, *late), _without(rest, late), parts, words),
        plain=plain,
        numbers=frozenset(numbers | {str(ORDINALS[word]) for word in words & ORDINALS.keys()}),
    )


def parts_of(text: str) -> tuple[str, ...]:
    """Its words in lower case and its numbers without leading zeros, in order."""
    return tuple(part.lstrip("0") or "0" if part[0].isdigit() else part for part in _PART.findall(text.casefold()))


def stem(word: str) -> str:
    """What a name has in common with its other forms: `europ` for Europe, Europe's and European. At least 4 letters."""
    one = word.removesuffix("s") if len(word) > 3 else word
    ending = _ENDING.search(one, 4)
    return one[: ending.start()] if ending else one


def _plain(text: str) -> str:
    """The text in one way of writing, without numbers of quotes and the mark of an item."""
    one_line = " ".join((text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_SAME)).split())
    ticked = _TICKED.sub("\x00\\1\x00", one_line) if "`" in one_line else one_line
    undotted = _DOTTED.sub(lambda found: found[0].replace(".", ""), ticked) if "." in ticked else ticked
    return _VERSION.sub("", _MARK.sub("", _CITED.sub(" ", undotted)))


def _codes(plain: str) -> tuple[tuple[Code, ...], str]:
    found = [Code(m.start(), m.end(), m[1], parts_of(m[1])) for m in _TICKS.finditer(plain)]
    rest = _without(plain, found)
    found += [
        Code(m.start(), m.end(), m[0], parts_of(m[0]))
        for m in (_CODE.finditer(rest) if _IS_CODE.search(rest) else ())
        if _IS_CODE.search(m[0]) and m[0].lower() not in UNITS and not _NO_CODE.match(m[0])
    ]
    return tuple(code for code in found if code.parts), _without(rest, found)


def _is_measured(day: Dated, text: str) -> bool:
    """Whether it is no year but a figure: `2000 euros`."""
    return len(day.text) == 4 and bool(unit_behind(text, day.end)[0])


def _without(text: str, spans: "tuple[Dated | Figure | Code, ...] | list[Code]") -> str:
    """The text with as many spaces in place of what is taken out."""
    if not spans:
        return text
    pieces, at = [], 0
    for span in sorted(spans, key=lambda span: span.start):
        if span.start >= at:
            pieces += [text[at : span.start], " " * (span.end - span.start)]
            at = span.end
    return "".join([*pieces, text[at:]])
