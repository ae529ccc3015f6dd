"""Bullpen over its direct lane, `openai_http`: typed workers, a plan, a durable journal of every call."""

import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from bullpen import Context, Plan, PlannedTask, Result, Rung, Settings, Team, Worker, open_system

from job import INSTRUCTIONS, join, prompt, queries

NAME = "Bullpen, direct"
VENV = "project"
VENV_NAME = "bullpen"
MAIN = "bullpen"


class Search(Worker):
    __doc__ = INSTRUCTIONS["search"]

    async def run(self, task: str, ctx: Context) -> str:
        return await ctx.ask("search", payload=prompt("search", task))


class Summarize(Worker):
    __doc__ = INSTRUCTIONS["summarize"]

    async def run(self, task: None, ctx: Context) -> str:
        return await ctx.ask("summarize", payload=prompt("summarize", ctx.results[0].read(str)))


class Analyze(Worker):
    __doc__ = INSTRUCTIONS["analyze"]

    async def run(self, task: None, ctx: Context) -> str:
        summaries = [result.read(str) for result in ctx.results]
        return await ctx.ask("analyze", payload=prompt("analyze", join(summaries)))


class Refine(Worker):
    __doc__ = INSTRUCTIONS["refine"]

    async def run(self, task: None, ctx: Context) -> str:
        return await ctx.ask("refine", payload=prompt("refine", ctx.results[0].read(str)))


class Planner:
    __doc__ = INSTRUCTIONS["planner"]

    async def brief(self, question: str, ctx: Context) -> str:
        return question

    async def plan(self, brief: str, ctx: Context) -> Plan:
        found = queries(await ctx.ask("plan", payload=prompt("planner", brief)))
        searches = [PlannedTask(id=f"search-{n}", worker="search", input=query) for n, query in enumerate(found)]
        summaries = [
            PlannedTask(id=f"summarize-{n}", worker="summarize", input=None, after=(search.id,))
            for n, search in enumerate(searches)
        ]
        analysis = PlannedTask(id="analyze", worker="analyze", input=None, after=tuple(task.id for task in summaries))
        answer = PlannedTask(id="refine", worker="refine", input=None, after=("analyze",))
        return Plan(tasks=(*searches, *summaries, analysis, answer))

    async def review(self, brief: str, results: Sequence[Result], ctx: Context) -> Plan | None:
        return None


TEAM = Team(supervisor=lambda workers, settings: Planner(), workers=(Search, Summarize, Analyze, Refine))

#: What stays open until the process ends, as every row's client does.
OPEN = AsyncExitStack()


async def make_job(base_url: str, model: str = "openai_http:gpt-4o-mini") -> Callable[[str], Awaitable[str]]:
    os.environ.setdefault("OPENAI_API_KEY", "sk-local")
    rung = Rung(model=model, base_url=base_url, api_key_env="OPENAI_API_KEY")
    settings = Settings(project=Path(tempfile.mkdtemp()), rungs=(rung,))
    system = await OPEN.enter_async_context(open_system(settings, TEAM))

    async def job(topic: str) -> str:
        async with system.launch(topic) as launched:
            await launched.result()
            return launched.results["refine"].read(str)

    return job
