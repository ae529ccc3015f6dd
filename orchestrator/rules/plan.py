"""A plan is an acyclic graph of tasks, plain data: what is wrong with one, and which of its tasks are ready. Pure."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticSerializationError

from ..envelope import Result
from ..evidence import Value
from ..ids import compact


def _carried(value: Any) -> Any:
    """The input. Raises ValueError for what JSON cannot carry, such as a class in place of its instance."""
    try:
        compact(value)
    except PydanticSerializationError as error:
        raise ValueError(
            f"JSON cannot carry {value!r}: {error}; give a value, not a class or another object"
        ) from error
    return value


class PlannedTask(Value):
    """One task of a plan: `input` holds what is known when planning, `after` the tasks whose results it reads."""

    id: str
    worker: str
    input: Annotated[Any, AfterValidator(_carried)]
    after: tuple[str, ...] = ()


class Plan(Value):
    """Tasks to be delegated. An `after` may name a task of an earlier plan of the same job."""

    tasks: tuple[PlannedTask, ...] = Field(default=())


def problems(plan: Plan, *, workers: Collection[str], done: Collection[str], tasks_most: int) -> list[str]:
    """What is wrong with a plan, a sentence each; an empty list is a plan that can run."""
    ids = [task.id for task in plan.tasks]
    found = [f"task {name!r} is planned twice" for name in sorted({name for name in ids if ids.count(name) > 1})]
    found += [f"task {name!r} has been done already" for name in ids if name in done]
    if len(ids) + len(done) > tasks_most:
        found.append(f"the plan makes {len(ids) + len(done)} tasks; at most {tasks_most} are allowed")
    known = {*ids, *done}
    for task in plan.tasks:
        if task.worker not in workers:
            found.append(f"task {task.id!r} names worker {task.worker!r}; the team has {', '.join(sorted(workers))}")
        found += [
            f"task {task.id!r} comes after {name!r}, which is not planned" for name in task.after if name not in known
        ]
    loop = _cycle(plan)
    if loop:
        found.append(f"tasks wait for each other: {', '.join(loop)}")
    return found


def _cycle(plan: Plan) -> list[str]:
    """The tasks that can never start because they wait, in the end, for themselves."""
    waiting = {task.id: set(task.after) for task in plan.tasks}
    while free := [name for name, after in waiting.items() if not after & waiting.keys()]:
        for name in free:
            del waiting[name]
    return sorted(waiting)


def ready(plan: Plan, *, done: Mapping[str, Result], started: Collection[str]) -> list[PlannedTask]:
    """The tasks that can start now, in plan order: everything they come after has ended, well or badly."""
    return [task for task in plan.tasks if task.id not in started and all(map(done.__contains__, task.after))]


def is_pointless(task: PlannedTask, done: Mapping[str, Result]) -> bool:
    """Whether nothing that the task comes after delivered anything, so that it has nothing to work on."""
    return bool(task.after) and not any(done[name].status.delivered for name in task.after)


def inputs_of(task: PlannedTask, done: Mapping[str, Result]) -> tuple[Result, ...]:
    """The delivered results that a task comes after, in the order its plan names them."""
    return tuple(done[name] for name in task.after if done[name].status.delivered)
