"""Passages are exact slices along the structure of a text."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.memory.chunking import SIZE, chunk, headings
from bullpen.orchestrator.rules.tokens import estimate

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
BLOCKS = st.sampled_from([CODE, INDENTED, TABLE, SIMPLE])
AROUND = st.builds(
    lambda n, end: "Call me Ishmael. " * n + end, st.integers(0, 60), st.just(".\n\n") | st.just(".\n\n## Go\n\n")
)


@given(text=TEXTS, overlap=st.sampled_from([0, 30, 60, 150]))
@settings(max_examples=200, deadline=None)
def test_every_chunk_is_its_slice_and_only_white_space_is_left_out(text: str, overlap: int) -> None:
    text = text.encode("utf-8", "ignore").decode()
    start = end = 0
    for piece in chunk(text, overlap=overlap):
        assert piece.text == text[piece.start : piece.end]
        assert piece.text
        assert estimate(piece.text) <= SIZE[1]
        assert not text[end : piece.start].strip()
        assert end == 0 or (start < piece.start and end < piece.end)
        assert estimate(text[piece.start : end]) <= overlap
        start, end = piece.start, piece.end

    assert not text[end:].strip()


@given(parts=st.lists(st.tuples(AROUND, BLOCKS), min_size=1, max_size=5), overlap=st.sampled_from([0, 60]))
@settings(max_examples=200, deadline=None)
def test_code_and_tables_that_fit_are_whole(parts: list[tuple[str, str]], overlap: int) -> None:
    text = "Ships\n=====\n\n" + "\n\n".join(around + block for around, block in parts)
    whole = [piece.text for piece in chunk(text, overlap=overlap)]

    for _, block in parts:
        assert estimate(block) <= SIZE[1]
        assert any(block.strip() in piece for piece in whole)


def test_code_in_plain_text_is_whole() -> None:
    text = "Call me Ishmael. " * 50 + "\n\n" + CODE + "\n\n" + "Some years ago. " * 50

    assert any(CODE in piece.text for piece in chunk(text))


def test_passages_that_overlap_share_whole_sentences() -> None:
    text = " ".join(f"Whale {n} was seen from the mast on a clear day." for n in range(200))
    pieces = chunk(text, overlap=SIZE[1] // 5)
    shared = [text[later.start : earlier.end] for earlier, later in pairwise(pieces)]

    assert all(piece.startswith("Whale ") and piece.endswith(".") for piece in shared)
    assert all(estimate(piece) > SIZE[1] // 10 for piece in shared)
    assert all(earlier.end < later.start for earlier, later in pairwise(chunk(text)))


@pytest.mark.parametrize(
    "sentence", ["鯨は海にいる。", "Кит живёт в море. ", "4,120.5 (3.2) | ", "A whale is in the sea. "]
)
def test_a_passage_is_measured_in_tokens_whatever_it_is_written_in(sentence: str) -> None:
    first, *_ = chunk(sentence * 400)

    assert SIZE[0] <= estimate(first.text) <= SIZE[1]


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

    assert heading == (9, "Title")
