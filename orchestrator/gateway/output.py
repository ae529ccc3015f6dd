"""The layer that makes an answer keep its contract: strict parse, local repair, one re-ask with the error."""

from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from ..rules.json_text import read_json
from ..rules.outcome import Outcome
from .model import Completion, Model, Receipt, Request
from .templates import Message


class Output:
    """Parses and checks what was asked for as JSON; plain text passes through."""

    def __init__(self, inner: Model) -> None:
        self._inner = inner

    async def complete(self, request: Request) -> Completion:
        """The answer with its `value`; off_schema, with what was wrong, when asking again did not help either."""
        first = await self._inner.complete(request)
        if request.returns is None or first.outcome is not Outcome.OK:
            return first
        value, problem = parse(first.text, request.returns)
        if not problem:
            return replace(first, value=value)
        request.steps.note("model.reasked", {"problem": problem}, step=request.step, recipient="gateway")
        second = await self._inner.complete(replace(request, messages=_with_problem(request, first.text, problem)))
        receipt = Receipt(first.receipt.attempts + second.receipt.attempts)
        if second.outcome is not Outcome.OK:
            return replace(second, receipt=receipt)
        value, problem = parse(second.text, request.returns)
        if problem:
            return replace(second, outcome=Outcome.OFF_SCHEMA, detail=problem, receipt=receipt)
        return replace(second, value=value, receipt=receipt)


def parse(text: str, returns: TypeAdapter[Any]) -> tuple[Any, str]:
    """The checked value as plain JSON and "", or None and what is wrong."""
    reading = read_json(text, returns)
    return reading.value, reading.problem


def _with_problem(request: Request, answer: str, problem: str) -> tuple[Message, ...]:
    again = f"That did not match the schema: {problem}. Answer again with the corrected JSON value and nothing else."
    return *request.messages, Message("assistant", answer), Message("user", again)
