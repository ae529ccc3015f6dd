"""One request to one provider, under an absolute deadline, with one event on record."""

from dataclasses import replace
from typing import Any

import anyio

from ..clock import monotonic_s
from ..rules.outcome import Outcome
from ..rules.price import Prices
from ..settings import Rung
from .model import Attempt as Sent
from .model import Completion, Provider, Receipt, Request


class Attempt:
    """Sends a request once. Owns the deadline: no provider's own time-out is trusted with it."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def complete(self, request: Request) -> Completion:
        """The answer with a receipt of one attempt, whatever came of it."""
        rung = _rung(request)
        started_s = monotonic_s()
        until_s = min(
            started_s + rung.timeout_s, request.deadline_s if request.deadline_s is not None else float("inf")
        )
        completion = Completion(Outcome.TIMED_OUT, detail=f"no answer in {until_s - started_s:.1f} s")
        with anyio.CancelScope(deadline=until_s):
            completion = await self._provider.complete(request)
        cost, price_source = await self._cost(request, completion)
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
        )
        request.steps.note(
            "model.attempted", _on_record(request, sent, completion), step=request.step, recipient=rung.label
        )
        return replace(completion, receipt=Receipt((sent,)))

    async def _cost(self, request: Request, completion: Completion) -> tuple[int, str]:
        """Micro-dollars and where the price is from. What the usage does not tell counts as the most it could be."""
        most = await worst_case(request, self._provider)
        if most is None:
            return completion.micro_usd or 0, "provider" if completion.micro_usd is not None else "unknown"
        if completion.outcome.is_certain or most == 0:
            return 0, "not charged" if most else "free"
        usage = completion.usage
        if not usage.tokens_in and not usage.tokens_out:
            return most, "reserved"
        prices, source = await _prices(request, self._provider)
        assert prices is not None
        return min(most, prices.cost(usage.tokens_in, usage.tokens_out)), source


def _on_record(request: Request, sent: Sent, completion: Completion) -> dict[str, Any]:
    """What was sent and what came of it; the raw text too where somebody is still to make sense of it."""
    body = {name: getattr(sent, name) for name in Sent.__slots__}
    template = request.template
    body["template"] = {"name": template.name, "version": template.version, "hash": template.hash}
    body["messages"] = request.messages
    if request.returns is not None or completion.outcome is not Outcome.OK:
        body["text"] = completion.text
    return body


async def worst_case(request: Request, provider: Provider) -> int | None:
    """The most this request can cost, in micro-dollars; None where nobody knows the price."""
    prices, _ = await _prices(request, provider)
    if prices is None:
        return None
    text_bytes = sum(len(message.content.encode()) + 16 for message in request.messages)  # 16: the provider's own marks
    return prices.worst_case(text_bytes, _rung(request).tokens_out_most)


async def _prices(request: Request, provider: Provider) -> tuple[Prices | None, str]:
    """The rung's own prices, else the provider's list."""
    rung = _rung(request)
    if rung.price_in_usd is not None and rung.price_out_usd is not None:
        return Prices(rung.price_in_usd, rung.price_out_usd), "settings"
    return await provider.prices(), "provider"


def _rung(request: Request) -> Rung:
    assert request.rung is not None, "the chain gives every request its rung"
    return request.rung
