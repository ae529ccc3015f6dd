"""Which documents of a large catalogue a planner is shown, and how they are written in its prompt. Pure.

What a look-up found comes first, since it was asked for; then what rankings agree on, by reciprocal-rank fusion
(Cormack and others, 2009); then what the best of these name as their successor, predecessor or requirement.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from ..orchestrator.evidence import Card, Passage
from ..orchestrator.lookup import FieldSummary, Summary
from ..orchestrator.metadata import ids_of, key, shown
from ..orchestrator.rules.tokens import estimate
from .room import fitting

#: Of a catalogue of no more documents all are shown; of a larger one so many, the first of them in full.
WHOLE_MOST, CARDS_MOST, FULL_MOST = 150, 60, 30
#: Tokens of the documents that are shown, and of the fields there are.
CARDS_TOKENS, FIELDS_TOKENS = 12_000, 1_500
#: The documents at the top whose links are followed.
_FOLLOWED = 10
#: What keeps the first places of one ranking from outweighing all others.
_SMOOTHING = 60


class Chosen(NamedTuple):
    """A document that is shown, and why."""

    source: str
    #: Its place among all that were ranked, from 1; 0 where no ranking has it.
    rank: int = 0
    #: The numbers of the look-ups that found it, from 1.
    look_ups: tuple[int, ...] = ()
    #: The one of the best documents that names it; empty where it was found by itself.
    named_by: str = ""


def sources_of(passages: Iterable[Passage]) -> tuple[str, ...]:
    """A ranking of documents from one of passages: each stands where its best passage does."""
    return tuple(dict.fromkeys(passage.source for passage in passages))


def fused(rankings: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """One ranking of all documents; of equals the one that an earlier ranking names first."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for place, source in enumerate(dict.fromkeys(ranking), start=1):
            scores[source] = scores.get(source, 0.0) + 1 / (_SMOOTHING + place)
    return tuple(sorted(scores, key=lambda source: -scores[source]))


def choose(
    known: Sequence[str],
    found: Sequence[Sequence[str]],
    rankings: Sequence[Sequence[str]],
    links: Mapping[str, Sequence[str]],
    *,
    most: int = CARDS_MOST,
) -> tuple[Chosen, ...]:
    """At most `most` of the `known` documents (ids), all of them where they are `WHOLE_MOST` or fewer; each once.

    `found` are the documents of each look-up, `rankings` those that the question and the queries find, best first, and
    `links` says which others a document names; those of the ten best are enough.
    """
    inside, ranks = set(known), {source: n for n, source in enumerate(fused(rankings), start=1)}
    is_whole = len(known) <= WHOLE_MOST
    room = len(known) if is_whole else max(0, most)
    met: dict[str, tuple[int, ...]] = {}
    for n, ids in enumerate(found, start=1):
        met |= {source: (*met.get(source, ()), n) for source in dict.fromkeys(ids) if source in inside}
    # those of more look-ups first, then those of a better rank
    first = sorted(met, key=lambda source: (-len(met[source]), ranks.get(source, len(ranks) + 1)))
    best = list(dict.fromkeys([*first, *(source for source in ranks if source in inside)]))
    followed = [(other, source) for source in best[:_FOLLOWED] for other in links.get(source, ()) if other in inside]
    named = dict(reversed(followed))  # by the best of those that name it
    linked = [other for other, _ in followed if other not in best[:room]]
    kept = max(len(first), room - len(set(linked)))  # the last ranks make room for what is named
    order = dict.fromkeys([*best[:kept], *linked, *best[kept:], *(known if is_whole else ())])
    chosen = list(order)[:room]
    return tuple(Chosen(s, ranks.get(s, 0), met.get(s, ()), "" if s in best else named.get(s, "")) for s in chosen)


def expand(
    wanted: Sequence[str], found: Sequence[Sequence[str]], known: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ids of the `known` documents that a model names, each once, and those of its words that name none.

    `@2` names all that the second look-up found, and `-` before a name takes out what it names. A document may be
    named as people write it: `PEP 8` for `pep-0008.rst`.
    """
    names = {key(name): source for source in reversed(known) for name in ids_of(source)} | {s: s for s in known}
    chosen, dropped, unknown = dict[str, None](), set[str](), []
    for word in wanted:
        is_out, name = word.startswith("-"), word.strip().removeprefix("-").strip()
        table = int(name[1:]) if name.startswith("@") and name[1:].isdecimal() else 0
        one = names.get(name) or names.get(key(name))
        ids = found[table - 1] if 0 < table <= len(found) else [one] if one else []
        unknown += [] if ids or 0 < table <= len(found) else [word]
        dropped |= set(ids) if is_out else set()
        chosen |= {} if is_out else dict.fromkeys(ids)
    return tuple(source for source in chosen if source not in dropped), tuple(unknown)


# Words for a prompt


def rendered(
    chosen: Sequence[Chosen], cards: Mapping[str, Card], *, full: int = FULL_MOST, most: int = CARDS_TOKENS
) -> tuple[str, int]:
    """The documents that were chosen, with about `most` tokens, and how many of them there is no room for.

    Each has a line; the first `full` of them have all that their cards say, as far as there is room. Where all
    documents of a small catalogue are shown, give their number as `full`.
    """
    known = [one for one in chosen if one.source in cards]
    lines = fitting([_line(one, cards[one.source]) for one in known], most)
    room = most - sum(map(estimate, lines))
    told = fitting([_told(cards[one.source]) for one in known[: min(full, len(lines))]], room)
    shown_as = (f"{line}\n{more}" if more else line for line, more in zip_longest(lines, told))
    return "\n".join(shown_as), len(known) - len(lines)


def _line(one: Chosen, card: Card) -> str:
    why = [f"look-up {n}" for n in one.look_ups] + ([f"named by {one.named_by}"] if one.named_by else [])
    why += [f"rank {one.rank}"] if one.rank else []
    title = f" “{card.title}”" if card.title != card.source else ""
    reason = f" ({'; '.join(why)})" if why else ""
    return f"- [{card.source}]{title}{reason}"


def _told(card: Card) -> str:
    fields = [f"{name}: {shown(value)}" for name, value in card.metadata.items() if name not in card.links]
    fields += [f"{name}: {', '.join(ids)}" for name, ids in card.links.items()]
    return "  " + " · ".join(filter(None, [" ".join(card.opening.split()), *fields, f"{card.tokens} tokens"]))


def rendered_fields(summary: Summary, *, most: int = FIELDS_TOKENS) -> str:
    """What there is to look up: a field a line, with how many documents have it, its values or how far they reach."""
    head = f"{summary.documents} documents. Fields, besides id, title and text:"
    kept = fitting([f"- {_field(field, summary.documents)}" for field in summary.fields], most)
    left = len(summary.fields) - len(kept)
    return "\n".join([head, *kept, *([f"… {left} more fields"] if left else [])])


def _field(field: FieldSummary, documents: int) -> str:
    held = "in all" if field.sources == documents else f"in {field.sources}"
    values = ", ".join(f"{value} ({count})" if count > 1 else value for value, count in field.values)
    more = field.distinct - len(field.values)
    parts = [f"{field.name} ({field.kind}, {held})"]
    if field.span:
        parts.append(f"from {field.span[0]} to {field.span[1]}")
    if values:
        parts.append(f"{values}, … {more} more" if more > 0 else values)
    return ": ".join([parts[0], "; ".join(parts[1:])]) if parts[1:] else parts[0]
