"""Plain extraction: a question's parts, a text's sentences, and which of them say most about it. Pure.

Sentences are ranked by BM25 (Robertson and Zaragoza 2009) over the sentences at hand and picked by maximal marginal
relevance (Carbonell and Goldstein 1998), so that the second does not repeat the first.
"""

import functools
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
STOP = frozenset(
    _WORD.findall(
        "a about after all also an and any are as at be because been before being both but by can could did do does "
        "doing for from had has have how i if in into is it its many much no not of on or our out over so some such "
        "than that the their them then there these they this those to under up us was we what when where which while "
        "who whom whose why will with would you your"
    )
)
_ABBREVIATIONS = ("e.g", "i.e", "etc", "vs", "cf", "mr", "mrs", "ms", "dr", "prof", "st", "no", "fig", "approx", "inc")
_END = re.compile(r"[.!?]['\"”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9])|[.!?]['\"”’)\]]*\s*$")
_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+•]|\d+[.)])\s)|\n(?=#)")
_ASKING = r"(?=(?:who|what|when|where|which|why|how)\b)"
_PART = re.compile(rf"[?;]\s+|,?\s+and\s+{_ASKING}|,\s+{_ASKING}", re.IGNORECASE)
_VERB_LAST = re.compile(r"\w+ (?:did|does|do|was|were|will|has|have|had|can|could|should)\b", re.IGNORECASE)
_PARTS_MOST = 6
_K1, _B, _DIVERSITY = 1.5, 0.6, 0.55
#: A sentence with a smaller share of the best one's score is not picked.
_SHARE_LEAST = 0.25
_LETTERS_LEAST, _LETTERS_MOST = 25, 500


def split_question(question: str) -> list[str]:
    """The question's own parts, each of which has words of its own; the whole where it has only one."""
    parts = [part.strip(" ?;,.") for part in _PART.split(question)]
    telling = [part for part in parts if terms(part)]
    if len(telling) < 2:
        return [question.strip()]
    subject = " ".join(_subject(telling[0]))
    return [
        part if n == 0 or len(terms(part)) > 2 else f"{part} ({subject})"
        for n, part in enumerate(telling[:_PARTS_MOST])
    ]


def _subject(part: str) -> list[str]:
    """What the first part is about: its telling words, without the verb that ends "what did … cost"."""
    telling = [word for word in _WORD.findall(part) if word.lower() not in STOP]
    return telling[:-1] if len(telling) > 1 and _VERB_LAST.match(part) else telling


def terms(text: str) -> list[str]:
    """The stems of the words that say something, in order."""
    words = [word.lower() for word in _WORD.findall(text)]
    return _stems(tuple(word for word in words if word not in STOP and (len(word) > 1 or word.isdigit())))


def stem(word: str) -> str:
    """What a word has in common with its other forms."""
    return _stems((word.lower(),))[0]


@functools.lru_cache(maxsize=4096)
def _stems(words: tuple[str, ...]) -> list[str]:
    return list(_stemmer().stemWords(list(words)))


@functools.cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


def sentences(text: str) -> list[str]:
    """The sentences of running text, exactly as they stand; headings, tables and fragments are left out."""
    found: list[str] = []
    for block in _BLOCK.split(text):
        body = block.strip().lstrip("-*+• ").strip()
        if body and not body.startswith(("#", "|", "```", "===", "---")):
            found += [sentence for sentence in _split(body) if _is_prose(sentence)]
    return found


def _split(block: str) -> list[str]:
    pieces, start = [], 0
    for end in _END.finditer(block):
        before = block[start : end.start()].rsplit(None, 1)
        if before and before[-1].lower().strip("(") in _ABBREVIATIONS:
            continue
        pieces.append(block[start : end.end()].strip())
        start = end.end()
    return [*pieces, block[start:].strip()]


def _is_prose(sentence: str) -> bool:
    return _LETTERS_LEAST <= len(sentence) <= _LETTERS_MOST and sentence[-1] in '.!?"”’)' and " " in sentence


def pick_sentences(question: str, texts: Sequence[str], *, most: int) -> list[tuple[int, str]]:
    """At most `most` (index of text, sentence), best first; none that shares no word with the question."""
    pool = list(dict.fromkeys((n, sentence) for n, text in enumerate(texts) for sentence in sentences(text)))
    bags = [Counter(terms(sentence)) for _, sentence in pool]
    scores = _bm25(Counter(terms(question)), bags)
    scores = [score / (1 + 0.04 * pool[i][0]) for i, score in enumerate(scores)]  # earlier passages rank higher
    picked: list[int] = []

    def gain(i: int) -> float:
        return scores[i] - _DIVERSITY * max(scores) * max((_overlap(bags[i], bags[j]) for j in picked), default=0)

    while len(picked) < most:
        best = max((i for i in range(len(pool)) if scores[i] > 0 and i not in picked), key=gain, default=None)
        if best is None or (picked and scores[best] < _SHARE_LEAST * scores[picked[0]]):
            break
        picked.append(best)
    return [pool[i] for i in picked]


def _bm25(question: Counter[str], bags: list[Counter[str]]) -> list[float]:
    mean = sum(bag.total() for bag in bags) / max(1, len(bags))
    holding = Counter(term for bag in bags for term in bag if term in question)
    weights = {term: math.log(1 + (len(bags) - n + 0.5) / (n + 0.5)) for term, n in holding.items()}

    def score(bag: Counter[str]) -> float:
        dampening = _K1 * (1 - _B + _B * bag.total() / max(1.0, mean))
        return sum(weight * bag[term] * (_K1 + 1) / (bag[term] + dampening) for term, weight in weights.items())

    return [score(bag) for bag in bags]


def _overlap(one: Counter[str], other: Counter[str]) -> float:
    """The share of words in common (Jaccard)."""
    union = (one | other).total()
    return (one & other).total() / union if union else 0.0


def is_repetition(one: str, other: str) -> bool:
    """Whether two sentences say the same in nearly the same words."""
    return _overlap(Counter(terms(one)), Counter(terms(other))) > 0.75
