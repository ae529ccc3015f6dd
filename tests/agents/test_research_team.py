"""The research team's own rules: how a question becomes a plan without a model, and when there is another round."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bullpen import (
    Claim,
    Context,
    Finding,
    PlannedTask,
    Query,
    Quote,
    Result,
    Settings,
    Status,
    Worker,
    open_system,
    research_team,
)
from bullpen.agents.analyze import Analyze
from bullpen.agents.desk import by_rule
from bullpen.agents.gaps import Overview
from bullpen.agents.reading import ReadTask
from bullpen.agents.refine import Refine
from bullpen.agents.search import Search
from bullpen.agents.summarize import Summarize
from bullpen.agents.supervisor import Assignment, ResearchSupervisor, Steered
from bullpen.orchestrator.errors import NoAnswer
from bullpen.orchestrator.rules.plan import Plan
from bullpen.orchestrator.worker import contract_of

pytestmark = pytest.mark.anyio


class Notes:
    """A context that takes notes and tells what it was told; what else it is asked for is a mistake."""

    def __init__(
        self, plan: Plan | None = None, told: tuple[str, ...] = (), parts: tuple[str, ...] | None = None
    ) -> None:
        self.noted: list[str] = []
        self.plan, self.told, self.parts = plan, told, parts

    def note(self, text: str, /, **values: Any) -> None:
        self.noted.append(text)

    async def ask(self, prompt: str, /, **inputs: Any) -> Any:
        if prompt == "steer":
            assert inputs["notes"] == self.told
            if self.parts is None:
                raise NoAnswer("nobody is there")
            return Steered(parts=self.parts)
        assert prompt == "plan"
        assert self.plan is not None
        return self.plan

    async def steering(self) -> tuple[str, ...]:
        return self.told


class Gather(Worker):
    """Gathers."""

    async def run(self, task: Query, ctx: Context) -> Finding:
        return Finding(about=task.about)


class Stranger(Worker):
    """Takes something else."""

    async def run(self, task: int, ctx: Context) -> int:
        return task


STANDARD = (Search, Summarize, Analyze, Refine)
QUESTION = "What did the ferry cost, and who paid for the mill?"
PARTS = ("What did the ferry cost", "who paid for the mill (ferry)")
ASSIGNMENT = Assignment(question=QUESTION, desk=by_rule(QUESTION, ()))


def supervisor(*more: type[Worker], **settings: Any) -> ResearchSupervisor:
    return ResearchSupervisor([contract_of(worker) for worker in (*STANDARD, *more)], Settings(**settings))


def shape(plan: Plan | None) -> dict[str, tuple[str, ...]]:
    assert plan is not None
    return {task.id: task.after for task in plan.tasks}


async def test_the_standard_plan_searches_and_summarizes_each_part() -> None:
    plan = await supervisor().plan(ASSIGNMENT, Notes())  # type: ignore[arg-type]

    assert shape(plan) == {
        "search-1": (),
        "summarize-1": ("search-1",),
        "search-2": (),
        "summarize-2": ("search-2",),
        "analyze-1": ("summarize-1", "summarize-2"),
    }
    assert tuple(task.input["about"] for task in plan.tasks if task.worker == "search") == PARTS


async def test_a_question_over_many_documents_is_looked_up_whole_and_each_is_heard() -> None:
    question = "How did the ferry and the mill come to be, and how do they differ?"
    plan = await supervisor().plan(Assignment(question=question, desk=by_rule(question, ())), Notes())  # type: ignore[arg-type]

    assert shape(plan) == {"search-1": (), "summarize-1": ("search-1",), "analyze-1": ("summarize-1",)}
    assert plan.tasks[0].input == Query(question=question, about=question, effort="comparison").model_dump()


async def test_a_worker_that_gathers_stands_beside_search() -> None:
    plan = await supervisor(Gather).plan(ASSIGNMENT, Notes())  # type: ignore[arg-type]

    assert set(shape(plan)["analyze-1"]) == {"summarize-1", "gather-1", "summarize-2", "gather-2"}


async def test_a_model_plans_for_a_worker_that_fits_nowhere_and_is_checked() -> None:
    good = Plan.model_validate({"tasks": [{"id": "s", "worker": "stranger", "input": 1}]})
    bad = Plan.model_validate({"tasks": [{"id": "s", "worker": "nobody", "input": 1}]})

    assert await supervisor(Stranger).plan(ASSIGNMENT, Notes(good)) == good  # type: ignore[arg-type]
    notes = Notes(bad)
    plan = await supervisor(Stranger).plan(ASSIGNMENT, notes)  # type: ignore[arg-type]
    assert "search-1" in shape(plan)
    assert "stranger has no task" in notes.noted[-1]


def done(worker: str, task: str, output: Any = None, status: Status = Status.OK) -> Result:
    return Result(task=task, worker=worker, status=status, output=output)


def analysis(n: int) -> Result:
    return done("analyze", f"analyze-{n}", Overview().model_dump())


@pytest.mark.parametrize(("parts", "looked_up"), [(("Who paid?",), "Who paid?"), (None, "and who paid?")])
async def test_what_we_are_told_meanwhile_is_looked_up_by_a_models_words_or_as_it_stands(
    parts: tuple[str, ...] | None, looked_up: str
) -> None:
    results = [done("search", "search-1"), done("summarize", "summarize-1"), analysis(1)]
    notes = Notes(told=("and who paid?",), parts=parts)
    again = await supervisor().review(ASSIGNMENT, results, notes)  # type: ignore[arg-type]

    assert again is not None
    assert again.tasks[0].input["about"] == looked_up
    assert shape(again) == {
        "search-2": (),
        "summarize-2": ("search-2",),
        "analyze-2": ("search-1", "summarize-1", "search-2", "summarize-2"),
    }


async def test_a_note_that_asks_for_nothing_changes_nothing() -> None:
    notes = Notes(told=("thank you",), parts=())
    written = await supervisor().review(ASSIGNMENT, [analysis(1)], notes)  # type: ignore[arg-type]

    assert shape(written) == {"refine": ("analyze-1",)}


async def test_notes_are_left_unread_where_no_round_is_left() -> None:
    class Unasked(Notes):
        async def steering(self) -> tuple[str, ...]:
            raise AssertionError("a note that is read is taken for heard")

    written = await supervisor(rounds_most=1).review(ASSIGNMENT, [analysis(1)], Unasked())  # type: ignore[arg-type]

    assert shape(written) == {"refine": ("analyze-1",)}


@pytest.mark.parametrize(
    "results", [[], [done("analyze", "analyze-1", None, Status.FAILED)], [done("refine", "refine")]]
)
async def test_the_work_ends_when_there_is_nothing_to_write_or_it_is_written(results: list[Result]) -> None:
    assert await supervisor().review(ASSIGNMENT, results, Notes()) is None  # type: ignore[arg-type]


def test_a_claim_keeps_its_quotes() -> None:
    claim = Claim(text="x", quotes=(Quote(source="a", start=0, end=1, text="x"),))

    assert Claim.model_validate_json(claim.model_dump_json()) == claim


class Found(Worker):
    """Says how many passages a search finds, with what other workers found and without."""

    async def run(self, task: str, ctx: Context) -> tuple[int, int]:
        return len(await ctx.memory.search(task, findings=True)), len(await ctx.memory.search(task))


class OneAfterTheOther:
    """Searches for the same again when a claim about it is in memory."""

    async def brief(self, question: str, ctx: Context) -> Query:
        return Query(question=question, about=question)

    async def plan(self, brief: Query, ctx: Context) -> Plan:
        first, second = (PlannedTask(id=f"search-{n}", worker="search", input=brief.model_dump()) for n in (1, 2))
        read = ReadTask(question=brief.question, way="extract", points=(brief.about,))
        said = PlannedTask(id="summarize", worker="summarize", input=read.model_dump(), after=("search-1",))
        counted = PlannedTask(id="found", worker="found", input=brief.about, after=("summarize",))
        return Plan(tasks=(first, said, second.model_copy(update={"after": ("summarize",)}), counted))

    async def review(self, brief: Query, results: object, ctx: Context) -> None:
        return None


async def test_what_other_workers_write_meanwhile_does_not_change_what_search_finds(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Ferry\n\nThe ferry cost 300 crowns.\n\nIt sails at dawn.\n")
    team = replace(research_team, supervisor=lambda *_: OneAfterTheOther(), workers=(Search, Summarize, Found))
    async with open_system(Settings(project=tmp_path / "project"), team) as system:
        async with system.launch("What did the ferry cost?", corpus=tmp_path / "a.md") as job:
            await job.result()
            results = job.results

    assert results["search-1"].output == results["search-2"].output
    with_findings, documents_alone = results["found"].output
    assert with_findings > documents_alone > 0
