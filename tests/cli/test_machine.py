"""Who serves which role, as `bullpen doctor` prints it, is whom a chain asks."""

from dataclasses import replace
from random import Random

import pytest

from bullpen.orchestrator.cli.machine import serving
from bullpen.orchestrator.errors import NoAnswer
from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.deployment import Deployment
from bullpen.orchestrator.gateway.model import Completion, Request
from bullpen.orchestrator.gateway.stack import compose
from bullpen.orchestrator.gateway.templates import Template
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock, ScriptedModel

RUNGS = [Rung(model="a:1", tier=3), Rung(model="b:2"), Rung(model="c:3", roles=("write",))]
COURSE = Course(chains={"plan": ("b:2", "a:1")}, floors={"judge": 3}, ceilings={"search": 1, "draw": 0})
WITH_DEFAULT = replace(COURSE, chains={"default": ("c:3", "b:2")})


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("role", "course", "rungs"),
    [
        ("write", COURSE, ("a:1", "b:2", "c:3")),
        ("plan", COURSE, ("b:2", "a:1")),
        ("judge", COURSE, ("a:1",)),
        ("search", COURSE, ("b:2",)),
        ("draw", COURSE, ()),
        ("plan", WITH_DEFAULT, ("b:2",)),
        ("write", WITH_DEFAULT, ("c:3", "b:2")),
    ],
)
async def test_who_is_said_to_serve_a_role_is_asked_for_it(role: str, course: Course, rungs: tuple[str, ...]) -> None:
    asked: list[str] = []

    def note(request: Request) -> Completion:
        assert request.rung is not None
        asked.append(request.rung.label)
        return Completion(Outcome.TOO_LARGE)

    model = ScriptedModel(note)
    stack = compose([(rung, [Deployment.of(rung, model)]) for rung in RUNGS], Ledger("job", None), course, Random(0))
    steps = Steps(InMemoryJournal("job", ManualClock()), "job", "task", "worker")
    with pytest.raises(NoAnswer):
        await stack.complete(Request(steps, role, "ask", {}, Template("ask", "1", "", "Hello")))

    assert serving(role, RUNGS, course) == rungs == tuple(asked)
