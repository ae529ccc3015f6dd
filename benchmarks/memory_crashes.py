"""A project's memory whose processes are killed with `kill -9` while they write: what of it is lost.

    python -m benchmarks.memory_crashes [--kills 50] [--writers 2] [--seed 7] [--json]

So many processes share one folder: they ingest documents, add notes (each counts its own subject up by comparing
versions) and search for what they have just written, and say what was acknowledged. One of them, drawn by the seed, is
killed at a random moment, and another begins in its place. Often it is the owner: then the others go on, and a call
that was in hand is made again.

Afterwards every acknowledged document and note has to be there, and every query has to find what it finds in a new
memory of the same documents and notes, by words and by vectors. Exit status 1 where one of this is not so.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import anyio

from bullpen.memory import HashedEmbedder, ProjectMemory, open_memory
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ports import Note

THINGS = ["whale", "ship", "harpoon", "sail", "anchor", "rope", "storm", "island"]
QUERIES = [*THINGS, "whale ships", "sailing to islands", "storms and ropes", "a harpoon on an island", "anchors 7"]
DOCUMENTS = 10


class Meant(HashedEmbedder):
    """The hashed embedder, taken at its word, so that vectors take part; of few dimensions, so that none is missed."""

    id = "meant-16"
    dimensions = 16
    is_semantic = True


@dataclass(slots=True)
class Found:
    """What the killings have shown."""

    kills: int = 0
    owners_killed: int = 0
    documents: int = 0
    notes: int = 0
    lost: int = 0
    #: Writes that were not seen by the next search, or were answered with something that did not happen.
    untrue: int = 0
    queries: int = 0
    other_answers: int = 0
    seconds: float = 0.0


async def write(folder: Path, name: str) -> None:
    """One process, until it is killed: what is acknowledged is said, a line each."""
    chance = random.Random(name)
    async with open_memory(folder, embedder=Meant()) as memory:
        for step in count():
            documents = [_document(f"{name}-{step}-{n}", chance) for n in range(DOCUMENTS)]
            changed = await memory.ingest("sea", documents)
            _say(memory, documents=[d.id for d in documents], untrue=changed != DOCUMENTS)
            word = f"{name}x{step}"
            note = Note(key=word, text=f"{word} {chance.choice(THINGS)}", about=name, **_place(documents[0]))
            try:
                kept = await memory.add(note, expects=step)
                found = await memory.search(word, corpora=["job"], limit=5)
                _say(memory, note=word, untrue=kept.version != step + 1 or not found)
            except Exception as error:  # a writer alone at its subject is in nobody's way
                _say(memory, untrue=True, error=str(error))
                raise


def _place(document: Document) -> dict[str, Any]:
    return {"source": document.id, "start": 0, "end": 5, "scope": "job", "writer": "w"}


def _document(id: str, chance: random.Random) -> Document:
    text = " ".join([*chance.choices(THINGS, k=9), *(f"w{chance.randrange(2_000)}x" for _ in range(6)), id])
    return Document(id=id, title="", uri=id, text=text)


def _say(memory: ProjectMemory, **said: Any) -> None:
    print(json.dumps({"is_owner": memory.is_owner, **said}), flush=True)


class Writer:
    """A process that writes, and what it has said."""

    def __init__(self, folder: Path, name: str) -> None:
        command = [sys.executable, __file__, "--write", str(folder), name]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.said: list[dict[str, Any]] = []
        self._listening = Thread(target=self._listen)
        self._listening.start()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.endswith("\n"):  # what is cut off was not said
                self.said.append(json.loads(line))

    def wait(self) -> None:
        """Until it has written something."""
        while not self.said:
            assert self._process.poll() is None, "a writer has ended before it wrote"
            time.sleep(0.01)

    def kill(self) -> bool:
        """Kill it; whether it owned the memory."""
        self._process.kill()
        self._listening.join()
        with self._process:  # nothing is left but to close its pipe
            return bool(self.said and self.said[-1]["is_owner"])


def measure(kills: int, writers: int, seed: int) -> Found:
    """Kill so many of so many, and look at what is left."""
    chance, found, started = random.Random(seed), Found(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        memory, names = Path(folder) / "memory", (f"w{n}" for n in count())
        alive = [Writer(memory, next(names)) for _ in range(writers)]
        gone: list[Writer] = []
        while found.kills < kills:
            for writer in alive:
                writer.wait()
            time.sleep(chance.uniform(0, 0.5))
            gone.append(alive.pop(chance.randrange(writers)))
            found.owners_killed += gone[-1].kill()
            found.kills += 1
            alive.append(Writer(memory, next(names)))
        for writer in alive:
            writer.kill()
        said = [line for writer in [*gone, *alive] for line in writer.said]
        anyio.run(judge, found, memory, Path(folder) / "new", said)
    found.seconds = round(time.perf_counter() - started, 1)
    return found


async def judge(found: Found, folder: Path, new: Path, said: Sequence[dict[str, Any]]) -> None:
    """Compare what is there with what was acknowledged, and what is found with what a new memory finds."""
    documents = [id for line in said for id in line.get("documents", ())]
    notes = [line["note"] for line in said if "note" in line]
    found.documents, found.notes = len(documents), len(notes)
    found.untrue = sum(line.get("untrue", False) for line in said)
    async with open_memory(folder, embedder=Meant()) as memory:
        for id in documents:
            found.lost += await memory.source(id) is None
        kept = {note.key for about in {key.partition("x")[0] for key in notes} for note in await _all(memory, about)}
        found.lost += len(set(notes) - kept)
        await memory.settle()
        answers = await _answers(memory)
        async with open_memory(new, embedder=Meant()) as other:
            await _copy(memory, other)
            await other.settle()
            expected = await _answers(other)
    found.queries = len(answers)
    found.other_answers = sum(one != another for one, another in zip(answers, expected, strict=True))


async def _all(memory: ProjectMemory, about: str) -> tuple[Note, ...]:
    return await memory.recall(about, history=True)


async def _copy(memory: ProjectMemory, other: ProjectMemory) -> None:
    async for row in memory.export():
        kind = row["kind"]
        if kind == "source":
            text = {name: row[name] for name in ("id", "title", "uri", "text", "metadata")}
            await other.ingest(row["corpus"], [Document(**text)])
        else:
            note = Note(**{name: value for name, value in row.items() if name != "kind"})
            await other.add(note, expects=note.version - 1)


async def _answers(memory: ProjectMemory) -> list[list[str]]:
    found = [await memory.search(query, corpora=["sea", "job"], limit=30) for query in QUERIES]
    return [[passage.model_dump_json() for passage in passages] for passages in found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        anyio.run(write, Path(given.write[0]), given.write[1])
        return 0
    found = measure(given.kills, given.writers, given.seed)
    print(json.dumps(asdict(found)) if given.json else "\n".join(f"{k:16} {v}" for k, v in asdict(found).items()))
    return 1 if found.lost or found.untrue or found.other_answers else 0


if __name__ == "__main__":
    raise SystemExit(main())
