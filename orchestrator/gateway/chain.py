"""The layer that decides who is asked: the rungs in order, until one gives a good answer."""

from collections.abc import Sequence
from dataclasses import replace

from ..errors import BudgetExceeded, Misconfigured
from ..rules.outcome import Outcome
from ..settings import Rung
from .model import Attempt, Completion, Model, Receipt, Request

_MENDS = {
    Outcome.KEY_REFUSED: "the key was refused: set {key} to a valid one",
    Outcome.NO_SUCH_MODEL: "there is no such model or address: mend `model` or `base_url` of the rung",
    Outcome.BAD_REQUEST: "the request was refused: mend the rung's settings or the prompt",
}


class Chain:
    """Rungs, best first, each with the layers beneath it. A fallback is on the receipt, never silent."""

    def __init__(self, rungs: Sequence[tuple[Rung, Model]]) -> None:
        self._rungs = tuple(rungs)

    async def complete(self, request: Request) -> Completion:
        """The first good answer, else the last poor one.

        Raises Misconfigured for a mistake of ours, which another rung would only hide, and BudgetExceeded when money
        is all that kept the rungs from being asked.
        """
        attempts: tuple[Attempt, ...] = ()
        passed_over: list[str] = []
        last, broke = Completion(Outcome.UNSUPPORTED, detail=f"no rung serves role {request.role!r}"), None
        for rung, model in self._rungs:
            if rung.roles and request.role not in rung.roles:
                passed_over.append(f"{rung.label} does not serve role {request.role!r}")
                continue
            try:
                last = await model.complete(replace(request, rung=rung))
            except BudgetExceeded as error:
                broke = error
                passed_over.append(f"{rung.label}: {error}")
                continue
            attempts += last.receipt.attempts
            if last.outcome.is_ours:
                raise Misconfigured(_how_to_mend(rung, last))
            if last.outcome is Outcome.OK:
                break
        if broke and last.outcome is not Outcome.OK:
            raise broke
        if not passed_over and attempts == last.receipt.attempts:
            return last
        return replace(last, receipt=Receipt(attempts, tuple(passed_over)))


def _how_to_mend(rung: Rung, completion: Completion) -> str:
    mend = _MENDS[completion.outcome].format(key=rung.api_key_env or "the provider's key variable")
    return f"rung {rung.label!r}: {mend} (the provider said: {completion.detail or 'nothing'})"
