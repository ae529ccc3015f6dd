"""What a run is after the power went off at any moment of its writing, and after a bit of it has flipped.

The journal writes to a real file while what reaches the file is noted: writes, cuts and flushes. From these, images are
made of what a disk may hold at any moment: what was flushed is there; of what was not, any sectors, in any order, the
others empty or with what stood there before.
"""

import errno
import functools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from bullpen.orchestrator.errors import BadInput, JournalDamaged, Unavailable
from bullpen.orchestrator.journal import file, storage
from bullpen.orchestrator.journal.events import Entry, Event
from bullpen.orchestrator.journal.lines import HEADER, is_unborn, read
from bullpen.orchestrator.journal.storage import read_events

from .test_journals import opened

SECTOR = 512
#: How many are tried: a sample each time, more with `--slow`.
IMAGES = (1_000, pytest.param(5_000, marks=pytest.mark.slow))
FLIPS = (400, pytest.param(2_000, marks=pytest.mark.slow))


@dataclass
class Disk:
    """Notes what is done to the run. Each note is what is flushed so far, and what may be on the disk beside it."""

    durable: bytes = b""
    cache: bytes = b""
    #: What stood in the cache and was not flushed: sectors of it may be on the disk too.
    stale: list[bytes] = field(default_factory=list)
    notes: list[tuple[bytes, tuple[bytes, ...]]] = field(default_factory=list)
    #: How many bytes there is still room for.
    room: int = 1 << 30

    def write_all(self, handle: int, content: bytes) -> None:
        fitting = content[: self.room]
        os.write(handle, fitting)
        self._now(self.cache + fitting)
        if len(fitting) < len(content):
            self.room = 1 << 30  # the journal tries again
            raise OSError(errno.ENOSPC, "no space left on device")

    def to_disk(self, handle: int) -> None:
        self.durable, self.stale = self.cache, []
        self._note()

    def ftruncate(self, handle: int, size: int) -> None:
        os.truncate(handle, size)
        self._now(self.cache[:size])

    def _now(self, cache: bytes) -> None:
        self.stale.append(self.cache)
        self.cache = cache
        self._note()

    def _note(self) -> None:
        self.notes.append((self.durable, (*self.stale, self.cache)))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(storage, "write_all", disk.write_all)
    monkeypatch.setattr(storage, "to_disk", disk.to_disk)
    monkeypatch.setattr(file, "_ROOM_EVERY_S", 0.0)

    class Os:
        """The module, but for one function."""

        ftruncate = staticmethod(disk.ftruncate)

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

    monkeypatch.setattr(storage, "os", Os())
    return disk


async def fill(path: Path, disk: Disk, chance: random.Random) -> list[Event]:
    """A run of three owners, with short and long bodies, alone and together, and a disk that is full for a while."""
    written: list[Event] = []
    for _ in range(3):
        async with opened(path) as journal:
            for n in range(12):
                for _ in range(chance.randint(1, 4)):
                    text = " ".join(chance.choices(["to", "be,", "or", "not"], k=chance.choice((3, 40, 2_000))))
                    written.append(journal.append(Entry("worker.noted", {"text": text, "n": n})))
                disk.room = chance.choice((1 << 30, 1 << 30, 700))
                await journal.commit()
            disk.room = 1 << 30
    events = read_events(path)
    assert [event for event in events if event.kind != file.FULL] == written
    return events


def images(disk: Disk, chance: random.Random, count: int) -> Iterator[tuple[bytes, bytes]]:
    """What is known to be flushed at some moment, and what the disk may hold then."""
    for _ in range(count):
        durable, candidates = chance.choice(disk.notes)
        newest = chance.choice(candidates)
        size = chance.choice((len(newest), chance.randint(min(len(durable), len(newest)), len(newest))))
        image = bytearray(newest[:size])
        image[: len(durable)] = durable
        for start in range(len(durable) - len(durable) % SECTOR, len(image), SECTOR):
            here = slice(max(start, len(durable)), start + SECTOR)
            size = len(image[here])
            image[here] = chance.choice((bytes(size), *(held[here].ljust(size, b"\0")[:size] for held in candidates)))
        yield durable, bytes(image)


@pytest.mark.parametrize("count", IMAGES)
def test_no_event_that_was_flushed_is_lost_and_no_crash_looks_like_damage(
    tmp_path: Path, disk: Disk, count: int
) -> None:
    chance = random.Random(1)
    written = anyio.run(fill, tmp_path / "job.run", disk, chance)
    kept = functools.cache(lambda durable: len(read(durable).events))
    torn = 0
    for durable, image in images(disk, chance, count):
        if is_unborn(image):
            assert not durable
            continue
        assert image.startswith(HEADER)
        found = read(image)
        assert found.damage is None
        assert found.events == written[: len(found.events)]
        assert len(found.events) >= kept(durable)
        torn += found.size < len(image)

    assert torn > count / 10


@pytest.mark.parametrize("count", FLIPS)
def test_every_flipped_bit_is_found_or_harmless(tmp_path: Path, disk: Disk, count: int) -> None:
    chance = random.Random(2)
    written = anyio.run(fill, tmp_path / "job.run", disk, chance)
    content = (tmp_path / "job.run").read_bytes()
    found = 0
    for _ in range(count):
        flipped = bytearray(content)
        flipped[chance.randrange(len(HEADER), len(content))] ^= 1 << chance.randrange(8)
        after = read(bytes(flipped))
        assert after.damage or after.events == written
        assert after.events == written[: len(after.events)]
        found += after.damage is not None

    assert found > count * 0.99


@pytest.mark.parametrize("bit", range(8 * (len(HEADER) - 1)))
def test_every_flipped_bit_of_the_header_is_found(tmp_path: Path, bit: int) -> None:
    anyio.run(fill_one, tmp_path / "job.run")
    content = bytearray((tmp_path / "job.run").read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    (tmp_path / "job.run").write_bytes(content)

    with pytest.raises((JournalDamaged, BadInput)):
        read_events(tmp_path / "job.run")
    with pytest.raises((JournalDamaged, BadInput)):
        anyio.run(fill_one, tmp_path / "job.run")
    assert (tmp_path / "job.run").read_bytes() == content


async def fill_one(path: Path) -> None:
    async with opened(path) as journal:
        journal.append(Entry("worker.noted", {}))


def test_a_disk_that_fails_is_not_written_to_again(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(handle: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    async def write() -> None:
        async with opened(tmp_path / "job.run") as journal:
            journal.append(Entry("a.one", {}))
            await journal.commit()
            journal.append(Entry("a.two", {}))
            with monkeypatch.context() as patched:
                patched.setattr(storage, "to_disk", broken)
                with pytest.raises(Unavailable, match="input/output error; the disk cannot be trusted"):
                    await journal.commit()
            with pytest.raises(Unavailable, match="input/output error"):
                await journal.commit()

    with pytest.raises(Unavailable, match="input/output error"):
        anyio.run(write)
    assert [event.kind for event in read_events(tmp_path / "job.run")] == ["a.one"]


def test_a_beginning_that_is_gone_is_damage_once_something_was_accepted(tmp_path: Path) -> None:
    anyio.run(fill_one, tmp_path / "job.run")
    content = (tmp_path / "job.run").read_bytes()
    (tmp_path / "job.run").write_bytes(bytes(len(HEADER)) + content[len(HEADER) :])

    with pytest.raises(JournalDamaged, match="does not begin as runs do"):
        read_events(tmp_path / "job.run")
