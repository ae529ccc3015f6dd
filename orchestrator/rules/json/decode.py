"""JSON as its grammar has it (RFC 8259), and stricter: no duplicate keys, only numbers and nesting that can be kept."""

import json
import math
import re
from typing import Any

DEPTH_MOST = 100
DIGITS_MOST = 1_000

_SURROGATE = re.compile("[\ud800-\udfff]")


class Refused(Exception):
    """Raised when what a text means is ambiguous, or beyond what can be kept; says why in words for its writer."""


def decode(text: str) -> Any:
    """The value of a text that is JSON and nothing else; ValueError where it is not, Refused where it is ambiguous."""
    start = len(text) - len(text.lstrip(" \t\n\r"))
    value, end = decode_at(text, start)
    if rest := text[end:].strip(" \t\n\r"):
        raise ValueError(f"more text behind the value: {rest[:20]!r}")
    return value


def decode_at(text: str, start: int, *, lenient: bool = False) -> tuple[Any, int]:
    """The value that begins at `start`, and where it ends; when `lenient`, strings may hold control characters."""
    try:
        value, end = (_LENIENT if lenient else _DECODER).raw_decode(text, start)
    except RecursionError:
        raise too_deep() from None
    if depth(value) > DEPTH_MOST:
        raise too_deep()
    return value, end


def depth(value: Any) -> int:
    """How many containers stand in each other; a scalar has none."""
    level, deep = [value], 0
    while level := [inner for inner in level if isinstance(inner, dict | list)]:
        deep += 1
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return deep


def too_deep() -> Refused:
    return Refused(f"nested deeper than {DEPTH_MOST}")


def duplicate(key: str) -> Refused:
    return Refused(f"the key {key[:60]!r} stands twice in one object")


def not_a_number(name: str) -> Refused:
    return Refused(f"{name[:60]} is not a JSON number")


def wholesome(value: Any) -> tuple[Any, bool]:
    """The value with lone surrogates, which no store can keep, as U+FFFD; and whether there were any."""
    if isinstance(value, str):
        cleaned = _SURROGATE.sub("\ufffd", value)
        return cleaned, cleaned != value
    if isinstance(value, list):
        items = [wholesome(inner) for inner in value]
        return [item for item, _ in items], any(changed for _, changed in items)
    if isinstance(value, dict):
        pairs = [(wholesome(key), wholesome(inner)) for key, inner in value.items()]
        return _unique([(key, inner) for (key, _), (inner, _) in pairs]), any(
            one or two for (_, one), (_, two) in pairs
        )
    return value, False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise duplicate(next(key for key in keys if keys.count(key) > 1))
    return found


def _constant(name: str) -> Any:
    raise not_a_number(name)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise not_a_number(digits)
    return value


def _int(digits: str) -> int:
    if len(digits) > DIGITS_MOST:
        raise Refused(f"a number of more than {DIGITS_MOST} digits")
    return int(digits)


def _decoder(*, strict: bool) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float, parse_int=_int, strict=strict
    )


_DECODER, _LENIENT = _decoder(strict=True), _decoder(strict=False)
