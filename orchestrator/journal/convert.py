"""Runs of older formats as runs of today's. Pure, one function for each step from a format to the next."""

from collections.abc import Callable, Mapping

from pydantic_core import from_json

from ..errors import JournalDamaged
from ..ids import digest
from .events import GENESIS, HEAD, Event, link
from .lines import END, FORMAT, HEADER, lines_of
from .parts import Parts


def to_today(content: bytes, format: int) -> bytes:
    """The same run in today's format. Raises KeyError for a format that was never read, JournalDamaged for damage."""
    while format != FORMAT:
        content, format = _STEPS[format](content), format + 1
    return content


def _from_2(content: bytes) -> bytes:
    """Lines without commits or parts, whose hash covered the body itself. A line without an end is a crash's."""
    prev = new_prev = GENESIS
    parts, lines = Parts(), bytearray(HEADER)
    for n, line in enumerate(content.split(b"\n")[1:-1], start=1):
        text, _, ending = line.decode(errors="replace").rpartition(',"hash":"')
        head, _, body = text.partition(',"body":')
        if ending[:-2] != digest(prev + text):
            raise JournalDamaged(f"it is damaged at event {n}; keep the file as it is")
        prev, new_prev = ending[:-2], link(new_prev, head, body)
        values = from_json(head + "}")
        event = Event._make((*(values[name] for name in HEAD), body, new_prev))
        lines += lines_of(event, head, parts)
    return bytes(lines + END)


_STEPS: Mapping[int, Callable[[bytes], bytes]] = {2: _from_2}
