"""Jobs that are replayed, forked and set side by side from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bullpen import open_run
from bullpen.orchestrator.testing.provider import Reply, ScriptedProvider, says_json

QUESTION = "What did the night bus pilot cost, and why was it extended?"
Command = Callable[..., Any]


def test_a_replay_is_the_same_and_says_what_it_misses_where_it_is_not(
    bullpen: Command, corpus: Path, tmp_path: Path
) -> None:
    begun = bullpen("research", QUESTION, "--corpus", corpus, "--model", "embedded:extract")
    (path,) = (tmp_path / ".bullpen" / "runs").glob("*.run")
    before = path.read_bytes()
    for document in corpus.iterdir():
        document.unlink()  # nothing but the run is needed
    same = bullpen("replay", "latest")
    (tmp_path / "read.md").write_text("---\nversion: 9\n---\n[system]\nBe brief.\n[user]\n{{ question }}\n")
    other = bullpen("replay", "latest", BULLPEN_PROMPTS=json.dumps({"read": str(tmp_path / "read.md")}))

    assert begun.returncode == 0, begun.stderr
    assert (same.returncode, "comes out the same, byte for byte" in same.stdout) == (0, True), same.stderr
    assert path.read_bytes() == before
    assert other.returncode == 1
    assert "not on record: model.asked" in other.stdout


def test_a_fork_with_a_cheaper_model_shows_what_differs(
    bullpen: Command, corpus: Path, tmp_path: Path, answers: Callable[[dict[str, Any]], Reply]
) -> None:
    def answering(body: dict[str, Any]) -> Reply:
        is_report = "You write the report" in body["messages"][0]["content"]
        if body["model"] == "small" and is_report:
            return says_json({"lead": "It cost 48,000 crowns [1]."})
        return answers(body)

    with ScriptedProvider(answering) as server:
        rung = '[[rungs]]\nmodel = "openai_http:{}"\nbase_url = "{}"\nprice_in_usd = {}\nprice_out_usd = {}\n'
        rungs = [rung.format("big", server.url, 2, 8), rung.format("small", server.url, 0.1, 0.4)]
        (tmp_path / "bullpen.toml").write_text("\n".join(rungs))
        begun = bullpen("research", QUESTION, "--corpus", corpus)
        job = open_run("latest", tmp_path / ".bullpen" / "runs").id
        forked = bullpen("fork", job, "--set", "model=openai_http:small", "--json")
        shown, told = bullpen("diff", job, "latest"), bullpen("show", "latest")
        again = bullpen("fork", job, "--set", "model=openai_http:small", "--at", "999")
        wrong = bullpen("fork", job, "--set", "colour=red")

    found = json.loads(forked.stdout)
    usd = found["totals"]["usd"]
    assert begun.returncode in (0, 3), begun.stderr
    assert forked.returncode == 0, forked.stderr
    assert 0 < usd[1] < usd[0] / 5
    assert all(task["taken_over"] == 0 for task in found["tasks"] if task["asked"])
    assert any(line.startswith("+") and "It cost 48,000 crowns." in line for line in found["text"])
    assert any(line.startswith("+") and "It cost 48,000 crowns." in line for line in shown.stdout.splitlines())
    assert "taken over" in shown.stdout
    assert f"forked   from {job}, model=openai_http:small\n" in told.stdout
    assert (again.returncode, "has no event 999" in again.stderr) == (2, True)
    assert (wrong.returncode, "--set 'colour=red' is none of model=" in wrong.stderr) == (2, True)
