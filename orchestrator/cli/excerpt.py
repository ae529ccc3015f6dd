"""The part of a passage that has most of what was asked for, with its words marked. Pure, apart from one import."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

#: Characters of an excerpt, and how many of them at most stand before the first word that is marked.
WIDTH, LEAD = 280, 60

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPH}]|(?:(?![{_IDEOGRAPH}])\w)+")

Span = tuple[int, int]


class Piece(NamedTuple):
    """Some of a text, and whether it is one of the words that were asked for."""

    text: str
    is_marked: bool


def words(text: str) -> list[str]:
    """The words of a text, as they stand."""
    return _WORD.findall(text)


def stems(asked: Iterable[str]) -> frozenset[str]:
    """What words have in common with their other forms."""
    return frozenset(map(_stem, asked))


def marks(text: str, asked: frozenset[str]) -> list[Span]:
    """Where the words of these stems stand in a text."""
    return [found.span() for found in _WORD.finditer(text) if _stem(found[0]) in asked]


def excerpt(text: str, marked: Sequence[Span], width: int = WIDTH) -> list[Piece]:
    """As many of the marked words as stand within `width` characters, and what stands between and around them."""
    begins = [_start(text, start) for start, _ in marked] or [0]
    begin = max(begins, key=lambda at: sum(at <= start and end <= at + width for start, end in marked))
    end = min(len(text), begin + width)
    pieces, at = [Piece("… " * bool(begin), False)], begin
    for start, stop in marked:
        if begin <= start and stop <= end:
            pieces += [Piece(text[at:start], False), Piece(text[start:stop], True)]
            at = stop
    pieces += [Piece(text[at:end], False), Piece(" …" * (end < len(text)), False)]
    return [piece for piece in pieces if piece.text]


def _start(text: str, mark: int) -> int:
    """The beginning of a word a little before a mark."""
    begin = max(0, mark - LEAD)
    return begin if not begin else min(mark, text.find(" ", begin, mark) + 1 or mark)


def _stem(word: str) -> str:
    return str(_stemmer().stemWord(unicodedata.normalize("NFKC", word).casefold()))


@cache
def _stemmer() -> Any:
    from Stemmer import Stemmer

    return Stemmer("english")
