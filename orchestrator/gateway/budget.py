"""Money is reserved before it is spent: the most an attempt can cost first, the actual afterwards."""

import anyio

from ..errors import BudgetExceeded, Refused
from ..rules.price import Prices, told_usd
from .deployment import Deployment
from .model import Completion, Model, Request


class Ledger:
    """What a job may spend and has spent, in micro-dollars: spent + reserved never passes the limit.

    What of `spent` is `estimated` is the most it could be.
    """

    def __init__(self, name: str, limit: int | None, spent: int = 0, estimated: int = 0) -> None:
        self.name, self.limit = name, limit
        self.spent, self.estimated = spent, estimated
        self.reserved = 0
        #: Set at the next settlement or new limit, if anybody waits for it.
        self._settled: anyio.Event | None = None

    async def reserve(self, amount: int) -> None:
        """Set `amount` aside, waiting while reservations that may flow back are what stands in the way.

        Raises BudgetExceeded when it could not fit even if all of them did.
        """
        while self.limit is not None and self.spent + self.reserved + amount > self.limit:
            if self.spent + amount > self.limit:
                raise BudgetExceeded(
                    self.name, limit=self.limit, spent=self.spent, wanted=amount, estimated=self.estimated
                )
            self._settled = self._settled or anyio.Event()
            await self._settled.wait()
        self.reserved += amount

    def settle(self, reserved: int, actual: int, estimated: int = 0) -> None:
        """Replace a reservation by what was spent, as far as it is known; never more than was reserved."""
        self.reserved -= reserved
        self.spent += min(actual, reserved)
        self.estimated += min(estimated, reserved)
        self._tell()

    def set_limit(self, limit: int) -> None:
        """Raise or lower the limit. Raises Refused for less than is spent and reserved: that cannot be taken back."""
        if limit < self.spent + self.reserved:
            raise Refused(
                f"budget {self.name!r} cannot be {limit / 1e6:.6f} USD: {self.told} is spent and "
                f"{self.reserved / 1e6:.6f} is reserved for calls under way; give at least their sum"
            )
        self.limit = limit
        self._tell()

    @property
    def told(self) -> str:
        """What is spent, in USD, for people."""
        return told_usd(self.spent / 1e6, self.estimated / 1e6, places=6)

    def _tell(self) -> None:
        if self._settled is not None:
            self._settled.set()
            self._settled = None


class Budget:
    """Reserves for each attempt and settles it. What was sent and whose end is not known counts as spent in full."""

    def __init__(self, inner: Model, deployment: Deployment, ledger: Ledger) -> None:
        self._inner, self._deployment, self._ledger = inner, deployment, ledger

    async def complete(self, request: Request) -> Completion:
        """The answer. Raises BudgetExceeded before the call, never after it."""
        most = worst_case(request, (await self._deployment.card()).prices)
        if most is None:
            if self._ledger.limit is not None or request.allowance is not None:
                raise self._unpriced()
            return await self._inner.complete(request)
        if request.allowance is not None and most > request.allowance:
            raise BudgetExceeded("call", limit=request.allowance, spent=0, wanted=most)
        await self._ledger.reserve(most)
        assert request.sendings is not None, "the chain gives every request its count"
        sent, completion = request.sendings.count, None
        try:
            completion = await self._inner.complete(request)
        finally:
            if completion is not None:
                self._ledger.settle(most, completion.receipt.micro_usd, completion.receipt.estimated_micro_usd)
            else:
                unknown = most if request.sendings.count > sent else 0
                self._ledger.settle(most, unknown, unknown)
        return completion

    def _unpriced(self) -> BudgetExceeded:
        error = BudgetExceeded(self._ledger.name, limit=self._ledger.limit or 0, spent=self._ledger.spent, wanted=0)
        label = self._deployment.rung.label
        error.args = (f"the price of rung {label!r} is not known: set price_in_usd and price_out_usd, or no budget",)
        return error


def worst_case(request: Request, prices: Prices | None) -> int | None:
    """The most this request can cost, in micro-dollars; None where nobody knows the price."""
    if prices is None:
        return None
    assert request.rung is not None, "the chain gives every request its rung"
    text_bytes = sum(len(message.content.encode()) + 16 for message in request.messages)  # 16: the provider's own marks
    return prices.worst_case(text_bytes, request.tokens_out_most or request.rung.tokens_out_most)
