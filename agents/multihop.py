"""Search in hops: follow-up queries made of what was found, for questions whose evidence does not share their words.

"Where did the composer of X die?" never names the passage that says it. The passage on X does: it names the composer.
So the names that stand in the best passages are asked for next, with the question's words that those passages lack.
No model is asked. Ideas: Trivedi et al., "Interleaving Retrieval with Chain-of-Thought Reasoning" (2023); Gutiérrez
et al., "HippoRAG" (2024). Measured in `benchmarks/multihop`.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ..orchestrator.evidence import Passage
from .coverage import key_words
from .language import terms
from .names import is_called, names, normal

#: Names of the question that are asked for by themselves; passages followed in a hop; names asked for in a hop.
NAMED, FOLLOWED, ASKED = 3, 4, 10
#: Passages taken from the question's own search, from one for a name in it, and from one follow-up.
_FIRST, _OF_NAME, _OF_FOLLOW_UP = 20, 10, 5
#: How fast the scores of a ranking fall.
_FALL = 10
#: What a passage counts that shares the question's words, against one whose title is a name in the question; what one
#: counts that shares words with such a name alone.
_BY_WORDS, _BY_NAME = 0.5, 0.3
#: What a hop costs; what a passage counts that a follow-up finds but whose title is not the name it asked for.
_HOP, _UNTITLED = 0.9, 0.5
#: The share of a score that does not depend on the words that a passage holds.
_FLOOR = 0.7
#: How fast names count less in the order of a text; how rare one has to be to lead anywhere.
_LATER, _RARE = 0.1, 0.3


class Searching(Protocol):
    """A search with all decided but its query: at most `limit` passages, best first."""

    def __call__(self, query: str, *, limit: int) -> Awaitable[Sequence[Passage]]: ...


class Reached(NamedTuple):
    """A passage, with the hop (from 1) and the query that found it; `score` is for comparison within one answer."""

    passage: Passage
    hop: int
    query: str
    score: float


class _Bridge(NamedTuple):
    """A name in a passage that was found, how much it promises, and what is asked for it."""

    name: str
    promise: float
    query: str
    rarity: float
    lacking: Sequence[str]
    score: float


async def search_in_hops(
    question: str,
    search: Searching,
    rarity: Callable[[Sequence[str]], Awaitable[Mapping[str, float]]],
    *,
    hops: int = 3,
    limit: int = 8,
) -> tuple[Reached, ...]:
    """At most `limit` passages, best first, found in at most `hops` hops.

    Searches at most `1 + NAMED + (hops - 1) * ASKED` times, one after the other. `rarity` says how rare words are in
    what is searched, from 0 to 1. Where the best passages hold all that is asked, or name nothing new, no hop follows.
    """
    trail = _Trail(question, await rarity(key_words(question)))
    trail.first(question, await search(question, limit=_FIRST))
    for name in trail.names[:NAMED]:
        trail.named(name, await search(name, limit=_OF_NAME))
    for hop in range(2, hops + 1):
        front = trail.front()
        told = await rarity(sorted({name for reached in front for name in trail.new_names(reached.passage)}))
        bridges = trail.bridges(front, told)
        if not bridges:
            break
        for bridge in bridges:
            trail.follow(bridge, hop, await search(bridge.query, limit=_OF_FOLLOW_UP))
    return trail.best()[: max(0, limit)]


class _Trail:
    """What was found so far, and what it counts. Every passage keeps the best way it was found."""

    def __init__(self, question: str, rarity: Mapping[str, float]) -> None:
        self.names = names(question)
        self._question, self._rarity = frozenset(terms(question)), rarity
        self._words = key_words(question)
        within = frozenset(terms(" ".join(self.names)))
        self._beside = [word for word in self._words if not within.issuperset(terms(word))]
        self._found: dict[tuple[str, int, int], Reached] = {}
        self._asked = {normal(name) for name in self.names}
        self._followed: set[tuple[str, int, int]] = set()

    def first(self, query: str, passages: Sequence[Passage]) -> None:
        for passage, fall in _falling(passages):
            self._put(passage, 1, query, _BY_WORDS * fall * self._holding(self._words, passage))

    def named(self, name: str, passages: Sequence[Passage]) -> None:
        for passage, fall in _falling(passages):
            titled = is_called(passage.title, name)
            score = self._holding(self._words, passage) if titled else _BY_NAME * fall
            self._put(passage, 1, name, score)

    def follow(self, bridge: _Bridge, hop: int, passages: Sequence[Passage]) -> None:
        for passage, fall in _falling(passages):
            met = 1.0 if is_called(passage.title, bridge.name) else _UNTITLED * fall * bridge.rarity
            score = bridge.score * _HOP * met * self._holding(bridge.lacking, passage)
            self._put(passage, hop, bridge.query, score)

    def best(self) -> tuple[Reached, ...]:
        return tuple(sorted(self._found.values(), key=lambda reached: -reached.score))

    def front(self) -> list[Reached]:
        """The best passages that were not followed yet."""
        front = [reached for reached in self.best() if _place(reached.passage) not in self._followed][:FOLLOWED]
        self._followed |= {_place(reached.passage) for reached in front}
        return front

    def new_names(self, passage: Passage) -> list[str]:
        """The names in a passage that neither the question nor the title holds."""
        title = normal(passage.title)
        named = (name for name in names(passage.text) if normal(name) != title)
        return [name for name in named if not self._question.issuperset(terms(name))]

    def bridges(self, front: Sequence[Reached], rarity: Mapping[str, float]) -> list[_Bridge]:
        """What to ask for next: the rare names of the best passages, each once, with the words that those lack."""
        found: dict[str, _Bridge] = {}
        for reached in front:
            held = _held(reached.passage)
            lacking = [word for word in self._beside if not held.issuperset(terms(word))]
            rare = [name for name in self.new_names(reached.passage) if rarity[name] > _RARE]
            for place, name in enumerate(rare if lacking else ()):
                promise = reached.score * rarity[name] / (1 + _LATER * place)
                query = " ".join((name, *lacking))
                bridge = _Bridge(name, promise, query, rarity[name], lacking, reached.score)
                found[normal(name)] = max(found.get(normal(name), bridge), bridge, key=lambda b: b.promise)
        new = [bridge for key, bridge in found.items() if key not in self._asked]
        chosen = sorted(new, key=lambda bridge: -bridge.promise)[:ASKED]
        self._asked |= {normal(bridge.name) for bridge in chosen}
        return chosen

    def _holding(self, words: Sequence[str], passage: Passage) -> float:
        """What a passage counts for these words of the question: their rarity, over a floor."""
        held = _held(passage)
        whole = sum(self._rarity[word] for word in words)
        share = sum(self._rarity[word] for word in words if held.issuperset(terms(word))) / whole if whole else 0.0
        return _FLOOR + (1 - _FLOOR) * share

    def _put(self, passage: Passage, hop: int, query: str, score: float) -> None:
        before = self._found.get(_place(passage))
        if before is None or before.score < score:
            self._found[_place(passage)] = Reached(passage, hop, query, score)


def _falling(passages: Sequence[Passage]) -> Iterator[tuple[Passage, float]]:
    """Each passage with what its rank counts: 1 for the first."""
    for rank, passage in enumerate(passages, start=1):
        yield passage, (_FALL + 1) / (_FALL + rank)


def _held(passage: Passage) -> frozenset[str]:
    return frozenset(terms(f"{passage.title}\n{passage.heading}\n{passage.text}"))


def _place(passage: Passage) -> tuple[str, int, int]:
    return passage.source, passage.start, passage.end
