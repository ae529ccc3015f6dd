"""What somebody wants to know, from which documents, within which bounds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict
from uuid import UUID

from pydantic import ValidationError

from .errors import BadInput
from .ids import JobId
from .limits import Limits
from .settings import first_mistake
from .text import has_words

#: What can be said of each job's limits; the others are set for all.
SAID = ("effort", "length", "language")
Paths = str | Path | Iterable[str | Path]


class Options(TypedDict, total=False):
    """What can be said of one job."""

    #: Files and folders to answer from.
    corpus: Paths
    #: The most it may spend, in USD.
    budget_usd: float | None
    #: The most seconds it may take.
    deadline_s: float | None
    #: How thorough it is: `quick`, `normal` or `deep`.
    effort: str | None
    #: How long its report is to be, and in which language, in a few words.
    length: str | None
    language: str | None
    #: Start anew, even where an earlier process has left the same job unfinished.
    anew: bool
    #: Where whoever launches it will write the report: kept on record for whoever goes on with the job.
    out: str | Path | None
    #: Its id, a UUID, for whoever has to know it before it begins.
    id: str


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants to know, from which documents, within which bounds."""

    question: str
    corpus: tuple[Path, ...] = ()
    #: USD and seconds; None is no bound.
    budget_usd: float | None = None
    deadline_s: float | None = None
    #: Where whoever launched it will write the report, absolute.
    out: Path | None = None
    #: What was said of how much is read and how the report is written, by the names of `Limits`.
    said: Mapping[str, Any] = field(default_factory=dict)
    #: What it comes to.
    limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        if not has_words(self.question):
            raise BadInput(f"the question {self.question!r} has no words; ask something")
        if self.budget_usd is not None and not 0 <= self.budget_usd < float("inf"):
            raise BadInput(f"the budget {self.budget_usd!r} is not an amount of USD; give 0 or more")
        if self.deadline_s is not None and not 0 < self.deadline_s < float("inf"):
            raise BadInput(f"the deadline {self.deadline_s!r} is not a number of seconds; give more than 0")
        try:
            object.__setattr__(self, "limits", Limits.of(self.said))
        except ValidationError as error:
            raise BadInput(first_mistake(error, self.said)) from error


def order_again(
    accepted: Mapping[str, Any], limits_set: Mapping[str, Any], said: Mapping[str, Any], budget_usd: float | None = None
) -> Order:
    """The order as it was accepted, with the limits that are `said` otherwise and the budget (USD) that was set since.

    `limits_set` are for records of earlier versions, which do not have them.
    """
    return Order(
        question=accepted["question"],
        corpus=tuple(Path(path) for path in accepted["corpus"]),
        budget_usd=accepted["budget_usd"] if budget_usd is None else budget_usd,
        deadline_s=accepted["deadline_s"],
        said={**((accepted["limits"] or {}) if "limits" in accepted else limits_set), **said},
    )


def said_in(changes: Iterable[str]) -> dict[str, str]:
    """What a fork's changes, `NAME=VALUE` each, say otherwise of the limits."""
    return {name: value for name, _, value in (change.partition("=") for change in changes) if name in SAID}


def paths_of(corpus: Paths) -> tuple[Path, ...]:
    """Each file and folder, absolute. Raises BadInput for one that is not there."""
    paths = [Path(path) for path in ([corpus] if isinstance(corpus, str | Path) else corpus)]
    for path in paths:
        if not path.exists():
            raise BadInput(f"corpus {str(path)!r} does not exist; name a file or folder that does")
    return tuple(path.absolute() for path in paths)  # a job may be resumed from another folder


def job_id_of(options: Options) -> JobId | None:
    """The id that a job was given. Raises BadInput for one that is no UUID."""
    if (given := options.get("id")) is None:
        return None
    try:
        return JobId(str(UUID(given)))
    except ValueError:
        raise BadInput(f"{given!r} is no id for a job; give a UUID") from None
