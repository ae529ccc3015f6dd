"""The research team's own rules: how a question becomes a plan, and how quotes are found and numbers kept honest."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen import (
    Claim,
    Context,
    Finding,
    Passage,
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
from bullpen.agents.analyze import Analysis, Analyze
from bullpen.agents.refine import Refine
from bullpen.agents.search import Search
from bullpen.agents.summarize import Summarize, locate
from bullpen.agents.supervisor import Assignment, Brief, ResearchSupervisor, Steered
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
ASSIGNMENT = Assignment(question="q", brief=Brief(sub_questions=("a", "b")))


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


async def test_a_worker_that_gathers_stands_beside_search() -> None:
    plan = await supervisor(Gather).plan(ASSIGNMENT, Notes())  # type: ignore[arg-type]

    assert shape(plan)["analyze-1"] == ("summarize-1", "gather-1", "summarize-2", "gather-2")


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


def analysis(n: int, *follow_ups: str) -> Result:
    return done("analyze", f"analyze-{n}", Analysis(claims=(), follow_ups=follow_ups).model_dump())


async def test_what_the_analysis_misses_is_searched_once_more_then_the_report_is_written() -> None:
    first = [done("search", "search-1"), done("summarize", "summarize-1"), analysis(1, "who paid?")]
    again = await supervisor(rounds_most=2).review(ASSIGNMENT, first, Notes())  # type: ignore[arg-type]
    written = await supervisor(rounds_most=2).review(ASSIGNMENT, [*first, analysis(2, "more?")], Notes())  # type: ignore[arg-type]

    assert shape(again) == {
        "search-2": (),
        "summarize-2": ("search-2",),
        "analyze-2": ("summarize-1", "summarize-2"),
    }
    assert shape(written) == {"refine": ("analyze-2",)}


@pytest.mark.parametrize(("parts", "looked_up"), [(("Who paid?",), "Who paid?"), (None, "and who paid?")])
@pytest.mark.parametrize("status", [Status.OK, Status.EMPTY])
async def test_what_we_are_told_meanwhile_is_looked_up_by_a_models_words_or_as_it_stands(
    parts: tuple[str, ...] | None, looked_up: str, status: Status
) -> None:
    results = [analysis(1)] if status is Status.OK else [done("analyze", "analyze-1", None, status)]
    notes = Notes(told=("and who paid?",), parts=parts)
    again = await supervisor().review(ASSIGNMENT, results, notes)  # type: ignore[arg-type]

    assert again is not None
    assert again.tasks[0].input["about"] == looked_up
    assert set(shape(again)) == {"search-1", "summarize-1", "analyze-2"}


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


TEXT = "It began.\nThe pilot  cost\n48,000 crowns (net). It ended."
PASSAGE = Passage(source="a", title="A", start=100, end=100 + len(TEXT), text=TEXT)


def test_a_quote_is_found_though_white_space_differs_and_is_as_its_source_has_it() -> None:
    quote = locate("The pilot cost 48,000 crowns (net).", PASSAGE)

    assert quote == Quote(source="a", start=110, end=146, text="The pilot  cost\n48,000 crowns (net).")


@pytest.mark.parametrize(
    "text", ["", "   ", "The pilot cost 84,000 crowns", "the pilot cost", "pilot cost 48,000 crowns ("]
)
def test_what_does_not_stand_there_is_no_quote_unless_it_is_a_part(text: str) -> None:
    quote = locate(text, PASSAGE)

    assert quote is None or TEXT[quote.start - 100 : quote.end - 100] == quote.text


@given(st.text(max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_any_part_of_a_passage_is_found_in_it(text: str, start: int, length: int) -> None:
    passage = Passage(source="a", title="", start=5, end=5 + len(text), text=text)
    part = text[start : start + length]
    quote = locate(part, passage)

    assert (quote is None) == (not part.split())
    if quote:
        assert text[quote.start - 5 : quote.end - 5] == quote.text
        assert quote.text.split() == part.split()


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
        said = PlannedTask(id="summarize", worker="summarize", input=brief.model_dump(), after=("search-1",))
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
