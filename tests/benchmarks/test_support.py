"""What the benchmark of support plants, and the paraphrases that it reads."""

import json
import random
from pathlib import Path

from bullpen import Document
from bullpen.benchmarks.support.drafts import drafted
from bullpen.benchmarks.support.planting import Item, Strangers, planted
from bullpen.benchmarks.support.scoring import accuracy, balanced, share, threshold

ROOT = Path(__file__).parents[2]
STRANGERS = Strangers(["In 1977 the town of Wexcombe paid 4,711 crowns.", "The Town was glad."])


def test_what_is_planted_stands_in_a_stranger_and_nowhere_in_the_evidence() -> None:
    item = Item("x", "The line to Tarnholm cost £29,700 in 2024.", ("Tarnholm paid £29,700 in 2024.",))
    found = {each.planted: each.sentence for each in planted(item, STRANGERS, random.Random(1))}

    assert found == {
        "name": "The line to Wexcombe cost £29,700 in 2024.",
        "figure": "The line to Tarnholm cost £4,711 in 2024.",
        "date": "The line to Tarnholm cost £29,700 in 1977.",
        "unit": "The line to Tarnholm cost €29,700 in 2024.",
        "sentence": STRANGERS.sentences[0],
    }


def test_drafts_say_what_headers_and_sentences_say_and_their_quotes_stand_there() -> None:
    header = 'id = "ADV-1"\npackage = "barge"\ndate = "2024-01-22"\npatched = [">= 1.2"]\n'
    text = (
        f"```toml\n{header}```\n\n# Barge sinks\n\nThe hull of each barge opens under a load of more than nine tons.\n"
    )
    documents = [Document(id=f"ADV-{n}", title="Barge sinks", uri="a", text=text, metadata={}) for n in range(20)]
    worded = {"people": [Item("people", "It sank.", ("The barge sank.",), ("What sank?", "Barges"))] * 8}

    by_people, by_rule = drafted({"advisories": documents}, worded, 2, random.Random(1))

    assert [claim.text for claim in by_people.claims] == ["It sank."] * 8
    said = [claim.text.partition(" ")[2] for claim in by_rule.claims]
    assert {
        "is mended in >= 1.2.",
        "to ADV 7, the hull of each barge opens under a load of more than nine tons.",
    } & set(said)
    assert any("of 22 January 2024 concerns barge." in text for text in said)
    for quote in (quote for draft in (by_people, by_rule) for claim in draft.claims for quote in claim.quotes):
        whole = text if quote.source.startswith("ADV") else "The barge sank."
        assert whole[quote.start : quote.end] == quote.text


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
