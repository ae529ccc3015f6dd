"""Reports made by rule over public corpora: what writers say of documents, with the quotes that say it. Pure.

Each has some ten sentences over a few documents of one subject: what headers say, in a writer's words (`PEP 665 was
created on 29 July 2021`); sentences of the text, attributed, or two in one; sentences worded by people: the paraphrases
over `examples/corpus`, and the claims of `ground_wice` that their page supports. Every quote is cut by `numbering`, as
the desk cuts it.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from bullpen import Document
from bullpen.orchestrator.evidence import Claim, Quote, Source
from bullpen.orchestrator.metadata import as_date, label
from bullpen.orchestrator.rules.numbering import Line, Numbered, number
from bullpen.orchestrator.rules.support import known_of

from .planting import Item

#: Documents of a report, and sentences of its text that are taken from each.
_DOCUMENTS, _TAKEN = 4, 2
#: Sentences of a report that people worded.
_WORDED = 8
#: What a sentence may begin with to stand behind `According to …,`.
_SMALL = re.compile(r"(?:The|A|An|This|These|If|When|In|For|With|Although|Since|As|Some|All|Most|Many|There|Each)\b")
_WHOLE = re.compile(r"[A-Z][^\n]{50,220}[a-z)]\.")


class Drafted(NamedTuple):
    """A report as a writer hands it in: its question, its sentences with their quotes, and the documents they are of."""

    origin: str
    question: str
    claims: tuple[Claim, ...]
    documents: Mapping[str, Numbered]

    def known(self, claim: Claim) -> tuple[str, ...]:
        """What needs no quote: the question, and what the documents of a claim are called."""
        return known_of(self.question, [self.documents[name].source for name in _sources(claim)])

    def items(self) -> list[Item]:
        """Each sentence with what it rests on."""
        return [
            Item(self.origin, claim.text, tuple(quote.text for quote in claim.quotes), self.known(claim))
            for claim in self.claims
        ]


def _sources(claim: Claim) -> list[str]:
    return list(dict.fromkeys(quote.source for quote in claim.quotes))


def drafted(
    corpora: Mapping[str, Sequence[Document]], worded: Mapping[str, Sequence[Item]], count: int, chance: random.Random
) -> list[Drafted]:
    """So many reports: of the sentences that people worded as many as these make, the others over the corpora in turn."""
    found = []
    for name, items in worded.items():
        shuffled = chance.sample(list(items), len(items))
        starts = range(0, len(items) - _WORDED + 1, _WORDED)
        found += [_worded(name, shuffled[n : n + _WORDED], n + 1) for n in starts]
    names = list(corpora)
    for n in range(count - len(found)):
        documents = corpora[names[n % len(names)]]
        first = chance.randrange(len(documents) - 3 * _DOCUMENTS)
        some = chance.sample(documents[first : first + 3 * _DOCUMENTS], _DOCUMENTS)
        found.append(_over(names[n % len(names)], [numbered(document) for document in some], chance))
    return found


def numbered(document: Document) -> Numbered:
    """A document with its sentences numbered, as the desk reads it."""
    metadata = dict(document.metadata)
    return number(Source(id=document.id, title=document.title, uri="", text_hash="", metadata=metadata), document.text)


# Over documents


def _over(origin: str, documents: Sequence[Numbered], chance: random.Random) -> Drafted:
    said = [pair for document in documents for pair in (*_of_header(document), *_of_text(document, chance))]
    said += [pair for one, other in pairwise(documents) for pair in _of_both(one, other)]
    names = [_name(document) for document in documents]
    question = f"What do {', '.join(names[:-1])} and {names[-1]} say?"
    claims = [Claim(id=f"s{n}", text=text, quotes=quotes) for n, (text, quotes) in enumerate(said, start=1)]
    return Drafted(origin, question, tuple(claims), {document.source.id: document for document in documents})


Said = tuple[str, tuple[Quote, ...]]


def _of_header(document: Numbered) -> Iterator[Said]:
    """What the header says, as a writer would."""
    name, lines = _name(document), _fields(document)
    wordings: tuple[tuple[tuple[str, ...], Callable[..., str]], ...] = (
        (("status", "created"), lambda status, day: f"{name}, created on {_day(day)}, has the status {status}."),
        (("author",), lambda authors: f"{name} was written by {_people(authors)}."),
        (("sponsor",), lambda sponsor: f"{_people(sponsor)} sponsored {name}."),
        (("python-version",), lambda version: f"It is meant for Python {version}."),
        (("package", "date"), lambda package, day: f"{name} of {_day(day)} concerns {package}."),
        (("package", "patched"), lambda package, some: f"{package.capitalize()} is mended in {_plainly(some)}."),
        (("categories",), lambda some: f"It is filed under {_plainly(some)}."),
    )
    for fields, worded in wordings:
        values = [lines[field] for field in fields if field in lines and lines[field][1] not in ("", "[]")]
        if len(values) == len(fields):
            yield worded(*(value for _, value in values)), document.quotes([line.number for line, _ in values])


def _of_text(document: Numbered, chance: random.Random) -> Iterator[Said]:
    """Sentences of the text: one attributed, two neighbours in one."""
    lines = [line for line in document.lines.values() if line.kind == "sentence" and _WHOLE.fullmatch(line.text)]
    small = [line for line in lines if _SMALL.match(line.text)]
    for line in chance.sample(small, min(_TAKEN, len(small))):
        said = f"According to {_name(document)}, {line.text[0].lower()}{line.text[1:]}"
        yield said, document.quotes([line.number])
    pairs = [(a, b) for a, b in pairwise(lines) if b.number == a.number + 1 and _SMALL.match(b.text)]
    for one, other in chance.sample(pairs, min(1, len(pairs))):
        said = f"{one.text[:-1]}, and {other.text[0].lower()}{other.text[1:]}"
        yield said, document.quotes([one.number, other.number])


def _of_both(one: Numbered, other: Numbered) -> Iterator[Said]:
    """What sets two documents apart."""
    for field in ("status", "package"):
        (line, value), (its, its_value) = (_fields(document).get(field, (None, "")) for document in (one, other))
        if line and its and value != its_value:
            verb = "is" if field == "status" else "is about"
            quotes = (*one.quotes([line.number]), *other.quotes([its.number]))
            yield f"{_name(one)} {verb} {value}, while {_name(other)} {verb} {its_value}.", quotes


def _name(document: Numbered) -> str:
    return label(document.source.id, document.source.metadata).replace("-", " ", 1)


def _fields(document: Numbered) -> dict[str, tuple[Line, str]]:
    """The fields of the header of the text by name, each with its line and its value."""
    pairs = [(re.split(r"\s*[:=]\s*", line.text, maxsplit=1), line) for line in document.lines.values()]
    return {parts[0].casefold(): (line, parts[-1].strip('"')) for parts, line in pairs if line.kind == "header"}


def _day(text: str) -> str:
    day = as_date(text)
    return f"{day.day} {day:%B} {day.year}" if day else text


def _people(text: str) -> str:
    """The names in a field of authors, without their addresses."""
    names = [name.strip() for name in re.sub(r"<[^>]*>", "", text).split(",") if name.strip()]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _plainly(text: str) -> str:
    return re.sub(r"[\[\]\"]", "", text)


# Worded by people


def _worded(origin: str, items: Sequence[Item], first: int) -> Drafted:
    """A report of sentences that people worded; each item's evidence is a document, numbered from `first`."""
    question = "; ".join(dict.fromkeys(name for item in items for name in item.known[:1]))
    claims, documents = [], dict[str, Numbered]()
    for n, item in enumerate(items, start=first):
        text, name = "\n\n".join(item.evidence), f"{origin} {n}"
        source = Source(id=name, title=" | ".join(item.known[1:]), uri="", text_hash="")
        starts = [sum(len(part) + 2 for part in item.evidence[:k]) for k in range(len(item.evidence))]
        quotes = [
            Quote(source=name, start=a, end=a + len(q), text=q) for a, q in zip(starts, item.evidence, strict=True)
        ]
        claims.append(Claim(id=f"s{n}", text=item.sentence, quotes=tuple(quotes)))
        documents[name] = number(source, text)
    return Drafted(origin, question, tuple(claims), documents)
