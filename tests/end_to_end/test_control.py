"""Control of a running job from another terminal: a real job, a real socket, the commands as a user has them.

The provider holds its answers back until the test lets go, so that nothing here depends on how fast anything is.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bullpen import open_run
from bullpen.orchestrator.testing.provider import Reply, ScriptedProvider, says_json

from .conftest import environment

QUESTION = "What did the night bus pilot cost, and why was it extended?"
Command = Callable[..., subprocess.CompletedProcess[str]]
Answers = Callable[[dict[str, Any]], Reply]


class Provider:
    """A scripted provider that answers one request, then each only when it is let go."""

    def __init__(self, answers: Answers) -> None:
        self._answers, self._free = answers, threading.Event()
        self._asked = threading.Semaphore(0)
        self.prompts: list[str] = []

    def __call__(self, body: dict[str, Any]) -> Reply:
        system = body["messages"][0]["content"]
        self.prompts.append(system)
        self._asked.release()
        assert self._free.wait(60)
        if "has sent notes" in system:
            return says_json({"parts": ["How many passengers were there?"]})
        return self._answers(body)

    def was_asked(self) -> None:
        """Wait for the next request."""
        assert self._asked.acquire(timeout=60)

    def let_go(self) -> None:
        """Answer everything from now on, and what is held."""
        self._free.set()


@pytest.fixture
def provider(answers: Answers) -> Provider:
    return Provider(answers)


@contextmanager
def _researching(folder: Path, corpus: Path, provider: Provider, *args: str) -> Iterator["subprocess.Popen[str]"]:
    with ScriptedProvider(provider) as server:
        prices = "price_in_usd = 1\nprice_out_usd = 1\n"
        (folder / "bullpen.toml").write_text(f'[[rungs]]\nmodel = "openai_http:m"\nbase_url = "{server.url}"\n{prices}')
        command = [sys.executable, "-P", "-m", "bullpen", "research", QUESTION, "--corpus", str(corpus), *args]
        pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        child = subprocess.Popen(command, cwd=folder, env=environment(PYTHONUTF8="1"), **pipes)
        try:
            provider.was_asked()
            yield child
        finally:
            provider.let_go()
            child.kill()
            child.communicate()


def _json(ended: "subprocess.CompletedProcess[str]") -> Any:
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def _ps(bullpen: Command) -> dict[str, Any]:
    (row,) = _json(bullpen("ps", "--json"))
    assert isinstance(row, dict)
    return row


def test_a_job_is_listed_paused_steered_paid_for_resumed_and_finished(
    bullpen: Command, corpus: Path, tmp_path: Path, provider: Provider
) -> None:
    with _researching(tmp_path, corpus, provider, "--budget", "0.5", "--json") as child:
        running = _ps(bullpen)
        job = running["job"]
        paused = _json(bullpen("pause", job, "--json"))
        told = _json(bullpen("steer", "latest", "And how many passengers?", "--json"))
        raised = _json(bullpen("budget", job[:13], "0.75", "--json"))
        too_low = bullpen("budget", job, "0")
        provider.let_go()
        while _ps(bullpen)["calls"] < 1:
            time.sleep(0.01)  # a real process: there is nothing else to wait on
        held, table = _ps(bullpen), bullpen("ps").stdout
        asked = len(provider.prompts)
        resumed = bullpen("resume", job)
        out, err = child.communicate(timeout=60)

    assert (running["state"], running["question"], running["budget_usd"]) == ("running", QUESTION, 0.5)
    assert (paused["command"], paused["job"]) == ("pause", job)
    assert told["said"].startswith("noted")
    assert (raised["usd"], raised["was_usd"]) == (0.75, 0.5)
    assert (too_low.returncode, "is reserved for calls under way" in too_low.stderr) == (2, True)
    assert (held["state"], held["budget_usd"], held["notes"]) == ("paused", 0.75, ["And how many passengers?"])
    assert "paused" in table and job in table
    assert (asked, resumed.stdout.strip()) == (1, f"{job}: resumed")
    assert json.loads(out)["status"] == "partial", err  # the analyst of this script always misses something
    assert any("has sent notes" in prompt for prompt in provider.prompts)
    assert "steered: And how many passengers?" in err
    run = open_run(job, tmp_path / ".bullpen" / "runs")
    kinds = [event.kind for event in run.events if event.kind.startswith("control.")]
    assert kinds == ["control.paused", "control.steered", "control.budget_set", "control.resumed"]
    assert len({event.value["by"]["pid"] for event in run.events if event.kind.startswith("control.")}) == 4
    assert not list(run.problems())
    assert [path.name for path in (tmp_path / ".bullpen" / "runs").iterdir()] == [f"{job}.run"]
    assert _json(bullpen("ps", "--json")) == []
    assert "no job is running" in bullpen("ps").stdout


def test_a_cancelled_job_ends_with_its_status_and_can_be_told_nothing_more(
    bullpen: Command, corpus: Path, tmp_path: Path, provider: Provider
) -> None:
    """Its runs are in a folder whose path is too long for a socket."""
    there = ("--runs-dir", str(Path("runs").joinpath(*["a rather long name of a folder"] * 5)))
    with _researching(tmp_path, corpus, provider, "--json", *there) as child:
        (row,) = _json(bullpen("ps", "--json", *there))
        job = row["job"]
        cancelled = bullpen("cancel", job, *there)
        out, _ = child.communicate(timeout=60)
    after = [bullpen(*command, *there) for command in (("pause", job), ("resume", job), ("steer", job, "costs"))]

    assert cancelled.returncode == 0, cancelled.stderr
    assert json.loads(out)["status"] == "cancelled"
    for ended in after:
        assert ended.returncode == 2
        assert ended.stderr.splitlines() == [
            f"bullpen: job {job} has ended: cancelled; `bullpen show {job}` has what was done"
        ]


def test_tail_prints_every_event_of_a_job_that_runs_and_of_one_that_has_ended(
    bullpen: Command, corpus: Path, tmp_path: Path, provider: Provider
) -> None:
    with _researching(tmp_path, corpus, provider) as child:
        job = _ps(bullpen)["job"]
        command = [sys.executable, "-P", "-m", "bullpen", "tail", job, "--json"]
        tail = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
        assert tail.stdout is not None
        first = json.loads(tail.stdout.readline())
        provider.let_go()
        child.communicate(timeout=60)
        with tail.stdout:  # and not `communicate`, which knows nothing of what `readline` has taken in advance
            rest = [json.loads(line) for line in tail.stdout]
        tail.wait(60)
    events = open_run(job, tmp_path / ".bullpen" / "runs").events
    again, plain = bullpen("tail", job, "--json"), bullpen("tail", job)

    assert [row["seq"] for row in (first, *rest)] == [event.seq for event in events]
    assert (tail.returncode, rest[-1]["kind"]) == (0, "job.finished")
    assert [json.loads(line) for line in again.stdout.splitlines()] == [first, *rest]
    assert plain.stdout.splitlines()[0].endswith(f"job {job}: {QUESTION}")
    assert "job partial: " in plain.stdout.splitlines()[-1]


def test_a_killed_job_is_known_to_be_gone_whatever_socket_it_left(
    bullpen: Command, corpus: Path, tmp_path: Path, provider: Provider
) -> None:
    with _researching(tmp_path, corpus, provider) as child:
        job = _ps(bullpen)["job"]
        assert bullpen("pause", job).returncode == 0  # it has its socket now
        child.send_signal(signal.SIGKILL)
        child.wait()
        left = (tmp_path / ".bullpen" / "runs" / f"{job}.sock").is_socket()
        told, tail = bullpen("pause", job), bullpen("tail", job)

    assert left
    assert _json(bullpen("ps", "--json")) == []
    assert (told.returncode, f"job {job} was interrupted: its process is gone" in told.stderr) == (2, True)
    assert (tail.returncode, "was interrupted" in tail.stderr) == (1, True)


LEAVE = '''
from bullpen import Context, Finding, Query, Team, Worker, research_team
from bullpen import Plan, PlannedTask
from dataclasses import replace

class Mail(Worker):
    """Sends a mail, if it may."""
    async def run(self, task: str, ctx: Context) -> str:
        await ctx.approve("send the mail", to=task)
        return "sent"

class Two:
    """Plans two mails."""
    def __init__(self, workers, settings): pass
    async def brief(self, question, ctx): return question
    async def plan(self, brief, ctx):
        return Plan(tasks=tuple(PlannedTask(id=to, worker="mail", input=to) for to in ("ada", "bob")))
    async def review(self, brief, results, ctx): return None

team = replace(research_team, supervisor=Two, workers=(Mail,))
'''


def test_what_workers_ask_leave_for_is_shown_approved_and_refused(
    bullpen: Command, corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "leave.py").write_text(LEAVE)
    command = [sys.executable, "-P", "-m", "bullpen", "research", "Mail?", "--corpus", str(corpus)]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    child = subprocess.Popen([*command, "--team", "leave:team", "--json"], cwd=tmp_path, env=environment(), **pipes)
    try:
        rows: list[dict[str, Any]] = []
        while not rows or len(rows[0]["approvals"]) < 2:
            rows = _json(bullpen("ps", "--json"))
        names = {approval["task"]: approval["id"] for approval in rows[0]["approvals"]}
        table, vague = bullpen("ps").stdout, bullpen("approve", "latest")
        approved = _json(bullpen("approve", "latest", names["ada"], "--json"))
        refused = bullpen("approve", "latest", "--refuse", "--reason", "he has left")
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()

    assert rows[0]["state"] == "waiting for approval"
    assert f'ada asks: send the mail {{"to": "ada"}}\n    bullpen approve {rows[0]["job"]} {names["ada"]}' in table
    assert (vague.returncode, all(name in vague.stderr for name in names.values())) == (2, True)
    assert (approved["id"], refused.returncode) == (names["ada"], 0), refused.stderr
    found = json.loads(out)
    assert [(gap["task"], gap["reason"]) for gap in found["report"]["gaps"]] == [("bob", "Refused")], err
    assert "he has left" in found["report"]["gaps"][0]["detail"]


COMMANDS = ["ps", "tail", "pause", "resume", "cancel", "approve", "steer", "budget"]
VALUES = {"steer": ["costs"], "budget": ["1"]}


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "ps"])
def test_an_unknown_job_is_named(bullpen: Command, tmp_path: Path, command: str) -> None:
    ended = bullpen(command, "nope", *VALUES.get(command, []))

    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "bullpen: there is no job 'nope' in '.bullpen/runs'; `bullpen jobs` lists what there is"
    ]


@pytest.mark.parametrize("values", [("steer", "latest", "?!"), ("budget", "latest", "-1"), ("budget", "latest", "inf")])
def test_what_cannot_be_said_is_one_line(bullpen: Command, values: tuple[str, ...]) -> None:
    ended = bullpen(values[0], "--", *values[1:])

    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert ended.stderr.startswith(f"bullpen: {values[0]}: ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(bullpen: Command, command: str) -> None:
    ended = bullpen(command, "--help")

    assert ended.returncode == 0
    assert "--json" in ended.stdout
