"""A copy of a run is the run; of a damaged one it is what stands before the damage; a bad file is refused by name."""

import fcntl
import json
import os
import resource
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.orchestrator.errors import BadInput, BullpenError, JournalDamaged, Unavailable
from bullpen.orchestrator.ids import Json, digest
from bullpen.orchestrator.journal import disk
from bullpen.orchestrator.journal.events import GENESIS, Entry, Event, first_break, link
from bullpen.orchestrator.journal.keeping import Copied, check, export, import_run
from bullpen.orchestrator.journal.lines import END, HEADER, closed_after, lines_of, whole
from bullpen.orchestrator.journal.parts import Parts
from bullpen.orchestrator.journal.storage import read_events

from ..words.odd import ODD, Outside
from .making import ASKED, FORMATS, LONG, committed, ended, events_of, put_run

NOTED = Entry("worker.noted", {"text": 'a line\nand \u2028 another, with ,"body": and \U0001f600'})
EVENTS = events_of("job", ASKED, NOTED, LONG, LONG, ended("job"))
LINES = [line for line in committed(EVENTS).split(b"\n") if line][1:]
LONG_TEXT = st.integers(0, 999).map(lambda n: ", ".join(str(m) for m in range(n, n + 1_500)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | LONG_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def copy(run: Path, to: Path, *, instead: bool = False, as_events: bool = False) -> Copied:
    return export(run, to, run.parent / "runs", instead=instead, as_events=as_events)


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@contextmanager
def held(path: Path) -> Iterator[None]:
    """As a living process holds it."""
    handle = os.open(path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield
    os.close(handle)


# Copies


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(Entry, st.sampled_from(["a.b", "c.d"]), JSON, st.text(max_size=5)), min_size=1, max_size=6))
def test_exported_and_imported_it_is_the_same_events(tmp_path_factory: pytest.TempPathFactory, entries: Any) -> None:
    folder = tmp_path_factory.mktemp("runs")
    run = write(folder / "here" / "job.run", committed(events_of("job", *entries)))
    copied = copy(run, folder / "copy.run")
    imported = import_run(folder / "copy.run", folder / "there")

    assert read_events(folder / "copy.run") == read_events(imported.path) == read_events(run)
    assert imported.path == folder / "there" / "job.run"
    assert copied.run.events == imported.run.events == len(entries)
    assert (folder / "copy.run").read_bytes() == imported.path.read_bytes()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(LINES) - 1), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_of_a_run_that_is_damaged_anywhere_what_stands_before_is_exported(
    tmp_path_factory: pytest.TempPathFactory, n: int, where: float, bits: int
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    line = bytearray(LINES[n])
    line[int(where * len(line))] ^= bits
    content = committed(EVENTS).replace(LINES[n] + b"\n", bytes(line) + b"\n", 1)
    run = write(folder / "job.run", content)
    before = sum(line.startswith(b'{"seq":') for line in LINES[:n])
    if before == 0:
        with pytest.raises(JournalDamaged, match=r"damaged at event 1: .* no event stands before"):
            copy(run, folder / "copy.run.txt")
        return
    copied = copy(run, folder / "copy.run.txt")
    kept = read_events(folder / "copy.run.txt")

    assert kept == EVENTS[:before]
    assert first_break(kept) is None
    assert (copied.damage is None) == LINES[n].startswith(b'{"closed":')
    assert check(folder / "copy.run.txt").events == before


def of_format_2(events: Sequence[Event]) -> bytes:
    """A line for each event, whose hash covers the body itself."""
    prev, content = GENESIS, '{"format":2}\n'
    for event in events:
        text = f'{event.head},"body":{event.body}'
        prev = digest(prev + text)
        content += f'{text},"hash":"{prev}"}}\n'
    return content.encode()


@pytest.mark.parametrize("n", [1, 2])
def test_of_a_damaged_run_of_format_2_what_stands_before_is_exported_in_todays(tmp_path: Path, n: int) -> None:
    lines = (FORMATS / "2.run").read_bytes().split(b"\n")
    run = write(tmp_path / "runs" / "job.run", (FORMATS / "2.run").read_bytes())
    events = read_events(run)
    lines[1 + n] = lines[1 + n].replace(b'"seq"', b'"sex"')
    run.write_bytes(b"\n".join(lines))
    copied = copy(run, tmp_path / "copy.run")

    assert copied.damage is not None
    assert (copied.damage.seq, copied.damage.later) == (n + 1, len(events) - n)
    assert read_events(tmp_path / "copy.run") == events[:n]
    assert (tmp_path / "copy.run").read_bytes().startswith(HEADER)
    assert check(run).state == "damaged"


def test_what_is_no_event_of_format_2_is_damage_although_its_hash_holds(tmp_path: Path) -> None:
    text = '{"seq":1,"body":{}'
    run = write(tmp_path / "job.run", f'{{"format":2}}\n{text},"hash":"{digest(GENESIS + text)}"}}\n'.encode())
    (problem,) = check(run).problems

    assert problem == "damaged at event 1: it is no event; 1 later commits cannot be read"


def test_a_run_of_format_2_is_exported_and_imported_in_todays(tmp_path: Path) -> None:
    run = write(tmp_path / "runs" / "old.run", of_format_2(EVENTS))
    copy(run, tmp_path / "copy.run")

    assert (tmp_path / "copy.run").read_bytes() == whole(EVENTS)
    assert read_events(import_run(run, tmp_path / "there").path) == EVENTS


def test_of_a_run_that_is_being_written_what_is_committed_is_exported(tmp_path: Path) -> None:
    last = lines_of(EVENTS[2], EVENTS[2].head, Parts())
    run = write(tmp_path / "runs" / "job.run", committed(EVENTS[:2], closed=False) + last)
    assert read_events(run) == EVENTS[:3]
    with held(run):
        copied = copy(run, tmp_path / "copy.run")

    assert (copied.run.state, read_events(tmp_path / "copy.run")) == ("running", EVENTS[:2])


def test_damage_in_the_last_commit_but_one_of_a_run_that_is_held_is_seen(tmp_path: Path) -> None:
    content = committed(EVENTS[:2], closed=False).replace(b"a line", b"a lime") + b'{"seq":3,'
    run = write(tmp_path / "runs" / "job.run", content)
    with held(run):
        copied = copy(run, tmp_path / "copy.run")

    assert copied.damage is not None
    assert read_events(tmp_path / "copy.run") == EVENTS[:1]


def test_as_events_each_line_is_an_event_with_its_body(tmp_path: Path) -> None:
    copy(write(tmp_path / "runs" / "job.run", committed(EVENTS)), tmp_path / "events.jsonl", as_events=True)
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]

    assert [(line["seq"], line["kind"], line["hash"]) for line in lines] == [(e.seq, e.kind, e.hash) for e in EVENTS]
    assert [line["body"] for line in lines] == [event.value for event in EVENTS]


def test_as_events_numbers_that_an_earlier_version_had_no_json_for_are_text(tmp_path: Path) -> None:
    old = Entry("worker.noted", Json('{"text":"a NaN","ratio":Infinity,"share":NaN}'))
    run = put_run(tmp_path, "job", ASKED, old, ended("job"))
    copy(run, tmp_path / "events.jsonl", as_events=True)

    _, line, _ = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    body = json.loads(line, parse_constant=pytest.fail)["body"]
    assert body == {"text": "a NaN", "ratio": "Infinity", "share": "NaN"}


# What is there already


def test_a_file_that_is_there_is_replaced_only_if_told_to(tmp_path: Path) -> None:
    run, to = put_run(tmp_path, "job"), write(tmp_path / "copies" / "copy.run", b"mine")
    with pytest.raises(BadInput, match=r"copies/copy\.run' exists .* --force"):
        copy(run, to)
    assert to.read_bytes() == b"mine"

    copy(run, to, instead=True)
    assert read_events(to) == read_events(run)
    assert [path.name for path in to.parent.iterdir()] == ["copy.run"]


@pytest.mark.parametrize("odd", ODD)
def test_a_copy_is_private_and_never_behind_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    run = put_run(tmp_path, "job")
    outside = Outside(tmp_path)
    outside.stand_in(odd, tmp_path / "odd.run")
    (tmp_path / "linked").symlink_to(tmp_path / "outside" / "folder")
    (tmp_path / "wide.run").write_bytes(b"mine")
    (tmp_path / "wide.run").chmod(0o666)
    monkeypatch.chdir(tmp_path)

    for to in (tmp_path / "odd.run", Path("odd.run"), Path("linked", "copy.run")):
        with pytest.raises(BadInput, match=r"where only a regular file is opened|is not followed"):
            copy(run, to, instead=True)
    copy(run, Path("wide.run"), instead=True)

    assert outside.is_untouched()
    assert os.path.lexists(tmp_path / "odd.run")
    assert stat.S_IMODE((tmp_path / "wide.run").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["job.run", "other.run", "job.fence"])
def test_a_copy_never_stands_among_the_runs(tmp_path: Path, name: str) -> None:
    run = put_run(tmp_path, "job")
    with pytest.raises(BadInput, match="would stand among the runs"):
        export(run, tmp_path / "." / name, tmp_path, instead=True, as_events=False)


def test_a_run_is_not_replaced_by_its_own_copy(tmp_path: Path) -> None:
    run = put_run(tmp_path, "job")
    with pytest.raises(BadInput, match="is the run itself"):
        copy(run, run, instead=True)


def test_a_run_that_is_held_is_not_replaced_by_a_copy(tmp_path: Path) -> None:
    run, other = put_run(tmp_path, "job"), write(tmp_path / "others" / "other.run", HEADER)
    with held(other), pytest.raises(BadInput, match="held by a living process"):
        copy(run, other, instead=True)
    assert other.read_bytes() == HEADER


def test_a_link_that_stands_where_a_copy_is_made_is_not_followed(tmp_path: Path) -> None:
    run, mine = put_run(tmp_path, "job"), write(tmp_path / "copies" / "mine", b"mine")
    half_made = mine.with_name("copy.run" + disk.HALF_MADE)
    half_made.symlink_to(mine)
    with pytest.raises(BadInput, match="is a link where only a regular file is opened"):
        copy(run, mine.with_name("copy.run"))
    half_made.unlink()
    mine.with_name("copy.run").symlink_to(mine)
    with pytest.raises(BadInput, match="is a link where only a regular file is opened"):
        copy(run, mine.with_name("copy.run"), instead=True)

    assert mine.read_bytes() == b"mine"


def test_two_copies_to_one_file_do_not_mix(tmp_path: Path) -> None:
    run, to = put_run(tmp_path, "job"), tmp_path / "copies" / "copy.run"
    with held(write(to.with_name(to.name + disk.HALF_MADE), b"half")):
        with pytest.raises(Unavailable, match="just being written"):
            copy(run, to)
    copy(run, to)  # it was left over from a dead process

    assert read_events(to) == read_events(run)


@pytest.mark.parametrize("make", [copy, lambda run, to: import_run(run, to.parent)])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, make: Any) -> None:
    """A bound on the size of files stands for the full disk."""
    run, (soft, hard) = put_run(tmp_path, "job"), resource.getrlimit(resource.RLIMIT_FSIZE)
    (tmp_path / "there").mkdir()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(BadInput, match="cannot be written: File too large"):
            make(run, tmp_path / "there" / "copy.run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list((tmp_path / "there").iterdir()) == []


def test_a_copy_into_no_folder_and_of_no_events_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere/copy\.run' cannot be written: No such file"):
        copy(put_run(tmp_path, "job"), tmp_path / "nowhere" / "copy.run")
    with pytest.raises(BadInput, match="no event yet"):
        copy(write(tmp_path / "unborn.run", HEADER), tmp_path / "copy.txt")
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        copy(tmp_path / "none.run", tmp_path / "copy.txt")


# What is imported


def test_the_same_run_may_be_there_and_another_of_its_name_may_not(tmp_path: Path) -> None:
    there = tmp_path / "there"
    first = import_run(put_run(tmp_path, "job"), there)
    again = import_run(write(tmp_path / "job.run", committed(read_events(first.path))), there)
    assert (first.was_there, again.was_there) == (False, True)

    for other, said in (
        (events_of("job", ASKED), "there with 2 events and has 1 in the file, 1 of them the same"),
        (events_of("job", NOTED, ASKED, NOTED), "there with 2 events and has 3 in the file, 0 of them the same"),
    ):
        with pytest.raises(BadInput, match=said):
            import_run(write(tmp_path / "other.run", whole(other)), there)
    first.path.write_bytes(first.path.read_bytes().replace(b"48,000", b"84,000"))
    with pytest.raises(BadInput, match=r"is damaged there .* move"):
        import_run(tmp_path / "job.run", there)
    assert b"84,000" in first.path.read_bytes()


def relinked(events: Sequence[Event], **values: Any) -> list[Event]:
    """Events whose last is changed, with hashes that hold."""
    last = events[-1]._replace(**values)
    return [*events[:-1], last._replace(hash=link(events[-2].hash, last.head, last.body))]


REFUSED: list[tuple[str, bytes, type[BullpenError], str]] = [
    ("empty", b"", BadInput, "without events"),
    ("another kind", b"# A report\n" * 100, BadInput, r'is no run: it does not begin with {"format":3}'),
    ("events", LINES[0] + b"\n", BadInput, "is no run"),
    ("no format", b'{"format":1e999}\n', BadInput, "is no run"),
    ("a newer format", b'{"format":4}\n', BadInput, "has format 4; this Bullpen reads up to 3"),
    ("damaged", committed(EVENTS).replace(b"a line", b"a lime"), JournalDamaged, "damaged at event 2: .* export"),
    ("cut off", whole(EVENTS)[:-5_000], JournalDamaged, r"cut off behind event \d, \d+ bytes into the next"),
    ("two jobs", whole(relinked(EVENTS, job="other")), BadInput, r"events of 2 jobs: \['job', 'other'\]"),
    ("a path", whole(events_of("../../job", ASKED)), BadInput, r"'\.\./\.\./job', which can be no file's name"),
    ("a hidden name", whole(events_of(".job", ASKED)), BadInput, "no file's name"),
    ("a long name", whole(events_of("j" * 300, ASKED)), BadInput, "no file's name"),
    ("another shape", whole(events_of("job", ASKED, ended("job", claims=3))), BadInput, "of another shape"),
]


@pytest.mark.parametrize(("content", "error", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_no_whole_run_is_refused(tmp_path: Path, content: bytes, error: type[BullpenError], said: str) -> None:
    file = write(tmp_path / "file.run", content)
    with pytest.raises(error, match=said) as refused:
        import_run(file, tmp_path / "there")

    assert repr(str(file)) in str(refused.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file.run"]


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be made"):
        import_run(put_run(tmp_path, "job"), write(tmp_path / "file", b"") / "runs")
    with pytest.raises(BadInput, match="is a folder where only a regular file is opened"):
        import_run(tmp_path, tmp_path / "there")


# What is wrong


def test_a_whole_run_has_no_problems_and_one_with_a_loose_claim_has(tmp_path: Path) -> None:
    claim = {"text": "It was free.", "quotes": [{"source": "a.md", "start": 0, "end": 4, "text": "free"}]}

    assert check(put_run(tmp_path, "job")).problems == ()
    (problem,) = check(put_run(tmp_path, "job", ASKED, ended("job", claims=[claim]))).problems
    assert problem.startswith("claim 1 does not hold: the quote 'free' does not stand in 'a.md'")


def test_every_bad_file_is_told_of_and_none_raises(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.run")
    (tmp_path / "folder.run").mkdir()
    (tmp_path / "loop.run").symlink_to(tmp_path / "loop.run")
    for name, content, *_ in REFUSED:
        write(tmp_path / f"{name}.run", content)
    found = {path.stem: check(path) for path in sorted(tmp_path.glob("*.run"))}

    unreadable = {"pipe", "folder", "loop", "another kind", "events", "no format", "a newer format", "another shape"}
    assert {name for name, run in found.items() if run.state == "unreadable"} == unreadable
    assert found["two jobs"].problems[-1] == "it has events of 2 jobs: ['job', 'other']; a run has those of one"
    problem = found["damaged"].problems[0]
    assert problem.startswith("damaged at event 2: it does not follow")
    assert problem.endswith("4 later commits cannot be read")


# Locks


def test_a_file_that_went_while_its_lock_was_waited_for_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "file", b"")
    handle = os.open(path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)

    def replaced_meanwhile(seconds: float) -> None:
        path.unlink()
        path.touch()
        os.close(handle)

    monkeypatch.setattr(time, "sleep", replaced_meanwhile)
    assert disk.lock(path) is None


def test_closed_is_said_of_every_copy(tmp_path: Path) -> None:
    copy(write(tmp_path / "runs" / "job.run", committed(EVENTS[:3], closed=False)), tmp_path / "copy.run")

    assert (tmp_path / "copy.run").read_bytes().endswith(END + END + closed_after(3) + END)
