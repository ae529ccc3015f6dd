"""How fast documents become something that can be asked, again and again, and what that takes of memory.

    python -m benchmarks.ingestion [--part PART] [--documents 10000] [--json]

- **parts**: the public PEPs, read and parsed, cut, stored and indexed by words, each apart;
- **peps**: the same through a memory, as a job does it: first; unchanged; with 5 documents changed and 2 removed; then
  questions by words, the first of which has the index made;
- **job**: a whole job over them, twice: seconds of its ingestion;
- **pages**: 300 made-up HTML pages, parsed by one child process and by as many as this machine has processors for;
- **documents**: so many made-up Markdown files of 4 kB: first, unchanged, and a question.

Each part has a process of its own, whose memory, and that of its largest child, is told at its most. PEPs are read from
`BULLPEN_DATA`. Files lie for a moment before they are read, so that they count as being at rest.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import anyio

from bullpen import research_team
from bullpen.memory import HashedEmbedder, ProjectMemory, open_memory
from bullpen.memory.chunking import chunk
from bullpen.memory.database import Database
from bullpen.memory.postings import postings_of
from bullpen.memory.records import Records
from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.envelope import Result
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ingest import Ingested, corpus_of, ingest
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.rules.plan import Plan
from bullpen.orchestrator.settings import Settings
from bullpen.orchestrator.system import open_system
from bullpen.orchestrator.worker import Context
from bullpen.tools import children, read_corpus
from bullpen.tools.stamp import AT_REST_NS

from .corpora import questions, write_made_up, write_pages, write_peps

PAGES, BATCH = 300, 64
Row = dict[str, Any]


class Timer:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began_s = time.perf_counter()

    @property
    def seconds(self) -> float:
        return round(time.perf_counter() - self._began_s, 3)


def rest() -> None:
    """Let files lie until a reader takes them for being at rest."""
    time.sleep(AT_REST_NS / 1e9 + 0.2)


async def apart(folder: Path, _: int) -> Row:
    """Each part of a first ingestion, on all documents at once."""
    write_peps(folder)
    timer = Timer()
    documents = [item async for item in read_corpus([folder]) if isinstance(item, Document)]
    row: Row = {"documents": len(documents), "read_s": timer.seconds}
    timer = Timer()
    chunks = [chunk(document.text) for document in documents]
    row |= {"cut_s": timer.seconds, "passages": sum(map(len, chunks))}
    with tempfile.TemporaryDirectory() as kept:
        database, timer = Database(Path(kept) / "records.sqlite"), Timer()
        records = Records(database)
        for first in range(0, len(documents), BATCH):
            with database.transaction():
                for document, cut in list(zip(documents, chunks, strict=True))[first : first + BATCH]:
                    records.put("peps", document, cut, 0)
        row["store_s"], timer = timer.seconds, Timer()
        postings_of(records.passages())
        row["words_s"] = timer.seconds
        database.close()
    return row


async def peps(folder: Path, _: int) -> Row:
    """Ingested as by a job: first, unchanged, changed; and asked."""
    write_peps(folder)
    rest()
    async with memory_beside(folder) as memory:
        row = {"first": await ingested(memory, folder), "unchanged": await ingested(memory, folder)}
        change(folder)
        row["changed"] = await ingested(memory, folder)
        return row | await asked(memory, folder, questions())


def change(folder: Path) -> None:
    """Five documents get a line more, two go."""
    files = sorted(folder.iterdir())
    for file in files[:5]:
        file.write_text(file.read_text(encoding="utf-8") + "\nOne line more.\n", encoding="utf-8")
    for file in files[5:7]:
        file.unlink()


async def job(folder: Path, _: int) -> Row:
    """Two whole jobs over the same corpus, each in a system that is opened for it."""
    write_peps(folder)
    rest()
    return {"first": await in_a_job(folder), "unchanged": await in_a_job(folder)}


async def pages(folder: Path, _: int) -> Row:
    """HTML through one child and through several."""
    write_pages(folder, PAGES)
    row: Row = {"pages": PAGES}
    for most in (1, children.MOST):
        children.MOST = most
        timer = Timer()
        read = [item async for item in read_corpus([folder]) if isinstance(item, Document)]
        assert len(read) == PAGES
        row[f"children_{min(most, children.cores())}_s"] = timer.seconds
    return row


async def documents(folder: Path, count: int) -> Row:
    """So many made-up documents: first, unchanged, and a question."""
    write_made_up(folder, count)
    rest()
    async with memory_beside(folder) as memory:
        row = {"first": await ingested(memory, folder), "unchanged": await ingested(memory, folder)}
        return row | await asked(memory, folder, ["ba de fi", "go lu", "ka me ni po"] * 20)


@asynccontextmanager
async def memory_beside(folder: Path) -> AsyncIterator[ProjectMemory]:
    """A new memory that ranks by words alone."""
    async with open_memory(folder.with_name("memory"), embedder=HashedEmbedder()) as memory:
        yield memory


async def ingested(memory: ProjectMemory, folder: Path) -> Row:
    """One ingestion, as a job does it."""
    timer = Timer()
    steps = Steps(InMemoryJournal("job", SystemClock()), "job", "job", "job")
    done = await ingest(steps, memory, read_corpus, [folder])
    return told(done, timer.seconds)


def told(done: Ingested, seconds: float) -> Row:
    counted = {"documents": done.documents, "changed": done.changed, "removed": done.removed}
    return {"s": seconds, **counted, "per_s": round(done.documents / seconds)}


async def asked(memory: ProjectMemory, folder: Path, texts: Sequence[str]) -> Row:
    """The first question, and the middle and the slowest twentieth of all, in milliseconds."""
    took: list[float] = []
    for text in [texts[0], *texts]:
        timer = Timer()
        await memory.search(text, corpora=[corpus_of([folder])], limit=8)
        took.append(timer.seconds * 1e3)
    first, *others = took
    return {
        "questions": len(texts),
        "first_query_ms": first,
        "p50_ms": round(median(others), 1),
        "p95_ms": round(quantiles(others, n=20)[-1], 1),
    }


async def in_a_job(folder: Path) -> Row:
    """A job that only ingests: seconds from its launch to its end, and of its ingestion."""
    team = replace(research_team, supervisor=lambda workers, settings: Idle())
    timer = Timer()
    async with open_system(Settings(project=folder.with_name("project")), team) as system:
        opened_s = timer.seconds
        async with system.launch("What is there?", corpus=folder) as launched:
            await launched.result()
            at = {event.kind: event.at_ms async for event in launched.events()}
            done_s = timer.seconds
    ingestion_s = (at["corpus.ingested"] - at["corpus.ingest_started"]) / 1e3
    return {"open_s": opened_s, "job_s": round(done_s - opened_s, 3), "ingestion_s": ingestion_s}


class Idle:
    """Has nothing done."""

    async def brief(self, question: str, ctx: Context) -> str:
        """The question."""
        return question

    async def plan(self, brief: str, ctx: Context) -> Plan:
        """No tasks."""
        return Plan()

    async def review(self, brief: str, results: Sequence[Result], ctx: Context) -> Plan | None:
        """Nothing more."""
        return None


PARTS: Mapping[str, Callable[[Path, int], Awaitable[Row]]] = {
    "parts": apart,
    "peps": peps,
    "job": job,
    "pages": pages,
    "documents": documents,
}


def measured(part: str, count: int) -> Row:
    """One part, in this process, with what it took of memory at its most, in MB."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "corpus"
        folder.mkdir()
        row = anyio.run(PARTS[part], folder, count)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    own, others = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"part": part, **row, "peak_mb": own // unit, "child_peak_mb": others // unit}


def in_a_process(part: str, count: int) -> Row:
    """The same, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.ingestion", "--part", part, "--documents", str(count), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    [row] = json.loads(done.stdout)
    return dict(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, help="this part alone, in this process")
    parser.add_argument("--documents", type=int, default=10_000, help="how many made-up documents")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    args = parser.parse_args()
    if args.part:
        rows = [measured(args.part, args.documents)]
    else:
        rows = [in_a_process(part, args.documents) for part in PARTS]
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"\n{row.pop('part')}")
        for name, value in row.items():
            print(
                f"  {name:<16} {', '.join(f'{k} {v}' for k, v in value.items()) if isinstance(value, dict) else value}"
            )


if __name__ == "__main__":
    main()
