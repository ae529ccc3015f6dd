"""What models have said in a folder of runs is found as if all of them were read each time, and they are not."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.errors import BullpenError
from bullpen.orchestrator.ids import canonical, digest
from bullpen.orchestrator.journal import recall
from bullpen.orchestrator.journal.events import GENESIS, Entry
from bullpen.orchestrator.journal.journal import PLAINLY, Chain
from bullpen.orchestrator.journal.lines import HEADER, Content
from bullpen.orchestrator.journal.recall import Answers
from bullpen.orchestrator.journal.storage import read_events, read_from, read_whole
from bullpen.orchestrator.testing import ManualClock

from .making import ASKED, FORMATS, LONG, committed

NAMES, ASKS, TIMES = st.sampled_from("abcd"), st.sampled_from("xyz"), st.integers(0, 9)
#: What a run says: what was asked, and how it was answered.
SAYS = st.lists(st.tuples(ASKS, st.sampled_from(["ok", "stale", "failed", "long"]), TIMES), max_size=4)
CHANGES: st.SearchStrategy[Any] = st.one_of(
    st.tuples(st.just("put"), NAMES, SAYS),
    st.tuples(st.just("grow"), NAMES, SAYS),
    st.tuples(st.sampled_from(["delete", "cut", "touch"]), NAMES, st.just([])),
)


def intent_of(what: str) -> str:
    return digest(canonical({"prompt": what}))


def content(says: list[Any], name: str) -> bytes:
    """A run that says this."""
    clock = ManualClock(0)
    chain, now_ms = Chain(name, clock, PLAINLY), 0
    events = [chain.seal(ASKED)[0]]
    for n, (what, how, at_ms) in enumerate(says):
        clock.advance(at_ms - now_ms)
        now_ms, step = at_ms, f"{n:032x}"
        attempt = {"outcome": "ok" if how != "failed" else "stalled", "lane": "", "model": "m"}
        receipt = {"degraded": [], "attempts": [] if how == "stale" else [attempt]}
        said = {"text": LONG.body["text"] if how == "long" else f"{how} {n}", "receipt": receipt}
        asked = canonical({"prompt": what})
        events += [
            chain.seal(Entry("model.asked", asked, step=step, phase="intent"))[0],
            chain.seal(Entry("model.answered", said, step=step, phase="result"))[0],
        ]
    return committed(events, closed=False)


class Folder:
    """Runs that come, grow, go and are damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.says = folder, dict[str, list[Any]]()

    def change(self, how: str, name: str, says: list[Any]) -> None:
        path = self.folder / f"{name}.run"
        if how == "put" or (how == "grow" and name in self.says):
            self.says[name] = says if how == "put" else [*self.says[name], *says]
            path.write_bytes(content(self.says[name], name))
        elif path.exists():
            if how == "touch":
                os.utime(path, (0, 0))
            elif how == "cut":
                path.write_bytes(path.read_bytes()[:-70])
            else:
                path.unlink()
                del self.says[name]


def exhaustive(folder: Path, intent: str, since_ms: int, until_ms: int) -> tuple[dict[str, Any], int] | None:
    """The same by reading every run whole."""
    found = list[tuple[int, str, int, Any]]()
    for path in sorted(folder.glob("*.run"), key=lambda path: path.name):
        try:
            events = read_events(path)
        except BullpenError:
            continue
        steps = {event.step for event in events if event.kind == "model.asked" and digest(event.body) == intent}
        for event in events:
            if event.kind == "model.answered" and event.step in steps and since_ms <= event.at_ms <= until_ms:
                attempts = event.value["receipt"]["attempts"]
                if attempts and attempts[-1]["outcome"] == "ok":
                    found.append((event.at_ms, path.name, event.seq, event.value))
    return (max(found)[3], max(found)[0]) if found else None


@given(st.lists(st.tuples(CHANGES, ASKS, TIMES, TIMES), max_size=10))
def test_an_answer_is_found_as_if_all_runs_were_read_each_time(steps: list[Any]) -> None:
    with TemporaryDirectory() as name:
        folder, answers = Folder(Path(name)), Answers(Path(name))
        for change, what, since_ms, until_ms in steps:
            folder.change(*change)
            found = answers.find(intent_of(what), since_ms=since_ms, until_ms=until_ms)
            assert found == exhaustive(folder.folder, intent_of(what), since_ms, until_ms)


def test_a_look_reads_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says = [("x", "long", 1)] * 9
    folder, answers, read = Folder(tmp_path), Answers(tmp_path), list[tuple[str, int]]()
    for name in "abc":
        folder.change("put", name, says)

    def whole(path: Path, file: BinaryIO) -> Content:
        read.append((path.stem, 0))
        return read_whole(path, file)

    def on(path: Path, file: BinaryIO, place: int) -> Iterator[bytes]:
        read.append((path.stem, place))
        return read_from(path, file, place)

    monkeypatch.setattr(recall, "read_whole", whole)
    monkeypatch.setattr(recall, "read_from", on)
    size = (tmp_path / "b.run").stat().st_size

    for _ in range(2):
        assert answers.find(intent_of("x"), since_ms=0, until_ms=9) is not None
    folder.change("grow", "b", [("y", "ok", 2)])
    assert answers.find(intent_of("y"), since_ms=0, until_ms=9) is not None

    assert read == [("a", 0), ("b", 0), ("c", 0), ("b", size)]


def test_what_cannot_be_read_has_no_answer_and_an_older_format_has(tmp_path: Path) -> None:
    (tmp_path / "0.run").write_bytes(HEADER + b"\n\n\n")
    (tmp_path / "1.run").mkdir()
    (tmp_path / "2.run").write_bytes((FORMATS / "2.run").read_bytes())  # its answers are of another shape
    run = tmp_path / "3.run"
    run.write_bytes(content([("x", "ok", 1), ("y", "long", 2)], "3"))
    prev, old = GENESIS, b'{"format":2}\n'
    for event in read_events(run):
        text = f'{event.head},"body":{event.body}'
        prev = digest(prev + text)
        old += f'{text},"hash":"{prev}"}}\n'.encode()
    run.write_bytes(old)
    answers = Answers(tmp_path)

    for _ in range(2):
        for what, at_ms in (("x", 1), ("y", 2)):
            found = answers.find(intent_of(what), since_ms=0, until_ms=9)
            assert found is not None
            assert found[1] == at_ms
    assert answers.find(intent_of("z"), since_ms=0, until_ms=9) is None
    assert Answers(tmp_path / "nowhere").find("0" * 64, since_ms=0, until_ms=9) is None
