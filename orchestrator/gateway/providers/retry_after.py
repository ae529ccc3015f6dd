"""How long a provider asks to be left alone. Pure. Source: RFC 9110 §10.2.3; the header in milliseconds is OpenAI's."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(r"\d+(?:\.\d+)?|\.\d+")


def retry_after_s(headers: Mapping[str, str], wall_ms: int | None = None) -> float | None:
    """Seconds from now; None where the headers do not say, or not sensibly.

    A date is read against the answer's own, so that no clock of ours is needed; where the answer has none, against
    `wall_ms`, milliseconds since 1970. `headers` has lower case names or ignores case.
    """
    wait_ms = _number(headers.get("retry-after-ms", ""))
    if wait_ms is not None:
        return wait_ms / 1000
    value = headers.get("retry-after", "")
    wait_s = _number(value)
    return wait_s if wait_s is not None else _until(value, headers.get("date", ""), wall_ms)


def _number(value: str) -> float | None:
    """A number that is neither negative nor infinite."""
    value = value.strip()
    if not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _until(value: str, now: str, wall_ms: int | None) -> float | None:
    then = _date(value)
    since = _date(now) or (None if wall_ms is None else datetime.fromtimestamp(wall_ms / 1000, UTC))
    if then is None or since is None:
        return None
    wait_s = (then - since).total_seconds()
    return wait_s if wait_s >= 0 else None


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
