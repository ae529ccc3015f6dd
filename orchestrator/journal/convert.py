"""Runs of older formats as runs of today's. Pure, one function for each step from a format to the next."""

from collections.abc import Callable, Mapping

from pydantic_core import from_json

from ..ids import digest
from .events import GENESIS, HEAD, Event, link
from .lines import END, FORMAT, HEADER, closed_after, lines_of
from .parts import Parts


def to_today(content: bytes, format: int) -> bytes:
    """The same run in today's format, with its damage. Raises KeyError for a format that was never read."""
    while format != FORMAT:
        content, format = _STEPS[format](content), format + 1
    return content


def _from_2(content: bytes) -> bytes:
    """Lines without commits or parts, whose hash covered the body itself. A line without an end is a crash's.

    From the first that is damaged on they stay as they are: read today they are damaged too, and at the same event.
    """
    prev = new_prev = GENESIS
    parts, lines = Parts(), bytearray(HEADER)
    old = content.split(b"\n")[1:-1]
    for n, line in enumerate(old):
        text, _, ending = line.decode(errors="replace").rpartition(',"hash":"')
        head, _, body = text.partition(',"body":')
        try:
            if ending[:-2] != digest(prev + text):
                raise ValueError("it does not follow from the event before it")
            values = from_json(head + "}")
            event = Event._make((*(values[name] for name in HEAD), body, link(new_prev, head, body)))
        except (ValueError, KeyError, TypeError):  # JSON of another shape is no good either
            later = b"".join(line + b"\n" + END for line in old[n:])
            return bytes(lines) + (END if n else b"") + later + closed_after(len(old)) + END
        prev, new_prev = ending[:-2], event.hash
        lines += lines_of(event, head, parts)
    return bytes(lines + END)


_STEPS: Mapping[int, Callable[[bytes], bytes]] = {2: _from_2}
