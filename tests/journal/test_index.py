"""What is read by an index, of any age and in any state, is what is read without one; a followed run is told once."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen import Run, open_run
from bullpen.orchestrator.errors import BadInput, JournalDamaged
from bullpen.orchestrator.ids import compact, digest
from bullpen.orchestrator.journal import record
from bullpen.orchestrator.journal.cursor import Cursor
from bullpen.orchestrator.journal.events import ACCEPTED, FINISHED, GENESIS, Entry, Event, head_of, link
from bullpen.orchestrator.journal.index import AREAS, SUFFIX, keep_index, load_index
from bullpen.orchestrator.journal.lines import END, HEADER, closed_after, lines_of
from bullpen.orchestrator.journal.overview import overview_of
from bullpen.orchestrator.journal.parts import Parts
from bullpen.orchestrator.journal.record import Indexed, Whole, open_record
from bullpen.orchestrator.journal.storage import read_events

from .test_journals import opened

LONG = "to be, or not, "
USAGE = {"tokens_in": 3, "tokens_out": 2}
ATTEMPT = {"rung": "r", "lane": "l", "model": "m", "outcome": "ok", "micro_usd": 7, "usage": USAGE}
FAILURE = {"type": "Boom", "detail": "it broke"}
BODIES: dict[str, Any] = {
    ACCEPTED: {"question": "why?"},
    "task.sent": {"after": ["b"], "input": LONG * 200},
    "task.returned": {"status": "failed", "failure": FAILURE, "output": LONG * 200 + "end"},
    "model.attempted": ATTEMPT | {"messages": LONG * 400},
    "model.answered": {"receipt": {"degraded": ["stale"], "attempts": [ATTEMPT]}},
    "evidence.checked": {"sources": [], "passages": []},
    "control.paused": {},
    "worker.noted": {"said": '\u2028\n"quoted","body":'},
}
ENTRIES = st.builds(
    lambda kind, task: Entry(kind, BODIES[kind], task=task, sender="s", recipient="w"),
    st.sampled_from(sorted(BODIES)),
    st.sampled_from(["", "a", "b", "a/1"]),
)
#: A run: its owners, the commits of each, the entries of a commit.
OWNERS = st.lists(st.lists(st.lists(ENTRIES, min_size=1, max_size=4), max_size=5), min_size=1, max_size=3)


class Written(NamedTuple):
    """The bytes of a run, and how many of them there were after each commit."""

    content: bytes
    ends: list[int]


def written(owners: list[list[list[Entry]]], *, finished: bool = False) -> Written:
    """A run as its owners write it."""
    content, ends, prev, seq, parts = HEADER, [len(HEADER)], GENESIS, 0, Parts()
    if finished:
        owners = [*owners, [[Entry(FINISHED, {"status": "ok", "gaps": [], "claims": []}, task="job")]]]
    for epoch, commits in enumerate(owners, start=1):
        for commit in commits:
            for entry in commit:
                seq += 1
                values = (seq, "job", entry.task, entry.step, entry.phase, epoch, entry.kind, 1_000 + seq * 7)
                head, body = head_of((*values, entry.sender, entry.recipient)), compact(entry.body)
                event = Event(*values, entry.sender, entry.recipient, body, link(prev, head, body))
                content, prev = content + lines_of(event, head, parts), event.hash
            content += END
            ends.append(len(content))
        content += closed_after(seq) + END
        ends.append(len(content))
    return Written(content, ends)


def cuts(run: Written) -> st.SearchStrategy[int]:
    """Where a run may end: after a commit, after a line, anywhere."""
    lines = [at for at in range(len(HEADER), len(run.content) + 1) if run.content[at - 1 : at] == END]
    return st.sampled_from(run.ends) | st.sampled_from(lines) | st.integers(len(HEADER), len(run.content))


@pytest.fixture(autouse=True, scope="module")
def _index_of_every_run() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(record, "LEAST", 1)
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job.run"


def seen(run: Run) -> list[Any]:
    """All that a reader can ask of a run."""
    tasks = [run.of_task(name) for name in ("a", "b", "a/1") if any(event.task == name for event in run.events)]
    asked = [run.length, run.accepted, run.finished, run.status, run.started_ms, run.seconds, run.cost, run.tasks]
    areas = [run.of_areas(area) for area in sorted(AREAS)]
    return [*asked, *areas, run.of_areas("job", "control"), run.evidence(), *tasks, run.events]


def seen_without(path: Path) -> list[Any]:
    """The same, of the run alone."""
    events = read_events(path)
    return seen(Run(path, Whole(events, overview_of(events)), held=False))


def seen_by_index(path: Path) -> list[Any]:
    """The same, each asked of a run that has only been opened: reading all of it would answer the rest."""
    run = open_run(path)
    names = [task.id for task in run.tasks]
    by_index = [run.of_task(name) for name in names], [run.of_areas(area) for area in sorted(AREAS)], run.finished
    found = seen(run)
    assert by_index == ([run.of_task(name) for name in names], [run.of_areas(a) for a in sorted(AREAS)], run.finished)
    return found


@given(owners=OWNERS, finished=st.booleans(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_an_index_of_any_age_changes_nothing_that_is_read(
    owners: list[list[list[Entry]]], finished: bool, data: st.DataObject
) -> None:
    run = written(owners, finished=finished)
    first, then = (data.draw(cuts(run)) for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.run"
        path.write_bytes(run.content[:first])
        open_record(path)
        path.write_bytes(run.content[:then])

        assert seen_by_index(path) == seen_without(path)
        assert seen_by_index(path) == seen_without(path)


@given(owners=OWNERS, data=st.data())
@settings(max_examples=150, deadline=None)
def test_an_index_in_any_state_changes_nothing_that_is_read(
    owners: list[list[list[Entry]]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.run"
        path.write_bytes(written(owners, finished=True).content)
        open_record(path)
        index = path.with_suffix(SUFFIX)
        kept = bytearray(index.read_bytes())
        at = data.draw(st.integers(0, len(kept) - 1))
        if data.draw(st.booleans()):
            kept[at] ^= 1 << data.draw(st.integers(0, 7))
        else:
            del kept[at:]
        index.write_bytes(kept)

        assert load_index(path) is None
        assert seen_by_index(path) == seen_without(path)


@given(one=OWNERS, other=OWNERS)
@settings(max_examples=60, deadline=None)
def test_the_index_of_another_run_is_not_used(one: list[list[list[Entry]]], other: list[list[list[Entry]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.run"
        path.write_bytes(written(one, finished=True).content)
        open_record(path)
        path.write_bytes(written(other).content)

        assert seen_by_index(path) == seen_without(path)


ENTRY = Entry("worker.noted", {"n": 1}, task="a")
MANY = [[[ENTRY]] * 6]


def test_a_run_is_opened_by_its_index_and_not_read_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(written([[[Entry(kind, body, task="a")] for kind, body in BODIES.items()]], finished=True).content)
    expected = seen_without(path)
    assert isinstance(open_record(path), Whole)

    def never(*_: object) -> None:
        raise AssertionError("it was read whole")

    with monkeypatch.context() as patched:
        patched.setattr(record, "read_whole", never)
        patched.setattr(record, "read_events", never)
        run = open_run(path)
        assert [run.length, run.accepted, run.finished, run.status] == expected[:4]
        assert [view.id for view in run.tasks] == ["a"]
        assert len(run.of_task("a")) == len(BODIES)


def test_a_run_that_has_grown_is_read_on_and_gets_a_new_index(path: Path) -> None:
    run = written(MANY)
    path.write_bytes(run.content[: run.ends[2]])
    open_record(path)
    path.write_bytes(run.content[: run.ends[4]])

    assert isinstance(open_record(path), Indexed)
    index = load_index(path)
    assert index is not None
    assert (index.head.seq, index.size) == (4, run.ends[4])


@pytest.mark.parametrize("missing", [1, 2])
def test_an_index_is_not_used_for_a_run_that_has_become_shorter(path: Path, missing: int) -> None:
    run = written(MANY)
    path.write_bytes(run.content[: run.ends[4]])
    open_record(path)
    path.write_bytes(run.content[: run.ends[4] - missing])

    assert seen_by_index(path) == seen_without(path)


def test_a_run_that_grows_after_it_was_opened_is_as_it_was(path: Path) -> None:
    run = written(MANY)
    path.write_bytes(run.content[: run.ends[4]])
    open_record(path)
    as_it_was = open_run(path)
    path.write_bytes(run.content)

    assert as_it_was.length == len(as_it_was.events) == 4


def test_a_short_run_gets_no_index(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "LEAST", 7)
    path.write_bytes(written(MANY).content)
    open_record(path)

    assert [each.name for each in path.parent.iterdir()] == ["job.run"]


def test_an_older_format_gets_no_index(path: Path) -> None:
    line = head_of((1, "job", "a", "", "", 1, "worker.noted", 1_000, "", "")) + ',"body":{"n":1}'
    path.write_text(f'{{"format":2}}\n{line},"hash":"{digest(GENESIS + line)}"}}\n')

    assert seen_by_index(path) == seen_without(path)
    assert not path.with_suffix(SUFFIX).exists()


def test_where_no_index_can_be_written_the_run_is_read_without(path: Path) -> None:
    path.write_bytes(written(MANY).content)
    path.with_suffix(SUFFIX).mkdir()

    assert seen_by_index(path) == seen_without(path)
    assert sorted(each.name for each in path.parent.iterdir()) == ["job.idx", "job.run"]


def test_damage_behind_an_index_is_found_and_damage_before_it_by_verifying(path: Path) -> None:
    run = written(MANY)
    path.write_bytes(run.content[: run.ends[4]])
    open_record(path)
    early, late = (run.content.index(b'"n":1', run.ends[n]) for n in (1, 4))

    path.write_bytes(run.content[:late] + b"?" + run.content[late + 1 :])
    with pytest.raises(JournalDamaged, match="damaged at event 5"):
        open_run(path)
    path.write_bytes(run.content[:early] + b"?" + run.content[early + 1 :])
    assert open_run(path).length == 6
    with pytest.raises(JournalDamaged, match="damaged at event 2"):
        open_run(path).of_task("a")
    with pytest.raises(JournalDamaged, match="damaged at event 2"):
        list(open_run(path).problems())


def test_no_damaged_event_is_given_for_what_was_asked(path: Path) -> None:
    run = written([[[Entry(ACCEPTED, BODIES[ACCEPTED])], [ENTRY], [ENTRY]]])
    path.write_bytes(run.content)
    open_record(path)
    path.write_bytes(run.content.replace(b"why?", b"who?"))

    with pytest.raises(JournalDamaged, match="damaged at event 1"):
        _ = open_run(path).question


def test_what_a_forged_index_says_is_not_believed_once_the_run_is_read(path: Path) -> None:
    path.write_bytes(written([[[Entry("model.attempted", ATTEMPT, task="a")]]]).content)
    open_record(path)
    index = load_index(path)
    assert index is not None
    index.overview.cost.micro_usd = 0
    keep_index(path, index)
    run = open_run(path)
    assert run.cost.micro_usd == 0

    assert list(run.problems()) == []
    assert run.cost.micro_usd == 7


def test_the_owner_of_a_long_run_makes_its_index_when_it_lets_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bullpen.orchestrator.journal.file.LEAST", 3)

    async def write(*kinds: str) -> None:
        async with opened(path) as journal:
            for kind in kinds:
                journal.append(Entry(kind, {}))

    anyio.run(write, "a.one", "a.two")
    assert not path.with_suffix(SUFFIX).exists()
    anyio.run(write, "a.three")
    index = load_index(path)
    assert index is not None
    assert (index.head.seq, index.size) == (3, path.stat().st_size)


# Following


def seqs(events: list[Event]) -> list[int]:
    return [event.seq for event in events]


def test_a_cursor_tells_each_event_once_however_the_run_is_written(path: Path) -> None:
    content = written([MANY[0], [[Entry("model.attempted", BODIES["model.attempted"])]]]).content
    cursor = Cursor(path)
    told: list[Event] = []
    for size in range(0, len(content) + 1, 37):
        path.write_bytes(content[:size])
        told += cursor.look()
    path.write_bytes(content)
    told += cursor.look()
    cursor.close()

    assert told == read_events(path)


def test_a_cursor_reads_what_is_new_and_no_more(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = written(MANY)
    path.write_bytes(run.content[: run.ends[3]])
    cursor = Cursor(path)
    assert seqs(cursor.look()) == [1, 2, 3]

    def never(*_: object) -> None:
        raise AssertionError("it was read from its beginning")

    monkeypatch.setattr("bullpen.orchestrator.journal.cursor.read_whole", never)
    assert cursor.look() == []
    with path.open("ab") as file:
        file.write(run.content[run.ends[3] : run.ends[3] + 40])
        file.flush()
        assert cursor.look() == []
        file.write(run.content[run.ends[3] + 40 : run.ends[5]])
    assert seqs(cursor.look()) == [4, 5]
    cursor.close()


def test_a_run_that_is_taken_over_while_it_is_followed_is_told_on(path: Path) -> None:
    """Its new owner has what was acknowledged, which the old one's last event was not."""
    old, new = written([[[ENTRY]] * 4]), written([[[ENTRY]] * 3, [[Entry("job.resumed", {})], [ENTRY]]])
    path.write_bytes(old.content[: old.ends[4]])
    cursor = Cursor(path)
    assert seqs(cursor.look()) == [1, 2, 3, 4]
    beside, before = path.with_suffix(".new"), path.stat().st_ino
    beside.write_bytes(new.content[: new.ends[3]])
    beside.replace(path)
    assert path.stat().st_ino != before

    assert cursor.look() == []
    path.write_bytes(new.content)
    after = cursor.look()
    assert [(event.seq, event.epoch, event.kind) for event in after] == [(4, 2, "job.resumed"), (5, 2, "worker.noted")]
    cursor.close()


def test_an_owner_that_follows_a_failed_write_is_told_at_once(path: Path) -> None:
    old, new = written(MANY), written([[[ENTRY]] * 3, [[Entry("job.resumed", {"of": "the owner before" * 40})]]])
    path.write_bytes(old.content[: old.ends[4]])
    cursor = Cursor(path)
    cursor.look()
    os.truncate(path, old.ends[3])
    assert cursor.look() == []
    path.write_bytes(new.content[: new.ends[5]])
    assert [(event.seq, event.epoch) for event in cursor.look()] == [(4, 2)]
    cursor.close()


def test_a_failed_write_that_is_tried_again_is_told_once(path: Path) -> None:
    run = written(MANY)
    path.write_bytes(run.content[: run.ends[4]])
    cursor = Cursor(path)
    assert seqs(cursor.look()) == [1, 2, 3, 4]
    os.truncate(path, run.ends[3])
    assert cursor.look() == []
    path.write_bytes(run.content)
    assert seqs(cursor.look()) == [5, 6]
    cursor.close()


def test_a_cursor_says_where_a_run_is_damaged_or_gone(path: Path) -> None:
    run = written(MANY)
    path.write_bytes(run.content[: run.ends[3]])
    cursor = Cursor(path)
    cursor.look()
    at = run.content.index(b'"n":1', run.ends[3])
    path.write_bytes(run.content[:at] + b"?" + run.content[at + 1 :])
    with pytest.raises(JournalDamaged, match="damaged at event 4"):
        cursor.look()
    path.unlink()
    with pytest.raises(BadInput, match="does not exist"):
        cursor.look()
    cursor.close()
