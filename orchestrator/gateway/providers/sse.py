"""Server-sent events, read as their bytes arrive. Pure. Source: WHATWG HTML §9.2.6, as far as it concerns data."""

import re

#: The most bytes of one line, and of the data of one event.
LINE_BYTES_MOST = 1024 * 1024
_END_OF_LINE = re.compile(rb"\r\n|\n|\r")
_MARK = b"\xef\xbb\xbf"
#: What a line of a stream begins with; nothing that is JSON does.
_NAMES = (b"data:", b"event:", b"id:", b"retry:", b":")


def begins_events(content: bytes) -> bool | None:
    """Whether a body that begins so is a stream of events, whatever it is called; None where more must come to tell."""
    begun = content.removeprefix(_MARK).lstrip()
    if begun.startswith(_NAMES):
        return True
    return None if any(name.startswith(begun) for name in _NAMES) else False


class Events:
    """Takes bytes in pieces of any size, gives the data of each event once it is complete.

    Comments, names and ids are left out. An event that no empty line has ended is never given: a stream that is cut
    gives a prefix of its events.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._is_first = True

    def feed(self, content: bytes) -> list[bytes]:
        """The data of the events that these bytes complete. Raises ValueError for a line or event over the bound."""
        content = self._rest + content
        if content.endswith(b"\r"):  # the other half of its end may be on the way
            whole, self._rest = content[:-1], b"\r"
        else:
            whole, self._rest = content, b""
        *lines, rest = _END_OF_LINE.split(whole)
        if max(map(len, (*lines, rest))) > LINE_BYTES_MOST:
            raise ValueError(f"a line of the stream is over {LINE_BYTES_MOST} bytes")
        self._rest = rest + self._rest
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, line: bytes) -> bytes | None:
        """The data of the event that this line ends, if it does."""
        if self._is_first:
            line, self._is_first = line.removeprefix(_MARK), False
        if not line:
            data, self._data, self._size = self._data, [], 0
            return b"\n".join(data) if data else None
        name, _, value = line.partition(b":")
        if name == b"data":
            self._size += len(value)
            if self._size > LINE_BYTES_MOST:
                raise ValueError(f"an event of the stream is over {LINE_BYTES_MOST} bytes")
            self._data.append(value.removeprefix(b" "))
        return None
