"""Passages are exact slices along the structure of a text."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.memory import HashedEmbedder, open_in_memory, open_memory
from bullpen.memory.chunking import SIZE, Chunking, chunk, tokens
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ports import Memory, Note
from bullpen.orchestrator.rules.blocks import blocks
from bullpen.orchestrator.rules.headings import headings

PIECES = st.sampled_from(
    [
        "word ",
        "Wörter ",
        "e\u0301",
        "👩‍👩‍👧",
        "\r\n",
        "\n\n",
        "\u2028",
        "\t",
        "# Title\n",
        "Title\n=====\n",
        "Title\n~~~~~\n",
        "~~~\n",
        "*" * 40,
        " " * 300,
        "```\n",
        "x" * 700,
        "。",
        "\x0c",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=30), max_size=40).map("".join)


CODE = "```python\n" + "\n\n".join(f"def f{n}():\n    return {n}" for n in range(12)) + "\n```"
INDENTED = "\n\n".join(f"    def f{n}():\n        return {n}" for n in range(12))
TABLE = "| ship | whales |\n|---|---|\n" + "\n".join(f"| Pequod {n} | {n} whales |" for n in range(20))
SIMPLE = "=====  =====\nship   whale\n=====  =====\n" + "\n".join(f"a{n}  b{n}" for n in range(20)) + "\n=====  ====="
BLOCKS = st.sampled_from([CODE, CODE.replace("`", "~"), INDENTED, TABLE, SIMPLE])
AROUND = st.builds(
    lambda n, end: "Call me Ishmael. " * n + end, st.integers(0, 60), st.just(".\n\n") | st.just(".\n\n## Go\n\n")
)


@given(text=TEXTS, overlap=st.sampled_from([0, 30, 60, 150]))
@settings(max_examples=200, deadline=None)
def test_every_chunk_is_its_slice_and_only_what_says_nothing_is_left_out(text: str, overlap: int) -> None:
    text = text.encode("utf-8", "ignore").decode()
    start = end = 0
    for piece in chunk(text, Chunking(overlap=overlap)):
        assert piece.text == text[piece.start : piece.end]
        assert piece.text
        assert tokens(piece.text) <= SIZE[1]
        assert says_nothing(text[end : piece.start])
        assert end == 0 or (start < piece.start and end < piece.end)
        assert tokens(text[piece.start : end]) <= overlap
        start, end = piece.start, piece.end

    assert says_nothing(text[end:])


def says_nothing(text: str) -> bool:
    return {block.kind for block in blocks(text)} <= {"heading", "links"}


@given(parts=st.lists(st.tuples(AROUND, BLOCKS), min_size=1, max_size=5), overlap=st.sampled_from([0, 60]))
@settings(max_examples=200, deadline=None)
def test_code_and_tables_that_fit_are_whole(parts: list[tuple[str, str]], overlap: int) -> None:
    text = "Ships\n~~~~~\n\n" + "\n\n".join(around + block for around, block in parts)
    whole = [piece.text for piece in chunk(text, Chunking(overlap=overlap))]

    for _, block in parts:
        assert tokens(block) <= SIZE[1]
        assert any(block.strip() in piece for piece in whole)


def test_code_in_plain_text_is_whole() -> None:
    text = "Call me Ishmael. " * 50 + "\n\n" + CODE + "\n\n" + "Some years ago. " * 50

    assert any(CODE in piece.text for piece in chunk(text))


def test_passages_that_overlap_share_whole_sentences() -> None:
    text = " ".join(f"Whale {n} was seen from the mast on a clear day." for n in range(200))
    pieces = chunk(text, Chunking(overlap=SIZE[1] // 5))
    shared = [text[later.start : earlier.end] for earlier, later in pairwise(pieces)]

    assert all(piece.startswith("Whale ") and piece.endswith(".") for piece in shared)
    assert all(tokens(piece) > SIZE[1] // 10 for piece in shared)
    assert all(earlier.end < later.start for earlier, later in pairwise(chunk(text)))


@pytest.mark.parametrize(
    "sentence", ["鯨は海にいる。", "Кит живёт в море. ", "4,120.5 (3.2) | ", "A whale is in the sea. "]
)
def test_a_passage_is_measured_in_tokens_whatever_it_is_written_in(sentence: str) -> None:
    first, *_ = chunk(sentence * 400)

    assert SIZE[0] <= tokens(first.text) <= SIZE[1]


def test_passages_stand_under_the_last_heading_before_them() -> None:
    filler = "Call me Ishmael. " * 80
    text = f"{filler}\n\nLoomings\n========\n\n{filler}\n\n## The carpet-bag ##\n\n{filler}"

    assert list(dict.fromkeys(piece.heading for piece in chunk(text))) == ["", "Loomings", "The carpet-bag"]


@pytest.mark.parametrize(
    "text",
    [
        "```\n# a comment\n```\n",
        "~~~\n```\n# a comment\n~~~\n",
        "---\ntitle: a long one\n---\n",
        " indented\n=========\n",
        "=====\n=====",
    ],
    ids=["fence", "fence in fence", "front matter", "indented", "rows"],
)
def test_what_only_looks_like_a_heading_is_none(text: str) -> None:
    assert [heading.text for heading in headings(text)] == []


def test_a_heading_with_carriage_returns_is_found_where_its_words_start() -> None:
    [heading] = headings("intro\r\n\r\nTitle\r\n=====\r\ntext")

    assert (heading.start, heading.text, heading.below) == (9, "Title", (16, 21))


@pytest.mark.parametrize("mark", list("=-~^\"'*+#:."))
def test_every_underline_is_a_heading_and_a_place_to_cut(mark: str) -> None:
    sentences = "Call me Ishmael. " * 50
    text = "\n\n".join(f"{title}\n{mark * 9}\n\n{sentences}" for title in ("Loomings", "The Spout", "Biography"))

    assert [heading.text for heading in headings(text)] == ["Loomings", "The Spout", "Biography"]
    assert [piece.text for piece in chunk(text)] == [
        f"{title}\n{mark * 9}\n\n{sentences}".strip() for title in ("Loomings", "The Spout", "Biography")
    ]


@pytest.mark.parametrize("mark", list("=-^\"'*+#:."))
def test_a_line_above_a_heading_belongs_to_it(mark: str) -> None:
    row, sentences = mark * 9, "Call me Ishmael. " * 50
    text = "\n\n".join(f"{row}\n{title}\n{row}\n\n{sentences}" for title in ("Loomings", "The Spout", "Biography"))

    assert [(piece.heading, piece.text[:9]) for piece in chunk(text)] == [
        ("Loomings", row),
        ("The Spout", row),
        ("Biography", row),
    ]


def test_a_heading_by_itself_and_targets_of_links_are_no_passages() -> None:
    filler = "Call me Ishmael. " * 75
    targets = "\n\n".join(f".. _ship {n}: https://ships.invalid/{n}" for n in range(30))
    text = f"Ships\n=====\n\n{filler}\n\nSails\n=====\n\nMasts\n-----\n\nHigh.\n\nLinks\n=====\n\n{targets}"
    assert tokens(f"Ships\n=====\n\n{filler.strip()}") > SIZE[1] >= tokens(filler)

    assert [(piece.heading, piece.text) for piece in chunk(text)] == [
        ("Ships", filler.strip()),
        ("Sails", "Sails\n=====\n\nMasts\n-----\n\nHigh."),
    ]


def test_what_is_nothing_but_headings_is_one_passage() -> None:
    assert [piece.text for piece in chunk("# Ships\n\n## Sails\n")] == ["# Ships\n\n## Sails"]


@pytest.mark.parametrize("end", ["fi", "}"])
def test_a_fence_is_closed_under_a_line_as_short_as_itself(end: str) -> None:
    text = f"~~~\nif\n\n# a comment\n{end}\n~~~\n\nTitle\n~~~~~\n"

    assert [heading.text for heading in headings(text)] == ["Title"]


@given(text=st.text(max_size=60), more=st.characters())
@settings(deadline=None)
def test_a_text_has_at_least_as_many_tokens_as_a_part_of_it(text: str, more: str) -> None:
    assert tokens(text) <= tokens(text + more) <= tokens(text) + 2
    assert tokens(more + text) == tokens(text + more)


@pytest.mark.parametrize("overlap", [-1, SIZE[0]])
def test_an_overlap_that_cannot_be_is_refused(overlap: int) -> None:
    with pytest.raises(BadInput, match=rf"give an overlap of 0\.\.{SIZE[0] - 1}"):
        Chunking(overlap=overlap)


LOG = " ".join(f"Whale {n} was seen from the mast on a clear day." for n in range(200))
SEEN = Document(id="log", title="Log", uri="/log", text=LOG)
#: By words alone, whatever weights this machine has.
Factory = Callable[..., AbstractAsyncContextManager[Memory]]
on_disk: Factory = partial(open_memory, embedder=HashedEmbedder())


async def spans(memory: Memory) -> list[tuple[int, int]]:
    found = await memory.search("the mast on a clear day", corpora=["sea"], limit=99)
    return sorted((passage.start, passage.end) for passage in found)


@pytest.mark.anyio
@pytest.mark.parametrize("factory", [on_disk, open_in_memory], ids=["on disk", "in memory"])
async def test_a_memory_cuts_with_the_overlap_it_is_opened_with(tmp_path: Path, factory: Factory) -> None:
    for overlap in (0, 50):
        async with factory(tmp_path / str(overlap), overlap=overlap) as memory:
            await memory.ingest("sea", [SEEN])

            assert await spans(memory) == [(c.start, c.end) for c in chunk(LOG, Chunking(overlap=overlap))]


@pytest.mark.anyio
async def test_documents_stored_with_another_overlap_are_cut_anew_when_ingested_next(tmp_path: Path) -> None:
    async with on_disk(tmp_path) as memory:
        await memory.ingest("sea", [SEEN])
        before = await spans(memory)
        await memory.add(Note(key="k", text="an orca", source="log", start=0, end=7, writer="w", scope="sea"))
    async with on_disk(tmp_path, overlap=50) as memory:
        assert await spans(memory) == before
        assert await memory.ingest("sea", [SEEN]) == 1
        after = await spans(memory)
        assert await memory.ingest("sea", [SEEN]) == 0
        [note] = await memory.search("orca", corpora=["sea"], limit=1)

    assert all(later < end for (_, end), (later, _) in pairwise(after))
    assert all(later >= end for (_, end), (later, _) in pairwise(before))
    assert (note.start, note.end) == (0, 7)
