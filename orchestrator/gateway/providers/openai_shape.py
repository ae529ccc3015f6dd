"""The request and the answer that OpenAI-compatible providers agree on. Pure: both network lanes send and read these.

Everything in an answer is untrusted: each field is checked before it is used.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from ...rules.json.decode import Refused, decode
from ...rules.outcome import Outcome, of_content
from ...rules.thinking import json_without_thinking
from ...settings import Rung
from ...text import clean
from ..form import form_of
from ..model import Completion, Request, Usage
from .complaint import message_of, outcome_in_200, refused_field, status_in

#: The most bytes of an answer that are read.
ANSWER_BYTES_MOST = 8 * 1024 * 1024
#: The most tokens that a provider is believed to have counted in one call.
TOKENS_MOST = 10**9

#: What some servers write before a body.
MARK = b"\xef\xbb\xbf"

#: What the bound on an answer is called: as every server knows it, and as those do that refuse that.
_MOST = ("max_tokens", "max_completion_tokens")
#: The fields that a schema is asked for with.
_OF_SCHEMA = ("response_format", "tools", "tool_choice")
#: The parts of a content that are thinking, and where else a message may have it.
_THINKING = ("thinking", "redacted_thinking", "reasoning", "reasoning_text")
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
#: The most characters of an error that are repeated, before keys are taken out of it: none may be cut in two.
HEARD_MOST = 4000
_FENCE = re.compile(r"\A```\w*\s+(.*?)\s*```\Z", re.DOTALL)
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
    #: Whether the answer is to be JSON, however that was asked for.
    is_typed: bool = False
    #: The fields that it was asked with, of those that a server may refuse.
    sent: frozenset[str] = frozenset()


class Answer(NamedTuple):
    """A response that arrived whole. `headers` has lower case names or ignores case; `wall_ms` is when it came."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    wall_ms: int | None = None


def asked_of(request: Request, rung: Rung) -> Asked:
    """How the schema is asked for: not at all, by the provider's own schemas, or as the arguments of one tool."""
    sent = _fields(request)
    if request.form is None or request.is_prompted or rung.schema_mode == "prompted":
        return Asked(is_typed=request.form is not None, sent=sent)
    if rung.schema_mode == "tool":
        return Asked(True, _name(request), True, sent | {"tools", "tool_choice"})
    return Asked(True, "", True, sent | {"response_format"})


def _fields(request: Request) -> frozenset[str]:
    """What is sent of the fields that a server may refuse, but for those of a schema."""
    most = next((name for name in _MOST if name not in request.without), None)
    is_streamed = request.watch is not None and "stream" not in request.without
    of_stream = {"stream", "stream_options"} if is_streamed else set()
    return frozenset(({most} if most else set()) | of_stream) - request.without


def question(request: Request, rung: Rung) -> dict[str, Any]:
    """What is asked, except for the model: messages, the most tokens, the schema where there is one, and a stream."""
    body: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
    }
    asked = asked_of(request, rung)
    body |= {name: request.tokens_out_most or rung.tokens_out_most for name in _MOST if name in asked.sent}
    beside = form_of(request.form).beside(request.messages[0].content) if request.form is not None else {}
    if asked.tool:
        function = {"name": asked.tool, "parameters": beside}
        body["tools"] = [{"type": "function", "function": function}]
        body["tool_choice"] = {"type": "function", "function": {"name": asked.tool}}
    elif asked.has_schema:
        schema = {"name": _name(request), "schema": beside, "strict": False}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    of_stream = {"stream": True, "stream_options": {"include_usage": True}}
    return body | {name: value for name, value in of_stream.items() if name in asked.sent}


def _name(request: Request) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", request.prompt)[:64] or "answer"


def decoded(content: bytes) -> Any:
    """The JSON value, with or without a mark before it. Raises ValueError.

    Strict: a key that stands twice has no one value, and NaN and Infinity are not JSON.
    """
    try:
        return decode(content.removeprefix(MARK).decode())
    except Refused as refusal:
        raise ValueError(str(refusal)) from None


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
            return Completion(Outcome.NOT_JSON, detail=f"JSON, but not an answer: {json.dumps(value)[:HEARD_MOST]}")


def failure_in_200(error: Any, asked: Asked) -> Completion:
    """What an error gives that came where an answer should be."""
    outcome = outcome_in_200(error, has_schema=asked.has_schema)
    return failed(status_in(error), error, outcome, asked, f"error in a 200: {message_of(error)}")


def failed(status: int, error: Any, outcome: Outcome, asked: Asked, detail: str) -> Completion:
    """What an error gives; where it names a field that the server does not take, that is what it is about."""
    field = refused_field(status, error, outcome, asked.sent)
    if field in _OF_SCHEMA:
        return Completion(Outcome.NO_SCHEMA_MODE, detail=detail)
    return Completion(Outcome.FIELD_REFUSED if field else outcome, detail=detail, refused=field)


def text_in(content: Any) -> str | None:
    """The text of a message's content: itself, or its text parts where it comes in parts; None where it is neither."""
    match content:
        case None:
            return ""
        case str():
            return content
        case [*parts] if all(isinstance(part, dict) for part in parts):
            said = [part for part in parts if part.get("type") not in _THINKING]
            return "".join(text for part in said if isinstance(text := part.get("text"), str))
        case _:
            return None


def thought_in(message: Mapping[str, Any]) -> str:
    """What a message has in a channel for thinking, under whatever name."""
    return next((text for name in _THOUGHTS if (text := text_in(message.get(name)))), "")


def _answer(value: Mapping[str, Any], choice: Mapping[str, Any], asked: Asked) -> Completion:
    message = choice["message"]
    text, refusal = text_in(message.get("content")), _text(message.get("refusal"))
    if text is None:
        kind = type(message["content"]).__name__
        return Completion(Outcome.NOT_JSON, detail=f"the content is a {kind}, not text")
    reason = _text(choice.get("finish_reason"))
    reason = _REASONS.get(reason.lower(), reason)
    text, stray = _called(message, text, asked)
    if asked.is_typed and not text.strip():
        text = _json_in(thought_in(message)) or text
    outcome = Outcome.ERROR_IN_200 if reason == "error" else of_content(text, reason, refusal)
    if outcome in (Outcome.OK, Outcome.EMPTY) and stray:
        outcome = Outcome.UNKNOWN_TOOL
    usage = _usage(value.get("usage"))
    is_only_thought = outcome is Outcome.EMPTY and bool(thought_in(message))
    thought = "it thought, and answered nothing" if is_only_thought else ""
    notes = [f"refused: {refusal}" if refusal else "", stray, thought, "" if usage else "usage invalid"]
    return Completion(
        outcome,
        text=clean(text),
        model=_text(value.get("model")),
        finish_reason=reason,
        usage=usage or Usage(),
        detail="; ".join(filter(None, notes)),
    )


def _json_in(thought: str) -> str:
    """The thinking where it is JSON from beginning to end: some servers take a whole answer for it. Else ""."""
    bare = json_without_thinking(thought).strip()
    if fenced := _FENCE.match(bare):
        bare = fenced[1]
    try:
        return bare if isinstance(decoded(bare.encode()), dict | list) else ""
    except ValueError:
        return ""


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
    return arguments_in(ours), ""


def arguments_in(function: Mapping[str, Any]) -> str:
    """The arguments of a call, or a piece of them, as text; "" where there are none."""
    arguments = function.get("arguments")
    return arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments is not None else ""


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    tokens_in, tokens_out = value.get("prompt_tokens"), value.get("completion_tokens")
    return Usage(tokens_in, tokens_out) if _is_count(tokens_in) and _is_count(tokens_out) else None


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= TOKENS_MOST


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
