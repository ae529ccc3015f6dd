"""The rung below the last: an answer of an earlier run, labelled, or none."""

from pathlib import Path
from typing import Any

import pytest

from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.errors import NoAnswer
from bullpen.orchestrator.gateway.model import Completion
from bullpen.orchestrator.gateway.record import described
from bullpen.orchestrator.gateway.stale import Found
from bullpen.orchestrator.ids import canonical, digest
from bullpen.orchestrator.journal.recall import find_answer
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing.contracts import BACKENDS, backend

from .stacks import GOOD, always, stacked, typed


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

    assert find_answer(tmp_path, "0" * 64, since_ms=0) is None
    assert find_answer(tmp_path / "nowhere", "0" * 64, since_ms=SystemClock().wall_ms()) is None
