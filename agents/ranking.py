"""What rules read in documents: for each point the sentences that rank best, by their numbers. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from .extraction import Line, joined, lines_of, pick_sentences
from .reading import ReadNote

#: How many sentences answer one point of a question, at most, and how many where every document is heard.
SENTENCES_MOST, _EACH_MOST = 5, 36


def read_by_rule(
    points: Sequence[str],
    documents: Sequence[Mapping[str, str]],
    *,
    ranks: Mapping[int, int] | None = None,
    rarity: Mapping[str, float] | None = None,
    near: Mapping[int, float] | None = None,
    each: int = 0,
) -> tuple[ReadNote, ...]:
    """The best sentences for each point, best first, of all documents together or `each` of them in its turn.

    A document has an `id`, a `title` and the `text` that a model would be shown; `ranks` are those of its passages, and
    `near` says how near in meaning lines are, both by the numbers of the lines.
    """
    lines = [line for one in documents for line in lines_of(one["text"], one["title"], one["id"], ranks=ranks)]
    most = max(SENTENCES_MOST, min(_EACH_MOST, each * len(documents)))
    how = {"rarity": rarity, "near": near, "each": each, "most": most}
    return tuple(note for n, point in enumerate(points, start=1) for note in _noted(n, point, lines, **how))


def _noted(number: int, point: str, lines: list[Line], **how: Any) -> list[ReadNote]:
    by_number = {line.number: line for line in lines}
    picked = pick_sentences(point, lines, **how)
    picked = sorted(picked) if how["each"] else picked  # by document, the one that bears most on the question first
    texts = [joined([by_number[n] for n in group]) for group in picked]
    return [ReadNote(point=number, text=text, sentences=group) for text, group in zip(texts, picked, strict=True)]
