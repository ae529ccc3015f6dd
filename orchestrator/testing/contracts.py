"""What every journal and every channel must do, as tests to inherit. Needs pytest with anyio's plugin.

Subclass one in a test module, mark the class `pytest.mark.anyio` and define the factory it names; the inherited tests
then run on each backend of that module's `anyio_backend` fixture:

    @pytest.mark.anyio
    class TestMyChannel(ChannelContract):
        def open(self, *, capacity: int, lease_s: float) -> Channel[str]:
            return MyChannel("tests", capacity=capacity, lease_s=lease_s)
"""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest

from ..channel.channel import Channel
from ..envelope import Envelope, Priority
from ..errors import Overloaded
from ..journal.events import FINISHED, Entry, Event, first_break
from ..journal.journal import Journal, Ways
from ..journal.step import MODEL, SEARCH, Steps

#: What code that uses anyio alone is tested on.
BACKENDS = ("asyncio", "virtual time")


def backend(name: str) -> tuple[str, dict[str, Any]]:
    """What anyio's pytest plugin wants for one of `BACKENDS`: asyncio, or trio with a clock that jumps over waiting."""
    if name == "asyncio":
        return "asyncio", {}
    from trio.testing import MockClock

    return "trio", {"clock": MockClock(autojump_threshold=0)}


def message(body: str, *, priority: Priority = Priority.NORMAL) -> Envelope[str]:
    """An envelope for a test."""
    names = {"id": body, "job": "job", "task": body, "sender": "tests", "recipient": "worker"}
    return Envelope[str].model_validate({**names, "body": body, "priority": priority})


class ChannelContract:
    """The promises of `Channel`."""

    @abstractmethod
    def open(self, *, capacity: int, lease_s: float) -> Channel[str]:
        """A new, empty channel."""

    async def test_messages_of_one_class_arrive_in_the_order_sent(self) -> None:
        channel = self.open(capacity=8, lease_s=60)
        for body in ("a", "b", "c"):
            await channel.send(message(body))

        assert [await _take(channel) for _ in range(3)] == ["a", "b", "c"]

    async def test_a_better_class_goes_first(self) -> None:
        channel = self.open(capacity=8, lease_s=60)
        for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH):
            await channel.send(message(priority.name, priority=priority))

        assert [await _take(channel) for _ in range(3)] == ["HIGH", "NORMAL", "LOW"]

    async def test_a_full_channel_refuses_and_queues_nothing(self) -> None:
        channel = self.open(capacity=2, lease_s=60)
        await channel.send(message("a"))
        await channel.send(message("b"))
        with pytest.raises(Overloaded, match="2"):
            await channel.send(message("c"))

        assert channel.statistics().queued == 2

    async def test_a_message_on_lease_counts_against_the_bound(self) -> None:
        channel = self.open(capacity=1, lease_s=60)
        await channel.send(message("a"))
        delivery = await channel.receive()
        with pytest.raises(Overloaded):
            await channel.send(message("b"))
        await delivery.ack()

        await channel.send(message("b"))
        assert channel.statistics() == (1, 0, 1)

    async def test_an_acknowledged_message_never_returns(self) -> None:
        channel = self.open(capacity=8, lease_s=0.05)
        await channel.send(message("a"))
        assert await (await channel.receive()).ack()
        await anyio.sleep(0.1)

        assert channel.statistics() == (0, 0, 8)

    async def test_an_unacknowledged_message_returns_with_one_more_attempt(self) -> None:
        channel = self.open(capacity=8, lease_s=0.05)
        await channel.send(message("a"))
        first = await channel.receive()
        second = await channel.receive()

        assert (first.envelope.attempt, second.envelope.attempt) == (1, 2)
        assert second.envelope.body == "a"

    async def test_an_acknowledgement_after_the_lease_says_that_it_came_too_late(self) -> None:
        channel = self.open(capacity=8, lease_s=0.05)
        await channel.send(message("a"))
        late = await channel.receive()
        current = await channel.receive()

        assert not await late.ack()
        assert not await late.extend()
        assert await current.ack()

    async def test_an_extended_lease_does_not_run_out(self) -> None:
        channel = self.open(capacity=8, lease_s=0.5)
        await channel.send(message("a"))
        delivery = await channel.receive()
        for _ in range(3):
            await anyio.sleep(0.2)
            assert await delivery.extend()

        assert channel.statistics() == (0, 1, 8)

    async def test_a_message_given_back_comes_again_before_younger_ones(self) -> None:
        channel = self.open(capacity=8, lease_s=60)
        await channel.send(message("a"))
        delivery = await channel.receive()
        await channel.send(message("b"))
        await delivery.nack()

        again = await channel.receive()
        assert (again.envelope.body, again.envelope.attempt) == ("a", 2)

    async def test_a_waiting_receiver_gets_what_is_sent_later(self) -> None:
        channel = self.open(capacity=8, lease_s=60)
        received: list[str] = []

        async def receive() -> None:
            received.append(await _take(channel))

        async with anyio.create_task_group() as group:
            group.start_soon(receive)
            group.start_soon(receive)
            await anyio.wait_all_tasks_blocked()
            await channel.send(message("a"))
            await channel.send(message("b"))

        assert sorted(received) == ["a", "b"]

    async def test_a_cancelled_receiver_takes_nothing_along(self) -> None:
        channel = self.open(capacity=8, lease_s=60)
        with anyio.move_on_after(0.01):
            await channel.receive()
        await channel.send(message("a"))

        assert await _take(channel) == "a"


async def _take(channel: Channel[str]) -> str:
    delivery = await channel.receive()
    await delivery.ack()
    return delivery.envelope.body


Reader = Callable[[], list[Event]]


class JournalContract:
    """The promises of `Journal`. `open` gives a journal for job `job` and a way to read back what it holds."""

    @abstractmethod
    def open(self, ways: Ways) -> AbstractAsyncContextManager[tuple[Journal, Reader]]:
        """A new, empty journal, and what reads its committed events."""

    async def test_events_are_numbered_without_gaps_and_chained_from_the_start(self) -> None:
        async with self.open(Ways()) as (journal, read):
            for n in range(5):
                journal.append(Entry("worker.noted", {"n": n}))
            await journal.commit()
            events = read()

        assert [event.seq for event in events] == [1, 2, 3, 4, 5]
        assert first_break(events) is None

    async def test_what_is_read_back_is_what_was_appended(self) -> None:
        entry = Entry("task.sent", {"text": "ünïcode 😀 and \u0000"}, "t", "s", "intent", "dispatch", "search")
        async with self.open(Ways(epoch=3)) as (journal, read):
            appended = journal.append(entry)
            await journal.commit()
            (event,) = read()

        assert event == appended
        assert (event.value, event.epoch) == (entry.body, 3)

    async def test_everything_appended_is_there_after_a_commit(self) -> None:
        async with self.open(Ways()) as (journal, read):

            async def write(n: int) -> None:
                journal.append(Entry("worker.noted", {"n": n}))
                await journal.commit()
                assert n in [event.value["n"] for event in read()]

            async with anyio.create_task_group() as group:
                for n in range(20):
                    group.start_soon(write, n)

            assert first_break(read()) is None

    async def test_equal_bodies_are_kept_apart_as_events(self) -> None:
        async with self.open(Ways()) as (journal, read):
            for _ in range(3):
                journal.append(Entry("worker.noted", {"same": True}))
            await journal.commit()

            assert len(read()) == 3

    async def test_a_step_has_one_result(self) -> None:
        async with self.open(Ways()) as (journal, _):
            journal.append(Entry("model.answered", 1, step="k", phase="result"))
            with pytest.raises(AssertionError, match="has a result"):
                journal.append(Entry("model.answered", 2, step="k", phase="result"))

            found = journal.result_of("k")
            assert found is not None
            assert found.value == 1
            assert journal.result_of("other") is None

    async def test_nothing_follows_the_terminal_event(self) -> None:
        async with self.open(Ways()) as (journal, _):
            journal.append(Entry(FINISHED, {}))
            with pytest.raises(AssertionError, match=FINISHED):
                journal.append(Entry("worker.noted", {}))

    async def test_secrets_are_not_written(self) -> None:
        async with self.open(Ways(secrets=("sk-very-secret",))) as (journal, read):
            journal.append(Entry("model.attempted", {"detail": "refused key sk-very-secret"}))
            await journal.commit()

            assert read()[0].value == {"detail": "refused key [secret]"}

    async def test_listeners_hear_every_event_in_order(self) -> None:
        heard: list[Event] = []
        async with self.open(Ways(listeners=(heard.append,))) as (journal, read):
            for n in range(3):
                journal.append(Entry("worker.noted", n))
            await journal.commit()

            assert heard == read()

    async def test_a_step_that_is_on_record_is_not_done_again(self) -> None:
        async with self.open(Ways()) as (journal, _):
            done: list[str] = []

            async def effect(key: str) -> dict[str, Any]:
                done.append(key)
                return {"n": len(done)}

            first, again = Steps(journal, "job", "t", "w"), Steps(journal, "job", "t", "w")
            values = [await first.run(MODEL, "gateway", {"q": 1}, effect, dict) for _ in range(2)]
            repeated = [await again.run(MODEL, "gateway", {"q": 1}, effect, dict) for _ in range(2)]

        assert values == repeated == [{"n": 1}, {"n": 2}]
        assert len(done) == 2

    async def test_a_failed_step_is_on_record_and_is_done_again(self) -> None:
        async with self.open(Ways()) as (journal, read):

            async def fails(_: str) -> str:
                raise ValueError("broken")

            async def works(_: str) -> str:
                return "fine"

            with pytest.raises(ValueError, match="broken"):
                await Steps(journal, "job", "t", "w").run(MODEL, "gateway", {}, fails, str)
            assert await Steps(journal, "job", "t", "w").run(MODEL, "gateway", {}, works, str) == "fine"
            await journal.commit()
            kinds = [(event.kind, event.phase) for event in read()]

        asked = ("model.asked", "intent")
        assert kinds == [asked, ("model.failed", "failed"), asked, ("model.answered", "result")]

    async def test_intents_and_earlier_results_are_durable_before_an_effect(self) -> None:
        async with self.open(Ways()) as (journal, read):
            steps = Steps(journal, "job", "t", "w")

            async def effect(_: str) -> list[str]:
                return [event.kind for event in read()]

            assert await steps.run(MODEL, "gateway", {}, effect, list) == ["model.asked"]
            assert await steps.run(MODEL, "gateway", {}, effect, list) == [
                *("model.asked", "model.answered", "model.asked")
            ]

    async def test_reading_needs_no_intent(self) -> None:
        async with self.open(Ways()) as (journal, read):

            async def effect(_: str) -> str:
                return "found"

            await Steps(journal, "job", "t", "w").run(SEARCH, "memory", {}, effect, str)
            await journal.commit()

            assert [(event.kind, event.phase) for event in read()] == [("memory.searched", "result")]
