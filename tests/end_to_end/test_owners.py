"""Several processes and one job: one works on it, and what another does that lost it is not used."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bullpen import open_run
from bullpen.orchestrator.journal.events import first_break
from bullpen.orchestrator.testing.provider import Reply, Says, ScriptedProvider

#: With a lease of half a second in place of fifteen.
WORK = """
import sys, anyio
from functools import partial
from bullpen import Context, Plan, PlannedTask, Rung, Team, Worker, load_settings, open_system
from bullpen.orchestrator import system
from bullpen.orchestrator.errors import BullpenError

system.Ways = partial(system.Ways, lease_s=0.5)
system.Writer = partial(system.Writer, beat_s=0.1)

class Ask(Worker):
    '''Asks.'''
    slots = 2
    async def run(self, task: str, ctx: Context) -> str:
        return await ctx.ask("ask", about=task)

class Planner:
    '''Plans eight questions.'''
    async def brief(self, question: str, ctx: Context) -> str:
        return question
    async def plan(self, brief: str, ctx: Context) -> Plan:
        return Plan(tasks=tuple(PlannedTask(id=f"t{n}", worker="ask", input=f"question {n}") for n in range(8)))
    async def review(self, brief, results, ctx: Context) -> None:
        return None

team = Team(supervisor=lambda workers, settings: Planner(), workers=(Ask,))

async def main(how: str, url: str) -> None:
    settings = load_settings(rungs=(Rung(model="openai_http:m", base_url=url),))
    async with open_system(settings, team) as system:
        async with system.launch("What?") if how == "launch" else system.resume("latest") as job:
            print((await job.result()).status)

try:
    anyio.run(main, *sys.argv[1:])
except BullpenError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


class Provider:
    """Answers the first three at once, then late until it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_stuck, self.enough = threading.Event(), threading.Event()
        self.is_stuck.set()

    def __call__(self, body: dict[str, Any]) -> Reply:
        self.asked.append(body["messages"][-1]["content"])
        if len(self.asked) >= 5:
            self.enough.set()
        return Says("so", delay_s=8 if self.is_stuck.is_set() and len(self.asked) > 3 else 0)


Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[tuple[Provider, Start]]:
    provider = Provider()
    with ScriptedProvider(provider) as server, _children(tmp_path, server.url) as start:
        yield provider, start


@contextmanager
def _children(folder: Path, url: str) -> Iterator[Start]:
    children: list[subprocess.Popen[str]] = []

    def start(how: str) -> "subprocess.Popen[str]":
        piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        children.append(subprocess.Popen([sys.executable, "-c", WORK, how, url], cwd=folder, **piped))
        return children[-1]

    try:
        yield start
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_one_of_two_that_resume_a_job_works_on_it_and_the_other_says_who_does(
    tmp_path: Path, stuck: tuple[Provider, Start]
) -> None:
    provider, start = stuck
    killed = start("launch")
    assert provider.enough.wait(20)
    killed.kill()
    killed.wait()
    provider.enough.clear()
    first = start("resume")
    assert provider.enough.wait(20)  # it has the job, and waits for an answer
    second = start("resume")
    refused = second.communicate(timeout=30)

    assert (refused[0], second.returncode) == ("", 1)
    assert f"is held by process {first.pid}" in refused[1]
    assert open_run("latest", tmp_path / ".bullpen" / "runs").status == "running"


def test_nothing_of_an_owner_that_was_stopped_and_woke_is_used(tmp_path: Path, stuck: tuple[Provider, Start]) -> None:
    provider, start = stuck
    zombie = start("launch")
    assert provider.enough.wait(20)
    os.kill(zombie.pid, signal.SIGSTOP)
    provider.is_stuck.clear()
    finished = start("resume").communicate(timeout=30)
    run = open_run("latest", tmp_path / ".bullpen" / "runs")
    content, asked = run.path.read_bytes(), len(provider.asked)
    os.kill(zombie.pid, signal.SIGCONT)
    told = zombie.communicate(timeout=30)

    assert finished[0] == "ok\n", finished[1]
    assert (told[0], zombie.returncode) == ("", 1)
    assert "taken over by another process" in told[1]
    assert run.path.read_bytes() == content
    assert first_break(run.events) is None
    assert {event.epoch for event in run.events if event.kind in ("model.asked", "job.finished")} == {1, 2}
    results = [event.step for event in run.events if event.phase == "result"]
    assert len(results) == len(set(results))
    assert len(provider.asked) == asked
