"""What of the evidence survives when a prompt has less room than there is to say.

    python -m benchmarks.context [conversation] [passages] [examples] [--every N] [--json]

`conversation`: meetings (conv_qmsum) cut to a share of their words, for each question: the share of the words of its
gold turns that survive, and of questions with all of them; by the last turns alone, and by the last turns with
excerpts for the question, with how many questions that gains and loses (McNemar). `passages`: 24 passages found by words (chunking_chroma) cut to a budget of tokens: whole ones
while they fit, and assembled; the share of the gold characters, wherever the same words stand. `examples`: 5 examples chosen for each of banking77's
queries (cache_intents): whether one of them has the query's label, and how many labels there are. `--every N` takes
every N-th meeting, question and query. The first two were seen while the constants were chosen; the halves of the sets
that are kept back were not. Reads `BULLPEN_DATA`.
"""

import argparse
import gzip
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console
from rich.table import Table

from bullpen import Document, Passage
from bullpen.memory import HashedEmbedder, open_memory
from bullpen.memory.context import assemble, cost, gaps
from bullpen.memory.conversation import WINDOW, Turn, condense
from bullpen.memory.examples import DIVERSITY, Example, choose_examples
from bullpen.memory.minilm import MiniLM, find_weights

from ..multihop.scoring import mcnemar
from .scoring import covered, kept

DATA = Path(os.environ.get("BULLPEN_DATA", Path(__file__).parents[3] / "shared" / "data"))
SHARES = (0.2, 0.4, 0.6)
#: The share of the words that the last turns may have, by way.
WAYS = {"last turns": 1.0, f"last turns ({WINDOW:.2f}), excerpts": WINDOW, "last turn, excerpts": 0.0}
#: What the data's owner measured with a window alone: mean share of the evidence, share of questions with all of it.
PUBLISHED = {0.2: (0.152, 0.100), 0.4: (0.366, 0.294), 0.6: (0.596, 0.535)}
BUDGETS = (500, 1_000, 2_000, 4_000)
DEPTH, EXAMPLES, SEED = 24, 5, 20260824

Row = dict[str, Any]


def read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        sys.exit(f"there is no {str(path)!r}; set BULLPEN_DATA to the folder that holds {path.parent.name}")
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def in_words(text: str) -> int:
    return len(text.split())


def surviving(turns: Sequence[Turn], spans: Sequence[Sequence[int]], words: int, question: str, window: float) -> float:
    """The share of the words of the gold turns that stand in the shortened conversation."""
    gold = {n for first, last in spans for n in range(first, min(last + 1, len(turns)))}
    # a window that may have all of the words takes turns while they fit; what is left over is not filled with excerpts
    asked = "" if window == 1.0 else question
    short = condense(turns, words, asked, window=window, count=in_words, frame=0)
    lost = sum(in_words(part.text) for part in short.omitted if part.turn in gold)
    return 1 - lost / sum(in_words(turns[n].text) for n in gold)


def conversation(every: int) -> Iterator[Row]:
    meetings = read_lines(DATA / "conv_qmsum" / "dev.jsonl.gz")[::every]
    for share in SHARES:
        alone: list[bool] = []
        for way, window in WAYS.items():
            shares: list[float] = []
            for meeting in meetings:
                turns = [Turn(role, text) for role, text in meeting["turns"]]
                words = int(share * sum(in_words(turn.text) for turn in turns))
                shares += [surviving(turns, q["spans"], words, q["q"], window) for q in meeting["specific"]]
            has_all = [one == 1.0 for one in shares]
            gained, lost, p = mcnemar(alone := alone or has_all, has_all)
            against = {"gained": gained, "lost": lost, "p": f"{p:.2g}"}
            yield {"of the words": share, "way": way, **kept(shares)._asdict(), **against}
        mean, whole = PUBLISHED[share]
        yield {"of the words": share, "way": "published: last turns", "mean": mean, "all": whole, "questions": 1_576}


def whole_ones(candidates: Sequence[Passage], budget: int) -> list[Passage]:
    """The first passages that fit, as they are."""
    chosen: list[Passage] = []
    for passage in candidates:
        if cost(passage) > budget:
            break
        chosen.append(passage)
        budget -= cost(passage)
    return chosen


async def searched(questions: Sequence[Row]) -> list[tuple[Row, tuple[Passage, ...]]]:
    """Each question with what is found for it by words, from all five texts."""
    corpora = read_lines(DATA / "chunking_chroma" / "corpora.jsonl.gz")
    documents = [Document(id=c["corpus_id"], title="", uri=c["corpus_id"], text=c["text"]) for c in corpora]
    with tempfile.TemporaryDirectory() as folder:
        async with open_memory(Path(folder), embedder=HashedEmbedder()) as memory:
            await memory.ingest("texts", documents)
            search = partial(memory.search, corpora=["texts"], limit=DEPTH)
            return [(question, await search(question["question"])) for question in questions]


def passages(every: int) -> Iterator[Row]:
    texts = {c["corpus_id"]: c["text"] for c in read_lines(DATA / "chunking_chroma" / "corpora.jsonl.gz")}
    found = anyio.run(searched, read_lines(DATA / "chunking_chroma" / "dev.jsonl")[::every])

    def assembled(question: str, candidates: Sequence[Passage], budget: int) -> Sequence[Passage]:
        between = {gap: texts[gap.source][gap.start : gap.end] for gap in gaps(candidates)}
        return assemble(question, candidates, budget, between=between).passages

    ways: dict[str, Callable[[str, Sequence[Passage], int], Sequence[Passage]]] = {
        "whole passages while they fit": lambda _, candidates, budget: whole_ones(candidates, budget),
        "assembled": assembled,
        "all that was found": lambda _, candidates, __: candidates,
    }
    for budget in BUDGETS:
        for way, choose in ways.items():
            shares, tokens = [], 0
            for question, candidates in found:
                chosen = choose(question["question"], candidates, budget)
                gold = [(part["start"], part["end"]) for part in question["references"]]
                shares.append(covered(texts, question["corpus_id"], gold, chosen))
                tokens += sum(map(cost, chosen))
            yield {"tokens": budget, "way": way, **kept(shares)._asdict(), "tokens used": tokens // len(found)}


def examples(every: int) -> Iterator[Row]:
    rows = [row for row in read_lines(DATA / "cache_intents" / "dev.jsonl.gz") if row["set"] == "banking77"]
    pool = [Example(row["text"], row["intent"]) for row in rows if row["upstream_split"] == "train"]
    asked = [row for row in rows if row["upstream_split"] != "train"][::every]
    draw = random.Random(SEED)
    pool = draw.sample(pool, min(400, len(pool)))
    weights = find_weights()
    minilm = MiniLM(weights) if weights else None
    ways: dict[str, Callable[[str], Sequence[Example]]] = {
        "at random": lambda _: draw.sample(pool, EXAMPLES),
        "nearest by words": lambda text: choose_examples(text, pool, EXAMPLES, diversity=0.0),
        f"by words, diversity {DIVERSITY}": lambda text: choose_examples(text, pool, EXAMPLES),
    }
    if minilm:
        ways["nearest by meaning"] = lambda text: choose_examples(text, pool, EXAMPLES, embedder=minilm, diversity=0.0)
        ways[f"by meaning, diversity {DIVERSITY}"] = lambda text: choose_examples(text, pool, EXAMPLES, embedder=minilm)
    for way, choose in ways.items():
        chosen = [[example.output for example in choose(row["text"])] for row in asked]
        held = sum(row["intent"] in labels for row, labels in zip(asked, chosen, strict=True)) / len(asked)
        labels = sum(len(set(one)) for one in chosen) / len(asked)
        yield {"way": way, "has the label": held, "labels": labels, "queries": len(asked), "pool": len(pool)}


PARTS: dict[str, Callable[[int], Iterator[Row]]] = {
    "conversation": conversation,
    "passages": passages,
    "examples": examples,
}


def show(part: str, rows: Sequence[Row]) -> None:
    columns = list(rows[0])
    table = Table(*columns, box=None, title=part)
    for row in rows:
        cells = [row.get(column, "") for column in columns]
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells))
    Console(width=120).print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help=f"of {', '.join(PARTS)}; all unless named")
    parser.add_argument("--every", type=int, default=1, help="take every N-th meeting, question and query")
    parser.add_argument("--json", action="store_true", help="print figures as JSON instead")
    chosen = parser.parse_args()
    if unknown := [part for part in chosen.part if part not in PARTS]:
        parser.error(f"there is no part {unknown}; name some of {list(PARTS)}")
    found = {part: list(PARTS[part](chosen.every)) for part in chosen.part or PARTS}
    if chosen.json:
        print(json.dumps(found))
    else:
        for part, rows in found.items():
            show(part, rows)


if __name__ == "__main__":
    main()
