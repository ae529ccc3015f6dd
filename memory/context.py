"""What of many candidates goes before a model: the best passages for a budget of tokens. Pure.

Every text that comes out is a slice of its source, so that quotes can be checked; every word of a candidate is either
in a passage that comes out or in one that is named as left out, with the reason.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from itertools import accumulate, pairwise, zip_longest
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeVar, cast

from ..orchestrator.evidence import Passage
from ..orchestrator.rules.tokens import estimate
from .borders import pieces
from .ranking import statistics_of
from .words import words

T = TypeVar("T")

#: Tokens of the marks around one passage: its number and the names of its attributes.
FRAME = 24
#: No less than so many tokens of a passage are worth their frame.
_LEAST = 40
#: Of one source, a text that holds at least this share of another's words says the same, where names and figures agree.
_SAME = 0.9
#: Passages of one section that lie at most so many characters apart are one, where the text between them is known.
APART = 40

_TELLING = re.compile(r"\b(?:[^\Wa-z_]\w*|\w*\d\w*)\b")


Part = Literal["evidence", "conversation", "examples"]


class Reason(StrEnum):
    """Why something was left out."""

    REPEATS = "another passage says it"
    SOURCE = "its source has had its share"
    BUDGET = "no room"
    CUT = "says less on the question than what was kept of its passage"


class Span(NamedTuple):
    """From where to where in a source, in code points."""

    source: str
    start: int
    end: int


class Omitted(NamedTuple):
    """A passage, or what was cut from one, that is not among those chosen."""

    passage: Passage
    reason: Reason


@dataclass(frozen=True, slots=True)
class Shares:
    """The most that each part of a prompt may take of its tokens, from 0 to 1; what a part does not need stays unspent.

    `source` is of the evidence: what one source may take of it while others wait.
    """

    evidence: float
    source: float
    conversation: float
    examples: float


#: A fact stands in one place, a survey in many.
SHARES: Mapping[str, Shares] = MappingProxyType(
    {
        "fact": Shares(evidence=0.6, source=0.6, conversation=0.2, examples=0.1),
        "comparison": Shares(evidence=0.7, source=0.4, conversation=0.15, examples=0.1),
        "survey": Shares(evidence=0.8, source=0.25, conversation=0.1, examples=0.05),
    }
)


@dataclass(frozen=True, slots=True)
class Budget:
    """The tokens that what is put before a model may have, and how each kind of question divides them."""

    tokens: int = 10_000
    shares: Mapping[str, Shares] = field(default_factory=lambda: SHARES)

    def of(self, kind: str) -> Shares:
        """The shares of a kind of question; those of a fact where it has none of its own."""
        return self.shares.get(kind, SHARES["fact"])

    def tokens_of(self, part: Part, kind: str) -> int:
        """The most tokens that a part may have for a kind of question."""
        shares = self.of(kind)
        share = {"evidence": shares.evidence, "conversation": shares.conversation, "examples": shares.examples}[part]
        return int(self.tokens * share)


@dataclass(frozen=True, slots=True)
class Assembled:
    """What goes before a model, in its order, what does not, and the tokens of each source in it."""

    passages: tuple[Passage, ...]
    omitted: tuple[Omitted, ...]
    spent: Mapping[str, int]

    @property
    def tokens(self) -> int:
        """What all passages have, frames included."""
        return sum(self.spent.values())


def in_turns(groups: Iterable[Iterable[T]]) -> list[T]:
    """Several rankings as one: the first of each, then the second of each, and so on."""
    none = object()
    rows = zip_longest(*groups, fillvalue=none)
    return [cast("T", item) for row in rows for item in row if item is not none]


def gaps(candidates: Iterable[Passage]) -> list[Span]:
    """What lies between candidates that are nearly neighbours: who reads these texts can have such passages as one."""
    found = []
    whole = [_slice(passage, 0, len(passage.text)) for passage in candidates]
    for source in _by_source(sorted(whole, key=lambda passage: passage.start)).values():
        for one, other in pairwise(source):
            if one.heading == other.heading and 0 < other.start - one.end <= APART:
                found.append(Span(one.source, one.end, other.start))
    return list(dict.fromkeys(found))


def assemble(
    question: str,
    candidates: Sequence[Passage],
    budget: int,
    *,
    source_share: float = 1.0,
    between: Mapping[Span, str] = MappingProxyType({}),
    count: Callable[[str], int] = estimate,
) -> Assembled:
    """The best of the candidates (best first) that fit a budget of tokens.

    What another passage says already is left out; a source that has had its share waits until all others were heard;
    what does not fit is cut to the sentences that share most with the question. Neighbours become one passage where
    `between` has the text in between (see `gaps`). The best come first: who cuts the end off cuts the weakest.
    """
    count = cache(count)
    known = _by_source(candidates)
    choice = _Choice(question, candidates, budget, count)
    share = int(budget * source_share) if len(known) > 1 else None
    waiting = [passage for passage in candidates if not choice.take(passage, share)]
    for passage in waiting:
        choice.take(passage, None, Reason.SOURCE)
    merged = _merged(choice.chosen, known, between, choice.room, count)
    texts = [_slice(passage, 0, len(passage.text)) for passage in candidates]
    best_first = sorted(merged, key=lambda whole: next(n for n, part in enumerate(texts) if _share(part, whole)))
    spent = {source: sum(cost(p, count) for p in merged if p.source == source) for source in known}
    return Assembled(tuple(best_first), tuple(choice.omitted), MappingProxyType(spent))


def cost(passage: Passage, count: Callable[[str], int] = estimate) -> int:
    """The tokens of a passage as a prompt shows it."""
    return FRAME + count(f"{passage.source} {passage.title} {passage.heading}") + count(passage.text)


class _Choice:
    """What was chosen so far, what was left out, and the room that there still is."""

    def __init__(self, question: str, candidates: Sequence[Passage], room: int, count: Callable[[str], int]) -> None:
        self.chosen: list[Passage] = []
        self.omitted: list[Omitted] = []
        self.room, self._count = room, count
        self._spent: Counter[str] = Counter()
        self._said: list[frozenset[str]] = []
        statistics = statistics_of([Counter(words(passage.text)) for passage in candidates])
        self._asked = {word: statistics.rarity(word) for word in words(question)}

    def take(self, passage: Passage, share: int | None, reason: Reason = Reason.BUDGET) -> bool:
        """Choose what is new of a passage, as far as there is room; False where its source has had its share."""
        fresh = _without(passage, [held for held in self.chosen if held.source == passage.source])
        spent = self._spent[passage.source]
        if share is not None and spent and spent + sum(cost(part, self._count) for part in fresh) > share:
            return False
        for part in fresh:
            if self._is_said(part):
                self.omitted.append(Omitted(part, Reason.REPEATS))
            elif (kept := self._fitting(part)) is None:
                self.omitted.append(Omitted(part, reason))
            else:
                self._add(kept)
                self.omitted += [Omitted(rest, Reason.CUT) for rest in _without(part, [kept])]
        return True

    def _add(self, passage: Passage) -> None:
        tokens = cost(passage, self._count)
        self.chosen.append(passage)
        self.room -= tokens
        self._spent[passage.source] += tokens
        self._said.append(_words_of(passage))

    def _is_said(self, passage: Passage) -> bool:
        """Whether a chosen passage of another source holds all its words; or one of its own source nearly all of them,
        with every name, figure and word of the question."""
        mine = _words_of(passage)
        telling = frozenset(words(" ".join(_TELLING.findall(passage.text)))) | self._asked.keys()
        for other, held in zip(self.chosen, self._said, strict=True):
            new = mine - held
            is_near = other.source == passage.source and len(new) <= (1 - _SAME) * len(mine) and not new & telling
            if not new or is_near:
                return True
        return False

    def _fitting(self, passage: Passage) -> Passage | None:
        """The passage, or the sentences of it that share most with the question; None where no such ones fit."""
        room = self.room - cost(passage, self._count) + self._count(passage.text)
        if self._count(passage.text) <= room:
            return passage
        cut = _best_run(passage.text, self._asked, room, self._count) if room >= _LEAST else None
        return _slice(passage, *cut) if cut else None


def _words_of(passage: Passage) -> frozenset[str]:
    return frozenset(words(f"{passage.title}\n{passage.text}"))


def _best_run(text: str, asked: Mapping[str, float], room: int, count: Callable[[str], int]) -> tuple[int, int] | None:
    """From where to where the sentences stand that share most with the question and fit; None where none do."""
    parts = pieces(text)
    sizes = [0, *accumulate(count(text[part.start : part.end]) for part in parts)]
    shares = (sum(asked.get(word, 0.0) for word in {*words(text[part.start : part.end])}) for part in parts)
    weights = [0.0, *accumulate(shares)]
    best, span, first = 0.0, None, 0
    for last in range(1, len(parts) + 1):
        while sizes[last] - sizes[first] > room:
            first += 1
        while first < last and weights[first + 1] == weights[first]:  # nothing of the question stands there
            first += 1
        if weights[last] - weights[first] > best:
            best, span = weights[last] - weights[first], (parts[first].start, parts[last - 1].end)
    return span if span and count(text[slice(*span)]) <= room else None


def _by_source(passages: Iterable[Passage]) -> dict[str, list[Passage]]:
    """The passages of each source."""
    found: dict[str, list[Passage]] = {}
    for passage in passages:
        found.setdefault(passage.source, []).append(passage)
    return found


def _share(one: Passage, other: Passage) -> bool:
    """Whether some of the source's text is in both; a text of white space alone is in none."""
    return bool(one.text) and one.source == other.source and one.start < other.end and other.start < one.end


def _slice(passage: Passage, start: int, end: int) -> Passage:
    """From where to where in the passage's own text, without white space around it."""
    text = passage.text[start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    if len(text) == len(passage.text):
        return passage
    at = passage.start + start
    place = {} if start == 0 else {"line": 0, "page": 0}  # where what is left begins is not known
    return passage.model_copy(update={"start": at, "end": at + len(text), "text": text, **place})


def _without(passage: Passage, held: Sequence[Passage]) -> list[Passage]:
    """What of a passage stands in none of those held, which are of its source and do not overlap."""
    at, parts = passage.start, []
    for other in sorted(held, key=lambda other: other.start):
        if at < other.end and other.start < passage.end:
            parts.append((at, max(at, other.start)))
            at = other.end
    parts.append((at, passage.end))
    slices = [_slice(passage, start - passage.start, end - passage.start) for start, end in parts if start < end]
    return [part for part in slices if part.text]


def _merged(
    passages: Sequence[Passage],
    known: Mapping[str, Sequence[Passage]],
    between: Mapping[Span, str],
    room: int,
    count: Callable[[str], int],
) -> list[Passage]:
    """Neighbours of one section as one passage, as long as the whole does not outgrow the room."""
    merged: list[Passage] = []
    for passage in sorted(passages, key=lambda passage: (passage.source, passage.start)):
        whole = _joined(merged[-1], passage, known[passage.source], between) if merged else None
        more = cost(whole, count) - cost(merged[-1], count) - cost(passage, count) if whole else 0
        if whole and more <= room:
            merged[-1], room = whole, room - more
        else:
            merged.append(passage)
    return merged


def _joined(one: Passage, other: Passage, known: Sequence[Passage], between: Mapping[Span, str]) -> Passage | None:
    """Both as one passage; None where they are no neighbours."""
    if (one.source, one.heading) != (other.source, other.heading):
        return None
    gap = between.get(Span(one.source, one.end, other.start), _blank(one.end, other.start, known))
    if gap is None or len(gap) != other.start - one.end:
        return None
    return one.model_copy(update={"end": other.end, "text": f"{one.text}{gap}{other.text}"})


def _blank(start: int, end: int, known: Sequence[Passage]) -> str | None:
    """The white space that stands there as one of the passages of the source has it; None where it is not that."""
    texts = (p.text[start - p.start : end - p.start] for p in known if p.start <= start <= end <= p.end)
    text = "" if start == end else next(texts, None)
    return text if text is not None and not text.strip() else None
