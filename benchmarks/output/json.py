"""How many malformed texts are read as their suites have it, and whether what is not so is owned up to.

    python -m benchmarks.output.json [--json]

For each of four public suites: ours, `json_repair` alone and the standard library. A row is right, refused (a problem
and no value), repaired (no value is expected, and the reader says that it repaired), wrong, or unsaid: wrong, or not
JSON, and passed off as read. Texts are read from `BULLPEN_DATA`.
"""

import argparse
import base64
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import json_repair
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from bullpen.orchestrator.rules.json.read import read_json

from .baml import Schema
from .scoring import Attempt, json_outcome

DATA = Path(os.environ.get("BULLPEN_DATA", Path(__file__).parents[3] / "shared" / "data"))
OUTCOMES = ("right", "refused", "repaired", "wrong", "unsaid")

Reader = Callable[[str, TypeAdapter[Any] | None], Attempt]


def ours(text: str, returns: TypeAdapter[Any] | None) -> Attempt:
    reading = read_json(text, returns)
    return Attempt(reading.value, reading.problem, reading.is_repaired)


def repairer(text: str, returns: TypeAdapter[Any] | None) -> Attempt:
    """`json_repair` with its defaults; it does not say whether it had to repair."""
    try:
        return Attempt(json_repair.loads(text))
    except (ValueError, RecursionError) as error:
        return Attempt(problem=type(error).__name__)


def strict(text: str, returns: TypeAdapter[Any] | None) -> Attempt:
    try:
        return Attempt(json.loads(text))
    except (ValueError, RecursionError) as error:
        return Attempt(problem=type(error).__name__)


READERS: Mapping[str, Reader] = {"ours": ours, "json_repair": repairer, "json": strict}


def text_of(row: Mapping[str, Any]) -> str:
    """The text of a row; bytes that are no UTF-8 become lone surrogates, as a lenient transport would have it."""
    if "input_head" in row:
        return str(row["input_head"]) * 20_000
    if row.get("input") is not None:
        return str(row["input"])
    return base64.b64decode(row["input_b64"]).decode(errors="surrogateescape")


def target_of(row: Mapping[str, Any]) -> TypeAdapter[Any] | None:
    """The type that a row is to be read as; None where none is given, or its source is not a type."""
    try:
        return Schema(row["schema_baml"]).target(row["target"]) if "target" in row else None
    except ValueError:
        return None


def measure(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each row's outcome for each reader, and why ours refused."""
    found = []
    for row in rows:
        text, returns = text_of(row), target_of(row)
        attempts = {name: read(text, returns) for name, read in READERS.items()}
        outcomes = {name: json_outcome(row, attempt) for name, attempt in attempts.items()}
        kind = {"id": row["id"], "suite": row["suite"], "kind": row["expected_kind"], "test": row["test"]}
        found.append({**kind, **outcomes, "problem": re.sub(r"'.*'|\".*\"", "…", attempts["ours"].problem)})
    return found


def show(found: Sequence[Mapping[str, Any]]) -> None:
    """The tables: outcomes by suite, and the reasons of our refusals where a value is expected."""
    table = Table(
        "suite",
        "expects",
        "n",
        *(f"ours {name}" for name in OUTCOMES),
        "json_repair right",
        "json right",
        "lost",
        box=None,
    )
    reasons: Counter[tuple[str, str]] = Counter()
    for suite, kind in dict.fromkeys((row["suite"], row["kind"]) for row in found):
        rows = [row for row in found if (row["suite"], row["kind"]) == (suite, kind)]
        counts = Counter(row["ours"] for row in rows)
        others = [str(sum(row[name] == "right" for row in rows)) for name in ("json_repair", "json")]
        lost = sum(row["json_repair"] == "right" and row["ours"] in ("wrong", "unsaid") for row in rows)
        table.add_row(suite, kind, str(len(rows)), *(str(counts[name]) for name in OUTCOMES), *others, str(lost))
        reasons.update((suite, row["problem"]) for row in rows if row["ours"] == "refused")
    why = Table("suite", "n", "refused because", box=None)
    for (suite, problem), count in reasons.most_common():
        why.add_row(suite, str(count), problem)
    console = Console(width=150)
    console.print(table)
    console.print(why)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print every row's outcomes instead")
    parser.add_argument("--part", default="dev", help="the part of the data, by its file's name")
    chosen = parser.parse_args()
    path = DATA / "json_malformed" / f"{chosen.part}.jsonl"
    if not path.is_file():
        sys.exit(f"no {str(path)!r}; set BULLPEN_DATA to the folder that holds json_malformed")
    found = measure([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    if chosen.json:
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
    else:
        show(found)


if __name__ == "__main__":
    main()
