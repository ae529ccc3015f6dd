"""Rules every memory keeps, whatever it stores in. Pure."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

from ..orchestrator.errors import BadInput, Conflict, Unavailable
from ..orchestrator.ports import Note


class Links(NamedTuple):
    """Keys of the notes that a new one replaces, and of those that it stands against."""

    supersedes: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()


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


def check_version(about: str, expects: int | None, version: int) -> None:
    """Raises Conflict unless a subject is at the version that a writer expects; None expects nothing."""
    if expects is None:
        return
    if not about:
        raise BadInput(f"a version ({expects}) is expected of a note about nothing; say what the note is about")
    if expects != version:
        raise Conflict(about, expected=expects, version=version)


def check_scope(record: int, scope: str | None, scopes: Sequence[str]) -> None:
    """Raises Unavailable unless a record that an index has named is there, in one of the scopes that were asked."""
    if scope is None or scope not in scopes:
        where = "is not in memory" if scope is None else f"belongs to {scope!r}, which was not asked"
        raise Unavailable(f"an index has named record {record}, which {where}; build it anew: bullpen memory rebuild")


def linked(note: Note, live: Sequence[Note], *, supersedes: bool) -> Links:
    """How a new note stands to the live ones about the same: in their place, else against those that differ from it."""
    others = sorted((other for other in live if other.key != note.key), key=lambda other: other.key)
    if supersedes:
        return Links(supersedes=tuple(other.key for other in others))
    return Links(contradicts=tuple(other.key for other in others if _folded(other.text) != _folded(note.text)))


def said(note: Note) -> tuple[Any, ...]:
    """What makes two notes of one key the same."""
    return note.source, note.start, note.end, note.text, note.scope, note.writer, note.about


def not_live(key: str) -> BadInput:
    """The error for a note that cannot stand for its subject."""
    return BadInput(f"note {key!r} is not among the live ones about a subject; recall them, then choose one")


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
