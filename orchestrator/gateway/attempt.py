"""One request to one deployment, under an absolute deadline, with one event on record."""

import math
import os
from dataclasses import replace
from typing import Any

import anyio

from ..clock import monotonic_s
from ..errors import BullpenError
from ..rules.outcome import Outcome
from ..rules.own_server import is_own_server
from ..rules.price import Prices
from ..rules.same_model import is_same_model
from ..settings import Rung
from .again import taken
from .budget import worst_case
from .call_time import CallTime
from .deployment import Deployment
from .line import Turn
from .model import NO_USAGE, Completion, Receipt, Request
from .model import Attempt as Sent
from .output import Aloud, judged
from .providers.keys import DEFAULT_KEY_ENV, without


class Attempt:
    """Sends a request once. Owns the deadline: no provider's own time-out is trusted with it."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    async def complete(self, request: Request) -> Completion:
        """The answer with a receipt of one attempt, whatever came of it; of none where there was no time to send it.

        An attempt that is cancelled is on record too: it may have been charged.
        """
        rung = self._deployment.rung
        prices = (await self._deployment.card()).prices  # before: no answer is lost over its price
        started_s = monotonic_s()
        if request.until_s <= started_s:
            return Completion(Outcome.TIMED_OUT, detail="its time was over before it could be sent")
        if request.sendings is not None:
            request.sendings.count += 1
        request = taken(request, self._deployment.without)
        aloud, given = Aloud(request, rung.label), Completion(Outcome.TIMED_OUT)
        try:
            given = _bounded(await self._in_time(aloud.asked, started_s), prices)
            self._deployment.learn(request, given)
            completion = self._shown(aloud, await judged(given, request))
        except anyio.get_cancelled_exc_class():
            self._put(request, replace(given, outcome=Outcome.CANCELLED, detail=""), prices, started_s, given.text)
            raise
        sent = self._put(request, completion, prices, started_s, given.text)
        return replace(completion, receipt=Receipt((sent,), degraded=_remarks(sent, rung)))

    async def _in_time(self, request: Request, began_s: float) -> Completion:
        """What came until then, or later where older requests of ours kept a server of one's own from it."""
        rung, line = self._deployment.rung, self._deployment.line
        completion: Completion | None = None
        with anyio.CancelScope(deadline=min(began_s + rung.timeout_s, request.until_s)) as scope:
            if line is None:
                return await self._answer(request)
            time = request.time or CallTime(math.inf, request.deadline_s)
            turn = Turn(request.steps.job, rung.timeout_s, rung.first_s, time, scope)
            line.begin(turn)
            try:
                completion = await self._answer(request._replace(turn=turn))
            finally:
                line.end(turn, is_answered=completion is not None and completion.outcome.rule.is_well is True)
            return completion
        return Completion(Outcome.TIMED_OUT, detail=f"no answer in {monotonic_s() - began_s:.1f} s")

    async def _answer(self, request: Request) -> Completion:
        """What the provider gives. What it raises, and nobody of ours means by it, is an outcome as well."""
        try:
            return await self._deployment.provider.complete(request)
        except BullpenError:
            raise
        except Exception as error:
            return self._broken(error)

    def _shown(self, aloud: Aloud, completion: Completion) -> Completion:
        """The completion, once whoever watches has seen it. What he raises is the chain's to pass on."""
        try:
            aloud.end(completion)
        except Exception as error:
            return self._broken(error)
        return completion

    def _broken(self, error: Exception) -> Completion:
        key = os.environ.get(self._deployment.rung.api_key_env or DEFAULT_KEY_ENV, "")
        detail = without((key,), f"the provider raised {type(error).__name__}: {error}")
        return Completion(Outcome.BROKEN, detail=detail)

    def _put(
        self, request: Request, completion: Completion, prices: Prices | None, started_s: float, text: str = ""
    ) -> Sent:
        """Put the attempt on record, with the text as it was given."""
        rung = self._deployment.rung
        cost, price_source, estimated = self._cost(request, completion, prices)
        sent = Sent(
            rung=rung.label,
            lane=rung.provider,
            outcome=completion.outcome,
            model=completion.model,
            detail=completion.detail,
            usage=completion.usage,
            micro_usd=cost,
            price_source=price_source,
            seconds=round(monotonic_s() - started_s, 4),
            estimated=estimated,
        )
        body = _on_record(request, sent, text, is_judged=text != completion.text)
        request.steps.note("model.attempted", body, step=request.step, recipient=rung.label)
        return sent

    def _cost(self, request: Request, completion: Completion, prices: Prices | None) -> tuple[int, str, str]:
        """Micro-dollars, where the price is from, and why it is an estimate, which is the most it could be."""
        most = worst_case(request, prices)
        if prices is None or most is None:
            return completion.micro_usd or 0, "provider" if completion.micro_usd is not None else "unknown", ""
        if most == 0:
            return 0, "free", ""
        usage = completion.usage
        if usage == NO_USAGE and (completion.outcome.rule.is_free or completion.micro_usd == 0):
            return 0, "not charged", ""
        cost = prices.cost(usage.tokens_in, usage.tokens_out)
        if why := _doubt(completion, most=most, cost=cost):
            return most, "estimated", why
        return cost, self._deployment.price_source, ""


def _bounded(completion: Completion, prices: Prices | None) -> Completion:
    """The completion, but that a server which is paid is not asked without any bound on its answer."""
    is_unbounded = completion.outcome is Outcome.FIELD_REFUSED and completion.refused == "max_completion_tokens"
    is_paid = prices is not None and prices.out_usd > 0
    return replace(completion, outcome=Outcome.BAD_REQUEST) if is_unbounded and is_paid else completion


def _doubt(completion: Completion, *, most: int, cost: int) -> str:
    """Why what the counted tokens `cost` is not what was charged, in micro-dollars; "" where it is believed."""
    outcome, usage = completion.outcome, completion.usage
    if usage == NO_USAGE:
        is_whole = completion.outcome.rule.is_well
        return "it told no usage that can be believed" if is_whole else f"its usage is not known after {outcome}"
    if not usage.tokens_in or (completion.text and not usage.tokens_out):
        return "it told a usage of fewer tokens than there were"
    return "it told a usage of more tokens than there can have been" if cost > most else ""


def _remarks(sent: Sent, rung: Rung) -> tuple[str, ...]:
    """What is wrong with an answer that is otherwise good. Nobody puts a lesser model in a server of one's own."""
    asked = rung.model_name
    if sent.outcome is not Outcome.OK or is_same_model(asked, sent.model) or is_own_server(rung):
        return ()
    return (f"{sent.rung} was asked for {asked} and answered as {sent.model}: its tier is not known",)


def _on_record(request: Request, sent: Sent, text: str, *, is_judged: bool) -> dict[str, Any]:
    """What was sent and what came of it; the text as it was given too where that is not the answer on record."""
    body, template = sent.recorded(), request.template
    body["template"] = {"name": template.name, "version": template.version, "hash": template.hash}
    body["messages"] = [{"role": message.role, "content": message.content} for message in request.messages]
    if request.returns is not None or sent.outcome is not Outcome.OK or is_judged:
        body["text"] = text
    return body
