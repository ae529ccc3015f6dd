"""The outermost layer: one logical call is one step, with one key and one receipt."""

from collections import Counter
from typing import Any

from ..errors import NoAnswer
from ..ids import StepKey, canonical, digest
from ..journal.step import MODEL
from ..rules.outcome import Outcome
from .model import Attempt, Completion, Model, Receipt, Request, Usage


class Record:
    """Puts a call on record before it is made and its answer after; a call that is on record is not made again."""

    def __init__(self, inner: Model) -> None:
        self._inner = inner

    async def complete(self, request: Request) -> Completion:
        """The answer. Raises NoAnswer, which names each attempt's outcome, when no rung gave a good one."""

        async def ask(key: StepKey) -> Completion:
            completion = await self._inner.complete(request._replace(step=key))
            if completion.outcome is not Outcome.OK:
                raise NoAnswer(f"no model answered {request.prompt!r}: {_story(completion)}")
            return completion

        return await request.steps.run(MODEL, "gateway", described(request), ask, restored, recorded)


def described(request: Request) -> dict[str, Any]:
    """What makes two calls the same call: the prompt as it stands, who asks in which role, with which inputs."""
    return {
        "prompt": request.prompt,
        "template": request.template.hash,
        "role": request.role,
        "inputs": request.inputs,
        "again": request.again,
        "schema": None if request.schema is None else digest(canonical(request.schema))[:12],
    }


def recorded(completion: Completion) -> dict[str, Any]:
    """A completion for the record. Put together by hand: to find out the fields each time costs four times as much."""
    receipt = completion.receipt
    return {
        "outcome": completion.outcome.value,
        "text": completion.text,
        "value": completion.value,
        "model": completion.model,
        "finish_reason": completion.finish_reason,
        "usage": completion.usage._asdict(),
        "micro_usd": completion.micro_usd,
        "detail": completion.detail,
        "retry_after_s": completion.retry_after_s,
        "receipt": {
            "attempts": [attempt.recorded() for attempt in receipt.attempts],
            "passed_over": receipt.passed_over,
            "degraded": receipt.degraded,
            "rung": receipt.rung,
            "tier": receipt.tier,
            "is_stand_in": receipt.is_stand_in,
        },
    }


def restored(recorded: dict[str, Any]) -> Completion:
    """A completion from the record."""
    receipt = recorded["receipt"]
    attempts = tuple(
        Attempt(**{**attempt, "outcome": Outcome(attempt["outcome"]), "usage": Usage(**attempt["usage"])})
        for attempt in receipt["attempts"]
    )
    fields = {**recorded, "outcome": Outcome(recorded["outcome"]), "usage": Usage(**recorded["usage"])}
    fields["receipt"] = Receipt(
        attempts=attempts,
        passed_over=tuple(receipt["passed_over"]),
        degraded=tuple(receipt["degraded"]),
        # Records of earlier versions do not say who answered: the last attempt does, where it was a good one.
        rung=receipt.get("rung", attempts[-1].rung if attempts and attempts[-1].outcome is Outcome.OK else ""),
        tier=receipt.get("tier", 0),
        is_stand_in=receipt.get("is_stand_in", bool(receipt["degraded"])),
    )
    return Completion(**fields)


def _story(completion: Completion) -> str:
    """Each attempt, equal ones together, and each rung passed over, in order."""
    same = Counter((attempt.rung, attempt.outcome, attempt.detail) for attempt in completion.receipt.attempts)
    tried = [
        f"{rung} {outcome}{f' ×{n}' if n > 1 else ''}{f' ({detail})' if detail else ''}"
        for (rung, outcome, detail), n in same.items()
    ]
    return "; ".join((*tried, *completion.receipt.passed_over)) or completion.detail or str(completion.outcome)
