"""Processes that share a project's memory: whether every search sees every write that was acknowledged before it.

    python -m benchmarks.shared_memory [--processes 4] [--records 10000] [--documents 1000] [--json]
    python -m benchmarks.shared_memory --cost [--documents 1000] [--json]

Each process opens the same folder (the first owns it, the others ask it) and writes its part of the notes, one after
another; each has a word that no other has. When one is acknowledged, its word goes through pipes to all the others, who
search for it at once, while they go on writing. Exit status 1 where a search finds nothing. With `--cost`, nothing but
what a call takes: in the process that owns the folder, then in another one, medians in milliseconds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any

import anyio
from anyio import to_thread

from bullpen.memory import HashedEmbedder, ProjectMemory, open_memory
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ports import Note


@dataclass(slots=True)
class Said:
    """What one process has to say at the end; times in milliseconds."""

    is_owner: bool
    missing: int = 0
    add_ms: list[float] = field(default_factory=list)
    search_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """What all of them came to."""

    processes: int
    records: int
    searches: int
    missing: int
    seconds: float
    writes_per_s: float
    owner_add_p50_ms: float
    owner_search_p50_ms: float
    other_add_p50_ms: float
    other_search_p50_ms: float


async def take_part(folder: Path, name: str, records: int) -> None:
    """One process: its words go to stdout as they are acknowledged, those of others come by stdin."""
    async with open_memory(folder, embedder=HashedEmbedder()) as memory:
        print("open", flush=True)
        await to_thread.run_sync(sys.stdin.readline)  # until all are
        said = Said(memory.is_owner)
        async with anyio.create_task_group() as group:
            group.start_soon(_write, memory, name, records, said)
            group.start_soon(_look, memory, said)
        print(json.dumps(asdict(said)), flush=True)
        await to_thread.run_sync(sys.stdin.readline)  # until all have been heard: the owner stays so long


async def _write(memory: ProjectMemory, name: str, records: int, said: Said) -> None:
    for number in range(records):
        word = f"{name}x{number}"
        note = Note(key=word, text=f"{word} was seen", source="0", start=0, end=5, writer=name, scope="job")
        started = time.perf_counter()
        await memory.add(note)
        said.add_ms.append((time.perf_counter() - started) * 1e3)
        await to_thread.run_sync(_tell, word)


def _tell(word: str) -> None:
    print(word, flush=True)


async def _look(memory: ProjectMemory, said: Said) -> None:
    while (line := await to_thread.run_sync(sys.stdin.readline)).strip():
        started = time.perf_counter()
        found = await memory.search(line.strip(), corpora=["job"], limit=5)
        said.search_ms.append((time.perf_counter() - started) * 1e3)
        said.missing += not found


class Crowd:
    """The processes, and what they tell each other."""

    def __init__(self, folder: Path, processes: int, records: int) -> None:
        parts = [records // processes + (n < records % processes) for n in range(processes)]
        self._children = [_start(folder, f"p{n}", part) for n, part in enumerate(parts)]
        self._locks = [Lock() for _ in self._children]
        self._parts, self.said = parts, [Said(False) for _ in self._children]

    def run(self) -> float:
        """Let all begin at once; the seconds until the last has seen everything."""
        for child in self._children:
            assert _out(child).readline() == "open\n"
        started = time.perf_counter()
        self._to_all("")
        relays = [Thread(target=self._relay, args=(n,)) for n in range(len(self._children))]
        for relay in relays:
            relay.start()
        for relay in relays:
            relay.join()
        self._to_all("")  # no more words
        for number, child in enumerate(self._children):
            self.said[number] = Said(**json.loads(_out(child).readline()))
        seconds = time.perf_counter() - started
        for child in self._children:
            child.communicate("\n")
        return seconds

    def _relay(self, number: int) -> None:
        for _ in range(self._parts[number]):
            word = _out(self._children[number]).readline()
            assert word, f"process {number} has ended early"
            self._to_all(word.strip(), but=number)

    def _to_all(self, line: str, but: int = -1) -> None:
        for number, child in enumerate(self._children):
            if number != but:
                with self._locks[number]:
                    assert child.stdin
                    child.stdin.write(line + "\n")
                    child.stdin.flush()


def _start(folder: Path, name: str, records: int) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, "--take-part", str(folder), name, str(records)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _out(child: "subprocess.Popen[str]") -> IO[str]:
    assert child.stdout
    return child.stdout


def measure(processes: int, records: int, documents: int) -> Found:
    """Have so many processes write so many notes between them, in a memory of so many documents."""
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(_fill, Path(folder), documents)
        crowd = Crowd(Path(folder), processes, records)
        seconds = crowd.run()
    return _found(crowd.said, seconds)


async def _fill(folder: Path, documents: int) -> None:
    texts = [f"whale number {n} and the ship that met it" for n in range(max(1, documents))]
    async with open_memory(folder, embedder=HashedEmbedder()) as memory:
        await memory.ingest("sea", [Document(id=str(n), title="", uri="", text=text) for n, text in enumerate(texts)])


def _found(said: Sequence[Said], seconds: float) -> Found:
    owner, others = [s for s in said if s.is_owner], [s for s in said if not s.is_owner]
    writes = sum(len(s.add_ms) for s in said)
    return Found(
        processes=len(said),
        records=writes,
        searches=sum(len(s.search_ms) for s in said),
        missing=sum(s.missing for s in said),
        seconds=round(seconds, 2),
        writes_per_s=round(writes / seconds, 1),
        owner_add_p50_ms=_median([t for s in owner for t in s.add_ms]),
        owner_search_p50_ms=_median([t for s in owner for t in s.search_ms]),
        other_add_p50_ms=_median([t for s in others for t in s.add_ms]),
        other_search_p50_ms=_median([t for s in others for t in s.search_ms]),
    )


def _median(times: Sequence[float]) -> float:
    return round(statistics.median(times), 3) if times else 0.0


async def cost(documents: int) -> dict[str, float]:
    """What calls take at the owner's, and what they take in another process while the owner is idle."""
    with tempfile.TemporaryDirectory() as folder:
        await _fill(Path(folder), documents)
        async with open_memory(Path(folder), embedder=HashedEmbedder()) as memory:
            mine = await _timed(memory, "owner")
            done = await anyio.run_process([sys.executable, __file__, "--time", folder], stderr=None)
    return {**mine, **json.loads(done.stdout)}


async def time_calls(folder: Path) -> None:
    async with open_memory(folder, embedder=HashedEmbedder()) as memory:
        assert not memory.is_owner
        print(json.dumps(await _timed(memory, "other")))


async def _timed(memory: ProjectMemory, who: str) -> dict[str, float]:
    notes = (
        Note(key=f"{who}{n}", text=f"{who} {n}", source="0", start=0, end=5, writer="w", scope="s") for n in count()
    )
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "source": lambda: memory.source("0"),
        "search": lambda: memory.search("whale ship", corpora=["sea"], limit=10),
        "add": lambda: memory.add(next(notes)),
    }
    return {f"{who}_{name}_p50_ms": await _p50(call) for name, call in calls.items()}


async def _p50(call: Callable[[], Awaitable[object]]) -> float:
    took = []
    for _ in range(500):
        started = time.perf_counter()
        await call()
        took.append((time.perf_counter() - started) * 1e3)
    return _median(took)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--documents", type=int, default=1_000)
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--cost", action="store_true", help="what a call takes, and nothing else")
    parser.add_argument("--take-part", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--time", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.time:
        anyio.run(time_calls, Path(given.time))
        return 0
    if given.cost:
        took = anyio.run(cost, given.documents)
        print(json.dumps(took) if given.json else _shown(took))
        return 0
    if given.take_part:
        folder, name, records = given.take_part
        anyio.run(take_part, Path(folder), name, int(records))
        return 0
    found = measure(given.processes, given.records, given.documents)
    print(json.dumps(asdict(found)) if given.json else _shown(asdict(found)))
    return 1 if found.missing else 0


def _shown(found: dict[str, Any]) -> str:
    return "\n".join(f"{name:22} {value}" for name, value in found.items())


if __name__ == "__main__":
    raise SystemExit(main())
