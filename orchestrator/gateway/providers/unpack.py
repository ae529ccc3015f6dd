"""A body that a server or what stands before it has packed, though nobody asked: unpacked as far as the bound. Pure."""

import zlib

#: How zlib is told what it reads, by how a body says that it is packed; a negative number is without a head.
_KINDS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
#: The first byte of what gzip has packed, with which no text begins.
_GZIP = 0x1F


class TooLarge(Exception):
    """Raised where more bytes come than are read."""


class Unpacker:
    """Takes the bytes of a body in pieces, gives them as they were before they were packed, if they were.

    Whether they are packed their first byte says: what stands between may unpack a body and leave its header, or pack
    it and write none.
    """

    def __init__(self, encoding: str, bytes_most: int) -> None:
        self._kind, self._left = _KINDS.get(encoding), bytes_most
        self._engine: zlib._Decompress | None = None
        self._has_begun = False

    def feed(self, content: bytes) -> bytes:
        """The next piece. Raises TooLarge over the bound, and zlib.error for what is packed and broken."""
        if content and not self._has_begun:
            self._has_begun, kind = True, self._kind_of(content[0])
            self._engine = zlib.decompressobj(kind) if kind else None
        if self._engine is not None:
            content = self._engine.decompress(content, self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            raise TooLarge
        return content

    def _kind_of(self, first: int) -> int | None:
        if first == _GZIP:
            return 31
        if self._kind != 15 or chr(first) in "{[ \t\r\n":
            return None
        return 15 if first & 15 == 8 else -15  # zlib's head, or none at all


def can_unpack(encoding: str) -> bool:
    """Whether a body that says it is packed so can be read."""
    return encoding == "identity" or encoding in _KINDS
