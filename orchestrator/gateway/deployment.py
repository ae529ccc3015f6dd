"""One address and key of one model, and what is known of its health. Shared by all jobs of a process."""

from dataclasses import dataclass, field
from itertools import count

from ..clock import monotonic_s
from ..rules.breaker import Breaker, begin, cool, heard, may_ask, ready_at_s
from ..rules.limit import Limits
from ..rules.price import Prices
from ..settings import Rung
from .limit import Limiter
from .model import Card, Completion, Provider

_turns = count(1)
#: How often those who wait for a probe look again, in seconds.
_PROBE_S = 1.0


@dataclass(slots=True, eq=False)
class Deployment:
    """What the gateway keeps of one place that can be asked."""

    rung: Rung
    provider: Provider
    limiter: Limiter
    breaker: Breaker = field(default_factory=Breaker)
    #: Calls under way, and when it was last chosen, as a number that grows.
    in_flight: int = 0
    last_turn: int = 0
    _card: Card | None = None

    @classmethod
    def of(cls, rung: Rung, provider: Provider) -> "Deployment":
        """A deployment nobody has asked yet."""
        limits = Limits(
            concurrency_most=rung.concurrency_most,
            requests_per_minute=rung.requests_per_minute,
            tokens_per_minute=rung.tokens_per_minute,
        )
        return cls(rung, provider, Limiter(rung.label, limits))

    async def card(self) -> Card:
        """Prices and size of the model: as the settings have them, else as the provider's list has."""
        if self._card is None:
            rung, listed = self.rung, await self.provider.card()
            priced = rung.price_in_usd is not None and rung.price_out_usd is not None
            prices = Prices(rung.price_in_usd or 0.0, rung.price_out_usd or 0.0) if priced else listed.prices
            self._card = Card(prices, rung.context_tokens or listed.context_tokens)
        return self._card

    @property
    def price_source(self) -> str:
        """Where its prices are from."""
        return "settings" if self.rung.price_in_usd is not None and self.rung.price_out_usd is not None else "provider"

    def may_be_asked(self) -> bool:
        """Whether its breaker lets a call through now."""
        return may_ask(self.breaker, monotonic_s())

    def ready_in_s(self) -> float:
        """The seconds until its breaker lets a call through, as far as is known now; a probe may end at any moment."""
        wait_s = max(0.0, ready_at_s(self.breaker) - monotonic_s())
        return wait_s if self.breaker.probe_at_s is None else min(wait_s, _PROBE_S)

    def begin(self) -> float:
        """A call goes to it. Gives the time, by which `end` knows the call again."""
        now_s = monotonic_s()
        self.breaker = begin(self.breaker, now_s)
        self.in_flight += 1
        self.last_turn = next(_turns)
        return now_s

    def end(self, began_s: float, completion: Completion | None) -> None:
        """The call that began then has ended; None where it was cancelled or broke."""
        now_s = monotonic_s()
        self.in_flight -= 1
        is_well = completion.outcome.rule.is_well if completion and completion.receipt.attempts else None
        self.breaker = heard(self.breaker, is_well, began_s=began_s, now_s=now_s)
        if completion is not None and completion.retry_after_s:
            self.breaker = cool(self.breaker, now_s + completion.retry_after_s)
