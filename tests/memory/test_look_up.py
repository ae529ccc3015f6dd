"""What every memory shows of its catalogue, and what a look-up in it comes to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bullpen.memory import open_in_memory, open_memory
from bullpen.memory.embedding import HashedEmbedder
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ids import canonical
from bullpen.orchestrator.lookup import Order, Select, Where
from bullpen.orchestrator.ports import Memory, MemoryFactory
from bullpen.orchestrator.settings import Settings

pytestmark = pytest.mark.anyio

on_disk = partial(open_memory, embedder=HashedEmbedder())


@asynccontextmanager
async def open_by_message(folder: Path, settings: Settings | None = None) -> AsyncIterator[Memory]:
    """The memory of a folder that somebody else has open."""
    async with on_disk(folder), on_disk(folder) as client:
        yield client


FACTORIES: list[MemoryFactory] = [on_disk, open_in_memory, open_by_message]


@pytest.fixture(params=FACTORIES, ids=["on disk", "in memory", "by message"])
async def memory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Memory]:
    async with request.param(tmp_path / "memory") as opened:
        await opened.ingest("rules", RULES)
        await opened.ingest("other", [document("o", "A text about ramps of another kind.", status="Draft")])
        yield opened


def document(id: str, text: str, *, title: str = "", **metadata: Any) -> Document:
    return Document(id=id, title=title or id, uri=f"/corpus/{id}", text=text, metadata=metadata)


NOTICE = "This text may be copied by anybody who likes it."
RULES = [
    document(
        "rule-0010",
        f".. at:: one two three four five\n\n{NOTICE}\n\nRamps\n=====\n\nA ramp rises by no more than six per cent.",
        title="Ramps",
        number=10,
        status="Final",
        created="2019-10-14",
        replaces=9,
        licence="CC0",
        page="https://example.org/10",
        topics=["ramps", "stairs", "doors", "roofs", "cellars", "attics"],
    ),
    document(
        "rule-0009",
        f"{NOTICE}\n\nStatus:\n\nA straße is no ramp, and nobody may call it one.",
        title="Streets",
        number=9,
        status="Withdrawn",
        created="01-Feb-2012",
        superseded_by="10",
        licence="CC0",
        page="https://example.org/9",
    ),
    document(
        "rule-0011", "Words alone.", title="Words", number=11, status="Final", created="2020-01-02", licence="CC0"
    ),
]


async def test_a_card_shows_what_tells_a_document_from_others(memory: Memory) -> None:
    streets, ramps, words = await memory.cards(corpora=["rules"])

    assert [card.source for card in (streets, ramps, words)] == ["rule-0009", "rule-0010", "rule-0011"]
    assert ramps.opening == "A ramp rises by no more than six per cent."
    assert streets.opening == "A straße is no ramp, and nobody may call it one."
    assert ramps.metadata == {
        "created": "2019-10-14",
        "replaces": 9,
        "status": "Final",
        "topics": ["ramps", "stairs", "doors", "roofs", "… 2 more"],
    }
    assert ramps.links == {"replaces": ("rule-0009",)}
    assert streets.links == {"superseded_by": ("rule-0010",)}
    assert (words.links, words.opening, words.tokens) == ({}, "", 3)


async def test_cards_of_some_documents_are_theirs_alone(memory: Memory) -> None:
    found = await memory.cards(corpora=["rules"], sources=["rule-0011", "o", "nobody"])

    assert [card.source for card in found] == ["rule-0011"]
    assert [card.source for card in await memory.cards(corpora=["other", "rules"], sources=["o"])] == ["o"]


async def test_a_summary_says_what_there_is_to_look_up(memory: Memory) -> None:
    summary = await memory.fields(corpora=["rules"])
    fields = {field.name: field for field in summary.fields}

    assert summary.documents == 3
    assert (fields["status"].sources, fields["status"].values) == (3, (("Final", 2), ("Withdrawn", 1)))
    assert fields["created"].span == ("01-Feb-2012", "2020-01-02")
    assert fields["number"].kind == "identity"
    assert len(fields["page"].values) <= 2


async def test_a_look_up_reaches_fields_and_texts_of_its_corpora(memory: Memory) -> None:
    ramp = Where(field="text", op="contains", values=("ramp",))
    final = Where(field="status", values=("final",))
    table = await memory.look_up(Select(where=(ramp, final), order=Order(field="created")), corpora=["rules"])

    assert table.told == "text contains “ramp”; status is final: 1 of 3"
    assert [(row.source, row.values) for row in table.rows] == [("rule-0010", ("Final", "2019-10-14"))]
    assert [near.total for near in table.without] == [2, 2]
    [quote] = table.rows[0].quotes
    assert await memory.read(quote.source, quote.start, quote.end) == quote.text
    both = await memory.look_up(Select(where=(ramp,)), corpora=["other", "rules"])
    assert set(both.sources) == {"o", "rule-0009", "rule-0010"}


async def test_a_look_up_knows_what_has_changed(memory: Memory) -> None:
    asked = Select(where=(Where(field="text", op="contains", values=("STRASSE",)),))
    before = await memory.look_up(asked, corpora=["rules"])
    await memory.ingest("rules", [document("rule-0009", "Nothing of it.", status="Final")])

    assert before.sources == ("rule-0009",)
    assert (await memory.look_up(asked, corpora=["rules"])).sources == ()


async def test_a_look_up_that_cannot_be_run_says_why(memory: Memory) -> None:
    table = await memory.look_up(Select(where=(Where(field="stats", values=("Final",)),)), corpora=["rules"])

    assert table.problem == "there is no field 'stats'; name one of status"


async def test_all_memories_say_the_same(tmp_path: Path) -> None:
    said: list[list[str]] = []
    for open_any in FACTORIES:
        async with open_any(tmp_path / f"memory-{len(said)}", Settings()) as opened:
            await opened.ingest("rules", RULES)
            told = (
                await opened.cards(corpora=["rules"]),
                await opened.fields(corpora=["rules"]),
                await opened.look_up(Select(count_by=("status", "created"), show=("topics",)), corpora=["rules"]),
            )
            said.append([canonical(one) for one in told])

    assert said[0] == said[1] == said[2]
