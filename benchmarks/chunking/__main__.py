"""How to cut documents into passages: how much of what a question needs is among the first five, and how much else.

    python -m benchmarks.chunking [--way KEY …] [--json]

Five texts and questions with the spans that answer them (`chunking_chroma`), by MiniLM's nearest vectors, as published,
by words alone, and by the memory's own search. Ways to cut are compared question by question with ours without overlap;
each overlap with none, over all sizes. Texts are read from `BULLPEN_DATA`; vectors are kept in a temporary folder, so
that a second run takes seconds.
"""

import argparse
import gzip
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from bullpen.memory.minilm import INSTALL, MiniLM, find_weights

from .published import PUBLISHED
from .scoring import Difference, Piece, Scores, Span, difference, score
from .search import Kept, by_memory, by_vectors, by_words
from .splitters import SHARES, SIZES, Way, ways

DATA = Path(os.environ.get("BULLPEN_DATA", Path(__file__).parents[3] / "shared" / "data"))
VECTORS = Path(tempfile.gettempdir()) / "bullpen-chunking" / "vectors.sqlite"
SEARCHES = {"vectors": by_vectors, "words": by_words, "memory": by_memory}
#: Passages that a search gives, and the way that others are compared with.
LIMIT, BASE = 5, "ours-0"


class Question(NamedTuple):
    """What is asked of a text, and where its answer stands."""

    corpus: str
    text: str
    references: list[Span]


class Measured(NamedTuple):
    """How one way did with one search: the scores of each question, in order."""

    key: str
    way: Way
    search: str
    pieces: int
    letters: float
    scores: list[Scores]

    def each(self, name: str) -> list[float]:
        return [getattr(scores, name) for scores in self.scores]

    def mean(self, name: str) -> float:
        return statistics.mean(self.each(name))


def measure(
    key: str, way: Way, texts: Mapping[str, str], questions: Sequence[Question], embedder: Kept
) -> list[Measured]:
    """A way to cut, with each search."""
    print(key, file=sys.stderr, flush=True)
    pieces = [Piece(corpus, chunk) for corpus, text in texts.items() for chunk in way.split(text)]
    letters = statistics.mean(len(piece.chunk.text) for piece in pieces)
    found = []
    for name, search in SEARCHES.items():
        answers = search(pieces, [question.text for question in questions], embedder, LIMIT)
        scores = [score(q.corpus, q.references, some, pieces) for q, some in zip(questions, answers, strict=True)]
        found.append(Measured(key, way, name, len(pieces), letters, scores))
    return found


def show(found: Sequence[Measured]) -> None:
    """The tables: the means beside the published ones, and the differences to ours without overlap."""
    columns = ("recall", "precision", "prec. omega", "IoU")
    means = Table("search", "way", "size", "overlap", "passages", "letters", *columns, box=None)
    for row in found:
        shares = [f"{100 * row.mean(name):.1f}" for name in Scores._fields]
        means.add_row(row.search, *row.way[:3], f"{row.pieces:,}", f"{row.letters:.0f}", *shares)
    for name, size, overlap, *figures in PUBLISHED:
        means.add_row("published", name, size, overlap, "", "", *map(str, figures))
    pairs = Table("search", "way", "overlap", "recall, points", "95 %", "more/less", "IoU, points", "95 %", box=None)
    for base, row in _pairs(found):
        cells = []
        for name in ("recall", "iou"):
            gap = difference(row.each(name), base.each(name))
            interval = f"{100 * gap.low:+.1f} … {100 * gap.high:+.1f}"
            cells += [f"{100 * gap.mean:+.1f}", interval, *([f"{gap.more}/{gap.less}"] if name == "recall" else [])]
        pairs.add_row(row.search, f"{row.way.name}, {row.way.size}", row.way.overlap, *cells)
    overall = Table("search", "overlap", "sizes", "recall, points", "95 %", box=None)
    for search, share, sizes, gap in over_sizes(found):
        interval = f"{100 * gap.low:+.1f} … {100 * gap.high:+.1f}"
        overall.add_row(search, f"{share} %", ", ".join(sizes), f"{100 * gap.mean:+.1f}", interval)
    console = Console(width=150)
    for table in (means, pairs, overall):
        console.print(table)


def _pairs(found: Sequence[Measured]) -> list[tuple[Measured, Measured]]:
    bases = {row.search: row for row in found if row.key == BASE}
    return [(bases[row.search], row) for row in found if row.search in bases and row.key != BASE]


def over_sizes(found: Sequence[Measured]) -> list[tuple[str, int, list[str], Difference]]:
    """By search and overlap: of which sizes of ours, and how much more it finds than none, on their average.

    What an overlap does with one size may be where it happened to cut; with several it hardly is.
    """
    rows = {(row.search, row.key): row for row in found}
    compared = []
    for search, share in product(SEARCHES, SHARES[1:]):
        names = [name for name, _, shares in SIZES if share in shares]
        if all((search, f"{name}-{s}") in rows for name in names for s in (0, share)):
            some, none = ([rows[search, f"{name}-{s}"] for name in names] for s in (share, 0))
            gap = difference(_average(some), _average(none))
            compared.append((search, share, [row.way.size for row in none], gap))
    return compared


def _average(rows: Sequence[Measured]) -> list[float]:
    """The recall of each question, on the average of these ways."""
    return [statistics.mean(shares) for shares in zip(*(row.each("recall") for row in rows), strict=True)]


def as_rows(found: Sequence[Measured]) -> list[dict[str, Any]]:
    """Each way with each search: its figures, and the scores of each question in order."""
    return [
        {"key": row.key, "search": row.search, "passages": row.pieces, "letters": round(row.letters, 1)}
        | {name: round(row.mean(name), 4) for name in Scores._fields}
        | {"questions": [[round(share, 4) for share in scores] for scores in row.scores]}
        for row in found
    ]


def read(part: str) -> tuple[dict[str, str], list[Question]]:
    """The texts by name, and the questions of a part of the data."""
    folder = DATA / "chunking_chroma"
    if not (folder / f"{part}.jsonl").is_file():
        sys.exit(f"no {part}.jsonl in {str(folder)!r}; set BULLPEN_DATA to the folder that holds chunking_chroma")
    with gzip.open(folder / "corpora.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = {row["corpus_id"]: row["text"] for row in map(json.loads, lines)}
    with (folder / f"{part}.jsonl").open(encoding="utf-8") as lines:
        rows = list(map(json.loads, lines))
    spans = [[(reference["start"], reference["end"]) for reference in row["references"]] for row in rows]
    return texts, [Question(row["corpus_id"], row["question"], s) for row, s in zip(rows, spans, strict=True)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--way", action="append", help=f"only this way, beside {BASE}; several may be named")
    parser.add_argument("--json", action="store_true", help="print every way's figures and questions instead")
    parser.add_argument("--part", default="dev", help="the part of the data, by its file's name")
    parser.add_argument("--vectors", type=Path, default=VECTORS, help="the file in which vectors are kept")
    chosen = parser.parse_args()
    weights = find_weights()
    if weights is None:
        sys.exit(f"no weights of MiniLM; {INSTALL}")
    texts, questions = read(chosen.part)
    embedder, known = Kept(MiniLM(weights, cached=1), chosen.vectors), ways(weights)
    if unknown := set(chosen.way or ()) - known.keys():
        parser.error(f"no way {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    wanted = [key for key in known if not chosen.way or key in (BASE, *chosen.way)]
    found = [row for key in wanted for row in measure(key, known[key], texts, questions, embedder)]
    if chosen.json:
        sys.stdout.writelines(json.dumps(row) + "\n" for row in as_rows(found))
    else:
        show(found)


if __name__ == "__main__":
    main()
