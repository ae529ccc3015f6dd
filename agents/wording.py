"""What words mean: how people call fields, sources and years, and a question while it is read. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as default

from ..orchestrator.metadata import TITLE, Mentions
from .language import STOP, bare, stem

#: What people call the thing a field holds, by words that fields are named with.
_CALLED: dict[str, str] = {
    "status": r"status|state|outcome|fate|disposition|(?:what )?(?:became|become|becomes|happened) (?:of|to)",
    "authors": r"who (?:\w+ )?(?:wrote|authored|proposed|created|invented)|authors?|writers?|written by",
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
    "date": r"reported|published|issued|filed|disclosed|announced|recalled|dated?",
}
ALIKE: dict[str, tuple[str, ...]] = {
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
GONE = ("withdrawn", "retracted", "revoked")
SOURCE = (
    r"documents?|advisor(?:y|ies)|proposals?|reports?|articles?|papers?|records?|entr(?:y|ies)|files?|ids?|identifiers?|"
    r"regulations?|specifications?|guidelines?|notices?|recalls?|bulletins?|memos?|tickets?"
)
_WORD = re.compile(r"[^\W_]+(?:[-_.'’][^\W_]+)*")


@dataclass
class Reading:
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
        return tuple(word for word in words if bare(word).lower() not in STOP)


def series_of(known: Mentions) -> str:
    """What the ids of the corpus begin with, as a pattern of words that stand for its sources."""
    return "".join(rf"{re.escape(name)}s?|" for name in known.series)


def pattern_of(name: str) -> str:
    """How a field is called: by the words of its name, and by what people call such a thing."""
    alike = [_CALLED[called] for called, names in ALIKE.items() if name in names]
    alike += [_CALLED[name]] if name in _CALLED else []
    if name == TITLE:  # "the paper titled X" asks for something else
        return "titles?"
    words = [rf"(?:{re.escape(word)}|{re.escape(stem(word))}\w*)" for word in name.split("_") if word]
    head = words[-1:] if len(words) > 1 and name.split("_")[-1] not in _NO_HEAD else []
    return "|".join(dict.fromkeys((r"[-_ ]".join(words), *head, *alike)))


def calls(name: str, word: str) -> bool:
    """Whether a word is what people call a field, or a part of that."""
    return re.search(rf"\b(?:{pattern_of(name)})\b", word, re.IGNORECASE) is not None
