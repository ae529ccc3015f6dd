"""Cuts a document into passages along its structure, with exact offsets. Pure; stores nothing.

Every chunk is a slice: `chunk.text == text[chunk.start:chunk.end]`, in code points.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from ..orchestrator.rules.tokens import estimate

#: Estimated tokens in a passage: it is filled until it has at least the first and never has more than the second.
SIZE = (250, 300)

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
    """Where a heading's line starts, and its words."""

    start: int
    text: str


def chunk(text: str, *, size: tuple[int, int] = SIZE, overlap: int = 0) -> list[Chunk]:
    """The passages of a text in order; what is in none of them is white space.

    In a text with headings or fenced code, a block of code and a table that fit into a passage are in one as a whole.
    Neighbours share whole sentences or blocks, as many as fit into `overlap` tokens, which are fewer than `size[0]`.
    """
    marks = list(headings(text))
    starts = [mark.start for mark in marks]
    # By what it holds, not by its name: code in a text file is code too, and prose gains nothing by Markdown's rules.
    splitter = _splitter(bool(marks) or _FENCE.search(text) is not None, size, overlap)
    chunks = []
    for start, piece in splitter.chunk_indices(text):
        if piece.strip():
            under = bisect_right(starts, start)
            chunks.append(Chunk(start, start + len(piece), piece, marks[under - 1].text if under else ""))
    return chunks


def headings(text: str) -> Iterator[Heading]:
    """The Markdown (`# x`) and underlined (reStructuredText) headings of a text, outside code fences."""
    offset, fence, above = 0, "", ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if mark and fence in ("", mark[1]):
            fence, above = "" if fence else mark[1], ""
        elif not fence:
            if found := _MARKDOWN.match(line):
                yield Heading(offset, found[1])
            elif _underlines(line, above):
                yield Heading(offset - len(above), above.strip())
            above = line
        offset += len(line)


def _underlines(line: str, above: str) -> bool:
    """A row of one punctuation mark, at least as long as the unindented words above it."""
    title = above.rstrip()
    return bool(title) and not title[0].isspace() and len(line.rstrip()) >= len(title) and _is_row(line, title)


def _is_row(line: str, title: str) -> bool:
    return _UNDERLINE.match(line) is not None and _UNDERLINE.match(title) is None


@cache
def _splitter(is_marked_up: bool, size: tuple[int, int], overlap: int) -> Any:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

    return (MarkdownSplitter if is_marked_up else TextSplitter).from_callback(estimate, size, overlap)
