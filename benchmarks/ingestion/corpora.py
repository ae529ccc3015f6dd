"""Folders of documents to ingest: a public collection as files, and as many made-up ones as wanted. Deterministic."""

import gzip
import json
import os
import random
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

DATA = Path(os.environ.get("BULLPEN_DATA", Path(__file__).parents[3] / "shared" / "data"))

#: Words in a made-up language, and how steeply their frequencies fall (Zipf's law).
WORDS, STEEPNESS = 20_000, 1.07
_SOUNDS = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]


def write_peps(folder: Path) -> None:
    """The public collection of PEPs, a file each. Ends the process where it is not at hand."""
    source = DATA / "corpus_peps" / "corpus.jsonl.gz"
    if not source.is_file():
        raise SystemExit(f"there is no {source}: set BULLPEN_DATA to the folder of public data sets")
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            (folder / f"pep-{int(row['number']):04}.rst").write_text(row["text"], encoding="utf-8")


def questions() -> list[str]:
    """Questions about the PEPs."""
    lines = (DATA / "corpus_peps" / "questions_dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [row["question"] for row in map(json.loads, lines)]


def write_made_up(folder: Path, count: int) -> None:
    """So many Markdown documents of some 4 kB, a hundred to a folder."""
    for number, text in enumerate(made_up(count)):
        place = folder / f"{number // 100:03}"
        place.mkdir(exist_ok=True)
        (place / f"{number:05}.md").write_text(text, encoding="utf-8")


def write_pages(folder: Path, count: int) -> None:
    """So many HTML pages of some 4 kB."""
    for number, text in enumerate(made_up(count)):
        title, *rest = (part for part in text.split("\n\n") if part)
        body = "".join(f"<h2>{part[3:]}</h2>" if part.startswith("## ") else f"<p>{part}</p>" for part in rest)
        page = f"<html><head><title>{title[2:]}</title></head><body><article>{body}</article></body></html>"
        (folder / f"{number:05}.html").write_text(page, encoding="utf-8")


def made_up(count: int, seed: int = 7) -> Iterator[str]:
    """Documents in a made-up language: a title, three sections, paragraphs of words by their frequency."""
    chance = random.Random(seed)
    words = ["".join(chance.choices(_SOUNDS, k=chance.randint(1, 4))) for _ in range(WORDS)]
    weights = list(accumulate(1 / rank**STEEPNESS for rank in range(1, WORDS + 1)))

    def some(least: int, most: int) -> str:
        return " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(least, most)))

    for _ in range(count):
        sections = [f"## {some(2, 5)}\n\n" + "\n\n".join(f"{some(40, 90)}." for _ in range(4)) for _ in range(3)]
        yield "\n\n".join([f"# {some(3, 8)}", *sections]) + "\n"
