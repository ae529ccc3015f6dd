"""What the model that needs no key answers when it is asked in other words than the documents use.

    python -m benchmarks.answers.paraphrases [--half tuned|kept] [--without-minilm] [--settled] [--out FOLDER]

Fifty questions that can be answered (contractions, possessives, synonyms, typing errors, another order of words, German,
French and Spanish) and twenty-five that cannot, over `corpus_peps` and `corpus_rustsec` of `BULLPEN_DATA` and over
`examples/corpus`; they are in `paraphrases.jsonl`. A seed parts them: thresholds are set on the `tuned` half, figures
are those of the `kept` one. Prints, for each half with MiniLM's weights and without: of those that can be answered, how
many are right (a gold document is cited, and a gold phrase stands in what is shown, weak or not), refused, called weak,
or wrong and not called so; of the others, how many are refused or called weak. In a new project MiniLM ranks again what
words have found, as it does for whoever asks at once; with `--settled` what is nearest is found as well. `--out` keeps
the projects with their vectors for the next run.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console
from rich.table import Table

from bullpen import Report, Rung, Settings, open_system
from bullpen.memory import open_memory

from .run import DATA, HERE, REFUSED, WEAK, ask, outcome, read_lines, team
from .scoring import normal

EXAMPLES = HERE.parents[1] / "examples" / "corpus"
#: The seed by which questions are parted into the half that thresholds are set on and the one that is kept back.
SEED = 15
TUNED, KEPT = "tuned", "kept"
RIGHT, WRONG, CALLED, ANSWERED = "right", "wrong", "refused or weak", "answered"


def halves(questions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The half of each question, by its id; those that can be answered and the others are parted alike."""
    found: dict[str, str] = {}
    for is_answerable in (True, False):
        names = sorted(q["id"] for q in questions if bool(q["gold_docs"]) is is_answerable)
        random.Random(SEED).shuffle(names)
        found |= {name: TUNED if n < len(names) / 2 else KEPT for n, name in enumerate(names)}
    return found


def holds(report: Mapping[str, Any], question: Mapping[str, Any]) -> bool:
    """Whether a gold phrase stands in what is shown of a gold document."""
    for claim in report["claims"]:
        sources = {re.sub(r"\.(?:rst|md)$", "", e["source"]) for e in (*claim["quotes"], *claim["records"])}
        said = [claim["text"], *claim["answer"], *(quote["text"] for quote in claim["quotes"])]
        said += [f"{record['source']} {record['value']}" for record in claim["records"]]
        text = normal(" ".join(said))
        if sources & set(question["gold_docs"]) and any(normal(phrase) in text for phrase in question["answer"]):
            return True
    return False


def verdicts(report: Report, question: Mapping[str, Any]) -> set[str]:
    """What came of a question: `weak` may stand beside `right`."""
    said = outcome(report)
    if not question["gold_docs"]:
        return {CALLED if said else ANSWERED}
    if said == REFUSED:
        return {REFUSED}
    is_right = holds(report.as_json()["report"], question)
    return {RIGHT if is_right else WRONG if said != WEAK else WEAK} | ({WEAK} if said == WEAK else set())


async def measure(corpus: str, questions: Sequence[Mapping[str, Any]], chosen: argparse.Namespace) -> list[Any]:
    """A row for each question: its half, what came of it, and the report."""
    path = EXAMPLES if corpus == "example" else DATA / f"corpus_{corpus}" / "corpus.jsonl.gz"
    with tempfile.TemporaryDirectory() as folder:
        lane = "words" if chosen.without_minilm else "minilm"
        project = chosen.out / f"{corpus}-{lane}" if chosen.out else Path(folder)
        settings = Settings(project=project, rungs=(Rung(model="embedded:extract"),))
        if chosen.settled and not chosen.without_minilm:
            async with open_system(settings, team(chosen)) as system:
                await ask(system, questions[0]["question"], path)
            async with open_memory(settings.project / "memory", settings) as memory:
                await memory.settle()
        rows = []
        async with open_system(settings, team(chosen)) as system:
            for question in questions:
                report = await ask(system, question["question"], path)
                found = {"verdicts": sorted(verdicts(report, question)), "report": report.as_json()}
                rows.append({**question, **found})
        return rows


def show(rows: Sequence[Mapping[str, Any]], table: Table, lane: str) -> None:
    """A line for each half."""
    for half in (TUNED, KEPT):
        of_half = [row for row in rows if row["half"] == half]
        answerable = [row for row in of_half if row["gold_docs"]]
        if not of_half:
            continue
        counts = Counter(verdict for row in of_half for verdict in row["verdicts"])
        told = [f"{counts[name]}" for name in (RIGHT, REFUSED, WEAK, WRONG)]
        others = len(of_half) - len(answerable)
        table.add_row(lane, half, str(len(answerable)), *told, str(others), str(counts[CALLED]), str(counts[ANSWERED]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=(TUNED, KEPT))
    parser.add_argument("--corpus", action="append", help="only questions over this corpus: peps, rustsec or example")
    parser.add_argument("--without-minilm", action="store_true", help="rank by words alone, whatever weights there are")
    parser.add_argument("--with-minilm", action="store_true", help="only with MiniLM's weights")
    parser.add_argument("--settled", action="store_true", help="first wait until every passage has its vector")
    parser.add_argument("--json", action="store_true", help="print every question with its report instead")
    parser.add_argument("--out", type=Path, help="keep projects and runs in this folder")
    chosen = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"no data in {str(DATA)!r}; set BULLPEN_DATA to the folder that holds corpus_peps and corpus_rustsec")
    questions = read_lines(HERE / "paraphrases.jsonl")
    of = halves(questions)
    lanes = [lane for lane, is_off in (("MiniLM", chosen.without_minilm), ("words", chosen.with_minilm)) if not is_off]
    table = Table("lane", "half", "answerable", RIGHT, REFUSED, WEAK, WRONG, "unanswerable", CALLED, ANSWERED, box=None)
    for lane in lanes:
        chosen.without_minilm = lane == "words"
        rows: list[Any] = []
        for corpus in dict.fromkeys(question["corpus"] for question in questions):
            asked = [q for q in questions if q["corpus"] == corpus and chosen.half in (None, of[q["id"]])]
            if asked and corpus in (chosen.corpus or [corpus]):
                rows += anyio.run(measure, corpus, asked, chosen)
        rows = [{**row, "lane": lane, "half": of[row["id"]]} for row in rows]
        if chosen.json:
            sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        show(rows, table, lane)
    Console(width=140, stderr=chosen.json).print(table)


if __name__ == "__main__":
    main()
