"""Names for jobs and steps, and the hashes they rest on. Pure, given a clock and a random source."""

import hashlib
import json
import random
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NewType

from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from .text import clean

if TYPE_CHECKING:
    from .clock import Clock  # brings asyncio and anyio, which a reader of runs does not need

JobId = NewType("JobId", str)
TaskId = NewType("TaskId", str)
StepKey = NewType("StepKey", str)


class Json(str):
    """Text that is JSON already, and is recorded as it stands."""

    __slots__ = ()


_UUID_7 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def new_job_id(clock: "Clock", chance: random.Random, others: Iterable[str] = ()) -> JobId:
    """A UUIDv7: sorted by the time it was made, and behind the other jobs where the clock was set back meanwhile.

    Source: RFC 9562 §5.7 and §6.2.
    """
    newest_ms = made_ms(max(filter(_UUID_7.fullmatch, others), default=""))
    at_ms = min(max(clock.wall_ms(), newest_ms + 1), 2**48 - 1)
    value = at_ms << 80 | 0x7 << 76 | chance.getrandbits(12) << 64
    value |= 0b10 << 62 | chance.getrandbits(62)
    text = f"{value:032x}"
    return JobId("-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])))


def made_ms(job: str) -> int:
    """When a job's id was made, in ms since 1970; -1 for one that is no UUIDv7."""
    return int(job[:8] + job[9:13], 16) if _UUID_7.fullmatch(job) else -1


def digest(text: str | bytes) -> str:
    """SHA-256 of the UTF-8 bytes, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode(errors="surrogatepass") if isinstance(text, str) else text).hexdigest()


def plain(value: Any) -> Any:
    """The value as JSON would carry it: dictionaries, lists, strings, numbers, booleans and None."""
    return to_jsonable_python(value)


def compact(value: Any) -> str:
    """JSON of the value, without spaces, keys in the order they were given; what no store can keep is U+FFFD.

    JSON has no number that is infinite or none: it says `"Infinity"`, `"-Infinity"` and `"NaN"`.
    """
    if type(value) is Json:
        return value
    try:
        return to_json(value, inf_nan_mode="strings").decode()
    except PydanticSerializationError:  # a lone surrogate, from a model or a document
        return to_json(_cleaned(plain(value)), inf_nan_mode="strings").decode()


def finite(value: Any) -> Any:
    """Plain JSON in which each number is one, as `compact` writes it."""
    return from_json(compact(value))


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {clean(name): _cleaned(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    return clean(value) if isinstance(value, str) else value


def canonical(value: Any) -> Json:
    """JSON of the value with sorted keys: equal values give equal text."""
    value = plain(value)
    try:
        text = _SORTED.encode(value)
    except ValueError:  # a number that is infinite or none
        text = _SORTED.encode(finite(value))
    return Json(clean(text))


def step_key(job: str, task: str, name: str, args: str, n: int) -> StepKey:
    """The key under which an effect is done once: `n` counts equal (name, args) within the task, from 0.

    `args` is their canonical JSON. The key leaves out attempt, deadline, priority, allowance, clock and the model
    chosen, so that a retry finds it again.
    """
    return StepKey(digest("\0".join((job, task, name, args, str(n))))[:32])
