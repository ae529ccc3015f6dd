"""LiteLLM itself: imported once a process, made quiet, and its errors read. For whoever speaks through it.

It takes seconds to import, so callers load it at their first call, in a thread.
"""

import gc
import importlib
import logging
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

from ...rules.outcome import Outcome, of_status
from .complaint import outcome_of
from .retry_after import retry_after_s

#: Read by LiteLLM while it is imported; what the user has set stays.
_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it downloads a price list
    "LITELLM_MODE": "PRODUCTION",  # else it reads a .env file
}
#: Read by LiteLLM at every call: whether it takes our client for OpenAI's addresses too. We depend on it.
_TAKES_CLIENT = "EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER"

_loading = threading.Lock()
#: Set when LiteLLM has been imported and made quiet.
_is_quiet = threading.Event()

#: By the class of LiteLLM's error, for what our client did not see. The first that fits counts.
_OUTCOMES = {
    "Timeout": Outcome.TIMED_OUT,
    "RateLimitError": Outcome.RATE_LIMITED,
    "AuthenticationError": Outcome.KEY_REFUSED,
    "PermissionDeniedError": Outcome.KEY_REFUSED,
    "NotFoundError": Outcome.NO_SUCH_MODEL,
    "ContextWindowExceededError": Outcome.TOO_LONG,
    "UnsupportedParamsError": Outcome.UNSUPPORTED,
    "ContentPolicyViolationError": Outcome.REFUSED,
    "PaymentRequiredError": Outcome.NO_QUOTA,
    "BadRequestError": Outcome.BAD_REQUEST,
    "APIConnectionError": Outcome.UNREACHABLE,
}


def load() -> Any:
    """LiteLLM, imported and made quiet once a process, without the collector (a fifth faster)."""
    with _loading:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        os.environ[_TAKES_CLIENT] = "true"
        if _is_quiet.is_set():
            return sys.modules["litellm"]
        collects = gc.isenabled()
        gc.disable()
        try:
            litellm: Any = importlib.import_module("litellm")
        finally:
            if collects:
                gc.enable()
        # A million objects that stay: looking through them in each full collection made a call a quarter dearer.
        gc.collect()
        gc.freeze()
        litellm.suppress_debug_info = True
        litellm.telemetry = False
        if "LITELLM_LOG" not in os.environ:
            logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
        _is_quiet.set()
        return litellm


def faults() -> tuple[type[Exception], ...]:
    """What a call of LiteLLM's raises for a fault that is not ours. Only once it is loaded."""
    import openai

    # Beside its own errors LiteLLM lets slips of its parsing out: an empty `choices` is an IndexError.
    return openai.OpenAIError, LookupError, TypeError, ValueError, AttributeError


def wait_of(error: Exception) -> float | None:
    """How many seconds the provider asks to be left alone; None where it does not say."""
    headers = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", {}
    )
    return retry_after_s(headers)


def outcome_of_error(error: Exception, *, has_schema: bool = False) -> Outcome:
    """By the error's class and its words; `has_schema`: a schema or a tool was part of the question."""
    names = {kind.__name__ for kind in type(error).__mro__}
    named = next((outcome for name, outcome in _OUTCOMES.items() if name in names), None)
    if named is Outcome.UNSUPPORTED and has_schema:
        return Outcome.NO_SCHEMA_MODE
    status = getattr(error, "status_code", 200)
    if named in (Outcome.BAD_REQUEST, Outcome.RATE_LIMITED):
        bodies = (getattr(cause, "body", None) for cause in causes(error))
        said = {"message": str(error), "error": next((body for body in bodies if isinstance(body, dict)), None)}
        return outcome_of(status, said, has_schema=has_schema)
    # An error without a bad status: an answer came, and LiteLLM could not read it.
    return named or (of_status(status) if isinstance(status, int) and status >= 300 else Outcome.NOT_JSON)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, outermost first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def keys() -> list[str]:
    """Every key that LiteLLM may have found in the environment by itself."""
    return [value.strip() for name, value in os.environ.items() if name.endswith("_API_KEY")]
