"""Finds what a text calls itself. Pure."""

import re

from ..orchestrator.text import has_words, shorten

_HEADING = re.compile(
    r"^#{1,6}[ \t]+(?P<hash>[^\r\n]*?)[ \t]*#*[ \t]*\r?$"
    r"|^(?P<over>[^\s#][^\r\n]*)\r?\n(?P<mark>[=\-~^\"'`*+:.])(?P=mark){2,}[ \t]*\r?$",
    re.MULTILINE,
)
#: Characters of a text in which its title is looked for.
_START = 10_000


def title_of(text: str) -> str:
    """The first Markdown or underlined heading, else the first line with words, as one short line; else empty."""
    start = text[:_START]
    for found in _HEADING.finditer(start):
        if has_words(title := found["hash"] or found["over"] or ""):
            return shorten(title)
    return next((shorten(line) for line in start.splitlines() if has_words(line)), "")
