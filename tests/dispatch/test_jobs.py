"""Whole jobs on real and on virtual time: what a team does, and what happens when one of it misbehaves."""

import re
from typing import Any

import anyio
import pytest

from bullpen.orchestrator.envelope import Priority, Status
from bullpen.orchestrator.errors import BadInput, NothingFound, Refused
from bullpen.orchestrator.evidence import Draft, Report
from bullpen.orchestrator.gateway.model import Card, Completion
from bullpen.orchestrator.launched import LaunchedJob
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned

pytestmark = pytest.mark.anyio


class Search(Worker):
    """Says what it was given, or does what it says."""

    async def run(self, task: str, ctx: Context) -> str:
        match task.partition(" "):
            case ("raise", _, _):
                raise ValueError("made to raise")
            case ("exit", _, _):
                raise SystemExit(3)
            case ("interrupt", _, _):
                raise KeyboardInterrupt
            case ("refuse", _, _):
                raise Refused("not allowed")
            case ("nothing", _, _):
                raise NothingFound("looked everywhere")
            case ("hang", _, _):
                await anyio.sleep_forever()
            case ("ask", _, prompt):
                return await ctx.ask(prompt)
            case ("garble", _, _):
                return "half a character \ud800 and \x00"
            case ("wait", _, seconds):
                await anyio.sleep(float(seconds))
        return f"found {task}"


class Join(Worker):
    """Joins what it comes after."""

    async def run(self, task: str, ctx: Context) -> str:
        return " + ".join(str(result.output) for result in ctx.results)


def search(n: int, what: str) -> PlannedTask:
    return PlannedTask(id=f"search-{n}", worker="search", input=what)


def plan(*tasks: str, join: bool = False) -> Plan:
    searches = tuple(search(n, what) for n, what in enumerate(tasks, start=1))
    joined = PlannedTask(id="join", worker="join", input="", after=tuple(task.id for task in searches))
    return Plan(tasks=(*searches, joined) if join else searches)


async def run(made: Plan, model: ScriptedModel | None = None, **settings: Any) -> tuple[Report, LaunchedJob]:
    team = Team(supervisor=Planned(made), workers=(Search, Join))
    async with scripted_system(team, model or ScriptedModel({}), **settings) as system:
        async with system.launch("What is there?") as job:
            return await job.result(), job


async def kinds(job: LaunchedJob, task: str) -> list[str]:
    return [event.kind async for event in job.events() if event.task == task]


async def test_results_travel_along_the_plans_edges_in_its_order() -> None:
    report, job = await run(plan("a", "wait 0.1", "c", join=True))

    assert job.results["join"].output == "found a + found wait 0.1 + found c"
    assert report.status is Status.OK


async def test_one_of_five_that_raises_is_a_gap_and_the_other_four_finish() -> None:
    report, job = await run(plan("a", "b", "raise", "d", "e"))

    assert report.status is Status.PARTIAL
    assert {name for name, result in job.results.items() if result.status is Status.OK} == {
        *("search-1", "search-2", "search-4", "search-5")
    }
    assert [(gap.task, gap.reason, gap.detail) for gap in report.gaps] == [("search-3", "ValueError", "made to raise")]


async def test_a_failing_task_is_started_again_within_its_bounds() -> None:
    _, job = await run(plan("raise"), starts_most=3)

    assert await kinds(job, "search-1") == ["task.sent", "task.returned"] * 3


async def test_restarts_of_one_worker_are_bounded_across_its_tasks() -> None:
    _, job = await run(plan("raise", "raise", "raise"), starts_most=4, restarts_most=2)
    sent = [event async for event in job.events() if event.kind == "task.sent"]

    assert len(sent) == 3 + 2


@pytest.mark.parametrize(("what", "kind"), [("refuse", "Refused"), ("nothing", "NothingFound")])
async def test_what_cannot_go_better_is_not_started_again(what: str, kind: str) -> None:
    report, job = await run(plan(what, "b"))

    assert report.gaps[0].reason == kind
    assert (await kinds(job, "search-1")).count("task.sent") == 1


@pytest.mark.parametrize(("what", "kind"), [("exit", "SystemExit"), ("interrupt", "KeyboardInterrupt")])
async def test_a_worker_that_would_end_the_process_only_fails(what: str, kind: str) -> None:
    report, job = await run(plan(what, "b"))

    assert report.gaps[0].reason == kind
    assert job.results["search-2"].status is Status.OK


async def test_a_worker_that_never_returns_is_timed_out() -> None:
    report, job = await run(plan("hang", "b"), task_timeout_s=0.3, starts_most=1)

    assert report.gaps[0].reason == "TimedOut"
    assert job.results["search-2"].output == "found b"


async def test_what_no_store_can_keep_is_replaced_and_the_job_goes_on() -> None:
    report, job = await run(plan("garble", "b", join=True))

    assert report.status is Status.OK
    events = [event async for event in job.events() if event.kind == "task.returned" and event.task == "search-1"]
    assert events[0].value["output"] == "half a character \ufffd and \ufffd"


async def test_what_has_nothing_to_work_on_is_skipped_without_a_gap_of_its_own() -> None:
    report, job = await run(plan("refuse", join=True))

    assert job.results["join"].status is Status.CANCELLED
    assert [gap.task for gap in report.gaps] == ["search-1"]
    assert report.status is Status.FAILED


async def test_nothing_found_anywhere_is_an_empty_job() -> None:
    report, _ = await run(plan("nothing", "nothing"))

    assert report.status is Status.EMPTY


async def test_a_deadline_ends_the_job_with_what_there_is() -> None:
    report, job = await run(plan("a", "wait 1000"), deadline_s=0.5)

    assert report.status is Status.PARTIAL
    assert job.results.keys() == {"search-1"}
    assert [(gap.task, gap.reason) for gap in report.gaps] == [("job", "Deadline")]
    assert "0.5 s came first; not done: search-2" in report.gaps[0].detail


async def test_a_plan_that_breaks_the_rules_is_a_gap() -> None:
    report, _ = await run(Plan(tasks=(PlannedTask(id="a", worker="oracle", input=""),)))

    assert report.gaps[0].reason == "InvalidPlan"
    assert "oracle" in report.gaps[0].detail


async def test_leaving_early_cancels_the_job_without_a_terminal_event() -> None:
    team = Team(supervisor=Planned(plan("hang")), workers=(Search, Join))
    async with scripted_system(team, ScriptedModel({})) as system, system.launch("What?") as job:
        async for event in job.events():
            if event.kind == "task.sent":
                break

    assert "job.finished" not in [event.kind async for event in job.events()]


async def test_an_exception_in_the_callers_block_comes_out_as_itself() -> None:
    team = Team(supervisor=Planned(plan("hang")), workers=(Search, Join))
    with pytest.raises(ZeroDivisionError):
        async with scripted_system(team, ScriptedModel({})) as system, system.launch("What?"):
            raise ZeroDivisionError


async def test_a_question_without_words_is_bad_input() -> None:
    team = Team(supervisor=Planned(plan("a")), workers=(Search, Join))
    async with scripted_system(team, ScriptedModel({})) as system:
        with pytest.raises(BadInput, match="no words"):
            async with system.launch(" ?!… "):
                pass


async def test_a_corpus_that_is_not_there_is_bad_input() -> None:
    team = Team(supervisor=Planned(plan("a")), workers=(Search, Join))
    async with scripted_system(team, ScriptedModel({})) as system:
        with pytest.raises(BadInput, match="no-such-folder"):
            async with system.launch("What?", corpus="no-such-folder"):
                pass


class Fails(Worker):
    """Asks, then fails the first two times."""

    starts = 0

    async def run(self, task: str, ctx: Context) -> str:
        answer = await ctx.ask("q", text=task)
        Fails.starts += 1
        if Fails.starts < 3:
            raise ValueError("after paying")
        return answer


async def test_a_restarted_task_does_not_pay_twice() -> None:
    Fails.starts = 0
    model = ScriptedModel({"q": "the answer"})
    made = Plan(tasks=(PlannedTask(id="t", worker="fails", input="x"),))
    async with scripted_system(Team(supervisor=Planned(made), workers=(Fails,)), model) as system:
        async with system.launch("What?") as job:
            report = await job.result()

    assert job.results["t"].output == "the answer"
    assert (report.calls.model, len(model.requests)) == (1, 1)


class Boss(Worker):
    """Delegates each word to itself, one deeper, or to search."""

    slots = 1

    async def run(self, task: str, ctx: Context) -> str:
        if task.startswith("deep "):
            child = await ctx.delegate(Boss, task.removeprefix("deep "))
        elif task.startswith("both "):
            async with anyio.create_task_group() as group:
                for word in ("a", "b"):
                    group.start_soon(ctx.delegate, "search", word)
            return await boss_again(ctx)
        elif task.startswith("many "):
            for _ in range(int(task.removeprefix("many "))):
                child = await ctx.delegate("search", "a")
        else:
            child = await ctx.delegate(Search, task)
        return f"<{child.output}>" if child.status.delivered else f"{child.failure and child.failure.detail}"


async def boss_again(ctx: Context) -> str:
    """Delegate to its own kind after having waited for two at once: there must be exactly one place to wait for."""
    return str((await ctx.delegate(Boss, "deep c")).output)


async def boss(what: str, **settings: Any) -> LaunchedJob:
    made = Plan(tasks=(PlannedTask(id="boss", worker="boss", input=what),))
    async with (
        scripted_system(
            Team(supervisor=Planned(made), workers=(Boss, Search)), ScriptedModel({}), **settings
        ) as system,
        system.launch("What?") as job,
    ):
        await job.result()
    return job


async def test_nested_delegation_with_one_slot_does_not_deadlock() -> None:
    job = await boss("deep deep x")

    assert job.results["boss"].output == "<<<found x>>>"
    assert list(job.results) == ["boss/boss-1/boss-1/search-1", "boss/boss-1/boss-1", "boss/boss-1", "boss"]


async def test_children_that_are_waited_for_at_once_cost_one_place_in_all() -> None:
    job = await boss("both x")

    assert job.results["boss"].output == "<<found c>>"


async def test_delegation_is_bounded_in_depth_and_in_number() -> None:
    deep, many = await boss("deep deep deep x"), await boss("many 9")

    assert "3 deep; at most 3" in str(deep.results["boss"].output)
    assert many.results["boss"].failure is not None
    assert "8 children" in many.results["boss"].failure.detail


GOOD, BAD = ScriptedModel({"q": "fine"}), ScriptedModel({"q": Completion(Outcome.SERVER_ERROR, detail="down")})


async def test_a_fallback_answers_and_is_said() -> None:
    team = Team(supervisor=Planned(plan("ask q")), workers=(Search, Join), providers={"good": GOOD, "bad": BAD})
    rungs = ({"model": "bad:one"}, {"model": "good:two"})
    async with scripted_system(team, GOOD, rungs=rungs) as system, system.launch("What?") as job:
        report = await job.result()

    assert job.results["search-1"].output == "fine"
    assert report.degraded == ("good:two answered, not bad:one: bad:one server_error (in search-1)",)


WRONG_KEY = ScriptedModel({"q": Completion(Outcome.KEY_REFUSED, detail="invalid key")})


async def test_our_own_mistake_is_said_aloud_where_another_rung_answers() -> None:
    team = Team(supervisor=Planned(plan(*["ask q"] * 3)), workers=(Search, Join), providers={"bad": WRONG_KEY})
    rungs = ({"model": "bad:one", "api_key_env": "SOME_KEY"}, {"model": "scripted:two"})
    async with scripted_system(team, GOOD, rungs=rungs) as system, system.launch("What?") as job:
        report = await job.result()

    assert report.status is Status.OK
    refused, instead = report.degraded
    assert refused == "rung bad:one: the key was refused: set SOME_KEY to a valid one"
    assert re.fullmatch(r"scripted:two answered, not bad:one: bad:one key_refused \(in search-\d and 2 more\)", instead)


async def test_our_own_mistake_ends_a_job_that_nobody_else_can_serve() -> None:
    team = Team(supervisor=Planned(plan("ask q")), workers=(Search, Join), providers={"bad": WRONG_KEY})
    rungs = ({"model": "bad:one", "api_key_env": "SOME_KEY"},)
    async with scripted_system(team, GOOD, rungs=rungs) as system, system.launch("What?") as job:
        report = await job.result()

    assert report.status is Status.FAILED
    assert report.gaps[0].reason == "Misconfigured"
    assert "set SOME_KEY" in report.gaps[0].detail


@pytest.mark.parametrize("limit_usd", [0.0, 0.004, 0.0125, 1.0])
async def test_spend_never_passes_the_limit(limit_usd: float) -> None:
    model = ScriptedModel({"q": "x" * 400}, card=Card(Prices(1.0, 10.0)), delay_s=0.1)
    made = plan(*["ask q"] * 20)
    team = Team(supervisor=Planned(made), workers=(Search, Join))
    rungs = ({"model": "scripted:model", "tokens_out_most": 300},)
    async with scripted_system(team, model, rungs=rungs) as system:
        async with system.launch("What?", budget_usd=limit_usd) as job:
            report = await job.result()

    assert report.cost_usd <= limit_usd
    assert report.status is {0.0: Status.OVER_BUDGET, 1.0: Status.OK}.get(limit_usd, Status.PARTIAL)
    assert len(model.requests) == report.calls.model


async def test_a_price_nobody_knows_is_refused_where_there_is_a_budget() -> None:
    report, _ = await run(plan("ask q"), ScriptedModel({"q": "x"}), budget_usd=1.0)

    assert "price_in_usd" in report.gaps[0].detail


async def test_a_draft_is_checked_before_it_is_a_report() -> None:
    class Writer(Worker):
        """Writes without evidence."""

        async def run(self, task: str, ctx: Context) -> Draft:
            return Draft.model_validate({"claims": [{"text": "Trust me."}]})

    made = Plan(tasks=(PlannedTask(id="w", worker="writer", input=""),))
    team = Team(supervisor=Planned(made), workers=(Writer,))
    async with scripted_system(team, ScriptedModel({})) as system, system.launch("What?") as job:
        report = await job.result()

    assert report.claims == ()
    assert [gap.reason for gap in report.gaps] == ["ClaimDropped"]


async def test_the_supervisors_calls_go_before_its_workers_all_the_way_to_the_model() -> None:
    class Asks(Planned):
        async def brief(self, question: str, ctx: Context) -> str:
            return await ctx.ask("brief")

    model = ScriptedModel(lambda request: "so")
    team = Team(supervisor=Asks(plan("ask anything")), workers=(Search, Join))
    async with scripted_system(team, model) as system, system.launch("What is there?") as job:
        await job.result()

    assert {request.prompt: request.priority for request in model.requests} == {
        "brief": Priority.HIGH,
        "anything": Priority.NORMAL,
    }
