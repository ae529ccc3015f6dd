"""What an answer is worth: without its thinking, refused in words, or read strictly, repaired, or off its schema."""

from dataclasses import replace
from typing import Any

from anyio import to_thread
from pydantic import TypeAdapter

from ..rules.json.read import Reading, read_json
from ..rules.outcome import Outcome
from ..rules.refusal import is_refusal
from ..rules.thinking import Spoken, without_thinking
from .model import Completion, Piece, Request

#: From how many characters on an answer is read in a thread: a repair takes some milliseconds for a thousand of them.
_LONG = 4_000


async def judged(completion: Completion, request: Request) -> Completion:
    """The answer with its `value` where a schema was asked for, else its text alone; what is poor under its outcome."""
    match completion.outcome:
        case Outcome.OK if request.returns is not None:
            return await _read(completion, request, request.returns)
        case Outcome.OK | Outcome.TRUNCATED if request.returns is None:
            return _said(completion)
        case _:
            return completion


def _said(completion: Completion) -> Completion:
    """An answer in words. One that was cut off may still be of use."""
    text = without_thinking(completion.text)
    completion = replace(completion, text=text)
    if completion.outcome is Outcome.TRUNCATED:
        return completion
    if not text.strip():
        return replace(completion, outcome=Outcome.EMPTY, detail="it thought, and answered nothing")
    return _refused(completion) if is_refusal(text) else completion


def _refused(completion: Completion) -> Completion:
    return replace(completion, outcome=Outcome.REFUSED, detail="it refused in words")


async def _read(completion: Completion, request: Request, returns: TypeAdapter[Any]) -> Completion:
    """An answer that must keep a schema."""
    reading = await _reading(completion.text, request.box.returns if request.box else returns)
    if reading.mends:
        request.steps.note("model.mended", {"mends": reading.mends}, step=request.step, recipient="gateway")
    if not reading.problem:
        return replace(completion, value=request.box.opened(reading.value) if request.box else reading.value)
    if is_refusal(without_thinking(completion.text)):
        return _refused(completion)
    return replace(completion, outcome=Outcome.OFF_SCHEMA, detail=reading.problem)


async def _reading(text: str, returns: TypeAdapter[Any]) -> Reading:
    """What stands in the text. A long text that is broken can take a second: it is read in a thread."""
    if len(text) <= _LONG:
        return read_json(text, returns)
    return await to_thread.run_sync(read_json, text, returns)


class Aloud:
    """A request whose answer is shown as it streams, without the thinking before it."""

    def __init__(self, request: Request, label: str) -> None:
        self._watch, self._label = request.watch, label
        self._spoken = Spoken(self._show)
        is_streamed = request.watch is not None and "stream" not in request.without
        #: The request as a provider is asked it.
        self.asked = request._replace(watch=self._hear if is_streamed else None)

    def end(self, completion: Completion) -> None:
        """Show the answer where something else was shown: thinking that nothing had marked as such before it ended."""
        answer = without_thinking(completion.text)
        if self._watch is None or completion.outcome is not Outcome.OK or self._spoken.is_all(answer):
            return
        if self._spoken.has_shown():
            self._watch(Piece(rung=self._label, interrupted=True))
        self._show(answer)

    def _hear(self, piece: Piece) -> None:
        self._spoken.hear(piece.text)

    def _show(self, text: str) -> None:
        assert self._watch is not None
        self._watch(Piece(text, self._label))
