"""Cuts a document into passages along its structure, with exact offsets. Pure; stores nothing.

Every chunk is a slice: `chunk.text == text[chunk.start:chunk.end]`, in code points.
"""

import re
import string
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from ..orchestrator.errors import BadInput

#: `tokens` of a passage: it is filled until it has at least the first and never has more than the second.
SIZE = (250, 300)
#: Counts the rules of cutting: where the same setting begins to cut elsewhere, this is one more.
RULES = 2

#: Tokens of a character, and what a digit and a mark have beyond those before them in this row.
_EACH, _NO_LETTER, _MARK = 0.175, 0.35, 0.625
_WORDS, _DIGITS = (string.ascii_letters + string.whitespace).encode(), string.digits.encode()
_FENCE = re.compile(r"^ {0,3}(```|~~~)", re.MULTILINE)
_MARKDOWN = re.compile(r"#{1,6}[ \t]+(.*?)[ \t]*#*\s*$")
_UNDERLINE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}\s*$")


class Chunk(NamedTuple):
    """A slice of a text, and the heading it stands under (empty before the first)."""

    start: int
    end: int
    text: str
    heading: str


class Heading(NamedTuple):
    """Where a heading's line starts, its words, and from where to where a row underlines it (nowhere for `# x`)."""

    start: int
    text: str
    row: tuple[int, int]


@dataclass(frozen=True)
class Chunking:
    """How texts are cut. `size` and `overlap` are in `tokens`; an overlap has fewer than a passage has at least.

    Raises: BadInput for a size or an overlap that cannot be.
    """

    size: tuple[int, int] = SIZE
    overlap: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.size[0] <= self.size[1]:
            raise BadInput(
                f"passages of {self.size} tokens cannot share {self.overlap}; give an overlap of 0..{self.size[0] - 1}"
            )

    @property
    def id(self) -> str:
        """Equal for two that cut every text alike."""
        return f"{RULES}: {self.size[0]}-{self.size[1]} tokens, {self.overlap} shared"


#: What was found best; see `docs/decisions/0018`.
DEFAULT = Chunking()


def chunk(text: str, chunking: Chunking = DEFAULT) -> list[Chunk]:
    """The passages of a text in order; what is in none of them is white space.

    In a text with headings or fenced code, a block of code and a table that fit into a passage are in one as a whole.
    Neighbours share whole sentences or blocks, as many as fit into the overlap.
    """
    marks = list(headings(text))
    starts = [mark.start for mark in marks]
    # By what it holds, not by its name: code in a text file is code too, and prose gains nothing by Markdown's rules.
    splitter = _splitter(bool(marks) or _FENCE.search(text) is not None, chunking)
    chunks = []
    for start, piece in splitter.chunk_indices(_as_markdown(text, marks)):
        if piece.strip():
            under, end = bisect_right(starts, start), start + len(piece)
            chunks.append(Chunk(start, end, text[start:end], marks[under - 1].text if under else ""))
    return chunks


def tokens(text: str) -> int:
    """About how many tokens MiniLM, which reads 254 of a passage, makes of a text: a sum over its characters.

    Six letters or spaces are about one, and so are two digits, a mark, and what is not ASCII; `docs/decisions/0018`
    says how far that is off. Counted by two passes in C, since a text is asked for in pieces of many times its length.
    """
    rest = text.encode("ascii", "replace").translate(None, _WORDS)
    return int(_EACH * len(text) + _NO_LETTER * len(rest) + _MARK * len(rest.translate(None, _DIGITS)))


def headings(text: str) -> Iterator[Heading]:
    """The Markdown (`# x`) and underlined (reStructuredText) headings of a text, outside code fences."""
    offset, fence, above = 0, "", ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        is_row = not fence and _underlines(line, above) and line[0] != "`"
        if mark and fence in ("", mark[1]) and not is_row:
            fence, above = "" if fence else mark[1], ""
        elif not fence:
            if found := _MARKDOWN.match(line):
                yield Heading(offset, found[1], (offset, offset))
            elif is_row:
                yield Heading(offset - len(above), above.strip(), (offset, offset + len(line.rstrip())))
            above = line
        offset += len(line)


def _underlines(line: str, above: str) -> bool:
    """A row of one punctuation mark, at least as long as the unindented words above it."""
    title = above.rstrip()
    return bool(title) and not title[0].isspace() and len(line.rstrip()) >= len(title) and _is_row(line, title)


def _is_row(line: str, title: str) -> bool:
    return _UNDERLINE.match(line) is not None and _UNDERLINE.match(title) is None


def _as_markdown(text: str, marks: Sequence[Heading]) -> str:
    """A text of the same length whose underlines are all Markdown's: to it `~~~` begins a block of code."""
    parts, end = [], 0
    for start, stop in (mark.row for mark in marks):
        if text[start:stop].startswith(("=", "-")):
            continue
        parts += [text[end:start], "-" * (stop - start)]
        end = stop
    return "".join([*parts, text[end:]])


@cache
def _splitter(is_marked_up: bool, chunking: Chunking) -> Any:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

    splitter = MarkdownSplitter if is_marked_up else TextSplitter
    return splitter.from_callback(_measure(chunking.size[1]), chunking.size, chunking.overlap)


def _measure(most: int) -> Callable[[str], int]:
    """What the splitter asks of a text: mostly whether it is too long, which a long one is whatever it is made of."""

    def measure(text: str) -> int:
        least = int(_EACH * len(text))
        return least if least > most else tokens(text)

    return measure
