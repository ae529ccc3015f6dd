"""Where a text may be cut: between sentences, items of lists, paragraphs; between lines where these are long. Pure.

The pieces follow each other without gap or overlap, so that any run of them is a slice of the text.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

#: Characters that a piece may have before it is cut at the ends of its lines too: code, tables and logs have no others.
LONG = 500

_BORDER = re.compile(
    r"[.!?][\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\Wa-z_])"  # what follows does not go on in lower case
    r"|[。！？][」』”’]*\s*"
    r"|\n\s*\n\s*"
    r"|\n(?=\s*(?:[-*+•]|\d+[.)])\s)"
)
_LINE = re.compile(r"\n")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“‘])(?:e\.g|i\.e|etc|vs|cf|mrs?|ms|dr|prof|st|no|fig|approx|inc|[^\W\d_])$", re.IGNORECASE
)


class Piece(NamedTuple):
    """A slice of a text, from its first to behind its last character, with the white space that follows."""

    start: int
    end: int


def pieces(text: str) -> list[Piece]:
    """The text's sentences and lines, in order; together they are the text."""
    found: list[Piece] = []
    for piece in _between(text, Piece(0, len(text)), _BORDER):
        found += [piece] if piece.end - piece.start <= LONG else _between(text, piece, _LINE)
    return found


def _between(text: str, whole: Piece, border: re.Pattern[str]) -> Iterator[Piece]:
    start = whole.start
    for match in border.finditer(text, whole.start, whole.end):
        if match.end() < whole.end and not (match[0][0] == "." and _abbreviates(text[start : match.start()])):
            yield Piece(start, match.end())
            start = match.end()
    if start < whole.end:
        yield Piece(start, whole.end)


def _abbreviates(before: str) -> bool:
    """Whether the full stop behind these words ends an abbreviation or an initial, and no sentence."""
    return _ABBREVIATION.search(before[-10:]) is not None
