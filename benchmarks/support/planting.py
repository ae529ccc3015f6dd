"""True sentences with their evidence, and the same with something planted that stands in another document.

What is planted is found and replaced by plain patterns of its own, not by the rules that are measured.
"""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

#: A word with a capital in mid-sentence, or in capitals.
NAME = re.compile(r"(?<=[a-z,] )(?:[A-Z][a-z]{3,}|[A-Z]{3,})\b(?![-'./]\w)")
FIGURE = re.compile(r"(?<![\w.,:/-])(?!(?:1[5-9]|20)\d\d\b)\d[\d,.]*\d(?![\w:/-]|[.,]\d)")
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
DATE = re.compile(
    rf"\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}}[ -](?:{_MONTH}|[A-Z][a-z]{{2}})[ -]\d{{4}}\b|(?<![\w.,/-])(?:19|20)\d\d(?![\w.,/-]\d|[\w/-])"
)
#: The first word of a sentence that goes on in lower case; replaced where it is a name in the evidence.
FIRST = re.compile(r"^[A-Z][a-z]{3,}(?=(?:'s)? [a-z])")
_SMALL = "two three four five six seven eight nine ten eleven twelve fourteen fifteen seventeen twenty thirty forty"
SPELLED = re.compile(rf"\b(?:{_SMALL.replace(' ', '|')})\b(?!-)", re.IGNORECASE)
_UNITS = "minutes hours months years seconds euros pounds dollars metres kilometres bytes"
UNIT = re.compile(rf"(?<=\d )(?:{_UNITS.replace(' ', '|')})\b|[£€$](?=\d)|(?<=\d)%|(?<=\d )per ?cent\b")
PATTERNS = {"name": NAME, "figure": FIGURE, "date": DATE}
KINDS = {**PATTERNS, "first word": FIRST, "number word": SPELLED, "unit": UNIT}
#: What a unit becomes.
SWAPPED = {
    "£": "€",
    "€": "$",
    "$": "£",
    "%": " years",
    "per cent": "years",
    "percent": "years",
    **dict(zip(_UNITS.split(), (*_UNITS.split()[1:], _UNITS.split()[0]), strict=True)),
}


class Item(NamedTuple):
    """A sentence, the texts that it rests on, and what needs no quote; `origin` says what made it."""

    origin: str
    sentence: str
    evidence: tuple[str, ...]
    known: tuple[str, ...] = ()
    #: What was planted in it, and the sentence before that; empty in a true one.
    planted: str = ""
    true: str = ""


class Strangers:
    """Sentences of other documents, and the words that stand in them in lower case as well: these are no names."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = tuple(sentences)
        self.ordinary = frozenset(word for text in self.sentences for word in re.findall(r"\b[a-z]+\b", text))


def planted(item: Item, strangers: Strangers, chance: random.Random) -> Iterator[Item]:
    """The item once for each kind of thing that it names, with a stranger's in its place; and a stranger under its
    evidence, where that names anything.

    `strangers` are of its corpus.
    """
    for kind in KINDS:
        if (other := with_planted(item, kind, strangers, chance)) is not None:
            yield other
    stands = _all_of(item)
    if invented := _first(strangers.sentences, lambda text: _names_a_stranger(text, stands), chance):
        yield item._replace(sentence=invented, planted="sentence")


def with_planted(item: Item, kind: str, strangers: Strangers, chance: random.Random) -> Item | None:
    """The item with something of this kind in another's place; None where it names none, or no stranger does."""
    named = {spot[0] for text in (*item.evidence, *item.known) for spot in NAME.finditer(text)}
    pattern = KINDS[kind]
    spots = [spot for spot in pattern.finditer(item.sentence) if pattern is not FIRST or spot[0] in named]
    spot = chance.choice(spots) if spots else None
    if spot is None or not (other := _instead(kind, spot, strangers, _all_of(item), chance)):
        return None
    sentence = item.sentence[: spot.start()] + other + item.sentence[spot.end() :]
    return item._replace(sentence=sentence, planted=kind, true=item.sentence)


def _all_of(item: Item) -> str:
    return " ".join((item.sentence, *item.evidence, *item.known)).casefold()


def _instead(kind: str, spot: re.Match[str], strangers: Strangers, stands: str, chance: random.Random) -> str:
    """What is planted there; "" where nothing fits."""
    if kind == "unit":
        return SWAPPED[spot[0].lower()]
    if kind == "number word":
        return chance.choice([word for word in _SMALL.split() if not re.search(rf"\b{word}\b", stands)] or [""])
    return _other(PATTERNS["name" if kind == "first word" else kind], strangers, stands, chance)


def _other(pattern: re.Pattern[str], strangers: Strangers, stands: str, chance: random.Random) -> str:
    """Something of this kind that a stranger names and that does not stand there."""
    for _ in range(200):
        found = [spot[0] for spot in pattern.finditer(chance.choice(strangers.sentences))]
        new = [name for name in found if name.lower() not in strangers.ordinary and not _stands(name, stands)]
        if new:
            return chance.choice(new)
    return ""


def _first(texts: Sequence[str], fits: Callable[[str], bool], chance: random.Random) -> str:
    return next((text for text in (chance.choice(texts) for _ in range(200)) if fits(text)), "")


def _names_a_stranger(text: str, stands: str) -> bool:
    return any(not _stands(spot[0], stands) for pattern in PATTERNS.values() for spot in pattern.finditer(text))


def _stands(name: str, stands: str) -> bool:
    plain = name.casefold()
    return plain in stands or plain.replace(",", "") in stands.replace(",", "")


def merged(items: Sequence[Item]) -> list[Item]:
    """Neighbours as one sentence, the second first."""
    pairs = zip(items[::2], items[1::2], strict=False)
    return [
        Item(
            f"{one.origin}, two in one",
            f"{other.sentence.rstrip('. ')}; {one.sentence}",
            (*one.evidence, *other.evidence),
            (*one.known, *other.known),
        )
        for one, other in pairs
    ]
