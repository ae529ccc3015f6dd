"""Annotations that are postponed, and name types that stand in a function or a class."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bullpen import Context, Query, Team, Worker
from bullpen.agents.supervisor import ResearchSupervisor
from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.codec import decoded
from bullpen.orchestrator.errors import InvalidWorker
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import contract_of
from bullpen.tools import tool

from ..dispatch.planned import Planned


def test_a_worker_takes_types_of_the_function_that_it_is_defined_in() -> None:
    @dataclass
    class Part:
        of: str

    @dataclass
    class Whole:
        parts: list[Part]

    class Look(Worker):
        """Looks at a whole."""

        async def run(self, task: Whole, ctx: Context) -> Part:
            return task.parts[0]

    contract = contract_of(Look)
    assert decoded(contract.input, {"parts": [{"of": "a"}]}) == Whole([Part("a")])
    assert decoded(contract.output, {"of": "a"}) == Part("a")


def test_a_worker_takes_types_of_its_own_class_and_of_functions_further_out() -> None:
    @dataclass
    class Far:
        name: str

    def build() -> type[Worker]:
        class Look(Worker):
            """Looks at what it has."""

            @dataclass
            class Own:
                far: Far

            async def run(self, task: Own, ctx: Context) -> Far:
                return task.far

        return Look

    assert contract_of(build()).describe()["output"]["title"] == "Far"


def test_a_type_that_is_defined_later_in_the_function_is_found_when_the_team_is_put_together() -> None:
    class Look(Worker):
        """Looks at what comes later."""

        async def run(self, task: Later, ctx: Context) -> str:
            return task.name

    @dataclass
    class Later:
        name: str

    assert "look" in Team(supervisor=ResearchSupervisor, workers=(Look,)).contracts()


def test_a_type_that_nobody_can_find_is_named_with_advice_that_helps() -> None:
    def build() -> type[Worker]:
        class Look(Worker):
            """Looks at what is gone."""

            async def run(self, task: Gone, ctx: Context) -> str:
                return "x"

        class Gone: ...

        return Look

    with pytest.raises(
        InvalidWorker, match="worker 'Look': name 'Gone' is not defined; define it at the top of the mod"
    ):
        Team(supervisor=ResearchSupervisor, workers=(build(),)).contracts()


def test_names_of_another_function_of_the_same_name_are_not_taken() -> None:
    class Query:
        """No type that JSON can carry, and not the one that is meant elsewhere."""

    assert contract_of(_elsewhere()).describe()["input"]["title"] == "Query"


def _elsewhere() -> type[Worker]:
    class Look(Worker):
        """Takes the query of its module."""

        async def run(self, task: Query, ctx: Context) -> str:
            return task.question

    return Look


def test_a_tool_takes_types_of_the_function_that_it_is_made_in() -> None:
    @dataclass
    class Place:
        name: str

    @tool
    def visit(place: Place) -> str:
        """Visit a place."""
        return place.name

    assert "Place" in str(visit.describe())
    with pytest.raises(TypeError, match="tool 'lost': name 'Nowhere' is not defined; define it"):

        @tool
        def lost(place: Nowhere) -> str:  # type: ignore[name-defined]  # noqa: F821
            """Get lost."""
            return ""


def test_a_model_is_asked_for_types_of_the_function_that_asks() -> None:
    answers = []

    class Look(Worker):
        """Asks for a whole."""

        async def run(self, task: str, ctx: Context) -> str:
            @dataclass
            class Part:
                of: str

            @dataclass
            class Whole:
                parts: list[Part]

            answers.append(await ctx.ask("whole", returns=Whole) == Whole([Part("a")]))
            return "x"

    plan = Plan(tasks=(PlannedTask(id="a", worker="look", input="x"),))

    async def story() -> None:
        model = ScriptedModel({"whole": {"parts": [{"of": "a"}]}})
        async with scripted_system(Team(supervisor=Planned(plan), workers=(Look,)), model) as system:
            async with system.launch("What?") as job:
                await job.result()

    virtual_time.run(story)
    assert answers == [True]
