"""What a corpus's metadata knows: its fields, the names in it, and the sources that meet a condition. Pure.

A name is found by the words it is written with (`metadata.key`): `PEP 8`, `pep-0008` and `PEP-8` are one.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ..orchestrator.evidence import Source
from ..orchestrator.metadata import (
    ID,
    TITLE,
    Condition,
    Field,
    Kind,
    Mention,
    Mentions,
    as_date,
    elements,
    holds,
    is_empty,
    key,
    names_of,
    shown,
)
from ..orchestrator.rules.fields import Fields
from .telling import refers, telling

#: Words in the longest name that is looked for, and characters in the longest value that can be one.
_WORDS_MOST, _LETTERS_MOST = 30, 200
#: So many marks of quotation are paired, each with each.
_MARKS_MOST = 60
#: The most different values of which a field names all.
_VALUES_SHOWN = 24
_SERIES = re.compile(r"^([A-Za-z]+)[-_ ]?(\d[\d-]*)(?:\.\w+)?$")
_WORD = re.compile(r"[^\W_]+|[+#]+")
_NUMBERED = re.compile(r"\b([A-Za-z]+)[-_ #]*(\d+(?:-\d+)*)\b")
_QUOTED = re.compile(r"[\"“«](.+?)[\"”»](?=[\s,.;:?!)]|$)")
_MORE_NUMBERS = re.compile(r"(?:,\s*|,?\s+(?:and|or|to|&)\s+)(\d+(?:-\d+)*)\b")
_DIGITS = re.compile(r"\d{1,999}")


class _Name(NamedTuple):
    """One thing a key can stand for: sources (by id or title), or a value of a field."""

    field: str
    value: str


class Catalogue:
    """The metadata of some sources, ready to be asked."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.sources = list(sources)
        self._titles: dict[str, list[str]] = defaultdict(list)
        self._ids: dict[str, str] = {}
        self._series: Counter[str] = Counter()
        self._values: dict[str, Counter[_Name]] = defaultdict(Counter)
        for source in self.sources:
            self._learn(source)
        self.fields = tuple(self._describe())

    def _learn(self, source: Source) -> None:
        if title := key(source.title):
            self._titles[title].append(source.id)
        names = names_of(source)
        for name in filter(None, map(key, names)):
            self._ids.setdefault(name, source.id)
        if series := next(filter(None, map(_SERIES.match, reversed(names))), None):
            self._series[series[1].casefold()] += 1
        for name, value in source.metadata.items():
            for item in elements(value):
                if isinstance(item, (str, int)) and len(text := shown(item)) <= _LETTERS_MOST and key(text):
                    self._values[key(text)][_Name(name, text)] += 1

    # Fields

    def _describe(self) -> Iterator[Field]:
        names = dict.fromkeys(name for source in self.sources for name in source.metadata)
        for name in names:
            held = [elements(source.metadata.get(name)) for source in self.sources]
            items = [item for source in held for item in source]
            if items:
                values = Counter(str(item) for item in items)
                is_short = len(values) <= _VALUES_SHOWN and max(map(len, values)) <= _LETTERS_MOST
                listed = tuple(value for value, _ in values.most_common()) if is_short else ()
                kind, sources = self._kind(name, items), sum(map(bool, held))
                yield Field(name=name, kind=kind, sources=sources, distinct=len(values), values=listed)

    def _kind(self, name: str, items: Sequence[Any]) -> Kind:
        if all(as_date(item) for item in items):
            return "date"
        own = sum(self.resolve(source.metadata.get(name)) == source.id for source in self.sources)
        if own * 2 > len(items):
            return "identity"
        if all(isinstance(item, (int, float)) for item in items):
            return "number"
        named = sum(self.resolve(item) is not None for item in items)
        return "reference" if not own and named * 2 >= len(items) else "text"

    def resolve(self, value: Any) -> str | None:
        """The id of the source that a value names, by its id or by its number in the corpus's one series."""
        if is_empty(value) or isinstance(value, (list, dict)):
            return None
        words = key(value)
        found = self._ids.get(words)
        if found is None and words.isdigit():
            found = next((self._ids[name] for s in self._series if (name := f"{s} {words}") in self._ids), None)
        return found

    def select(self, where: Sequence[Condition]) -> list[Source]:
        """The sources that meet every condition, in the order of their ids' numbers."""
        found = [source for source in self.sources if all(holds(condition, source) for condition in where)]
        return sorted(found, key=lambda source: [int(n) for n in _DIGITS.findall(source.id)[:4]])

    @cached_property
    def by_field(self) -> Fields:
        """The sources as a look-up asks them, in the order of their ids' numbers."""
        return Fields(self.select(()))

    @cached_property
    def telling(self) -> tuple[str, ...]:
        """The fields that tell the sources from each other in a few words."""
        return telling(self.fields, self.sources)

    @cached_property
    def referring(self) -> tuple[str, ...]:
        """The fields that name other sources."""
        return tuple(field.name for field in self.fields if refers(field))

    # What a question names

    def mentions(self, question: str, holding: Callable[[str], int]) -> Mentions:
        """What the question names; `holding` counts the passages that hold a word."""
        taken: dict[int, tuple[int, int, str]] = {}
        found: list[Mention] = []
        for finder in (self._quoted, self._numbered, lambda text: self._named(text, holding)):
            for mention in finder(question):
                span = mention.start, mention.end, mention.kind
                free = all(at not in taken for at in range(mention.start, mention.end))
                if free or (mention.kind == "value" and taken.get(mention.start) == span):  # a value of several fields
                    taken |= dict.fromkeys(range(mention.start, mention.end), span)
                    found.append(mention)
        found.sort(key=lambda mention: mention.start)
        return Mentions(found=tuple(found), fields=self.fields, series=tuple(self._series), sources=len(self.sources))

    def _quoted(self, question: str) -> Iterator[Mention]:
        """What stands in quotation marks: the longest first, since a title may hold marks of its own."""
        for start, end in _quotations(question):
            text = question[start + 1 : end - 1]
            if sources := self._titles.get(key(text)):
                yield Mention(
                    kind="source",
                    text=text,
                    start=start,
                    end=end,
                    field=TITLE,
                    sources=tuple(sources),
                    count=len(sources),
                )
        for match in _QUOTED.finditer(question):
            if len(_WORD.findall(match[1])) > 2 and key(match[1]) not in self._values:
                yield Mention(kind="unknown", text=match[1], start=match.start(), end=match.end(), field=TITLE)

    def _numbered(self, question: str) -> Iterator[Mention]:
        """Ids of the corpus's series, known or not: `PEP 8`, `PEPs 513, 571 and 599`."""
        for match in _NUMBERED.finditer(question):
            name = match[1].casefold()
            series = name if name in self._series else name.removesuffix("s")
            if series in self._series:
                yield self._of_series(series, match[2], question, match.start(), match.end())
                at = match.end()
                while more := _MORE_NUMBERS.match(question, at):
                    yield self._of_series(series, more[1], question, more.start(1), more.end())
                    at = more.end()

    def _of_series(self, series: str, number: str, question: str, start: int, end: int) -> Mention:
        source = self._ids.get(key(f"{series} {number}"))
        if source is None:
            unknown = f"{series.upper()} {number}"
            return Mention(kind="unknown", text=unknown, start=start, end=end, field=ID)
        return Mention(
            kind="source", text=question[start:end], start=start, end=end, field=ID, sources=(source,), count=1
        )

    def _named(self, question: str, holding: Callable[[str], int]) -> Iterator[Mention]:
        """The longest runs of words that are a title, an id or a value."""
        spans = [match.span() for match in _WORD.finditer(question)]
        at = 0
        while at < len(spans):
            for length in range(min(_WORDS_MOST, len(spans) - at), 0, -1):
                start, end = spans[at][0], spans[at + length - 1][1]
                named = list(self._names(question, start, end, holding))
                if named:
                    yield from named
                    at += length - 1
                    break
            at += 1

    def _names(self, question: str, start: int, end: int, holding: Callable[[str], int]) -> Iterator[Mention]:
        text = question[start:end]
        words = key(text)
        sources = self._titles.get(words, []) if " " in words else []
        if sources or words in self._ids:
            ids = tuple(sources or [self._ids[words]])
            field = TITLE if sources else ID
            yield Mention(kind="source", text=text, start=start, end=end, field=field, sources=ids, count=len(ids))
        written = words if words in self._values else words.removesuffix("s")  # drafts: those that are a Draft
        if written in self._values:
            for name, count in self._values[written].most_common():
                yield Mention(
                    kind="value",
                    text=text,
                    start=start,
                    end=end,
                    field=name.field,
                    value=name.value,
                    count=count,
                    holding=holding(text),
                )


def _quotations(question: str) -> Iterator[tuple[int, int]]:
    """Spans between any two marks of quotation, the longest first."""
    marks = [n for n, character in enumerate(question) if character in '"“”«»'][:_MARKS_MOST]
    spans = [(start, end + 1) for i, start in enumerate(marks) for end in marks[i + 1 :]]
    yield from sorted(spans, key=lambda span: span[0] - span[1])


def only(source: Source, fields: Sequence[str]) -> Source:
    """The source with these fields of its metadata alone; all of them where none is named."""
    if not fields:
        return source
    kept: Mapping[str, Any] = {name: source.metadata[name] for name in fields if name in source.metadata}
    return source.model_copy(update={"metadata": kept})
