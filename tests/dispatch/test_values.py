"""Values between workers, models and tools: as they went, or refused by name, and asked for no second time."""

import json
import math
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, computed_field, field_serializer
from pydantic.alias_generators import to_camel

from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.envelope import Result, Status
from bullpen.orchestrator.errors import BadInput, InvalidWorker, NotJson
from bullpen.orchestrator.evidence import Report
from bullpen.orchestrator.gateway.model import Request
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import Settings
from bullpen.orchestrator.system import open_system
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker
from bullpen.tools import open_toolbox, tool

from .planned import Planned


class Span(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    first_day: date
    share: float = math.inf


class Sized(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: int
    height: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> int:
        return self.width * self.height


class Day(BaseModel):
    on: date

    @field_serializer("on")
    def shown(self, on: date) -> str:
        return f"{on:%d.%m.%Y}"


class Hidden(BaseModel):
    n: int
    why: str = Field(exclude=True)


SPAN = Span.model_validate({"firstDay": date(2024, 5, 1), "share": math.inf})


class Make(Worker):
    """Makes a span."""

    async def run(self, task: str, ctx: Context) -> Span:
        return SPAN


class Take(Worker):
    """Takes a span, and says what it is."""

    async def run(self, task: Span, ctx: Context) -> str:
        return repr(task)


class Read(Worker):
    """Reads what was made, and hands it to another."""

    async def run(self, task: str, ctx: Context) -> list[str]:
        (made,) = ctx.results
        span = made.read(Span)
        return [repr(span), (await ctx.delegate(Take, span)).read(str)]


class Ask(Worker):
    """Asks a model for things that are written in their own ways."""

    async def run(self, task: str, ctx: Context) -> list[str]:
        return [repr(await ctx.ask(kind.__name__, returns=kind)) for kind in (Sized, Day, Hidden, Span)]


class Lose(Worker):
    """Returns what JSON has no word for."""

    async def run(self, task: str, ctx: Context) -> dict[str, Any]:
        return {"ratio": math.inf}


class Use(Worker):
    """Uses a tool."""

    async def run(self, task: float, ctx: Context) -> str:
        return str(await ctx.call("half", number=task))


class Noted(Worker):
    """Notes numbers that are none."""

    async def run(self, task: str, ctx: Context) -> str:
        ctx.note("rated", ratio=math.inf, share=math.nan, least=[-math.inf])
        return "done"


@tool
def half(number: float) -> float:
    """Half of a number."""
    return number / 2


def done(*tasks: PlannedTask, answers: Any = None, more: tuple[type[Worker], ...] = ()) -> tuple[Report, list[Event]]:
    workers: tuple[type[Worker], ...] = (Make, Take, Read, Ask, Lose, Use, Noted, *more)
    made = Team(supervisor=Planned(Plan(tasks=tasks)), workers=workers, toolbox=open_toolbox(half))

    async def story() -> tuple[Report, list[Event]]:
        async with scripted_system(made, ScriptedModel(answers or {})) as system, system.launch("What?") as job:
            return await job.result(), [event async for event in job.events()]

    return virtual_time.run(story)


def task(worker: str, given: Any = "", *after: str) -> PlannedTask:
    return PlannedTask(id=worker, worker=worker, input=given, after=after)


def returned(events: list[Event], name: str) -> list[dict[str, Any]]:
    return [event.value for event in events if event.kind == "task.returned" and event.task == name]


def test_a_value_with_aliases_goes_from_worker_to_worker_and_to_a_child() -> None:
    report, events = done(task("make"), task("read", "", "make"))

    assert report.outputs[0].value == [repr(SPAN)] * 2
    assert [body["output"] for body in returned(events, "make")] == [{"first_day": "2024-05-01", "share": "Infinity"}]
    assert all("Infinity" not in event.body or '"Infinity"' in event.body for event in events)


@pytest.mark.parametrize("given", [SPAN, {"firstDay": "2024-05-01", "share": "Infinity"}, {"first_day": "2024-05-01"}])
def test_a_planned_task_takes_a_value_its_names_and_its_aliases(given: Any) -> None:
    report, _ = done(task("take", given))

    assert report.outputs[0].value.startswith("Span(first_day=datetime.date(2024, 5, 1)")


def test_a_model_answers_with_values_that_are_written_in_another_way() -> None:
    answers = {
        "Sized": {"width": 3, "height": 2},
        "Day": {"on": "2024-05-01"},
        "Hidden": {"n": 1, "why": "x"},
        "Span": {"firstDay": "2024-05-01"},
    }
    report, events = done(task("ask"), answers=answers)

    assert report.outputs[0].value == [
        "Sized(width=3, height=2, area=6)",
        "Day(on=datetime.date(2024, 5, 1))",
        "Hidden(n=1, why='x')",
        "Span(first_day=datetime.date(2024, 5, 1), share=inf)",
    ]
    assert [event.kind for event in events].count("model.asked") == len(answers)


@pytest.mark.parametrize("kind", [Span, list[Span]])
def test_a_schema_that_a_provider_is_told_is_json(kind: Any) -> None:
    told: list[str] = []

    class AskFor(Worker):
        """Asks for a span, whose share is infinite unless it is given."""

        async def run(self, task: str, ctx: Context) -> str:
            return str(await ctx.ask("span", returns=kind))

    def answer(request: Request) -> Any:
        told.append(json.dumps(request.form, allow_nan=False))
        return {"items": []} if request.box else {"firstDay": "2024-05-01"}

    assert done(task("ask_for"), answers=answer, more=(AskFor,))[0].status is Status.OK
    assert '"firstDay"' in told[0]


def test_what_json_has_no_word_for_is_refused_by_name_and_not_made_again() -> None:
    report, events = done(task("lose"))

    (body,) = returned(events, "lose")
    assert (body["status"], body["failure"]["retryable"]) == (Status.FAILED, False)
    assert "what worker 'lose' returned cannot be handed on: field 'ratio' of dict is inf" in body["failure"]["detail"]
    assert "field 'ratio' of dict is inf" in report.text


def test_a_tool_takes_infinity_and_its_infinite_result_is_refused() -> None:
    _, events = done(task("use", math.inf))

    (body,) = returned(events, "use")
    assert body["failure"]["type"] == NotJson.__name__
    assert "tool 'half': its result cannot be handed on: float is inf" in body["failure"]["detail"]


def test_a_note_of_what_is_no_number_is_json() -> None:
    _, events = done(task("noted"))

    (note,) = [event for event in events if event.kind == "worker.noted"]
    told = json.loads(note.body, parse_constant=pytest.fail)
    assert (told["ratio"], told["share"], told["least"]) == ("Infinity", "NaN", ["-Infinity"])


def test_a_value_given_for_a_type_is_named() -> None:
    with pytest.raises(InvalidWorker, match=r"the type to read is a value, .*; give a type, such as Span"):
        Result(task="a", worker="make", status=Status.OK, output={}).read(SPAN)  # type: ignore[arg-type]


def test_an_instance_given_for_a_class_is_named_where_the_team_is_put_together() -> None:
    with pytest.raises(InvalidWorker, match=r"worker .*Make object.* is no class derived from Worker; give the class"):
        Team(supervisor=Planned(Plan()), workers=(Make(),))  # type: ignore[arg-type]
    with pytest.raises(InvalidWorker, match=r"the team's `workers` is <class .*Make'>; give a tuple of classes"):
        Team(supervisor=Planned(Plan()), workers=Make)  # type: ignore[arg-type]
    with pytest.raises(InvalidWorker, match=r"the team's `supervisor` is .* cannot be called; give the class"):
        Team(supervisor=Plan(), workers=())  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_a_class_given_for_an_instance_is_named() -> None:
    for given in ({"team": Team}, {"settings": Settings}):
        ((name, kind),) = given.items()
        with pytest.raises(BadInput, match=rf"{name} is <class .*; give an instance, {kind.__name__}\(…\)"):
            async with open_system(**given):
                raise AssertionError("it was opened")
