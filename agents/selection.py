"""Which sources a question speaks of: what it names, by id, title, value and year, as conditions. Pure."""

import re
from collections import Counter
from collections.abc import Sequence

from ..orchestrator.metadata import Condition, Mention, Mentions
from .language import STOP, stem
from .wording import Reading, pattern_of

_BETWEEN = r"(?:[\s,;&]|\b(?:and|or|the|one|for|of|versus|vs)\b)+"
#: A word is taken for the value of a field where at most so many passages hold it for each source of that value.
_HELD_MOST = 5
_YEAR = re.compile(
    r"\b(in|during|of|from|since|after|before|until|between|and|or|,)\s+((?:19|20)\d\d)\b", re.IGNORECASE
)
_SPAN = re.compile(
    r"\b(?:between|from)\s+((?:19|20)\d\d)\s+(?:and|to|until|through)\s+((?:19|20)\d\d)\b", re.IGNORECASE
)
_DENIAL = r"not|never|without|no|except|excluding"
_NOT = re.compile(
    rf"\b(?:{_DENIAL})\s+(?:(?:been|yet|since|ever)\s+)*(\w+)\b(?!\s+(?:by|in|before|after|since)\b)", re.IGNORECASE
)


def names_of(question: str, known: Mentions) -> list[Condition]:
    """What a question names by a value of its metadata, as in "the time crate"; nothing that is only one of few."""
    reading = Reading(question, known)
    rare = {field.name for field in known.fields if not field.values}
    values = [value for value in plausible(reading) if value.field in rare]
    return conditions_of(grouped(values, question))


def named_sources(reading: Reading) -> tuple[str, ...]:
    """The ids of the sources that are named: by id and title at once, those that both name."""
    groups = [mention.sources for mention in reading.known.found if mention.kind == "source"]
    if not groups:
        return ()
    common = [source for source in groups[0] if all(source in group for group in groups)]
    return tuple(dict.fromkeys(common or [source for group in groups for source in group]))


def plausible(reading: Reading) -> list[Mention]:
    """The values that the question means: written as a name, called by its field, or rare enough to be one."""
    series = {f"{name}{end}" for name in reading.known.series for end in ("", "s")}
    telling = {field.name for field in reading.known.fields if field.distinct > 1 and field.kind != "identity"}
    values = [m for m in reading.known.found if m.kind == "value" and m.field in telling]
    candidates = [mention for mention in values if mention.text.lower() not in series]
    sure = [mention for mention in candidates if _is_meant(mention, reading)]
    fields = {mention.field for mention in sure}
    more = [m for m in candidates if m not in sure and m.field in fields and _stands_beside(m, sure, reading.question)]
    best: dict[int, Mention] = {}
    spread = Counter(field for field, _ in {(mention.field, mention.start) for mention in (*sure, *more)})
    for mention in sorted((*sure, *more), key=lambda m: (not _is_called(m, reading), -spread[m.field], -m.count)):
        best.setdefault(mention.start, mention)  # of several fields, the one that more of the question speaks of
    return sorted(best.values(), key=lambda mention: mention.start)


def _is_meant(mention: Mention, reading: Reading) -> bool:
    text = mention.text
    if text.lower() in STOP or (text.isdigit() and not _is_called(mention, reading)):
        return False
    field = next(field for field in reading.known.fields if field.name == mention.field)
    is_one_of_few = bool(field.values) and field.kind == "text" and mention.count > 1
    return is_one_of_few or is_name(mention, reading) or mention.count * _HELD_MOST >= mention.holding


def is_name(mention: Mention, reading: Reading) -> bool:
    """Whether it is written as no common word is, or called by its field."""
    text = mention.text
    is_odd = any(not c.isalpha() for c in text) or text[1:] != text[1:].lower()
    return is_odd or _is_called(mention, reading)


def _is_called(mention: Mention, reading: Reading) -> bool:
    """Whether what the value's field is called stands right beside it: `crate users`, `the users crate`."""
    called = pattern_of(mention.field)
    before = reading.question[: mention.start].rstrip(" `'\"(:")
    after = reading.question[mention.end :].lstrip(" `'\")")
    return bool(
        re.search(rf"\b(?:{called})$", before, re.IGNORECASE) or re.match(rf"(?:{called})\b", after, re.IGNORECASE)
    )


def _stands_beside(mention: Mention, sure: Sequence[Mention], question: str) -> bool:
    """Whether only connecting words lie between it and a value of its field that is meant."""
    return any(other.field == mention.field and _are_beside(mention, other, question) for other in sure)


def _are_beside(one: Mention, other: Mention, question: str) -> bool:
    first, last = sorted((one, other), key=lambda mention: mention.start)
    between = question[first.end : last.start]
    return re.fullmatch(_BETWEEN, between, re.IGNORECASE) is not None and bool(between.strip(" `'\""))


def grouped(values: Sequence[Mention], question: str) -> list[list[Mention]]:
    """Values of one field, and values that stand side by side: `A and B`."""
    groups: list[list[Mention]] = []
    for value in values:
        for group in groups:
            if any(value.field == other.field or _are_beside(value, other, question) for other in group):
                group.append(value)
                break
        else:
            groups.append([value])
    return groups


def conditions_of(groups: Sequence[Sequence[Mention]]) -> list[Condition]:
    """One condition a group: any of the values that were named."""
    return [
        Condition(
            field=group[0].field,
            also=tuple(dict.fromkeys(v.field for v in group if v.field != group[0].field)),
            op="is",
            values=tuple(dict.fromkeys(v.value for v in group)),
        )
        for group in groups
    ]


def options_of(values: Sequence[Mention], *, least: int = 2) -> str:
    """The field of which the question offers `least` values to choose from, where its source is named already."""
    names = [value.field for value in values]
    return next((name for name in names if names.count(name) >= least), "")


def between_of(reading: Reading, values: Sequence[Mention]) -> str:
    if not re.search(r"\bor\b|\bversus\b|\bvs\b", reading.question, re.IGNORECASE):
        return ""
    return options_of(values)


def negated(reading: Reading) -> list[Condition]:
    """`not withdrawn`: nothing in that field."""
    found = []
    for match in _NOT.finditer(reading.question):
        for field in reading.known.fields:
            if stem(match[1]) == stem(field.name) and field.sources < reading.known.sources:
                reading.use(*match.span())
                found.append(Condition(field=field.name, op="absent"))
    return found


def denies(reading: Reading) -> bool:
    """Whether the question says "not" of something that no condition says it of."""
    return any(True for _ in reading.find(rf"(?<!or )(?:{_DENIAL}|nor|neither|other than)|\w+n['’]t"))


def years_of_question(reading: Reading) -> tuple[list[Condition], str]:
    """Years that the question names, as conditions on the date it speaks of."""
    name = date_field(reading)
    found: dict[str, list[str]] = {}
    if name and (span := _SPAN.search(reading.question)) and not any(reading.used[span.start() : span.end()]):
        reading.use(*span.span())
        found = {"since": [span[1]], "before": [str(int(span[2]) + 1)]}
    for match in _YEAR.finditer(reading.question):
        if name and not any(reading.used[match.start(2) : match.end(2)]):
            reading.use(*match.span())
            word = match[1].lower()
            op = {"since": "since", "from": "since", "after": "since", "before": "before", "until": "before"}.get(word)
            year = str(int(match[2]) + 1) if word == "after" else match[2]
            found.setdefault(op or "year", []).append(year)
    if found:
        for match in reading.find(pattern_of(name)):
            reading.use(*match.span())
    return [Condition.model_validate({"field": name, "op": op, "values": v}) for op, v in found.items()], name


def date_field(reading: Reading) -> str:
    """The date that the question speaks of; the one that most sources have where it names none."""
    dates = [field for field in reading.known.fields if field.kind == "date"]
    named = [field for field in dates if next(reading.find(pattern_of(field.name)), None)]
    chosen = max(named or dates, key=lambda field: field.sources, default=None)
    return chosen.name if chosen else ""
