"""Questions whose evidence stands in several documents: found in one search, and in hops.

    python -m benchmarks.multihop [--set 2wiki|musique] [--hops N] [--questions N] [--without-minilm] [--json]

Prints, for the questions of the dev part, the share that have all their evidence among the first 8 documents, recall at
2 and 5, searches and milliseconds a question; a paired test of hops against one search; and what has been published.
The constants of `agents/multihop.py` were chosen on 2wiki, the number of hops on musique. Reads `BULLPEN_DATA`.
"""

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from rich.console import Console
from rich.table import Table

from bullpen import Document, Passage
from bullpen.agents.multihop import search_in_hops
from bullpen.memory import HashedEmbedder, ProjectMemory, open_memory
from bullpen.memory.minilm import find_weights

from .scoring import difference, has_all, mcnemar, recall

DATA = Path(os.environ.get("BULLPEN_DATA", Path(__file__).parents[3] / "shared" / "data"))
SETS = ("2wiki", "musique")
CORPUS = "wikipedia"
#: Passages asked for; several of one document count as it once.
DEPTH = 24
ONE_SHOT, IN_HOPS = "one search", "in hops"
#: Set, system, all evidence in 8, recall at 2 and at 5, and what makes it another measurement than ours.
PUBLISHED = (
    ("2wiki", "vectors (text-embedding-3-small)", 0.42, None, None, "101 questions, some 800 passages"),
    ("2wiki", "LightRAG", 0.45, None, None, "101 questions, some 800 passages"),
    ("2wiki", "GraphRAG (nano)", 0.73, None, None, "101 questions, some 800 passages"),
    ("2wiki", "fast-graphrag", 0.93, None, None, "101 questions, some 800 passages"),
    ("2wiki", "BM25", None, 0.518, 0.619, "1,000 questions, 6,119 passages"),
    ("2wiki", "ColBERTv2", None, 0.592, 0.682, "1,000 questions, 6,119 passages"),
    ("2wiki", "HippoRAG", None, 0.707, 0.891, "1,000 questions, 6,119 passages"),
    ("2wiki", "NV-Embed-v2", None, None, 0.765, "1,000 questions, 6,119 passages"),
    ("musique", "BM25", None, 0.323, 0.412, "another, larger sample"),
    ("musique", "ColBERTv2", None, 0.379, 0.492, "another, larger sample"),
    ("musique", "HippoRAG", None, 0.409, 0.519, "another, larger sample"),
    ("musique", "NV-Embed-v2", None, None, 0.697, "another, larger sample"),
)


class Question(NamedTuple):
    """A question, the ids of the documents that it takes, and the titles that other systems listed for it."""

    id: str
    text: str
    gold: frozenset[str]
    titles: frozenset[str]
    listed: dict[str, list[str]]


class Row(NamedTuple):
    """What one way found for one question: documents, best first."""

    set: str
    ranking: str
    way: str
    question: str
    found: Sequence[str]
    gold: frozenset[str]
    searches: int
    ms: float

    @property
    def has_all(self) -> bool:
        return has_all(self.found, self.gold, 8)


def documents_of(name: str) -> list[Document]:
    with gzip.open(DATA / f"multihop_{name}" / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Document(id=row["_id"], title=row["title"], uri=row["_id"], text=row["text"]) for row in rows]


def questions_of(name: str) -> list[Question]:
    folder = DATA / f"multihop_{name}"
    gold: dict[str, set[str]] = {}
    for line in (folder / "qrels_dev.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        question, document, _ = line.split("\t")
        gold.setdefault(question, set()).add(document)
    rows = [json.loads(line) for line in (folder / "queries_dev.jsonl").read_text(encoding="utf-8").splitlines()]
    return [
        Question(
            row["_id"],
            row["text"],
            frozenset(gold[row["_id"]]),
            frozenset(row.get("gold_titles", ())),
            row.get("baseline_top8_titles", {}),
        )
        for row in rows
    ]


@asynccontextmanager
async def memory_of(name: str, ranking: str) -> AsyncIterator[ProjectMemory]:
    """A project's memory in a folder of its own, with the set's passages."""
    embedder = None if ranking == "words, MiniLM" else HashedEmbedder()
    with tempfile.TemporaryDirectory() as folder:
        async with open_memory(Path(folder), embedder=embedder) as memory:
            await memory.ingest(CORPUS, documents_of(name))
            if embedder is None:
                await memory.settle()
            yield memory


class Counted:
    """A memory's search in one corpus; counts how often it is used."""

    def __init__(self, memory: ProjectMemory) -> None:
        self._memory, self.searches = memory, 0

    async def __call__(self, query: str, *, limit: int) -> Sequence[Passage]:
        self.searches += 1
        return await self._memory.search(query, corpora=[CORPUS], limit=limit)


async def measure(name: str, ranking: str, hops: int, most: int) -> list[Row]:
    """Two rows for each question of a set: one search, and hops."""
    rows = []
    async with memory_of(name, ranking) as memory:
        await memory.search("warm", corpora=[CORPUS], limit=1)
        for n, question in enumerate(questions_of(name)[:most], start=1):
            for way in (ONE_SHOT, IN_HOPS):
                search, began = Counted(memory), time.perf_counter()
                if way == ONE_SHOT:
                    passages = await search(question.text, limit=DEPTH)
                else:
                    reached = await search_in_hops(question.text, search, memory.rarity, hops=hops, limit=DEPTH)
                    passages = [found.passage for found in reached]
                ms = (time.perf_counter() - began) * 1000
                found = list(dict.fromkeys(passage.source for passage in passages))
                rows.append(Row(name, ranking, way, question.id, found, question.gold, search.searches, ms))
            sys.stderr.write(f"\r{name}, {ranking}: {n}")
    sys.stderr.write("\n")
    return rows


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def summary(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What each way reached on each set with each ranking."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.set, row.ranking, row.way), []).append(row)
    return [
        {
            "set": name,
            "ranking": ranking,
            "way": way,
            "questions": len(group),
            "all@8": mean([row.has_all for row in group]),
            "R@2": mean([recall(row.found, row.gold, 2) for row in group]),
            "R@5": mean([recall(row.found, row.gold, 5) for row in group]),
            "searches": mean([row.searches for row in group]),
            "ms": mean([row.ms for row in group]),
        }
        for (name, ranking, way), group in groups.items()
    ]


def tests(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Hops against one search, question by question."""
    found = []
    for name, ranking in dict.fromkeys((row.set, row.ranking) for row in rows):
        before, after = (
            [row for row in rows if (row.set, row.ranking, row.way) == (name, ranking, way)]
            for way in (ONE_SHOT, IN_HOPS)
        )
        gained, lost, p = mcnemar([row.has_all for row in before], [row.has_all for row in after])
        r5 = difference(*([recall(row.found, row.gold, 5) for row in side] for side in (before, after)))
        found.append({"set": name, "ranking": ranking, "gained": gained, "lost": lost, "p": p, "R@5": r5._asdict()})
    return found


def listed(name: str) -> list[dict[str, Any]]:
    """All evidence in 8 of the lists that other systems made for the same questions, from fewer passages."""
    questions = questions_of(name)
    systems = dict.fromkeys(system for question in questions for system in question.listed)
    return [
        {"set": name, "system": s, "all@8": mean([has_all(q.listed[s], q.titles, 8) for q in questions])}
        for s in systems
    ]


def show(rows: Sequence[Row], sets: Sequence[str]) -> None:
    """The tables."""
    console = Console(width=140)
    columns = ("set", "ranking", "way", "questions", "all@8", "R@2", "R@5", "searches", "ms")
    table = Table(*columns, box=None, title="measured")
    for line in summary(rows):
        cells = [line[c] for c in columns]
        table.add_row(
            *(
                f"{c:.3f}" if isinstance(c, float) and c <= 1 else f"{c:.0f}" if isinstance(c, float) else str(c)
                for c in cells
            )
        )
    console.print(table)
    table = Table(
        "set",
        "ranking",
        "all@8 gained",
        "lost",
        "p (McNemar)",
        "R@5 difference",
        "95%",
        box=None,
        title="in hops against one search",
    )
    for line in tests(rows):
        r5 = line["R@5"]
        interval = f"{r5['low']:+.3f} to {r5['high']:+.3f}"
        table.add_row(
            line["set"],
            line["ranking"],
            str(line["gained"]),
            str(line["lost"]),
            f"{line['p']:.2g}",
            f"{r5['mean']:+.3f}",
            interval,
        )
    console.print(table)
    table = Table("set", "system", "all@8", "R@2", "R@5", "measured on", box=None, title="published")
    for name, system, *figures, where in PUBLISHED:
        if name in sets:
            table.add_row(name, system, *("" if f is None else f"{f:.3f}" for f in figures), where)
    for line in [line for name in sets for line in listed(name)]:
        table.add_row(
            line["set"],
            line["system"],
            f"{line['all@8']:.3f}",
            "",
            "",
            "its lists, our 50 questions, some 800 passages",
        )
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=SETS, action="append")
    parser.add_argument("--hops", type=int, default=3)
    parser.add_argument(
        "--questions", type=int, default=50, help="the first so many: with MiniLM, hops take seconds each"
    )
    parser.add_argument("--without-minilm", action="store_true", help="rank by words alone, whatever weights there are")
    parser.add_argument("--json", action="store_true", help="print figures, tests and every question's list instead")
    chosen = parser.parse_args()
    sets = chosen.set or SETS
    if missing := [name for name in sets if not (DATA / f"multihop_{name}").is_dir()]:
        sys.exit(f"no {missing} in {str(DATA)!r}; set BULLPEN_DATA to the folder that holds multihop_2wiki")
    rankings = ["words"] if chosen.without_minilm or find_weights() is None else ["words", "words, MiniLM"]
    rows = [
        row
        for name in sets
        for ranking in rankings
        for row in anyio.run(measure, name, ranking, chosen.hops, chosen.questions)
    ]
    if chosen.json:
        lists = [row._asdict() | {"gold": sorted(row.gold)} for row in rows]
        print(json.dumps({"measured": summary(rows), "tests": tests(rows), "questions": lists}))
    else:
        show(rows, sets)


if __name__ == "__main__":
    main()
