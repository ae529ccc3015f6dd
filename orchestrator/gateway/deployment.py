"""One address and key of one model, and what is known of its health. Shared by all jobs of a process."""

from dataclasses import dataclass

from ..clock import monotonic_s
from ..rules.breaker import Breaker, begin, cool, heard, is_worth_waiting, may_ask, ready_at_s
from ..rules.limit import WAIT_MOST_S, Limits
from ..rules.outcome import Outcome
from ..rules.own_server import is_own_server
from ..rules.price import Prices
from ..settings import Rung
from .limit import Limiter
from .line import Line
from .model import MODEL, SCHEMA, Card, Completion, Provider, Request

#: The breaker of a deployment that has never failed.
UNTROUBLED = Breaker()
#: How much longer than an attempt may take whoever waits for it waits, in seconds: it hears of its end first.
_SETTLE_S = 1.0
#: How often those who wait for a probe look again, in seconds.
_PROBE_S = 1.0


@dataclass(slots=True, eq=False)
class Deployment:
    """What the gateway keeps of one place that can be asked."""

    rung: Rung
    provider: Provider
    limiter: Limiter
    breaker: Breaker = UNTROUBLED
    #: Calls that wait for it or are under way, and when it was last chosen, as a number that grows.
    load: int = 0
    last_turn: int = 0
    #: Who is before it, where it is a server of one's own.
    line: Line | None = None
    #: Requests that have gone out and not ended.
    under_way: int = 0
    #: The fields that the server does not take, as they are set (`Rung.drop_params`) and as it has said itself, and
    #: `SCHEMA` where it takes none.
    without: frozenset[str] = frozenset()
    #: Whether it may have been the schema that it refused a request for: an answer without one will tell.
    is_schema_doubted: bool = False
    _card: Card | None = None

    @classmethod
    def of(cls, rung: Rung, provider: Provider) -> "Deployment":
        """A deployment nobody has asked yet."""
        is_own = is_own_server(rung)
        limits = Limits(
            concurrency_most=rung.concurrency_most,
            requests_per_minute=rung.requests_per_minute,
            tokens_per_minute=rung.tokens_per_minute,
            # Whoever waits for one answer of a server of one's own waits for as long as that may take.
            wait_most_s=max(WAIT_MOST_S, rung.timeout_s + _SETTLE_S) if is_own else WAIT_MOST_S,
        )
        limiter = Limiter(rung.label, limits, is_own_server=is_own)
        line = Line() if is_own else None
        return cls(rung, provider, limiter, line=line, without=frozenset(rung.drop_params))

    def learn(self, request: Request, completion: Completion) -> None:
        """What came of a request, as far as it tells which fields the server takes."""
        outcome = completion.outcome
        if outcome is Outcome.FIELD_REFUSED and completion.refused != MODEL:
            self.without |= {completion.refused}
        elif outcome is Outcome.NO_SCHEMA_MODE:
            self.is_schema_doubted = True
        elif outcome.rule.is_well and request.is_prompted and self.is_schema_doubted:
            self.without |= {SCHEMA}

    async def card(self) -> Card:
        """Prices and size of the model: as the settings have them, else as the provider's list has."""
        if self._card is None:
            rung, listed = self.rung, await self.provider.card()
            priced = rung.price_in_usd is not None and rung.price_out_usd is not None
            prices = Prices(rung.price_in_usd or 0.0, rung.price_out_usd or 0.0) if priced else listed.prices
            self._card = Card(prices, rung.context_tokens or listed.context_tokens, listed.ability)
        return self._card

    @property
    def price_source(self) -> str:
        """Where its prices are from."""
        return "settings" if self.rung.price_in_usd is not None and self.rung.price_out_usd is not None else "provider"

    def may_be_asked(self) -> bool:
        """Whether its breaker lets a call through now."""
        return self.breaker is UNTROUBLED or may_ask(self.breaker, monotonic_s())

    def ready_in_s(self) -> float:
        """The seconds until its breaker lets a call through, as far as is known now; a probe may end at any moment."""
        wait_s = max(0.0, ready_at_s(self.breaker) - monotonic_s())
        return wait_s if self.breaker.probe_at_s is None else min(wait_s, _PROBE_S)

    def began(self) -> float:
        """A request goes out. Gives the time, by which `ended` knows it again."""
        now_s = monotonic_s()
        self.under_way += 1
        self.breaker = begin(self.breaker, now_s)
        return now_s

    def ended(self, began_s: float, completion: Completion | None) -> None:
        """The request that began then has ended; None where it was cancelled. What was never sent tells nothing."""
        self.under_way -= 1
        now_s, before = monotonic_s(), self.breaker
        rule = completion.outcome.rule if completion is not None and completion.receipt.attempts else None
        is_well = rule.is_well if rule else None
        self.breaker = heard(before, is_well, began_s=began_s, now_s=now_s, under_way=self.under_way)
        if before.open_until_s is not None and self.breaker.open_until_s is None:
            self.limiter.start_slowly(before.under_way)
        if completion is not None and completion.retry_after_s and completion.outcome.rule.waits:
            self.breaker = cool(self.breaker, now_s + completion.retry_after_s)

    def cooling(self) -> Completion:
        """What is said instead of asking it; when to ask again only where that is worth waiting for."""
        wait_s = self.ready_in_s()
        retry_after_s = wait_s if is_worth_waiting(self.breaker, monotonic_s()) else None
        return Completion(Outcome.COOLING, detail=f"cooling for {wait_s:.0f} s", retry_after_s=retry_after_s)
