"""What an error of a provider's means: by its code, its type, its parameter, its wording. Pure.

Providers agree on little here: the code may be missing, a number, or the same for everything, so that the words decide.
"""

import json
import re
from collections.abc import Collection, Iterator
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
    r"response[ _]?format|json[ _]?schema|json_object|json[ _]mode|structured[ _]?outputs?|guided|grammar"
    r"|tool[ _]?(?:choice|use|calls?|calling)\b|\btools?\b|function[ _]?call|requested parameters",
    re.IGNORECASE,
)
#: The same, of a server's own trouble: what else stands there may be about anything.
_SCHEMA_IN_5XX = re.compile(r"response[ _]?format|json[ _]?schema|structured[ _]?outputs?|grammar", re.IGNORECASE)
#: The outcomes of a 4xx after which the field that it names is left out: the others say what else to do.
_UNTOLD = (Outcome.BAD_REQUEST, Outcome.NO_SCHEMA_MODE, Outcome.KEY_REFUSED, Outcome.NO_SUCH_MODEL)
#: The statuses that say what is wrong, whatever else is named.
_TELLING = (402, 408, 413, 429)
#: Parts of a request by which an error may name the field that they are in.
_PARTS = {"include_usage": "stream_options"}
#: Where an error repeats what it was sent.
_REPEATED = ("input", "ctx", "body", "received")


def outcome_of(status: int, error: Any, *, has_schema: bool = False) -> Outcome:
    """The outcome of an error that came with this status; `has_schema`: a schema or a tool was part of the question."""
    codes, words = [code.lower() for code in _codes(error)], " ".join(_words(error))[:_WORDS_MOST]
    if status == 413 or (status == 429 and _TOO_LARGE_FOR_RATE.search(words)):
        return Outcome.TOO_LONG
    named = next((_CODES[code] for code in codes if code in _CODES), None)
    # The same status and code for a rate as for a quota that is used up: the words tell.
    if named is Outcome.RATE_LIMITED or (named is None and status in (402, 429)):
        return Outcome.NO_QUOTA if status == 402 or _NO_QUOTA.search(words) else Outcome.RATE_LIMITED
    told = named or _by_words(status, words, has_schema=has_schema) or of_status(status)
    # What else it may be that a server will not take, the request has shown by coming back without its schema.
    return Outcome.NO_SCHEMA_MODE if told is Outcome.BAD_REQUEST and has_schema else told


def refused_field(status: int, error: Any, outcome: Outcome, sent: Collection[str]) -> str:
    """Which of the fields that were `sent` a 4xx of this outcome names as one that the server does not take; "" where
    it names none. The longest is meant where several are named: `stream` is a part of others."""
    if not 400 <= status < 500 or status in _TELLING or outcome not in _UNTOLD:
        return ""
    words = " ".join(_everything(error))[:_WORDS_MOST]
    named = {_PARTS.get(word, word) for word in re.findall(r"[a-z_]+", words.lower())}
    return max(named & set(sent), key=len, default="")


def _everything(error: Any, depth: int = 8) -> Iterator[str]:
    """Every text of an error, but for what it repeats of the request."""
    if isinstance(error, str):
        yield error
    elif depth and isinstance(error, dict):
        for name, part in error.items():
            yield from () if name in _REPEATED else _everything(part, depth - 1)
    elif depth and isinstance(error, list):
        for part in error:
            yield from _everything(part, depth - 1)


def status_in(error: Any) -> int:
    """The status that is written inside an error which came in a 200; 500 where there is none."""
    return next((int(code) for code in _codes(error) if re.fullmatch("[45][0-9][0-9]", code)), 500)


def outcome_in_200(error: Any, *, has_schema: bool = False) -> Outcome:
    """The outcome of an error that came in a 200: by the status that is written inside, if any.

    A server's own trouble is not told apart there from that of a model which has worked.
    """
    outcome = outcome_of(status_in(error), error, has_schema=has_schema)
    return Outcome.ERROR_IN_200 if outcome is Outcome.SERVER_ERROR else outcome


def message_of(error: Any) -> str:
    """The code and the message of an error, or the error as it is."""
    words, codes = next(_words(error), ""), next(_codes(error), "")
    if not words:
        return json.dumps(error)[:_WORDS_MOST]
    return f"{codes}: {words}" if codes else words


def _by_words(status: int, words: str, *, has_schema: bool) -> Outcome | None:
    if status >= 500:  # whose words are about the server, but for some that know no other status
        known = [(_TOO_LONG, Outcome.TOO_LONG), *([(_SCHEMA_IN_5XX, Outcome.NO_SCHEMA_MODE)] if has_schema else [])]
        return next((outcome for pattern, outcome in known if pattern.search(words)), None)
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
