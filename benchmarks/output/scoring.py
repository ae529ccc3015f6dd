"""What counts as right: the value that a row expects, a refusal where nothing may be read, a repair that is owned up to. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

JsonOutcome = Literal["right", "refused", "repaired", "wrong", "unsaid"]
RefusalLabel = Literal["full", "partial", "none"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one reader made of one text: a value, or a problem in words; and whether it says that it had to repair."""

    value: Any = None
    problem: str = ""
    is_repaired: bool = False


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 2 and 2.0 are one number, true and 1 are not one value."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other)


def json_outcome(row: Mapping[str, Any], attempt: Attempt) -> JsonOutcome:
    """How an attempt at a row went.

    `repaired` is for rows without an expected value: the text was not taken for what it is not. `unsaid` is the one
    that may never be: a wrong value, or one from a text that is not JSON, passed off as read without a repair.
    """
    kind = row["expected_kind"]
    if kind == "nothing":
        return "right" if attempt.problem or attempt.value in ("", None) else "wrong"
    if attempt.problem:
        return "right" if kind == "must_reject" else "refused"
    if kind in ("must_reject", "either"):
        return "repaired" if attempt.is_repaired else "right" if kind == "either" else "unsaid"
    if same(attempt.value, row["expected"]):
        return "right"
    return "wrong" if attempt.is_repaired else "unsaid"


@dataclass(frozen=True, slots=True)
class Detection:
    """Counts of a detector: caught refusals, missed ones, and what was called one and is not."""

    caught: int
    missed: int
    false: int

    @property
    def precision(self) -> float:
        """The share of what was called a refusal that is one; 1 where nothing was called so."""
        return self.caught / (self.caught + self.false) if self.caught + self.false else 1.0

    @property
    def recall(self) -> float:
        """The share of refusals that were caught; 1 where there are none."""
        return self.caught / (self.caught + self.missed) if self.caught + self.missed else 1.0


def detection(judged: Iterable[tuple[RefusalLabel, bool]], *, with_partial: bool) -> Detection:
    """What a detector did, from pairs of the human label and its call; partial refusals are negatives or left out."""
    counted = [(label, called) for label, called in judged if with_partial or label != "partial"]
    full = [called for label, called in counted if label == "full"]
    others = [called for label, called in counted if label != "full"]
    return Detection(sum(full), len(full) - sum(full), sum(others))
