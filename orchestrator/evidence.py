"""From a file or page to a sentence in the report: what crosses between rooms, frozen. No I/O.

Offsets are code points into a source's text as it was extracted; `text_hash` is the SHA-256 of that text.
"""

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from .envelope import Status, as_kind
from .errors import BadInput

T = TypeVar("T")

#: `field` cites fields as they stand, `select` rows of a model's look-up; others compute from fields.
Rule = Literal["lookup", "filter", "count", "min", "max", "field", "select"]
#: How much work a question deserves: one fact, two or more things held against each other, a broad overview.
Effort = Literal["fact", "comparison", "survey"]


class Value(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Query(Value):
    """What a worker is asked to look for: the whole question, and the part of it that is this task's."""

    question: str
    about: str
    effort: Effort = "fact"


class Document(Value):
    """A text to be ingested, as a reader extracted it. `id` is unique within its corpus."""

    id: str
    title: str
    uri: str
    text: str
    metadata: dict[str, Any] = Field(default_factory=dict)


class Unreadable(Value):
    """Something in the corpus that could not be read: it becomes a gap in the report, not silence."""

    uri: str
    reason: str


class File(Value):
    """A file of a corpus that was read to its end, and is known again by its stamp."""

    #: An address: that of its one document, or what stands before the `#` of each of them.
    uri: str
    #: Another one where the file, or the way it is read, may have changed since.
    stamp: str
    #: The ids of its documents, in their order.
    documents: tuple[str, ...]


class Source(Value):
    """A stored document, without its text."""

    id: str
    title: str
    uri: str
    text_hash: str
    metadata: dict[str, Any] = Field(default_factory=dict)


class Passage(Value):
    """A piece of a source: `text == source_text[start:end]`."""

    source: str
    title: str
    start: int
    end: int
    text: str
    heading: str = ""
    #: The line of the source, from 1, where a quote in it begins; 0 where nobody has counted.
    line: int = 0
    #: The page of the source where that quote begins, from 1, where its pages are known; else 0.
    page: int = 0


class Card(Value):
    """A document as a catalogue shows it: what it is called, how it begins, and what its metadata tells of it."""

    source: str
    title: str
    #: Its first sentence.
    opening: str = ""
    #: The few fields that tell it from others, long lists cut.
    metadata: dict[str, Any] = Field(default_factory=dict)
    #: By the name of a field, the ids of the documents that it names: what replaces this one, what it requires.
    links: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    #: About how many tokens its text has.
    tokens: int = 0


class Quote(Value):
    """Words that stand in a source, byte for byte: `text == source_text[start:end]`."""

    source: str
    start: int
    end: int
    text: str


class Record(Value):
    """One field of a source's metadata."""

    source: str
    field: str
    value: Any


class Claim(Value):
    """A sentence and what it rests on: quotes, or records and the rule that computed it from them."""

    text: str
    quotes: tuple[Quote, ...] = ()
    records: tuple[Record, ...] = ()
    rule: Rule | None = None
    #: What the question asks for, value by value, in the one claim of a report that answers it; empty in all others.
    answer: tuple[str, ...] = ()
    #: What later steps, and a `Layout`, call it; empty where nobody does.
    id: str = Field(default="", exclude_if=lambda name: not name)
    #: The ids of the notes that it was written from.
    notes: tuple[str, ...] = Field(default=(), exclude_if=lambda notes: not notes)
    #: The conditions of the look-ups that its records come from and what they brought, in words.
    conditions: tuple[str, ...] = Field(default=(), exclude_if=lambda told: not told)


class Finding(Value):
    """What was found about one question; no claims means that nothing was, and `missing` says what."""

    about: str
    claims: tuple[Claim, ...] = ()
    missing: str = ""
    #: Why what was found may not answer the question; empty where it bears on all of it.
    weak: str = ""
    #: Words of the question that were understood without being quoted, as the name of a field that was looked up.
    explained: tuple[str, ...] = ()


class Gap(Value):
    """Something the report does not have, and why: a task, an unreadable file, a claim without evidence."""

    task: str
    reason: str
    detail: str = ""


class Disagreement(Value):
    """Sources that say different things about one matter."""

    about: str
    sides: tuple[Claim, ...]
    #: Why they differ, where a source tells.
    why: Claim | None = Field(default=None, exclude_if=lambda why: why is None)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Both sides, and the reason."""
        return (*self.sides, *((self.why,) if self.why else ()))


class Block(Value):
    """A piece of a section, by the ids of its claims: sentences that follow each other, items, or a table."""

    kind: Literal["paragraph", "list", "table"]
    #: A table without `rows` has one for each of these: what its records say, under the names of their fields.
    claims: tuple[str, ...] = ()
    #: Of a table: the names of its columns, and its rows; a cell is the ids of its claims.
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[tuple[str, ...], ...], ...] = ()
    #: What each row is about, in a column before the others; none where a row says it itself.
    heads: tuple[str, ...] = Field(default=(), exclude_if=lambda heads: not heads)


class Section(Value):
    """A part of a report under one heading."""

    heading: str
    blocks: tuple[Block, ...] = ()


class Layout(Value):
    """Where the claims of a report stand, by their ids: those that answer the whole question first, then sections."""

    lead: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()


class Consulted(Value):
    """A document that was read for a report."""

    source: str
    #: All of it, or the sections that were chosen.
    depth: Literal["whole", "sections"] = "whole"
    #: What was cut, in words; empty where it was read whole.
    cut: str = ""
    #: Why it was set aside, where it was read and found to be beside the question.
    why_not: str = ""


class Author(Value):
    """Which model answered, as its provider named it, on which rung and of which tier."""

    model: str
    rung: str = ""
    tier: int = 0


class Checked(Value):
    """What came of the check of each sentence against its quotes alone."""

    #: The model that checked, and its tier; empty and 0 where nobody did.
    model: str = ""
    tier: int = 0
    #: Why nobody checked, or why it counts for less.
    reason: str = ""
    sentences: int = 0
    as_they_stood: int = 0
    mended: int = 0
    #: The sentences that were dropped since their quotes do not say them.
    dropped: tuple[str, ...] = ()


class CheckEffect(Value):
    """What a check that a team brings did to a draft, as the evidence then left it."""

    check: str
    #: Sentences that are gone, as they were.
    dropped: tuple[str, ...] = ()
    #: Sentences that have other words or other evidence, as they were and as they are.
    changed: tuple[tuple[str, str], ...] = ()
    added: tuple[str, ...] = ()
    #: What else of the draft came out differently, by the names of its fields.
    fields: tuple[str, ...] = ()


class Draft(Value):
    """What a team wants to say. The job checks every quote before any of it becomes a report."""

    claims: tuple[Claim, ...] = ()
    gaps: tuple[Gap, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    #: Words of the question that no evidence of any claim contains.
    uncovered: tuple[str, ...] = ()
    #: Where the claims stand; None where they follow each other.
    layout: Layout | None = Field(default=None, exclude_if=lambda layout: layout is None)
    #: What nothing that was read says, in sentences for people.
    not_answered: tuple[str, ...] = Field(default=(), exclude_if=lambda said: not said)
    #: What was read, used or not; of a list, how complete that is, in words.
    documents: tuple[Consulted, ...] = Field(default=(), exclude_if=lambda documents: not documents)
    completeness: str = Field(default="", exclude_if=lambda said: not said)
    written_by: Author | None = Field(default=None, exclude_if=lambda author: author is None)
    checked: Checked | None = Field(default=None, exclude_if=lambda checked: checked is None)


class Evidence(Value):
    """What a report rests on, as a run keeps it: the sources, and the words around each quote."""

    sources: tuple[Source, ...] = ()
    passages: tuple[Passage, ...] = ()


class MadeBy(Value):
    """Which lanes and which models, by the id they returned, answered the calls behind a report."""

    lane: str = ""
    models: tuple[str, ...] = ()


class Calls(Value):
    """How many model calls (requests sent) and tool calls a job made."""

    model: int = 0
    tool: int = 0


class Output(Value):
    """What a task came to that is no finding, as plain JSON: a worker's word, which nobody has checked."""

    task: str
    worker: str
    value: Any = None

    def read(self, kind: type[T]) -> T:
        """The value as `kind`. Raises pydantic's ValidationError where it is something else."""
        return as_kind(kind, self.value)


class Report(Value):
    """What comes back from a job. Every claim rests on a quote or record that was checked; no output does."""

    job: str
    status: Status
    text: str
    degraded: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    gaps: tuple[Gap, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    uncovered: tuple[str, ...] = ()
    layout: Layout | None = Field(default=None, exclude_if=lambda layout: layout is None)
    not_answered: tuple[str, ...] = Field(default=(), exclude_if=lambda said: not said)
    documents: tuple[Consulted, ...] = Field(default=(), exclude_if=lambda documents: not documents)
    completeness: str = Field(default="", exclude_if=lambda said: not said)
    written_by: Author | None = Field(default=None, exclude_if=lambda author: author is None)
    checked: Checked | None = Field(default=None, exclude_if=lambda checked: checked is None)
    #: What came of the tasks that no other came after, where that is not findings.
    outputs: tuple[Output, ...] = Field(default=(), exclude_if=lambda outputs: not outputs)
    #: What the checks that the team brings did, in their order; those that changed nothing are left out.
    checks: tuple[CheckEffect, ...] = Field(default=(), exclude_if=lambda checks: not checks)
    made_by: MadeBy = MadeBy()
    cost_usd: float = 0.0
    #: How much of `cost_usd` is an estimate, the most it can be; not on record where it is 0, as before there was any.
    estimated_usd: float = Field(default=0.0, exclude_if=lambda usd: not usd)
    seconds: float = 0.0
    calls: Calls = Calls()

    def read(self, kind: type[T], task: str = "") -> T:
        """What the team returned, as `kind`; `task` says which where the plan ended in several tasks.

        Raises BadInput where nothing was returned, or several values were, and pydantic's ValidationError where it is
        something else.
        """
        there = [output for output in self.outputs if task in ("", output.task)]
        if len(there) == 1:
            return there[0].read(kind)
        names = ", ".join(output.task for output in self.outputs) or "no task"
        raise BadInput(
            f"job {self.job} ({self.status}) has {len(there)} values{f' of {task!r}' if task else ''}, not one: "
            f"{names} returned one; name the task, or read `claims` and `gaps`"
        )

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` prints."""
        absent: dict[str, Any] = {"layout": None, "not_answered": [], "documents": [], "outputs": []}
        absent |= {"completeness": "", "written_by": None, "checked": None, "checks": []}
        flat = {**absent, "estimated_usd": 0.0, **self.model_dump(mode="json")}
        flat["claims"] = [{"id": "", "notes": [], "conditions": [], **claim} for claim in flat["claims"]]
        inner = ("text", "claims", "gaps", "disagreements", "uncovered", *absent, "made_by")
        return {
            **{name: flat[name] for name in ("job", "status", "degraded")},
            "report": {name: flat[name] for name in inner},
            **{name: flat[name] for name in ("cost_usd", "estimated_usd", "seconds", "calls")},
        }
