"""The documents behind a report: their status and dates, what replaced them, and how they were read. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ...orchestrator.evidence import Consulted, Evidence, Source
from ...orchestrator.metadata import as_date, is_empty, label, shown
from ...orchestrator.rules.citing import VALUE_MOST, title_of
from ...orchestrator.rules.markdown import as_data
from ...orchestrator.text import shorten
from ..standing import SUCCESSORS

#: Fields that say what a document is worth.
STATUSES = ("status", "state", "withdrawn")
#: Documents that have a line of their own, and dates of one.
_ROWS_MOST, _DATES_MOST = 40, 4
#: Documents that were not used and are named in a sentence.
_NAMED_MOST = 20


class Standing(NamedTuple):
    """What a document's fields say of its worth, in words; empty where they say nothing."""

    status: str = ""
    dates: str = ""
    replaced_by: str = ""


def standing_of(source: Source, sources: Mapping[str, Source]) -> Standing:
    """Its status, its dates by their names, and what it says has replaced it."""
    held = {name: value for name, value in source.metadata.items() if not is_empty(value)}
    status = next((said(held[name]) for name in STATUSES if name in held and not as_date(held[name])), "")
    dates = [f"{name.replace('_', ' ')} {said(value)}" for name, value in held.items() if as_date(value)]
    after = [name if name not in sources else label(name, sources[name].metadata) for name in _after(held)]
    return Standing(status, ", ".join(dates[:_DATES_MOST]), ", ".join(after))


def said(value: object) -> str:
    """A field's value on one line of bounded length."""
    return shorten(shown(value), VALUE_MOST)


def _after(held: Mapping[str, object]) -> list[str]:
    return [said(held[name]) for name in SUCCESSORS if name in held]


def documents_part(cited: Iterable[str], consulted: Sequence[Consulted], evidence: Evidence, told: str = "") -> str:
    """The documents that a report cites, and those that were read for it, as Markdown; "" where there are none.

    How complete that is, is `told` before them.
    """
    used = dict.fromkeys(cited)
    read = {item.source: item for item in consulted}
    sources = {source.id: source for source in evidence.sources}
    names = list(dict.fromkeys([*used, *read]))
    if not names:
        return ""
    rows = [_row(name, sources, read.get(name), is_used=name in used) for name in names[:_ROWS_MOST]]
    heads = ("document", "status", "dates", "replaced by", "read", "file")
    full = [n for n in range(len(heads)) if any(row[n] for row in rows)]
    lines = [[heads[n] for n in full], ["---"] * len(full), *([row[n] for n in full] for row in rows)]
    parts = ["\n".join(f"| {' | '.join(line)} |" for line in lines)]
    parts += [f"…and {len(names) - _ROWS_MOST} more, which the run names one by one."] if names[_ROWS_MOST:] else []
    parts[:0] = filter(None, [as_data(told) or (_counted(read, used, sources) if read else "")])
    return "\n\n".join(parts)


def _counted(read: Mapping[str, Consulted], used: Collection[str], sources: Mapping[str, Source]) -> str:
    """How many documents were read and used, and which of them were not used."""
    idle = [title_of(name, sources) for name in read if name not in used]
    more = f"; and {len(idle) - _NAMED_MOST} more" if idle[_NAMED_MOST:] else ""
    names = f" Read and not used: {as_data('; '.join(idle[:_NAMED_MOST]))}{more}." if idle else ""
    return f"{len(read)} read, {len(read) - len(idle)} of them used.{names}"


def _row(name: str, sources: Mapping[str, Source], item: Consulted | None, *, is_used: bool) -> tuple[str, ...]:
    source = sources.get(name)
    standing = standing_of(source, sources) if source else Standing()
    cells = (title_of(name, sources), *standing, _reading(item, is_used=is_used), source.uri if source else "")
    return tuple(map(as_data, cells))


def _reading(item: Consulted | None, *, is_used: bool) -> str:
    """How far a document was read, and what for; nothing for one that was read whole and used."""
    if item is None:
        return ""
    told = [f"in part: {item.cut}" if item.cut else "in part"] if item.cut or item.depth == "sections" else []
    if item.why_not:
        told.append(f"set aside: {item.why_not}")
    elif not is_used:
        told.append("not used")
    return "; ".join(told)
