"""The request and the answer that OpenAI-compatible providers agree on. Pure: both network lanes send and read these.

Everything in an answer is untrusted: each field is checked before it is used.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, TypeGuard

from pydantic_core import from_json

from ...rules.outcome import Outcome, of_content
from ...settings import Rung
from ...text import clean
from ..form import form_of
from ..model import Completion, Request, Usage
from .complaint import message_of, outcome_in_200, outcome_of
from .retry_after import retry_after_s

#: The most bytes of an answer that are read.
ANSWER_BYTES_MOST = 8 * 1024 * 1024
#: The most tokens that a provider is believed to have counted in one call.
TOKENS_MOST = 10**9

#: The most characters of an error that are repeated, before keys are taken out of it: none may be cut in two.
_HEARD_MOST = 4000
#: What some providers call the reasons that the others agree on.
_REASONS = {
    "max_tokens": "length",
    "model_length": "length",
    "safety": "content_filter",
    "prohibited_content": "content_filter",
    "recitation": "content_filter",
    "refusal": "content_filter",
}


class Asked(NamedTuple):
    """What has to be known of a question to read its answer."""

    #: Whether the provider was asked for a schema, in whatever way.
    has_schema: bool = False
    #: The tool whose arguments are the answer; "" where none was offered.
    tool: str = ""


class Answer(NamedTuple):
    """A response that arrived whole. `headers` has lower case names or ignores case; `wall_ms` is when it came."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    wall_ms: int | None = None


def asked_of(request: Request, rung: Rung) -> Asked:
    """How the schema is asked for: not at all, by the provider's own schemas, or as the arguments of one tool."""
    if request.form is None or request.is_prompted or rung.schema_mode == "prompted":
        return Asked()
    return Asked(True, _name(request) if rung.schema_mode == "tool" else "")


def question(request: Request, rung: Rung) -> dict[str, Any]:
    """What is asked, except for the model: messages, the most tokens, the schema where there is one, and a stream."""
    body: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": request.tokens_out_most or rung.tokens_out_most,
    }
    asked = asked_of(request, rung)
    beside = form_of(request.form).beside(request.messages[0].content) if request.form is not None else {}
    if asked.tool:
        function = {"name": asked.tool, "parameters": beside}
        body["tools"] = [{"type": "function", "function": function}]
        body["tool_choice"] = {"type": "function", "function": {"name": asked.tool}}
    elif asked.has_schema:
        schema = {"name": _name(request), "schema": beside, "strict": False}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.watch is not None:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _name(request: Request) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", request.prompt)[:64] or "answer"


def read(answer: Answer, asked: Asked) -> Completion:
    """What an answer that arrived whole says.

    `detail` may repeat what the provider wrote: pass it through `without` before anyone sees it.
    """
    status, headers, content, _ = answer
    if 300 <= status < 400:
        return Completion(Outcome.REDIRECTED, detail=f"HTTP {status} to {headers.get('location', 'nowhere')}")
    if (packed := headers.get("content-encoding", "identity")) != "identity":
        # To unpack it could take any amount of memory; none was asked for.
        return Completion(Outcome.NOT_JSON, detail=f"the answer is packed with {packed}")
    value: Any = None
    try:
        value = decoded(content)
    except (ValueError, RecursionError) as error:
        if status == 200:
            return Completion(Outcome.NOT_JSON, detail=f"{error}: {_excerpt(content)}")
    return read_value(value, asked) if status == 200 else _failure(answer, value, asked)


def decoded(content: bytes) -> Any:
    """The JSON value. Raises ValueError or RecursionError. Strict: NaN and Infinity are not JSON."""
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError:
        # It refuses lone surrogates, which models do write; and its words are poorer.
        return _DECODER.decode(content.decode())


def too_large() -> Completion:
    """What an answer over the bound gives."""
    return Completion(Outcome.TOO_LARGE, detail=f"the answer is over {ANSWER_BYTES_MOST} bytes")


def read_value(value: Any, asked: Asked) -> Completion:
    """What the decoded body of a 200 says."""
    match value:
        case {"error": error} if error:
            return failure_in_200(error, asked)
        case {"choices": [{"error": error}, *_]} if error:
            return failure_in_200(error, asked)
        case {"choices": [{"message": dict()} as choice, *_]}:
            return _answer(value, choice, asked)
        case {"choices": [] | None}:
            return Completion(Outcome.EMPTY, detail="no choices")
        case dict() if "choices" not in value:
            return Completion(Outcome.EMPTY, detail="no choices")
        case _:
            return Completion(Outcome.NOT_JSON, detail=f"JSON, but not an answer: {json.dumps(value)[:_HEARD_MOST]}")


def failure_in_200(error: Any, asked: Asked) -> Completion:
    """What an error gives that came where an answer should be."""
    outcome = outcome_in_200(error, has_schema=asked.has_schema)
    return Completion(outcome, detail=f"error in a 200: {message_of(error)}")


def first_model(answer: Answer) -> str | Completion:
    """The id of the first model in the answer to `GET /models`; a Completion that says why there is none."""
    failure = read(answer, Asked())
    if answer.status != 200 or failure.outcome is Outcome.NOT_JSON:
        return failure
    match decoded(answer.content):
        case {"data": [{"id": str(name)}, *_]} if name:
            return name
    return Completion(Outcome.NO_SUCH_MODEL, detail="the server lists no model; name one in the rung")


def text_in(content: Any) -> str | None:
    """The text of a message's content: itself, or its text parts where it comes in parts; None where it is neither."""
    match content:
        case None:
            return ""
        case str():
            return content
        case [*parts] if all(isinstance(part, dict) for part in parts):
            return "".join(text for part in parts if isinstance(text := part.get("text"), str))
        case _:
            return None


def _answer(value: Mapping[str, Any], choice: Mapping[str, Any], asked: Asked) -> Completion:
    message = choice["message"]
    text, refusal = text_in(message.get("content")), _text(message.get("refusal"))
    if text is None:
        kind = type(message["content"]).__name__
        return Completion(Outcome.NOT_JSON, detail=f"the content is a {kind}, not text")
    reason = _text(choice.get("finish_reason"))
    reason = _REASONS.get(reason.lower(), reason)
    text, stray = _called(message, text, asked)
    outcome = Outcome.ERROR_IN_200 if reason == "error" else of_content(text, reason, refusal)
    if outcome in (Outcome.OK, Outcome.EMPTY) and stray:
        outcome = Outcome.UNKNOWN_TOOL
    usage = _usage(value.get("usage"))
    notes = [f"refused: {refusal}" if refusal else "", stray, "" if usage else "usage invalid"]
    return Completion(
        outcome,
        text=clean(text),
        model=_text(value.get("model")),
        finish_reason=reason,
        usage=usage or Usage(),
        detail="; ".join(filter(None, notes)),
    )


def _called(message: Mapping[str, Any], text: str, asked: Asked) -> tuple[str, str]:
    """The answer's text, which is the arguments where our tool was called; and what is wrong with the call, if any."""
    calls = message.get("tool_calls")
    called = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    functions: list[Any] = [each for each in (*called, message.get("function_call")) if isinstance(each, dict)]
    if not functions:
        return text, ""
    ours = next((function for function in functions if asked.tool and function.get("name") == asked.tool), None)
    if ours is None:
        return text, f"it called {_text(functions[0].get('name'))[:80]!r}, which it was not offered"
    arguments = ours.get("arguments")
    return (arguments if isinstance(arguments, str) else json.dumps(arguments)), ""


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    tokens_in, tokens_out = value.get("prompt_tokens"), value.get("completion_tokens")
    return Usage(tokens_in, tokens_out) if _is_count(tokens_in) and _is_count(tokens_out) else None


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= TOKENS_MOST


def _failure(answer: Answer, value: Any, asked: Asked) -> Completion:
    status, headers, content, wall_ms = answer
    said = message_of(value) if isinstance(value, dict | list) and value else _excerpt(content)
    return Completion(
        outcome_of(status, value, has_schema=asked.has_schema),
        detail=f"HTTP {status}; {said}" if said else f"HTTP {status}",
        retry_after_s=retry_after_s(headers, wall_ms),
    )


def _excerpt(content: bytes) -> str:
    return content[:_HEARD_MOST].decode(errors="backslashreplace")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
