"""What the model that needs no key answers, on two corpora of real documents.

    python -m benchmarks.answers.run [--corpus peps|rustsec] [--kind KIND] [--json] [--out FOLDER]

Prints, by kind of question: sources (all gold documents are cited, and not many more), answers (the marked claim says
what the gold says, no more), refusals, and whether every run verifies; beside plain BM25 and a null report. Questions
and documents are read from `BULLPEN_DATA`. The thirty questions that cannot be answered are in `refusals.jsonl`, twenty
that have no short answer in `open.jsonl`.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console
from rich.table import Table

from bullpen import Document, Report, Rung, Settings, Team, open_run, open_system, research_team
from bullpen.memory import HashedEmbedder, open_memory
from bullpen.orchestrator.system import System
from bullpen.tools import read_corpus

from .baselines import Bm25, holds_answer
from .scoring import Tally, cited, is_right, sources_hold

HERE = Path(__file__).parent
DATA = Path(os.environ.get("BULLPEN_DATA", HERE.parents[2] / "shared" / "data"))
CORPORA = ("peps", "rustsec")
#: What the documents' own files are called, in the folder that `--as-files` makes.
ENDINGS = {"peps": ".rst", "rustsec": ".md"}
REFUSED, WEAK = "refused", "weak"


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def as_files(lines: Sequence[Document], folder: Path, ending: str) -> Path:
    """The documents' texts as files, with nothing but what stands in them: metadata has to be read from there."""
    folder.mkdir()
    for document in lines:
        (folder / f"{document.id}{ending}").write_text(document.text, encoding="utf-8")
    return folder


def team(chosen: argparse.Namespace) -> Team:
    """The research team; without MiniLM where that was asked for: an embedder that is not semantic re-ranks nothing."""
    if not chosen.without_minilm:
        return research_team
    return replace(research_team, memory=partial(open_memory, embedder=HashedEmbedder()))


async def ask(system: System, question: str, corpus: Path) -> Report:
    """A whole job, as a user would launch it."""
    async with system.launch(question, corpus=corpus) as job:
        return await job.result()


def outcome(report: Report) -> str:
    """Whether a report refuses, calls its evidence weak, or neither."""
    if not report.claims:
        return REFUSED
    return WEAK if any(gap.reason == "WeakEvidence" for gap in report.gaps) else ""


def facts_of(report: Report, run: Path, question: Mapping[str, Any], bm25: Bm25) -> dict[str, bool]:
    """What holds for one question: of all kinds first, then of those that can be answered, then of those with a gold."""
    said = outcome(report)
    facts = {REFUSED: said == REFUSED, WEAK: said == WEAK, "verified": not list(open_run(run).problems())}
    if "gold_docs" not in question:
        return {**facts, "called": bool(said)}
    names = {re.sub(r"\.(?:rst|md)$", "", name) for name in cited(report.as_json()["report"])}
    gold = set(question["gold_docs"])
    facts["claims"] = bool(report.claims) or said == REFUSED
    if gold:
        top = bm25.best(question["question"], 3)
        facts |= {"any source": bool(gold & names), "bm25 any in 3": bool(gold & set(top))}
    if "answer" in question:
        answer = next((claim.answer for claim in report.claims if claim.answer), ())
        facts |= {
            "sources": sources_hold(names, list(gold)),
            "bm25 sources": sources_hold(set(top), list(gold)),
            "answer": is_right(answer, question["answer"]),
            "null answer": holds_answer(bm25.null_report(question["question"]), question["answer"]),
        }
    return facts


async def measure(corpus: str, chosen: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row for each question of a corpus, with what holds for it."""
    path = DATA / f"corpus_{corpus}" / "corpus.jsonl.gz"
    documents = [item async for item in read_corpus([path]) if isinstance(item, Document)]
    bm25 = Bm25(documents)
    answerable = read_lines(DATA / f"corpus_{corpus}" / "questions_dev.jsonl")
    open_ones = [q for q in read_lines(HERE / "open.jsonl") if q["corpus"] == corpus]
    refusable = [q for q in read_lines(HERE / "refusals.jsonl") if q["corpus"] == corpus]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            project=chosen.out / corpus if chosen.out else Path(folder), rungs=(Rung(model="embedded:extract"),)
        )
        asked = as_files(documents, Path(folder) / "files", ENDINGS[corpus]) if chosen.as_files else path
        async with open_system(settings, team(chosen)) as system:
            for question in (*answerable, *open_ones, *refusable):
                if chosen.kind and question["kind"] not in chosen.kind:
                    continue
                began = time.perf_counter()
                report = await ask(system, question["question"], asked)
                run = settings.runs / f"{report.job}.run"
                row = {"corpus": corpus, **question, "seconds": time.perf_counter() - began, "report": report.as_json()}
                row["holds"] = facts_of(report, run, question, bm25)
                rows.append(row)
                sys.stderr.write(f"\r{corpus} {len(rows)}")
                sys.stderr.flush()
    sys.stderr.write("\n")
    return iter(rows)


def tallies(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Tally]:
    """A tally for each kind of each corpus, and one for all answerable questions of a corpus."""
    found: dict[tuple[str, str], Tally] = {}
    for whole in (False, True):
        for row in rows:
            if "answer" in row or not whole:
                kind = "all answerable" if whole else row["kind"]
                found.setdefault((row["corpus"], kind), Tally()).add(**row["holds"])
    return found


COLUMNS = (
    "sources",
    "answer",
    "any source",
    "refused",
    "weak",
    "verified",
    "claims",
    "bm25 any in 3",
    "bm25 sources",
    "null answer",
    "called",
)


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """The table."""
    table = Table("corpus", "kind", "n", *COLUMNS, box=None)
    for (corpus, kind), tally in tallies(rows).items():
        shares = [f"{tally.share(name):.3f}" if tally.looked[name] else "" for name in COLUMNS]
        table.add_row(corpus, kind, str(tally.asked), *shares)
    Console(width=150).print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", choices=CORPORA, action="append")
    parser.add_argument("--kind", action="append", help="only questions of this kind")
    parser.add_argument("--json", action="store_true", help="print every question with its report instead")
    parser.add_argument("--as-files", action="store_true", help="read a folder of .rst and .md files, not JSON lines")
    parser.add_argument("--without-minilm", action="store_true", help="rank by words alone, whatever weights there are")
    parser.add_argument("--out", type=Path, help="keep projects and runs in this folder")
    chosen = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"no data in {str(DATA)!r}; set BULLPEN_DATA to the folder that holds corpus_peps and corpus_rustsec")
    rows = [row for corpus in chosen.corpus or CORPORA for row in anyio.run(measure, corpus, chosen)]
    if chosen.json:
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    else:
        show(rows)


if __name__ == "__main__":
    main()
