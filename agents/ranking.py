"""Several rankings as one, and the documents of a catalogue that come first. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from ..orchestrator.evidence import Card, Passage
from ..orchestrator.metadata import as_date, elements, is_empty, shown

#: How fast ranks lose weight (Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion").
_SMOOTHING = 60
#: Characters of a field that a card shows.
_FIELD_MOST = 80
#: Fields that say how documents follow each other.
_KIN = ("superseded_by", "replaced_by", "obsoleted_by", "replaces", "requires", "supersedes")


def fused(rankings: Iterable[Sequence[str]]) -> list[str]:
    """Names by reciprocal rank fusion: one that several rankings have near their top comes first; ties by order."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(dict.fromkeys(ranking), start=1):
            scores[name] = scores.get(name, 0.0) + 1 / (_SMOOTHING + rank)
    return sorted(scores, key=lambda name: -scores[name])


def documents_of(passages: Iterable[Passage]) -> list[str]:
    """The documents of passages that come best first, each where its best passage stands."""
    return list(dict.fromkeys(passage.source for passage in passages))


def kin_of(card: Card, ids: Mapping[str, str]) -> list[str]:
    """The documents that a card names as what replaced it, what it replaced or needs, as far as they are there."""
    named = [str(item) for field in _KIN for item in elements(card.metadata.get(field))]
    series = card.source.rpartition("-")[0]
    ways = [way for name in named for way in (name, f"{series}-{name}", f"{series} {name}")]
    return list(dict.fromkeys(ids[way.casefold()] for way in ways if way.casefold() in ids))


def cut(cards: Sequence[Card], ranked: Sequence[str], most: int, near: int = 10) -> list[Card]:
    """The best cards of a large catalogue, by a ranking, with what the first `near` of them name, at most `most`."""
    by_id = {card.source: card for card in cards}
    ids = {card.source.casefold(): card.source for card in cards}
    first = [name for name in ranked if name in by_id]
    kin = [name for best in first[:near] for name in kin_of(by_id[best], ids)]
    wanted = dict.fromkeys((*first[:near], *kin, *first[near:]))
    return [by_id[name] for name in list(wanted)[:most]]


def line_of(card: Card) -> str:
    """A card as a catalogue shows it, on one line: id, title, how it begins, and its fields but for addresses."""
    fields = [
        f"{name}: {_short(shown(value))}"
        for name, value in card.metadata.items()
        if not is_empty(value) and "://" not in str(value) and str(value) != card.title
    ]
    told = f" ({'; '.join(fields)})" if fields else ""
    title = "" if card.title == card.source else f" “{card.title}”"
    opening = f": {card.opening}" if card.opening else ""
    return " ".join(f"{card.source}{title}{told}{opening}".split())


def _short(text: str) -> str:
    return text if len(text) <= _FIELD_MOST or as_date(text) else f"{text[: _FIELD_MOST - 1]}…"
