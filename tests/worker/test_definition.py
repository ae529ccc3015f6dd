"""What is wrong with a worker class is said when it can be seen."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from bullpen import Context, Query, Team, Worker
from bullpen.agents.summarize import Summarize
from bullpen.agents.supervisor import ResearchSupervisor
from bullpen.orchestrator.errors import InvalidWorker
from bullpen.orchestrator.gateway.templates import read_prompts, read_template
from bullpen.orchestrator.worker import contract_of


def define(run: Any) -> type[Worker]:
    return type("Odd", (Worker,), {"run": run, "__doc__": "Odd."})


class Opaque:
    """No schema can be made of this."""


async def no_annotations(self, task, ctx):  # type: ignore[no-untyped-def]
    return task


async def no_return_type(self, task: str, ctx: Context):  # type: ignore[no-untyped-def]
    return task


def not_async(self: Worker, task: str, ctx: Context) -> str:
    return task


async def too_few(self: Worker, task: str) -> str:
    return task


async def takes_opaque(self: Worker, task: Opaque, ctx: Context) -> str:
    return "x"


async def returns_opaque(self: Worker, task: str, ctx: Context) -> Callable[[], None]:
    return lambda: None


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (no_annotations, "type annotation for task and return"),
        (no_return_type, "type annotation for return"),
        (not_async, "must be `async def`"),
        (too_few, "takes (self, task, ctx)"),
        (takes_opaque, "its task"),
        (returns_opaque, "its return value"),
    ],
)
def test_a_mistake_is_reported_at_definition(run: Any, said: str) -> None:
    with pytest.raises(InvalidWorker, match="worker 'Odd'") as caught:
        define(run)

    assert said in str(caught.value)


def test_a_name_that_is_not_defined_is_reported_when_the_team_is_put_together() -> None:
    async def later(self: Worker, task: "NotYet", ctx: Context) -> str:  # type: ignore[name-defined]  # noqa: F821
        return "x"

    worker = define(later)
    with pytest.raises(InvalidWorker, match="'NotYet' is not defined"):
        Team(supervisor=ResearchSupervisor, workers=(worker,)).contracts()


def test_two_workers_of_one_name_are_reported_when_the_team_is_put_together() -> None:
    async def run(self: Worker, task: str, ctx: Context) -> str:
        return task

    with pytest.raises(InvalidWorker, match="two workers are called 'odd'"):
        Team(supervisor=ResearchSupervisor, workers=(define(run), define(run))).contracts()


def test_a_contract_says_what_a_planner_needs() -> None:
    class FactCheck(Worker):
        """Checks one claim."""

        role = "judge"

        async def run(self, task: Query, ctx: Context) -> list[str]:
            return []

    contract = contract_of(FactCheck)
    assert (contract.name, contract.identity.role, contract.identity.purpose) == (
        "fact_check",
        "judge",
        "Checks one claim.",
    )
    assert contract.identity.prompts[0] == Path(__file__).parent / "prompts"
    described = contract.describe()
    assert set(described["input"]["properties"]) == {"question", "about", "effort"}
    assert described["output"]["type"] == "array"


def test_a_worker_derived_from_another_keeps_its_prompts(tmp_path: Path) -> None:
    class Briefly(Summarize):
        """Summarizes in few words."""

    own, *others = contract_of(Briefly).identity.prompts
    assert own == Path(__file__).parent / "prompts"
    template = read_prompts((own, *others), {}).template((own, *others), "read", "")
    assert template == read_template(Path(inspect.getfile(Summarize)).parent / "prompts" / "read.md", "read")

    (tmp_path / "read.md").write_text("---\nversion: 9\n---\n[system]\nBriefly.\n[user]\n")
    assert read_prompts((tmp_path, *others), {}).template((tmp_path, *others), "read", "").version == "9"


def test_a_worker_is_not_its_base_class() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Worker()  # type: ignore[abstract]


def test_a_type_whose_values_do_not_come_back_is_reported_at_definition() -> None:
    class Login(BaseModel):
        key: SecretStr

    async def takes_secret(self: Worker, task: Login, ctx: Context) -> str:
        return "x"

    with pytest.raises(InvalidWorker, match=r"worker 'Odd': its task is .*: field 'key' of Login is a secret"):
        define(takes_secret)
