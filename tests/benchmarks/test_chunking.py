"""What the benchmark of cutting counts, beside a count of single characters."""

from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from bullpen.benchmarks.chunking.__main__ import Measured, over_sizes
from bullpen.benchmarks.chunking.scoring import Piece, Scores, Span, common, difference, length, merged, score
from bullpen.benchmarks.chunking.splitters import SIZES, Way, fixed, recursive
from bullpen.memory.chunking import Chunk, chunk

SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)).map(lambda at: (at[0], at[0] + at[1])), max_size=6)


def characters(spans: list[Span]) -> set[int]:
    return {at for span in spans for at in range(*span)}


def pieces(spans: list[Span], corpus: str = "sea") -> list[Piece]:
    return [Piece(corpus, Chunk(start, end, "", "")) for start, end in spans]


@given(some=SPANS, others=SPANS)
def test_spans_are_counted_as_their_characters_are(some: list[Span], others: list[Span]) -> None:
    assert length(merged(some)) == len(characters(some))
    assert length(common(some, others)) == len(characters(some) & characters(others))


@given(needed=SPANS.filter(bool), found=SPANS.filter(bool), more=SPANS)
def test_scores_are_what_counting_characters_gives(needed: list[Span], found: list[Span], more: list[Span]) -> None:
    want, have, read = characters(needed), characters(found), length(found)
    scores = score("sea", needed, pieces(found), pieces(found + more))
    holding = characters([span for span in found + more if characters([span]) & want])

    assert scores.recall == len(want & have) / len(want)
    assert scores.precision == len(want & have) / read
    assert scores.iou == len(want & have) / (read + len(want - have))
    assert scores.precision_omega == len(want & holding) / len(want | holding)


def test_what_is_found_in_another_text_is_only_read() -> None:
    scores = score("sea", [(0, 10)], [*pieces([(0, 10)]), *pieces([(0, 10)], "land")], pieces([(0, 10)]))

    assert scores == (1.0, 0.5, 1.0, 0.5)


def test_a_difference_has_an_interval_and_counts_questions() -> None:
    gap = difference([1.0, 0.5, 0.0, 1.0] * 25, [0.5, 0.5, 0.5, 0.0] * 25)

    assert gap.mean == pytest.approx(0.25)
    assert gap.low < 0.25 < gap.high
    assert (gap.more, gap.less) == (50, 25)
    assert difference([0.5] * 9, [0.5] * 9) == (0.0, 0.0, 0.0, 0, 0)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Words and marks, each one token."""
    made = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


@pytest.mark.parametrize("overlap", [0, 5])
@pytest.mark.parametrize("way", [fixed, recursive])
def test_the_ways_to_compare_with_lose_no_words_and_keep_their_size(tokenizer: Any, way: Any, overlap: int) -> None:
    text = "\n\n".join("Call me. Go on. Some years ago. Never mind. " * n for n in range(6))
    found = partial(way, tokenizer, 10, overlap)(text)
    tokens = [len(tokenizer.encode(piece.text).tokens) for piece in found]
    shared = [len(tokenizer.encode(text[two.start : one.end]).tokens) for one, two in pairwise(found)]

    assert "".join(text.split()) == "".join(
        "".join(text[at] for at in sorted(set().union(*(range(p.start, p.end) for p in found)))).split()
    )
    assert all(piece.text == text[piece.start : piece.end] for piece in found)
    assert max(tokens) <= 10
    assert max(shared) <= overlap
    assert any(shared) == bool(overlap)


def test_an_overlap_is_compared_with_none_on_the_average_of_the_sizes_it_is_cut_with() -> None:
    names = [name for name, _, shares in SIZES if 20 in shares]
    recalls = {f"{name}-{share}": [0.5, 0.5 + share / 100 * n] for n, name in enumerate(names) for share in (0, 20)}
    found = [
        Measured(key, Way("ours", key, "", chunk), "words", 1, 1.0, [Scores(recall, 0, 0, 0) for recall in row])
        for key, row in recalls.items()
    ]

    [(search, share, sizes, gap)] = over_sizes(found)
    assert (search, share, sizes) == ("words", 20, [f"{name}-0" for name in names])
    assert gap.mean == pytest.approx(sum(0.2 * n for n in range(len(names))) / len(names) / 2)
    assert (gap.more, gap.less) == (1, 0)
    assert over_sizes(found[1:]) == []
