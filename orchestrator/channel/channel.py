"""The contract of a channel: bounded, with priority classes, leases and acknowledgement. One suite tests every kind."""

from typing import Generic, NamedTuple, Protocol, TypeVar

from ..envelope import Envelope

Body = TypeVar("Body")


class ChannelStatistics(NamedTuple):
    """What a channel holds: messages waiting, messages leased out and not acknowledged, and its bound on both."""

    queued: int
    leased: int
    capacity: int


class Delivery(Protocol[Body]):
    """A message on lease. Unless it is acknowledged or extended in time, it is delivered again with attempt + 1."""

    @property
    def envelope(self) -> Envelope[Body]: ...

    async def ack(self) -> bool:
        """The message is done with. False when the lease had run out, so that somebody else may have it."""
        ...

    async def extend(self) -> bool:
        """Start the lease anew, from now. False when it had run out."""
        ...

    async def nack(self) -> bool:
        """Give the message back at once, attempt + 1. False when the lease had run out."""
        ...


class Channel(Protocol[Body]):
    """A bounded, named queue with acknowledgement."""

    async def send(self, envelope: Envelope[Body]) -> None:
        """Queue a message. Raises Overloaded at the bound; nothing was queued then."""
        ...

    async def receive(self) -> Delivery[Body]:
        """Wait for the next message: the best priority class first, oldest first within it."""
        ...

    def statistics(self) -> ChannelStatistics:
        """What is in it now."""
        ...


class Channels(Protocol, Generic[Body]):
    """Where channels come from: the same name is the same channel."""

    def open(self, name: str, *, capacity: int, lease_s: float) -> Channel[Body]: ...
