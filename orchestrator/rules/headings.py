"""The headings of a text, as Markdown and reStructuredText write them: `# x`, underlined, with a line above. Pure.

What stands in a fence or in a document's header is no heading. Time is linear in the length of the text.
"""

import re
import string
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .rows import Row, fence_end, header, is_fence, rows

#: Characters of a row beyond which it is no heading.
LENGTH_MOST = 300

_HASHES = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*$")
_RULE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}")
_MARKS = frozenset(string.punctuation)
_SHORT = 4
#: What ends a sentence, or lets it go on: a rule under such a row, shorter than it, parts it from what follows.
_SAID = (".", "!", "?", ",", ";", ":")
#: Marks of which a row begins a block of code, unless it is under a title.
_FENCING = "`~"


class Heading(NamedTuple):
    """A heading: where its first row starts and its last ends, its words, and how deep it stands, from 1.

    `above` and `below` are where the rows of marks stand around an underlined title; nowhere for `# x`.
    """

    start: int
    end: int
    text: str
    level: int
    above: tuple[int, int] = (0, 0)
    below: tuple[int, int] = (0, 0)


class Title(NamedTuple):
    """A heading among rows: how many it takes, which of them has the words, and how it is marked."""

    size: int
    row: int
    text: str
    #: `#`, as many as there are; or the mark of the rows around it, twice with a line above.
    style: str


def headings(text: str) -> Iterator[Heading]:
    """The headings of a text in order."""
    written = rows(text)
    levels, at = Levels(), header(written).body
    while at < len(written):
        if title := title_at(written, at):
            yield levels.heading(written, at, title)
            at += title.size
        else:
            at = fence_end(written, at) if is_fence(written[at]) else at + 1


class Levels:
    """How deep headings stand: by the number of `#`, else by the order in which a text first uses each style.

    Below a heading with `#`, the text is Markdown, to which `===` is the first level and any other row the second.
    """

    def __init__(self) -> None:
        self._styles: list[str] = []
        self._is_markdown = False

    def heading(self, written: Sequence[Row], at: int, title: Title) -> Heading:
        """The heading that this title is."""
        first, last = written[at], written[at + title.size - 1]
        if title.size == 1:
            self._is_markdown = True
            return Heading(first.start, first.end, title.text, len(title.style))
        above = (first.start, first.end) if title.row != at else (first.start, first.start)
        return Heading(first.start, last.end, title.text, self._level(title.style), above, (last.start, last.end))

    def _level(self, style: str) -> int:
        if self._is_markdown:
            return 1 if style == "=" else 2
        if style not in self._styles:
            self._styles.append(style)
        return self._styles.index(style) + 1


def title_at(written: Sequence[Row], at: int) -> Title | None:
    """The title that begins at a row; None where none does."""
    row = written[at]
    if not row.text or len(row.text) > LENGTH_MOST:
        return None
    if row.text[0] == "#" and (hashes := _HASHES.fullmatch(row.text)):
        return Title(1, at, hashes[2], hashes[1])
    if at + 1 == len(written) or (row.text[0] not in _MARKS and written[at + 1].text[:1] not in _MARKS):
        return None  # most rows
    is_after_blank = at == 0 or not written[at - 1].text
    if is_after_blank and _is_framed([row.text for row in written[at : at + 3]]):
        return Title(3, at + 1, written[at + 1].text.strip(), row.text[0] * 2)
    if _is_underlined(row.text, written[at + 1].text, is_after_blank=is_after_blank):
        return Title(2, at, row.text, written[at + 1].text[0])
    return None


def is_rule(text: str) -> bool:
    """Whether a row is nothing but one mark, three times or more."""
    return _RULE.fullmatch(text) is not None


def _is_framed(texts: Sequence[str]) -> bool:
    """A title between two rows of the same mark, each as long as it is or longer."""
    if len(texts) < 3 or not texts[1] or not is_rule(texts[0]) or is_rule(texts[1]) or not is_rule(texts[2]):
        return False
    is_long = min(len(texts[0]), len(texts[2])) >= len(texts[1].strip())
    return is_long and texts[0][0] == texts[2][0] and texts[0][0] not in _FENCING


def _is_underlined(title: str, below: str, *, is_after_blank: bool) -> bool:
    """Unindented words over a row of one mark as long as they are; a shorter one where they alone are no sentence."""
    if title[0].isspace() or not is_rule(below) or is_rule(title) or is_fence(Row(0, 0, title)):
        return False
    if below[0] == "`":
        return len(below) == len(title) and len(below) >= _SHORT
    is_short = is_after_blank and len(below) >= min(_SHORT, len(title)) and not title.endswith(_SAID)
    return len(below) >= len(title) or is_short
