"""Long bodies in parts that are kept once, so that a conversation that grows takes bytes as it grows. Pure.

A text is cut where its own content says so, never at a fixed place: what two texts have in common falls into equal
parts, wherever it stands in them. The names of the parts are a text again, which is cut in the same way while it is
long, so that even the names of a long conversation are kept once.
"""

import re
import zlib
from typing import NamedTuple

from ..ids import digest

#: A text up to so many characters is kept as it is.
WHOLE_MOST = 2_048
#: A part is at least so long, and at most.
_LEAST, _MOST = 512, 65_536
#: Behind one token in so many a part ends.
_ONE_IN = 16
_TOKEN = re.compile(f"[^,]{{0,{_LEAST}}},?")
#: How many characters the name of a part has.
NAME = 20


class Cut(NamedTuple):
    """A text as it is kept: as it is (`level` 0), or as names of parts, `level` times over."""

    level: int
    text: str


class Parts:
    """The parts of one run, by name."""

    def __init__(self, texts: dict[str, str] | None = None) -> None:
        self._texts: dict[str, str] = {} if texts is None else texts

    def cut(self, text: str) -> tuple[Cut, dict[str, str]]:
        """A text as it is to be kept, and which parts must be kept for it that have not been."""
        level, new = 0, dict[str, str]()
        while len(text) > WHOLE_MOST:
            named = [(name_of(part), part) for part in _parts(text)]
            new |= {name: part for name, part in named if name not in self._texts}
            text, level = ",".join(name for name, _ in named), level + 1
        return Cut(level, text), new

    def keep(self, name: str, text: str) -> None:
        """A part is kept now. Raises ValueError where the text is not that of the name."""
        if name_of(text) != name:
            raise ValueError(f"part {name} is not what its name says")
        self._texts[name] = text

    def whole(self, cut: Cut) -> str:
        """The text that was cut. Raises ValueError where a part is missing."""
        text = cut.text
        for _ in range(cut.level):
            try:
                text = "".join([self._texts[name] for name in text.split(",")])
            except KeyError as error:
                raise ValueError(f"part {error.args[0]} is missing") from None
        return text


def name_of(text: str) -> str:
    """The name of a part: the beginning of its hash."""
    return digest(text)[:NAME]


def _parts(text: str) -> list[str]:
    parts, start = [], 0
    for token in _TOKEN.finditer(text):
        length = token.end() - start
        if length >= _MOST or (length >= _LEAST and zlib.crc32(token[0].encode()) % _ONE_IN == 0):
            parts.append(text[start : token.end()])
            start = token.end()
    return [*parts, text[start:]] if start < len(text) else parts
