"""From what a model wrote to one JSON value: strictly first, then mended, and what is ambiguous is refused.

Refused, never guessed: duplicate keys, NaN and Infinity, a number or a nesting beyond every use, two different values
of which the schema does not single out one, a text that ends in the middle of a value, and a repair that would lose or
invent something. A text in which nothing but closing brackets is missing behind a finished value is mended: that a
model was cut off there is for its finish reason to tell. Pure; of bounded time; no text raises.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import PydanticSerializationError, to_json

from ...codec import NotKept, decoded, encoded, misfit
from ...ids import canonical
from ...text import clean
from ..thinking import json_without_thinking
from .called import arguments_in, keys_of, parameters_in
from .decode import Refused, decode, decode_at, wholesome
from .fit import fit
from .mending import mended
from .survey import survey

#: Each opening bracket in a text may be read to the text's end.
BRACKETS_MOST = 100
#: And each repair may take a fifth of a second.
REPAIRS_MOST = 5

_FENCED = re.compile(r"(?:^|\s)```[\w+-]*\s*(?=[\[{])(.*?[\]}])\s*```(?=\s|$)", re.DOTALL)
_FENCE = re.compile(r"\A```[\w+-]*\s+(.*?)\s*```\Z", re.DOTALL)
_OPENER = re.compile(r"[\[{]")
_GOES_ON = re.compile(r"\s*,\s*(?:[\"']|\w+\s*:)")
_NEXT = re.compile(r"\s*,\s*[{\[]")
_JSON_LIKE = re.compile(r"[\"':,\d{]")
_AROUND, _PLAIN = "taken out of the text around it", "plain text taken as the value"
_CALLED = "the arguments taken out of a call written as text"
_NAMES = {"true": True, "false": False, "none": None, "null": None}
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: `value` is plain JSON and None beside a `problem`; `mends` says in words what had to be done."""

    value: Any = None
    problem: str = ""
    mends: tuple[str, ...] = ()

    @property
    def is_repaired(self) -> bool:
        """Whether the text itself, read strictly, is not the value."""
        return bool(self.mends)


def read_json(text: str, returns: TypeAdapter[Any] | None = None) -> Reading:
    """The one JSON value that `text` holds; with `returns`, as it validates, small differences mended and named.

    With `returns`, a value that does not fit is a problem that begins with the field's name.
    """
    try:
        return _chosen([_kept(found) for found in _candidates(text, returns)], returns)
    except Refused as refusal:
        return Reading(problem=clean(str(refusal)))


# ---------------------------------------------------------------- which values stand in the text


def _candidates(text: str, returns: TypeAdapter[Any] | None) -> Iterator[Reading]:
    """Every value in the text, with what it took to read it; the text itself, where it is JSON."""
    bare, marked = text.removeprefix(_BOM), ("byte order mark removed",) if text.startswith(_BOM) else ()
    try:
        yield Reading(decode(bare), mends=marked)
    except ValueError:
        answer = json_without_thinking(bare)
        if answer != bare:
            marked = (*marked, "thinking around it left out")
            yield from (replace(found, mends=(*marked, *found.mends)) for found in _candidates(answer, returns))
        else:
            yield from (replace(found, mends=(*marked, *found.mends)) for found in _mended(bare, returns))


def _mended(text: str, returns: TypeAdapter[Any] | None) -> Iterator[Reading]:
    if (parameters := parameters_in(text)) is not None:
        yield Reading(parameters, mends=(_CALLED,))
        return
    if not _OPENER.search(text):
        yield from _scalar(text, returns)
        return
    text = text.strip()
    begins = text[:1]
    if begins != "`":
        text = text.removesuffix("```")
    bodies = [] if begins in ("{", "[") else _FENCED.findall(text)
    found = [reading for body in bodies or [text] for reading in _values(body)]
    if bodies:
        found = [replace(reading, mends=("taken out of its fence", *reading.mends)) for reading in found]
    yield from found


def _values(text: str) -> Iterator[Reading]:
    """The values in brackets, one after the other, and what does not read as prose."""
    at = count = repairs = 0
    while opener := _OPENER.search(text, at):
        start, count = opener.start(), count + 1
        if count > BRACKETS_MOST:
            raise Refused(f"more than {BRACKETS_MOST} pieces that may be JSON")
        found, at = _value(text, start)
        if _GOES_ON.match(text, at):
            found, at = None, len(text)
        elif count == 1 and _NEXT.match(text, at) and (together := _without_brackets(text[start:])):
            found, at = together, len(text)
        elif found is None and start and not _JSON_LIKE.search(text, start + 1, at):
            continue
        repairs += found is None
        if repairs > REPAIRS_MOST:
            raise Refused(f"more than {REPAIRS_MOST} pieces that are nearly JSON")
        yield found or Reading(mended(text[start:at]), mends=("brackets, quotes or commas repaired",))


def _without_brackets(text: str) -> Reading | None:
    """Values with nothing but commas between them, where they are that to the end."""
    try:
        return Reading(mended(text), mends=("values parted by commas taken as a list",))
    except Refused:
        return None  # prose: each of them is looked at by itself


def _value(text: str, start: int) -> tuple[Reading | None, int]:
    """What is JSON from `start` on, or nothing; and where it ends, or seems to."""
    for lenient, mend in ((False, _AROUND), (True, "control characters in a string")):
        try:
            value, end = decode_at(text, start, lenient=lenient)
        except ValueError:
            continue
        return Reading(value, mends=(mend,)), end
    return None, survey(text, start).end


def _scalar(text: str, returns: TypeAdapter[Any] | None) -> Iterator[Reading]:
    """A name or a plain text where the schema asks for one; without a schema, prose is not a value."""
    words = text.strip()
    if fenced := _FENCE.match(words):
        words = fenced[1]
    if words[:1] == '"' and (found := _string(words)):
        yield found
        return
    if not words or words[0] in "\"'`" or returns is None:
        raise Refused("no JSON value")
    yield Reading(_NAMES.get(words.casefold(), words), mends=(_PLAIN,))


def _string(words: str) -> Reading | None:
    try:
        value, end = decode_at(words, 0, lenient=True)
    except ValueError:
        return None
    return Reading(value, mends=("control characters in a string",)) if end == len(words) else None


def _kept(found: Reading) -> Reading:
    value, changed = wholesome(found.value)
    return replace(found, value=value, mends=(*found.mends, "lone surrogates replaced")) if changed else found


# ---------------------------------------------------------------- which of them was meant


def _chosen(found: list[Reading], returns: TypeAdapter[Any] | None) -> Reading:
    """The one value, or the one that the schema singles out."""
    if not found:
        raise Refused("no JSON value")
    if returns is None:
        return _single(found)
    found = [_argued(reading, returns) for reading in found]
    together = Reading([reading.value for reading in found], mends=("several values taken as one list",))
    several = [together] if len(found) > 1 else []
    for attempt in (_strictly, _loosely, _fitted):
        for choices in (found, several):
            if fits := [fit for reading in choices if (fit := attempt(reading, returns))]:
                return _single(fits)
    raise Refused(_misfit(found[0].value, returns) if len(found) == 1 else "several values, none of which fits")


def _argued(reading: Reading, returns: TypeAdapter[Any]) -> Reading:
    """The arguments where the value is a call of a tool that was written as text; the reading as it is where not."""
    arguments = arguments_in(reading.value, set())
    if arguments is None or (arguments := arguments_in(reading.value, _keys_of(returns))) is None:
        return reading  # a schema takes longer than a look at the value
    return replace(reading, value=arguments, mends=(*reading.mends, _CALLED))


def _keys_of(returns: TypeAdapter[Any]) -> set[str]:
    """The keys that an object of this type may have; none where it has no schema."""
    try:
        return keys_of(returns.json_schema())
    except PydanticInvalidForJsonSchema:
        return set()


def _single(readings: list[Reading]) -> Reading:
    first = readings[0]
    if any(_key(reading.value) != _key(first.value) for reading in readings[1:]):
        raise Refused("several different JSON values, and which one was meant cannot be told")
    return first


def _key(value: Any) -> str:
    """Equal for equal values only: 1, 1.0 and true are not the same."""
    return canonical(value)


def _strictly(reading: Reading, returns: TypeAdapter[Any]) -> Reading | None:
    try:
        returns.validate_json(to_json(reading.value), strict=True, by_alias=True, by_name=True)
    except (ValidationError, PydanticSerializationError):
        return None
    return _as_it_validates(reading, returns)


def _loosely(reading: Reading, returns: TypeAdapter[Any]) -> Reading | None:
    try:
        found = _as_it_validates(reading, returns)
    except (ValidationError, PydanticSerializationError):
        return None
    return replace(found, mends=(*reading.mends, "types as the schema has them"))


def _as_it_validates(reading: Reading, returns: TypeAdapter[Any]) -> Reading:
    """The value as its type writes it; where that would be read back as another one, as the model wrote it."""
    try:
        return replace(reading, value=encoded(returns, reading.value))
    except NotKept:
        return reading


def _fitted(reading: Reading, returns: TypeAdapter[Any]) -> Reading | None:
    try:
        fitted = fit(reading.value, returns.json_schema())
    except PydanticInvalidForJsonSchema:  # a type of no schema: there is nothing to go by
        return None
    mended = replace(reading, value=fitted.value, mends=(*reading.mends, *fitted.mends))
    if not fitted.mends or _is_far_fetched(reading, fitted.value):
        return None
    return _strictly(mended, returns) or _loosely(mended, returns)


def _is_far_fetched(reading: Reading, fitted: Any) -> bool:
    """Whether prose would fill an object, or what may be a mark such as [1] in prose were a value in another shape."""
    if _PLAIN in reading.mends:
        return isinstance(fitted, dict | list)
    items = reading.value
    is_mark = isinstance(items, list) and not any(isinstance(item, dict | list) for item in items)
    return _AROUND in reading.mends and is_mark


def _misfit(value: Any, returns: TypeAdapter[Any]) -> str:
    try:
        decoded(returns, value)
    except ValidationError as error:
        return misfit(error, "the answer")
    return "the answer: cannot be kept as JSON"
