"""What somebody who waits is told."""

import io
import json
from typing import Any

import pytest
from rich.console import Console
from rich.live import Live

from bullpen.orchestrator.cli.progress import Lines, LiveTree
from bullpen.orchestrator.journal.events import Event


def read(at_ms: int, files: int, of: int = 1000) -> Event:
    body = json.dumps({"documents": files, "unreadable": 0, "files": files, "of": of})
    return Event(1, "job", "job", "", "", 0, "corpus.read", at_ms, "job", "memory", body, "")


def said(capsys: pytest.CaptureFixture[str], *events: Event) -> str:
    """The last line that is written for these events, each of which is due."""
    lines = Lines()
    for event in events:
        lines._read_s = -10.0
        lines.hear(event)
    return capsys.readouterr().err.splitlines()[-1].partition(" s  ")[2]


def test_the_time_left_is_judged_by_the_files_that_were_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, read(0, 100)) == "read 100 documents from 100 of 1000 files"
    assert said(capsys, read(0, 100), read(1, 110)) == "read 110 documents from 110 of 1000 files"
    assert said(capsys, read(0, 100), read(4000, 500)).endswith("files, about 5 s left")
    assert said(capsys, read(0, 100), read(9000, 1000)).endswith("1000 of 1000 files")


def test_one_file_says_how_many_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, read(0, 1, of=1)) == "read 1 documents"


def event(kind: str, task: str = "job", **body: object) -> Event:
    return Event(1, "job", task, "", "", 0, kind, 0, "job", "main", json.dumps(body), "")


def test_a_corpus_with_documents_that_say_the_same_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    done: dict[str, Any] = {"documents": 9, "changed": 2, "removed": 0, "unreadable": []}

    plain = said(capsys, event("corpus.ingested", **done, duplicates={}))
    assert plain == "corpus ready: 9 documents, 2 new or changed"
    assert said(capsys, event("corpus.ingested", **done, duplicates={"b": "a"})) == f"{plain}, 1 the same as others"


def refused(rung: str = "main", *, is_out: bool = True) -> Event:
    return event("rung.refused", rung=rung, outcome="key_refused", mend="set A_KEY", is_out=is_out)


def test_a_rung_that_refuses_us_is_said_once_in_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for each in (refused(), refused(), refused("other", is_out=False)):
        lines.hear(each)

    first, second = [line.partition(" s  ")[2] for line in capsys.readouterr().err.splitlines()]
    assert first == "! rung main: set A_KEY; it is left out of this job (bullpen doctor says more)"
    assert second == "! rung other: set A_KEY; others may answer for it (bullpen doctor says more)"


def test_a_rung_in_trouble_is_said_once_for_each_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    def sent(rung: str, outcome: str, detail: str = "") -> Event:
        return event("model.attempted", rung=rung, outcome=outcome, detail=detail)

    lines = Lines()
    for each in (
        sent("main", "server_error", "HTTP 503"),
        sent("main", "server_error", "HTTP 500"),
        sent("main", "stalled"),
        sent("main", "ok"),
        sent("main", "key_refused"),
        sent("main", "stale_connection", "nobody's trouble"),
    ):
        lines.hear(each)

    first, second = [line.partition(" s  ")[2] for line in capsys.readouterr().err.splitlines()]
    assert first == "! rung main: server_error (HTTP 503)"
    assert second == "! rung main: stalled"


def test_a_rung_that_refuses_us_stays_above_the_tree() -> None:
    screen = io.StringIO()
    with Live(console=Console(file=screen, force_terminal=True, width=120), auto_refresh=False, transient=True) as live:
        tree = LiveTree(live)
        tree.hear(refused())
        tree.hear(event("task.sent", "search-1", attempt=1))
        tree.hear(refused())
        live.refresh()

    shown = screen.getvalue()
    assert shown.count("! rung main: set A_KEY") == 1
    assert shown.index("! rung main") < shown.index("search-1  …")
