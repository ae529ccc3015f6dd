"""What providers' errors mean, in the words that they really use; and how long they ask to be left alone."""

import json
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.gateway.providers.complaint import outcome_in_200, outcome_of
from bullpen.orchestrator.gateway.providers.openai_shape import Answer, Asked
from bullpen.orchestrator.gateway.providers.reading import read
from bullpen.orchestrator.gateway.providers.retry_after import retry_after_s
from bullpen.orchestrator.rules.outcome import Outcome

TOO_LONG: list[tuple[str, int, Any]] = [
    (
        "openai",
        400,
        {
            "message": "This model's maximum context length is 8192 tokens. However, your messages have 9000.",
            "code": "context_length_exceeded",
        },
    ),
    ("openai, code only", 400, {"message": "No.", "code": "context_length_exceeded"}),
    ("openai, no code", 400, {"message": "Your input exceeds the context window of this model."}),
    ("openai, rate", 429, {"message": "Request too large for gpt-4 on tokens per min", "code": "rate_limit_exceeded"}),
    ("azure", 400, {"message": "Input tokens exceed the configured limit of 272000 tokens.", "code": "BadRequest"}),
    (
        "vllm",
        400,
        {
            "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
            "type": "BadRequestError",
            "code": 400,
        },
    ),
    (
        "vllm, prompt",
        400,
        {"message": "The decoder prompt (length 9000) is longer than the maximum model length of 4096."},
    ),
    (
        "llama.cpp",
        400,
        {"message": "the request exceeds the available context size", "type": "exceed_context_size_error", "code": 400},
    ),
    ("ollama", 400, {"message": "the input length exceeds the context length"}),
    ("ollama, 500", 500, {"message": "input length exceeds maximum context length"}),
    (
        "anthropic",
        400,
        {"message": "prompt is too long: 205000 tokens > 200000 maximum", "type": "invalid_request_error"},
    ),
    ("anthropic, sum", 400, {"message": "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"}),
    ("anthropic, size", 413, {"message": "Request exceeds the maximum size", "type": "request_too_large"}),
    (
        "mistral",
        400,
        {"message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"},
    ),
    ("groq", 400, {"message": "Please reduce the length of the messages or completion."}),
    ("groq, rate", 413, {"message": "Request too large for model `x`", "code": "rate_limit_exceeded"}),
    (
        "together",
        422,
        {"message": "`inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5000 `inputs` tokens"},
    ),
    ("openrouter", 400, {"message": "This endpoint's maximum context length is 8192 tokens.", "code": 400}),
    (
        "gemini",
        400,
        {
            "message": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "status": "INVALID_ARGUMENT",
        },
    ),
    (
        "tgi",
        422,
        {"error": "Input validation error: `inputs` must have less than 1024 tokens.", "error_type": "validation"},
    ),
    ("litellm", 400, {"message": "litellm.ContextWindowExceededError: litellm.BadRequestError: no"}),
    ("cohere", 400, {"message": "too many tokens: total number of tokens in the prompt cannot exceed 4081"}),
    ("xai", 400, {"message": "This model's maximum prompt length is 131072 but the request contains 140000 tokens."}),
    ("bedrock", 400, {"message": "Input is too long for requested model."}),
    ("sglang", 400, {"message": "The input (5000 tokens) is longer than the model's context length (4096 tokens)."}),
]
OTHERS: list[tuple[int, Any, Outcome]] = [
    (
        429,
        {"message": "Rate limit reached on tokens per min (TPM): Limit 10000", "code": "rate_limit_exceeded"},
        Outcome.RATE_LIMITED,
    ),
    (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, Outcome.NO_QUOTA),
    (403, {"message": "You exceeded your current quota", "type": "insufficient_quota"}, Outcome.NO_QUOTA),
    (400, {"message": "Your credit balance is too low to access the API."}, Outcome.NO_QUOTA),
    (402, {"message": "Insufficient Balance"}, Outcome.NO_QUOTA),
    (429, {"message": "Quota exceeded for requests a minute", "status": "RESOURCE_EXHAUSTED"}, Outcome.RATE_LIMITED),
    (
        400,
        {
            "message": "The model `x` has been decommissioned and is no longer supported.",
            "code": "model_decommissioned",
        },
        Outcome.NO_SUCH_MODEL,
    ),
    (400, {"message": "acme/x is not a valid model ID", "code": 400}, Outcome.NO_SUCH_MODEL),
    (
        403,
        {"message": "Project `p` does not have access to model `x`", "code": "model_not_found"},
        Outcome.NO_SUCH_MODEL,
    ),
    (404, {"message": "model 'x' not found, try pulling it first"}, Outcome.NO_SUCH_MODEL),
    (400, {"message": "The response was filtered.", "code": "content_filter"}, Outcome.REFUSED),
    (400, {"message": "Your request was rejected as a result of our safety system."}, Outcome.REFUSED),
    (403, {"message": "x requires moderation. Your input was flagged for violence."}, Outcome.REFUSED),
    (400, {"message": "no", "code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}, Outcome.REFUSED),
    (
        400,
        {"message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"},
        Outcome.KEY_REFUSED,
    ),
    (400, {"message": "Failed to generate JSON", "code": "json_validate_failed"}, Outcome.OFF_SCHEMA),
    (
        400,
        {"message": "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens"},
        Outcome.BAD_REQUEST,
    ),
    (400, {"message": "temperature must be below 2"}, Outcome.BAD_REQUEST),
    (529, {"message": "Overloaded", "type": "overloaded_error"}, Outcome.SERVER_ERROR),
    (504, None, Outcome.SERVER_TIMED_OUT),
    (500, {"message": "response_format of model failed, content policy"}, Outcome.SERVER_ERROR),
]
SCHEMA: list[tuple[int, Any]] = [
    (
        400,
        {
            "message": "Invalid parameter: 'response_format' of type 'json_schema' is not supported",
            "param": "response_format",
        },
    ),
    (400, {"message": "no", "param": "response_format"}),
    (400, {"message": "This response_format type is unavailable now"}),
    (400, {"message": "This model does not support response format `json_schema`."}),
    (400, {"message": "registry.ollama.ai/library/x does not support tools"}),
    (400, {"message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'}),
    (400, {"message": "Unsupported parameter: 'tools' is not supported with this model."}),
    (404, {"message": "No endpoints found that support tool use.", "code": 404}),
    (422, {"message": "x does not support function calling"}),
    (400, {"message": "Structured outputs are not available for this model"}),
]


def answered(status: int, error: Any) -> Answer:
    return Answer(status, {}, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(("status", "error"), [row[1:] for row in TOO_LONG], ids=[row[0] for row in TOO_LONG])
def test_a_question_that_is_too_long_is_known_in_all_wordings(status: int, error: Any) -> None:
    assert read(answered(status, error), Asked()).outcome is Outcome.TOO_LONG
    assert read(answered(status, error), Asked(True)).outcome is Outcome.TOO_LONG
    assert "code" in error or outcome_of(status, error.get("message", error)) is Outcome.TOO_LONG


@pytest.mark.parametrize(("status", "error", "outcome"), OTHERS)
def test_codes_types_and_words_say_what_a_status_does_not(status: int, error: Any, outcome: Outcome) -> None:
    assert read(answered(status, error), Asked()).outcome is outcome


@pytest.mark.parametrize(("status", "error"), SCHEMA)
def test_a_provider_that_cannot_do_schemas_is_asked_in_words(status: int, error: Any) -> None:
    assert read(answered(status, error), Asked(True)).outcome is Outcome.NO_SCHEMA_MODE
    assert read(answered(status, error), Asked()).outcome is not Outcome.NO_SCHEMA_MODE


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("overloaded", Outcome.ERROR_IN_200),
        ({"message": "busy", "code": 429}, Outcome.RATE_LIMITED),
        ({"message": "busy", "code": "429"}, Outcome.RATE_LIMITED),
        ({"message": "late", "code": 504}, Outcome.SERVER_TIMED_OUT),
        ({"message": "no", "code": 401}, Outcome.KEY_REFUSED),
        ({"message": "no", "code": "insufficient_quota"}, Outcome.NO_QUOTA),
        (
            {"message": "Provider returned error", "code": 400, "metadata": {"raw": "prompt is too long"}},
            Outcome.TOO_LONG,
        ),
        ({"message": "no", "code": "context_length_exceeded"}, Outcome.TOO_LONG),
    ],
)
def test_an_error_in_a_200_is_read_by_its_inner_code(error: Any, outcome: Outcome) -> None:
    completion = read(answered(200, error), Asked())

    assert outcome_in_200(error) is completion.outcome is outcome
    assert "200" in completion.detail


NAMES = st.sampled_from(["error", "code", "message", "type", "param", "detail", "metadata"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
ERRORS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))


@given(ERRORS, st.sampled_from([200, 400, 403, 404, 422, 429, 500]))
def test_no_error_body_breaks_the_reader(error: Any, status: int) -> None:
    assert isinstance(read(Answer(status, {}, json.dumps(error).encode()), Asked(True)).outcome, Outcome)


NOW = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12),
        ({"retry-after": " 12.5 "}, 12.5),
        ({"retry-after": "120"}, 120),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": NOW}, 30),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:30 GMT", "date": NOW}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "1_000"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 99 Oct 9999 07:28:30 GMT", "date": NOW}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_in_each_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_the_year_9999_is_far_and_finite() -> None:
    assert 2.5e11 < (retry_after_s({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT", "date": NOW}) or 0) < 2.6e11


def test_a_date_is_read_against_a_clock_where_the_answer_has_no_date_of_its_own() -> None:
    now = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)

    assert retry_after_s({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, int(now.timestamp() * 1000)) == 30


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text()))
def test_no_header_breaks_it(headers: dict[str, str]) -> None:
    seconds = retry_after_s(headers, 0)
    assert seconds is None or seconds >= 0


@given(st.datetimes(min_value=datetime(1971, 1, 1), timezones=st.just(UTC)))
def test_every_date_that_can_be_written_is_read(then: datetime) -> None:
    then = then.replace(microsecond=0)
    assert retry_after_s({"retry-after": format_datetime(then, usegmt=True)}, 0) == then.timestamp()


def test_a_very_long_complaint_is_not_read_to_its_end() -> None:
    started_s = time.process_time()
    read(answered(400, {"message": "prompt " * 1_000_000}), Asked(True))

    assert time.process_time() - started_s < 2
