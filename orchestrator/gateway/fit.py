"""The layer that sees to it that a question fits its model: counted before sending, shrunk by the prompt's own policy.

What the policy is, the prompt says in its front matter: `shrink: passages, notes` names the inputs that may lose items
from their end, the first named first. What was left out is on record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..rules.outcome import Outcome
from ..rules.tokens import PER_MESSAGE, estimate
from .deployment import Deployment
from .model import Completion, Model, Request
from .prompt import worded
from .templates import Message


class Fit:
    """Sends what fits. What does not, and may not be shrunk, is `too_long`, with the numbers and without an attempt."""

    def __init__(self, inner: Model, deployment: Deployment) -> None:
        self._inner, self._deployment = inner, deployment

    async def complete(self, request: Request) -> Completion:
        """The answer to as much of the question as fits."""
        room = await self._room(request)
        if room is None or _fits(request.messages, room):
            return await self._inner.complete(request)
        shorter, left_out = shrunk(request, room)
        if shorter is None:
            return Completion(Outcome.TOO_LONG, detail=_too_long(request, room))
        body = {"room": room, "left_out": left_out}
        request.steps.note("model.shrunk", body, step=request.step, recipient=self._deployment.rung.label)
        completion = await self._inner.complete(shorter)
        told = ", ".join(f"{count} {name}" for name, count in left_out.items())
        remark = f"left out to fit {self._deployment.rung.label}: {told}"
        receipt = completion.receipt
        return replace(completion, receipt=replace(receipt, degraded=(remark, *receipt.degraded)))

    async def _room(self, request: Request) -> int | None:
        """The tokens that the question may have; None where nobody knows a bound."""
        size = (await self._deployment.card()).context_tokens
        most = request.tokens_out_most or self._deployment.rung.tokens_out_most
        rooms = [size - min(most, size // 2) if size else None, request.tokens_in_most]
        return min((room for room in rooms if room is not None), default=None)


def tokens_of(messages: Sequence[Message]) -> int:
    """About how many tokens a question has."""
    return sum(estimate(message.content) + PER_MESSAGE for message in messages)


def shrunk(request: Request, room: int) -> tuple[Request | None, Mapping[str, int]]:
    """The request with as many items as fit, and how many of each input were left out; None where it cannot fit."""
    inputs, left_out = dict(request.inputs), dict[str, int]()
    rest = request.messages[2:]  # what was said about an earlier answer stays
    for name in request.template.shrink:
        whole = inputs.get(name)
        if not isinstance(whole, list | tuple | str) or len(whole) < 2:
            continue
        least, most = 1, len(whole)
        while least < most:  # the most items that fit, at least one
            kept = (least + most + 1) // 2
            if _fits((*worded(request._replace(inputs={**inputs, name: whole[:kept]})), *rest), room):
                least = kept
            else:
                most = kept - 1
        inputs[name], left_out[name] = whole[:least], len(whole) - least
        shorter = request._replace(inputs=inputs)
        shorter = shorter._replace(messages=(*worded(shorter), *rest))
        if _fits(shorter.messages, room):
            return shorter, left_out
    return None, left_out


def _fits(messages: Sequence[Message], room: int) -> bool:
    """No tokenizer makes more tokens of a text than it has bytes, so most questions need no counting."""
    if sum(len(message.content.encode()) + PER_MESSAGE for message in messages) <= room:
        return True
    return tokens_of(messages) <= room


def _too_long(request: Request, room: int) -> str:
    needs = f"the question has about {tokens_of(request.messages)} tokens and there is room for {room}"
    return f"{needs}; name inputs to shrink in the prompt's front matter, ask for less, or add a rung with more context"
