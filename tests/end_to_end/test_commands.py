"""The command line, as a user has it: what it prints, what it exits with, what it says about bad input."""

import json
import os
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

QUESTION = "What did the night bus pilot cost, and why was it extended?"
Ended = subprocess.CompletedProcess[str]
Command = Callable[..., Ended]


def test_a_question_is_answered_with_sources_that_open(bullpen: Command, corpus: Path) -> None:
    ended = bullpen("research", QUESTION, "--corpus", corpus, "--out", "report.md")

    assert ended.returncode == 0, ended.stderr
    assert "The night bus pilot cost 48,000 crowns in six months. [1]" in ended.stdout
    assert "No language model wrote this" in ended.stdout
    assert ", evaluation.md:3\n" in ended.stdout
    assert f" {corpus}/evaluation.md |" in ended.stdout
    assert "no model is set and no key was found" in ended.stderr
    assert (corpus.parent / "report.md").read_text(encoding="utf-8") == ended.stdout


def test_json_has_the_documented_shape(bullpen: Command, corpus: Path) -> None:
    found = json.loads(bullpen("research", QUESTION, "--corpus", corpus, "--json").stdout)

    assert set(found) == {"job", "status", "degraded", "report", "cost_usd", "estimated_usd", "seconds", "calls"}
    inner = {"text", "claims", "gaps", "disagreements", "uncovered", "outputs", "made_by"}
    assert set(found["report"]) == {
        *inner,
        "layout",
        "not_answered",
        "documents",
        "completeness",
        "written_by",
        "checked",
        "checks",
    }
    assert found["calls"] == {"model": 2, "tool": 0}  # the reading of each part
    assert found["report"]["made_by"] == {"lane": "embedded", "models": ["extract"]}
    claim = found["report"]["claims"][0]
    assert set(claim) == {"text", "quotes", "records", "rule", "answer", "id", "notes", "conditions"}
    assert [bool(claim["answer"]) for claim in found["report"]["claims"]].count(True) == 1
    assert set(claim["quotes"][0]) == {"source", "start", "end", "text"}
    source = (corpus / claim["quotes"][0]["source"]).read_text(encoding="utf-8")
    assert source[claim["quotes"][0]["start"] : claim["quotes"][0]["end"]] == claim["quotes"][0]["text"]


def test_a_run_is_listed_shown_and_verified(bullpen: Command, corpus: Path) -> None:
    job = json.loads(bullpen("research", QUESTION, "--corpus", corpus, "--json").stdout)["job"]
    (listed,) = json.loads(bullpen("jobs", "--json").stdout)
    shown = json.loads(bullpen("show", job[:13], "--json").stdout)
    verified = json.loads(bullpen("verify", "latest", "--sources", "--json").stdout)

    assert (listed["job"], listed["status"], listed["question"]) == (job, "ok", QUESTION)
    assert [task["id"] for task in shown["tasks"]][-2:] == ["analyze-1", "refine"]
    assert shown["report"]["job"] == job
    assert verified["holds"]
    assert verified["quotes"] >= 3


def test_show_prints_tasks_events_and_one_task_in_full(bullpen: Command, corpus: Path) -> None:
    bullpen("research", QUESTION, "--corpus", corpus)

    overview, events = bullpen("show", "latest").stdout, bullpen("show", "latest", "--events").stdout
    task = bullpen("show", "latest", "--task", "summarize-1").stdout
    assert "summarize-1" in overview
    assert "search-1" in overview
    assert "job.finished" in events
    assert '<document id="' in task.replace('\\"', '"')
    assert bullpen("jobs").stdout.splitlines()[1].endswith(QUESTION)


def test_verify_finds_a_changed_source_and_a_changed_record(bullpen: Command, corpus: Path) -> None:
    bullpen("research", QUESTION, "--corpus", corpus)
    (corpus / "evaluation.md").write_text("The night bus pilot was free.")
    (run,) = (corpus.parent / ".bullpen" / "runs").glob("*.run")

    assert bullpen("verify", "latest").returncode == 0
    changed = bullpen("verify", "latest", "--sources")
    assert changed.returncode == 1
    assert "evaluation.md" in changed.stdout
    assert "has changed" in changed.stdout
    content = run.read_bytes()
    assert content.count(b"48,000 crowns in six months") > 1
    run.write_bytes(content.replace(b"48,000 crowns in six months", b"84,000 crowns in six months"))
    tampered = bullpen("verify", "latest")
    assert tampered.returncode == 1
    assert "is damaged at event" in tampered.stderr


def test_verify_says_that_a_corpus_is_gone_and_finds_it_where_it_has_moved(bullpen: Command, corpus: Path) -> None:
    bullpen("research", QUESTION, "--corpus", corpus)
    moved = corpus.rename(corpus.parent / "moved")

    gone = bullpen("verify", "latest", "--sources")
    assert (gone.returncode, gone.stderr) == (1, "")
    assert f"corpus {str(corpus)!r} is not there; if it has moved, name its place with --corpus" in gone.stdout
    assert bullpen("verify", "latest", "--corpus", moved).returncode == 0
    (moved / "evaluation.md").write_text("The night bus pilot was free.")
    assert "evaluation.md) has changed" in bullpen("verify", "latest", "--corpus", moved).stdout
    nowhere = bullpen("verify", "latest", "--corpus", corpus / "x").stdout
    assert f"corpus {str(corpus / 'x')!r}, which was {str(corpus)!r}, is not there" in nowhere
    several = bullpen("verify", "latest", "--corpus", moved, "--corpus", moved)
    assert (several.returncode, several.stdout) == (2, "")
    assert "--corpus is given 2 times" in several.stderr


def test_the_version_is_told(bullpen: Command) -> None:
    assert bullpen("--version").stdout == f"bullpen {version('bullpen')}\n"


def test_a_run_that_cannot_be_read_is_listed_beside_the_others(bullpen: Command, corpus: Path) -> None:
    bullpen("research", QUESTION, "--corpus", corpus)
    (corpus.parent / ".bullpen" / "runs" / "00-odd.run").write_bytes(b"not a run at all" * 100)
    rows = json.loads(bullpen("jobs", "--json").stdout)

    assert [row["status"] for row in rows] == ["unreadable", "ok"]
    assert "00-odd.run" in rows[0]["question"]


def test_an_unchanged_corpus_is_not_indexed_twice_and_a_changed_one_alone(bullpen: Command, corpus: Path) -> None:
    first = bullpen("research", QUESTION, "--corpus", corpus).stderr
    second = bullpen("research", QUESTION, "--corpus", corpus).stderr
    (corpus / "new.md").write_text("The night bus stops at the mill.")
    third = bullpen("research", QUESTION, "--corpus", corpus).stderr

    assert "3 documents, 3 new or changed" in first
    assert "3 documents, 0 new or changed" in second
    assert "4 documents, 1 new or changed" in third


FIVE = '''
from bullpen import NothingFound, Plan, PlannedTask, Query, Team, Worker, Context, Claim, Finding, Quote, research_team
from dataclasses import replace

class Search(Worker):
    """Searches, or raises."""
    async def run(self, task: Query, ctx: Context) -> Finding:
        if task.about == "raise":
            raise LookupError("the index is upside down")
        (found, *_) = await ctx.memory.search(task.about, limit=1)
        quote = Quote(source=found.source, start=found.start, end=found.end, text=found.text)
        return Finding(about=task.about, claims=(Claim(text=f"About {task.about}.", quotes=(quote,)),))

class Five:
    """Plans five searches."""
    def __init__(self, workers, settings): pass
    async def brief(self, question, ctx): return question
    async def plan(self, brief, ctx):
        about = ("cost", "council", "raise", "passengers", "letter")
        tasks = [PlannedTask(id=f"search-{n}", worker="search", input={"question": brief, "about": a})
                 for n, a in enumerate(about, start=1)]
        return Plan(tasks=tuple(tasks))
    async def review(self, brief, results, ctx): return None

team = replace(research_team, supervisor=Five, workers=(Search,))
'''


def test_one_of_five_searches_that_raises_makes_a_partial_report(bullpen: Command, corpus: Path) -> None:
    (corpus.parent / "five.py").write_text(FIVE)
    ended = bullpen("research", "What is known?", "--corpus", corpus, "--team", "five:team", "--json")
    found = json.loads(ended.stdout)

    assert ended.returncode == 3, ended.stderr
    assert found["status"] == "partial"
    assert [(gap["task"], gap["reason"]) for gap in found["report"]["gaps"]] == [("search-3", "LookupError")]
    assert len(found["report"]["claims"]) == 4
    tasks = json.loads(bullpen("show", "latest", "--json").stdout)["tasks"]
    assert [task["status"] for task in tasks] == ["ok", "ok", "failed", "ok", "ok"]


SORTING = """
from bullpen import Context, Plan, PlannedTask, Team, Worker
from pydantic import BaseModel

class Topic(BaseModel):
    about: str

class Sort(Worker):
    'Says what a text is about.'
    async def run(self, task: str, ctx: Context) -> Topic:
        return Topic(about=task.split()[-1])

class One:
    async def brief(self, question, ctx): return question
    async def plan(self, brief, ctx): return Plan(tasks=(PlannedTask(id="sort", worker="sort", input=brief),))
    async def review(self, brief, results, ctx): return None

team = Team(lambda *_, **__: One(), (Sort,))
"""


def test_a_team_of_another_kind_works_without_documents_and_its_run_is_read_without_the_team(
    bullpen: Command, corpus: Path
) -> None:
    mine = corpus.parent / "mine.py"
    mine.write_text(SORTING)
    rungs = '[{"model": "openai_http:unasked", "base_url": "http://127.0.0.1:9"}]'
    ended = bullpen("research", "What are leases", "--team", "mine:team", BULLPEN_RUNGS=rungs)

    assert ended.returncode == 0, ended.stderr
    assert '"about": "leases"' in ended.stdout
    assert "ok · 1 unchecked output · 0 model calls" in ended.stderr
    assert bullpen("replay", "latest", "--team", "mine:team", BULLPEN_RUNGS=rungs).returncode == 0
    mine.unlink()
    assert "not checked" in bullpen("verify", "latest").stdout
    shown = json.loads(bullpen("show", "latest", "--json").stdout)["report"]["report"]
    assert shown["outputs"] == [{"task": "sort", "worker": "sort", "value": {"about": "leases"}}]
    assert "No module named 'mine'" in bullpen("replay", "latest", "--team", "mine:team").stderr


def test_a_team_that_reads_documents_says_so_where_none_are_named(bullpen: Command, corpus: Path) -> None:
    ended = bullpen("research", QUESTION)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert (
        ended.stderr == "bullpen: this team answers from documents and was given none: name them with --corpus PATH\n"
    )


def test_nothing_found_has_an_exit_status_of_its_own(bullpen: Command, corpus: Path) -> None:
    ended = bullpen("research", "zyxwv qqq?", "--corpus", corpus)

    assert ended.returncode == 4, ended.stderr
    assert "Nothing was found" in ended.stdout
    assert "## Not answered\n\n- " in ended.stdout
    assert "search-1" not in ended.stdout


def one_line(ended: Ended) -> str:
    """The one line of error, without the progress before it."""
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr.splitlines()[-1]


BAD: list[tuple[str, list[str], dict[str, str], tuple[str, ...]]] = [
    ("no corpus", ["research", QUESTION, "--corpus", "nowhere"], {}, ("'nowhere'", "does not exist")),
    ("empty corpus", ["research", QUESTION, "--corpus", "empty"], {}, ("empty", "no")),
    ("no words", ["research", "?!", "--corpus", "corpus"], {}, ("'?!'", "no words")),
    ("no team", ["research", QUESTION, "--corpus", "corpus", "--team", "no.such:team"], {}, ("no.such",)),
    ("no attribute", ["research", QUESTION, "--corpus", "corpus", "--team", "bullpen:nobody"], {}, ("nobody",)),
    ("not a team", ["research", QUESTION, "--corpus", "corpus", "--team", "bullpen:Team"], {}, ("not a Team",)),
    ("bad setting", ["jobs"], {"BULLPEN_TASKS_MOST": "many"}, ("tasks_most", "'many'")),
    ("bad json", ["jobs"], {"BULLPEN_RUNGS": "gpt"}, ("BULLPEN_RUNGS", "JSON")),
    ("bad model", ["research", QUESTION, "--corpus", "corpus", "--model", "gpt 4"], {}, ("model", "'gpt 4'")),
    ("no provider", ["research", QUESTION, "--corpus", "corpus", "--model", "abc:x"], {}, ("'abc'", "litellm")),
    ("no address", ["research", QUESTION, "--corpus", "corpus", "--model", "openai_http:x"], {}, ("base_url",)),
    ("unknown job", ["show", "nope"], {}, ("'nope'", "bullpen jobs")),
    ("negative budget", ["research", QUESTION, "--corpus", "corpus", "--budget", "-1"], {}, ("-1",)),
]


@pytest.mark.parametrize(("args", "variables", "names"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_is_one_line_that_names_it(
    bullpen: Command, corpus: Path, args: list[str], variables: dict[str, str], names: tuple[str, ...]
) -> None:
    (corpus.parent / "empty").mkdir()
    line = one_line(bullpen(*args, **variables))

    assert line.startswith("bullpen: ")
    assert all(name in line for name in names), line


@pytest.mark.parametrize("content", ["rungs = [", "tasks_most = -3", "taskz_most = 3", "default_team = 'x'"])
def test_a_malformed_settings_file_is_named(bullpen: Command, corpus: Path, content: str) -> None:
    (corpus.parent / "bullpen.toml").write_text(content)
    line = one_line(bullpen("jobs"))

    assert "bullpen.toml is not TOML" in line or content.split(" ")[0] in line


def test_a_folder_that_cannot_be_written_is_named(bullpen: Command, corpus: Path) -> None:
    locked = Path("/proc/locked")  # where nobody may write, the superuser included
    if os.geteuid():
        locked = corpus.parent / "locked"
        locked.mkdir(mode=0o500)

    assert "locked" in one_line(bullpen("research", QUESTION, "--corpus", corpus, "--runs-dir", locked / "runs"))


def test_a_runs_folder_that_is_a_file_is_named(bullpen: Command, corpus: Path) -> None:
    (corpus.parent / "file").write_text("")

    assert "'file" in one_line(bullpen("research", QUESTION, "--corpus", "corpus", "--runs-dir", "file/runs"))
    assert "'file/report.md'" in one_line(
        bullpen("research", QUESTION, "--corpus", "corpus", "--out", "file/report.md")
    )


def test_hostile_text_is_a_gap_or_is_neutralised_and_the_job_goes_on(bullpen: Command, corpus: Path) -> None:
    lines = [
        {
            "_id": "surrogate",
            "title": "T\ud800",
            "text": "The night bus pilot cost \ud800 much and \u001b[31mred\u0000.",
        },
        {"_id": "good", "title": "Good", "text": "The night bus pilot was extended in March by the council."},
    ]
    (corpus / "hostile.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n{broken\n")
    (corpus / "binary.txt").write_bytes(b"\x00\x01\x02night bus")
    (corpus / "empty.md").write_text("")
    ended = bullpen("research", "What did the night bus \udcff pilot cost?", "--corpus", corpus)

    assert ended.returncode == 3, ended.stderr
    assert "\x1b" not in ended.stderr
    for name in ("hostile.jsonl", "binary.txt", "empty.md"):
        assert name in ended.stdout
    assert bullpen("verify", "latest").returncode == 0


@pytest.mark.parametrize("command", ["research", "jobs", "show", "verify"])
def test_every_command_has_help(bullpen: Command, command: str) -> None:
    ended: Any = bullpen(command, "--help")

    assert ended.returncode == 0
    assert "--json" in ended.stdout
