"""Every fault with a name does on the wire what it says, to plain and to streamed requests."""

import json
import re
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from bullpen.orchestrator.testing.provider import Json
from bullpen.orchestrator.testing.provider.faults import FAULTS
from bullpen.orchestrator.testing.provider.faults_address import ADDRESSES
from bullpen.orchestrator.testing.provider.faults_context import ASKED_TOKENS, CONTEXT_ERRORS, CONTEXT_TOKENS

from .client import SILENT_S, Met, meet

HELLO = "hello there, and welcome"
Check = Callable[[Met], object]


def error(status: int, code: str | int | None = None, wait: str | None = None) -> Check:
    """An HTTP error with this code, and this Retry-After or none."""

    def check(met: Met) -> object:
        found = met.value["error"]["code"]
        return (met.status, met.ended, met.headers.get("Retry-After")) == (status, "whole", wait) and found == code

    return check


def limited(wait: str | None) -> Check:
    return error(429, "rate_limit_exceeded", wait)


def says(text: str, finish: str | None = "stop") -> Check:
    return lambda met: (met.ended, met.text, met.finish) == ("whole", text, finish)


def ends(how: str, *, size: int | None = None, events: int | None = None) -> Check:
    """The body breaks off so, after so many bytes or events."""
    return lambda met: (
        met.ended == how
        and met.status == 200
        and size in (None, len(met.body))
        and events in (None, len(met.events))
        and HELLO not in met.body.decode()
    )


def date_in_two_minutes(met: Met) -> bool:
    wait = parsedate_to_datetime(met.headers["Retry-After"]) - datetime.now(UTC)
    return met.status == 429 and 100 < wait.total_seconds() <= 120


def usage(tokens_in: object, tokens_out: object) -> Check:
    return lambda met: (
        met.text == "hello"
        and (met.usage["prompt_tokens"], met.usage.get("completion_tokens")) == (tokens_in, tokens_out)
    )


def not_whole_json(met: Met) -> bool:
    with pytest.raises(json.JSONDecodeError):
        json.loads(met.events[0] if met.is_stream else met.body)
    return met.ended == "whole"


def calls(arguments: str, tool: str) -> Check:
    return lambda met: (
        met.arguments == arguments
        and met.finish == "tool_calls"
        and tool in [call["function"].get("name") for part in met.parts for call in part.get("tool_calls", ())]
    )


def unpacked_size(met: Met) -> int:
    """How many bytes a gzip body unpacks to, never holding more than a part of them."""
    unpacking, size, rest = zlib.decompressobj(wbits=31), 0, met.body
    while rest:
        size += len(unpacking.decompress(rest, 2**20))
        rest = unpacking.unconsumed_tail
    return size


def as_it_is(reply: Json) -> Check:
    return lambda met: (met.status, met.value, met.ended) == (reply.status, reply.value, "whole")


DOES: Mapping[str, Check] = {
    "rate_limited": limited("1"),
    "retry_after_long": limited("120"),
    "retry_after_date": date_in_two_minutes,
    "retry_after_ms": lambda met: limited(None)(met) and met.headers["retry-after-ms"] == "1500",
    "retry_after_fraction": limited("1.5"),
    "retry_after_garbage": limited("soon"),
    "retry_after_negative": limited("-5"),
    "retry_after_year_9999": lambda met: parsedate_to_datetime(met.headers["Retry-After"]).year == 9999,
    "rate_limited_bare": limited(None),
    "no_quota": error(429, "insufficient_quota"),
    "server_error": error(500, 500),
    "bad_gateway": lambda met: (met.status, met.headers["Content-Type"]) == (502, "text/html"),
    "unavailable": error(503, 503),
    "overloaded": error(529),
    "gateway_timeout": error(504, 504),
    "key_refused": error(401, "invalid_api_key"),
    "forbidden": error(403, "permission_denied"),
    "no_such_model": error(404, "model_not_found"),
    "redirect": lambda met: met.status == 307 and ".invalid/" in met.headers["Location"],
    "redirect_see_other": lambda met: met.status == 303 and ".invalid/" in met.headers["Location"],
    "hang": lambda met: (met.status, met.ended) == (0, "silent"),
    "late": says(HELLO),
    "drip": ends("silent", size=1),
    "stream_drip": ends("silent", events=1),
    "keep_alive": lambda met: met.ended == "silent" and met.body in (b"\n", b": keep-alive\n\n"),
    "dropped": lambda met: (met.status, met.ended) == (0, "reset"),
    "reset_mid_body": ends("reset", size=40),
    "short_body": ends("short", size=100),
    "truncated_json": lambda met: len(met.body) == 60 and not_whole_json(met),
    "invalid_utf8": lambda met: (
        b"\xff\xfe\x80" in met.body and b"\xff" not in met.body.decode(errors="ignore").encode()
    ),
    "html": lambda met: met.status == 200 and met.body.startswith(b"<!doctype html>"),
    "empty_body": lambda met: (met.status, met.ended, met.body) == (200, "whole", b""),
    "error_in_200": lambda met: met.status == 200 and met.chunks[0]["error"]["type"] == "overloaded_error",
    "flood": lambda met: met.ended == "whole" and 50 * 2**20 < len(met.body) < 51 * 2**20,
    "gzip_bomb": lambda met: len(met.body) < 600_000 and 200 * 2**20 < unpacked_size(met) < 202 * 2**20,
    "gzip_unasked": lambda met: met.headers["Content-Encoding"] == "gzip" and says(HELLO)(met),
    "cut_before_first": ends("reset", size=0),
    "cut_mid_stream": ends("reset", events=2),
    "no_finish": lambda met: (met.ended, met.text, met.finish) == ("whole", HELLO, None) and "[DONE]" not in met.events,
    "no_done": lambda met: says(HELLO)(met) and "[DONE]" not in met.events,
    "no_finish_reason": says("hello there", None),
    "stall": ends("silent", events=2),
    "stall_mid_body": ends("silent", size=40),
    "broken_event": lambda met: met.ended == "whole" and met.events[2:] == ['{"id":'],
    "error_in_stream": lambda met: len(met.chunks) == 3 and "error" in met.chunks[2],
    "error_first": lambda met: len(met.chunks) == 1 and "error" in met.chunks[0],
    "odd_pieces": says(HELLO),
    "repeated_chunk": lambda met: met.text == "hello there, there, and welcome",
    "no_usage": lambda met: met.text == "hello" and met.usage is None,
    "negative_usage": usage(-5, -7),
    "absurd_usage": usage(10**12, 10**12),
    "worded_usage": usage("ten", None),
    "usage_in_last": lambda met: "usage" in met.chunks[-1] and met.chunks[-1]["choices"][0]["finish_reason"] == "stop",
    "other_model": lambda met: {chunk["model"] for chunk in met.chunks} == {"another-model"},
    "no_choices": lambda met: met.chunks[0]["choices"] == [],
    "missing_choices": lambda met: "choices" not in met.chunks[0] and met.chunks[0]["model"] == "small",
    "null_content": lambda met: met.parts[0]["content"] is None and met.finish == "stop",
    "empty_content": lambda met: met.parts[0]["content"] == "" and met.finish == "stop",
    "refusal": lambda met: met.parts[0]["refusal"] == "I cannot help with that." and met.text == "",
    "content_filter": says("I", "content_filter"),
    "content_policy": error(400, "content_policy_violation"),
    "length": says('{"text": "half a sen', "length"),
    "wrong_schema": lambda met: json.loads(met.text) == {"unexpected": True},
    "json_in_prose": lambda met: re.fullmatch(r"\w+! (\{.*\}) .*\?", met.text),
    "json_in_fences": lambda met: met.text.startswith("```json\n") and met.text.endswith("\n```"),
    "two_objects": lambda met: [json.loads(line) for line in met.text.splitlines()] == [{"text": "a"}, {"text": "b"}],
    "duplicate_keys": lambda met: met.text.count('"verified"') == 2,
    "nan": lambda met: "NaN" in met.text and "-Infinity" in met.text,
    "deep_json": lambda met: met.text == "[" * 5000 + "]" * 5000,
    "long_number": lambda met: re.fullmatch(r'\{"count": 9{5000}\}', met.text),
    "lone_surrogate": says("a \ud800 b"),
    "control_characters": lambda met: all(mark in met.text for mark in ("\x00", "\x1b[2J", "\u202e")),
    "long_line": lambda met: met.text == "x" * (10 * 2**20),
    "unknown_tool": calls('{"query": "x"}', "no_such_tool"),
    "broken_arguments": calls('{"query": "x', "search"),
    "wrong_arguments": calls("[1, null]", "search"),
    **{f"context_{name}": as_it_is(reply) for name, reply in CONTEXT_ERRORS.items()},
}
#: Where nothing comes any more, a client's patience decides when it ends: with the headers, or without them.
SILENT = {"drip", "stream_drip", "keep_alive", "stall", "stall_mid_body"}
MEETINGS = [
    pytest.param(name, stream, id=f"{name}-{'stream' if stream else 'plain'}")
    for name, fault in FAULTS.items()
    for stream, meets in ((False, fault.plain), (True, fault.stream))
    if meets
]


@pytest.mark.parametrize(("name", "stream"), MEETINGS)
def test_a_fault_does_what_it_says(name: str, stream: bool) -> None:
    patience = {"timeout_s": SILENT_S} if name == "hang" else {"silent_s": SILENT_S} if name in SILENT else {}

    assert DOES[name](meet(FAULTS[name].reply(), stream=stream, **patience))


def test_every_row_that_a_provider_can_make_is_covered() -> None:
    """33 and 44 put several providers and documents together."""
    rows = [*(fault.rows for fault in FAULTS.values()), *(address.rows for address in ADDRESSES.values())]
    covered = {row for one in rows for row in one}

    assert covered == {*range(1, 46)} - {33, 44}


def test_names_are_plain_and_every_fault_is_told_in_a_line() -> None:
    assert [name for name in FAULTS if not re.fullmatch(r"[a-z][a-z0-9_]{1,32}", name)] == []
    assert all(name == fault.name and fault.about and "\n" not in fault.about for name, fault in FAULTS.items())


def test_context_errors_differ_in_wording_status_and_shape() -> None:
    bodies = [json.dumps(error.value) for error in CONTEXT_ERRORS.values()]
    known = [body for body in bodies if "context_length_exceeded" in body]

    assert len(set(bodies)) == len(bodies) >= 12
    assert {error.status for error in CONTEXT_ERRORS.values()} == {400, 413, 422}
    assert 0 < len(known) < len(bodies) / 2
    assert CONTEXT_TOKENS < ASKED_TOKENS
