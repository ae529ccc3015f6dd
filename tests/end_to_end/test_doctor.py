"""A wrong key on the first rung, a right one on the second: every place that a person looks at says so."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from bullpen.orchestrator.rules.compose import RULER
from bullpen.orchestrator.testing.provider import Fails, Reply, Says, ScriptedProvider, says_json

QUESTION = "What did the night bus pilot cost, and why was it extended?"
WRONG, RIGHT = "sk-wrong-0123456789abcdef", "sk-right-0123456789abcdef"
MEND = "the key was refused: set FIRST_KEY to a valid one"
Command = Callable[..., CompletedProcess[str]]
Answers = Callable[[dict[str, Any]], Reply]


def refuse(body: dict[str, Any]) -> Reply:
    return Fails(401, f"Incorrect API key provided: {WRONG} or sk-wr***************cdef")


@contextmanager
def two_rungs(folder: Path, answers: Answers) -> Iterator[tuple[ScriptedProvider, ScriptedProvider]]:
    """The servers of both rungs, and a bullpen.toml that names them."""
    with ScriptedProvider(refuse) as wrong, ScriptedProvider(answers) as right:
        rungs = [("first", wrong.url), ("second", right.url)]
        prices = "price_in_usd = 1.0\nprice_out_usd = 2.0\ncontext_tokens = 16000\n"
        lines = [
            f'[[rungs]]\nname = "{name}"\nmodel = "openai_http:gpt-4o-mini"\nbase_url = "{url}"\n'
            f'api_key_env = "{name.upper()}_KEY"\n{prices}'
            for name, url in rungs
        ]
        (folder / "bullpen.toml").write_text("".join(lines))
        yield wrong, right


def greets(body: dict[str, Any]) -> Reply:
    asked = json.dumps(body)
    if "You take notes" in asked:
        said = {1: ("The Corvin cost 412,000 crowns.", 4), 2: ("Its piles had rotted.", 7)}
        return says_json({"notes": [{"point": n, "text": text, "sentences": [s]} for n, (text, s) in said.items()]})
    return says_json({"colour": "green"}) if "Which colour" in asked else Says("Hello!")


KEYS = {"FIRST_KEY": WRONG, "SECOND_KEY": RIGHT}


def test_research_says_it_at_once_and_in_the_report_and_show_says_it_later(
    bullpen: Command, corpus: Path, answers: Answers, tmp_path: Path
) -> None:
    with two_rungs(tmp_path, answers) as (wrong, right):
        ended = bullpen("research", QUESTION, "--corpus", corpus, "--out", "report.md", **KEYS)

    assert ended.returncode in (0, 3), ended.stderr
    assert len(wrong.asked) == 1
    assert len(right.asked) == 3
    lines = ended.stderr.splitlines()
    [said] = [n for n, line in enumerate(lines) if f"! rung first: {MEND}" in line]
    assert said < 10
    assert sum("→" in line for line in lines[1:said]) == 1  # with the first task that asks anybody
    for text in (ended.stdout, (tmp_path / "report.md").read_text(encoding="utf-8")):
        footer = text.partition(RULER)[2]
        assert f"rung first: {MEND}" in footer
        assert "second answered, not first: first key_refused" in footer
    shown = bullpen("show", "latest").stdout
    assert f"degraded rung first: {MEND}\n" in shown
    assert "degraded second answered, not first" in shown


def test_a_job_that_goes_well_has_no_such_footer(bullpen: Command, corpus: Path) -> None:
    ended = bullpen("research", QUESTION, "--corpus", corpus)

    assert "worse" not in ended.stdout.partition(RULER)[2]
    assert "degraded" not in ended.stderr + bullpen("show", "latest").stdout


def test_doctor_names_the_rung_and_the_mend_and_nothing_of_a_key(bullpen: Command, tmp_path: Path) -> None:
    with two_rungs(tmp_path, greets) as (wrong, right):
        ended, as_json = bullpen("doctor", **KEYS), bullpen("doctor", "--json", **KEYS)

        assert (len(wrong.asked), len(right.asked)) == (2, 6)
    assert (ended.returncode, as_json.returncode) == (3, 3)
    assert "  failed   model    key_refused: HTTP 401" in ended.stdout
    assert f"\n1. first: {MEND}\n" in ended.stdout
    assert "second: openai_http:gpt-4o-mini at http://127.0.0.1:" in ended.stdout
    assert "  ok       schema   an answer in JSON" in ended.stdout
    assert "  ok       clock    within 60 s of the server's\n" in ended.stdout
    assert ended.stdout.endswith("\nasking cost $0.000060\n1 of 2 rungs can answer\n")
    assert json.loads(as_json.stdout)["mends"] == [f"first: {MEND}"]
    for part in ("sk-wr", "sk-ri", "cdef"):
        assert part not in ended.stdout + ended.stderr + as_json.stdout + as_json.stderr


@pytest.mark.parametrize("model", [None, "embedded:extract"])
def test_doctor_without_any_key_says_what_answers_and_how_to_set_a_model(bullpen: Command, model: str | None) -> None:
    ended = bullpen("doctor", *(("--model", model) if model else ()))

    assert ended.returncode == 0
    assert "embedded:extract\n  ok       model    needs nothing" in ended.stdout
    assert ("a key such as OPENAI_API_KEY" in ended.stdout) is (model is None)
    assert "  ok       ranking  words alone, as BULLPEN_MINILM_DIR says\n" in ended.stdout
    assert ended.stdout.endswith("\nall well\n")
