"""What every memory promises of notes: what is written about one subject, against what, and which of it stands."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bullpen.memory import open_in_memory, open_memory
from bullpen.memory.embedding import HashedEmbedder
from bullpen.orchestrator.errors import BadInput, Conflict
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.metadata import Condition
from bullpen.orchestrator.ports import Memory, MemoryFactory, Note, Superseded

pytestmark = pytest.mark.anyio

TEXT = "The pilot cost 48,000 crowns. The operator says 52,500. Nobody says who paid."
FACTORIES: list[MemoryFactory] = [partial(open_memory, embedder=HashedEmbedder()), open_in_memory]


@pytest.fixture(params=FACTORIES, ids=["on disk", "in memory"])
async def memory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Memory]:
    async with request.param(tmp_path / "memory") as opened:
        await opened.ingest("town", [Document(id="minutes", title="Minutes", uri="minutes", text=TEXT)])
        yield opened


def note(key: str, text: str = "", *, about: str = "cost", scope: str = "job", **more: Any) -> Note:
    given: dict[str, Any] = {"source": "minutes", "start": 0, "end": 29, "writer": "reader", **more}
    return Note(key=key, text=text or f"it cost {key}", about=about, scope=scope, **given)


async def told(memory: Memory, about: str = "cost", **how: Any) -> dict[str, tuple[int, str, str]]:
    """Of each note its version, what it supersedes and what it contradicts, oldest first."""
    found = await memory.recall(about, **how)
    return {each.key: (each.version, "".join(each.supersedes), "".join(each.contradicts)) for each in found}


# Writing


async def test_a_note_comes_back_as_it_is_kept(memory: Memory) -> None:
    given = note("a", run="run-1", task="read-1", start=4, end=9)
    kept = await memory.add(given)
    [found] = await memory.recall("cost")

    assert kept == found == given.model_copy(update={"version": 1, "at": kept.at})
    assert (await memory.search("cost", corpora=["job"], limit=1))[0].text == "pilot"


async def test_notes_that_say_different_things_are_linked_both_ways(memory: Memory) -> None:
    for key in "abc":
        await memory.add(note(key))

    assert await told(memory) == {"a": (1, "", "bc"), "b": (2, "", "ac"), "c": (3, "", "ab")}


async def test_the_same_words_from_two_writers_are_no_conflict(memory: Memory) -> None:
    await memory.add(note("a", "It cost  48,000."))
    second = await memory.add(note("b", "it cost 48,000.", writer="another"))
    third = await memory.add(note("c", "It cost more."))

    assert (second.contradicts, third.contradicts) == ((), ("a", "b"))


async def test_other_subjects_and_other_scopes_are_no_conflict(memory: Memory) -> None:
    written = [note("a"), note("b", about="length"), note("c", scope="other"), note("d", about=""), note("e", about="")]

    assert [(kept.version, kept.contradicts) for kept in [await memory.add(each) for each in written]] == [
        (1, ()),
        (1, ()),
        (1, ()),
        (0, ()),
        (0, ()),
    ]


async def test_what_was_read_is_replaced_and_kept(memory: Memory) -> None:
    await memory.add(note("a"))
    await memory.add(note("b"))
    kept = await memory.add(note("c", writer="editor"), expects=2)

    assert (kept.version, kept.supersedes, kept.contradicts) == (3, ("a", "b"), ())
    assert await told(memory) == {"c": (3, "ab", "")}
    assert await told(memory, history=True) == {"a": (1, "", ""), "b": (2, "", ""), "c": (3, "ab", "")}
    [old, *_] = await memory.recall("cost", history=True)
    assert old.superseded == Superseded(by="c", writer="editor", at=kept.at)
    assert await memory.search("a", corpora=["job"], limit=9) == ()


@pytest.mark.parametrize("expects", [0, 2, -1, 99])
async def test_whoever_has_not_read_the_last_word_writes_nothing(memory: Memory, expects: int) -> None:
    await memory.add(note("a"))

    with pytest.raises(Conflict, match=r"about 'cost' is at version 1, not") as refused:
        await memory.add(note("b"), expects=expects)
    assert (refused.value.about, refused.value.expected, refused.value.version) == ("cost", expects, 1)
    assert await told(memory, history=True) == {"a": (1, "", "")}
    assert (await memory.add(note("b"), expects=refused.value.version)).supersedes == ("a",)


async def test_nothing_is_known_at_version_zero(memory: Memory) -> None:
    assert (await memory.add(note("a"), expects=0)).version == 1
    with pytest.raises(BadInput, match=r"a version \(0\) is expected of a note about nothing; say what"):
        await memory.add(note("b", about=""), expects=0)


async def test_a_note_written_again_changes_nothing(memory: Memory) -> None:
    first = await memory.add(note("a"), expects=0)
    assert await memory.add(note("a"), expects=0) == first

    await memory.add(note("b"), expects=1)
    again = await memory.add(note("a"), expects=0)
    assert again.superseded is not None
    assert again.superseded.by == "b"
    assert await told(memory) == {"b": (2, "a", "")}


async def test_a_key_that_says_something_else_is_a_new_note(memory: Memory) -> None:
    await memory.add(note("a"))
    await memory.add(note("b"))
    changed = await memory.add(note("a", "it cost nothing"))

    assert (changed.version, changed.contradicts) == (3, ("b",))
    assert await told(memory) == {"b": (2, "", "a"), "a": (3, "", "b")}
    assert await memory.search("nothing", corpora=["job"], limit=9) != ()


async def test_a_superseded_note_that_says_something_else_now_is_live_again(memory: Memory) -> None:
    await memory.add(note("a"))
    await memory.add(note("b"), expects=1)
    await memory.search("cost", corpora=["job"], limit=9)
    await memory.add(note("a", "it cost nothing"))

    assert await told(memory, history=True) == {"b": (2, "", "a"), "a": (3, "", "b")}


# Recalling


async def test_what_is_known_is_recalled_by_scope(memory: Memory) -> None:
    await memory.add(note("a", scope="one"))
    await memory.add(note("b", scope="two"))
    await memory.add(note("c", scope="one"), expects=1)

    assert list(await told(memory)) == ["b", "c"]
    assert list(await told(memory, scopes=["one"])) == ["c"]
    assert list(await told(memory, scopes=["two", "one"], history=True)) == ["a", "b", "c"]
    await memory.add(note("d", about=""))
    assert (
        await told(memory, "")
        == await told(memory, scopes=[])
        == await told(memory, scopes=["none"])
        == await told(memory, "length")
        == {}
    )


# Choosing


async def test_one_of_several_is_chosen_for_a_reason(memory: Memory) -> None:
    for key in "abc":
        await memory.add(note(key))
    chosen = await memory.resolve("b", reason="the minutes are audited", writer="editor", expects=3)

    assert (chosen.key, chosen.version, chosen.supersedes, chosen.contradicts) == ("b", 4, ("a", "c"), ())
    assert await told(memory) == {"b": (4, "ac", "")}
    ended = [each.superseded for each in await memory.recall("cost", history=True)]
    assert [each and (each.by, each.writer, each.reason) for each in ended] == [
        ("b", "editor", "the minutes are audited"),
        None,
        ("b", "editor", "the minutes are audited"),
    ]
    assert (await memory.add(note("d"), expects=4)).supersedes == ("b",)


async def test_whoever_has_not_seen_all_sides_chooses_none(memory: Memory) -> None:
    await memory.add(note("a"))
    await memory.add(note("b"))

    with pytest.raises(Conflict, match="version 2, not 1"):
        await memory.resolve("a", reason="it was first", writer="editor", expects=1)
    assert await told(memory) == {"a": (1, "", "b"), "b": (2, "", "a")}


async def test_what_stands_alone_is_chosen_already(memory: Memory) -> None:
    """Whoever does it again, after a crash, is not told that somebody has written meanwhile: it was them."""
    await memory.add(note("a"))
    await memory.add(note("b"))
    first = await memory.resolve("a", reason="audited", writer="editor", expects=2)

    assert await memory.resolve("a", reason="audited", writer="editor", expects=2) == first
    assert await memory.resolve("a", reason="for no reason", writer="another") == first


@pytest.mark.parametrize("key", ["old", "about nothing", "nowhere", "\x00"])
async def test_what_is_not_live_about_a_subject_is_not_chosen(memory: Memory, key: str) -> None:
    await memory.add(note("old"))
    await memory.add(note("new"), expects=1)
    await memory.add(note("about nothing", about=""))

    with pytest.raises(BadInput, match="is not among the live ones about a subject; recall them"):
        await memory.resolve(key, reason="so", writer="editor")


async def test_the_same_subject_of_another_scope_is_left_as_it_is(memory: Memory) -> None:
    for scope in ("one", "two"):
        await memory.add(note(f"a {scope}", scope=scope))
        await memory.add(note(f"b {scope}", scope=scope))
    await memory.resolve("a one", reason="so", writer="editor")

    assert list(await told(memory)) == ["a one", "a two", "b two"]


# Forgetting


async def test_a_forgotten_note_is_not_found_and_its_subject_has_changed(memory: Memory) -> None:
    await memory.add(note("a"))
    await memory.add(note("b"))

    assert (await memory.forget("a"), await memory.forget("a"), await memory.forget("\ud800")) == (True, False, False)
    assert await told(memory) == {"b": (2, "", "")}
    assert await memory.search("a", corpora=["job"], limit=9) == ()
    with pytest.raises(Conflict, match="version 3, not 2"):
        await memory.add(note("c"), expects=2)


async def test_what_a_forgotten_note_has_superseded_stays_so(memory: Memory) -> None:
    await memory.add(note("a"))
    await memory.add(note("b"), expects=1)
    await memory.forget("b")

    assert await told(memory) == {}
    [old] = await memory.recall("cost", history=True)
    assert (old.key, old.superseded) == ("a", Superseded())
    assert (await memory.add(note("b", "another"), expects=3)).supersedes == ()


async def test_a_superseded_note_is_forgotten_too(memory: Memory) -> None:
    await memory.add(note("a"))
    await memory.add(note("b"), expects=1)
    await memory.search("cost", corpora=["job"], limit=9)

    assert await memory.forget("a")
    assert await told(memory, history=True) == {"b": (2, "", "")}
    await memory.add(note("a"))
    assert await told(memory) == {"b": (2, "", "a"), "a": (4, "", "b")}


async def test_notes_go_with_their_source(memory: Memory) -> None:
    await memory.ingest("town", [Document(id="letter", title="", uri="", text="It cost more.")])
    await memory.add(note("a", source="letter", end=7))
    await memory.add(note("b"))
    await memory.retain("town", ["minutes"])

    assert await told(memory, history=True) == {"b": (2, "", "")}


# What stands around, by metadata, and not twice


LONG = "\n\n".join(f"## Part {n}\n\n" + f"Sentence {n} of the whale. " * 40 for n in range(6))


async def test_the_neighbours_of_a_passage_are_what_is_read_before_and_after_it(memory: Memory) -> None:
    await memory.ingest("sea", [Document(id="book.md", title="", uri="", text=LONG)])
    whole = await memory.neighbours("book.md", 0, 0, before=0, after=99)
    assert len(whole) > 4

    at = whole[2]
    assert await memory.neighbours("book.md", at.start, at.end) == (whole[1], whole[3])
    assert await memory.neighbours("book.md", at.start, at.end, before=9, after=0) == whole[:2]
    assert await memory.neighbours("book.md", at.start, at.end, before=0, after=2) == whole[3:5]
    assert await memory.neighbours("book.md", at.start, at.end, before=-1, after=-1) == ()
    assert await memory.neighbours("nowhere", 0, 9) == ()
    assert all(passage.text == LONG[passage.start : passage.end] for passage in whole)


async def test_a_search_finds_what_meets_conditions(memory: Memory) -> None:
    books = [("a", 1851, "Ash"), ("b", 1860, "Ash"), ("c", 1860, "Ek")]
    texts = [
        Document(id=id, title="", uri="", text=f"a whale {id}", metadata={"year": year, "by": by})
        for id, year, by in books
    ]
    await memory.ingest("sea", texts)
    await memory.ingest("land", [texts[0].model_copy(update={"id": "d"})])
    await memory.add(note("k", "leviathan", source="a", start=2, end=7))
    by, year = Condition(field="by", op="is", values=("ash",)), Condition(field="year", op="is", values=("1860",))

    async def found(query: str, *where: Condition, **more: Any) -> list[str]:
        return [p.source for p in await memory.search(query, corpora=["sea", "job"], limit=9, where=where, **more)]

    assert await found("whale", by) == ["a", "b"]
    assert await found("whale", by, year) == ["b"]
    assert await found("whale", by, sources=["c", "a"]) == ["a"]
    assert await found("whale", Condition(field="by", op="is", values=("nobody",))) == []
    assert await found("leviathan", by) == ["a"]
    assert await found("leviathan", year) == []


async def test_what_says_the_same_again_is_put_off(memory: Memory) -> None:
    same = [Document(id=f"same-{n}", title="", uri="", text=f"the white whale of the sea {n}") for n in range(3)]
    other = Document(id="other", title="", uri="", text="a whale and many other words about ships and harpoons")
    await memory.ingest("sea", [*same, other])

    async def found(limit: int, diversity: float) -> list[str]:
        passages = await memory.search("white whale", corpora=["sea"], limit=limit, diversity=diversity)
        return [passage.source for passage in passages]

    assert await found(4, 0.0) == ["same-0", "same-1", "same-2", "other"]
    assert await found(2, 0.9) == ["same-0", "other"]
    assert sorted(await found(4, 0.9)) == sorted(await found(4, 0.0))
    assert await found(0, 0.9) == []
