"""How providers say that a request is too long for the model: twenty wordings and shapes, by name.

Only some have a code that says so; a client that reads the messages alone, or the codes alone, misses the others.
"""

from collections.abc import Mapping
from typing import Any

from .replies import Json

#: The model's context and what was asked of it, in tokens: the figures in every message.
CONTEXT_TOKENS, ASKED_TOKENS = 8192, 9215

_INVALID = "invalid_request_error"
_CODE = "context_length_exceeded"
_MOST, _OURS = CONTEXT_TOKENS, ASKED_TOKENS
_MAXIMUM = f"This model's maximum context length is {_MOST} tokens."
_VALIDATION = "Input validation error: `inputs` tokens + `max_new_tokens` must be <="


def _error(
    message: str, type: str = _INVALID, code: str | int | None = None, param: str | None = None
) -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


#: Who says it, and what.
CONTEXT_ERRORS: Mapping[str, Json] = {
    "openai": Json(
        _error(
            f"{_MAXIMUM} However, your messages resulted in {_OURS} tokens. Please reduce the length of the messages.",
            code=_CODE,
            param="messages",
        ),
        400,
    ),
    "openai_with_output": Json(
        _error(
            f"{_MAXIMUM} However, you requested {_OURS} tokens ({_OURS - 1024} in the messages, 1024 in the "
            "completion). Please reduce the length of the messages or completion.",
            code=_CODE,
            param="messages",
        ),
        400,
    ),
    "openai_window": Json(
        _error(
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            code=_CODE,
            param="input",
        ),
        400,
    ),
    "anthropic": Json(
        {
            "type": "error",
            "error": {"type": _INVALID, "message": f"prompt is too long: {_OURS} tokens > {_MOST} maximum"},
        },
        400,
    ),
    "anthropic_with_output": Json(
        {
            "type": "error",
            "error": {
                "type": _INVALID,
                "message": f"input length and `max_tokens` exceed context limit: {_OURS - 1024} + 1024 > {_MOST}, "
                "decrease input length or `max_tokens` and try again",
            },
        },
        400,
    ),
    "anthropic_bytes": Json(
        {"type": "error", "error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}}, 413
    ),
    "gemini": Json(
        {
            "error": {
                "code": 400,
                "message": f"The input token count ({_OURS}) exceeds the maximum number of tokens allowed ({_MOST}).",
                "status": "INVALID_ARGUMENT",
            }
        },
        400,
    ),
    "mistral": Json(
        {
            "object": "error",
            "message": f"Prompt contains {_OURS} tokens and 0 draft tokens, too large for model with {_MOST} maximum "
            "context length",
            "type": _INVALID,
            "code": "3051",
        },
        400,
    ),
    "cohere": Json(
        {"message": f"too many tokens: total number of tokens in the prompt cannot exceed {_MOST} - received {_OURS}."},
        400,
    ),
    "bedrock": Json({"message": "Input is too long for requested model."}, 400),
    "groq": Json(_error("Please reduce the length of the messages or completion.", code=_CODE, param="messages"), 413),
    "xai": Json(
        {
            "code": "Client specified an invalid argument",
            "error": f"This model's maximum prompt length is {_MOST} but the request contains {_OURS} tokens.",
        },
        400,
    ),
    "moonshot": Json(_error(f"Invalid request: Your request exceeded model token limit: {_MOST}"), 400),
    "openrouter": Json(
        {
            "error": {
                "message": f"This endpoint's maximum context length is {_MOST} tokens. However, you requested about "
                f"{_OURS} tokens. Please reduce the length of either one.",
                "code": 400,
            }
        },
        400,
    ),
    "together": Json(_error(f"{_VALIDATION} {_MOST + 1}. Given: {_OURS} `inputs` tokens", param="max_tokens"), 422),
    "text_generation_inference": Json(
        {"error": f"{_VALIDATION} {_MOST}. Given: {_OURS} `inputs` tokens", "error_type": "validation"}, 422
    ),
    "vllm": Json(
        {
            "object": "error",
            "message": f"{_MAXIMUM} However, you requested {_OURS} tokens in the messages, Please reduce the length of "
            "the messages.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
        400,
    ),
    "llama_cpp": Json(
        {
            "error": {
                "code": 400,
                "message": f"request ({_OURS} tokens) exceeds the available context size ({_MOST} tokens), "
                "try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": _OURS,
                "n_ctx": _MOST,
            }
        },
        400,
    ),
    "lm_studio": Json(
        {
            "error": f"Trying to keep the first {_OURS} tokens when context the overflows. However, the model is "
            f"loaded with context length of only {_MOST} tokens, which is not enough."
        },
        400,
    ),
    "ollama": Json(_error("the input length exceeds the context length", type="api_error"), 400),
    "code_alone": Json(_error("The request could not be processed.", code=_CODE), 400),
    "unknown_wording": Json(_error("That is more text than I can hold at once."), 400),
}
