"""The rows of the fault matrix that are about more than one call: 32 (a storm), 33 (an old answer), 44 (false quotes)."""

import math
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import anyio

from bullpen import (
    Context,
    Draft,
    Plan,
    PlannedTask,
    Report,
    Result,
    Settings,
    Team,
    Worker,
    open_system,
    research_team,
)
from bullpen.orchestrator.clock import SystemClock, monotonic_s
from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.deployment import Deployment
from bullpen.orchestrator.gateway.stack import compose
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.rules.breaker import Bounds, Breaker
from bullpen.orchestrator.testing.provider import Fails, Reply, Says, ScriptedProvider, says_json

from .calls import LANES, Line, Told, request, rung

#: How many calls go well before a provider is down, how many are made at once then, for how long it is down, and how
#: long its breaker then leaves it alone.
WELL, CALLERS, DOWN_S, OPEN_S = 8, 200, 3.0, 1.0


async def storm(lane: str) -> Line:
    """Row 32: many callers, one provider, down for a while. While its breaker is open it is probed and no more."""
    at: list[float] = []

    def answer(_: dict[str, Any]) -> Reply:
        at.append(time.monotonic())
        return Fails(503) if down_from_s <= at[-1] < down_from_s + DOWN_S else Says("fine")

    down_from_s = math.inf

    with ScriptedProvider(answer) as provider:
        asked = rung("first", lane, provider.url, timeout_s=30.0)
        deployment = Deployment.of(asked, LANES[lane](asked))
        deployment.breaker = Breaker(Bounds(open_first_s=OPEN_S, open_most_s=OPEN_S))
        journal = InMemoryJournal("job", SystemClock())
        model = compose([(asked, [deployment])], Ledger("job", None), Course(backoff_s=0.2), Random(0))
        for n in range(WELL):
            await Told().make(model, request(journal, n, Told()))
        down_from_s, calls = time.monotonic(), [Told() for _ in range(CALLERS)]
        async with anyio.create_task_group() as group:
            for n, told in enumerate(calls):
                group.start_soon(told.make, model, request(journal, WELL + n, told))
        await deployment.provider.aclose()
        counted = provider.count()
    attempts = [event for event in journal.events if event.kind == "model.attempted"]
    probes = sum(n >= WELL + CALLERS and when < down_from_s + DOWN_S for n, when in enumerate(at))
    problems = [told.sees for told in calls if told.completion is None][:1]
    problems += [f"{probes} requests while the breaker was open"] if probes > DOWN_S / OPEN_S + 1 else []
    problems += [f"{counted} requests, {len(attempts)} attempts"] if counted != len(attempts) else []
    sees = f"{CALLERS} answers; {probes} probes after the first wave, in {DOWN_S:g} s"
    seconds = max(told.seconds for told in calls)
    return Line(32, "storm", lane, "plain", sees, counted, len(attempts), round(seconds, 2), tuple(problems))


class Ask(Worker):
    """Asks a model."""

    async def run(self, task: str, ctx: Context) -> str:
        return await ctx.ask("answer", text=task)


class Cite(Worker):
    """Writes what a model says, with the model's quotes."""

    async def run(self, task: str, ctx: Context) -> Draft:
        return await ctx.ask("cite", text=task, returns=Draft)


class Once:
    """Has one worker do one task."""

    def __init__(self, worker: str) -> None:
        self._worker = worker

    async def brief(self, question: str, ctx: Context) -> str:
        return question

    async def plan(self, brief: str, ctx: Context) -> Plan:
        return Plan(tasks=(PlannedTask(id="only", worker=self._worker, input=brief),))

    async def review(self, brief: str, results: Sequence[Result], ctx: Context) -> Plan | None:
        return None


async def job(
    project: Path, lane: str, url: str, worker: type[Worker], corpus: Sequence[Path] = (), **how: Any
) -> Report:
    """One job of one task, with a rung that is asked once."""
    team = Team(
        supervisor=lambda workers, settings: Once(worker.name),
        workers=(worker,),
        memory=research_team.memory,
        corpus=research_team.corpus,
    )
    rungs = (rung("first", lane, url, attempts_most=1),)
    settings = Settings(project=project, rungs=rungs, starts_most=1, backoff_s=0.05, **how)
    async with open_system(settings, team) as system, system.launch("What is it?", corpus=corpus) as launched:
        return await launched.result()


async def old_answer(lane: str) -> Line:
    """Row 33: every rung is down. An old answer of the same project is used and labelled; there is none elsewhere."""
    replies = iter([Says("the answer")])
    began_s = monotonic_s()
    with tempfile.TemporaryDirectory() as folder, ScriptedProvider(lambda _: next(replies, Fails(503))) as provider:
        here, elsewhere = Path(folder, "a"), Path(folder, "b")
        first, labelled = [await job(here, lane, provider.url, Ask) for _ in range(2)]
        expired = await job(here, lane, provider.url, Ask, stale_answer_s=0.0)
        foreign = await job(elsewhere, lane, provider.url, Ask)
        counted = provider.count()
    reports = (first, labelled, expired, foreign)
    problems = [
        problem
        for problem, is_so in {
            f"the first ended {first.status}": first.status != "ok",
            f"the old answer is not labelled: {labelled.degraded}": "this is the answer of"
            not in str(labelled.degraded),
            f"it ended {labelled.status} where there is an old answer": labelled.status != "ok",
            f"an answer that is too old was used: {expired.status}": expired.status != "failed",
            f"another project's answer was used: {foreign.status}": foreign.status != "failed",
            "the error does not say who was asked": "first server_error" not in str(foreign.gaps),
        }.items()
        if is_so
    ]
    calls = sum(report.calls.model for report in reports)
    problems += [f"{counted} requests, {calls} attempts"] if counted != calls else []
    sees = "; ".join((*labelled.degraded, *(gap.detail for gap in foreign.gaps)))
    took_s = round(monotonic_s() - began_s, 2)
    return Line(33, "old answer", lane, "plain", sees, counted, calls, took_s, tuple(problems))


def _written(folder: str, text: str) -> Path:
    path = Path(folder, "bridge.md")
    path.write_text(text, encoding="utf-8")
    return path


async def false_quotes(lane: str) -> Line:
    """Row 44: a model quotes what is not there. The claims are dropped and named."""
    text = "The bridge was closed in 1912."
    quotes = {
        "no such source": {"source": "nobody", "start": 0, "end": 10, "text": "The bridge"},
        "words that do not stand there": {"source": "bridge.md", "start": 0, "end": 10, "text": "A tunnel !"},
        "another place": {"source": "bridge.md", "start": 4, "end": 14, "text": "The bridge"},
    }
    claims = [{"text": f"It was so ({name}).", "quotes": [quote]} for name, quote in quotes.items()]
    began_s = monotonic_s()
    with tempfile.TemporaryDirectory() as folder, ScriptedProvider(lambda _: says_json({"claims": claims})) as provider:
        corpus = [_written(folder, text)]
        report = await job(Path(folder, "project"), lane, provider.url, Cite, corpus)
        counted = provider.count()
    dropped = [gap for gap in report.gaps if gap.reason == "ClaimDropped"]
    problems = [f"{len(report.claims)} claims stand"] if report.claims else []
    problems += [f"{len(dropped)} of {len(claims)} are named"] if len(dropped) != len(claims) else []
    problems += [f"{counted} requests, {report.calls.model} attempts"] if counted != report.calls.model else []
    sees = "; ".join(f"{gap.reason}: {gap.detail}" for gap in dropped)
    took_s = round(monotonic_s() - began_s, 2)
    return Line(44, "false quotes", lane, "plain", sees, counted, report.calls.model, took_s, tuple(problems))


#: By row.
WIDER: Sequence[tuple[int, Callable[[str], Awaitable[Line]]]] = ((32, storm), (33, old_answer), (44, false_quotes))
