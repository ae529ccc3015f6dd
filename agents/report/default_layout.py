"""Where the claims of a research report stand: its own layout without what was dropped, or one by rule. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from ...orchestrator.evidence import Block, Claim, Layout, Section, Source
from ...orchestrator.rules.layout import ids_of, pruned

#: So many sentences are an answer by themselves; of more, the first one is.
_LEAD_MOST = 3
_FIELDS = "What their fields say"


class Laid(NamedTuple):
    """The claims of a report by their ids, and where they stand: each that the layout names, once."""

    claims: Mapping[str, Claim]
    layout: Layout

    def all(self) -> list[Claim]:
        """The claims in the order in which they stand."""
        return [self.claims[name] for name in ids_of(self.layout)]


def laid_out(claims: Sequence[Claim], layout: Layout | None, sources: Mapping[str, Source]) -> Laid:
    """Claims by a team's own layout; where it has none, what answers first, then the documents one by one.

    Sentences that are quotes as they stand follow each other as in their document; sentences that somebody wrote stay
    in their order.
    """
    if layout is not None:
        known: dict[str, Claim] = {}
        for claim in claims:
            known.setdefault(claim.id, claim)
        return Laid(known, pruned(layout, known.keys() - {""}))
    named = {str(n): claim for n, claim in enumerate(claims)}
    sentences = [name for name, claim in named.items() if kind_of(claim) == "sentence"]
    lead = [name for name, claim in named.items() if kind_of(claim) == "answer"]
    lead = lead or sentences[: _LEAD_MOST if len(sentences) <= _LEAD_MOST else 1]
    rest = [name for name in sentences if name not in lead]
    tables = tuple(_tables(named))
    facts = [Section(heading=_FIELDS if rest else "", blocks=tables)] if tables else []
    return Laid(named, Layout(lead=tuple(lead), sections=(*_sections(rest, named, sources), *facts)))


def kind_of(claim: Claim) -> str:
    """What a claim is by itself: `answer`, `row` (fields of one document), `count`, or else `sentence`."""
    if claim.answer:
        return "answer"
    if claim.rule == "count" and not claim.quotes:
        return "count"
    is_row = claim.rule == "lookup" and not claim.quotes and len({record.source for record in claim.records}) == 1
    return "row" if is_row else "sentence"


def counted_by(claim: Claim) -> dict[str, str]:
    """The parts of a count such as `year: 2020 · number: 7`, by name."""
    return {name: value for name, _, value in (part.partition(": ") for part in claim.text.split(" · "))}


def _tables(named: Mapping[str, Claim]) -> Iterator[Block]:
    """A table for each run of claims with the same columns; what is alone is an item."""

    def columns(name: str) -> tuple[str, ...]:
        kind = kind_of(named[name])
        return (kind, *counted_by(named[name])) if kind == "count" else (kind,)

    for (kind, *_), group in groupby(named, key=columns):
        names = tuple(group)
        if kind in ("row", "count"):
            yield Block(kind="table" if len(names) > 1 else "list", claims=names)


def _sections(names: Sequence[str], named: Mapping[str, Claim], sources: Mapping[str, Source]) -> Iterator[Section]:
    """The sentences by document, where all are quoted and documents have more than one; else as one list."""
    by_source: dict[str, list[str]] = {}
    for name in names:
        by_source.setdefault(next((quote.source for quote in named[name].quotes), ""), []).append(name)
    if not all(_is_quoted(named[name]) for name in names) or len(names) < 2 * len(by_source):
        yield from [Section(heading="", blocks=(Block(kind="list", claims=tuple(names)),))] if names else []
        return
    for source, its in by_source.items():
        its.sort(key=lambda name: named[name].quotes[0].start)
        title = sources[source].title if source in sources else source
        yield Section(heading=title, blocks=(Block(kind="list", claims=tuple(its)),))


def _is_quoted(claim: Claim) -> bool:
    return len(claim.quotes) == 1 and claim.text.split() == claim.quotes[0].text.split()
