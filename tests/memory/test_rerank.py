"""Candidates in a new order: words and meaning fused by rank, the same every time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from bullpen.memory.embedding import Embedder, HashedEmbedder, Vector
from bullpen.memory.rerank import CANDIDATES, rerank


@dataclass
class Angled:
    """Gives each text the cosine that it names: "0.5" stands at 0.5 to any query."""

    is_semantic: bool = True
    asked: list[str] = field(default_factory=list)
    id: str = "angled"
    dimensions: int = 2

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        self.asked += texts
        return [[1.0, 0.0] if text == "query" else [float(text), (1 - float(text) ** 2) ** 0.5] for text in texts]


def ranked(*cosines: float, keep: int = 99) -> list[int]:
    return rerank("query", [str(cosine) for cosine in cosines], Angled(), keep)


def test_words_and_meaning_count_alike() -> None:
    # By words 0, 1, 2, 3; by meaning 1, 3, 2, 0.
    assert ranked(0.1, 0.9, 0.2, 0.3) == [1, 0, 3, 2]


def test_meaning_that_agrees_with_words_changes_nothing() -> None:
    assert ranked(0.9, 0.8, 0.1, -0.5) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "cosines",
    [
        pytest.param([0.5, 0.5, 0.5], id="equally near"),
        pytest.param([0.5, 0.5, 0.5 + 1e-8], id="nearer by less than float32 can tell"),
        pytest.param([0.1, 0.5], id="first by words, first by meaning"),
    ],
)
def test_a_tie_goes_to_the_earlier(cosines: list[float]) -> None:
    assert ranked(*cosines) == list(range(len(cosines)))


def test_only_the_best_are_kept() -> None:
    assert ranked(0.1, 0.9, 0.2, 0.3, keep=2) == [1, 0]
    assert ranked(0.1, 0.9, keep=0) == []
    assert ranked(0.1, 0.9, keep=-1) == []


def test_nothing_to_rank_embeds_nothing() -> None:
    embedder = Angled()

    assert rerank("query", [], embedder, 10) == []
    assert embedder.asked == []


def test_what_stands_behind_the_candidates_is_neither_embedded_nor_moved() -> None:
    embedder = Angled()
    texts = [f"{place / 100}" for place in range(CANDIDATES + 3)]

    order = rerank("query", texts, embedder, 99)

    assert embedder.asked == ["query", *texts[:CANDIDATES]]
    assert sorted(order) == list(range(CANDIDATES + 3))
    assert order[CANDIDATES:] == [50, 51, 52]


@pytest.mark.parametrize("embedder", [Angled(is_semantic=False), HashedEmbedder()])
def test_an_embedder_without_meaning_changes_nothing(embedder: Embedder) -> None:
    assert rerank("query", ["0.1", "0.9", "0.5"], embedder, 2) == [0, 1]
