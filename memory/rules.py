"""Rules every memory keeps, whatever it stores in. Pure."""

from collections.abc import Callable
from itertools import count

from ..orchestrator.errors import BadInput


def free_id(name: str, is_taken: Callable[[str], bool]) -> str:
    """The name itself, or the first of `name~2`, `name~3`, … that is not taken."""
    if not is_taken(name):
        return name
    return next(other for n in count(2) if not is_taken(other := f"{name}~{n}"))


def check_span(key: str, source: str, start: int, end: int, *, length: int | None) -> None:
    """Raises BadInput unless the span holds some of the source's text; `length` is None for an unknown source."""
    if length is None:
        raise BadInput(f"note {key!r} rests on source {source!r}, which is not in memory; ingest it first")
    if not 0 <= start < end <= length:
        raise BadInput(f"note {key!r} rests on {start}..{end} of source {source!r}; give a span within 0..{length}")
