"""Processes that share a memory: one owns it, the others ask it, and no acknowledged write is ever missed or lost."""

import json
import os
import socket
import sqlite3
import stat
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from bullpen.benchmarks.shared_memory import measure
from bullpen.memory import HashedEmbedder, ProjectMemory, client, listener, memory, open_memory, wire
from bullpen.memory.calls import CallId, Calls
from bullpen.memory.embedding import Vector
from bullpen.memory.methods import METHODS, Call
from bullpen.memory.owner import Owner
from bullpen.orchestrator.control.place import connected
from bullpen.orchestrator.control.protocol import Asker
from bullpen.orchestrator.errors import BadInput, Conflict, Overloaded, Refused, Unavailable
from bullpen.orchestrator.evidence import Document, File
from bullpen.orchestrator.lookup import Select, Where
from bullpen.orchestrator.metadata import Condition
from bullpen.orchestrator.ports import Note

from .others import Other

pytestmark = pytest.mark.anyio


BY_ADA = Condition(field="by", op="is", values=("Ada",))
SPEAKS_OF_WHALES = Select(where=(Where(field="text", op="contains", values=("whale",)),), show=("by",))


def opened(folder: Path) -> Any:
    return open_memory(folder, embedder=HashedEmbedder())


def a_note(key: str, text: str = "orca", *, about: str = "", source: str = "a") -> Note:
    return Note(key=key, text=text, source=source, start=0, end=1, scope="job", writer="w", about=about)


def document(id: str, text: str = "a whale") -> Document:
    return Document(id=id, title="", uri=id, text=text)


def is_there(path: Path) -> bool:
    return os.path.lexists(path)


def owner_of(mine: ProjectMemory) -> Owner:
    """What has the folder open in this process."""
    assert isinstance(mine._seat, Owner)
    return mine._seat


def plain(value: Note | Document) -> dict[str, Any]:
    return value.model_dump(mode="json")


async def found(memory: ProjectMemory, word: str) -> list[str]:
    return [p.source for p in await memory.search(word, corpora=["sea", "job"], limit=9)]


# Reading what was written


async def test_each_process_reads_what_another_has_written(tmp_path: Path) -> None:
    with Other(tmp_path) as other:
        async with opened(tmp_path) as mine:
            assert (other.ask("is_owner"), mine.is_owner) == (True, False)
            assert other.ask("ingest", "sea", [plain(document("a"))]) == 1
            for number in range(20):
                assert other.ask("add", plain(a_note(f"o{number}", f"orca{number}"))) == 0
                assert await found(mine, f"orca{number}") == ["a"]
                await mine.add(a_note(f"m{number}", f"beluga{number}"))
                assert other.ask("search", f"beluga{number}", corpora=["job"], limit=9) == ["a"]


def test_four_processes_see_every_acknowledged_write() -> None:
    found = measure(processes=4, records=200, documents=20)

    assert (found.records, found.searches, found.missing) == (200, 600, 0)


async def test_many_calls_at_once_each_get_their_own_answer(tmp_path: Path) -> None:
    answers: dict[int, str] = {}
    async with opened(tmp_path) as owner, opened(tmp_path) as mine:
        await owner.ingest("sea", [document(str(n), f"whale {n}") for n in range(60)])

        async def read(number: int) -> None:
            answers[number] = await mine.read(str(number), 0, 99)

        async with anyio.create_task_group() as group:
            for number in range(60):
                group.start_soon(read, number)

    assert answers == {number: f"whale {number}" for number in range(60)}


ASKED: dict[str, dict[str, Any]] = {
    "search": {"query": "whale", "corpora": ["sea"], "limit": 9, "where": [BY_ADA], "diversity": 0.5},
    "explain": {"query": "whale", "corpora": ["sea", "job"], "limit": 9},
    "neighbours": {"source": "a", "start": 0, "end": 5},
    "files": {"corpus": "sea"},
    "duplicates": {"corpus": "sea"},
    "rarity": {"words": ["whale", "orca", "tungsten"]},
    "mentions": {"question": "What did Ada write in b?", "corpora": ["sea"]},
    "select": {"where": [BY_ADA], "corpora": ["sea"], "fields": ["by"]},
    "cards": {"corpora": ["sea"], "sources": ["b"]},
    "fields": {"corpora": ["sea"]},
    "look_up": {"select": SPEAKS_OF_WHALES, "corpora": ["sea"]},
    "closeness": {"question": "whale", "texts": ["a whale", "tungsten"]},
    "source": {"source": "a"},
    "read": {"source": "a", "start": 2, "end": 7},
    "recall": {"about": "orca", "history": True},
    "stored": {},
    "remarks": {},
    "export_sources": {"after": 0, "limit": 9},
    "export_notes": {"after": 0, "limit": 9},
    "settle": {},
    "rebuild": {},
}


@pytest.mark.parametrize("name", sorted(name for name in METHODS if not METHODS[name].writes))
async def test_what_is_asked_by_message_is_answered_as_at_home(tmp_path: Path, name: str) -> None:
    async with opened(tmp_path) as owner, opened(tmp_path) as mine:
        documents = [document("a", "a whale " * 400), document("b").model_copy(update={"metadata": {"by": "Ada"}})]
        await owner.ingest("sea", documents, [File(uri=documents[0].uri, stamp="1", documents=("a",))])
        for key in ("one", "two"):
            await owner.add(a_note(key, key, about="orca"))
        await owner.resolve("one", reason="it is", writer="w")

        at_home, by_message = [
            await one.ask(METHODS[name], METHODS[name].named(**ASKED[name])) for one in (owner, mine)
        ]
    assert by_message == at_home
    assert (at_home is None) == (METHODS[name].waits or name == "closeness")  # words alone know no meanings


async def test_everything_is_exported_by_message(tmp_path: Path) -> None:
    async with opened(tmp_path) as owner, opened(tmp_path) as mine:
        await owner.ingest("sea", [document(str(n)) for n in range(150)])
        await owner.add(a_note("k", source="7"))

        rows = [row async for row in mine.export()]
    assert [row.get("id", row.get("key")) for row in rows] == [*map(str, range(150)), "k"]


# Owners that go


async def test_an_owner_that_is_killed_is_succeeded_and_nothing_is_lost(tmp_path: Path) -> None:
    with Other(tmp_path) as first:
        async with opened(tmp_path) as mine:
            first.ask("ingest", "sea", [plain(document("a"))])
            await mine.add(a_note("k"))
            first.kill()

            assert await found(mine, "orca") == ["a"]
            assert mine.is_owner
            with Other(tmp_path) as second:
                assert second.ask("search", "orca", corpora=["job"], limit=9) == ["a"]
                assert not second.ask("is_owner")


async def test_an_owner_that_leaves_is_succeeded_by_one_of_the_others(tmp_path: Path) -> None:
    with Other(tmp_path) as first, Other(tmp_path) as second, Other(tmp_path) as third:
        first.ask("ingest", "sea", [plain(document("a"))])
        second.ask("add", plain(a_note("k")))
        first.leave()

        for one in (second, third):
            assert one.ask("search", "orca", corpora=["job"], limit=9) == ["a"]
        assert [one.ask("is_owner") for one in (second, third)] == [True, False]
        third.ask("add", plain(a_note("l", "beluga")))
        second.leave()
        assert third.ask("search", "beluga", corpora=["job"], limit=9) == ["a"]
        assert third.ask("is_owner")


async def test_killed_in_the_middle_of_calls_each_write_is_done_once(tmp_path: Path) -> None:
    """Eight writers count their subjects up by comparing versions: a lost or doubled write would be a Conflict."""
    acknowledged = anyio.Semaphore(0)

    async def count_up(mine: ProjectMemory, about: str) -> None:
        for version in range(15):
            written = await mine.add(a_note(f"{about}{version}", f"{version}", about=about), expects=version)
            assert written.version == version + 1
            acknowledged.release()

    with Other(tmp_path) as first, Other(tmp_path) as second:
        first.ask("ingest", "sea", [plain(document("a"))])
        async with opened(tmp_path) as mine:
            async with anyio.create_task_group() as group:
                for writer in range(8):
                    group.start_soon(count_up, mine, f"s{writer}")
                for owner in (first, second):
                    for _ in range(20):
                        await acknowledged.acquire()
                    owner.kill()
            for writer in range(8):
                [live] = await mine.recall(f"s{writer}")
                assert (live.version, live.text) == (15, "14")


ONCE: dict[str, tuple[str, list[Any], dict[str, Any], Any]] = {
    "add": ("add", [a_note("new", about="orca")], {"expects": 2}, 3),
    "resolve": ("resolve", ["one"], {"reason": "it is", "writer": "w", "expects": 2}, ("two",)),
    "forget": ("forget", ["one"], {}, True),
    "ingest": ("ingest", ["sea", [document("b"), document("c")]], {}, 2),
    "retain": ("retain", ["sea", []], {}, 1),
    "forget source": ("forget_source", ["a"], {}, True),
}


@pytest.mark.parametrize("name", ONCE)
async def test_a_write_whose_answer_was_lost_is_done_once_and_says_what_it_did(tmp_path: Path, name: str) -> None:
    method, args, named, expected = ONCE[name]
    with Other(tmp_path) as owner:
        async with opened(tmp_path) as mine:
            await mine.ingest("sea", [document("a")])
            for key in ("one", "two"):
                await mine.add(a_note(key, key, about="orca"))
            owner.ask("dies_before_it_answers")

            result = await getattr(mine, method)(*args, **named)
            assert mine.is_owner
    said = {"add": lambda: result.version, "resolve": lambda: result.supersedes}
    assert said.get(method, lambda: result)() == expected


async def test_a_write_that_is_repeated_does_not_undo_what_has_come_since(tmp_path: Path) -> None:
    async with opened(tmp_path) as owner, opened(tmp_path) as one:
        await owner.ingest("sea", [document("a")])
        add = METHODS["add"]
        first = Call(add, add.named(a_note("k", "first")), CallId("c", 1, 1))
        await owner_of(owner).ask(first)
        await one.add(a_note("k", "second"))
        await owner_of(owner).ask(first)

        assert (await found(one, "first"), await found(one, "second")) == ([], ["a"])


async def test_what_was_answered_is_not_kept_for_ever(tmp_path: Path) -> None:
    async with opened(tmp_path) as owner, opened(tmp_path) as mine:
        await mine.ingest("sea", [document("a")])
        for number in range(20):
            await mine.add(a_note(f"k{number}"))
        store = owner_of(owner)._store
        assert [row[0] for row in store._database.execute("SELECT number FROM calls")] == [21]


async def test_a_call_that_ends_every_owner_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path), opened(tmp_path) as mine:
        monkeypatch.setattr(listener.Listener, "_reply", lambda self, data: None)
        with pytest.raises(Unavailable, match=rf"5 processes that had memory {str(tmp_path)!r} open have gone"):
            await mine.source("a")


class Slow(HashedEmbedder):
    """Embeds when it is allowed to."""

    def __init__(self) -> None:
        self.begun, self.allowed = threading.Event(), threading.Event()

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        self.begun.set()
        self.allowed.wait()
        return super().embed(texts)


@contextmanager
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody waits long."""
    with monkeypatch.context() as patched:
        for module, name in ((client, "ANSWER_S"), (client, "SILENCE_S"), (memory, "REACHED_S")):
            patched.setattr(module, name, 0.3)
        yield


async def test_others_are_answered_while_one_waits_long_and_a_silence_is_no_death(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SILENCE_S", 0.02)
    slow, steps = Slow(), []
    async with open_memory(tmp_path, embedder=slow) as owner, opened(tmp_path) as mine:
        await owner.ingest("sea", [document("a")])

        async def settle() -> None:
            await mine.settle()
            steps.append("settled")

        async with anyio.create_task_group() as group:
            group.start_soon(settle)
            await to_thread.run_sync(slow.begun.wait)
            for _ in range(5):
                assert await found(mine, "whale") == ["a"]
                await anyio.sleep(0.03)
            steps.append("searched")
            slow.allowed.set()

    assert steps == ["searched", "settled"]


async def test_who_waits_for_an_owner_that_leaves_waits_for_the_next(tmp_path: Path) -> None:
    slow, lacking = Slow(), []

    async def settle(mine: ProjectMemory) -> None:
        await mine.settle()
        lacking.append((await mine.stored()).lacking)

    async with open_memory(tmp_path, embedder=slow) as owner, opened(tmp_path) as mine:
        await owner.ingest("sea", [document(str(n)) for n in range(40)])
        heard = owner_of(owner)._listener
        assert heard
        async with anyio.create_task_group() as group:
            group.start_soon(settle, mine)
            await to_thread.run_sync(slow.begun.wait)
            group.start_soon(owner.aclose)
            await to_thread.run_sync(heard._leaving.wait)
            slow.allowed.set()
        assert mine.is_owner
    assert lacking == [0]


async def test_an_owner_leaves_though_somebody_does_not_listen_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_LAST_WORDS_S", 0.1)
    with socket.socket(socket.AF_UNIX) as deaf:
        async with opened(tmp_path) as owner:
            await owner.ingest("sea", [document("a", "whale " * 70_000)])
            deaf.connect(str(tmp_path / "memory.sock"))
            deaf.sendall(message(HELLO) + message({**ASK, "arguments": {"source": "a", "start": 0, "end": 10**7}}))
            assert deaf.recv(1)
            with anyio.fail_after(20):
                await owner.aclose()
    async with opened(tmp_path) as next_one:
        assert next_one.is_owner


async def test_a_write_that_could_not_be_kept_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Calls, call: CallId, result: str, at: int) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async with opened(tmp_path) as owner, opened(tmp_path) as mine:
        await owner.ingest("sea", [document("a")])
        assert await found(mine, "orca") == []
        with monkeypatch.context() as patched:
            patched.setattr(Calls, "keep", full)
            with pytest.raises(Unavailable, match=rf"{str(tmp_path)!r} failed: database or disk is full; look at its"):
                await mine.add(a_note("k"))
        assert await found(mine, "orca") == []
        await mine.add(a_note("k"))
        assert await found(mine, "orca") == ["a"]


# Owners that are silent


async def test_a_stopped_owner_is_named_within_bounded_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Other(tmp_path) as owner:
        async with opened(tmp_path) as mine:
            await mine.ingest("sea", [document("a")])
            owner.stop()
            with impatient(monkeypatch), anyio.fail_after(20):
                expected = rf"process {owner.pid}, which has memory {str(tmp_path)!r} open, does not answer"
                with pytest.raises(Unavailable, match=expected):
                    await mine.source("a")
                with pytest.raises(Unavailable, match=expected):
                    await mine.ingest("sea", [document("b", "x" * 10**6)])
                with pytest.raises(Unavailable, match=expected):
                    async with opened(tmp_path):
                        pass
            owner.go_on()
            assert await mine.source("a")


async def test_a_folder_whose_owner_cannot_be_reached_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "memory.sock").mkdir()
    async with opened(tmp_path) as owner:
        assert await owner.ingest("sea", [document("a")]) == 1
        assert "cannot be reached by other processes" in caplog.text
        with impatient(monkeypatch):
            with pytest.raises(Unavailable, match=rf"{str(tmp_path)!r} is open in process {os.getpid()}, which cannot"):
                async with opened(tmp_path):
                    pass


# What is said


def head(length: int) -> bytes:
    return struct.pack(">I", length)


def message(said: object) -> bytes:
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    return head(len(data)) + data


HELLO = {"version": 1, "embedder": "hash-256", "is_semantic": False, "fresh": False}
ASK = {"method": "read", "arguments": {"source": "a", "start": 0, "end": 9}}
MALFORMED: dict[str, tuple[bytes, str]] = {
    "a browser": (b"GET / HTTP/1.1\r\n\r\n", "a message of 1195725856 bytes is more than"),
    "too long": (message(HELLO) + head(wire.MESSAGE_BYTES_MOST + 1), "is more than"),
    "no json": (message(b"\xff\x00"), "no hello of version 1"),
    "no hello": (message(ASK), "no hello of version 1"),
    "another version": (message({**HELLO, "version": 2}), "no hello of version 1"),
    "no request": (message(HELLO) + message([]), "no request of version 1"),
    "too deep": (message(HELLO) + message(b"[" * 100_000), "no request of version 1"),
    "not a method": (message(HELLO) + message({**ASK, "method": "close"}), "a memory cannot 'close'"),
    "no arguments": (message(HELLO) + message({**ASK, "arguments": {}}), "read takes source, start, end, not"),
    "a bad argument": (
        message(HELLO) + message({**ASK, "arguments": {"source": 7, "start": 0, "end": 9}}),
        "read: Input should be a valid string",
    ),
    "nothing": (b"", ""),
    "half a length": (b"\x00", ""),
    "half a message": (message(HELLO) + head(99) + b"{", '"failure": null'),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_malformed_is_answered_in_words_or_not_at_all(tmp_path: Path, name: str) -> None:
    sent, expected = MALFORMED[name]
    async with opened(tmp_path) as owner, opened(tmp_path) as mine:
        with connected(tmp_path / "memory.sock", timeout_s=20) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as answers:
                said = await to_thread.run_sync(answers.read)

        assert expected in said.decode(errors="replace")
        assert bool(said) == bool(expected)
        assert await mine.ingest("sea", [document("a")]) == 1
        assert owner.is_owner


async def test_what_is_too_long_is_refused_and_documents_go_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MESSAGE_BYTES_MOST", 20_000)
    monkeypatch.setattr(memory, "CHARACTERS", 10_000)
    async with opened(tmp_path) as owner, opened(tmp_path) as mine:
        assert await mine.ingest("sea", [document(str(n), "whale " * 500) for n in range(30)]) == 30
        with pytest.raises(BadInput, match="is more than the 20000 that go from one process to another"):
            await mine.ingest("sea", [document("x", "whale " * 5_000)])
        await owner.ingest("sea", [document("x", "whale " * 5_000)])
        with pytest.raises(BadInput, match="is more than the 20000 that go from one process to another"):
            await mine.read("x", 0, 10**6)
        assert len(await mine.read("x", 0, 10_000)) == 10_000


async def test_errors_arrive_as_they_were_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path) as owner, opened(tmp_path) as mine:
        await mine.ingest("sea", [document("a")])
        await owner.add(a_note("k", about="orca"))

        with pytest.raises(Conflict, match="'orca' is at version 1, not 0; recall it") as caught:
            await mine.add(a_note("l", about="orca"), expects=0)
        assert (caught.value.about, caught.value.version, caught.value.expected) == ("orca", 1, 0)
        with pytest.raises(BadInput, match="rests on source 'nowhere'"):
            await mine.add(a_note("l", source="nowhere"))
        monkeypatch.setattr(owner_of(owner)._store._records, "source", {}.__getitem__)
        with pytest.raises(KeyError, match="a"):
            await mine.source("a")
        assert await found(mine, "whale") == ["a"]


async def test_a_cancelled_call_leaves_the_next_one_its_own_answer(tmp_path: Path) -> None:
    async with opened(tmp_path) as owner, opened(tmp_path) as mine:
        await owner.ingest("sea", [document("a"), document("b", "a ship")])
        for _ in range(30):
            with anyio.move_on_after(0.0005):
                await mine.read("a", 0, 99)
            assert await mine.read("b", 0, 99) == "a ship"


# Who may ask, and with what


async def test_the_socket_is_this_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path):
        assert stat.S_IMODE(os.stat(tmp_path / "memory.sock").st_mode) == 0o600
        for module, expected in ((listener, "may not use it"), (client, "is held by user")):
            with monkeypatch.context() as patched:
                patched.setattr(module, "peer_of", lambda connection: Asker(pid=1, uid=os.geteuid() + 1))
                with pytest.raises(Refused, match=expected):
                    async with opened(tmp_path):
                        pass
    assert not is_there(tmp_path / "memory.sock")


async def test_more_connections_than_there_may_be_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "CONNECTIONS_MOST", 1)
    async with opened(tmp_path), opened(tmp_path) as mine:
        with pytest.raises(Overloaded, match="is asked by 1 others already"):
            async with opened(tmp_path):
                pass
        assert await mine.source("a") is None


class Meaning(HashedEmbedder):
    id, is_semantic = "meaning", True


class Sense(HashedEmbedder):
    id, is_semantic = "sense", True


async def test_another_semantic_embedder_is_refused_by_name_and_one_that_is_not_is_let_in(tmp_path: Path) -> None:
    async with open_memory(tmp_path, embedder=Meaning()) as owner:
        await owner.ingest("sea", [document("a")])
        with pytest.raises(BadInput, match=rf"open in process {os.getpid()} with embedder 'meaning', not 'sense'"):
            async with open_memory(tmp_path, embedder=Sense()):
                pass
        with pytest.raises(BadInput, match="vectors of 'hash-256' are made anew when that process has ended"):
            async with open_memory(tmp_path, embedder=HashedEmbedder(), fresh=True):
                pass
        for embedder in (HashedEmbedder(), Meaning()):
            async with open_memory(tmp_path, embedder=embedder) as mine:
                assert (await mine.stored()).embedder == "meaning"
    async with opened(tmp_path / "plain"), open_memory(tmp_path / "plain", embedder=Meaning()) as mine:
        assert (await mine.stored()).embedder == "hash-256"


# Where it is


async def test_a_socket_that_a_dead_process_has_left_misleads_nobody(tmp_path: Path) -> None:
    with Other(tmp_path) as owner:
        owner.kill()
    assert (tmp_path / "memory.sock").is_socket()

    async with opened(tmp_path) as mine, opened(tmp_path) as other:
        assert (mine.is_owner, other.is_owner) == (True, False)


async def test_a_folder_whose_path_is_too_long_for_a_socket_is_shared_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = tmp_path / "t"
    short.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(short))
    folder = tmp_path.joinpath(*["a rather long name of a folder"] * 5)
    async with opened(folder), opened(folder) as mine:
        assert (folder / "memory.sock").is_symlink()
        assert not mine.is_owner
        assert await mine.ingest("sea", [document("a")]) == 1
    assert list(short.iterdir()) == []


async def test_what_the_body_raises_comes_out_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the job failed"):
        async with opened(tmp_path), opened(tmp_path):
            raise RuntimeError("the job failed")


async def test_a_closed_memory_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path), opened(tmp_path) as mine:
        pass
    with pytest.raises(Unavailable, match=rf"{str(tmp_path)!r} is closed"):
        await mine.source("a")
