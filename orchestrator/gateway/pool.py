"""The deployments of one rung as one model: the one with the fewest calls under way is asked."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from .deployment import Deployment
from .model import Completion, Model, Receipt, Request

_turns = count(1)


class Pool:
    """Balances by least load and leaves alone what is broken, cooling, or refuses us for good. One per job and rung."""

    def __init__(self, deployments: Sequence[tuple[Deployment, Model]]) -> None:
        self._deployments = dict(deployments)
        #: Those that are out for the rest of the job, and how they said so.
        self._out: dict[Deployment, Completion] = {}

    async def complete(self, request: Request) -> Completion:
        """The answer of one deployment; where none may be asked, `cooling` or what put them out, with no attempt."""
        left = [each for each in self._deployments if each not in self._out]
        ready = [each for each in left if each.may_be_asked()]
        if not left:
            return replace(next(iter(self._out.values())), receipt=Receipt())
        if not ready:
            return min(left, key=Deployment.ready_in_s).cooling()
        chosen = min(ready, key=lambda each: (each.load, each.last_turn))
        completion = await self._ask(chosen, request)
        if completion.outcome.rule.mend:
            completion = self._refused(chosen, completion, request)
        rule = completion.outcome.rule
        if (rule.waits or rule.is_out) and any(each is not chosen and each.may_be_asked() for each in left):
            return replace(completion, retry_after_s=0.0)  # another one can be asked at once
        return completion

    async def _ask(self, deployment: Deployment, request: Request) -> Completion:
        deployment.load += 1
        deployment.last_turn = next(_turns)
        try:
            is_asked = request.rung is deployment.rung  # a rung without deployments is its own
            request = request if is_asked else request._replace(rung=deployment.rung)
            return await self._deployments[deployment].complete(request)
        finally:
            deployment.load -= 1

    def _refused(self, deployment: Deployment, completion: Completion, request: Request) -> Completion:
        """Say aloud what is ours to mend, once where the deployment is out for the rest of the job."""
        label, rule = deployment.rung.label, completion.outcome.rule
        mend = rule.mend.format(key=deployment.rung.api_key_env or "the provider's key variable")
        detail = f"{mend} (the provider said: {completion.detail or 'nothing'})"
        completion = replace(completion, detail=detail, retry_after_s=None)
        if deployment not in self._out:
            body = {"rung": label, "outcome": completion.outcome, "mend": mend, "is_out": rule.is_out}
            request.steps.note("rung.refused", body, step=request.step, recipient=label)
        if rule.is_out:
            self._out[deployment] = completion
        return completion
