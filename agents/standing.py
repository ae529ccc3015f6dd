"""What a document is worth now: its status and dates, what it says of itself, and what has replaced it. Pure."""

import re
from collections.abc import Collection

from ..orchestrator.evidence import Claim, Quote, Record, Source
from ..orchestrator.metadata import Condition, as_date, elements, is_empty, order, shown
from .lookup import called, what
from .sentences import sentences

#: Characters at the beginning of a document in which it says what has become of it.
HEAD = 4_000
#: Fields that name what has replaced a document; those that tell what it is worth, and how many are told.
SUCCESSORS = ("superseded_by", "replaced_by", "obsoleted_by")
_TELLING = ("status", "state", "informational", "python_version", "version", *SUCCESSORS, "replaces", "withdrawn")
_FACTS_MOST = 7
_OF_ITSELF = re.compile(
    r"\bthis (?:\w+ )?"
    r"(?:pep|document|proposal|paper|page|guide|note|policy|advisory|report|specification|standard|text)\b"
    r"|\bthis (?:\w+ ){1,2}(?:is|was|has)\b"
    r"|\b(?:accept|reject)(?:s|ed)? (?:this|[A-Z]{2,} ?\d)",
    re.IGNORECASE,
)
_FATE = re.compile(
    r"\b(?:supersed\w+|obsolet\w+|reject(?:s|ed|ion)|withdr\w+|deferr?(?:ed|s)|replaced by|out of date|outdated|"
    r"retracted|no longer (?:valid|current|in force|maintained)|accept(?:s|ed) (?:with|but|this|pep|the)|proviso)\b",
    re.IGNORECASE,
)


def facts_of(source: Source, asked: Collection[str] = ()) -> Claim | None:
    """What a source's metadata says of its standing: status, dates, what it replaces and what replaces it; and the
    fields that were `asked` for."""
    telling = [name for name, value in source.metadata.items() if name in {*_TELLING, *asked} or as_date(value)]
    records = [
        Record(source=source.id, field=name, value=source.metadata[name])
        for name in telling
        if not is_empty(source.metadata[name]) and "://" not in str(source.metadata[name])
    ][:_FACTS_MOST]
    if not records:
        return None
    parts = " · ".join(f"{called(record.field)}: {shown(record.value)}" for record in records)
    return Claim(text=f"{parts} — {what(source)}", records=tuple(records), rule="lookup")


def first_day(fact: Claim) -> tuple[int, object]:
    """Where a document's facts stand in time: by their earliest date, those without one last."""
    days = [order(record.value) for record in fact.records if as_date(record.value)]
    return min(days, default=(9, ""))


def successors(source: Source) -> tuple[str, ...]:
    """The ids by which a source names what has replaced it."""
    named = [str(item) for name in SUCCESSORS for item in elements(source.metadata.get(name))]
    series = source.id.partition("-")[0]
    return tuple(way for item in named for way in (item, f"{series} {item}"))


def siblings(source: Source) -> list[Condition]:
    """What else was replaced by what replaced a source: the same history."""
    values = {name: tuple(map(str, elements(source.metadata.get(name)))) for name in SUCCESSORS}
    return [Condition(field=name, op="is", values=named) for name, named in values.items() if named]


def quoted(source: str, head: str) -> Claim | None:
    """The first sentence at the beginning of a document that says what has become of it, word by word."""
    for sentence in sentences(head):
        if _OF_ITSELF.search(sentence.text) and _FATE.search(sentence.text):
            quote = Quote(source=source, start=sentence.start, end=sentence.end, text=sentence.text)
            return Claim(text=sentence.text, quotes=(quote,))
    return None
