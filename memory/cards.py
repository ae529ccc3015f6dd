"""The documents of a corpus as a catalogue shows them, and what their fields hold. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from ..orchestrator.evidence import Card, Source
from ..orchestrator.lookup import FieldSummary, Summary
from ..orchestrator.metadata import Field, elements, is_empty, key, order, shown
from ..orchestrator.rules.numbering import lines_of
from ..orchestrator.rules.tokens import estimate
from ..orchestrator.text import shorten
from .catalogue import Catalogue
from .telling import cut, is_address, is_code

#: Code points at the beginning of a document in which its first sentences are looked for, and how many are compared.
HEAD, _SENTENCES_MOST = 2_000, 4
#: Code points of a first sentence that are shown.
_OPENING_MOST = 200
#: A sentence has some words, and begins with one; a label and a directive do not.
_SENTENCE = re.compile(r"(?!\.\.)[\W_]{0,3}\w+\W+(?:\w+\W+){3}|\W{0,3}[\u3040-\u30ff\u3400-\u9fff]{8}")
#: Code points of a token, about.
_TOKEN = 4
#: Values of a field that a summary names; where most occur once, and where they are addresses, examples will do.
_VALUES_MOST, _EXAMPLES_MOST, _ADDRESSES_MOST = 40, 5, 1
#: Code points of a value that can be named.
_NAMED_MOST = 60
#: Tokens of the values of a field that are named.
_VALUES_TOKENS = 200
#: Tokens of a value beside its words, about: how often it comes.
_COUNT_TOKENS = 3


class Head(NamedTuple):
    """How a document begins, and how many code points it has."""

    text: str
    length: int


def cards_of(catalogue: Catalogue, sources: Sequence[Source], heads: Mapping[str, Head]) -> tuple[Card, ...]:
    """A card for each of these sources of the catalogue, in their order."""
    openings = _openings(sources, heads)
    return tuple(
        Card(
            source=source.id,
            title=source.title,
            opening=shorten(openings[source.id], _OPENING_MOST),
            metadata={n: cut(v) for n in catalogue.telling if not is_empty(v := source.metadata.get(n))},
            links={name: ids for name in catalogue.referring if (ids := _links(catalogue, source, name))},
            tokens=heads[source.id].length // _TOKEN,
        )
        for source in sources
    )


def _links(catalogue: Catalogue, source: Source, name: str) -> tuple[str, ...]:
    named = (catalogue.resolve(item) for item in elements(source.metadata.get(name)))
    return tuple(dict.fromkeys(found for found in named if found and found != source.id))


def _openings(sources: Sequence[Source], heads: Mapping[str, Head]) -> dict[str, str]:
    """The first sentence of each that no other one of them begins with too, as with a notice of its licence."""
    said = {source.id: _sentences(source, heads[source.id].text) for source in sources}
    counts = Counter(sentence for sentences in said.values() for sentence in set(sentences))
    return {
        name: next((sentence for sentence in sentences if counts[sentence] == 1), next(iter(sentences), ""))
        for name, sentences in said.items()
    }


def _sentences(source: Source, head: str) -> list[str]:
    lines = (line.text for line in lines_of(head) if line.kind in ("sentence", "item"))
    title = key(source.title)
    return list(islice((text for text in lines if _SENTENCE.match(text) and key(text) != title), _SENTENCES_MOST))


def summary_of(catalogue: Catalogue) -> Summary:
    """What there is to look up in these sources."""
    fields = tuple(_summary(field, catalogue.sources) for field in catalogue.fields)
    return Summary(documents=len(catalogue.sources), fields=fields)


def _summary(field: Field, sources: Sequence[Source]) -> FieldSummary:
    held = [elements(source.metadata.get(field.name)) for source in sources]
    items = [item for values in held for item in values]
    span, most = None, _VALUES_MOST
    if field.kind in ("date", "number"):
        ordered = sorted(items, key=order)
        span, most = (shown(ordered[0]), shown(ordered[-1])), 0 if field.distinct > _VALUES_MOST else _VALUES_MOST
    elif field.distinct * 2 > len(items) and field.distinct > _EXAMPLES_MOST:
        most = _EXAMPLES_MOST
    counts = Counter(value for values in held for value in dict.fromkeys(map(shown, values)))
    named = [(value, count) for value, count in counts.items() if len(value) <= _NAMED_MOST]
    ranked = sorted(named, key=lambda pair: (-pair[1], pair[0]))[:most]
    if is_address(items) or sum(is_code(value) for value, _ in ranked) * 2 > len(ranked):
        ranked = ranked[:_ADDRESSES_MOST]  # one shows what they look like
    commonest = tuple(_fitting(ranked))
    told = field.model_dump(include={"name", "kind", "sources", "distinct"})
    return FieldSummary(**told, values=commonest, span=span)


def _fitting(ranked: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """The first of the values, as many as may be named; the first in any case."""
    room = _VALUES_TOKENS
    for n, (value, count) in enumerate(ranked):
        room -= estimate(value) + _COUNT_TOKENS
        if room < 0 and n:
            return
        yield value, count
