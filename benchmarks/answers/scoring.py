"""What counts as right: sources, the marked answer, refusals. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_MARKS = re.compile(r"[\s\-_\"'“”‘’`]+")


def normal(text: str) -> str:
    """What two ways of writing a status, version, name or date have in common."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _MARKS.sub(" ", folded).strip(" .")


def items(gold: str | Sequence[str]) -> set[str]:
    """What an answer names: a list's items, or what semicolons part."""
    return {normal(part) for part in (gold.split(";") if isinstance(gold, str) else gold)}


def atoms(answer: Iterable[str]) -> set[str]:
    """The names in items such as `A (b)` and `A; b`."""
    return {normal(part) for item in answer for part in re.split(r"[;()]", item) if part.strip()}


def is_right(answer: Sequence[str], gold: str | Sequence[str]) -> bool:
    """Set equality of items, so that an item too many is wrong; of a single answer, equality of what it names."""
    if {normal(item) for item in answer} == items(gold):
        return True
    return isinstance(gold, str) and bool(answer) and atoms(answer) == atoms([gold])


def cited(report: Mapping[str, Any]) -> set[str]:
    """The sources behind all claims of a report."""
    claims = report["claims"]
    return {e["source"] for claim in claims for e in (*claim["quotes"], *claim["records"])}


def sources_hold(names: set[str], gold: Sequence[str]) -> bool:
    """Whether every gold document is cited, and at most three sources or twice as many as there are gold documents."""
    return set(gold) <= names and len(names) <= max(3, 2 * len(gold))


@dataclass
class Tally:
    """How the questions of one kind went: for each fact, of how many it was looked at, and of how many it holds."""

    asked: int = 0
    looked: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def add(self, **facts: bool) -> None:
        """Count a question and what holds for it."""
        self.asked += 1
        self.looked.update(facts.keys())
        self.right.update(name for name, holds in facts.items() if holds)

    def share(self, name: str) -> float:
        """The share of questions for which it holds, of those for which it was looked at."""
        return self.right[name] / self.looked[name] if self.looked[name] else 0.0
