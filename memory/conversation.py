"""A long conversation in a budget of tokens: the last turns as they are, what older ones say on a question. Pure.

A summary is a model's work in general: `divide` says what there is to summarise and how long it may get; `condense`
fits it back in, or takes the sentences of the older turns that tell most on the question, which needs no model. What
was quoted in older turns is kept word for word, with its source. What is left out is named.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from ..orchestrator.evidence import Quote
from ..orchestrator.rules.tokens import PER_MESSAGE, estimate
from .borders import pieces
from .ranking import relevance, statistics_of, weighted
from .words import words

#: What of the budget the last turns may take, and of the rest what is quoted in older turns, at most.
WINDOW, QUOTED = 1 / 3, 1 / 2
#: What a sentence tells counts 1/e for one so many sentences away: people name a subject once and talk on about it.
NEAR = 40


class Turn(NamedTuple):
    """What somebody said, and what they quoted in it."""

    role: str
    text: str
    quotes: tuple[Quote, ...] = ()


class Excerpt(NamedTuple):
    """A slice of a turn: `text == turns[turn].text[start:end]`."""

    turn: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Divided:
    """A conversation before it is summarised: the turns to summarise, in how many tokens, and those that stay."""

    older: tuple[Turn, ...]
    window: tuple[Turn, ...]
    #: What is quoted in older turns, each quote once: what is kept, and what there is no room for.
    quotes: tuple[Quote, ...]
    unquoted: tuple[Quote, ...]
    summary_tokens: int


@dataclass(frozen=True, slots=True)
class Condensed:
    """A conversation that fits: summary or excerpts of older turns, quotes, the last turns; and what is left out."""

    summary: str
    excerpts: tuple[Excerpt, ...]
    quotes: tuple[Quote, ...]
    window: tuple[Turn, ...]
    #: What of older turns does not stand there word for word, and the quotes that there was no room for.
    omitted: tuple[Excerpt, ...]
    unquoted: tuple[Quote, ...]
    tokens: int


def divide(
    turns: Sequence[Turn],
    budget: int,
    question: str,
    *,
    window: float = WINDOW,
    count: Callable[[str], int] = estimate,
    frame: int = PER_MESSAGE,
) -> Divided:
    """What of a conversation stays as it is within a budget of tokens, and what is to be summarised in how many.

    All of it stays where it fits. `window` is the last turns' share of the budget, `frame` what goes around a text.
    """
    sizes = [frame + count(turn.text) for turn in turns]
    first = _first_that_fits(sizes, budget if sum(sizes) <= budget else int(budget * window))
    if turns and first == len(turns) and sizes[-1] <= budget:  # the last turn stays wherever it fits at all
        first -= 1
    older, recent = tuple(turns[:first]), tuple(turns[first:])
    left = budget - sum(sizes[first:])
    there = {quote for turn in recent for quote in turn.quotes}
    quotes = dict.fromkeys(quote for turn in older for quote in turn.quotes if quote not in there)
    kept, quoted = set[Quote](), int(left * QUOTED)
    for quote in _most_telling(tuple(quotes), question):
        if (size := frame + count(quote.text)) <= quoted:
            kept.add(quote)
            quoted, left = quoted - size, left - size
    said, unsaid = (tuple(quote for quote in quotes if (quote in kept) is is_kept) for is_kept in (True, False))
    return Divided(older, recent, said, unsaid, max(0, left - frame))


def condense(
    turns: Sequence[Turn],
    budget: int,
    question: str,
    *,
    summary: str | None = None,
    window: float = WINDOW,
    count: Callable[[str], int] = estimate,
    frame: int = PER_MESSAGE,
) -> Condensed:
    """A conversation within a budget of tokens: the last turns, what is quoted in older ones, and what these come to.

    That is the `summary` that a model made of them, cut at the end of a sentence where it is too long; without one,
    excerpts: the sentences that tell most on the question, or stand near such.
    """
    divided = divide(turns, budget, question, window=window, count=count, frame=frame)
    room = divided.summary_tokens
    fitted = "" if summary is None else _cut(summary, room, count)
    excerpts = _telling(divided.older, question, room, count) if summary is None and room else ()
    tokens = sum(frame + count(text) for text in (*(q.text for q in divided.quotes), *(t.text for t in divided.window)))
    tokens += count(fitted) + sum(count(excerpt.text) for excerpt in excerpts)
    return Condensed(
        summary=fitted,
        excerpts=excerpts,
        quotes=divided.quotes,
        window=divided.window,
        omitted=tuple(_rest(divided.older, excerpts)),
        unquoted=divided.unquoted,
        tokens=tokens + (frame if fitted or excerpts else 0),
    )


def _first_that_fits(sizes: Sequence[int], room: int) -> int:
    """From which turn on all fit."""
    first = len(sizes)
    while first and sizes[first - 1] <= room:
        first -= 1
        room -= sizes[first]
    return first


def _most_telling(quotes: Sequence[Quote], question: str) -> list[Quote]:
    """What tells most on the question first; of equals, what was quoted last."""
    scores = _relevances([quote.text for quote in quotes], question)
    return [quotes[n] for n in sorted(range(len(quotes)), key=lambda n: (-scores[n], -n))]


def _telling(turns: Sequence[Turn], question: str, room: int, count: Callable[[str], int]) -> tuple[Excerpt, ...]:
    """The sentences that tell most on the question, or stand near such, as far as they fit; in their order."""
    units = [Excerpt(n, p.start, p.end, t.text[p.start : p.end]) for n, t in enumerate(turns) for p in pieces(t.text)]
    scores = _spread(_relevances([unit.text for unit in units], question))
    chosen = []
    for at in sorted(range(len(units)), key=lambda at: -scores[at]):
        size = count(units[at].text)
        if scores[at] and size <= room:
            chosen.append(units[at])
            room -= size
    return tuple(_joined(sorted(chosen)))


def _relevances(texts: Sequence[str], question: str) -> list[float]:
    counts = [Counter(words(text)) for text in texts]
    statistics, asked = statistics_of(counts), weighted(words(question))
    return [relevance(asked, each, statistics) for each in counts]


def _spread(scores: Sequence[float]) -> list[float]:
    """Each score with those of its neighbours, which count less the farther they stand."""
    fade = math.exp(-1 / NEAR)
    forth = list(accumulate(scores, lambda carried, score: carried * fade + score))
    back = list(accumulate(reversed(scores), lambda carried, score: carried * fade + score))
    return [one + other - score for one, other, score in zip(forth, reversed(back), scores, strict=True)]


def _joined(excerpts: Sequence[Excerpt]) -> Iterator[Excerpt]:
    """The excerpts in their order, those that follow each other without a gap as one."""
    whole: Excerpt | None = None
    for excerpt in excerpts:
        if whole and (whole.turn, whole.end) == (excerpt.turn, excerpt.start):
            whole = whole._replace(end=excerpt.end, text=whole.text + excerpt.text)
        else:
            if whole:
                yield whole
            whole = excerpt
    if whole:
        yield whole


def _rest(turns: Sequence[Turn], excerpts: Sequence[Excerpt]) -> Iterator[Excerpt]:
    """What of the turns stands in no excerpt."""
    for n, turn in enumerate(turns):
        at = 0
        for start, end in (*((e.start, e.end) for e in excerpts if e.turn == n), (len(turn.text), len(turn.text))):
            if turn.text[at:start]:
                yield Excerpt(n, at, start, turn.text[at:start])
            at = end


def _cut(text: str, room: int, count: Callable[[str], int]) -> str:
    """As many of its first sentences as fit."""
    fitting = (text[: piece.end].rstrip() for piece in reversed(pieces(text)))
    return next((part for part in fitting if count(part) <= room), "")
