"""Reads a question as one about metadata: which sources, which of their fields, and what to make of them. Pure.

It knows the grammar of such questions in English and the names that memory has found in one; it knows no corpus. What
it cannot account for word by word it does not answer: `Inquiry.left` are the words it made nothing of.
"""

import re
from collections.abc import Sequence

from ..orchestrator.evidence import Rule, Value
from ..orchestrator.metadata import ID, Condition, Mentions
from .selection import (
    between_of,
    conditions_of,
    date_field,
    denies,
    grouped,
    is_name,
    named_sources,
    negated,
    options_of,
    plausible,
    years_of_question,
)
from .wording import ALIKE, GONE, SOURCE, Reading, pattern_of, series_of

_WHEN = r"when|(?:in )?(?:which|what) (?:year|month|date)|(?:the )?dates?|the year"
_FIRST, _LAST = r"earliest|oldest|(?<!who )first|older(?! than)", r"latest|newest|most recent|last|newer(?! than)"
_EACH_YEAR = r"(?:each|per|by|every) year|yearly|annually|over the years"
_COUNT = r"how many|(?:the )?(?:total )?number of|count"
#: Verbs and nouns that carry a question and say nothing about what it is about.
_FILLING = (
    r"list(?:s|ed)?|name[sd]?|show|give|tell|exists?|existing|there|contains?|titled|entitled|called|corresponds?|targets?|targeted|"
    r"ones?|its|their|each|respectively|under|for|against|also|all|ever|only|it|they|them|been|being|versions?|releases?|"
    r"accepted|finally|declared|reported|filed|minimum|current|currently|still|concern(?:s|ing)?|regarding|title|years?"
)
#: A question that is answered by yes or no: one value named is already a choice.
_WHETHER = re.compile(r"\s*(?:is|are|was|were|has|have|does|do|did|may|must|should|will|can)\b", re.IGNORECASE)
_THERE = re.compile(r"\s*(?:(?:is|are|was|were) there|can you)\b", re.IGNORECASE)
_OPEN = re.compile(
    r"\b(?:why|how(?! many| much| often)|explain|describe|discuss|compare|summari[sz]e|say about|what does|mean)\b",
    re.IGNORECASE,
)


class Inquiry(Value):
    """A question about metadata, in the terms of `memory.select`."""

    rule: Rule
    where: tuple[Condition, ...]
    #: What is asked of each source, in order; `id` for the source itself.
    fields: tuple[str, ...] = ()
    #: What is asked of the sources that the first field, a reference, names.
    then: tuple[str, ...] = ()
    #: The date that `min` and `max` go by, and that years are counted by.
    date: str = ""
    #: The field whose values the question holds against each other, as in "A or B".
    between: str = ""
    #: Whether sources are counted year by year, and by which fields they are divided then.
    by_year: bool = False
    divided: tuple[str, ...] = ()
    #: Whether dates are asked for as years.
    in_years: bool = False
    #: Whether the question also asks for the earliest or the latest of what is counted.
    extreme: Rule | None = None
    #: The words of the question that nothing was made of, and what it names that is not there.
    left: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def read_question(question: str, known: Mentions) -> Inquiry | None:
    """The question as one about metadata; None when it asks for something else, or names nothing to select by."""
    reading = Reading(question, known)
    unknown = tuple(mention.text for mention in known.found if mention.kind == "unknown")
    named = named_sources(reading)
    by_year = bool(reading.take(_EACH_YEAR))
    values = [] if by_year else plausible(reading)
    is_closed = bool(_WHETHER.match(question)) and not _THERE.match(question)
    options = options_of(values, least=1 if is_closed else 2) if named or unknown else ""
    for mention in (*(m for m in known.found if m.kind != "value"), *values):
        if mention.kind != "value" or not named or mention.field == options or is_name(mention, reading):
            reading.use(mention.start, mention.end)
    extreme = _rule(reading)
    rule = extreme if len(named) != 1 else None  # of one source nothing is the earliest
    absent = negated(reading)
    years, date = years_of_question(reading)
    between = "" if named else between_of(reading, values)
    where = [Condition(field=ID, op="is", values=named)] if named else []
    filters = [value for value in values if value.field != options and (not named or is_name(value, reading))]
    where += conditions_of(grouped(filters, question))
    where += [*absent, *years]
    is_reversed = len(named) == 1 and _points_at(reading)
    asked = _asked(reading, options)
    is_open = not by_year and (_OPEN.search(_outside(reading, question)) or (is_closed and not (named or unknown)))
    if not (where or unknown or by_year) or is_open or is_reversed or denies(reading):
        return None
    return _inquiry(reading, rule, where, asked, unknown, by_year=by_year, between=between, date=date)


def _inquiry(
    reading: Reading,
    rule: Rule | None,
    where: Sequence[Condition],
    asked: Sequence[str],
    unknown: tuple[str, ...],
    *,
    by_year: bool,
    between: str,
    date: str,
) -> Inquiry | None:
    counted = bool(reading.take(_COUNT))
    fields = {field.name: field for field in reading.known.fields}
    reference = next((n for n, name in enumerate(asked) if name in fields and fields[name].kind == "reference"), None)
    then = tuple(asked[reference + 1 :]) if reference == 0 else ()
    kept = tuple(asked[: len(asked) - len(then)])
    for source in reading.find(_FILLING):
        reading.use(*source.span())
    is_narrow = any(condition.field == ID for condition in where)
    if (counted or by_year) and not any(condition.field in GONE for condition in where):
        where = [*where, *(Condition(field=name, op="absent") for name in GONE if name in fields)]
    found: Rule = (
        "count" if counted or by_year else rule or ("lookup" if is_narrow or kept not in ((), (ID,)) else "filter")
    )
    if (found == "lookup" and not kept and not unknown) or (counted and is_narrow):  # how many of what it has
        return None
    several = [c for c in where if c.op == "is" and len(c.values) > 1 and not c.also]
    apart = tuple(condition.field for condition in several if condition.field not in (ID, *kept))
    return Inquiry(
        rule=found,
        where=tuple(where),
        fields=(*apart, *kept) if found == "lookup" and kept else kept,
        then=then,
        date=date,
        between=between,
        by_year=by_year,
        divided=_divided(reading, kept) if by_year else (),
        in_years=bool(re.search(r"\b(?:which|what) years?\b", reading.question, re.IGNORECASE)),
        extreme=rule if counted else None,
        left=reading.left(),
        unknown=unknown,
    )


def _divided(reading: Reading, asked: Sequence[str]) -> tuple[str, ...]:
    """The fields of few values that the question names, or whose values it names."""
    few = {field.name for field in reading.known.fields if field.values and field.kind == "text"}
    named = [mention.field for mention in reading.known.found if mention.kind == "value"]
    return tuple(name for name in dict.fromkeys((*named, *asked)) if name in few)


# What is asked of them


def _rule(reading: Reading) -> Rule | None:
    if reading.take(_FIRST):
        return "min"
    return "max" if reading.take(_LAST) else None


def _asked(reading: Reading, options: str) -> list[str]:
    """The fields that the question asks for, in its order; `id` for the source itself."""
    matched: dict[str, tuple[int, int]] = {}
    for field in reading.known.fields:
        if field.kind == "identity":
            continue
        patterns = pattern_of(field.name)
        match = next(reading.find(patterns), None)
        if match and _is_asked(field.name, match, reading):
            matched[field.name] = match.span()
    found = {name: span[0] for name, span in matched.items() if not any(_is_within(span, o) for o in matched.values())}
    when = next(reading.find(_WHEN), None)
    if when and (date := date_field(reading)):
        found[date] = min(when.start(), found.get(date, when.start()))
    if options:
        found[options] = found.get(options, len(reading.question))
    sources = rf"(?:{series_of(reading.known)}{SOURCE})"
    source = next(reading.find(rf"(?:which|what|list|name|show|give)\s+(?:\w+\s+){{0,2}}{sources}"), None)
    kinds = {field.name: field.kind for field in reading.known.fields}
    if source and not any(kinds[name] == "reference" for name in found):
        found[ID] = source.start()
    for pattern in [*(pattern_of(name) for name in found), _WHEN, sources]:
        for match in reading.find(pattern):
            reading.use(*match.span())
    return sorted(found, key=lambda name: found[name])


def _points_at(reading: Reading) -> bool:
    """Whether the question asks what refers to the source it names, as in "what requires PEP 8": nothing says that."""
    ways = {*ALIKE["superseded"], *ALIKE["replaces"]}
    names = [field.name for field in reading.known.fields if field.kind == "reference" and field.name not in ways]
    starts = {mention.start for mention in reading.known.found if mention.kind == "source"}
    ends = [match.end() for name in names for match in reading.find(pattern_of(name))]
    return any(end + len(reading.question[end:]) - len(reading.question[end:].lstrip()) in starts for end in ends)


def _is_within(span: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether it is a part of the other: `proposed` in `who proposed`."""
    return other[0] <= span[0] and span[1] <= other[1] and span != other


def _is_asked(name: str, match: re.Match[str], reading: Reading) -> bool:
    """A reference is asked for in the direction that the question goes; a field beside its own value is not asked."""
    after = reading.question[match.end() :].lstrip(" `'\"(:")
    start = len(reading.question) - len(after)
    if any(m.start == start and m.field == name for m in reading.known.found if m.kind == "value"):
        reading.use(*match.span())
        return False
    if name in ALIKE["replaces"]:
        return bool(re.search(r"\b(?:does|did|do)\b", reading.question[: match.start()], re.IGNORECASE))
    if name in ALIKE["superseded"]:
        return not re.search(r"\b(?:does|did|do)\b", reading.question[: match.start()], re.IGNORECASE)
    return True


def _outside(reading: Reading, question: str) -> str:
    """The question without what it names."""
    spans = [(m.start, m.end) for m in reading.known.found if m.kind != "value"]
    return "".join(" " if any(start <= n < end for start, end in spans) else c for n, c in enumerate(question))
