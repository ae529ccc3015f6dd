"""How many facts the model that needs no key finds for questions that several documents answer together.

    python -m benchmarks.answers.research [--half tuned|kept] [--question ID] [--without-minilm] [--json | --read]

Nineteen histories, comparisons, surveys and lists over `corpus_peps` and `corpus_rustsec` of `BULLPEN_DATA`, with six to
ten facts each; they are in `research.jsonl`. A fact is a document and short phrases of it: it is found where a claim
of the report that rests on this document says one of them, in its words, quotes or records. A seed parts the questions:
what the rules say is set on the `tuned` half, figures are those of the `kept` one. Prints for each question the facts
found, the gold documents cited, all documents cited, and the sentences of the report; `--read` prints the reports.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console
from rich.table import Table

from bullpen import Rung, Settings, open_system

from .run import CORPORA, DATA, HERE, ask, read_lines, team
from .scoring import cited, normal

#: The seed by which questions are parted into the half that rules are set on and the one that is kept back.
SEED = 33
TUNED, KEPT = "tuned", "kept"


def halves(questions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The half of each question, by its id; those of each corpus are parted alike."""
    found: dict[str, str] = {}
    for corpus in CORPORA:
        names = sorted(question["id"] for question in questions if question["corpus"] == corpus)
        random.Random(SEED).shuffle(names)
        found |= {name: TUNED if n < len(names) / 2 else KEPT for n, name in enumerate(names)}
    return found


def said_of(report: Mapping[str, Any]) -> dict[str, str]:
    """What a report says of each document: the claims that rest on it, with their quotes and records."""
    found: dict[str, str] = {}
    for claim in report["claims"]:
        said = [claim["text"], *(quote["text"] for quote in claim["quotes"])]
        said += [f"{record['field']}: {record['value']}" for record in claim["records"]]
        for source in {one["source"] for one in (*claim["quotes"], *claim["records"])}:
            found[source] = "\n".join((found.get(source, ""), *said))
    return {source: normal(text) for source, text in found.items()}


def missing(report: Mapping[str, Any], facts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The facts that a report does not have."""
    said = said_of(report)
    return [fact for fact in facts if not any(normal(phrase) in said.get(fact["doc"], "") for phrase in fact["says"])]


async def measure(corpus: str, questions: Sequence[Mapping[str, Any]], chosen: argparse.Namespace) -> list[Any]:
    """A row for each question: what was found, and the report."""
    path = DATA / f"corpus_{corpus}" / "corpus.jsonl.gz"
    rows: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        project = chosen.out / corpus if chosen.out else Path(folder)
        settings = Settings(project=project, rungs=(Rung(model="embedded:extract"),))
        async with open_system(settings, team(chosen)) as system:
            for question in questions:
                report = await ask(system, question["question"], path)
                whole = report.as_json()["report"]
                lacking = missing(whole, question["facts"])
                gold = {fact["doc"] for fact in question["facts"]}
                rows.append(
                    {
                        **question,
                        "found": len(question["facts"]) - len(lacking),
                        "missing": lacking,
                        "gold": len(gold & cited(whole)),
                        "cited": len(cited(whole)),
                        "sentences": len(whole["claims"]),
                        "text": report.text,
                        "report": report.as_json(),
                    }
                )
    return rows


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """A line for each question, and one for each half."""
    table = Table("question", "kind", "half", "facts", "found", "gold", "cited", "sentences", box=None)
    for row in rows:
        gold = len({fact["doc"] for fact in row["facts"]})
        counted = (len(row["facts"]), row["found"], f"{row['gold']} of {gold}", row["cited"], row["sentences"])
        table.add_row(row["id"], row["kind"], row["half"], *map(str, counted))
    for half in (TUNED, KEPT):
        of_half = [row for row in rows if row["half"] == half]
        if of_half:
            facts = sum(len(row["facts"]) for row in of_half)
            sums = [sum(row[name] for row in of_half) for name in ("found", "gold", "cited", "sentences")]
            table.add_row("all", "", half, str(facts), *map(str, sums))
    Console(width=100).print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=(TUNED, KEPT))
    parser.add_argument("--question", action="append", help="only this question, by its id")
    parser.add_argument("--without-minilm", action="store_true", help="rank by words alone, whatever weights there are")
    parser.add_argument("--json", action="store_true", help="print every question with its report instead")
    parser.add_argument("--read", action="store_true", help="print the reports, with the facts that each lacks")
    parser.add_argument("--out", type=Path, help="keep projects and runs in this folder")
    chosen = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"no data in {str(DATA)!r}; set BULLPEN_DATA to the folder that holds corpus_peps and corpus_rustsec")
    questions = read_lines(HERE / "research.jsonl")
    of = halves(questions)
    questions = [{**q, "half": of[q["id"]]} for q in questions if chosen.half in (None, of[q["id"]])]
    questions = [question for question in questions if not chosen.question or question["id"] in chosen.question]
    rows: list[Any] = []
    for corpus in dict.fromkeys(question["corpus"] for question in questions):
        rows += anyio.run(measure, corpus, [q for q in questions if q["corpus"] == corpus], chosen)
    if chosen.json:
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    elif chosen.read:
        sys.stdout.writelines(f"{row['text']}\n\nmissing: {row['missing']}\n\n{'=' * 80}\n\n" for row in rows)
    else:
        show(rows)


if __name__ == "__main__":
    main()
