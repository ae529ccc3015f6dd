"""How much is read and how the report is written, as the command line says it: to the writer, on record, in a fork."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bullpen import open_run
from bullpen.orchestrator.testing.provider import Reply, ScriptedProvider

QUESTION = "What did the night bus pilot cost, and why was it extended?"
Command = Callable[..., Any]


def test_what_the_command_line_says_reaches_the_writer_and_a_fork_says_it_otherwise(
    bullpen: Command, corpus: Path, tmp_path: Path, answers: Callable[[dict[str, Any]], Reply]
) -> None:
    said = ("--effort", "deep", "--length", "short", "--language", "German")
    with ScriptedProvider(answers) as server:
        rung = f'[[rungs]]\nmodel = "openai_http:small"\nbase_url = "{server.url}"\n'
        (tmp_path / "bullpen.toml").write_text(f"read_tokens_most = 90000\n\n{rung}")
        begun = bullpen("research", QUESTION, "--corpus", corpus, *said)
        run = open_run("latest", tmp_path / ".bullpen" / "runs")
        first = [one.text for one in server.wait_idle()]
        forked = bullpen("fork", run.id, "--set", "length=two pages", "--json")
        second = [one.text for one in server.wait_idle()[len(first) :]]
        replayed = bullpen("replay", run.id, BULLPEN_LENGTH="endless", BULLPEN_EFFORT="quick")
    written = [text for text in first if "You write the report" in text]

    assert begun.returncode in (0, 3), begun.stderr
    assert [("<length>short</length>" in text, "<language>German</language>" in text) for text in written] == [
        (True, True)
    ]
    limits = {"effort": "deep", "length": "short", "language": "German", "read_tokens_most": 90000}
    assert run.accepted["limits"] == limits
    assert forked.returncode == 0, forked.stderr
    assert [text for text in second if "You read documents" in text] == []  # the reading is taken over
    assert "<length>two pages</length>" in second[0]
    after = open_run("latest", tmp_path / ".bullpen" / "runs")
    assert after.accepted["limits"] == {**limits, "length": "two pages"}
    assert json.loads(forked.stdout)["after"] == after.id
    assert replayed.returncode == 0, replayed.stdout


def test_what_may_not_be_said_is_refused_before_anything_is_done(
    bullpen: Command, corpus: Path, tmp_path: Path
) -> None:
    asked = ("research", QUESTION, "--corpus", corpus, "--model", "embedded:extract")
    for flags, told in (
        (("--effort", "huge"), "effort = 'huge': input should be 'quick', 'normal' or 'deep'"),
        (("--language", "x" * 61), "at most 60 characters"),
    ):
        refused = bullpen(*asked, *flags)

        assert refused.returncode == 2
        assert told in refused.stderr.splitlines()[-1]
    assert not list((tmp_path / ".bullpen" / "runs").glob("*.run"))


def test_a_detached_job_is_told_as_much(bullpen: Command, corpus: Path, tmp_path: Path) -> None:
    bullpen("research", QUESTION, "--corpus", corpus, "--model", "embedded:extract", "--effort", "quick", "--detach")

    assert open_run("latest", tmp_path / ".bullpen" / "runs").accepted["limits"] == {"effort": "quick"}
