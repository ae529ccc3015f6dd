"""The rung below the last: an answer of an earlier run, labelled, or none."""

from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bullpen.orchestrator.clock import SystemClock, monotonic_s
from bullpen.orchestrator.errors import NoAnswer
from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.model import Completion, Piece
from bullpen.orchestrator.gateway.record import described
from bullpen.orchestrator.gateway.stack import compose
from bullpen.orchestrator.gateway.stale import Found, recall_in
from bullpen.orchestrator.ids import canonical, digest
from bullpen.orchestrator.journal.file import open_journal
from bullpen.orchestrator.journal.recall import Answers
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.journal.writer import Writer
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock
from bullpen.orchestrator.testing.contracts import BACKENDS, backend

from .stacks import GOOD, always, deployed, stacked, typed


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return backend(request.param)


DOWN = always(Completion(Outcome.UNTRUSTED))


async def recorded(said: Any) -> dict[str, Any]:
    """What stands in the journal after a model has said this."""
    model, journal, request = stacked([(Rung(model="scripted:m"), [always(said)])])
    await model.complete(typed(request))
    return dict(journal.events[-1].value)


@pytest.mark.anyio
async def test_an_old_answer_is_used_and_labelled_with_model_and_age() -> None:
    old, asked_for = await recorded(GOOD), list[str]()

    async def recall(intent: str) -> Found:
        asked_for.append(intent)
        return Found(old, age_s=2.5 * 3600)

    model, journal, request = stacked([(Rung(model="scripted:down"), [DOWN])], recall=recall)
    completion = await model.complete(typed(request))

    assert completion.value == {"name": "a", "size": 1}
    assert completion.receipt.degraded == ("no model answered; this is the answer of m from 2 hours ago",)
    assert [attempt.outcome for attempt in completion.receipt.attempts] == ["untrusted"]
    assert asked_for == [digest(journal.events[0].body)] == [digest(canonical(described(typed(request))))]


@pytest.mark.anyio
async def test_a_judge_is_never_given_an_old_answer_and_nobody_while_a_model_answers() -> None:
    async def recall(intent: str) -> Found:
        raise AssertionError("nobody asked for an old answer")

    model, _, request = stacked([(Rung(model="scripted:down"), [DOWN])], recall=recall)
    with pytest.raises(NoAnswer):
        await model.complete(request._replace(role="judge"))
    model, _, request = stacked([(Rung(model="scripted:m"), [always("new")])], recall=recall)
    assert (await model.complete(request)).text == "new"


def test_a_folder_without_runs_has_no_answer(tmp_path: Path) -> None:
    (tmp_path / "broken.run").write_bytes(b"no journal")

    now_ms = SystemClock().wall_ms()
    assert Answers(tmp_path).find("0" * 64, since_ms=0, until_ms=now_ms) is None
    assert Answers(tmp_path / "nowhere").find("0" * 64, since_ms=0, until_ms=now_ms) is None


@pytest.mark.anyio
async def test_a_refusal_is_an_answer_and_no_old_one_stands_in_for_it() -> None:
    async def recall(intent: str) -> Found:
        raise AssertionError("nobody asked for an old answer")

    refuses = [(Rung(model=f"scripted:{n}"), [always(Completion(Outcome.REFUSED))]) for n in range(2)]
    model, _, request = stacked(refuses, recall=recall)
    with pytest.raises(NoAnswer, match="refused"):
        await model.complete(request)


@pytest.mark.anyio
async def test_an_old_answer_from_below_the_floor_is_no_answer() -> None:
    old = await recorded(GOOD)

    async def recall(intent: str) -> Found:
        return Found(old, age_s=60)

    def rungs(tier: int) -> list[Any]:
        return [(Rung(model="scripted:down", tier=3), [DOWN]), (Rung(model="scripted:m", tier=tier), [DOWN])]

    for course, floor in ((Course(floors={"r": 2}), 0), (Course(), 2)):
        model, _, request = stacked(rungs(1), recall=recall, course=course)
        with pytest.raises(NoAnswer):
            await model.complete(typed(request)._replace(floor=floor))
        model, _, request = stacked(rungs(2), recall=recall, course=course)
        assert (await model.complete(typed(request)._replace(floor=floor))).value["size"] == 1
    model, _, request = stacked(rungs(3)[:1], recall=recall, course=Course(floors={"r": 2}))
    with pytest.raises(NoAnswer):
        await model.complete(typed(request))  # nobody knows how capable that model was


@pytest.mark.anyio
async def test_an_old_answer_that_is_none_by_todays_type_is_not_given() -> None:
    old = await recorded(GOOD)

    async def recall(intent: str) -> Found:
        return Found({**old, "value": {"name": "a", "size": "large"}}, age_s=60)

    model, _, request = stacked([(Rung(model="scripted:down"), [DOWN])], recall=recall)
    with pytest.raises(NoAnswer, match="untrusted"):
        await model.complete(typed(request))


@pytest.mark.anyio
async def test_nothing_is_looked_up_for_a_call_whose_time_is_over() -> None:
    async def recall(intent: str) -> Found:
        raise AssertionError("nobody waits for it")

    model, _, request = stacked([(Rung(model="scripted:down"), [DOWN])], recall=recall)
    with pytest.raises(NoAnswer):
        await model.complete(request._replace(deadline_s=monotonic_s()))


@pytest.mark.anyio
async def test_who_watches_is_shown_the_old_answer_too() -> None:
    old, shown = await recorded(GOOD), list[Piece]()

    async def recall(intent: str) -> Found:
        return Found(old, age_s=60)

    model, _, request = stacked([(Rung(model="scripted:down"), [DOWN])], recall=recall)
    await model.complete(typed(request)._replace(watch=shown.append))

    assert shown == [Piece(GOOD)]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_earlier_runs_are_looked_through_for_what_a_model_said_lately(tmp_path: Path) -> None:
    clock = ManualClock()

    async def asks(name: str, provider: Any) -> Completion:
        with closing(Writer()) as writer:
            journal = await open_journal(tmp_path / f"{name}.run", "job", clock, writer)
            try:
                rungs = deployed([(Rung(model="scripted:m"), [provider])])
                recall = recall_in(tmp_path, 100.0, clock)
                model = compose(rungs, Ledger("job", None), Course(), Random(0), recall)
                return await model.complete(typed(request)._replace(steps=Steps(journal, "job", "t", "w")))
            finally:
                await journal.aclose()

    _, _, request = stacked([])
    with pytest.raises(NoAnswer):
        await asks("a", DOWN)
    assert (await asks("b", always(GOOD))).receipt.degraded == ()
    clock.advance(60_000)
    from_b = await asks("c", DOWN)
    clock.advance(30_000)
    from_b_again = await asks("d", DOWN)
    clock.advance(30_000)
    with pytest.raises(NoAnswer):
        await asks("e", DOWN)

    assert [from_b.receipt.degraded, from_b_again.receipt.degraded] == [
        (f"no model answered; this is the answer of m from {age} seconds ago",) for age in (60, 90)
    ]
