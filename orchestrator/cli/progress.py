"""A job as it works: a live tree on a terminal, plain lines anywhere else. Written to standard error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from ..journal.events import Event
from ..rules.outcome import Outcome
from ..text import shorten
from .printing import console

if TYPE_CHECKING:
    from ..launched import LaunchedJob

_MARKS = {"ok": "✓", "partial": "◐", "empty": "∅", "running": "…"}

#: How often a long reading of documents is mentioned, in seconds.
_READ_EVERY_S = 2.0
#: Files that must have been read before the time left is judged.
_FILES_LEAST = 20


async def follow(job: "LaunchedJob") -> None:
    """Show the job until it has ended."""
    import anyio  # which who only reads runs does not need

    screen = console(stderr=True)
    with _tree(screen) if screen.is_terminal else _lines() as show:
        async with anyio.create_task_group() as group:
            group.start_soon(_warn_of_full_disk, job, show)
            async for event in job.events():
                show.hear(event)
            group.cancel_scope.cancel()


async def _warn_of_full_disk(job: "LaunchedJob", show: "Lines | LiveTree") -> None:
    """Say that the job waits for room, each time: its record, by which all else is shown, cannot."""
    while True:
        show.say(f"! {shorten(await job.room(is_there=False), 300)}: the job waits for it")
        await job.room(is_there=True)


class _TimeLeft:
    """How long reading will take from here, judged by the files that are read."""

    def __init__(self) -> None:
        self._began: tuple[int, int] | None = None

    def hear(self, event: Event) -> str:
        """A few words for an event of reading once there is something to judge by; else nothing."""
        if event.kind != "corpus.read":
            return ""
        at_ms, files = event.at_ms, event.value["files"]
        first_ms, first = self._began = self._began or (at_ms, files)
        if files - first < _FILES_LEAST or at_ms <= first_ms:
            return ""
        left_s = (event.value["of"] - files) * (at_ms - first_ms) / (files - first) / 1000
        return f", about {left_s:.0f} s left" if left_s >= 1 else ""


class _Alarms:
    """What a person has to mend, or would wonder about while waiting; each once, however many calls it touches."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def hear(self, event: Event) -> str:
        """What is to be said loudly; else nothing."""
        about, said = trouble(event) or (alarm(event), alarm(event))
        if about in self._said:
            return ""
        self._said.add(about)
        return said


class Lines:
    """A line for every step that a person would want to know of, with the seconds since the start."""

    def __init__(self) -> None:
        self._started_s, self._read_s = time.monotonic(), 0.0
        self._left, self._alarms = _TimeLeft(), _Alarms()

    def hear(self, event: Event) -> None:
        """Say what an event means, if it is worth saying."""
        now_s = time.monotonic() - self._started_s
        if event.kind == "corpus.read" and now_s - self._read_s < _READ_EVERY_S:
            return
        self._read_s = now_s if event.kind == "corpus.read" else self._read_s
        if said := self._alarms.hear(event) or describe(event) + self._left.hear(event):
            self.say(said)

    def say(self, said: str) -> None:
        """Write a line. The job goes on where nobody can hear it: a log is often on the disk that is full."""
        with suppress(OSError):
            sys.stderr.write(f"{time.monotonic() - self._started_s:6.1f} s  {said}\n")
            sys.stderr.flush()


class LiveTree:
    """Every task under the job, with its state; above it, and there to stay, what has to be mended."""

    def __init__(self, live: Live) -> None:
        self._live, self._states = live, dict[str, str]()
        self._head, self._left, self._alarms = "starting", _TimeLeft(), _Alarms()

    def hear(self, event: Event) -> None:
        """Redraw with this event in it."""
        if said := self._alarms.hear(event):
            self.say(said)
        if event.kind == "task.sent":
            self._states[event.task] = f"{event.task}  {_MARKS['running']}"
        elif event.kind == "task.returned":
            status = event.value["status"]
            self._states[event.task] = f"{event.task}  {_MARKS.get(status, '✗')} {status}"
        elif said := describe(event) + self._left.hear(event):
            self._head = said
        tree = Tree(Text(self._head))
        for state in self._states.values():
            tree.add(Text(state))
        self._live.update(tree)

    def say(self, said: str) -> None:
        """Say something loudly, above the tree and there to stay."""
        self._live.console.print(Text(said, style="bold red"))


@contextmanager
def _lines() -> Iterator[Lines]:
    yield Lines()


@contextmanager
def _tree(screen: Console) -> Iterator[LiveTree]:
    with Live(console=screen, refresh_per_second=8, transient=True) as live:
        yield LiveTree(live)


def alarm(event: Event) -> str:
    """What must not be overlooked: a rung that refuses us, a memory that is damaged; empty for any other event."""
    if event.kind == "memory.degraded":
        return f"! {shorten(event.value['reason'], 400)}"
    if event.kind != "rung.refused":
        return ""
    refused = event.value
    rest = "it is left out of this job" if refused["is_out"] else "others may answer for it"
    return f"! rung {shorten(refused['rung'], 60)}: {shorten(refused['mend'], 160)}; {rest} (bullpen doctor says more)"


def trouble(event: Event) -> tuple[str, str] | None:
    """A rung that gave no good answer and what it was, and the same in words; None for any other event.

    What is ours to mend has an alarm of its own; a connection that had been closed is nobody's trouble.
    """
    if event.kind != "model.attempted":
        return None
    sent = event.value
    outcome = Outcome(sent["outcome"])
    if outcome in (Outcome.OK, Outcome.STALE_CONNECTION) or outcome.rule.mend:
        return None
    detail = f" ({shorten(sent['detail'], 80)})" if sent["detail"] else ""
    about = f"! rung {shorten(sent['rung'], 60)}: {outcome}"
    return about, f"{about}{detail}"


def describe(event: Event) -> str:
    """An event in a person's words; empty for one that nobody waits for."""
    match event.kind:
        case "job.accepted":
            return f"job {event.job}: {shorten(event.value['question'], 100)}"
        case "corpus.read":
            files = f" from {event.value['files']} of {event.value['of']} files" if event.value["of"] > 1 else ""
            return f"read {event.value['documents']} documents{files}"
        case "corpus.ingested":
            done = event.value
            same = f", {len(done['duplicates'])} the same as others" if done.get("duplicates") else ""
            return f"corpus ready: {done['documents']} documents, {done['changed']} new or changed{same}"
        case "plan.made":
            return f"plan: {', '.join(task['id'] for task in event.value['tasks'])}"
        case "task.sent":
            again = f" (attempt {event.value['attempt']})" if event.value["attempt"] > 1 else ""
            return f"{event.task} → {event.recipient}{again}"
        case "task.returned":
            failure = event.value.get("failure")
            why = f": {failure['type']}: {shorten(failure['detail'], 120)}" if failure else ""
            return f"{event.task} {event.value['status']}{why}"
        case "model.failed":
            return f"{event.task}: no answer: {shorten(event.value['detail'], 160)}"
        case "loop.stalled":
            by = event.value
            return f"{event.task}: loop stalled {by['seconds']:.1f} s in worker {by['worker']!r} at {by['at']}"
        case "worker.given_up":
            return f"{event.task}: did not stop and was given up at {event.value['at']}"
        case "journal.storage_full":
            return f"there is room on the disk again: the job waited {event.value['seconds']:.1f} s for it"
        case "memory.read":
            return _against(event)
        case "worker.noted":
            return f"{event.task}: {event.value['text']}"
        case _ if event.kind.startswith(("control.", "approval.asked")):
            return _asked_of_us(event)
        case _:
            return ""


def _against(event: Event) -> str:
    """That a worker recalls notes which stand against each other; nothing for all other reading."""
    read = event.value if isinstance(event.value, list) else []
    against = [note for note in read if isinstance(note, dict) and note.get("contradicts")]
    if not against:
        return ""
    about = shorten(against[0]["about"], 60)
    return f"{event.task}: {len(against)} notes about {about!r} stand against each other"


def _asked_of_us(event: Event) -> str:
    """What people have asked of the job, or it of them."""
    body, what = event.value, event.kind.partition(".")[2]
    match event.kind:
        case "approval.asked":
            return f"{event.task} asks leave: {shorten(body['what'], 120)} (bullpen approve {event.job} {body['id']})"
        case "control.steered":
            return f"steered: {shorten(body['text'], 120)}"
        case "control.budget_set":
            return f"budget set: ${body['usd']:.6f}"
        case "control.approved" | "control.refused":
            return f"{what}: {body['id']}"
        case "control.unavailable":
            return f"! it cannot be controlled from elsewhere: {shorten(body['reason'], 120)}"
        case _:
            return what
