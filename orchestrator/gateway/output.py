"""The layer that makes an answer keep its contract: strict parse, then local repair, then it is off its schema."""

import json
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..ids import plain
from ..rules.outcome import Outcome
from ..rules.refusal import is_refusal
from .model import Completion, Model, Request


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
        value, problem = parse(completion.text, request.returns)
        if not problem:
            return replace(completion, value=value)
        request.steps.note("model.off_schema", {"problem": problem}, step=request.step, recipient="gateway")
        if is_refusal(completion.text):
            return judged(completion, Outcome.REFUSED, "it refused in words")
        return judged(completion, Outcome.OFF_SCHEMA, problem)


def judged(completion: Completion, outcome: Outcome, detail: str) -> Completion:
    """The completion under another outcome, on its receipt too."""
    *before, last = completion.receipt.attempts
    receipt = replace(completion.receipt, attempts=(*before, replace(last, outcome=outcome, detail=detail)))
    return replace(completion, outcome=outcome, detail=detail, receipt=receipt)


def parse(text: str, returns: TypeAdapter[Any]) -> tuple[Any, str]:
    """The checked value as plain JSON and "", or None and what is wrong.

    Duplicate keys and NaN are refused: which of two values was meant is not ours to guess.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        value = _repaired(text)
    try:
        return plain(returns.validate_python(value)), ""
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return None, f"{'.'.join(map(str, first['loc'])) or 'the answer'}: {first['msg']}"


def _repaired(text: str) -> Any:
    """What a tolerant reader makes of it: prose and fences around JSON, a missing bracket."""
    import json_repair

    try:
        return json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate keys")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
