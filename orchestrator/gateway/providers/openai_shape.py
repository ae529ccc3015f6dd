"""The request and the answer that OpenAI-compatible providers agree on. Pure: both network lanes send and read these.

Everything in an answer is untrusted: each field is checked before it is used.
"""

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, TypeGuard

from ...errors import Misconfigured
from ...rules.outcome import Outcome, of_content, of_status
from ...settings import Rung
from ...text import clean, shorten
from ..model import Completion, Request, Usage

#: The most bytes of an answer that are read.
ANSWER_BYTES_MOST = 8 * 1024 * 1024
#: The most tokens that a provider is believed to have counted in one call.
TOKENS_MOST = 10**9
#: Where the key is when the rung does not say.
DEFAULT_KEY_ENV = "OPENAI_API_KEY"

#: What an error's `code` or `type` says that its status does not.
_CODES = {
    "insufficient_quota": Outcome.NO_QUOTA,
    "billing_hard_limit_reached": Outcome.NO_QUOTA,
    "context_length_exceeded": Outcome.TOO_LONG,
    "exceed_context_size_error": Outcome.TOO_LONG,
    "request_too_large": Outcome.TOO_LONG,
    "content_filter": Outcome.REFUSED,
    "content_policy_violation": Outcome.REFUSED,
    "model_not_found": Outcome.NO_SUCH_MODEL,
    "invalid_api_key": Outcome.KEY_REFUSED,
    "rate_limit_exceeded": Outcome.RATE_LIMITED,
}


def question(request: Request, rung: Rung) -> dict[str, Any]:
    """What is asked, except for the model: messages, the most tokens, and the schema where there is one."""
    asked: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": rung.tokens_out_most,
    }
    if request.schema is not None:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", request.prompt)[:64] or "answer"
        asked["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": name, "schema": dict(request.schema), "strict": False},
        }
    return asked


def key_in(variable: str) -> str:
    """The key in the environment variable, "" where there is none. Raises Misconfigured for one that cannot be sent."""
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise Misconfigured(f"the key in {variable} has characters that cannot be sent; set it again")
    return key


def without(secrets: Iterable[str], detail: str) -> str:
    """One short line, with each of these secrets replaced by [key]."""
    for secret in filter(None, secrets):
        detail = detail.replace(secret, "[key]")
    return shorten(detail)


def read(status: int, headers: Mapping[str, str], content: bytes) -> Completion:
    """What an answer that arrived whole says. `headers` has lower case names or ignores case.

    `detail` may repeat what the provider wrote: pass it through `without` before anyone sees it.
    """
    if 300 <= status < 400:
        return Completion(Outcome.REDIRECTED, detail=f"HTTP {status} to {headers.get('location', 'nowhere')}")
    if headers.get("content-encoding", "identity") != "identity":
        # To unpack it could take any amount of memory; none was asked for.
        return Completion(Outcome.NOT_JSON, detail=f"the answer is packed with {headers['content-encoding']}")
    value: Any = None
    try:
        value = _DECODER.decode(content.decode())
    except (ValueError, RecursionError) as error:
        if status == 200:
            return Completion(Outcome.NOT_JSON, detail=f"{error}: {_excerpt(content)}")
    if status != 200:
        return _failure(status, headers, value, content)
    return read_value(value)


def too_large() -> Completion:
    """What an answer over the bound gives."""
    return Completion(Outcome.TOO_LARGE, detail=f"the answer is over {ANSWER_BYTES_MOST} bytes")


def read_value(value: Any) -> Completion:
    """What the decoded body of a 200 says."""
    match value:
        case {"error": error} if error:
            code = error.get("code") if isinstance(error, dict) else None
            by_code = of_status(code) if isinstance(code, int) and code >= 400 else Outcome.SERVER_ERROR
            return Completion(_by_code(error) or by_code, detail=f"error in a 200: {_message(error)}")
        case {"choices": [{"message": dict()} as choice, *_]}:
            return _answer(value, choice)
        case {"choices": [] | None}:
            return Completion(Outcome.EMPTY, detail="no choices")
        case dict() if "choices" not in value:
            return Completion(Outcome.EMPTY, detail="no choices")
        case _:
            return Completion(Outcome.NOT_JSON, detail=f"JSON, but not an answer: {json.dumps(value)[:120]}")


def first_model(status: int, headers: Mapping[str, str], content: bytes) -> str | Completion:
    """The id of the first model in the answer to `GET /models`; a Completion that says why there is none."""
    failure = read(status, headers, content)
    if status != 200 or failure.outcome is Outcome.NOT_JSON:
        return failure
    match _DECODER.decode(content.decode()):
        case {"data": [{"id": str(name)}, *_]} if name:
            return name
    return Completion(Outcome.NO_SUCH_MODEL, detail="the server lists no model; name one in the rung")


def _answer(value: Mapping[str, Any], choice: Mapping[str, Any]) -> Completion:
    message = choice["message"]
    content, refusal = message.get("content"), _text(message.get("refusal"))
    if not isinstance(content, str | None):
        return Completion(Outcome.NOT_JSON, detail=f"the content is a {type(content).__name__}, not text")
    finish_reason = _text(choice.get("finish_reason"))
    outcome = of_content(content, finish_reason, refusal)
    usage = _usage(value.get("usage"))
    notes = [f"refused: {refusal}" if refusal else "", "" if usage else "usage invalid"]
    return Completion(
        outcome,
        text=clean(content or ""),
        model=_text(value.get("model")),
        finish_reason=finish_reason,
        usage=usage or Usage(),
        detail="; ".join(filter(None, notes)),
    )


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    tokens_in, tokens_out = value.get("prompt_tokens"), value.get("completion_tokens")
    return Usage(tokens_in, tokens_out) if _is_count(tokens_in) and _is_count(tokens_out) else None


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= TOKENS_MOST


def _failure(status: int, headers: Mapping[str, str], value: Any, content: bytes) -> Completion:
    error = value.get("error", value) if isinstance(value, dict) else None
    outcome = _by_code(error) or _by_complaint(status, error) or of_status(status)
    wait_s = retry_after_s(headers)
    notes = [
        f"HTTP {status}",
        "" if wait_s is None else f"retry after {wait_s:g} s",
        _message(error) if error else _excerpt(content),
    ]
    return Completion(outcome, detail="; ".join(filter(None, notes)))


def _by_code(error: Any) -> Outcome | None:
    if not isinstance(error, dict):
        return None
    return _CODES.get(_text(error.get("code"))) or _CODES.get(_text(error.get("type")))


def _by_complaint(status: int, error: Any) -> Outcome | None:
    """A provider that cannot do schemas says so in a 400: another rung may be able to."""
    if status != 400 or not isinstance(error, dict):
        return None
    complains = "response_format" in f"{error.get('param')} {error.get('message')}"
    return Outcome.UNSUPPORTED if complains else None


def _message(error: Any) -> str:
    """The code and the message of an error object, or the object as it is."""
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return _text(error) or json.dumps(error)[:200]
    code = error.get("code")
    return f"{code}: {error['message']}" if code else error["message"]


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long the provider asks to wait, in seconds; None where it does not say, or not sensibly.

    A date is read against the answer's own, so that no clock of ours is needed. Source: RFC 9110 §10.2.3.
    """
    value = headers.get("retry-after", "")
    try:
        if milliseconds := headers.get("retry-after-ms"):
            wait_s = float(milliseconds) / 1000
        elif re.search("[A-Za-z]{3}", value):
            wait_s = (parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
        else:
            wait_s = float(value)
    except (ValueError, TypeError):  # TypeError: one of the two dates has no zone
        return None
    return wait_s if wait_s >= 0 and math.isfinite(wait_s) else None


def _excerpt(content: bytes) -> str:
    return content[:400].decode(errors="replace")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


#: Strict: NaN and Infinity are not JSON.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
