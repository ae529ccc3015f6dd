"""Plans: what is wrong with one, what is ready, and that every sound plan ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bullpen.orchestrator.envelope import Result, Status
from bullpen.orchestrator.rules.plan import Plan, PlannedTask, inputs_of, is_pointless, problems, ready


def task(name: str, *after: str, worker: str = "search") -> PlannedTask:
    return PlannedTask(id=name, worker=worker, input=None, after=after)


def wrong(*tasks: PlannedTask, done: tuple[str, ...] = (), most: int = 64) -> str:
    return "; ".join(problems(Plan(tasks=tasks), workers={"search"}, done=done, tasks_most=most))


def result(name: str, status: Status = Status.OK) -> Result:
    return Result(task=name, worker="search", status=status)


def test_a_sound_plan_has_no_problems() -> None:
    assert wrong(task("a"), task("b", "a"), task("c", "a", "b", "earlier"), done=("earlier",)) == ""


def test_an_unknown_worker_is_named_with_the_team() -> None:
    assert wrong(task("a", worker="oracle")) == "task 'a' names worker 'oracle'; the team has search"


def test_a_task_after_nothing_known_is_named() -> None:
    assert "'a' comes after 'ghost'" in wrong(task("a", "ghost"))


def test_a_cycle_is_named() -> None:
    assert "wait for each other: a, b" in wrong(task("a", "b"), task("b", "a"), task("c"))


def test_an_input_that_json_cannot_carry_is_named_where_the_task_is_planned() -> None:
    with pytest.raises(ValidationError, match=r"JSON cannot carry <class .*Plan'>.*; give a value, not a class"):
        PlannedTask(id="a", worker="search", input=Plan)


def test_a_task_may_not_wait_for_itself() -> None:
    assert "wait for each other: a" in wrong(task("a", "a"))


def test_a_task_planned_twice_or_done_already_is_named() -> None:
    assert "'a' is planned twice" in wrong(task("a"), task("a"))
    assert "'a' has been done already" in wrong(task("a"), done=("a",))


def test_too_many_tasks_are_counted() -> None:
    assert "makes 3 tasks; at most 2" in wrong(task("a"), task("b"), task("c"), most=2)


def test_a_task_is_ready_when_all_it_comes_after_has_ended_even_badly() -> None:
    plan = Plan(tasks=(task("a"), task("b"), task("c", "a", "b")))

    assert [t.id for t in ready(plan, done={}, started=())] == ["a", "b"]
    assert ready(plan, done={"a": result("a")}, started=("a", "b")) == []
    done = {"a": result("a", Status.FAILED), "b": result("b")}
    assert [t.id for t in ready(plan, done=done, started=("a", "b"))] == ["c"]
    assert [r.task for r in inputs_of(plan.tasks[2], done)] == ["b"]


def test_a_task_is_pointless_only_when_nothing_was_delivered() -> None:
    late = task("c", "a", "b")

    assert is_pointless(late, {"a": result("a", Status.FAILED), "b": result("b", Status.EMPTY)})
    assert not is_pointless(late, {"a": result("a", Status.FAILED), "b": result("b", Status.PARTIAL)})
    assert not is_pointless(task("a"), {})


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any graph over up to eight tasks, cyclic or not."""
    names = [f"t{n}" for n in range(draw(st.integers(1, 8)))]
    afters = st.lists(st.sampled_from(names), max_size=3, unique=True)
    return Plan(tasks=tuple(task(name, *draw(afters)) for name in names))


@given(plans())
def test_a_plan_without_problems_always_runs_to_its_end_and_one_with_a_cycle_never_does(plan: Plan) -> None:
    done: dict[str, Result] = {}
    while now := ready(plan, done=done, started=done.keys()):
        done |= {t.id: result(t.id) for t in now}

    sound = not problems(plan, workers={"search"}, done=(), tasks_most=64)
    assert sound == (len(done) == len(plan.tasks))
