"""The reader of server-sent events and what is put together from them: pure, whatever the pieces the bytes come in."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.gateway.model import Usage
from bullpen.orchestrator.gateway.providers.openai_shape import Asked
from bullpen.orchestrator.gateway.providers.sse import LINE_BYTES_MOST, Events
from bullpen.orchestrator.gateway.providers.streamed import Streamed
from bullpen.orchestrator.rules.outcome import Outcome

from .wire import delta, event

PLAIN = Asked()
PARTS = [b"data: x", b"data", b"y", b":", b" ", b"\r", b"\n", b"\r\n", "é".encode(), b"\xff"]
WORDS = ["Grüße ", "aus ", "東京 ", "\U0001f642"]
CHUNKS = [
    delta(role="assistant", content=""),
    *(delta(content=word) for word in WORDS),
    delta("stop"),
    {"model": "small-1", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 4}},
]
#: Not escaped, so that characters can be cut in two.
EVENTS = [event(json.dumps(chunk, ensure_ascii=False).encode()) for chunk in CHUNKS]
WHOLE = b": hi\n\n" + b"".join(EVENTS) + event(b"[DONE]")
#: Where the finish reason has arrived.
FINISHED = WHOLE.index(b'"stop"') + WHOLE[WHOLE.index(b'"stop"') :].index(b"\n\n") + 2


def split(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    return [content[start:end] for start, end in pairwise(places)]


def events_of(*pieces: bytes) -> list[bytes]:
    events = Events()
    return [data for piece in pieces for data in events.feed(piece)]


def heard(*pieces: bytes, asked: Asked = PLAIN) -> tuple[list[str], Streamed]:
    streamed = Streamed(asked)
    shown = [text for data in events_of(*pieces) if (text := streamed.take(data))]
    return shown, streamed


@pytest.mark.parametrize(
    ("content", "events"),
    [
        (b"data: a\n\ndata:b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\rx", [b"a", b"b"]),
        (b"data: a\ndata: b\ndata\n\n", [b"a\nb\n"]),
        (b": note\n\nevent: x\nid: 1\nretry: 9\ndata:  a\n\n\n\n", [b" a"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: a\n", []),
        (b"data: a", []),
        (b"dataset: a\n\n", []),
    ],
)
def test_events_are_read_as_the_standard_says(content: bytes, events: list[bytes]) -> None:
    assert events_of(content) == events


@given(st.lists(st.sampled_from(PARTS)), st.lists(st.integers(0)))
def test_any_split_of_the_bytes_gives_the_same_events(parts: list[bytes], cuts: list[int]) -> None:
    content = b"".join(parts)

    assert events_of(*split(content, cuts)) == events_of(content)


@given(st.integers(0, 300), st.sampled_from([b"data: ", b":", b""]))
def test_no_line_is_kept_beyond_the_bound(cut: int, start: bytes) -> None:
    line = start + b"x" * (LINE_BYTES_MOST + 1)
    for pieces in ([line], [line[:cut], line[cut:]], [line + b"\n\n"]):
        with pytest.raises(ValueError, match="over"):
            events_of(*pieces)


def test_no_event_is_kept_beyond_the_bound() -> None:
    with pytest.raises(ValueError, match="over"):
        events_of(*[b"data: " + b"x" * 100_000 + b"\n"] * 11)


@given(st.lists(st.integers(0)))
def test_any_split_gives_the_same_answer(cuts: list[int]) -> None:
    shown, streamed = heard(*split(WHOLE, cuts))
    completion = streamed.ended()

    assert (completion.outcome, completion.text, shown) == (Outcome.OK, "".join(WORDS), WORDS)
    assert (completion.usage, completion.model, completion.finish_reason) == (Usage(7, 4), "small-1", "stop")
    assert streamed.is_done


@given(st.integers(0, len(WHOLE)), st.lists(st.integers(0)))
def test_a_cut_gives_a_prefix_and_never_a_complete_answer(cut: int, cuts: list[int]) -> None:
    shown, streamed = heard(*split(WHOLE[:cut], cuts))
    completion = streamed.ended()

    assert shown == WORDS[: len(shown)]
    assert completion.text == "".join(shown)
    if cut >= FINISHED:
        assert completion.outcome is Outcome.OK
    else:
        assert completion.outcome is (Outcome.INTERRUPTED if shown else Outcome.CUT)


BAD: list[tuple[bytes, Outcome]] = [
    (b"{broken", Outcome.CUT),
    (b"\xff", Outcome.CUT),
    (b"[]", Outcome.CUT),
    (b"[" * 10_000, Outcome.CUT),
    (b'{"error": {"message": "busy", "code": 429}}', Outcome.RATE_LIMITED),
    (b'{"error": "overloaded"}', Outcome.ERROR_IN_200),
    (b'{"choices": [{"error": {"code": 502}, "finish_reason": "error"}]}', Outcome.ERROR_IN_200),
    (b"[DONE]", Outcome.CUT),
]


@pytest.mark.parametrize(("bad", "outcome"), BAD)
@pytest.mark.parametrize("at", range(1, 5))
def test_what_is_no_chunk_ends_a_stream(bad: bytes, outcome: Outcome, at: int) -> None:
    shown, streamed = heard(*EVENTS[:at], event(bad))
    completion = streamed.ended()

    assert completion.outcome is (Outcome.INTERRUPTED if shown else outcome)
    assert completion.text == "".join(WORDS[: at - 1])
    assert completion.detail


STRANGE: list[Any] = [{}, {"choices": None}, {"choices": []}, {"choices": [None]}, {"choices": [{"delta": None}]}]


@pytest.mark.parametrize("chunk", [*STRANGE, delta(content=None), delta(tool_calls=None), delta(content=5)])
def test_what_says_nothing_is_nothing(chunk: Any) -> None:
    assert Streamed(Asked()).add(chunk) is None
    assert heard(*EVENTS[:3], event(chunk), *EVENTS[3:])[1].ended().outcome is Outcome.OK


def test_thoughts_are_tokens_that_are_not_shown() -> None:
    assert Streamed(Asked()).add(delta(reasoning_content="hm")) == ""
    assert Streamed(Asked()).add(delta(content="", role="assistant")) is None


def test_a_refusal_in_a_stream_is_one() -> None:
    completion = heard(event(delta(refusal="I will ")), event(delta("stop", refusal="not")))[1].ended()

    assert (completion.outcome, completion.detail.split(";")[0]) == (Outcome.REFUSED, "refused: I will not")


def call(index: int = 0, name: str | None = None, arguments: str | None = None) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return delta(tool_calls=[{"index": index, "function": {k: v for k, v in function.items() if v is not None}}])


def test_the_arguments_of_our_tool_are_the_answer() -> None:
    chunks = [call(name="greet", arguments=""), call(arguments='{"a"'), call(arguments=": 1}"), delta("tool_calls")]
    shown, streamed = heard(*map(event, chunks), asked=Asked(True, "greet"))
    completion = streamed.ended()

    assert shown == ['{"a"', ": 1}"]
    assert (completion.outcome, completion.text) == (Outcome.OK, '{"a": 1}')


@pytest.mark.parametrize("asked", [Asked(True, "greet"), Asked()])
def test_another_tool_is_unknown(asked: Asked) -> None:
    completion = heard(event(call(name="rm", arguments="{}")), event(delta("tool_calls")), asked=asked)[1].ended()

    assert completion.outcome is Outcome.UNKNOWN_TOOL
    assert "'rm'" in completion.detail


def test_calls_without_end_are_not_kept() -> None:
    chunks = [call(index, "greet", "{}") for index in range(1000)]
    completion = heard(*map(event, chunks), event(delta("tool_calls")), asked=Asked(True, "greet"))[1].ended()

    assert (completion.outcome, completion.text) == (Outcome.OK, "{}")
