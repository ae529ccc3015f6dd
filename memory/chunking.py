"""Cuts a document into passages along its structure, with exact offsets. Pure; stores nothing.

Every chunk is a slice: `chunk.text == text[chunk.start:chunk.end]`, in code points.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

#: Characters in a passage: it is filled until it holds at least the first and never holds more than the second.
SIZE = (1_000, 1_200)

_FENCE = re.compile(r" {0,3}(```|~~~)")
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


def chunk(text: str, *, is_markdown: bool = False) -> list[Chunk]:
    """The passages of a text in order, without overlap; only white space lies between them."""
    marks = list(headings(text))
    starts = [mark.start for mark in marks]
    chunks = []
    for start, piece in _splitter(is_markdown).chunk_indices(text):
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
def _splitter(is_markdown: bool) -> Any:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

    return MarkdownSplitter(SIZE) if is_markdown else TextSplitter(SIZE)
