"""Makes any value one that a store can keep: JSON's kinds, clean strings, finite numbers. Pure."""

import math
from datetime import date, time
from typing import Any

from ..orchestrator.text import clean

#: How deep a document's metadata may nest.
DEPTH_MAX = 32


def plain(value: Any, depth: int = DEPTH_MAX) -> Any:
    """The same value with clean strings and keys; dates are ISO strings, and what JSON has no word for is None.

    Raises: ValueError where it nests deeper than `depth`.
    """
    if not depth:
        raise ValueError(f"nested deeper than {DEPTH_MAX}")
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {clean(str(key)): plain(item, depth - 1) for key, item in value.items()}
    return None
