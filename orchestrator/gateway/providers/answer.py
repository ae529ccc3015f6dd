"""What both network lanes do alike: the request's body, and the reading of an OpenAI-shaped answer. Pure.

An answer is untrusted: every field may be missing, of another type or absurd.
"""

from collections.abc import Mapping
from typing import Any

from ...rules.outcome import Outcome, of_content
from ...settings import Rung
from ...text import clean, shorten
from ..model import Completion, Request, Usage

_TOKENS_ABSURD = 10**9


def body_of(request: Request, rung: Rung) -> dict[str, Any]:
    """The messages, the bound on the answer and its schema, as every OpenAI-compatible server takes them."""
    body: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": rung.tokens_out_most,
    }
    if request.schema is not None:
        asked = {"name": request.prompt, "schema": request.schema, "strict": False}
        body["response_format"] = {"type": "json_schema", "json_schema": asked}
    return body


def completion_of(answer: Any) -> Completion:
    """The completion in a chat completion's JSON."""
    if not isinstance(answer, Mapping):
        return Completion(Outcome.NOT_JSON, detail=f"the answer is {type(answer).__name__}, not an object")
    if answer.get("error"):
        return Completion(Outcome.SERVER_ERROR, detail=shorten(str(_message(answer["error"])), 300))
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(message, Mapping):
        return Completion(Outcome.EMPTY, detail="the answer has no choices")
    text, refusal = message.get("content"), message.get("refusal")
    finish_reason = str(choice.get("finish_reason") or "")
    usage = usage_of(answer.get("usage"))
    return Completion(
        of_content(
            text if isinstance(text, str) else None, finish_reason, refusal if isinstance(refusal, str) else None
        ),
        text=clean(text) if isinstance(text, str) else "",
        model=shorten(str(answer.get("model") or ""), 100),
        finish_reason=finish_reason,
        usage=usage or Usage(),
        detail="" if usage else "usage invalid: counted as the most it could be",
    )


def usage_of(usage: Any) -> Usage | None:
    """The tokens counted; None where the numbers are missing, negative or absurd."""
    if not isinstance(usage, Mapping):
        return None
    counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not all(type(count) is int and 0 <= count <= _TOKENS_ABSURD for count in counts):
        return None
    return Usage(*counts)  # type: ignore[arg-type]


def _message(error: Any) -> Any:
    return error.get("message", error) if isinstance(error, Mapping) else error
