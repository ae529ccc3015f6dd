"""What somebody who waits is told."""

import json

import pytest

from bullpen.orchestrator.cli.progress import Lines
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
