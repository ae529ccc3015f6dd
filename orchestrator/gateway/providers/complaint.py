"""What an error of a provider's means: by its code, its type, its parameter, its wording. Pure.

Providers agree on little here: the code may be missing, a number, or the same for everything, so that the words decide.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from ...rules.outcome import Outcome, of_status

#: What an error's code or type says that its status does not.
_CODES = {
    "insufficient_quota": Outcome.NO_QUOTA,
    "billing_hard_limit_reached": Outcome.NO_QUOTA,
    "billing_not_active": Outcome.NO_QUOTA,
    "context_length_exceeded": Outcome.TOO_LONG,
    "context_window_exceeded": Outcome.TOO_LONG,
    "exceed_context_size_error": Outcome.TOO_LONG,
    "request_too_large": Outcome.TOO_LONG,
    "string_above_max_length": Outcome.TOO_LONG,
    "invalid_request_prompt": Outcome.TOO_LONG,
    "content_filter": Outcome.REFUSED,
    "content_policy_violation": Outcome.REFUSED,
    "responsibleaipolicyviolation": Outcome.REFUSED,
    "data_inspection_failed": Outcome.REFUSED,
    "model_not_found": Outcome.NO_SUCH_MODEL,
    "model_decommissioned": Outcome.NO_SUCH_MODEL,
    "model_not_available": Outcome.NO_SUCH_MODEL,
    "deploymentnotfound": Outcome.NO_SUCH_MODEL,
    "invalid_model": Outcome.NO_SUCH_MODEL,
    "invalid_api_key": Outcome.KEY_REFUSED,
    "authentication_error": Outcome.KEY_REFUSED,
    "json_validate_failed": Outcome.OFF_SCHEMA,
    "tool_use_failed": Outcome.OFF_SCHEMA,
    "rate_limit_exceeded": Outcome.RATE_LIMITED,
    "rate_limit_error": Outcome.RATE_LIMITED,
    "resource_exhausted": Outcome.RATE_LIMITED,
}

#: How much of what an error says is read, in characters.
_WORDS_MOST = 4000
_TOO_LONG = re.compile(
    r"context[ _-]?(?:length|window|size|limit)|contextwindowexceeded|max_model_len"
    r"|maximum (?:model|prompt) length|(?:maximum|max) (?:input )?(?:number of )?tokens allowed"
    r"|(?:prompt|inputs?|request|messages?)\b.{0,60}\b(?:too (?:long|large|many)|longer than)"
    r"|too many (?:input )?tokens|too large for model|`inputs`.{0,40}tokens|input token count"
    r"|input tokens exceed|tokens in the prompt|reduce the length|token limit",
    re.IGNORECASE | re.DOTALL,
)
#: Of a question that is over a rate all by itself: to wait would not help.
_TOO_LARGE_FOR_RATE = re.compile(r"request too large", re.IGNORECASE)
_NO_QUOTA = re.compile(
    r"credit balance|out of credits|insufficient.{0,12}(?:balance|credit|fund|quota)|billing (?:hard )?limit",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"content[ _-](?:management |usage )?(?:policy|policies|filter)|safety system"
    r"|responsible ?ai|usage polic|moderation|\bflagged",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"api[ _-]?key (?:is )?(?:not valid|invalid|expired)|(?:invalid|incorrect) api[ _-]?key", re.IGNORECASE
)
_MODEL = re.compile(
    r"\bmodel\b.{0,120}(?:does not exist|not found|decommissioned|deprecated|retired|no longer|not a valid model)"
    r"|not a valid model|invalid model|unknown model",
    re.IGNORECASE | re.DOTALL,
)
_SCHEMA = re.compile(
    r"response[ _]format|json[ _]?schema|json_object|json[ _]mode|structured[ _]?outputs?|guided"
    r"|tool[ _]?(?:choice|use|calls?|calling)\b|\btools?\b|function[ _]?call",
    re.IGNORECASE,
)


def outcome_of(status: int, error: Any, *, has_schema: bool = False) -> Outcome:
    """The outcome of an error that came with this status; `has_schema`: a schema or a tool was part of the question."""
    codes, words = [code.lower() for code in _codes(error)], " ".join(_words(error))[:_WORDS_MOST]
    if status == 413 or (status == 429 and _TOO_LARGE_FOR_RATE.search(words)):
        return Outcome.TOO_LONG
    named = next((_CODES[code] for code in codes if code in _CODES), None)
    # The same status and code for a rate as for a quota that is used up: the words tell.
    if named is Outcome.RATE_LIMITED or (named is None and status in (402, 429)):
        return Outcome.NO_QUOTA if status == 402 or _NO_QUOTA.search(words) else Outcome.RATE_LIMITED
    return named or _by_words(status, words, has_schema=has_schema) or of_status(status)


def outcome_in_200(error: Any, *, has_schema: bool = False) -> Outcome:
    """The outcome of an error that came in a 200: by the status that is written inside, if any.

    A server's own trouble is not told apart there from that of a model which has worked.
    """
    inner = next((int(code) for code in _codes(error) if re.fullmatch("[45][0-9][0-9]", code)), 500)
    outcome = outcome_of(inner, error, has_schema=has_schema)
    return Outcome.ERROR_IN_200 if outcome is Outcome.SERVER_ERROR else outcome


def message_of(error: Any) -> str:
    """The code and the message of an error, or the error as it is."""
    words, codes = next(_words(error), ""), next(_codes(error), "")
    if not words:
        return json.dumps(error)[:_WORDS_MOST]
    return f"{codes}: {words}" if codes else words


def _by_words(status: int, words: str, *, has_schema: bool) -> Outcome | None:
    if status >= 500:  # whose words are about the server, but for some that know no other status
        return Outcome.TOO_LONG if _TOO_LONG.search(words) else None
    if _REFUSED.search(words):
        return Outcome.REFUSED
    if status in (401, 403):
        return None
    patterns = [(_NO_QUOTA, Outcome.NO_QUOTA), (_TOO_LONG, Outcome.TOO_LONG), (_KEY, Outcome.KEY_REFUSED)]
    schema = [(_SCHEMA, Outcome.NO_SCHEMA_MODE)] if has_schema else []
    for pattern, outcome in (*patterns, *schema, (_MODEL, Outcome.NO_SUCH_MODEL)):
        if pattern.search(words):
            return outcome
    return None


def _parts(error: Any, depth: int = 3) -> Iterator[dict[str, Any]]:
    """The objects that say something about it, outermost first."""
    if isinstance(error, list):
        error = error[0] if error else None
    if isinstance(error, dict):
        yield error
        if depth:
            for name in ("error", "detail", "innererror", "inner_error", "metadata"):
                yield from _parts(error.get(name), depth - 1)


def _codes(error: Any) -> Iterator[str]:
    for part in _parts(error):
        for name in ("code", "type", "error_type", "status"):
            if isinstance(code := part.get(name), str | int) and not isinstance(code, bool) and code != "":
                yield str(code)


def _words(error: Any) -> Iterator[str]:
    if isinstance(error, str):
        yield error
    for part in _parts(error):
        for name in ("message", "msg", "error", "detail", "param", "raw"):
            if isinstance(words := part.get(name), str) and words:
                yield words
