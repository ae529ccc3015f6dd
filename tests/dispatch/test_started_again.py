"""A parent that is started again finds what its children have done: nobody runs or is paid twice."""

from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.gateway.model import Request
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned


class Child(Worker):
    """Asks once."""

    async def run(self, task: int, ctx: Context) -> str:
        return await ctx.ask("q", n=task)


class Parent(Worker):
    """Delegates to children one after another, and fails behind some of them, each time it is started but the last."""

    starts = 0
    fails_behind: tuple[int, ...] = ()

    async def run(self, task: int, ctx: Context) -> list[str]:
        kind = type(self)
        kind.starts += 1
        found: list[str] = []
        for n in range(task):
            if kind.starts <= len(kind.fails_behind) and kind.fails_behind[kind.starts - 1] == n:
                raise OSError("it broke")
            found.append((await ctx.delegate(Child, n)).output)
        return found


@given(children=st.integers(1, 4), data=st.data())
def test_its_children_are_asked_once_each_however_often_it_is_started(children: int, data: st.DataObject) -> None:
    Parent.starts = 0
    Parent.fails_behind = tuple(data.draw(st.lists(st.integers(0, children - 1), max_size=3)))
    team = Team(
        supervisor=Planned(Plan(tasks=(PlannedTask(id="p", worker="parent", input=children),))), workers=(Parent, Child)
    )
    asked: list[int] = []

    def answer(request: Request) -> str:
        asked.append(request.inputs["n"])
        return f"answer {request.inputs['n']}"

    async def story() -> None:
        async with scripted_system(team, ScriptedModel({"q": answer}), starts_most=4, restarts_most=9) as system:
            async with system.launch("What?") as job:
                report = await job.result()
        assert job.results["p"].output == [f"answer {n}" for n in range(children)]
        assert set(job.results) == {"p", *(f"p/child-{n + 1}" for n in range(children))}
        assert report.calls.model == children

    virtual_time.run(story)
    assert Parent.starts == 1 + len(Parent.fails_behind)
    assert sorted(asked) == list(range(children))
