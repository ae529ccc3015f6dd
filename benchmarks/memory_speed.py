"""How long a search takes in a memory of many passages, and how long it takes to open one.

    python -m benchmarks.memory_speed [--passages 10000 100000] [--json]

Makes texts of the length of a passage from words as frequent as words are, takes vectors of 384 numbers for them (the
hashed embedder's, taken as if they had a meaning, so that the figures are those of the memory and not of a model), and
prints: seconds to store them and to fill the indexes behind; milliseconds of a search by words, by words and vectors,
and by vectors that the index has not seen (searched exactly, as after damage); seconds until the first answer of a
process that opens it; the largest share of memory. Questions are five to nine words, a few of them rare. What MiniLM
takes to embed a question comes on top: it is measured where its weights are at hand.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import accumulate
from pathlib import Path
from statistics import quantiles
from typing import Any

import anyio

from bullpen import Document
from bullpen.memory import HashedEmbedder, ProjectMemory, open_memory
from bullpen.memory.minilm import MiniLM, find_weights

CORPUS = "made"
#: Words in a passage and passages in a document.
LENGTH, PASSAGES = 130, 40
QUESTIONS = 200
TOLD = random.Random(11)
VOCABULARY = [f"{''.join(TOLD.choices('bcdfghklmnprstvw', k=1))}{n:x}o" for n in range(60_000)]
#: Zipf's law: the n-th word is an n-th as frequent as the first.
WEIGHTS = list(accumulate(1 / n for n in range(1, len(VOCABULARY) + 1)))


class Taken(HashedEmbedder):
    """The hashed embedder, of as many numbers as MiniLM's vectors have, taken as if it were semantic."""

    id, dimensions, is_semantic = "taken-384", 384, True


def said(count: int) -> str:
    """So many words."""
    return " ".join(TOLD.choices(VOCABULARY, cum_weights=WEIGHTS, k=count))


def documents(passages: int) -> Iterator[Document]:
    """Documents of so many passages together, each a paragraph."""
    for n in range(passages // PASSAGES):
        text = "\n\n".join(f"{said(LENGTH)}." for _ in range(PASSAGES))
        yield Document(id=f"{n}", title=said(3), uri=f"made:{n}", text=text)


def questions() -> list[str]:
    return [f"{said(TOLD.randint(3, 6))} {' '.join(TOLD.sample(VOCABULARY, 3))}" for _ in range(QUESTIONS)]


async def timed(act: Callable[[], Awaitable[Any]]) -> float:
    began_s = time.perf_counter()
    await act()
    return time.perf_counter() - began_s


async def searched(memory: ProjectMemory, asked: list[str]) -> dict[str, float]:
    """Milliseconds a search."""
    took = [await timed(lambda q=q: memory.search(q, corpora=[CORPUS], limit=8)) for q in asked]  # type: ignore[misc]
    cuts = quantiles(took, n=20)
    return {"p50_ms": round(cuts[9] * 1e3, 1), "p95_ms": round(cuts[18] * 1e3, 1)}


async def measure(passages: int) -> dict[str, Any]:
    """One row."""
    asked = questions()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with open_memory(folder, embedder=Taken()) as memory:
            stored_s = await timed(lambda: memory.ingest(CORPUS, documents(passages)))
            filled_s = await timed(memory.settle)
            count = (await memory.stored()).passages
        async with open_memory(folder, embedder=HashedEmbedder()) as memory:
            await memory.search("before the words are on file", corpora=[CORPUS], limit=1)
            words = await searched(memory, asked)
        began_s = time.perf_counter()
        async with open_memory(folder, embedder=Taken()) as memory:
            await memory.search(asked[0], corpora=[CORPUS], limit=8)
            first_s = time.perf_counter() - began_s
            both = await searched(memory, asked)
        (folder / "chroma.json").unlink()
        async with open_memory(folder, embedder=Taken()) as memory:
            await memory.search(asked[0], corpora=[CORPUS], limit=8)
            unseen = await timed(lambda: memory.search(asked[1], corpora=[CORPUS], limit=8))
    return {
        "passages": count,
        "stored_s": round(stored_s, 1),
        "filled_s": round(filled_s, 1),
        "words": words,
        "both": both,
        "unseen_ms": round(unseen * 1e3, 1),
        "first_answer_s": round(first_s, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def embedding_ms() -> float | None:
    """What MiniLM takes for a question, in milliseconds; None where it is not at hand."""
    weights = find_weights()
    if weights is None:
        return None
    minilm, took = MiniLM(weights), list[float]()
    minilm.embed(["before the clock runs"])
    for question in ("who decides how long a question is", "what did the pilot cost and who paid for it") * 10:
        began_s = time.perf_counter()
        minilm.embed([f"{question} {len(took)}"])
        took.append((time.perf_counter() - began_s) * 1e3)
    return round(sorted(took)[len(took) // 2], 1)


def show(rows: list[dict[str, Any]], minilm_ms: float | None) -> None:
    for row in rows:
        words, both = row["words"], row["both"]
        sys.stdout.write(
            f"{row['passages']:>7} passages: stored {row['stored_s']} s, indexed {row['filled_s']} s;"
            f" by words {words['p50_ms']} ms (p95 {words['p95_ms']}), by both {both['p50_ms']} ms (p95 {both['p95_ms']}),"
            f" unseen by the index {row['unseen_ms']} ms; first answer {row['first_answer_s']} s;"
            f" peak {row['peak_mb']} MB\n"
        )
    sys.stdout.write(
        f"MiniLM embeds a question in {minilm_ms} ms\n" if minilm_ms else "MiniLM's weights are not here\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, nargs="+", default=[10_000, 100_000], help="how many, per row")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    chosen = parser.parse_args()
    rows = [anyio.run(measure, passages) for passages in chosen.passages]
    minilm_ms = embedding_ms()
    if chosen.json:
        sys.stdout.write(json.dumps({"rows": rows, "minilm_ms": minilm_ms}, indent=1) + "\n")
    else:
        show(rows, minilm_ms)


if __name__ == "__main__":
    main()
