"""How well what is there is found: words alone, meaning alone, both; on public test collections.

    python -m benchmarks.retrieval [--set scifact] [--set cranfield] [--json]

Each document of a collection is ingested into a memory in a temporary folder; each question of its dev part is a search.
Passages stand for their documents, a document for its best passage. Beside ours: plain BM25 over whole documents
(`bm25s`, Porter stems, English stop words), and each embedder alone, by the cosine of every passage. Differences are
paired, by question, against ours with words alone.
Collections are read from `BULLPEN_DATA`; rows with MiniLM need its weights.
"""

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import anyio

from bullpen.memory import open_memory
from bullpen.memory.chunking import chunk
from bullpen.memory.embedding import Embedder, HashedEmbedder, Vector
from bullpen.memory.minilm import MiniLM, find_weights
from bullpen.memory.rerank import rerank
from bullpen.memory.retrieval import RERANKED
from bullpen.orchestrator.evidence import Document

from .scoring import Scores, difference, score

DATA = Path(os.environ.get("BULLPEN_DATA", Path(__file__).parents[3] / "shared" / "data"))
SETS = ("scifact", "cranfield")
#: How many passages are asked for, so that a hundred documents are among them.
PASSAGES = 250
#: What a search for different things asks for.
DIVERSITY = 0.3
#: Texts that are embedded at a time where an embedder ranks alone.
BATCH = 256
#: Published figures beside which ours stand: nDCG@10.
PUBLISHED = {
    "scifact": {"BM25": 0.687, "all-MiniLM-L6-v2": 0.645, "bge-small-en-v1.5": 0.713},
    "cranfield": {"BM25": 0.354, "BM25 with feedback": 0.385, "all-MiniLM-L6-v2": 0.360, "fused": 0.394},
}

Search = Callable[[str], Awaitable[Sequence[str]]]


@dataclass(frozen=True)
class Collection:
    """Documents, questions by id, and what is relevant to each, with its gain."""

    name: str
    documents: list[Document]
    questions: dict[str, str]
    gains: dict[str, dict[str, float]]


class Kept:
    """An embedder whose vectors are kept in memory: each way embeds the same passages."""

    is_semantic = True

    def __init__(self, inner: Embedder) -> None:
        self._inner, self._kept = inner, dict[str, Vector]()
        self.id, self.dimensions = inner.id, inner.dimensions

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """Each text's vector."""
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        self._kept |= dict(zip(new, self._inner.embed(new), strict=True))
        return [self._kept[text] for text in texts]


def read_collection(name: str) -> Collection:
    """A collection with its dev questions."""
    folder = DATA / name
    if not folder.is_dir():
        raise SystemExit(f"there is no {folder}: set BULLPEN_DATA to the folder of public data sets")
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    documents = [Document(id=row["_id"], title=row["title"], uri=row["_id"], text=row["text"]) for row in rows]
    questions = [json.loads(line) for line in (folder / "queries_dev.jsonl").read_text(encoding="utf-8").splitlines()]
    gains: dict[str, dict[str, float]] = {}
    for line in (folder / "qrels_dev.tsv").read_text(encoding="utf-8").splitlines():
        question, document, gain = line.split("\t")
        if gain.replace(".", "").isdigit() and float(gain) > 0:
            gains.setdefault(question, {})[document] = float(gain)
    asked = {row["_id"]: row["text"] for row in questions if row["_id"] in gains}
    return Collection(name, [d for d in documents if d.text.strip()], asked, gains)


def plain_bm25(collection: Collection) -> Search:
    """BM25 of whole documents, with no code of ours."""
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    texts = [f"{document.title} {document.text}" for document in collection.documents]
    index = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)

    async def search(question: str) -> list[str]:
        asked = bm25s.tokenize(question, stopwords="en", stemmer=stemmer, show_progress=False)
        found, _ = index.retrieve(asked, k=100, show_progress=False)
        return [collection.documents[at].id for at in found[0]]

    return search


def embedder_alone(collection: Collection, embedder: Embedder) -> Search:
    """Every passage compared with the question: what an exact index of vectors would find."""
    import numpy

    passages = [(document, part) for document in collection.documents for part in chunk(document.text)]
    texts = [f"{document.title}\n{part.heading}\n{part.text}" for document, part in passages]
    batches = [embedder.embed(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
    vectors = numpy.concatenate([numpy.array(batch, dtype=numpy.float32) for batch in batches])

    async def search(question: str) -> list[str]:
        [asked] = embedder.embed([question])
        nearest = numpy.argsort(-(vectors @ numpy.array(asked, dtype=numpy.float32)), kind="stable")
        return [passages[at][0].id for at in nearest[:PASSAGES]]

    return search


async def asked(collection: Collection, search: Search) -> tuple[list[Scores], list[float]]:
    """The scores of each question, and how long each took, in milliseconds."""
    scores, took = [], []
    for question, text in collection.questions.items():
        began_s = time.perf_counter()
        found = await search(text)
        took.append((time.perf_counter() - began_s) * 1e3)
        scores.append(score(list(dict.fromkeys(found)), collection.gains[question]))
    return scores, took


@dataclass(frozen=True)
class Way:
    """How a memory is asked: with which embedder, how diverse, and whether meaning only ranks again what words found."""

    embedder: Embedder
    diversity: float = 0.0
    again: Embedder | None = None


async def in_memory_of_ours(collection: Collection, way: Way) -> tuple[list[Scores], list[float], float]:
    """Through a memory: scores, milliseconds a question, seconds to ingest and to make vectors that are not kept."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_memory(Path(folder), embedder=way.embedder) as memory:
            began_s = time.perf_counter()
            await memory.ingest(collection.name, collection.documents)
            if way.embedder.is_semantic:
                await memory.settle()
            ingested_s = time.perf_counter() - began_s

            async def search(question: str) -> list[str]:
                found = await memory.search(
                    question, corpora=[collection.name], limit=PASSAGES, diversity=way.diversity
                )
                if way.again is not None:  # as where a large corpus still lacks its vectors
                    texts = [f"{p.title}\n{p.heading}\n{p.text}" for p in found[:RERANKED]]
                    order = rerank(question, texts, way.again, RERANKED)
                    found = (*(found[at] for at in order), *found[RERANKED:])
                return [passage.source for passage in found]

            await search("a question before the clock runs")
            return *await asked(collection, search), ingested_s


def ways(minilm: Embedder | None) -> Mapping[str, Way]:
    """By name, how a memory is asked."""
    words = HashedEmbedder()
    plain = {"words": Way(words), "words, diversified": Way(words, diversity=DIVERSITY)}
    if minilm is None:
        return plain
    return {
        **plain,
        "words, MiniLM ranks again": Way(words, again=minilm),
        "fused": Way(minilm),
        "fused, diversified": Way(minilm, diversity=DIVERSITY),
    }


async def measure(name: str) -> list[dict[str, Any]]:
    """A row for each way of searching one collection."""
    collection, rows = read_collection(name), []
    weights = find_weights()
    minilm = Kept(MiniLM(weights)) if weights else None
    results = {"BM25, whole documents": (*await asked(collection, plain_bm25(collection)), 0.0)}
    for way, embedder in {"hashed alone": HashedEmbedder(), "MiniLM alone": minilm}.items():
        if embedder is not None:
            sys.stderr.write(f"{name}: {way}\n")
            began_s = time.perf_counter()
            search = embedder_alone(collection, embedder)
            took_s = time.perf_counter() - began_s
            results[way] = (*await asked(collection, search), took_s)
    for way, parts in ways(minilm).items():
        sys.stderr.write(f"{name}: {way}\n")
        results[way] = await in_memory_of_ours(collection, parts)
    base = [scores.ndcg for scores in results["words"][0]]
    for way, (scores, took, ingested_s) in results.items():
        against = difference([s.ndcg for s in scores], base)
        rows.append(
            {
                "set": name,
                "way": way,
                "questions": len(scores),
                "ndcg": round(mean(s.ndcg for s in scores), 4),
                "recall": round(mean(s.recall for s in scores), 4),
                "against_words": [round(value, 4) for value in against],
                "ms": round(median(took), 1),
                "ingested_s": round(ingested_s, 1),
            }
        )
    return rows


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """A table, with the published figures below each collection."""
    for name in dict.fromkeys(row["set"] for row in rows):
        sys.stdout.write(f"\n{name}: nDCG@10, Recall@100, against words alone (95 %, p), ms a question, s to ingest\n")
        for row in (row for row in rows if row["set"] == name):
            gap, low, high, p = row["against_words"]
            told = f"{row['ndcg']:.4f}  {row['recall']:.4f}  {gap:+.4f} ({low:+.4f} to {high:+.4f}, p {p:.3f})"
            sys.stdout.write(f"  {row['way']:<28} {told}  {row['ms']:6.1f}  {row['ingested_s']:6.1f}\n")
        published = ", ".join(f"{way} {value}" for way, value in PUBLISHED[name].items())
        sys.stdout.write(f"  published: {published}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", choices=SETS, help="this collection alone; may be repeated")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    chosen = parser.parse_args()
    rows = [row for name in chosen.set or SETS for row in anyio.run(measure, name)]
    if chosen.json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        show(rows)


if __name__ == "__main__":
    main()
