"""One answer put together from the chunks of a stream. Pure.

Whether it is complete is judged by what came: without a finish reason it is not, whatever ended it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...rules.outcome import Outcome
from ...text import clean
from ..model import Completion
from .openai_shape import Asked, arguments_in, decoded, failure_in_200, read_value, text_in, thought_in

_DONE = b"[DONE]"
#: The most calls of tools that are kept apart.
_CALLS_MOST = 16
#: How it may have ended that says more than that the stream broke.
_TELLING = (Outcome.STALLED, Outcome.TOO_LARGE)


@dataclass(slots=True)
class _Call:
    """A call of a tool, in pieces."""

    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Streamed:
    """Takes chunks in OpenAI's shape; says in the end what they come to."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._head: dict[str, Any] = {}
        self._content: list[str] = []
        self._refusal: list[str] = []
        self._thought: list[str] = []
        self._calls: dict[int | str, _Call] = {}
        self._shown: list[str] = []
        self._failure: Completion | None = None
        self.finish_reason: str | None = None
        self.is_done = False

    @property
    def is_broken(self) -> bool:
        """Whether an error came, or something that is no chunk: nothing that follows can mend it."""
        return self._failure is not None

    def take(self, data: bytes) -> str | None:
        """Take the data of one event: the text that is new, "" for tokens that are not shown, None for nothing new."""
        if self.is_broken:
            return None
        if data.strip() == _DONE:
            self.is_done = True
            return None
        try:
            return self.add(decoded(data))
        except ValueError as error:
            self._failure = Completion(Outcome.CUT, detail=f"a chunk is not JSON: {error}")
            return None

    def add(self, chunk: Any) -> str | None:
        """Take one decoded chunk; gives what `take` gives."""
        match chunk:
            case {"error": error} | {"choices": [{"error": error}, *_]} if error:
                self._failure = failure_in_200(error, self._asked)
            case dict():
                self._head |= {name: chunk[name] for name in ("model", "usage") if chunk.get(name)}
                choices = chunk.get("choices")
                if isinstance(choices, list) and choices and isinstance(choices[0], dict):
                    return self._chosen(choices[0])
            case _:
                self._failure = Completion(Outcome.CUT, detail="a chunk is JSON, but no object")
        return None

    def ended(self, failure: Completion | None = None) -> Completion:
        """What it comes to: the answer, or the failure that ended it, with the text so far."""
        whole = read_value(self._value(), self._asked)
        if self._failure is None and self.finish_reason:
            return whole
        failure = self._failure or failure or Completion(Outcome.CUT, detail="the stream ended without a finish reason")
        outcome = Outcome.INTERRUPTED if self._shown and failure.outcome not in _TELLING else failure.outcome
        return replace(failure, outcome=outcome, text=clean("".join(self._shown)), model=whole.model, usage=whole.usage)

    def _chosen(self, choice: Mapping[str, Any]) -> str | None:
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self.finish_reason = reason
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return None
        content = text_in(delta.get("content")) or ""
        self._content.append(content)
        if isinstance(refusal := delta.get("refusal"), str):
            self._refusal.append(refusal)
        self._thought.append(thought := thought_in(delta))
        arguments = self._called(delta)
        shown = arguments if self._asked.tool else content
        if shown:
            self._shown.append(shown)
            return clean(shown)
        return "" if content or arguments or refusal or thought else None

    def _called(self, delta: Mapping[str, Any]) -> str:
        """Take the pieces of calls; what is new of their arguments."""
        calls, pieces = delta.get("tool_calls"), list[str]()
        old = {"index": 0, "function": delta.get("function_call")}
        for n, call in enumerate((*(calls if isinstance(calls, list) else ()), old)):
            if not isinstance(call, dict) or not isinstance(function := call.get("function"), dict):
                continue
            key = self._key(call, n)
            if key in self._calls or len(self._calls) < _CALLS_MOST:
                kept, name = self._calls.setdefault(key, _Call()), function.get("name")
                if isinstance(name, str) and name != kept.name:  # some servers repeat it with each piece
                    kept.name += name
                if piece := arguments_in(function):
                    kept.arguments.append(piece)
                    pieces.append(piece)
        return "".join(pieces)

    def _key(self, call: Mapping[str, Any], n: int) -> int | str:
        """What tells the `n`th call of a chunk from others: its index, else its id, else its place; a piece that has
        neither goes on with the last one."""
        index, name = call.get("index"), call.get("id")
        if type(index) is int:
            return index
        if isinstance(name, str) and name:
            return name
        return next(reversed(self._calls), n) if n == 0 else n

    def _value(self) -> dict[str, Any]:
        """What the provider would have sent without streaming."""
        calls = [
            {"function": {"name": call.name, "arguments": "".join(call.arguments)}} for call in self._calls.values()
        ]
        said = {"content": self._content, "refusal": self._refusal, "reasoning_content": self._thought}
        message = {**{name: "".join(parts) for name, parts in said.items()}, "tool_calls": calls}
        return {**self._head, "choices": [{"message": message, "finish_reason": self.finish_reason}]}
