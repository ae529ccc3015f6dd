"""How much of a question the evidence bears on: which of its words are found, and what is too little. Pure.

A word counts by its rarity in the documents (1 for one that stands nowhere), so that a question is not covered by its
common words. A name written with marks or digits (`3.31`, `static_map`) is one word and must stand as it is written.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from ..orchestrator.evidence import Claim, Passage
from ..orchestrator.metadata import Mentions
from .language import STOP, bare, stem, terms

#: Below the first share of a question's weight in the best passage there is no answer; below the second a weak one.
REFUSED_BELOW, WEAK_BELOW = 0.5, 0.7
#: A word at least this rare that a metadata look-up made nothing of means that the question is about something else.
RARE = 0.5
#: The same where metadata picked one or two sources: only a word that hardly any passage holds.
SELDOM = 0.85
#: A word less rare than this says little by itself: no text is looked for on its account, and no count stopped.
COMMON = 0.2

_WORD = re.compile(r"[^\W_]+(?:[-_.'’/:][^\W_]+)*")


def key_words(question: str) -> list[str]:
    """The words of a question that say what it is about, each once, as they are written but for what joins them."""
    words = [word for word in map(bare, _WORD.findall(question)) if word.lower() not in STOP]
    return list({word.casefold(): word for word in words if len(word) > 1 or word.isdigit()}.values())


def is_name(word: str) -> bool:
    """Whether it is one word only as it is written: `3.31`, `static_map`, but not `well`, `don't` or `well-known`."""
    return any(not c.isalpha() for c in word if c not in "'’-")


def is_odd(word: str) -> bool:
    """Whether it is written as few common words are: with marks, digits, or capitals inside."""
    return any(not c.isalpha() for c in word) or word[1:] != word[1:].lower()


def weights(words: Sequence[str], rarity: Mapping[str, float], texts: Sequence[str]) -> dict[str, float]:
    """What each word counts: its rarity; all of it for a name that none of the texts holds."""
    return {
        word: 1.0 if is_name(word) and not any(contains(text, word) for text in texts) else rarity.get(word, 1.0)
        for word in words
    }


def contains(text: str, word: str) -> bool:
    """Whether a text holds a word: a name as it is written, any other word in any of its forms."""
    if is_name(word):
        return re.search(rf"(?<![^\W_])(?<!\d\.){re.escape(word)}(?![^\W_]|\.\d)", text, re.IGNORECASE) is not None
    held = {*terms(text), *(terms(text.replace("-", " ")) if "-" in text else ())}
    return stem(word) in held or ("-" in word and all(stem(part) in held for part in word.split("-") if part))


def share(weighted: Mapping[str, float], text: str) -> float:
    """The share of a question's weight that one text holds; 1 for a question without weight."""
    whole = sum(weighted.values())
    return sum(weight for word, weight in weighted.items() if contains(text, word)) / whole if whole else 1.0


def best_share(weighted: Mapping[str, float], passages: Iterable[Passage]) -> float:
    """The best share that the passages of one document hold together, with their title and headings."""
    together: dict[str, str] = {}
    for passage in passages:
        words = f"{passage.title}\n{passage.heading}\n{passage.text}"
        together[passage.source] = f"{together.get(passage.source, '')}\n{words}"
    return max((share(weighted, text) for text in together.values()), default=0.0)


def uncovered(question: str, claims: Sequence[Claim], explained: Iterable[str] = ()) -> tuple[str, ...]:
    """The words of a question that no quote and no record of any claim contains."""
    held = [quote.text for claim in claims for quote in claim.quotes]
    held += [f"{claim.text} {record.field} {record.value}" for claim in claims for record in claim.records]
    known = {word.casefold() for word in explained}
    text = "\n".join(held)
    return tuple(w for w in key_words(question) if w.casefold() not in known and not contains(text, w))


def unknown_names(mentions: Mentions) -> tuple[str, ...]:
    """What a question names that is of the corpus's kind and not in it."""
    return tuple(dict.fromkeys(mention.text for mention in mentions.found if mention.kind == "unknown"))
