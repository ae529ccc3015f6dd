"""Plain extraction: which sentences of some documents say most about a question. Pure.

Sentences are ranked by the share of the question's weight that they hold and picked by maximal marginal relevance
(Carbonell and Goldstein 1998), so that the second does not repeat the first.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

from .language import terms
from .likeness import figures, is_conflict, jaccard
from .sentences import POINTS_BACK

#: What like words cost (as a share of the best score) and the same document again; the credit for words in the title
#: and heading above, and in the text around; what each rank costs.
_DIVERSITY, _AGAIN, _ABOVE, _NEAR, _FALL, _SECTION = 0.45, 0.05, 0.5, 0.3, 0.1, 0.3
#: From which cosine on a sentence counts as near, and what each step from there counts beside its share of the words.
_NEAR_LEAST, _MEANT = 0.2, 1.5
#: Words that count less than this together say little of what is asked.
_TELLING = 0.5
#: What a word counts that answers to such a question often hold.
_CUE = 1.5
#: What the answer to a kind of question often says.
_CUES = tuple(
    (re.compile(kind, re.IGNORECASE), re.compile(cues, re.IGNORECASE))
    for kind, cues in (
        (
            r"^why\b|\bwhy\b|reason",
            r"\b(?:because|since|reasons?|due to|in order to|so that|motivat\w+|rationale|lack|to avoid)\b",
        ),
        (r"\bhow (?:much|many|long|often|far)\b|\bcosts?\b|\bwhen\b", r"\d"),
        (r"\bwho\b", r"\b[A-Z][a-z]+ [A-Z][a-z]+\b"),
        (
            r"replace|instead|alternative",
            r"\b(?:replac\w+|alternativ\w+|instead|recommend\w*|successor|migrat\w+|use)\b",
        ),
        (r"differ|compare", r"\b(?:whereas|while|unlike|differ\w*|than|rather|but|instead|cannot)\b"),
        (r"\bhow\b", r"\b(?:by|using|must|should|allows?|works?)\b"),
    )
)
#: A sentence with a smaller share of what the best one counts is not picked, nor one with less by itself alone.
_SHARE_LEAST, _OWN_LEAST = 0.25, 0.2
#: Characters of a list that is quoted whole.
_LIST_MOST = 1_000
#: What the first sentence of a document counts more, of the best score, where each document is heard.
_OPENING = 1.0
#: Characters that a sentence may have before they count against it, and those that it has at least.
_LONG, _LETTERS_LEAST, _ITEM_LEAST = 240, 25, 8
#: Lines before and after, within a section, that count as the text around.
_AROUND = 4
_NUMBERED = re.compile(r"\[(\d+)\] (?!\((?:field|code)\))(.+)")
_FIELD = re.compile(r"[A-Za-z][\w-]*\s*[:=]\s")
_ITEM = re.compile(r"^(?:[-*+•]|\d+[.)])\s+")


class Line(NamedTuple):
    """A sentence of a document by the number under which it is shown, and how well its passage was found, from 0."""

    number: int
    text: str
    heading: str = ""
    title: str = ""
    source: str = ""
    rank: int = 0

    @property
    def is_item(self) -> bool:
        """Whether it is an item of a list."""
        return _ITEM.match(self.text) is not None

    @property
    def bare(self) -> str:
        """Its words without the mark of an item."""
        return _ITEM.sub("", self.text, count=1)


def joined(lines: Sequence[Line]) -> str:
    """Lines that are read together as one text, the items of a list parted by semicolons."""
    between = (";" if one.is_item and other.is_item else "" for one, other in pairwise(lines))
    ends = [*between, ""]
    return " ".join(
        f"{line.bare.rstrip(';,') if end else line.bare}{end}" for line, end in zip(lines, ends, strict=True)
    )


def lines_of(text: str, title: str = "", source: str = "", ranks: Mapping[int, int] | None = None) -> Iterator[Line]:
    """The lines of a document as it is shown to a model, without fields and code; `ranks` are those of its passages."""
    heading, last = "", max((ranks or {}).values(), default=0)
    for row in text.splitlines():
        if row.startswith("## "):
            heading = row.removeprefix("## ")
        elif (found := _NUMBERED.match(row)) and (heading or not _FIELD.match(found[2])):
            number = int(found[1])
            yield Line(number, found[2], heading, title, source, (ranks or {}).get(number, last))


def pick_sentences(
    question: str,
    lines: Sequence[Line],
    *,
    most: int,
    rarity: Mapping[str, float] | None = None,
    near: Mapping[int, float] | None = None,
    each: int = 0,
) -> list[tuple[int, ...]]:
    """At most `most` sentences, best first, as the numbers of the lines that have to be read together; none that
    neither shares a word with the question nor is near it.

    A sentence counts the question's words that it holds, by rarity, with some credit for those in the title and heading
    above it, and for passages that were found earlier; to that comes how `near` it is in meaning (a cosine, by its
    number), where that is known. One that points back ("This …") brings the sentence before it along. Each document is
    heard `each` times before any is heard again, with what it says first. Where documents name different figures, the
    other one comes too, beyond `most` if need be, and before both a sentence that names both.
    """
    by_number = {line.number: line for line in lines}
    pool = [line for line in _pool(lines) if not _announces_nothing(line, by_number)]
    ranked = _Ranked(question, pool, rarity, near or {}, each)
    picked = ranked.picked(most)
    picked += ranked.rivals(picked)
    picked = list(dict.fromkeys((*ranked.settling(picked), *picked)))
    whole = [_whole(pool[i], by_number, is_opening=i in ranked.openings) for i in picked]
    return list(dict.fromkeys(whole))  # two sentences of one list are that list


class _Ranked:
    """Sentences with what each counts."""

    def __init__(
        self,
        question: str,
        pool: Sequence[Line],
        rarity: Mapping[str, float] | None,
        near: Mapping[int, float],
        each: int,
    ) -> None:
        self.question, self.pool, self.each = question, pool, each
        self.bags = [frozenset(terms(line.text)) for line in pool]
        self.openings = _openings(pool) if each else frozenset[int]()
        asked = _asked(question, rarity, self.bags)
        whole = sum(asked.values()) or 1.0
        # words that nearly every passage holds say little where meaning can be asked
        telling = min(1.0, whole / _TELLING) if near else 1.0
        self.asked = {term: telling * weight / whole for term, weight in asked.items()}
        meant = [_MEANT * max(0.0, near.get(line.number, 0.0) - _NEAR_LEAST) for line in pool]
        self.own = [held + _held(self.asked, bag) for held, bag in zip(meant, self.bags, strict=True)]
        self.scores = self._scores()
        self.top = max(self.scores, default=0.0)
        for i in self.openings:
            self.scores[i] += _OPENING * self.top

    def _scores(self) -> list[float]:
        """What each sentence counts by itself, under its headings and among its neighbours."""
        cue = next((cues for kind, cues in _CUES if kind.search(self.question)), None)
        order = {line.number: i for i, line in enumerate(self.pool)}
        places = {(line.title, line.heading) for line in self.pool}
        above = {place: frozenset(terms(" ".join(place))) for place in places}
        found = []
        for i, line in enumerate(self.pool):
            is_told = cue is not None and bool(line.heading) and cue.search(line.heading) is not None
            is_cued = cue is not None and cue.search(line.text) is not None
            # the section that answers such a question; where each document is heard, also what answers it in any words
            held = self.own[i] + _SECTION * (is_told or (is_cued and bool(self.each)))
            if held:
                over = above[line.title, line.heading] - self.bags[i]
                held += _ABOVE * _held(self.asked, over)
                held += _NEAR * _held(self.asked, self._around(line, order) - over - self.bags[i])
            held *= _CUE if is_cued else 1.0
            held /= 1 + max(0, len(line.text) - _LONG) / _LONG  # a long sentence holds many words by chance
            found.append(held / (1 + _FALL * line.rank))
        return found

    def _around(self, line: Line, order: Mapping[int, int]) -> frozenset[str]:
        """The words of the lines before and after, within the same section."""
        near = [order.get(n) for n in range(line.number - _AROUND, line.number + _AROUND + 1)]
        own = (line.source, line.heading)
        same = (i for i in near if i is not None and (self.pool[i].source, self.pool[i].heading) == own)
        return frozenset().union(*(self.bags[i] for i in same))

    def picked(self, most: int) -> list[int]:
        """The best, each unlike those before it; those of documents that are still to be heard first."""
        least = _OWN_LEAST * max(self.own, default=0.0)
        picked: list[int] = []
        while len(picked) < most:
            left = [i for i, score in enumerate(self.scores) if score > 0 and i not in picked]
            heard = Counter(self.pool[j].source for j in picked)
            new = [i for i in left if heard[self.pool[i].source] < self.each]
            old = [i for i in left if self.own[i] >= least and self.scores[i] >= _SHARE_LEAST * self.top]
            best = max(new or old, key=lambda i: self._gain(i, picked), default=None)
            if best is None:
                break
            picked.append(best)
        return picked

    def _gain(self, i: int, picked: Sequence[int]) -> float:
        """A sentence's score less what was picked already: like words, and the same document again."""
        text, source = self.pool[i].text, self.pool[i].source
        like = {j: like for j in picked if (like := jaccard(self.bags[i], self.bags[j]))}
        alike = max((share for j, share in like.items() if not is_conflict(text, self.pool[j].text)), default=0.0)
        again = sum(self.pool[j].source == source for j in picked)
        return self.scores[i] - _DIVERSITY * self.top * alike - _AGAIN * again

    def rivals(self, picked: Sequence[int]) -> list[int]:
        """The best sentence that says another figure than one that was picked, in another document."""
        for i in picked:
            others = [j for j, score in enumerate(self.scores) if score > 0 and self._differ(i, j)]
            if others:
                best = max(others, key=lambda j: self.scores[j])
                return [] if best in picked else [best]
        return []

    def settling(self, picked: Sequence[int]) -> list[int]:
        """The best sentence that names the figures of two that differ: it tells of both."""
        for i, j in combinations(picked, 2):
            if not self._differ(i, j):
                continue
            sides = figures(self.pool[i].text), figures(self.pool[j].text)
            both = [k for k in range(len(self.pool)) if self.own[k] and _names_both(self.pool[k].text, *sides)]
            if both:
                return [max(both, key=lambda k: self.scores[k])]
        return []

    def _differ(self, i: int, j: int) -> bool:
        one, other = self.pool[i], self.pool[j]
        return one.source != other.source and is_conflict(one.text, other.text, self.question)


def _held(asked: Mapping[str, float], bag: frozenset[str]) -> float:
    return sum(weight for term, weight in asked.items() if term in bag)


def _names_both(text: str, one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> bool:
    """Whether a sentence names a figure of either side, of what both count."""
    own = figures(text)
    return any(own.get(unit, frozenset()) & one[unit] and own[unit] & other[unit] for unit in one.keys() & other.keys())


def _openings(pool: Sequence[Line]) -> frozenset[int]:
    """The first sentence of each document: what it is."""
    first: dict[str, int] = {}
    for i, line in enumerate(pool):
        if not line.is_item and (line.source not in first or line.number < pool[first[line.source]].number):
            first[line.source] = i
    return frozenset(first.values())


def _pool(lines: Iterable[Line]) -> Iterator[Line]:
    """Every sentence and every item of a list, the same words once."""
    seen: set[str] = set()
    for line in sorted(lines, key=lambda line: line.rank):
        words = " ".join(line.text.split()).casefold()
        if words not in seen and _is_said(line):
            seen.add(words)
            yield line


def _is_said(line: Line) -> bool:
    """Whether a line is a sentence, or an item that says something."""
    if line.is_item:
        return len(line.text) >= _ITEM_LEAST
    return len(line.text) >= _LETTERS_LEAST and line.text[-1] in ".!?\"'”’):" and " " in line.text


def _asked(question: str, rarity: Mapping[str, float] | None, bags: Sequence[frozenset[str]]) -> dict[str, float]:
    """What each of the question's words counts: its rarity where that is known, else how few sentences hold it."""
    if rarity:
        return {term: weight for word, weight in rarity.items() for term in terms(word)}
    holding = Counter(term for bag in bags for term in bag)
    return {term: math.log(1 + len(bags) / (1 + holding[term])) for term in set(terms(question))}


def _whole(line: Line, lines: Mapping[int, Line], *, is_opening: bool) -> tuple[int, ...]:
    """The sentence, with the one before it where it points back, and with the list that it is part of or announces.

    What points back at the first sentence of a document says more of what that is.
    """
    found = [line]
    before, after = _beside(line, -1, lines), _beside(line, 1, lines)
    if not line.is_item and POINTS_BACK.match(line.text) and before:
        found.insert(0, before)
    if is_opening and after and not after.is_item and POINTS_BACK.match(after.text):
        found.append(after)
    for step in (-1, 1) if line.is_item else (1,) if line.text.endswith(":") else ():
        while (other := _beside(found[0 if step < 0 else -1], step, lines)) and _fits(other, found):
            found = [other, *found] if step < 0 else [*found, other]
            if not other.is_item:
                break
    return tuple(one.number for one in found)


def _announces_nothing(line: Line, lines: Mapping[int, Line]) -> bool:
    """Whether a line announces something that is no list, as code is, and does not stand behind it."""
    after = _beside(line, 1, lines)
    return line.text.endswith(":") and not (after and after.is_item)


def _beside(line: Line, step: int, lines: Mapping[int, Line]) -> Line | None:
    """The line before or after in the same section."""
    other = lines.get(line.number + step)
    return other if other and (other.source, other.heading) == (line.source, line.heading) else None


def _fits(other: Line, found: Sequence[Line]) -> bool:
    """Whether a line belongs to a list: an item of it, or the sentence that announces it."""
    belongs = other.is_item or (found[0].is_item and other.number < found[0].number and other.text.endswith(":"))
    return belongs and sum(len(line.text) for line in (other, *found)) <= _LIST_MOST
