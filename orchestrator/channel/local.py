"""A channel within one process. Time is the event loop's; no thread, no timer: leases run out when looked at."""

from heapq import heappop, heappush
from typing import Generic, TypeVar

import anyio

from ..clock import monotonic_s
from ..envelope import Envelope, Priority
from ..errors import Overloaded
from .channel import ChannelStatistics

Body = TypeVar("Body")


class LocalDelivery(Generic[Body]):
    """A message on lease from a local channel."""

    def __init__(self, channel: "LocalChannel[Body]", envelope: Envelope[Body]) -> None:
        self._channel, self.envelope = channel, envelope

    async def ack(self) -> bool:
        """The message is done with."""
        return self._channel.end_lease(self)

    async def extend(self) -> bool:
        """Start the lease anew, from now."""
        return self._channel.renew(self)

    async def nack(self) -> bool:
        """Give the message back at once, attempt + 1."""
        return self._channel.end_lease(self, again=True)


class LocalChannel(Generic[Body]):
    """A bounded queue, the best class first, and what is out on lease."""

    def __init__(self, name: str, *, capacity: int, lease_s: float) -> None:
        self.name, self._capacity, self._lease_s = name, capacity, lease_s
        #: A heap: class, then place in its line, so that no two are equal.
        self._queue: list[tuple[Priority, int, Envelope[Body]]] = []
        self._first = self._last = 0
        #: Leases in the order in which they run out: every lease is equally long, and a renewed one goes to the end.
        self._leases: dict[LocalDelivery[Body], float] = {}
        #: Set when something is queued; None while nobody waits for it.
        self._changed: anyio.Event | None = None

    async def send(self, envelope: Envelope[Body]) -> None:
        """Queue a message. Raises Overloaded at the bound; nothing was queued then."""
        held = len(self._queue) + len(self._leases)
        if held >= self._capacity:
            raise Overloaded(f"channel {self.name!r} holds {held} messages, its bound; nothing was queued: send later")
        self._put(envelope)

    async def receive(self) -> LocalDelivery[Body]:
        """Wait for the next message: the best priority class first, oldest first within it."""
        while True:
            self._expire()
            if self._queue:
                delivery = LocalDelivery(self, heappop(self._queue)[2])
                self._leases[delivery] = monotonic_s() + self._lease_s
                return delivery
            await self._wait()

    async def _wait(self) -> None:
        """Until something changes or the next lease runs out."""
        self._changed = changed = self._changed or anyio.Event()
        if not self._leases:
            await changed.wait()
            return
        with anyio.CancelScope(deadline=next(iter(self._leases.values()))):
            await changed.wait()

    def statistics(self) -> ChannelStatistics:
        """What is in it now; a lease that has run out counts as queued."""
        self._expire()
        return ChannelStatistics(len(self._queue), len(self._leases), self._capacity)

    def end_lease(self, delivery: LocalDelivery[Body], *, again: bool = False) -> bool:
        """End a lease, for good or to deliver again; False when it had run out."""
        self._expire()
        if self._leases.pop(delivery, None) is None:
            return False
        if again:
            self._put_again(delivery.envelope)
        return True

    def renew(self, delivery: LocalDelivery[Body]) -> bool:
        """Start a lease anew; False when it had run out."""
        self._expire()
        if self._leases.pop(delivery, None) is None:
            return False
        self._leases[delivery] = monotonic_s() + self._lease_s
        return True

    def _put(self, envelope: Envelope[Body]) -> None:
        self._last += 1
        heappush(self._queue, (envelope.priority, self._last, envelope))
        self._wake()

    def _put_again(self, envelope: Envelope[Body]) -> None:
        """First in its line: it has waited longest."""
        self._first -= 1
        again = envelope.model_copy(update={"attempt": envelope.attempt + 1})
        heappush(self._queue, (again.priority, self._first, again))
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def _expire(self) -> None:
        if not self._leases:
            return
        now_s = monotonic_s()
        over: list[LocalDelivery[Body]] = []
        for delivery, until_s in self._leases.items():
            if until_s > now_s:
                break
            over.append(delivery)
        for delivery in reversed(over):  # each goes to the front of its line, so the oldest last
            del self._leases[delivery]
            self._put_again(delivery.envelope)


class LocalChannels(Generic[Body]):
    """The channels of one process, by name."""

    def __init__(self) -> None:
        self._channels: dict[str, LocalChannel[Body]] = {}

    def open(self, name: str, *, capacity: int, lease_s: float) -> LocalChannel[Body]:
        """The channel of this name, made at first use."""
        if name not in self._channels:
            self._channels[name] = LocalChannel(name, capacity=capacity, lease_s=lease_s)
        return self._channels[name]
