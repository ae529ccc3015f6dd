"""What a scripted provider can answer, as frozen values; each serves plain and streamed requests.

`around` has those that change another reply: later, slower, cut, compressed.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Annotated, Any

from pydantic import Field as Bounds

from .wire import Asked, End, Piece, Wire, whole

JSON, EVENTS = "application/json", "text/event-stream"
DONE = b"data: [DONE]\n\n"
#: The text of a flood and the arguments of a streamed tool call are sent so much at a time: bytes, characters.
_FLOOD_BYTES, _FRAGMENT = 64 * 1024, 8


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for. `arguments` is a value, sent as JSON, or text, sent as it is."""

    name: str
    arguments: Any = field(default_factory=dict)
    id: str = "call_1"

    @property
    def arguments_text(self) -> str:
        """The arguments as they go over the wire."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True, slots=True)
class Says:
    """An answer, plain or a chunk per word.

    `usage=False` leaves the token counts out, a mapping is sent in their place; a stream has them where they were
    asked for, in a chunk of their own, or always with the finish reason if `usage_in_last`. `model` is the id
    returned (default: the one asked for).
    """

    text: str | None
    tokens_in: int = 10
    tokens_out: int = 5
    finish_reason: str | None = "stop"
    model: str | None = None
    refusal: str | None = None
    usage: bool | Mapping[str, Any] = True
    delay_s: float = 0.0
    tool_calls: tuple[ToolCall, ...] = ()
    usage_in_last: bool = False

    def wire(self, asked: Asked) -> Wire:
        """A completion, or its chunks and [DONE]."""
        if asked.streams:
            return Wire(self._events(asked), headers={"Content-Type": EVENTS}, delay_s=self.delay_s)
        message: dict[str, Any] = {"role": "assistant", "content": self.text, "refusal": self.refusal}
        if self.tool_calls:
            message["tool_calls"] = [_call(call, call.arguments_text) for call in self.tool_calls]
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        body = {**head("chat.completion", asked, self.model), "choices": [choice], **self._usage()}
        return whole(_json(body), JSON, headers={}, delay_s=self.delay_s)

    def _events(self, asked: Asked) -> Iterator[Piece]:
        about = head("chat.completion.chunk", asked, self.model)
        for delta in self._deltas():
            yield event({**about, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        last = {**about, "choices": [{"index": 0, "delta": {}, "finish_reason": self.finish_reason}]}
        yield event({**last, **self._usage()} if self.usage_in_last else last)
        if _wants_usage(asked) and not self.usage_in_last and self.usage is not False:
            yield event({**about, "choices": [], **self._usage()})
        yield DONE

    def _deltas(self) -> Iterator[dict[str, Any]]:
        words = re.findall(r"\S+\s*|\s+", self.text or "")
        if words or not (self.refusal or self.tool_calls):
            yield {"role": "assistant", "content": words[0] if words else self.text}
            yield from ({"content": word} for word in words[1:])
        if self.refusal:
            yield {"role": "assistant", "refusal": self.refusal}
        for index, call in enumerate(self.tool_calls):
            yield {"role": "assistant", "tool_calls": [{"index": index, **_call(call, "")}]}
            text = call.arguments_text
            for start in range(0, len(text), _FRAGMENT):
                fragment = {"arguments": text[start : start + _FRAGMENT]}
                yield {"tool_calls": [{"index": index, "function": fragment}]}

    def _usage(self) -> dict[str, Any]:
        if not isinstance(self.usage, bool):
            return {"usage": self.usage}
        counts = {"prompt_tokens": self.tokens_in, "completion_tokens": self.tokens_out}
        return {"usage": {**counts, "total_tokens": self.tokens_in + self.tokens_out}} if self.usage else {}


def says_json(value: Any, **options: Any) -> Says:
    """An answer that is this value as JSON."""
    return Says(json.dumps(value, ensure_ascii=False), **options)


def calls(name: str, arguments: Any, **options: Any) -> Says:
    """An answer that calls one tool; `arguments` as in `ToolCall`."""
    return Says(None, finish_reason="tool_calls", tool_calls=(ToolCall(name, arguments),), **options)


@dataclass(frozen=True, slots=True)
class Fails:
    """An HTTP error, with the body an OpenAI-compatible server would send; `code` is the status where none is given.

    `retry_after` is sent as the header Retry-After word for word; `retry_after_s` is a number of seconds for it.
    """

    status: Annotated[int, Bounds(ge=100, le=599)]
    message: str = "scripted failure"
    retry_after_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    code: str | int | None = None
    type: str = "scripted"
    param: str | None = None
    retry_after: str | None = None

    def wire(self, asked: Asked) -> Wire:
        """The error, whether or not a stream was asked for."""
        wait = self.retry_after or ("" if self.retry_after_s is None else f"{self.retry_after_s:g}")
        headers = {**({"Retry-After": wait} if wait else {}), **self.headers}
        code = self.status if self.code is None else self.code
        error = {"message": self.message, "type": self.type, "param": self.param, "code": code}
        return whole(_json({"error": error}), JSON, status=self.status, headers=headers, delay_s=self.delay_s)


@dataclass(frozen=True, slots=True)
class Json:
    """Any JSON value as the body; a stream with status 200 has it as its only event before [DONE]."""

    value: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0

    def wire(self, asked: Asked) -> Wire:
        """The value as it is."""
        if asked.streams and self.status == 200:
            events = {"Content-Type": EVENTS, **self.headers}
            return Wire((event(self.value), DONE), headers=events, delay_s=self.delay_s)
        return whole(_json(self.value), JSON, status=self.status, headers=self.headers, delay_s=self.delay_s)


@dataclass(frozen=True, slots=True)
class Raw:
    """Any bytes at all; `cut` closes the connection before they are complete."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    delay_s: float = 0.0

    def wire(self, asked: Asked) -> Wire:
        """The bytes; where they are cut, 1000 more were promised."""
        headers = {"Content-Type": self.content_type, **self.headers}
        promised, end = (1000, End.CLOSE) if self.cut else (0, End.WHOLE)
        return Wire((self.body,), self.status, headers, len(self.body) + promised, self.delay_s, end)


def redirects(location: str, status: int = 307) -> Raw:
    """Sends the client elsewhere, to any address."""
    return Raw(b"", status=status, headers={"Location": location})


@dataclass(frozen=True, slots=True)
class Floods:
    """A well-formed answer whose text is so many bytes of `x`, made as it is sent: it is never held as a whole."""

    size: int = 50 * 1024 * 1024

    def wire(self, asked: Asked) -> Wire:
        """The same text plain or streamed, 64 KiB at a time."""
        kind = EVENTS if asked.streams else JSON
        return Wire(self._events(asked) if asked.streams else self._body(asked), headers={"Content-Type": kind})

    def _body(self, asked: Asked) -> Iterator[Piece]:
        message = {"role": "assistant", "content": "|"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        before, after = _json({**head("chat.completion", asked), "choices": [choice]}).split(b"|")
        yield before
        yield from self._text()
        yield after

    def _events(self, asked: Asked) -> Iterator[Piece]:
        delta = {"index": 0, "delta": {"content": "|"}, "finish_reason": None}
        before, after = event({**head("chat.completion.chunk", asked), "choices": [delta]}).split(b"|")
        yield from (before + text + after for text in self._text())
        yield from Says("").wire(asked).pieces

    def _text(self) -> Iterator[bytes]:
        yield from repeat(b"x" * _FLOOD_BYTES, self.size // _FLOOD_BYTES)
        yield b"x" * (self.size % _FLOOD_BYTES)


@dataclass(frozen=True, slots=True)
class Hangs:
    """Takes the request and never sends a byte."""

    def wire(self, asked: Asked) -> Wire:
        """Nothing, for ever."""
        return Wire(delay_s=math.inf)


@dataclass(frozen=True, slots=True)
class Drops:
    """Takes the request and ends the connection without a byte: by RST, or by closing it if `reset` is false."""

    reset: bool = True

    def wire(self, asked: Asked) -> Wire:
        """The end alone."""
        return Wire(status=None, end=End.RESET if self.reset else End.CLOSE)


def head(kind: str, asked: Asked, model: str | None = None) -> dict[str, Any]:
    """What every completion and every chunk begins with."""
    return {"id": f"chatcmpl-{asked.number}", "object": kind, "created": 1_700_000_000, "model": model or asked.model}


def event(value: Any) -> bytes:
    """A server-sent event that holds this JSON value."""
    return b"data: " + _json(value) + b"\n\n"


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _call(call: ToolCall, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _wants_usage(asked: Asked) -> bool:
    options = asked.body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True
