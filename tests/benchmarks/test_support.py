"""What the benchmark of support plants, and the paraphrases that it reads."""

import json
import random
from pathlib import Path

from bullpen.benchmarks.support.planting import Item, planted
from bullpen.benchmarks.support.scoring import accuracy, balanced, share, threshold

ROOT = Path(__file__).parents[2]
STRANGERS = ["In 1977 the town of Wexcombe paid 4,711 crowns."]


def test_what_is_planted_stands_in_a_stranger_and_nowhere_in_the_evidence() -> None:
    item = Item("x", "The line to Tarnholm cost £29,700 in 2024.", ("Tarnholm paid £29,700 in 2024.",))
    found = {each.planted: each.sentence for each in planted(item, STRANGERS, random.Random(1))}

    assert found == {
        "name": "The line to Wexcombe cost £29,700 in 2024.",
        "figure": "The line to Tarnholm cost £4,711 in 2024.",
        "date": "The line to Tarnholm cost £29,700 in 1977.",
        "unit": "The line to Tarnholm cost €29,700 in 2024.",
        "sentence": STRANGERS[0],
    }


def test_quotes_of_paraphrases_stand_in_the_corpus() -> None:
    rows = map(json.loads, (ROOT / "benchmarks/support/paraphrases.jsonl").read_text(encoding="utf-8").splitlines())
    quotes = [quote for row in rows for quote in row["quotes"]]

    assert all(q["text"] in (ROOT / "examples/corpus" / q["source"]).read_text(encoding="utf-8") for q in quotes)


def test_accuracy_is_the_mean_over_both_kinds() -> None:
    truths = [True, True, True, False]

    assert balanced([True, True, True, True], truths) == 0.5
    assert threshold([0.9, 0.8, 0.7, 0.2], truths) == 0.7
    assert accuracy(truths, truths).value == 1.0
    assert share(1, 2).low < 0.5 < share(1, 2).high
