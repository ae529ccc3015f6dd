"""The deployments of one rung as one model: the one with the fewest calls under way is asked."""

from collections.abc import Sequence
from dataclasses import replace

from ..rules.outcome import Outcome
from .deployment import Deployment
from .model import Completion, Model, Receipt, Request


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
        if not ready:
            return _cooling(left) if left else replace(next(iter(self._out.values())), receipt=Receipt())
        chosen = min(ready, key=lambda each: (each.in_flight, each.last_turn))
        completion = await self._ask(chosen, request)
        if completion.outcome.rule.mend:
            completion = self._refused(chosen, completion, request)
        if completion.outcome.rule.waits and any(each is not chosen and each.may_be_asked() for each in left):
            return replace(completion, retry_after_s=0.0)  # another one can be asked at once
        return completion

    async def _ask(self, deployment: Deployment, request: Request) -> Completion:
        model, completion = self._deployments[deployment], None
        began_s = deployment.begin()
        try:
            completion = await model.complete(replace(request, rung=deployment.rung))
        finally:
            deployment.end(began_s, completion)
        return completion

    def _refused(self, deployment: Deployment, completion: Completion, request: Request) -> Completion:
        """Say aloud what is ours to mend, once where the deployment is out for the rest of the job."""
        label, rule = deployment.rung.label, completion.outcome.rule
        mend = rule.mend.format(key=deployment.rung.api_key_env or "the provider's key variable")
        completion = replace(completion, detail=f"{mend} (the provider said: {completion.detail or 'nothing'})")
        if deployment not in self._out:
            body = {"rung": label, "outcome": completion.outcome, "mend": mend, "is_out": rule.is_out}
            request.steps.note("rung.refused", body, step=request.step, recipient=label)
        if rule.is_out:
            self._out[deployment] = completion
        return completion


def _cooling(deployments: Sequence[Deployment]) -> Completion:
    wait_s = min(each.ready_in_s() for each in deployments)
    return Completion(Outcome.COOLING, detail=f"cooling for {wait_s:.0f} s", retry_after_s=wait_s)
