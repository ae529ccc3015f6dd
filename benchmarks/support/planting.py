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


def planted(item: Item, strangers: Sequence[str], chance: random.Random) -> Iterator[Item]:
    """The item once for each kind of thing that it names, with a stranger's in its place; and a stranger under its
    evidence, where that names anything.

    `strangers` are sentences of other documents of its corpus.
    """
    stands = " ".join((item.sentence, *item.evidence, *item.known)).casefold()
    named = {spot[0] for text in (*item.evidence, *item.known) for spot in NAME.finditer(text)}
    for kind, pattern in {**PATTERNS, "first word": FIRST, "number word": SPELLED, "unit": UNIT}.items():
        spots = [spot for spot in pattern.finditer(item.sentence) if pattern is not FIRST or spot[0] in named]
        if spots and (other := _instead(kind, spot := chance.choice(spots), strangers, stands, chance)):
            sentence = item.sentence[: spot.start()] + other + item.sentence[spot.end() :]
            yield item._replace(sentence=sentence, planted=kind, true=item.sentence)
    if invented := _first(strangers, lambda text: _names_a_stranger(text, stands), chance):
        yield item._replace(sentence=invented, planted="sentence")


def _instead(kind: str, spot: re.Match[str], strangers: Sequence[str], stands: str, chance: random.Random) -> str:
    """What is planted there; "" where nothing fits."""
    if kind == "unit":
        return SWAPPED[spot[0].lower()]
    if kind == "number word":
        return chance.choice([word for word in _SMALL.split() if not re.search(rf"\b{word}\b", stands)] or [""])
    return _other(PATTERNS["name" if kind == "first word" else kind], strangers, stands, chance)


def _other(pattern: re.Pattern[str], strangers: Sequence[str], stands: str, chance: random.Random) -> str:
    """Something of this kind that a stranger names and that does not stand there."""
    for _ in range(200):
        found = [spot[0] for spot in pattern.finditer(chance.choice(strangers))]
        new = [name for name in found if not _stands(name, stands)]
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
