"""The numbers behind the sentences of a report, and the lines of its evidence that they lead to. Pure.

A quote has one number however often it is used, and so has what the fields of one document say. What a rule computed
from fields of several documents is a look-up, `T1`; what rests on some of a look-up's fields has the look-up's number.
"""

from collections.abc import Iterable, Mapping, Sequence

from ..evidence import Claim, Evidence, Passage, Quote, Record, Rule, Source
from ..metadata import ID, label, shown
from ..text import shorten
from .markdown import as_data
from .report import AROUND, stands_in

#: Characters of a quote that are printed, and of a field's value.
QUOTE_MOST, VALUE_MOST = 600, 200
#: Documents of a look-up that are named.
_NAMED_MOST = 5
_RULES: Mapping[Rule | None, str] = {
    "count": "a count",
    "filter": "a choice",
    "min": "the least",
    "max": "the greatest",
    "select": "rows of a look-up: fields",
}

_Fields = frozenset[tuple[str, str]]


class Marks:
    """The numbers of claims, in the order in which they are used first."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        #: By label, `1` or `T1`: a quote, or the records of one document, or those of a look-up.
        self.cited: dict[str, Quote | tuple[Record, ...]] = {}
        self._labels: dict[Quote | _Fields, str] = {}
        self._computed: dict[str, Claim] = {}
        self._tables: list[tuple[_Fields, str]] = []
        for claim in claims:
            self.of(claim)

    def of(self, claim: Claim) -> str:
        """The marks of a claim: `[1][T1]`."""
        labels = [self._label(quote, quote) for quote in claim.quotes] + self._recorded(claim)
        return "".join(f"[{name}]" for name in dict.fromkeys(labels))

    def computed(self, name: str) -> Claim:
        """The claim that a look-up was cited by first: it says by which rule, and by which conditions."""
        return self._computed[name]

    def _recorded(self, claim: Claim) -> list[str]:
        if claim.rule == "field":
            return [self._fields((record,), claim) for record in claim.records]
        return [self._fields(claim.records, claim)] if claim.records else []

    def _fields(self, records: tuple[Record, ...], claim: Claim) -> str:
        fields = frozenset((record.source, record.field) for record in records)
        if fields in self._labels:  # cited before the look-up that it is a part of
            return self._labels[fields]
        if wider := next((name for held, name in self._tables if fields <= held), ""):
            return wider
        if len({record.source for record in records}) == 1:
            return self._label(fields, records)
        name = f"T{len(self._tables) + 1}"
        self._tables.append((fields, name))
        self.cited[name], self._computed[name] = records, claim
        return name

    def _label(self, key: Quote | _Fields, cited: Quote | tuple[Record, ...]) -> str:
        if key not in self._labels:
            self._labels[key] = str(len(self._labels) + 1)
            self.cited[self._labels[key]] = cited
        return self._labels[key]


def evidence_lines(marks: Marks, evidence: Evidence) -> list[str]:
    """What each number stands for: the quote and where it stands, or the fields and whose they are."""
    sources = {source.id: source for source in evidence.sources}
    lines = []
    for name, cited in marks.cited.items():
        if isinstance(cited, Quote):
            said, where = f"“{as_data(shorten(cited.text, QUOTE_MOST))}”", _place(cited, evidence, sources)
        elif len({record.source for record in cited}) == 1:
            said, where = as_data(_values(cited)), named(cited[0].source, sources)
        else:
            said, where = as_data(_looked_up(cited, marks.computed(name))), _of_many(cited, sources)
        lines.append(f"- [{name}] {said} — {where}")
    return lines


def sources_of(claim: Claim) -> list[str]:
    """The ids of the documents that a claim rests on."""
    return list(dict.fromkeys([*(quote.source for quote in claim.quotes), *(r.source for r in claim.records)]))


def title_of(name: str, sources: Mapping[str, Source]) -> str:
    """How people call a document: its label and its title."""
    source = sources.get(name)
    if source is None or source.title == name:
        return name
    called = label(name, source.metadata)
    return source.title if called == name else f"{called}, {source.title}"


def named(name: str, sources: Mapping[str, Source], at: str = "") -> str:
    """A document by its title and its file, as data; `at` is the place in the file."""
    source = sources.get(name)
    file = _file(source) if source else name
    title = title_of(name, sources)
    return as_data(f"{file}{at}" if title in (name, file) else f"{title}, {file}{at}")


def _file(source: Source) -> str:
    """The shortest name by which it is found in its corpus: its id where that ends its address, else the file's."""
    return source.id if source.uri.endswith(source.id) else source.uri.rpartition("/")[2] or source.uri


def _place(quote: Quote, evidence: Evidence, sources: Mapping[str, Source]) -> str:
    """Where a quote is opened: its document, with its page or else its line, and the heading above it."""
    passage = _passage(quote, evidence.passages)
    source = sources.get(quote.source)
    if passage is None or source is None:
        return named(quote.source, sources)
    before = passage.text[: quote.start - passage.start] if not passage.start else ""
    line = before.count("\n") + 1 if passage.line and not passage.start else passage.line
    page = before.count("\f") + 1 if passage.page and not passage.start else passage.page
    at = f", p. {page}" if page else f":{line}" if line and "#" not in source.uri else ""
    return named(quote.source, sources, at) + (f" · {as_data(passage.heading)}" if passage.heading else "")


def _passage(quote: Quote, passages: Sequence[Passage]) -> Passage | None:
    """The passage that was kept for a quote; it may stand in others too, whose line is that of another quote."""
    holding = [passage for passage in passages if stands_in(quote, [passage])]
    return min(holding, key=lambda passage: passage.start != max(0, quote.start - AROUND), default=None)


def _values(records: Sequence[Record]) -> str:
    told = [r for r in records if r.field != ID] or records
    return " · ".join(f"{r.field.replace('_', ' ')}: {shorten(shown(r.value), VALUE_MOST)}" for r in told)


def _looked_up(records: Sequence[Record], claim: Claim) -> str:
    """The conditions of a look-up in words; of what a rule computed, how many documents and fields it is of."""
    if claim.conditions:
        return "; ".join(claim.conditions)
    number = len({record.source for record in records})
    fields = list(dict.fromkeys(record.field.replace("_", " ") for record in records if record.field != ID))
    by = f" by {', '.join(fields)}" if fields else ""
    return f"{_RULES.get(claim.rule, 'fields')} of {number} documents{by}"


def _of_many(records: Sequence[Record], sources: Mapping[str, Source]) -> str:
    names = list(dict.fromkeys(record.source for record in records))
    called = [label(name, sources[name].metadata) if name in sources else name for name in names[:_NAMED_MOST]]
    more = f" and {len(names) - _NAMED_MOST} more" if len(names) > _NAMED_MOST else ""
    return as_data(", ".join(called) + more)
