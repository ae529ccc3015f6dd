"""Cuts a document into passages along its structure, with exact offsets. Pure; stores nothing.

Every chunk is a slice: `chunk.text == text[chunk.start:chunk.end]`, in code points.
"""

import re
import string
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from ..orchestrator.errors import BadInput
from ..orchestrator.rules.blocks import blocks
from ..orchestrator.rules.headings import Heading, headings

#: `tokens` of a passage: it is filled until it has at least the first and never has more than the second.
SIZE = (250, 300)
#: Counts the rules of cutting: where the same setting begins to cut elsewhere, this is one more.
RULES = 3

#: Tokens of a character, and what a digit and a mark have beyond those before them in this row.
_EACH, _NO_LETTER, _MARK = 0.175, 0.35, 0.625
_WORDS, _DIGITS = (string.ascii_letters + string.whitespace).encode(), string.digits.encode()
_FENCE = re.compile(r"^ {0,3}(```|~~~)", re.MULTILINE)
#: What a passage consists of that says nothing; it is short, or has rows that begin with these marks.
_SILENT = {"heading", "links"}
_HEADING_MOST, _TARGET = 300, re.compile(r"^(?:\.\.|__|\[)", re.MULTILINE)


class Chunk(NamedTuple):
    """A slice of a text, and the heading it stands under (empty before the first)."""

    start: int
    end: int
    text: str
    heading: str


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
    """The passages of a text in order; what is in none of them is white space, or says nothing.

    That is targets of links by themselves, and a heading by itself whose section has passages of its own: by their few
    words they would be found before all others.

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
    return _telling(text, chunks, chunking.size[1]) or chunks


def _telling(text: str, chunks: Sequence[Chunk], most: int) -> list[Chunk]:
    """The passages without those that say nothing; a heading by itself goes to the passage below it, where it fits."""
    kept: list[Chunk] = []
    for chunk in reversed(chunks):
        kinds = _kinds(chunk.text)
        if not kinds <= _SILENT:
            kept.append(chunk)
            continue
        whole = text[chunk.start : kept[-1].end] if kept and "heading" in kinds else ""
        if whole and tokens(whole) <= most:
            kept[-1] = chunk._replace(end=kept[-1].end, text=whole)
        elif "links" not in kinds and (not kept or kept[-1].heading != chunk.heading):
            kept.append(chunk)
    return kept[::-1]


def _kinds(text: str) -> set[str]:
    """What a passage consists of, as far as it may be nothing but headings and targets."""
    is_suspect = len(text) < _HEADING_MOST or _TARGET.search(text)
    return {block.kind for block in blocks(text)} if is_suspect else {"prose"}


def tokens(text: str) -> int:
    """About how many tokens MiniLM, which reads 254 of a passage, makes of a text: a sum over its characters.

    Six letters or spaces are about one, and so are two digits, a mark, and what is not ASCII; `docs/decisions/0018`
    says how far that is off. Counted by two passes in C, since a text is asked for in pieces of many times its length.
    """
    rest = text.encode("ascii", "replace").translate(None, _WORDS)
    return int(_EACH * len(text) + _NO_LETTER * len(rest) + _MARK * len(rest.translate(None, _DIGITS)))


def _as_markdown(text: str, marks: Sequence[Heading]) -> str:
    """A text of the same length whose headings are all Markdown's: to it `~~~` begins a block of code.

    A line above a title is one of `=`, which Markdown takes for words of the title, so that the two are not parted.
    """
    parts, end = [], 0
    for mark in marks:
        for (start, stop), own, instead in ((mark.above, "=", "="), (mark.below, "=-", "-")):
            if start < stop and text[start] not in own:
                parts += [text[end:start], instead * (stop - start)]
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
