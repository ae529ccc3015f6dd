"""`bullpen memory why`: why a search finds a passage, and why it does not find a source."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anyio
from rich.text import Text

from ..ports import Explained, Stored
from .memory_find import NOTHING, Asked, as_row, place_of, say, shown, telling_stems
from .printing import print_json
from .remembered import Remembered, opened

#: So many passages are looked through for a source that is not among the best.
_DEEP = 200


@dataclass(frozen=True, slots=True)
class Why:
    """What a search finds, best first, each with its place; of a source that is asked for, its own, and a verdict."""

    found: tuple[tuple[int, Explained], ...]
    verdict: str = ""


def show_why(asked: Asked, source: str | None, settings: Mapping[str, Any], *, as_json: bool) -> int:
    """Print why a search finds what it finds. The exit status: 4 where nothing is found."""
    return anyio.run(_why, asked, source, settings, as_json)


async def _why(asked: Asked, source: str | None, settings: Mapping[str, Any], as_json: bool) -> int:
    async with opened(settings) as remembered:
        scopes = asked.scopes(remembered)
        told = await _explained(remembered, asked, scopes, source)
        telling = await telling_stems(remembered.memory, asked.words)
    if as_json:
        rows = [_as_row(place, found, telling) for place, found in told.found]
        given = {"query": asked.words, "scopes": scopes, "source": source, "verdict": told.verdict or None}
        print_json({**given, "is_semantic": remembered.stored.is_semantic, "found": rows})
        return 0 if told.found else NOTHING
    say(line for place, found in told.found for line in _lines(place, found, telling, remembered.stored))
    if told.verdict or not told.found:
        nothing = f"nothing is found: no passage shares a word with {asked.words!r}"
        sys.stdout.write(f"{told.verdict or nothing}\n")
    return 0 if told.found else NOTHING


async def _explained(remembered: Remembered, asked: Asked, scopes: Sequence[str], source: str | None) -> Why:
    found = tuple(enumerate(await remembered.memory.explain(asked.words, corpora=scopes, limit=asked.limit), start=1))
    if source is None:
        return Why(found)
    source = (await remembered.source(source)).id
    told = await _judged(remembered, asked, scopes, source, found)
    if first := await _first_of(remembered, source):
        told = replace(told, verdict=f"{told.verdict}; a search shows it as {first!r}, which says the same")
    return told


async def _judged(
    remembered: Remembered, asked: Asked, scopes: Sequence[str], source: str, found: tuple[tuple[int, Explained], ...]
) -> Why:
    """Whether a source is found, at which place, and why not."""
    if own := _of(source, found):
        return Why(own, f"source {source!r} is found: its best passage is number {own[0][0]}")
    deep = await remembered.memory.explain(asked.words, corpora=scopes, limit=_DEEP)
    if own := _of(source, tuple(enumerate(deep, start=1))):
        place = f"of the best {_DEEP} it is number {own[0][0]}"
        return Why(own, f"source {source!r} is not among the best {asked.limit}: {place}")
    return Why((), f"source {source!r} is not found: {await _missing(remembered, asked, scopes, source)}")


async def _first_of(remembered: Remembered, source: str) -> str:
    """The source that said the same before this one, if any."""
    found = [await remembered.memory.duplicates(corpus) for corpus in remembered.stored.corpora]
    return next((each[source] for each in found if source in each), "")


def _of(source: str, found: Sequence[tuple[int, Explained]]) -> tuple[tuple[int, Explained], ...]:
    return tuple((place, each) for place, each in found if each.passage.source == source)


async def _missing(remembered: Remembered, asked: Asked, scopes: Sequence[str], source: str) -> str:
    """Why a source of this memory is not even among very many."""
    memory, everywhere = remembered.memory, list(remembered.stored.corpora)
    if await memory.search(asked.words, corpora=scopes, limit=1, sources=[source]):
        return f"it is not among the best {_DEEP}"
    inside = {each.id for each in await memory.select((), corpora=scopes, fields=())}
    if source not in inside:
        also = await memory.search(asked.words, corpora=everywhere, limit=1, sources=[source])
        more = "" if also else ", and no passage of it shares a word with what was asked"
        return f"it is in a corpus that was not searched{more}"
    return "no passage of it shares a word with what was asked" + (
        ", and none is near in meaning" if remembered.stored.is_semantic else ""
    )


def _as_row(place: int, found: Explained, telling: frozenset[str]) -> dict[str, Any]:
    ranks = {"by_words": found.by_words or None, "by_meaning": found.by_meaning or None, "words": found.words}
    return {"place": place, **ranks, **as_row(found.passage, telling)}


def _lines(place: int, found: Explained, telling: frozenset[str], stored: Stored) -> Iterator[Text]:
    yield Text.assemble(f"{place:3}. ", place_of(found.passage))
    by_words = f"number {found.by_words} by words" if found.by_words else "not found by words"
    by_meaning = f"number {found.by_meaning} by meaning" if found.by_meaning else "not found by meaning"
    ranks = f"{by_words}, {by_meaning if stored.is_semantic else 'meaning does not rank here'}"
    yield Text(f"     {ranks}; shares {', '.join(found.words) or 'no word'}")
    yield shown(found.passage, telling)
