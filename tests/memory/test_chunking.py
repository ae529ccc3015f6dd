"""Passages are exact slices along the structure of a text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.memory.chunking import SIZE, chunk, headings

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


@given(text=TEXTS, is_markdown=st.booleans())
@settings(max_examples=200, deadline=None)
def test_every_chunk_is_its_slice_and_only_white_space_is_left_out(text: str, is_markdown: bool) -> None:
    text = text.encode("utf-8", "ignore").decode()
    end = 0
    for piece in chunk(text, is_markdown=is_markdown):
        assert piece.text == text[piece.start : piece.end]
        assert 0 < len(piece.text) <= SIZE[1]
        assert not text[end : piece.start].strip()
        end = piece.end

    assert not text[end:].strip()


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
