"""The repair of nearly JSON: by a grammar where that is enough, else by `json_repair`, whose guesses are checked."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .decode import DEPTH_MOST, Refused, depth, too_deep
from .relaxed import relaxed
from .survey import survey, tokens

#: The repairer goes back and forth over its text: beyond this many characters a repair takes seconds.
LENGTH_MOST = 10_000

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_WHITE = re.compile(r"\\[bfnrt]")
_WORD = re.compile(r"[+-]?\.?\d[\w.+-]*|[^\W_]+")
_CODE = re.compile(r"[+-]?0\d")
_MARKS = re.compile(r"[^\w]+|_+")
_EMPTY = re.compile(r"\"\"|''|“”|‘’|``")
_NULLS = ("null", "none")


def mended(text: str) -> Any:
    """The value of a text that begins with a bracket. Raises Refused where it cannot be told without guessing."""
    surveyed = survey(text, 0)
    if surveyed.end == len(text):
        try:
            return relaxed(text, surveyed.tokens)
        except ValueError:
            pass  # beyond that grammar: only the repairer is left
    return _repaired(text)


def _repaired(text: str) -> Any:
    import json_repair

    if len(text) > LENGTH_MOST:
        raise Refused(f"not JSON, and longer than {LENGTH_MOST} characters, so that it is not repaired")
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except Exception as error:
        raise Refused(f"not JSON, and not to be repaired: {type(error).__name__}") from error
    if depth(value) > DEPTH_MOST:
        raise too_deep()
    _compare(text, value)
    return value


def _compare(text: str, value: Any) -> None:
    """Every word and bracket of the text is in the value, and every string of the value in the text."""
    seen = list(tokens(text, 0))
    source, strings, numbers = _bare(text), list(_strings(value)), set(_numbers(value))
    for said in strings:
        if _bare(said) not in source or (said == "" and not _EMPTY.search(text)):
            raise Refused("not JSON, and a repair would invent a value")
    opened = Counter(token.text for token in seen if token.kind == "open")
    if opened - Counter("{" if isinstance(inner, dict) else "[" for inner in _containers(value)):
        raise Refused("not JSON, and a repair would drop a list or an object")
    kept = _bare(" ".join([*strings, *map(str, numbers)]))
    for word in _WORD.findall(_decoded(" ".join(token.text for token in seen))):
        if _bare(word) not in kept and _number(word) not in numbers and word.casefold() not in _NULLS:
            raise Refused(f"not JSON, and a repair would leave out {word[:60]!r}")


def _bare(text: str) -> str:
    """Its letters and digits alone: what quotes, escapes and white space make no difference to."""
    return _MARKS.sub("", _decoded(text)).casefold()


def _decoded(text: str) -> str:
    return _WHITE.sub(" ", _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text))


def _strings(value: Any) -> Iterator[str]:
    for key, inner in _leaves(value):
        if key is not None:
            yield key
        if isinstance(inner, str):
            yield inner


def _numbers(value: Any) -> Iterator[float | str]:
    for _, inner in _leaves(value):
        if inner is None or isinstance(inner, bool):
            yield "null" if inner is None else str(inner).casefold()
        elif isinstance(inner, int | float):
            yield float(inner)


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


def _leaves(value: Any, key: str | None = None) -> Iterator[tuple[str | None, Any]]:
    """The keys and scalars, in order; a container counts as a leaf without a value under its key."""
    yield key, () if isinstance(value, dict | list) else value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)


def _number(word: str) -> float | None:
    """What it counts; a code with leading zeros counts nothing, and would lose them."""
    try:
        return None if _CODE.match(word) else float(word)
    except ValueError:
        return None
