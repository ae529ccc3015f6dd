"""Texts of any length are cut in time that grows with their length, and every passage is a slice of the text."""

import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.memory import large
from bullpen.memory.chunking import Chunk, Chunking, chunk
from bullpen.memory.large import PART, WHOLE, cut_large

CUT = partial(chunk, chunking=Chunking())


def test_what_is_short_is_cut_as_it_was() -> None:
    text = "# One\n\n" + "A whale swam by. " * 2_000

    assert cut_large(text, CUT) == CUT(text)


@pytest.mark.parametrize("text", ["x" * (WHOLE + 1), "ab " * WHOLE, "a line\n" * WHOLE, "🐋\n\n" * WHOLE])
def test_a_large_text_is_cut_in_slices_that_leave_out_white_space_alone(text: str) -> None:
    asked: list[int] = []

    def cut(part: str) -> list[Chunk]:
        asked.append(len(part))
        return [Chunk(0, len(part), part, "")] if part.strip() else []

    chunks = cut_large(text, cut)
    assert max(asked) <= PART
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks) == text


def test_passages_of_a_large_text_stand_under_the_heading_that_came_before() -> None:
    text = "# Whales\n\n" + "They swim. " * WHOLE + "\n\n# Ships\n\n" + "They sink. " * WHOLE
    chunks = cut_large(text, CUT)

    assert {chunk.heading for chunk in chunks if "swim" in chunk.text} == {"Whales"}
    assert {chunk.heading for chunk in chunks if "sink" in chunk.text and "swim" not in chunk.text} == {"Ships"}


@given(st.text(alphabet="a \n#", max_size=300))
def test_parts_are_the_whole_text(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "WHOLE", 10)
        patch.setattr(large, "PART", 8)
        chunks = cut_large(text, lambda part: [Chunk(0, len(part), part, "")])
    assert "".join(chunk.text for chunk in chunks) == text


def test_fifty_megabytes_are_cut_while_somebody_waits() -> None:
    text = "The river rose by three metres, and the council met again.\n" * (50_000_000 // 59)
    began_s = time.process_time()

    chunks = cut_large(text, CUT)
    assert chunks[-1].end == len(text.rstrip())
    assert time.process_time() - began_s < 30
