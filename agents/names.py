"""The proper names in a text, and whether a title is one. Pure; for languages that write names with capitals."""

import re
import unicodedata
from collections.abc import Iterator

from .language import STOP

_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*\.?")
#: Words in lower case that may stand inside of a name.
_JOINING = frozenset(_WORD.findall("of the de da del della di du la le les von van den der zu zur bin ibn al el y e"))
#: What ends in a full stop and ends no sentence, besides initials.
_ADDRESSES = frozenset(_WORD.findall("mr. mrs. ms. dr. st. jr. sr. prof. rev. gen. col. lt. capt. sgt."))
_INITIAL = 2
_BRACKETED = re.compile(r"\s*\([^()]*\)\s*$")
_POSSESSIVE = re.compile(r"['’]s?$", re.IGNORECASE)
_ARTICLES = frozenset({"the", "a", "an"})


def names(text: str) -> list[str]:
    """The proper names of a text as they are written, each once, in order.

    A name is a run of words with capitals, with `of` and its like between them; a word that begins a question is none.
    """
    found: dict[str, str] = {}
    for run in _runs(text):
        name = _POSSESSIVE.sub("", text[run[0].start() : run[-1].end()].rstrip(".")) if run else ""
        found.setdefault(normal(name), name)
    return [name for key, name in found.items() if key]


def normal(name: str) -> str:
    """A name or title as it is compared: folded, without marks, a possessive, or what follows in brackets."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(re.findall(r"\w+", _POSSESSIVE.sub("", _BRACKETED.sub("", folded))))


def is_called(title: str, name: str) -> bool:
    """Whether a title is this name, goes on from it (`Ermengarde of Tours`), or is its first two words or more."""
    one, other = normal(title).split(), normal(name).split()
    goes_on, begins = one[: len(other)] == other, len(one) > 1 and other[: len(one)] == one
    return bool(other) and (goes_on or begins)


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """Runs of words that may be names, without what does not belong to them at either end."""
    run: list[re.Match[str]] = []
    for word in _WORD.finditer(text):
        if run and (text[run[-1].end() : word.start()] != " " or _ends_sentence(run[-1][0])):
            yield _trimmed(text, run)
            run = []
        if word[0][0].isupper() or (run and word[0] in _JOINING):
            run.append(word)
        elif run:
            yield _trimmed(text, run)
            run = []
    yield _trimmed(text, run)


def _ends_sentence(word: str) -> bool:
    return word.endswith(".") and len(word) > _INITIAL and word.casefold() not in _ADDRESSES


def _trimmed(text: str, run: list[re.Match[str]]) -> list[re.Match[str]]:
    while run and run[-1][0] in _JOINING:
        run = run[:-1]
    if run and run[0][0].lower() in STOP and (len(run) == 1 or _opens(text, run)):
        run = run[1:]
    while run and run[0][0] in _JOINING:
        run = run[1:]
    return run


def _opens(text: str, run: list[re.Match[str]]) -> bool:
    """Whether a run begins with a word that has its capital from the beginning of a sentence alone."""
    before = text[: run[0].start()].rstrip(" \"“'‘(")
    return run[0][0].lower() not in _ARTICLES and (not before or before[-1] in ".!?\n")
