"""A server of one's own: few slots, behind which our own calls wait, and one model under whatever name."""

from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.errors import NoAnswer
from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.model import Card, Completion, Request, Usage
from bullpen.orchestrator.gateway.providers.sending import Listener
from bullpen.orchestrator.gateway.stack import compose
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.own_server import is_own_server
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock
from bullpen.orchestrator.testing.contracts import backend

from .stacks import always, asked, deployed, stacked

VIRTUAL = backend("virtual time")
OWN = "http://127.0.0.1:8080/v1"
SIBLINGS = 40


class Slots:
    """A server that answers so many at once, `seconds` each, in the order of their coming; one may hang for ever."""

    def __init__(self, slots: int = 1, seconds: float = 2.0, hangs: Sequence[int] = ()) -> None:
        self._slots, self._seconds, self._hangs = anyio.Semaphore(slots), seconds, hangs
        self.asked: list[str] = []

    async def complete(self, request: Request) -> Completion:
        """As a sender would: it listens for a first token where somebody watches."""
        assert request.rung is not None
        self.asked.append(request.inputs["text"])
        number = len(self.asked)
        first_s = request.rung.first_s if request.watch else float("inf")
        with anyio.CancelScope(deadline=anyio.current_time() + first_s) as patience:
            listener = Listener(request, request.rung, patience) if request.watch else None
            async with self._slots:
                await anyio.sleep(float("inf") if number in self._hangs else self._seconds)
                if listener is not None:
                    listener.hear("well")
                return Completion(Outcome.OK, text="well", usage=Usage(1, 1))
        return Completion(Outcome.STALLED)

    async def card(self) -> Card:
        return Card()

    async def aclose(self) -> None:
        pass


def answers(server: Slots, *, is_watched: bool, calls: int = SIBLINGS, **rung: Any) -> list[Completion | Exception]:
    """What as many calls come to that are made at once."""
    told: list[Completion | Exception] = []

    async def call(model: Any, journal: InMemoryJournal, n: int) -> None:
        request = asked(journal, str(n))._replace(watch=(lambda _: None) if is_watched else None)
        try:
            told.append(await model.complete(request))
        except Exception as error:
            told.append(error)

    async def story() -> None:
        journal = InMemoryJournal("job", ManualClock())
        places = deployed([(Rung(model="scripted:m", base_url=OWN, attempts_most=1, **rung), [server])])
        model = compose(places, Ledger("job", None), Course(timeout_s=3600), Random(0))
        async with anyio.create_task_group() as group:
            for n in range(calls):
                group.start_soon(call, model, journal, n)

    anyio.run(story, backend=VIRTUAL[0], backend_options=VIRTUAL[1])
    return told


@pytest.mark.parametrize("is_watched", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize(
    "bounds",
    [{}, {"concurrency_most": 1}, {"timeout_s": 5.0, "first_s": 3.0}, {"timeout_s": 5.0, "concurrency_most": 4}],
    ids=["as it is", "one at a time", "impatient", "four at a time"],
)
def test_siblings_wait_their_turn_before_a_server_with_few_slots_and_all_are_answered_once(
    is_watched: bool, slots: int, bounds: dict[str, Any]
) -> None:
    server = Slots(slots)
    told = answers(server, is_watched=is_watched, **bounds)

    assert [each.outcome for each in told if isinstance(each, Completion)] == [Outcome.OK] * SIBLINGS
    assert sorted(server.asked, key=int) == [str(n) for n in range(SIBLINGS)]


@pytest.mark.parametrize("is_watched", [False, True], ids=["plain", "stream"])
def test_a_server_that_hangs_is_not_waited_for_longer_than_by_one(is_watched: bool) -> None:
    """It hangs at its fifth: those behind it lose their patience when that one does."""
    server = Slots(hangs=range(5, 100))
    told = answers(server, is_watched=is_watched, timeout_s=30.0, first_s=10.0)

    assert sum(isinstance(each, Completion) for each in told) == 4
    assert len(told) == len(server.asked) == SIBLINGS


@given(st.text(), st.sampled_from([OWN, "http://localhost:11434/v1", "http://[::1]/v1", "http://10.0.0.7:8000/v1"]))
def test_whatever_a_server_of_ones_own_calls_its_model_is_that_model(name: str, address: str) -> None:
    async def story() -> tuple[str, ...]:
        rung = Rung(model="scripted:qwen3", base_url=address)
        model, _, request = stacked([(rung, [always(Completion(Outcome.OK, text="x", model=name))])])
        return (await model.complete(request)).receipt.degraded

    assert anyio.run(story) == ()


@pytest.mark.parametrize(
    ("address", "price", "is_own"),
    [
        ("http://127.0.0.1:8080/v1", None, True),
        ("http://127.9.9.9/v1", 0.0, True),
        ("http://ollama:11434/v1", None, True),
        ("http://box.local/v1", None, True),
        ("http://192.168.1.4:1234/v1", None, True),
        ("http://127.0.0.1:4000/v1", 1.0, False),  # a proxy to somebody who is paid
        ("https://openrouter.ai/api/v1", None, False),
        ("https://openrouter.ai/api/v1", 0.0, False),
        ("http://8.8.8.8/v1", None, False),
        ("http://localhost.example.com/v1", None, False),
        (None, None, False),
    ],
)
def test_an_own_server_is_near_and_costs_nothing(address: str | None, price: float | None, is_own: bool) -> None:
    rung = Rung(model="openai_http:m", base_url=address, price_in_usd=price, price_out_usd=price)

    assert is_own_server(rung) is is_own


def test_a_provider_that_puts_another_model_in_the_place_is_told() -> None:
    async def story(rung: Rung) -> tuple[str, ...]:
        model, _, request = stacked([(rung, [always(Completion(Outcome.OK, text="x", model="tiny"))])])
        return (await model.complete(request)).receipt.degraded

    for address in ("https://openrouter.ai/api/v1", None):
        (told,) = anyio.run(partial(story, Rung(model="scripted:large", base_url=address)))
        assert "answered as tiny: its tier is not known" in told


def ended(server: Slots, jobs: Sequence[str], **request: Any) -> tuple[list[Completion | Exception], float]:
    """What calls of these jobs come to that are made at once, and after how many seconds the last has ended."""
    told: list[Completion | Exception] = []

    async def call(model: Any, job: str, n: int) -> None:
        asking = asked(InMemoryJournal(job, ManualClock()), str(n))._replace(**request)
        asking.steps.job = job
        try:
            told.append(await model.complete(asking))
        except Exception as error:
            told.append(error)

    async def story() -> float:
        rung = Rung(model="scripted:m", base_url=OWN, attempts_most=1, concurrency_most=CONCURRENCY[-1])
        model = compose(deployed([(rung, [server])]), Ledger("job", None), Course(timeout_s=100.0), Random(0))
        began_s = anyio.current_time()
        async with anyio.create_task_group() as group:
            for n, job in enumerate(jobs):
                group.start_soon(call, model, job, n)
        return anyio.current_time() - began_s

    took_s: float = anyio.run(story, backend=VIRTUAL[0], backend_options=VIRTUAL[1])
    return told, took_s


CONCURRENCY = [1]


@pytest.mark.parametrize("concurrency", [1, 100], ids=["in our line", "in the server's"])
def test_time_in_line_behind_siblings_is_not_counted_before_a_server_of_ones_own(concurrency: int) -> None:
    """Each answer takes 90 s of the 100 that a call has: twelve of one job are answered all the same."""
    CONCURRENCY[:] = [concurrency]
    told, took_s = ended(Slots(seconds=90.0), ["job"] * 12)

    assert [getattr(each, "outcome", each) for each in told] == [Outcome.OK] * 12
    assert took_s == pytest.approx(12 * 90.0)


@pytest.mark.parametrize("concurrency", [1, 100], ids=["in our line", "in the server's"])
def test_behind_another_job_the_time_of_a_call_goes_on(concurrency: int) -> None:
    CONCURRENCY[:] = [concurrency]
    told, took_s = ended(Slots(seconds=90.0), ["one", "other"])

    assert sum(isinstance(each, Completion) for each in told) == 1
    assert took_s <= 101.0


@pytest.mark.parametrize("concurrency", [1, 100], ids=["in our line", "in the server's"])
def test_an_optional_call_ends_in_its_seconds_though_not_while_its_siblings_are_answered(concurrency: int) -> None:
    CONCURRENCY[:] = [concurrency]
    well, _ = ended(Slots(seconds=15.0), ["job"] * 5, within_s=20.0)
    hangs, took_s = ended(Slots(hangs=range(1, 9)), ["job"] * 3, within_s=20.0)

    assert [getattr(each, "outcome", each) for each in well] == [Outcome.OK] * 5
    assert [type(each) for each in hangs] == [NoAnswer] * 3
    assert took_s <= 3 * 21.0


@pytest.mark.parametrize("jobs", [["job"], ["one", "other"]])
def test_an_optional_call_never_ends_as_overloaded(jobs: list[str]) -> None:
    CONCURRENCY[:] = [1]
    told, took_s = ended(Slots(hangs=range(1, 9)), jobs, within_s=20.0)

    assert [type(each) for each in told] == [NoAnswer] * len(jobs)
    assert took_s <= 21.0
