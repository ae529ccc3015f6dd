"""What code sees of a sentence that says more than its quotes: planted names, figures, dates and whole sentences.

    python -m benchmarks.support [--only drafts|jobs|ground_wice] [--seed N] [--reports N] [--show KIND] [--json]

Drafts (`drafts.py`): 50 reports made by rule, and each of them with one name, one figure and one date planted in one of
its sentences. `--only drafts` takes a minute, all of it ten.

Jobs: the sentences of reports that the model that needs no key makes over two public corpora and `examples/corpus`;
two of them in one; paraphrases by hand (`paraphrases.jsonl`); claims of `ground_wice` that their page supports, with the
sentences that do. Each is planted with what stands in another document.

`ground_wice`, over all of its claims: how well the check alone tells the supported ones from the others, beside the
overlap of words at its best threshold. Read from `BULLPEN_DATA`.
"""

import argparse
import gzip
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from rich.console import Console
from rich.table import Table

from bullpen import Document, Rung, Settings, open_run, open_system, research_team
from bullpen.orchestrator.metadata import shown
from bullpen.orchestrator.rules.mentions.read import read
from bullpen.orchestrator.rules.support import Missing, known_of, unsupported
from bullpen.tools import read_corpus

from .drafts import Drafted, drafted
from .planting import PATTERNS, Item, Strangers, merged, planted, with_planted
from .scoring import Accuracy, Share, accuracy, best, overlap, share, threshold

HERE = Path(__file__).parent
DATA = Path(os.environ.get("BULLPEN_DATA", HERE.parents[2] / "shared" / "data"))
EXAMPLES = HERE.parents[1] / "examples" / "corpus"
#: Questions without a short answer.
OPEN = HERE.parent / "answers" / "open.jsonl"
#: Questions over `examples/corpus`.
ASKED = (
    "What did the night bus pilot cost?",
    "Who were the passengers of the night bus?",
    "Why was the night bus extended?",
    "What did residents complain about?",
    "How punctual was the night bus?",
    "What conditions does the extension have?",
)
#: Claims of `ground_wice` with the fewest sentences that support them, and with all of their page.
WICE = ("ground_wice", "ground_wice, whole page")
#: What rows over several origins begin with.
ALL = "all"
#: Drafts that are made.
DRAFTS = 50
#: Sentences of a page that the check is given beside all of them.
BEST = 8


class Planted(NamedTuple):
    """What the check makes of some items."""

    origin: str
    kind: str
    flagged: Share


def read_lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


# True sentences


async def reports(corpus: Path, questions: Sequence[str], origin: str) -> AsyncIterator[Item]:
    """The sentences of a report on each question, with what they rest on."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(project=Path(folder), rungs=(Rung(model="embedded:extract"),))
        async with open_system(settings, research_team) as system:
            for question in questions:
                async with system.launch(question, corpus=corpus) as job:
                    report = await job.result()
                sources = {s.id: s for s in open_run(settings.runs / f"{report.job}.run").evidence().sources}
                for claim in report.claims:
                    rests_on = {*(q.source for q in claim.quotes), *(r.source for r in claim.records)}
                    known = known_of(question, [sources[name] for name in sorted(rests_on & sources.keys())])
                    records = [f"{r.source}: {r.field}: {shown(r.value)}" for r in claim.records]
                    counted = [str(len(claim.records))] if claim.rule == "count" else []
                    yield Item(origin, claim.text, (*(q.text for q in claim.quotes), *records, *counted), known)


async def true_sentences(most: int) -> list[Item]:
    """All true items, of every origin."""
    found: list[Item] = []
    for name in ("peps", "rustsec"):
        folder = DATA / f"corpus_{name}"
        rows = read_lines(folder / "questions_dev.jsonl")
        rows = [*rows[:: max(1, len(rows) // most)][:most], *(row for row in read_lines(OPEN) if row["corpus"] == name)]
        questions = [row["question"] for row in rows]
        found += [item async for item in reports(folder / "corpus.jsonl.gz", questions, f"reports, {name}")]
    found += [item async for item in reports(EXAMPLES, ASKED, "reports, examples")]
    found += merged(found)
    found += paraphrases()
    return [*found, *wice_supported()]


def paraphrases() -> list[Item]:
    """Sentences in other words, over `examples/corpus`; what is known are the titles of their documents."""
    titles = {path.name: path.read_text(encoding="utf-8").splitlines()[0] for path in EXAMPLES.glob("*.md")}
    return [
        Item(
            "paraphrases",
            row["sentence"],
            tuple(quote["text"] for quote in row["quotes"]),
            tuple(titles[quote["source"]] for quote in row["quotes"]),
        )
        for row in read_lines(HERE / "paraphrases.jsonl")
    ]


def wice_supported() -> list[Item]:
    """Claims that their page supports, with the sentences that do; what is known are the titles of both pages."""
    return [
        Item(origin, row["claim"], tuple(row["evidence"][n] for n in rows), (row["title"], row["evidence"][0]))
        for row in read_lines(DATA / "ground_wice" / "dev.jsonl.gz")
        if row["label"] == "supported" and (few := min(row["supporting_sentences"], key=len, default=()))
        for origin, rows in zip(WICE, (few, range(len(row["evidence"]))), strict=True)
    ]


async def strangers_of() -> dict[str, Strangers]:
    """By what an origin begins or ends with, sentences of its corpus."""
    found: dict[str, list[str]] = {"ground_wice": []}
    for row in read_lines(DATA / "ground_wice" / "dev.jsonl.gz"):
        found["ground_wice"] += [row["claim"]]
    for name, path in (
        *((name, DATA / f"corpus_{name}" / "corpus.jsonl.gz") for name in ("peps", "rustsec")),
        ("examples", EXAMPLES),
    ):
        texts = [item.text async for item in read_corpus([path]) if isinstance(item, Document)]
        lines = [" ".join(part.split()) for text in texts for block in text.split("\n\n") for part in block.split(". ")]
        found[name] = [line for line in lines if 40 < len(line) < 300 and line[0].isupper()]
    strangers = {name: Strangers(sentences) for name, sentences in found.items()}
    return {**strangers, "paraphrases": strangers["examples"]}


# Drafts


async def drafts(seed: int) -> list[Drafted]:
    """The drafts over both public corpora, and those of sentences that people worded."""
    corpora = {
        name: [
            item
            async for item in read_corpus([DATA / f"corpus_{name}" / "corpus.jsonl.gz"])
            if isinstance(item, Document)
        ]
        for name in ("peps", "rustsec")
    }
    wice = [item for item in wice_supported() if item.origin == WICE[0]]
    worded = {"paraphrases": paraphrases(), WICE[0]: wice}
    return drafted(corpora, worded, DRAFTS, random.Random(seed))


def plant_drafts(made: Sequence[Drafted], strangers: Mapping[str, Strangers], chance: random.Random) -> Iterator[Item]:
    """All sentences of the drafts, and for each draft and kind one of them with something planted."""
    for draft in made:
        items = draft.items()
        yield from items
        for kind in PATTERNS:
            some = chance.sample(items, len(items))
            new = (with_planted(item, kind, strangers[_corpus(draft.origin, strangers)], chance) for item in some)
            if one := next(filter(None, new), None):
                yield one


def _corpus(origin: str, strangers: Mapping[str, Strangers]) -> str:
    """Whose sentences are strangers to those of an origin."""
    return next(name for name in strangers if name in origin)


# Measuring


def measure(items: Sequence[Item], whole: str) -> list[Planted]:
    """By origin and what was planted: how many are flagged; of all together as `whole`, with and without `ground_wice`,
    whose claims were judged with their article at hand: their sentences need not name all that they name."""
    flagged: dict[tuple[str, str], list[bool]] = {}
    for item in items:
        origins = [item.origin, *([whole] if item.origin != WICE[1] else [])]
        origins += [f"{whole} but {WICE[0]}"] if item.origin not in WICE else []
        for origin in origins:
            for kind in dict.fromkeys((item.planted, "any" if item.planted else "")):
                flagged.setdefault((origin, kind), []).append(bool(_new(item)))
    return [Planted(*key, share(sum(hits), len(hits))) for key, hits in flagged.items()]


def _new(item: Item) -> set[Missing]:
    """What is missing of a true sentence; of one with something planted, what was not missing before."""
    before = unsupported(item.true, item.evidence, known=item.known) if item.true else ()
    return set(unsupported(item.sentence, item.evidence, known=item.known)) - set(before)


def wice(rows: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Accuracy]:
    """Balanced accuracy on one half: the check with the whole page and with its nearest sentences, and the overlap
    of words, with the threshold that does best on the other half."""
    rows = list(rows)
    random.Random(seed).shuffle(rows)
    half = len(rows) // 2
    truths = [row["label"] == "supported" for row in rows]
    near = [best(row["claim"], row["evidence"], BEST) for row in rows]
    found: dict[str, Accuracy] = {}
    for name, texts in (("the whole page", [row["evidence"] for row in rows]), (f"{BEST} sentences", near)):
        pairs = list(zip(rows, texts, strict=True))
        alike = [overlap(row["claim"], some) for row, some in pairs]
        least = threshold(alike[:half], truths[:half])
        holds = [not unsupported(row["claim"], some, known=(row["title"], row["evidence"][0])) for row, some in pairs]
        is_alike = [score >= least for score in alike]
        both = [one and other for one, other in zip(holds, is_alike, strict=True)]
        for way, guesses in (("check", holds), ("overlap", is_alike), ("both", both)):
            found[f"{way}, {name}"] = accuracy(guesses[half:], truths[half:])
    return found


def speed(items: Sequence[Item], sentences: int = 60) -> float:
    """Milliseconds of processor time for a report of so many sentences, none of whose texts was read before."""
    some = (list(items) * (sentences // max(1, len(items)) + 1))[:sentences]
    read.cache_clear()
    began = time.process_time()
    for item in some:
        unsupported(item.sentence, item.evidence, known=item.known)
    return 1e3 * (time.process_time() - began)


async def plant(items: Sequence[Item], seed: int) -> list[Item]:
    """The true items and the planted ones."""
    strangers, chance = await strangers_of(), random.Random(seed)
    found = list(items)
    for item in items:
        found += planted(item, strangers[_corpus(item.origin, strangers)], chance)
    return found


def show(rows: Sequence[Planted], told: Mapping[str, Accuracy], ms: float | None) -> None:
    """The tables."""
    table = Table("sentences", "planted", "n", "flagged", "95 %", box=None)
    for row in rows:
        interval = f"{row.flagged.low:.3f} … {row.flagged.high:.3f}"
        table.add_row(row.origin, row.kind or "nothing", str(row.flagged.of), f"{row.flagged.share:.3f}", interval)
    accuracies = Table("ground_wice, supported or not", "balanced accuracy", "95 %", box=None)
    for name, value in told.items():
        accuracies.add_row(name, f"{value.value:.3f}", f"{value.low:.3f} … {value.high:.3f}")
    console = Console(width=120)
    console.print(table)
    if told:
        console.print(accuracies)
    if ms is not None:
        console.print(f"a report of 60 sentences: {ms:.1f} ms")


def listed(items: Sequence[Item], kind: str) -> Iterator[dict[str, Any]]:
    """The items of a kind that were judged wrongly: true ones that are flagged, planted ones that are not."""
    for item in items:
        missing = _new(item)
        if item.planted == kind and bool(missing) != bool(item.planted):
            yield {**item._asdict(), "missing": sorted(missing)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("drafts", "jobs", "ground_wice"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--reports", type=int, default=12, help="reports on questions with an answer, of each public corpus"
    )
    parser.add_argument(
        "--show", metavar="KIND", help="print what is judged wrongly; KIND is `nothing` or what is planted"
    )
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"no data in {str(DATA)!r}; set BULLPEN_DATA to the folder that holds corpus_peps and ground_wice")
    items = anyio.run(gathered, chosen)
    if chosen.show:
        kind = "" if chosen.show == "nothing" else chosen.show
        found = listed([item for some in items.values() for item in some], kind)
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
        return
    rows = [row for whole, some in items.items() for row in sorted(measure(some, whole), key=_order)]
    is_told = chosen.only in (None, "ground_wice")
    told = wice(read_lines(DATA / "ground_wice" / "dev.jsonl.gz"), chosen.seed) if is_told else {}
    made = [item for item in items.get(f"{ALL} jobs", ()) if item.origin.startswith("reports") and not item.planted]
    ms = speed(made) if made else None
    if chosen.json:
        flat = [{"origin": r.origin, "planted": r.kind, **r.flagged._asdict()} for r in rows]
        accuracies = {name: value._asdict() for name, value in told.items()}
        sys.stdout.write(json.dumps({"planted": flat, "ground_wice": accuracies, "ms_60_sentences": ms}) + "\n")
    else:
        show(rows, told, ms)


async def gathered(chosen: argparse.Namespace) -> dict[str, list[Item]]:
    """The true items and the planted ones, of drafts and of jobs, as far as they are asked for."""
    found: dict[str, list[Item]] = {}
    if chosen.only in (None, "drafts"):
        made, chance = await drafts(chosen.seed), random.Random(chosen.seed)
        found[f"{ALL} drafts"] = list(plant_drafts(made, await strangers_of(), chance))
    if chosen.only in (None, "jobs"):
        found[f"{ALL} jobs"] = await plant(await true_sentences(chosen.reports), chosen.seed)
    return found


def _order(row: Planted) -> tuple[bool, str]:
    return row.origin.startswith(ALL), row.origin


if __name__ == "__main__":
    main()
