"""What the benchmark of context assembly counts as kept."""

import pytest

from bullpen import Passage
from bullpen.benchmarks.context.scoring import Kept, covered, kept

TEXTS = {"a": "One two. \n Three. One two.", "b": "One two."}


def passage(source: str, start: int, end: int) -> Passage:
    return Passage(source=source, title="", start=start, end=end, text=TEXTS[source][start:end])


@pytest.mark.parametrize(
    ("gold", "chosen", "share"),
    [
        ([(0, 8)], [passage("a", 0, 8)], 1.0),
        ([(0, 17)], [passage("a", 0, 8), passage("a", 11, 17)], 1.0),  # white space between is not missed
        ([(11, 17)], [passage("a", 11, 14)], 0.5),
        ([(0, 8)], [passage("a", 18, 26)], 1.0),  # the same words elsewhere
        ([(0, 8)], [passage("b", 0, 8)], 1.0),
        ([(11, 17)], [passage("b", 0, 8)], 0.0),
        ([], [], 1.0),
    ],
)
def test_gold_is_kept_where_its_words_are(gold: list[tuple[int, int]], chosen: list[Passage], share: float) -> None:
    assert covered(TEXTS, "a", gold, chosen) == share


def test_a_question_has_all_only_with_the_whole() -> None:
    assert kept([1.0, 0.5, 0.0, 1.0]) == Kept(mean=0.625, all=0.5, questions=4)
