"""The layer that makes an answer keep its contract: strict parse, then local repair, then it is off its schema."""

from dataclasses import replace
from typing import Any

from anyio import to_thread
from pydantic import TypeAdapter

from ..rules.json.read import Reading, read_json
from ..rules.outcome import Outcome
from ..rules.refusal import is_refusal
from .model import Completion, Model, Request

#: From how many characters on an answer is read in a thread: a repair takes some milliseconds for a thousand of them.
_LONG = 4_000


class Output:
    """Parses and checks what was asked for as JSON; plain text passes through."""

    def __init__(self, inner: Model) -> None:
        self._inner = inner

    async def complete(self, request: Request) -> Completion:
        """The answer with its `value`; off_schema, with what is wrong, where it has none that may be trusted."""
        completion = await self._inner.complete(request)
        if completion.outcome is not Outcome.OK:
            return completion
        if request.returns is None:
            return (
                judged(completion, Outcome.REFUSED, "it refused in words")
                if is_refusal(completion.text)
                else completion
            )
        reading = await _read(completion.text, request.returns)
        if reading.mends:
            request.steps.note("model.mended", {"mends": reading.mends}, step=request.step, recipient="gateway")
        if not reading.problem:
            return replace(completion, value=reading.value)
        request.steps.note("model.off_schema", {"problem": reading.problem}, step=request.step, recipient="gateway")
        if is_refusal(completion.text):
            return judged(completion, Outcome.REFUSED, "it refused in words")
        return judged(completion, Outcome.OFF_SCHEMA, reading.problem)


def judged(completion: Completion, outcome: Outcome, detail: str) -> Completion:
    """The completion under another outcome, on its receipt too."""
    *before, last = completion.receipt.attempts
    receipt = replace(completion.receipt, attempts=(*before, replace(last, outcome=outcome, detail=detail)))
    return replace(completion, outcome=outcome, detail=detail, receipt=receipt)


async def _read(text: str, returns: TypeAdapter[Any]) -> Reading:
    """What stands in the text. A long text that is broken can take a second: it is read in a thread."""
    if len(text) <= _LONG:
        return read_json(text, returns)
    return await to_thread.run_sync(read_json, text, returns)
