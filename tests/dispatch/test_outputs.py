"""A team of another kind: what its last tasks return is its result, said to be unchecked."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bullpen.agents.report.composition import compose_research
from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.errors import BadInput, NothingFound
from bullpen.orchestrator.evidence import Draft, Evidence, Finding, Output, Report
from bullpen.orchestrator.ids import compact, plain
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.journal.reader import run_of
from bullpen.orchestrator.replay import replay
from bullpen.orchestrator.rules.compose import compose
from bullpen.orchestrator.rules.markdown import as_data
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import load_settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned

#: Words of a team that looks for evidence in documents.
RESEARCH = re.compile("evidence|document|source|quote|claim|found", re.IGNORECASE)


class Point(BaseModel):
    x: int
    on: date


class Give(Worker):
    """Returns what it is given, or fails."""

    async def run(self, task: Any, ctx: Context) -> Any:
        if task == "fail":
            raise NothingFound("there was nothing")
        return Point(x=1, on=date(2026, 1, 2)) if task == "point" else task


class Find(Worker):
    """Finds nothing."""

    async def run(self, task: str, ctx: Context) -> Finding:
        return Finding(about=task, missing="all of it")


def team(*tasks: PlannedTask) -> Team:
    return Team(supervisor=Planned(Plan(tasks=tasks)), workers=(Give, Find))


def give(name: str, value: Any, *after: str) -> PlannedTask:
    return PlannedTask(id=name, worker="give", input=value, after=after)


def done(made: Team) -> tuple[Report, list[Event]]:
    async def story() -> tuple[Report, list[Event]]:
        async with scripted_system(made, ScriptedModel({})) as system, system.launch("What?") as job:
            return await job.result(), [event async for event in job.events()]

    return virtual_time.run(story)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("HELLO", "\n\nHELLO\n\n"),
        (0, "```json\n0\n```"),
        (False, "```json\nfalse\n```"),
        ("", '```json\n""\n```'),
        ([], "```json\n[]\n```"),
        ({"a": "`````"}, '``````json\n{\n  "a": "`````"\n}\n``````'),
        ("point", '"on": "2026-01-02"'),
    ],
)
def test_what_the_last_task_returns_is_the_result(value: Any, shown: str) -> None:
    report, events = done(team(give("a", "draft"), give("b", value, "a")))

    expected = {"x": 1, "on": "2026-01-02"} if value == "point" else value
    assert (report.status, report.outputs) == (Status.OK, (Output(task="b", worker="give", value=expected),))
    assert shown in report.text
    assert "nothing has checked it" in report.text
    assert not RESEARCH.search(report.text)
    assert report.as_json()["report"]["outputs"] == [{"task": "b", "worker": "give", "value": expected}]
    assert Report.model_validate_json(compact(report)) == report
    run = run_of(Path(f"{report.job}.run"), events)
    assert run.report == report
    assert replay(run, team(give("a", "draft"), give("b", value, "a")), load_settings()).is_same


def test_several_results_stand_under_their_tasks_in_the_order_of_the_plan() -> None:
    report, _ = done(team(give("first", "one"), give("second", "two")))

    assert report.text.index("### first\n\none") < report.text.index("### second\n\ntwo")
    assert [output.value for output in report.outputs] == ["one", "two"]


def test_a_team_that_returns_nothing_says_that_and_not_that_nothing_was_found() -> None:
    report, _ = done(team(give("a", None)))

    assert report.status is Status.OK
    assert "there is nothing to show" in report.text
    assert not RESEARCH.search(report.text)


def test_what_comes_before_a_task_that_failed_is_not_the_result() -> None:
    report, _ = done(team(give("a", "half done"), give("b", "fail", "a")))

    assert (report.status, report.outputs) == (Status.PARTIAL, ())
    assert "There is no answer, for the reasons below." in report.text
    assert "half done" not in report.text


def test_a_team_that_looks_and_finds_nothing_is_empty_and_its_text_says_what_its_team_says_then() -> None:
    looking = team(PlannedTask(id="f", worker="find", input="x"))

    for made, said in ((looking, "nothing to show"), (replace(looking, compose=compose_research), "Nothing was found")):
        report, _ = done(made)
        assert (report.status, report.outputs) == (Status.EMPTY, ())
        assert said in report.text


def test_what_goes_from_worker_to_worker_is_no_result_where_another_writes_up_what_was_found() -> None:
    """A second round leaves the analysis of the first without a task that comes after it."""
    tasks = (give("a", "an analysis"), PlannedTask(id="f", worker="find", input="x"))

    report, _ = done(team(*tasks).with_worker(WriteUp))
    assert report.outputs == ()
    assert "an analysis" not in report.text

    report, _ = done(team(*tasks))
    assert [output.value for output in report.outputs] == ["an analysis"]


class Topic(BaseModel):
    """Has the shape of a finding, and is none."""

    about: str


class Sort(Worker):
    """Says what a text is about."""

    async def run(self, task: str, ctx: Context) -> Topic | None:
        return Topic(about=task) if task else None


class WriteUp(Worker):
    """Writes up what was found."""

    async def run(self, task: str, ctx: Context) -> Draft:
        return Draft()


def sorting(*texts: str) -> Team:
    tasks = tuple(PlannedTask(id=f"s{n}", worker="sort", input=text) for n, text in enumerate(texts, start=1))
    return Team(supervisor=Planned(Plan(tasks=tasks)), workers=(Sort,))


def test_a_team_of_another_kind_gets_its_own_value_back() -> None:
    report, events = done(sorting("leases"))

    assert report.read(Topic) == Topic(about="leases")
    assert (report.status, report.claims, report.gaps) == (Status.OK, (), ())
    assert not RESEARCH.search(report.text)
    run = run_of(Path(f"{report.job}.run"), events)
    assert run.report is not None
    assert run.report.read(Topic) == Topic(about="leases")
    assert not list(run.problems())


def test_of_several_values_one_is_read_by_its_task() -> None:
    report, _ = done(sorting("leases", "locks"))

    assert report.read(Topic, task="s2") == Topic(about="locks")
    with pytest.raises(BadInput, match="has 2 values, not one: s1, s2 returned one"):
        report.read(Topic)
    with pytest.raises(BadInput, match="has 0 values of 's3'"):
        report.read(Topic, task="s3")
    with pytest.raises(ValidationError):
        report.read(Point, task="s1")


def test_a_system_runs_a_job_to_its_report() -> None:
    async def story() -> Report:
        async with scripted_system(sorting("leases"), ScriptedModel({})) as system:
            return await system.run("What is it about?")

    assert virtual_time.run(story).read(Topic).about == "leases"


def test_a_record_without_outputs_and_estimates_is_as_it_was_before_there_were_any() -> None:
    """Else no older run would come out the same when it is replayed."""
    report, _ = done(team(PlannedTask(id="f", worker="find", input="x")))

    assert not {"outputs", "estimated_usd", "checks"} & json.loads(compact(report)).keys()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@hypothesis_settings(max_examples=60, deadline=None)
@given(values=st.lists(JSON, min_size=1, max_size=3))
def test_each_value_is_shown_unless_it_is_none(values: list[Any]) -> None:
    outputs = [Output(task=f"t{n}", worker="w", value=plain(value)) for n, value in enumerate(values)]

    report = Report(job="j", status=Status.OK, text="", outputs=tuple(outputs))
    text = compose("What?", report, Evidence())

    there = [value for value in values if value is not None]
    assert ("nothing to show" in text) == (not there)
    for value in there:
        if isinstance(value, str) and value.strip():
            assert all(as_data(line) in text for line in value.splitlines())
        else:
            assert json.dumps(value, indent=2, ensure_ascii=False) in text
