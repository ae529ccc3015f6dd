"""Runs made at once, without a job: events by hand, commits by hand."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bullpen.orchestrator.journal.events import ACCEPTED, FINISHED, Entry, Event
from bullpen.orchestrator.journal.journal import PLAINLY, Chain
from bullpen.orchestrator.journal.lines import END, HEADER, closed_after, lines_of, whole
from bullpen.orchestrator.journal.parts import Parts
from bullpen.orchestrator.testing import ManualClock

FORMATS = Path(__file__).parent / "formats"
QUESTION = "What did the night bus cost?"
ASKED = Entry(ACCEPTED, {"question": QUESTION})
LONG = Entry("worker.noted", {"text": ", ".join(str(n) for n in range(3_000))})


def ended(job: str, **more: Any) -> Entry:
    """The end of a job that went well, with a report as given."""
    return Entry(FINISHED, {"job": job, "status": "ok", "text": "It cost 48,000 crowns.", **more})


def events_of(job: str, *entries: Entry, at_ms: int = 1_000) -> list[Event]:
    """A journal with these entries, all at one time."""
    chain = Chain(job, ManualClock(at_ms), PLAINLY)
    return [chain.seal(entry)[0] for entry in entries]


def committed(events: Sequence[Event], *, closed: bool = True) -> bytes:
    """A run with a commit for each event."""
    parts, content = Parts(), HEADER
    for event in events:
        content += lines_of(event, event.head, parts) + END
    return content + closed_after(len(events)) + END if closed else content


def put_run(folder: Path, job: str, *entries: Entry, at_ms: int = 1_000) -> Path:
    """A run in a folder, let go of; by default of a job that was asked and ended well."""
    path = folder / f"{job}.run"
    path.write_bytes(whole(events_of(job, *(entries or (ASKED, ended(job))), at_ms=at_ms)))
    return path


def age(path: Path, seconds: float = 3_600) -> Path:
    """The same file, as if nobody had touched it for so long."""
    os.utime(path, (path.stat().st_atime - seconds, path.stat().st_mtime - seconds))
    return path
