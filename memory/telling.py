"""Which fields tell the documents of a corpus from each other in a few words, and which name other documents. Pure."""

import re
from collections.abc import Sequence
from typing import Any

from ..orchestrator.evidence import Source
from ..orchestrator.metadata import Field, elements, is_empty, key, shown
from ..orchestrator.rules.tokens import estimate
from ..orchestrator.text import shorten

#: Items of a list that are shown, and code points of a text; of all fields of a document, on average.
ITEMS_MOST, VALUE_MOST = 4, 80
_FIELDS_MOST = 240
#: Tokens from which on a word is a code.
CODE_TOKENS = 12
#: About so many documents, evenly spread, say what a field is like.
_LOOKED_AT = 1_000
_URL = re.compile(r"`?[^\s<]*\s*<?[a-z][a-z+.-]*://\S+\s*", re.IGNORECASE)
#: Numbers name documents where a field's name says so: `superseded_by: 751`.
_REFERS = re.compile(r"supersed|replace|obsolete|require|depend|succe|predecess|amend|extend|update", re.IGNORECASE)


def refers(field: Field) -> bool:
    """Whether a field names other documents."""
    return field.kind == "reference" or (field.kind == "number" and _REFERS.search(field.name) is not None)


def is_address(value: Any) -> bool:
    """Whether a value is nothing but addresses of pages."""
    items = elements(value)
    return bool(items) and all(isinstance(item, str) and _URL.fullmatch(item) for item in items)


def is_code(value: Any) -> bool:
    """Whether a value is one word of many tokens, as a vector of scores or a hash, which tells a reader nothing."""
    return isinstance(value, str) and not value.strip().count(" ") and estimate(value) > CODE_TOKENS


def cut(value: Any) -> Any:
    """A value as a card shows it: the first items of a list, the beginning of a text."""
    if isinstance(value, list):
        first = [cut(item) for item in value[:ITEMS_MOST]]
        return first if len(value) <= ITEMS_MOST else [*first, f"… {len(value) - ITEMS_MOST} more"]
    return value if isinstance(value, (int, float)) else shorten(shown(value), VALUE_MOST)


def telling(fields: Sequence[Field], sources: Sequence[Source]) -> tuple[str, ...]:
    """The names of the fields that belong on a card, in their order.

    Dates and references first, then what most documents have, as long as there is room. Addresses, codes, what repeats
    the title, what all have alike and what is long say nothing in a few words.
    """
    looked_at = sources[:: max(1, len(sources) // _LOOKED_AT)]
    room = _FIELDS_MOST * len(looked_at)
    chosen: set[str] = set()
    for field in sorted(fields, key=lambda field: (field.kind != "date" and not refers(field), -field.sources)):
        held = [(source, value) for source in looked_at if not is_empty(value := source.metadata.get(field.name))]
        size = sum(len(str(cut(value))) for _, value in held)
        if size <= room and _tells(field, held, len(sources)):
            chosen.add(field.name)
            room -= size
    return tuple(field.name for field in fields if field.name in chosen)


def _tells(field: Field, held: Sequence[tuple[Source, Any]], sources: int) -> bool:
    if field.kind == "identity" or (field.distinct == 1 and field.sources == sources > 1):
        return False
    odd = sum(is_code(v) or is_address(v) or key(v) == key(s.title) or len(shown(v)) > 4 * VALUE_MOST for s, v in held)
    return odd * 2 < len(held)
