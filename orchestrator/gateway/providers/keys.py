"""Keys: found in the environment at each call, so that a new one counts at once, and never shown."""

import os
from collections.abc import Iterable

from ...errors import Misconfigured
from ...rules.redaction import forms_of
from ...text import shorten

#: Where the key is when the rung does not say.
DEFAULT_KEY_ENV = "OPENAI_API_KEY"
#: The most characters of a detail.
DETAIL_MOST = 500


def key_in(variable: str) -> str:
    """The key in the environment variable, "" where there is none. Raises Misconfigured for one that cannot be sent."""
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise Misconfigured(f"the key in {variable} has characters that cannot be sent; set it again")
    return key


def without(secrets: Iterable[str], detail: str) -> str:
    """One short line, with each of these secrets replaced by [key], however it is written."""
    return shorten(forms_of(secrets).without(detail, "[key]"), DETAIL_MOST)
