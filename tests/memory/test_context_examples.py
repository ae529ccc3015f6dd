"""Examples for a prompt: the nearest, not the same thing twice, the same ones every time."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.memory.embedding import HashedEmbedder, Vector
from bullpen.memory.examples import Example, choose_examples

LOST, STOLEN, LOST_TOO = (
    Example("I have lost my card", "lost"),
    Example("My card was stolen in a shop", "stolen"),
    Example("I have lost my card again", "lost"),
)
RATE = Example("Which rate do you exchange at?", "rate")
POOL = (RATE, LOST, LOST_TOO, STOLEN)


class Meaning:
    """An embedder to which cards and exchange are all there is."""

    id, dimensions, is_semantic = "two", 2, True

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        return [(0.0, 1.0) if "rate" in text or "currency" in text else (1.0, 0.0) for text in texts]


def test_the_nearest_come_first() -> None:
    assert choose_examples("I lost a card", POOL, 2, diversity=0.0) == (LOST, LOST_TOO)


def test_what_was_shown_already_makes_room_for_another_case() -> None:
    assert choose_examples("I lost a card", POOL, 2, diversity=0.6) == (LOST, STOLEN)


def test_what_has_nothing_in_common_is_not_shown() -> None:
    assert RATE not in choose_examples("I lost a card", POOL, 4)
    assert choose_examples("zebra", POOL, 4) == ()


def test_meaning_finds_what_shares_no_word() -> None:
    assert choose_examples("currency", POOL, 1, embedder=Meaning()) == (RATE,)


def test_an_embedder_that_is_not_semantic_changes_nothing() -> None:
    asked = "I lost a card"

    assert choose_examples(asked, POOL, 3, embedder=HashedEmbedder()) == choose_examples(asked, POOL, 3)


def test_of_equals_the_earlier_is_chosen() -> None:
    twins = (Example("lamp", "one"), Example("lamp", "two"))

    assert choose_examples("lamp", twins, 1) == twins[:1]


def test_examples_fit_their_budget() -> None:
    def words(text: str) -> int:
        return len(text.split())

    assert choose_examples("I lost a card", POOL, 4, budget=9, count=words, diversity=0.0) == (LOST,)
    assert choose_examples("I lost a card", POOL, 4, budget=5, count=words) == ()


@given(st.lists(st.sampled_from(POOL), max_size=6), st.integers(0, 4), st.sampled_from([0.0, 0.3, 1.0]))
def test_choices_are_of_the_pool_and_as_many_as_asked(pool: list[Example], most: int, diversity: float) -> None:
    chosen = choose_examples("I lost a card in a shop", pool, most, diversity=diversity)

    assert len(chosen) <= most
    assert all(chosen.count(example) <= pool.count(example) for example in chosen)
    assert chosen == choose_examples("I lost a card in a shop", pool, most, diversity=diversity)


@pytest.mark.parametrize("most", [0, 3])
def test_an_empty_pool_gives_nothing(most: int) -> None:
    assert choose_examples("lamp", (), most) == ()
