"""Cuts texts that are too large for a splitter, whose time grows with the square of what has no structure. Pure."""

from collections.abc import Callable, Iterator

from ..orchestrator.rules.headings import headings
from .chunking import Chunk

#: Characters up to which a text is cut whole, and of the parts that a longer one is cut in.
WHOLE, PART = 500_000, 50_000
#: Where a part may end, best first.
_ENDS = ("\n\n", "\n", " ")


def cut_large(text: str, cut: Callable[[str], list[Chunk]]) -> list[Chunk]:
    """The passages of a text of any length; `cut` gives those of a short one."""
    if len(text) <= WHOLE:
        return cut(text)
    chunks: list[Chunk] = []
    above = ""
    for start, part in _parts(text):
        chunks += [Chunk(start + c.start, start + c.end, c.text, c.heading or above) for c in cut(part)]
        above = next((heading.text for heading in reversed(list(headings(part)))), above)
    return chunks


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Slices that are the text together, and where each starts; the last half of each is searched for a good end."""
    start = 0
    while start < len(text):
        end = start + PART
        if end < len(text):
            found = (text.rfind(mark, start + PART // 2, end) + len(mark) for mark in _ENDS)
            end = next((at for at in found if at > start + PART // 2), end)
        yield start, text[start:end]
        start = end
