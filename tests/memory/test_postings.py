"""The words of passages, kept on file: read again as they were, and made anew when the file cannot be believed."""

from pathlib import Path

import numpy
import pytest

from bullpen.memory import HashedEmbedder, open_memory, postings
from bullpen.memory.postings import Postings, load, postings_of, save
from bullpen.memory.ranking import Place
from bullpen.memory.records import Entry
from bullpen.orchestrator.evidence import Document

ENTRIES = [
    Entry(Place(1, 0, 9, 1), "sea", "whales sail ships"),
    Entry(Place(1, 9, 20, 2), "sea", "a ship"),
    Entry(Place(2, 0, 5, 3), "land", "horses, é and 鯨"),
]


@pytest.mark.parametrize("entries", [ENTRIES, []], ids=["three", "none"])
def test_what_was_kept_is_what_was_made(tmp_path: Path, entries: list[Entry]) -> None:
    made = postings_of(entries)
    save(made, tmp_path / "words.npz", "state")
    loaded = load(tmp_path / "words.npz")

    assert loaded is not None
    state, kept = loaded
    assert state == "state"
    assert kept[:2] == made[:2]
    for one, other in zip(made[2:], kept[2:], strict=True):
        assert one.dtype == other.dtype
        assert numpy.array_equal(one, other)


def test_words_are_found_in_the_passages_that_hold_them() -> None:
    made = postings_of(ENTRIES)
    ship = made.vocabulary.index("ship")

    assert made.passages[made.starts[ship] : made.starts[ship + 1]].tolist() == [0, 1]
    assert [made.vocabulary[code] for code in made.texts[: made.ends[0]]] == ["whale", "sail", "ship"]
    assert (made.scopes, made.scope_of.tolist()) == (["sea", "land"], [0, 0, 1])


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "words.npz") is None


def test_what_is_known_is_not_read_again() -> None:
    changed = [ENTRIES[0]._replace(text="unread"), Entry(Place(1, 9, 20, 9), "sea", "two whales"), ENTRIES[2]]
    made = postings_of(changed, postings_of(ENTRIES))
    anew = postings_of([ENTRIES[0], *changed[1:]])

    for word in ("whale", "sail", "ship", "two", "hors", "鯨", "a"):
        assert scored(made, word) == scored(anew, word)
    assert numpy.array_equal(made.places, anew.places)


def scored(made: Postings, word: str) -> list[tuple[int, float]]:
    """The passages that hold a word, with what they get for it."""
    if word not in made.vocabulary:
        return []
    first, last = made.starts[made.vocabulary.index(word) :][:2]
    return sorted(zip(made.passages[first:last].tolist(), made.scores[first:last].tolist(), strict=True))


def test_no_damage_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "words.npz"
    save(postings_of(ENTRIES), path, "state")
    content = path.read_bytes()
    made = postings_of(ENTRIES)
    for at in range(0, len(content), 29):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        read = load(path)  # a bit that means nothing may be believed
        assert read is None or all(map(numpy.array_equal, read[1][2:], made[2:]))
        path.write_bytes(content[:at])
        assert load(path) is None


@pytest.mark.anyio
async def test_the_next_process_reads_the_file_and_a_change_makes_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bullpen.memory.retrieval.KEPT_FROM", 3)
    documents = [Document(id=f"{n}", title="", uri="", text=f"whale {n}") for n in range(5)]
    async with open_memory(tmp_path, embedder=HashedEmbedder()) as memory:
        await memory.ingest("sea", documents)
        first = await memory.search("whale 3", corpora=["sea"], limit=9)
    kept = (tmp_path / "words.npz").read_bytes()
    monkeypatch.setattr("bullpen.memory.retrieval.postings_of", lambda *_: pytest.fail("was on file"))
    async with open_memory(tmp_path, embedder=HashedEmbedder()) as memory:
        assert await memory.search("whale 3", corpora=["sea"], limit=9) == first
    monkeypatch.setattr("bullpen.memory.retrieval.postings_of", postings.postings_of)
    async with open_memory(tmp_path, embedder=HashedEmbedder()) as memory:
        await memory.retain("sea", ["0", "1", "2", "4"])
        assert len(await memory.search("whale 3", corpora=["sea"], limit=9)) == 4

    assert (tmp_path / "words.npz").read_bytes() != kept
