"""The local channel keeps the contract on real and on virtual time, and whatever the story."""

from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.orchestrator.channel.local import LocalChannel, LocalChannels
from bullpen.orchestrator.envelope import Priority
from bullpen.orchestrator.errors import Overloaded
from bullpen.orchestrator.testing.contracts import ChannelContract, message


@pytest.mark.anyio
class TestLocalChannel(ChannelContract):
    def open(self, *, capacity: int, lease_s: float) -> LocalChannel[str]:
        return LocalChannel("tests", capacity=capacity, lease_s=lease_s)


@pytest.mark.anyio
async def test_the_same_name_is_the_same_channel() -> None:
    channels: LocalChannels[str] = LocalChannels()

    assert channels.open("a", capacity=1, lease_s=1) is channels.open("a", capacity=1, lease_s=1)
    assert channels.open("a", capacity=1, lease_s=1) is not channels.open("b", capacity=1, lease_s=1)


ACTS = st.lists(st.sampled_from(["send high", "send normal", "send low", "take", "ack", "nack", "wait"]), max_size=40)


@settings(max_examples=150, deadline=None)
@given(acts=ACTS)
def test_no_message_is_lost_or_served_twice_at_once(acts: list[str]) -> None:
    """Against a plain dictionary of what was sent and not acknowledged."""

    async def story() -> None:
        channel: LocalChannel[str] = LocalChannel("tests", capacity=6, lease_s=10)
        owed: dict[str, int] = {}
        leased: list[Any] = []
        for n, act in enumerate(acts):
            match act.split():
                case ["send", priority]:
                    await _send(channel, f"{n}", Priority[priority.upper()], owed)
                case ["take"]:
                    with anyio.move_on_after(0.01):
                        leased.append(await channel.receive())
                case ["ack"] if leased:
                    delivery = leased.pop(0)
                    if await delivery.ack():
                        del owed[delivery.envelope.body]
                case ["nack"] if leased:
                    await leased.pop(0).nack()
                case ["wait"]:
                    await anyio.sleep(11)
                case _:
                    pass
            held = channel.statistics()
            assert held.queued + held.leased == len(owed) <= 6

    from trio.testing import MockClock

    anyio.run(story, backend="trio", backend_options={"clock": MockClock(autojump_threshold=0)})


async def _send(channel: LocalChannel[str], body: str, priority: Priority, owed: dict[str, int]) -> None:
    try:
        await channel.send(message(body, priority=priority))
    except Overloaded:
        assert len(owed) == 6
    else:
        owed[body] = 1
