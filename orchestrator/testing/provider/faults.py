"""Every fault that a provider can have, by name: `FAULTS["drip"].reply()` is a reply for a script.

Rows are those of the fault matrix that the project's tests go through. What is wrong with an address rather than with
an answer is in `faults_address`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from .around import Cut, Drip, Either, Gzipped, Interrupted, KeptAlive, Late, Repeated
from .faults_context import CONTEXT_ERRORS
from .replies import EVENTS, Drops, Fails, Floods, Hangs, Json, Raw, Says, calls, event, head, redirects
from .wire import Asked, Reply, Wire

#: What is said where only the manner matters.
HELLO = Says("hello there, and welcome")
#: A tool that no client has.
UNKNOWN_TOOL = "no_such_tool"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `reply` makes it anew. `plain` and `stream` tell which requests can meet it."""

    name: str
    about: str
    rows: tuple[int, ...]
    reply: Callable[[], Reply]
    plain: bool = True
    stream: bool = True


@dataclass(frozen=True, slots=True)
class Bare:
    """A completion, or its only chunk, with these fields in the place of `choices`."""

    fields: Mapping[str, Any]

    def wire(self, asked: Asked) -> Wire:
        """Everything that an answer has but the answer."""
        kind = "chat.completion.chunk" if asked.streams else "chat.completion"
        usage = {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10}
        return Json({**head(kind, asked), **self.fields, "usage": usage}).wire(asked)


def _in(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def _limited(**how: Any) -> Fails:
    return Fails(429, "Rate limit reached", type="requests", code="rate_limit_exceeded", **how)


def _same(reply: Reply) -> Callable[[], Reply]:
    return lambda: reply


def _fault(name: str, about: str, row: int | tuple[int, ...], reply: Reply, **kinds: bool) -> Fault:
    return Fault(name, about, row if isinstance(row, tuple) else (row,), _same(reply), **kinds)


_OVERLOADED = {"error": {"message": "The server is overloaded", "type": "overloaded_error", "code": None}}

_HTTP = (
    _fault("rate_limited", "429, Retry-After: 1", 1, _limited(retry_after="1")),
    _fault("retry_after_long", "429, Retry-After: 120", 2, _limited(retry_after="120")),
    Fault("retry_after_date", "429, Retry-After: a date 120 s from now", (2,), lambda: _limited(retry_after=_in(120))),
    _fault("retry_after_ms", "429, retry-after-ms: 1500", 2, _limited(headers={"retry-after-ms": "1500"})),
    _fault("retry_after_fraction", "429, Retry-After: 1.5", 2, _limited(retry_after="1.5")),
    _fault("retry_after_garbage", "429, Retry-After: soon", 2, _limited(retry_after="soon")),
    _fault("retry_after_negative", "429, Retry-After: -5", 2, _limited(retry_after="-5")),
    _fault(
        "retry_after_year_9999",
        "429, Retry-After: the last day of the year 9999",
        2,
        _limited(retry_after="Fri, 31 Dec 9999 23:59:59 GMT"),
    ),
    _fault("rate_limited_bare", "429 that names no time", 3, _limited()),
    _fault(
        "no_quota",
        "429 with code insufficient_quota",
        4,
        Fails(429, "You exceeded your current quota", type="insufficient_quota", code="insufficient_quota"),
    ),
    _fault("server_error", "500", 5, Fails(500, "Internal error", type="server_error")),
    _fault("bad_gateway", "502 with a page of HTML", 6, Raw(b"<html>Bad Gateway</html>", 502, "text/html")),
    _fault("unavailable", "503, as for as long as a provider is down", (6, 32), Fails(503, "Service unavailable")),
    _fault("overloaded", "529", 6, Json(_OVERLOADED, 529)),
    _fault("gateway_timeout", "504", 7, Fails(504, "Gateway timeout")),
    _fault("key_refused", "401", 8, Fails(401, "Incorrect API key provided", code="invalid_api_key")),
    _fault("forbidden", "403", 8, Fails(403, "Your key has no access to this model", code="permission_denied")),
    _fault("no_such_model", "404", 9, Fails(404, "The model does not exist", code="model_not_found")),
    _fault("redirect", "307 to a name that does not exist", 22, redirects("http://provider.invalid/v1/gone")),
    _fault("redirect_see_other", "303 to a name that does not exist", 22, redirects("http://provider.invalid/", 303)),
)

_TRANSPORT = (
    _fault("hang", "the request is taken, headers never come", 14, Hangs()),
    _fault("late", "everything is right, 0.1 s late", 14, Late(HELLO, 0.1)),
    _fault("drip", "a byte every half second", 15, Drip(HELLO, size=1, every_s=0.5)),
    _fault("stream_drip", "a chunk every half second", 15, Drip(HELLO, size=None, every_s=0.5), plain=False),
    _fault("keep_alive", "signs of life for ever (SSE comments, line feeds), no answer", 15, KeptAlive(HELLO)),
    _fault("dropped", "the connection is reset before a byte came", 16, Drops()),
    _fault("reset_mid_body", "the connection is reset after 40 bytes", 16, Cut(HELLO, at_byte=40)),
    _fault("short_body", "closed after half of what Content-Length said", 17, Cut(HELLO, at_byte=100, then="close")),
    _fault("truncated_json", "the JSON ends after 60 bytes, HTTP is right", 18, Cut(HELLO, at_byte=60, then="end")),
    _fault(
        "invalid_utf8",
        "bytes that are not UTF-8",
        19,
        Either(Raw(b'{"choices": "\xff\xfe\x80"}'), Raw(b'data: {"choices": "\xff\xfe\x80"}\n\n', content_type=EVENTS)),
    ),
    _fault(
        "html", "200 with a page of HTML", 20, Raw(b"<!doctype html><title>Sign in</title>", content_type="text/html")
    ),
    _fault("empty_body", "200 without a body", 20, Either(Raw(b""), Raw(b"", content_type=EVENTS))),
    _fault("error_in_200", "200 with an error object", 21, Json(_OVERLOADED)),
    _fault("flood", "an answer of 50 MiB", 23, Floods(50 * MEBIBYTE)),
    _fault("gzip_bomb", "200 kB that unpack to 200 MiB", 24, Gzipped(Floods(200 * MEBIBYTE))),
    _fault("gzip_unasked", "compressed, whatever was asked for", 24, Gzipped(HELLO)),
)

_STREAM = (
    _fault("cut_before_first", "reset after the headers", 25, Cut(HELLO, after_chunks=0)),
    _fault("cut_mid_stream", "reset after two chunks", 26, Cut(HELLO, after_chunks=2), plain=False),
    _fault(
        "no_finish",
        "the stream ends without finish reason and [DONE]",
        27,
        Cut(HELLO, after_chunks=4, then="end"),  # its words, and nothing after them
        plain=False,
    ),
    _fault("no_done", "the stream ends without [DONE]", 27, Cut(HELLO, after_chunks=-1, then="end"), plain=False),
    _fault("no_finish_reason", "the finish reason is null", 27, Says("hello there", finish_reason=None)),
    _fault("stall", "silence for ever after two chunks", 28, Cut(HELLO, after_chunks=2, then="stall"), plain=False),
    _fault("stall_mid_body", "silence for ever after 40 bytes", 28, Cut(HELLO, at_byte=40, then="stall")),
    _fault(
        "broken_event",
        "an event that is not JSON after two chunks",
        29,
        Interrupted(HELLO, b'data: {"id":\n\n', 2),
        plain=False,
    ),
    _fault(
        "error_in_stream",
        "an error object after two chunks",
        29,
        Interrupted(HELLO, event(_OVERLOADED), 2),
        plain=False,
    ),
    _fault(
        "error_first", "an error object as the first event", 29, Interrupted(HELLO, event(_OVERLOADED), 0), plain=False
    ),
    _fault("odd_pieces", "everything is right, in pieces of 7 bytes", 29, Drip(HELLO, size=7, every_s=0)),
    _fault("repeated_chunk", "the second chunk comes twice", 29, Repeated(HELLO, 2), plain=False),
)

_USAGE = (
    _fault("no_usage", "no token counts", 30, Says("hello", usage=False)),
    _fault("negative_usage", "token counts below zero", 30, Says("hello", -5, -7, usage_in_last=True)),
    _fault("absurd_usage", "10¹² tokens", 30, Says("hello", 10**12, 10**12, usage_in_last=True)),
    _fault(
        "worded_usage", "token counts in words", 30, Says("hello", usage={"prompt_tokens": "ten"}, usage_in_last=True)
    ),
    _fault(
        "usage_in_last",
        "everything is right, usage comes with the finish reason",
        30,
        Says("hello", usage_in_last=True),
        plain=False,
    ),
    _fault("other_model", "another model answers", 31, Says("hello", model="another-model")),
)

_CONTENT = (
    _fault("no_choices", "`choices` is empty", 34, Bare({"choices": []})),
    _fault("missing_choices", "there is no `choices`", 34, Bare({})),
    _fault("null_content", "the content is null", 35, Says(None)),
    _fault("empty_content", "the content is empty", 35, Says("")),
    _fault("refusal", "the model refuses", 36, Says(None, refusal="I cannot help with that.")),
    _fault("content_filter", "finish reason content_filter", 36, Says("I", finish_reason="content_filter")),
    _fault(
        "content_policy",
        "400 with code content_policy_violation",
        36,
        Fails(400, "Your request was rejected by the safety system", code="content_policy_violation"),
    ),
    _fault("length", "finish reason length", 37, Says('{"text": "half a sen', finish_reason="length")),
    _fault("wrong_schema", "JSON of another schema than any", 38, Says('{"unexpected": true}')),
    _fault("json_in_prose", "JSON between sentences", 39, Says('Certainly! {"text": "a"} Anything else?')),
    _fault("json_in_fences", "JSON in a Markdown fence", 39, Says('```json\n{"text": "a"}\n```')),
    _fault("two_objects", "two JSON objects in a row", 39, Says('{"text": "a"}\n{"text": "b"}')),
    _fault("duplicate_keys", "a key twice, with other values", 39, Says('{"verified": false, "verified": true}')),
    _fault("nan", "NaN and Infinity as numbers", 39, Says('{"score": NaN, "weight": -Infinity}')),
    _fault("deep_json", "JSON nested 5000 deep", 40, Says("[" * 5000 + "]" * 5000)),
    _fault("long_number", "a whole number of 5000 digits", 40, Says('{"count": ' + "9" * 5000 + "}")),
    _fault("lone_surrogate", "half of a surrogate pair", 41, Says("a \ud800 b")),
    _fault(
        "control_characters",
        "NUL, ANSI escapes and text that runs backwards",
        41,
        Says("\x00 \x1b[2J \x1b]8;;x\x07 \u202e\u2066"),
    ),
    _fault("long_line", "10 MiB without a line break", 41, Floods(10 * MEBIBYTE)),
    _fault("unknown_tool", "a call to a tool that nobody has", 42, calls(UNKNOWN_TOOL, {"query": "x"})),
    _fault("broken_arguments", "a tool call whose arguments are not JSON", 43, calls("search", '{"query": "x')),
    _fault(
        "wrong_arguments", "a tool call with arguments of the wrong type", 43, calls("search", json.dumps([1, None]))
    ),
)

_CONTEXT = tuple(
    _fault(f"context_{name}", f"too long for the model, as {name.replace('_', ' ')} says it", 45, reply)
    for name, reply in CONTEXT_ERRORS.items()
)

FAULTS: Mapping[str, Fault] = {
    fault.name: fault for fault in (*_HTTP, *_TRANSPORT, *_STREAM, *_USAGE, *_CONTENT, *_CONTEXT)
}
