"""What failed or was cut short, in sentences for people: no task and no class of an error. Pure.

The gaps themselves stay in the report's JSON, and the transcript has all of it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from ..evidence import Gap
from ..text import shorten

#: Reasons of a gap that are a limit of the documents: somebody looked, and it is not there.
LIMITS = frozenset({"NothingFound", "NotFound", "WeakEvidence"})
#: What went wrong, by the reason of the gap.
_WRONG: Mapping[str, str] = {
    "Deadline": "The time allowed ran out before all of the work was done.",
    "Cancelled": "It was cancelled before all of the work was done.",
    "BudgetExceeded": "The budget did not allow all of the work.",
    "TimedOut": "A step of the work took longer than it may.",
    "GivenUp": "A step of the work took longer than it may and did not stop.",
    "InvalidPlan": "Some of the work that was planned was not allowed, and was not done.",
    "ClaimDropped": "A sentence was left out, since its evidence does not hold.",
    "NoAnswer": "No model gave a usable answer to a step of the work.",
    "Misconfigured": "A model's provider refused a key, a model's name or a request.",
    "CassetteMiss": "An answer was not among those that were recorded.",
    "Overloaded": "There was more work waiting than there may be.",
    "StorageFull": "There was no room on the disk.",
    "StepFailed": "A step of the work failed.",
    "failed": "A step of the work failed.",
    "partial": "A step of the work was done in part.",
    "over_budget": "The budget did not allow all of the work.",
    "cancelled": "A step of the work was cancelled.",
    "ToolError": "A tool failed.",
}
#: Characters of what an error says.
_MOST = 300


def limits(gaps: Iterable[Gap]) -> list[str]:
    """What was looked for and is not there, as sentences."""
    return [as_sentence(gap.detail) for gap in gaps if gap.reason in LIMITS and gap.detail]


def went_wrong(gaps: Iterable[Gap]) -> list[str]:
    """What failed or was cut short, each kind once, with how often where that is more than once."""
    times = Counter(_told(gap) for gap in gaps if gap.reason not in LIMITS)
    return [f"{said} ({n} times)" if n > 1 else said for said, n in times.items()]


def _told(gap: Gap) -> str:
    if gap.task == "corpus" and not gap.reason.isidentifier():  # an address, not an error
        return as_sentence(f"not read: {gap.reason}" + (f": {gap.detail}" if gap.detail else ""))
    if gap.reason == "SteeredTooLate":
        return as_sentence(f"it came too late to be heard: {gap.detail}")
    return _WRONG.get(gap.reason) or (as_sentence(gap.detail) if gap.detail else _WRONG["failed"])


def as_sentence(text: str) -> str:
    """The text as a sentence: on one line, with a capital letter and a full stop."""
    line = shorten(text, _MOST)
    ended = line if line[-1:] in (*".!?…", "") else f"{line}."
    return ended[:1].upper() + ended[1:]
