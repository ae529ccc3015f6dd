"""The rows of a text as they are written: where each stands, which of them are fenced, and which are a header. Pure.

A header is what a document says about itself before it begins: a block of YAML or TOML, or rows of `Name: value`.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

#: Rows of a text in which its header must end.
_HEADER_MOST = 1_000

_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
_DEEP = 4
_FIELD = re.compile(r"[A-Za-z][\w-]{0,63}:(?:[ \t]|$)")
_OPENS = {"---": ("---", "..."), "+++": ("+++",), "```toml": ("```",)}


class Row(NamedTuple):
    """A row of a text, without the white space at its end: `text == source_text[start:end]`."""

    start: int
    end: int
    text: str

    @property
    def indent(self) -> int:
        """Characters of white space before its first word."""
        return len(self.text) - len(self.text.lstrip())


class Header(NamedTuple):
    """Which rows hold the fields of a header, from `first` until before `last`, and at which row the text begins."""

    first: int = 0
    last: int = 0
    body: int = 0


def rows(text: str) -> list[Row]:
    """All rows in order; what is in none of them is white space."""
    found, at = list[Row](), 0
    for line in text.splitlines(keepends=True):
        stripped = line.rstrip()
        found.append(Row(at, at + len(stripped), stripped))
        at += len(line)
    return found


def header(written: Sequence[Row]) -> Header:
    """The header of a text; an empty one where it begins at once."""
    closing = _OPENS.get(written[0].text) if written else None
    if closing:
        for n, row in enumerate(written[1:_HEADER_MOST], start=1):
            if row.text in closing:
                return Header(1, n, n + 1) if any(":" in r.text or "=" in r.text for r in written[1:n]) else Header()
        return Header()
    count = fields = 0
    for row in written[:_HEADER_MOST]:
        is_field = _FIELD.match(row.text) is not None
        if not row.text or not (is_field or (fields and row.text[0].isspace())):
            break
        count, fields = count + 1, fields + is_field
    is_ended = count == len(written) or (count < len(written) and not written[count].text)
    return Header(0, count, count) if fields > 1 and is_ended else Header()


def is_fence(row: Row) -> bool:
    """Whether a row begins a block of code."""
    return _FENCE.match(row.text) is not None


def fence_end(written: Sequence[Row], at: int) -> int:
    """The row behind a fenced block that begins at `at`: behind its closing mark, or the end of the text.

    One within an item of a list, indented like code, ends with its item.
    """
    mark = _FENCE.match(written[at].text)
    assert mark is not None
    least = written[at].indent if written[at].indent >= _DEEP else 0
    for n in range(at + 1, len(written)):
        row = written[n]
        if (closing := _FENCE.fullmatch(row.text)) and closing[1].startswith(mark[1]):
            return n + 1
        if row.text and row.indent < least:
            return n
    return len(written)
