"""How complete an answer is, told by code in words for people: what matched, was read, kept and set aside. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from ..orchestrator.evidence import Value
from .gaps import Overview

#: Documents, and queries, that are named.
_NAMED_MOST = 6


class Sought(Value):
    """Which documents were to be read, of how many."""

    of: int = 0
    wanted: tuple[str, ...] = ()
    #: How many of them the look-ups found whose documents were to be read, and the conditions of these in words.
    matched: int = 0
    conditions: tuple[str, ...] = ()


class Completeness(NamedTuple):
    """What is told of a list, and the documents that were read and not judged, in a sentence."""

    said: str
    unjudged: tuple[str, ...]


def completeness(sought: Sought, rounds: Sequence[Overview]) -> Completeness:
    """How complete what these rounds have read is. Only a list that was read row by row is told in numbers."""
    last = rounds[-1]
    read = {one.source for one in last.documents}
    aside = {one.source for one in last.documents if one.why_not}
    is_list = bool(aside or last.kept)
    unjudged = sorted(read - aside - {*last.kept}) if is_list else []
    was = "was" if len(unjudged) == 1 else "were"
    open_points = (f"{_many(len(unjudged))} {was} read and not judged: {_named(unjudged)}.",) if unjudged else ()
    said = " ".join(_told(sought, rounds, len(aside))) if is_list else ""
    return Completeness(said, open_points)


def _told(sought: Sought, rounds: Sequence[Overview], aside: int) -> list[str]:
    last = rounds[-1]
    counts = f"{len(last.kept)} kept and {aside} set aside"
    if len(last.documents) >= sought.of:
        return [f"All {_many(sought.of)} were read, {counts}."]
    others = len(sought.wanted) - sought.matched
    found = [f"{sought.matched} matched ({'; '.join(sought.conditions)})"] if sought.conditions else []
    found += [f"{others} {'more ' if found else ''}were chosen from the catalogue"] if others or not found else []
    said = f"Of {_many(sought.of)}, {' and '.join(found)}; {len(last.documents)} were read, {counts}."
    return [said, *_widened(rounds), "Other wording may be missed."]


def _widened(rounds: Sequence[Overview]) -> list[str]:
    """What a second look has brought; nothing where there was none."""
    first, last = rounds[0], rounds[-1]
    if not first.next_queries and not first.next_documents:
        return []
    ways = [f"“{query}”" for query in first.next_queries]
    ways += [one.told for one in first.look_ups[-1:] if first.next_documents]
    read = {one.source for one in last.documents} - {one.source for one in first.documents}
    kept = read & {*last.kept}
    left = len({*first.next_documents} - read)
    more = f", and {_many(left)} of the wider look-up not" if left else ""
    return [f"Widened by {', '.join(ways)}: {_many(len(read))} more read{more}; {len(kept) or 'none'} of them kept."]


def _many(count: int) -> str:
    return f"{count} document{'s' * (count != 1)}"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED_MOST} more" if len(names) > _NAMED_MOST else ""
    return ", ".join(names[:_NAMED_MOST]) + more
