"""What a listener does with an event is its own affair: the record and the other listeners are as without it."""

import logging
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bullpen.orchestrator.journal.events import Entry, Event
from bullpen.orchestrator.journal.file import open_journal
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.journal import Listener, Ways
from bullpen.orchestrator.journal.storage import read_events
from bullpen.orchestrator.journal.writer import Writer
from bullpen.orchestrator.testing import ManualClock

ERRORS = (RuntimeError, AssertionError, OSError, ValueError)
#: By seq, what a listener raises there.
FAILS = st.dictionaries(st.integers(1, 6), st.sampled_from(ERRORS))


def failing(fails: dict[int, type[Exception]]) -> Listener:
    def listener(event: Event) -> None:
        if event.seq in fails:
            raise fails[event.seq](f"at {event.seq}")

    return listener


def content(path: Path, *listeners: Listener) -> bytes:
    """A run's bytes after six events, each with a commit of its own."""

    async def write() -> None:
        with closing(Writer()) as writer:
            journal = await open_journal(path, "job", ManualClock(), writer, Ways(listeners=listeners))
            for n in range(6):
                journal.append(Entry("worker.noted", {"n": n}))
                await journal.commit()
            await journal.aclose()

    anyio.run(write)
    return path.read_bytes()


def failures(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What was logged of listeners; the test has seen it."""
    found = [record for record in caplog.records if "listener" in record.getMessage()]
    caplog.clear()
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FAILS, min_size=1, max_size=3))
def test_a_record_is_the_same_whatever_its_listeners_raise(
    caplog: pytest.LogCaptureFixture, fails: list[dict[int, type[Exception]]]
) -> None:
    heard: list[Event] = []
    with TemporaryDirectory() as folder:
        plain = content(Path(folder, "plain.run"))
        told = content(Path(folder, "told.run"), *map(failing, fails), heard.append)
        events = read_events(Path(folder, "told.run"))

    assert told == plain
    assert heard == events
    assert len(failures(caplog)) == sum(len(set(each.values())) for each in fails)


@pytest.mark.anyio
async def test_a_listener_that_fails_is_named_with_what_it_raised_once(caplog: pytest.LogCaptureFixture) -> None:
    def exporter(event: Event) -> None:
        raise RuntimeError("nobody answers")

    journal = InMemoryJournal("job", ManualClock(), Ways(listeners=(exporter,)))
    for n in range(3):
        journal.append(Entry("worker.noted", {"n": n}))

    (logged,) = failures(caplog)
    assert (logged.name, logged.levelname) == ("bullpen", "ERROR")
    assert "exporter has missed event 1, RuntimeError: nobody answers" in logged.getMessage()
    assert logged.exc_info is not None


def test_an_event_that_a_listener_appends_comes_after_the_one_it_heard(tmp_path: Path) -> None:
    async def write() -> None:
        with closing(Writer()) as writer:

            def answer(event: Event) -> None:
                if event.kind == "control.steered":
                    journal.append(Entry("steering.read", [event.seq]))

            ways = Ways(listeners=(answer,))
            journal = await open_journal(tmp_path / "job.run", "job", ManualClock(), writer, ways)
            journal.append(Entry("control.steered", {"text": "costs"}))
            await journal.aclose()

    anyio.run(write)

    assert [event.kind for event in read_events(tmp_path / "job.run")] == ["control.steered", "steering.read"]
