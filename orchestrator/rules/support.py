"""What a sentence names that stands in none of its quotes: figures, days, units and names. Pure.

The problem: quotes may stand, byte for byte, under a sentence that says more than they do. Whether a sentence follows
from its quotes takes a reader; that a figure or a name of it stands nowhere in them is seen by code. What is found is a
reason to look, no verdict: a sentence may say `both` of two things, a third of a sum, or a name that all know.

Fair to writers: a number is the same in words and in digits, with any mark between thousands, in another unit of the
same dimension, rounded where its unit or scale shows it; after `about` a tenth more or less. A day is the same in any
order, and a year stands in each of its days. A count up to twelve in words is the writer's own, unless the quotes count
the same thing otherwise; so is a time between two years that stand there. A name may have another ending, be spelled
out, or be an acronym of words that stand there.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import chain, combinations, pairwise, product
from typing import Literal, NamedTuple

from ..evidence import Claim, Source
from ..metadata import label, shown
from .mentions.days import Dated, Day
from .mentions.figures import Figure
from .mentions.names import Name, names_in
from .mentions.read import WORD, Code, Read, parts_of, read, stem
from .mentions.tables import COUNTED_MOST, MONTHS, UNINITIALED, UNITS

Kind = Literal["figure", "date", "unit", "name"]


class Missing(NamedTuple):
    """Something that a sentence names and its evidence does not, as the sentence writes it."""

    kind: Kind
    text: str


def flags(claim: Claim, known: Sequence[str] = ()) -> tuple[Missing, ...]:
    """What a claim names that stands in none of its quotes, its records, or what is known without them."""
    records = [f"{record.source}: {record.field}: {shown(record.value)}" for record in claim.records]
    counted = [str(len({(record.source, record.field) for record in claim.records}))] if claim.rule == "count" else []
    return unsupported(claim.text, [*(quote.text for quote in claim.quotes), *records, *counted], known=known)


def known_of(question: str, sources: Iterable[Source]) -> tuple[str, ...]:
    """What needs no quote: the words of the question, and what the documents that are cited are called."""
    names = [name for source in sources for name in (source.id, label(source.id, source.metadata), source.title)]
    return tuple(dict.fromkeys((question, *names)))


def unsupported(sentence: str, evidence: Sequence[str], *, known: Sequence[str] = ()) -> tuple[Missing, ...]:
    """What the sentence names that none of these texts do, in its order, each once."""
    said, stands = read(sentence), _Stands([read(text) for text in (*evidence, *known)])
    found = [
        *((day.start, Missing("date", day.text)) for day in said.days if not stands.has_day(day)),
        *_figures(said, stands),
        *((code.start, Missing("name", code.text)) for code in said.codes if not stands.has_code(code)),
        *_joined(said.rest, [name for name in names_in(said.rest) if not stands.has_name(name)], stands),
    ]
    return tuple(dict.fromkeys(missing for _, missing in sorted(found)))


def _figures(said: Read, stands: "_Stands") -> Iterator[tuple[int, Missing]]:
    """Figures that do not stand there, but for the sum or the difference of two others of the sentence, which do."""
    lacking = {figure: kind for figure in said.figures if (kind := stands.lacks_of(figure))}
    given = [figure for figure in said.figures if figure not in lacking][:_GIVEN_MOST]
    for figure, kind in lacking.items():
        named = _NAMED.search(said.rest, max(0, figure.start - 12), figure.start) if not figure.unit else None
        if named:
            yield figure.start, Missing("name", f"{named[1]} {figure.text}")
        elif not any(_is_made_of(figure, one, other) for one, other in combinations(given, 2)):
            yield figure.start, Missing(kind, figure.text)


def _is_made_of(figure: Figure, one: Figure, other: Figure) -> bool:
    if len({figure.unit, one.unit, other.unit}) > 1:
        return False
    sizes = [Decimal(str(each.factor or 1)) for each in (figure, one, other)]
    return any(
        mine * sizes[0] in (a * sizes[1] + b * sizes[2], abs(a * sizes[1] - b * sizes[2]))
        for mine, a, b in product(*map(_numbers, (figure, one, other)))
        if figure.unit or mine > COUNTED_MOST
    )


def _joined(rest: str, names: Sequence[Name], stands: "_Stands") -> Iterator[tuple[int, Missing]]:
    """Names that follow each other as one, but for those that are there in short."""
    runs: list[list[Name]] = []
    for name in names:
        if runs and rest[runs[-1][-1].end : name.start] in (" ", "-"):
            runs[-1].append(name)
        else:
            runs.append([name])
    for run in runs:
        if not stands.has_short(run):
            yield run[0].start, Missing("name", rest[run[0].start : run[-1].end])


#: Figures of a sentence that another one may be the sum or the difference of.
_GIVEN_MOST = 12
#: What a number behind it is the number of: `PEP 751`.
_PLAIN = re.compile(r"\d+(?:\.\d*[1-9])?")
_NAMED = re.compile(r"\b([A-Z]{2,}) $")


class _Stands:
    """What stands in some texts."""

    def __init__(self, texts: Sequence[Read]) -> None:
        self.texts = texts
        days = {way for text in texts for day in text.days for way in day.ways}
        self.days = {part for day in days for part in day.parts()}
        self.days_alone = {day for day in days if not day.year}
        self.years = {day.year for day in self.days if day.year}
        self.figures = [figure for text in texts for figure in text.figures]
        self.written = {(figure.values, figure.unit, figure.factor) for figure in self.figures}
        self.values = {value for figure in self.figures for value in figure.values}
        self.values.update(chain.from_iterable(text.numbers for text in texts))
        self.words = frozenset[str]().union(*(text.words for text in texts))
        self.months = {MONTHS[word] for word in self.words & MONTHS.keys()}
        self.counted = {word for figure in self.figures for word in figure.counted if len(word) > 3}

    @cached_property
    def stems(self) -> frozenset[str]:
        """What the words have in common with their other forms."""
        return frozenset(map(stem, self.words))

    @cached_property
    def rows(self) -> tuple[str, ...]:
        """The words and numbers of each text, between spaces."""
        return tuple(f" {' '.join(text.parts)} " for text in self.texts)

    @cached_property
    def compounds(self) -> frozenset[str]:
        """Each two words that follow each other, as one: `Ibero-American` may be written without its hyphen."""
        return frozenset(one + other for text in self.texts for one, other in pairwise(text.parts))

    @cached_property
    def initials(self) -> tuple[str, ...]:
        """The first letters of each text's words with a capital; a point for every other one but small ones."""
        return tuple("".join(map(_initial, WORD.findall(text.plain))) for text in self.texts)

    @cached_property
    def acronyms(self) -> frozenset[str]:
        """Words that are written in capitals, in lower case."""
        return frozenset(word.lower() for text in self.texts for word in WORD.findall(text.plain) if word.isupper())

    # Days

    def has_day(self, day: Dated) -> bool:
        """Whether the day stands there, or the day without a year and the year by itself."""
        return any(way in self.days or self._has_parts(way) for way in day.ways)

    def _has_parts(self, way: Day) -> bool:
        if way.year and way.year not in self.years and str(way.year) not in self.values:
            return False
        if way.day:
            return bool(way.year) and way._replace(year=0) in self.days_alone
        return not way.month or way.month in self.months

    # Figures

    def lacks_of(self, figure: Figure) -> Literal["figure", "unit", ""]:
        """What of a figure does not stand there: the number, its unit, or nothing."""
        if self._has_number(figure):
            return ""
        if self._is_between_years(figure) or self._is_own_count(figure):
            return ""
        return "unit" if figure.unit and not self.values.isdisjoint(figure.values) else "figure"

    def _has_number(self, figure: Figure) -> bool:
        if not figure.unit and not self.values.isdisjoint(figure.values):
            return True
        if (figure.values, figure.unit, figure.factor) in self.written:
            return True
        may_differ = figure.unit or figure.is_about or figure.margin > 1
        return bool(may_differ) and any(self._is_same(figure, other) for other in self.figures)

    def _is_same(self, figure: Figure, other: Figure) -> bool:
        if not figure.unit or not other.unit:
            has_unit = not figure.unit or self._names(figure.unit)
            scale, its_scale = Decimal(1), Decimal(1)
        else:
            has_unit = figure.unit == other.unit
            scale, its_scale = Decimal(str(figure.factor)), Decimal(str(other.factor))
        return has_unit and any(
            self._is_near(mine * scale, its * its_scale, figure.margin * scale, figure)
            for mine in _numbers(figure)
            for its in _numbers(other)
        )

    @staticmethod
    def _is_near(mine: Decimal, its: Decimal, margin: Decimal, figure: Figure) -> bool:
        is_rounded = bool(figure.unit) or margin > 1
        allowed = max(margin if is_rounded else Decimal(0), abs(its) / 10 if figure.is_about else Decimal(0))
        return abs(mine - its) <= allowed

    def _names(self, unit: str) -> bool:
        """Whether a unit of this dimension is named there, as in the head of a column."""
        return any(UNITS.get(word, ("",))[0] == unit for word in self.words)

    def _is_between_years(self, figure: Figure) -> bool:
        """Whether it is a time in years between two years that stand there."""
        if figure.factor != UNITS["years"][1]:
            return False
        wanted = {int(value) for value in figure.values if value.isdecimal() and len(value) < 5}
        return any(later - earlier in wanted for earlier, later in combinations(sorted(self.years)[:50], 2))

    def _is_own_count(self, figure: Figure) -> bool:
        if not figure.is_spelled or float(figure.values[0]) > COUNTED_MOST:
            return False
        if figure.unit:
            return float(figure.values[0]) <= 1
        return self.counted.isdisjoint(figure.counted)

    # Names

    def has_code(self, code: Code) -> bool:
        """Whether its parts stand there in a row; of a word and a number, as `PEPs 665 and 751`, each."""
        row = f" {' '.join(code.parts)} "
        if any(row in its for its in self.rows):
            return True
        is_numbered = len(code.parts) == 2 and code.parts[1].isdigit()
        return is_numbered and stem(code.parts[0]) in self.stems and code.parts[1] in self.values

    def has_name(self, name: Name) -> bool:
        """Whether the word stands there in any form, in capitals or not, or an acronym's words do."""
        words = parts_of(name.text)
        if all(word in self.words or stem(word) in self.stems or word in self.compounds for word in words):
            return True
        letters = name.text.rstrip("s").lower()
        return name.is_acronym and any(letters in its for its in self.initials)

    def has_short(self, names: Sequence[Name]) -> bool:
        """Whether the acronym of these names stands there in capitals, or all of them as one word."""
        letters = "".join(name.text[0].lower() for name in names)
        whole = "".join(name.text.casefold() for name in names)
        return len(names) > 1 and (letters in self.acronyms or whole in self.words)


def _numbers(figure: Figure) -> Iterator[Decimal]:
    """The ways to read it that are plain numbers: no versions, no times, nothing whose closing zeros may tell."""
    return (Decimal(value) for value in figure.values if _PLAIN.fullmatch(value))


def _initial(word: str) -> str:
    if word[0].isupper():
        return word[0].lower()
    return "" if word in UNINITIALED else "."
