"""Reads a question as one about metadata: which sources, which of their fields, and what to make of them. Pure.

It knows the grammar of such questions in English and the names that memory has found in one; it knows no corpus. What
it cannot account for word by word it does not answer: `Inquiry.left` are the words it made nothing of.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as default

from ..orchestrator.evidence import Rule, Value
from ..orchestrator.metadata import ID, TITLE, Condition, Mention, Mentions
from .extraction import STOP, stem

#: What people call the thing a field holds, by words that fields are named with.
_CALLED: dict[str, str] = {
    "status": r"status|state|outcome|fate|disposition|(?:what )?(?:became|become|becomes|happened) (?:of|to)",
    "authors": r"who (?:wrote|authored|proposed|created|invented)|authors?|writers?|written by",
    "delegate": r"delegates?",
    "patched": r"fix(?:e[sd])?|patch(?:e[sd])?",
    "package": r"crates?|packages?|librar(?:y|ies)|modules?|components?",
    "superseded": r"supersed\w+|replac\w+|obsolet\w+|successors?|came after",
    "replaces": r"supersed\w+|replac\w+|obsolet\w+|predecessors?",
    "requires": r"requires?|required|depends?|dependenc\w+|needs?",
    "python": r"python version|version of python",
    "severity": r"severity|cvss",
    "categories": r"categor(?:y|ies)",
    "aliases": r"alias(?:es)?|also known as",
    "created": r"created|creation|proposed|written",
    "date": r"reported|published|issued|filed|disclosed|announced|dated?",
}
_ALIKE: dict[str, tuple[str, ...]] = {
    "status": ("status", "state", "outcome"),
    "authors": ("author", "authors", "creator", "creators"),
    "patched": ("patched", "fixed", "fixed_in", "fixed_versions"),
    "package": ("package", "crate", "library", "module", "component"),
    "superseded": ("superseded_by", "replaced_by", "obsoleted_by"),
    "replaces": ("replaces", "supersedes", "obsoletes"),
    "requires": ("requires", "depends", "depends_on", "dependencies"),
    "python": ("python_version",),
    "severity": ("severity", "cvss"),
    "created": ("created", "created_at"),
    "date": ("date", "reported", "published", "issued", "filed"),
}
#: Last words of a field's name that do not say what it is about.
_NO_HEAD = frozenset(
    {"by", "id", "at", "to", "on", "of", "in", "date", "name", "type", "number", "url", "count", "version"}
)
#: Fields that say that a source is no longer one: it is not counted, and the count says so.
_GONE = ("withdrawn", "retracted", "revoked")
_SOURCE = (
    r"documents?|advisor(?:y|ies)|proposals?|reports?|articles?|papers?|records?|entr(?:y|ies)|files?|ids?|identifiers?"
)
_WHEN = r"when|(?:in )?(?:which|what) (?:year|month|date)|(?:the )?dates?|the year"
_FIRST, _LAST = r"earliest|oldest|first", r"latest|newest|most recent|last"
_EACH_YEAR = r"(?:each|per|by|every) year|yearly|annually|over the years"
_COUNT = r"how many|(?:the )?(?:total )?number of|count"
#: Verbs and nouns that carry a question and say nothing about what it is about.
_FILLING = (
    r"lists?|names?|show|give|tell|exists?|existing|there|contains?|titled|entitled|called|corresponds?|targets?|targeted|"
    r"ones?|its|their|each|respectively|under|for|against|also|all|ever|only|it|they|them|been|being|versions?|releases?|"
    r"accepted|finally|declared|reported|filed|minimum|current|currently|concern(?:s|ing)?|regarding|title|years?"
)
_BETWEEN = r"(?:[\s,;&]|\b(?:and|or|the|one|for|of|versus|vs)\b)+"
_YEAR = re.compile(
    r"\b(in|during|of|from|since|after|before|until|between|and|or|,)\s+((?:19|20)\d\d)\b", re.IGNORECASE
)
_NOT = re.compile(r"\b(?:not|never|without)\s+(?:been\s+|yet\s+)?(\w+)", re.IGNORECASE)
_OPEN = re.compile(
    r"\b(?:why|how(?! many| much| often)|explain|describe|discuss|compare|summari[sz]e|say about|what does|mean)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:[-_.'’][^\W_]+)*")


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


@dataclass
class _Reading:
    """A question while it is read: what is known, and which of its characters are accounted for."""

    question: str
    known: Mentions
    used: list[bool] = default(default_factory=list)

    def __post_init__(self) -> None:
        self.used = [False] * len(self.question)

    def use(self, start: int, end: int) -> None:
        self.used[start:end] = [True] * (end - start)

    def find(self, pattern: str) -> Iterator[re.Match[str]]:
        """Matches of whole words outside of what is accounted for."""
        for match in re.finditer(rf"\b(?:{pattern})\b", self.question, re.IGNORECASE):
            if not any(self.used[match.start() : match.end()]):
                yield match

    def take(self, pattern: str) -> re.Match[str] | None:
        """The first match, now accounted for."""
        match = next(self.find(pattern), None)
        if match:
            self.use(*match.span())
        return match

    def left(self) -> tuple[str, ...]:
        """The telling words that are not accounted for."""
        words = [m[0] for m in _WORD.finditer(self.question) if not any(self.used[m.start() : m.end()])]
        return tuple(word for word in words if word.lower() not in STOP)


def read_question(question: str, known: Mentions) -> Inquiry | None:
    """The question as one about metadata; None when it asks for something else, or names nothing to select by."""
    reading = _Reading(question, known)
    unknown = tuple(mention.text for mention in known.found if mention.kind == "unknown")
    named = _named_sources(reading)
    by_year = bool(reading.take(_EACH_YEAR))
    values = [] if by_year else _plausible(reading)
    for mention in (*(m for m in known.found if m.kind != "value"), *values):
        if mention.kind != "value" or not named or _is_name(mention, reading):
            reading.use(mention.start, mention.end)
    rule = _rule(reading)
    absent = _negated(reading)
    years, date = _years(reading)
    options = _options(values) if named or unknown else ""
    between = "" if named else _between(reading, values)
    where = [Condition(field=ID, op="is", values=named)] if named else []
    filters = [value for value in values if value.field != options and (not named or _is_name(value, reading))]
    where += _conditions(_grouped(filters, question))
    where += [*absent, *years]
    asked = _asked(reading, options)
    if not (where or unknown or by_year) or (_OPEN.search(_outside(reading, question)) and not by_year):
        return None
    return _inquiry(reading, rule, where, asked, unknown, by_year=by_year, between=between, date=date)


def names_of(question: str, known: Mentions) -> list[Condition]:
    """What a question names by a value of its metadata, as in "the time crate"; nothing that is only one of few."""
    reading = _Reading(question, known)
    rare = {field.name for field in known.fields if not field.values}
    values = [value for value in _plausible(reading) if value.field in rare]
    return _conditions(_grouped(values, question))


def _inquiry(
    reading: _Reading,
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
    if (counted or by_year) and not any(condition.field in _GONE for condition in where):
        where = [*where, *(Condition(field=name, op="absent") for name in _GONE if name in fields)]
    found: Rule = (
        "count" if counted or by_year else rule or ("lookup" if is_narrow or kept not in ((), (ID,)) else "filter")
    )
    if found == "lookup" and not kept and not unknown:
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


def _divided(reading: _Reading, asked: Sequence[str]) -> tuple[str, ...]:
    """The fields of few values that the question names, or whose values it names."""
    few = {field.name for field in reading.known.fields if field.values and field.kind == "text"}
    named = [mention.field for mention in reading.known.found if mention.kind == "value"]
    return tuple(name for name in dict.fromkeys((*named, *asked)) if name in few)


# Which sources


def _named_sources(reading: _Reading) -> tuple[str, ...]:
    """The ids of the sources that are named: by id and title at once, those that both name."""
    groups = [mention.sources for mention in reading.known.found if mention.kind == "source"]
    if not groups:
        return ()
    common = [source for source in groups[0] if all(source in group for group in groups)]
    return tuple(dict.fromkeys(common or [source for group in groups for source in group]))


def _plausible(reading: _Reading) -> list[Mention]:
    """The values that the question means: written as a name, called by its field, or rare enough to be one."""
    series = {f"{name}{end}" for name in reading.known.series for end in ("", "s")}
    telling = {field.name for field in reading.known.fields if field.distinct > 1 and field.kind != "identity"}
    values = [m for m in reading.known.found if m.kind == "value" and m.field in telling]
    candidates = [mention for mention in values if mention.text.lower() not in series]
    sure = [mention for mention in candidates if _is_meant(mention, reading)]
    fields = {mention.field for mention in sure}
    more = [m for m in candidates if m not in sure and m.field in fields and _stands_beside(m, sure, reading.question)]
    best: dict[int, Mention] = {}
    for mention in sorted((*sure, *more), key=lambda m: (not _is_called(m, reading), -m.count)):
        best.setdefault(mention.start, mention)
    return sorted(best.values(), key=lambda mention: mention.start)


def _is_meant(mention: Mention, reading: _Reading) -> bool:
    text = mention.text
    if text.lower() in STOP or (text.isdigit() and not _is_called(mention, reading)):
        return False
    field = next(field for field in reading.known.fields if field.name == mention.field)
    is_one_of_few = bool(field.values) and field.kind == "text" and mention.count > 1
    return is_one_of_few or _is_name(mention, reading) or mention.count * 4 >= mention.holding


def _is_name(mention: Mention, reading: _Reading) -> bool:
    """Whether it is written as no common word is, or called by its field."""
    text = mention.text
    is_odd = any(not c.isalpha() for c in text) or text[1:] != text[1:].lower()
    return is_odd or _is_called(mention, reading)


def _is_called(mention: Mention, reading: _Reading) -> bool:
    """Whether what the value's field is called stands right beside it: `crate users`, `the users crate`."""
    called = _pattern_of(mention.field)
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


def _grouped(values: Sequence[Mention], question: str) -> list[list[Mention]]:
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


def _conditions(groups: Sequence[Sequence[Mention]]) -> list[Condition]:
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


def _options(values: Sequence[Mention]) -> str:
    """The field of which the question offers several values to choose from, where its source is named already."""
    names = [value.field for value in values]
    return next((name for name in names if names.count(name) > 1), "")


def _between(reading: _Reading, values: Sequence[Mention]) -> str:
    if not re.search(r"\bor\b|\bversus\b|\bvs\b", reading.question, re.IGNORECASE):
        return ""
    return _options(values)


def _negated(reading: _Reading) -> list[Condition]:
    """`not withdrawn`: nothing in that field."""
    found = []
    for match in _NOT.finditer(reading.question):
        for field in reading.known.fields:
            if stem(match[1]) == stem(field.name):
                reading.use(*match.span())
                found.append(Condition(field=field.name, op="absent"))
    return found


def _years(reading: _Reading) -> tuple[list[Condition], str]:
    """Years that the question names, as conditions on the date it speaks of."""
    name = _date_field(reading)
    found: dict[str, list[str]] = {}
    for match in _YEAR.finditer(reading.question):
        if name and not any(reading.used[match.start(2) : match.end(2)]):
            reading.use(*match.span())
            word = match[1].lower()
            op = {"since": "since", "from": "since", "after": "since", "before": "before", "until": "before"}.get(word)
            year = str(int(match[2]) + 1) if word == "after" else match[2]
            found.setdefault(op or "year", []).append(year)
    if found:
        for match in reading.find(_pattern_of(name)):
            reading.use(*match.span())
    return [Condition.model_validate({"field": name, "op": op, "values": v}) for op, v in found.items()], name


def _date_field(reading: _Reading) -> str:
    """The date that the question speaks of; the one that most sources have where it names none."""
    dates = [field for field in reading.known.fields if field.kind == "date"]
    named = [field for field in dates if next(reading.find(_pattern_of(field.name)), None)]
    chosen = max(named or dates, key=lambda field: field.sources, default=None)
    return chosen.name if chosen else ""


# What is asked of them


def _rule(reading: _Reading) -> Rule | None:
    if reading.take(_FIRST):
        return "min"
    return "max" if reading.take(_LAST) else None


def _asked(reading: _Reading, options: str) -> list[str]:
    """The fields that the question asks for, in its order; `id` for the source itself."""
    found: dict[str, int] = {}
    for field in reading.known.fields:
        if field.kind == "identity" or field.name == TITLE:
            continue
        patterns = _pattern_of(field.name)
        match = next(reading.find(patterns), None)
        if match and _is_asked(field.name, match, reading):
            found[field.name] = match.start()
    when = next(reading.find(_WHEN), None)
    if when and (date := _date_field(reading)):
        found[date] = min(when.start(), found.get(date, when.start()))
    if options:
        found[options] = found.get(options, len(reading.question))
    sources = rf"(?:{_series_of(reading.known)}{_SOURCE})"
    source = next(reading.find(rf"(?:which|what|list|name|show|give)\s+(?:\w+\s+){{0,2}}{sources}"), None)
    kinds = {field.name: field.kind for field in reading.known.fields}
    if source and not any(kinds[name] == "reference" for name in found):
        found[ID] = source.start()
    for pattern in [*(_pattern_of(name) for name in found), _WHEN, sources]:
        for match in reading.find(pattern):
            reading.use(*match.span())
    return sorted(found, key=lambda name: found[name])


def _is_asked(name: str, match: re.Match[str], reading: _Reading) -> bool:
    """A reference is asked for in the direction that the question goes; a field beside its own value is not asked."""
    after = reading.question[match.end() :].lstrip(" `'\"(:")
    start = len(reading.question) - len(after)
    if any(m.start == start and m.field == name for m in reading.known.found if m.kind == "value"):
        reading.use(*match.span())
        return False
    if name in _ALIKE["replaces"]:
        return bool(re.search(r"\b(?:does|did|do)\b", reading.question[: match.start()], re.IGNORECASE))
    if name in _ALIKE["superseded"]:
        return not re.search(r"\b(?:does|did|do)\b", reading.question[: match.start()], re.IGNORECASE)
    return True


def _series_of(known: Mentions) -> str:
    """What the ids of the corpus begin with, as a pattern of words that stand for its sources."""
    return "".join(rf"{re.escape(name)}s?|" for name in known.series)


def _pattern_of(name: str) -> str:
    """How a field is called: by the words of its name, and by what people call such a thing."""
    alike = [_CALLED[called] for called, names in _ALIKE.items() if name in names]
    alike += [_CALLED[name]] if name in _CALLED else []
    words = [rf"{re.escape(stem(word))}\w*" for word in name.split("_") if word]
    head = words[-1:] if len(words) > 1 and name.split("_")[-1] not in _NO_HEAD else []
    return "|".join(dict.fromkeys((r"[-_ ]".join(words), *head, *alike)))


def _outside(reading: _Reading, question: str) -> str:
    """The question without what it names."""
    spans = [(m.start, m.end) for m in reading.known.found if m.kind != "value"]
    return "".join(" " if any(start <= n < end for start, end in spans) else c for n, c in enumerate(question))
