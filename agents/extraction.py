"""Plain extraction: a question's parts, a text's sentences, and which of them say most about it. Pure.

Sentences are ranked by the share of the question's weight that they hold and picked by maximal marginal relevance
(Carbonell and Goldstein 1998), so that the second does not repeat the first.
"""

import functools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
STOP = frozenset(
    _WORD.findall(
        "a about after against all along also among an and any are as at away be because been before being "
        "between both but by can could did do does doing during each either for from had has have he her his "
        "how i if in inside into is it its many may might more most much must neither no nor not of off on "
        "one ones only onto or other our out outside over per rather shall she should since so some such than "
        "that the their them then there these they this those through to toward towards under until up upon "
        "us very via was we were what when where whether which while who whom whose why will with within "
        "without would yet you your me my please "
        # what a question is asked with, not what it is about
        "arrive arrived became become becomes came come comes get gets getting give gives given go goes going "
        "got happen happened happens keep let make makes made mean means meant put say says said see seen "
        "take takes taken tell tells use used uses using explain describe describes relevant respectively "
        "first next way ways kind kinds "
    )
)
_ABBREVIATIONS = ("e.g", "i.e", "etc", "vs", "cf", "mr", "mrs", "ms", "dr", "prof", "st", "no", "fig", "approx", "inc")
_END = re.compile(r"[.!?]['\"”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9])|[.!?]['\"”’)\]]*\s*$")
_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+•]|\d+[.)])\s)|\n(?=#)")
_ASKING = r"(?=(?:who|what|when|where|which|why|how)\b)"
_PART = re.compile(rf"[?;]\s+|,?\s+and\s+{_ASKING}|,\s+{_ASKING}", re.IGNORECASE)
_VERB_LAST = re.compile(r"\w+ (?:did|does|do|was|were|will|has|have|had|can|could|should)\b", re.IGNORECASE)
#: A part that asks about what was named before it, if only in words that say little: `who used it`.
_OF_THAT = re.compile(r"(?:who|what|when|where|which|why|how)\b.*\b(?:it|its|they|them|their)\b", re.IGNORECASE)
_PARTS_MOST = 6
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
#: Sentences that share at least so much of their words, and have so many, are about the same thing.
_ALIKE, _ALIKE_LEAST = 0.5, 4
#: One that holds at least so much of the other's words repeats it.
_SAME = 0.85
#: A later part of at most so many telling words, or with such a word, is about the subject of the first.
_ALONE_LEAST = 3
_POINTING = re.compile(r"\b(?:it|its|they|them|their|each|this|these|those|that)\b", re.IGNORECASE)
#: What like words cost (as a share of the best score) and the same document again; the credit for words in the title
#: and heading above, and in the text around; what each rank costs.
_DIVERSITY, _AGAIN, _ABOVE, _NEAR, _FALL, _SECTION = 0.45, 0.05, 0.5, 0.3, 0.1, 0.3
_BACK = re.compile(
    r"(?:it|its|this|that|these|those|they|their|such|he|she|however|but|also|instead|so|thus|then)\b", re.IGNORECASE
)
_FIELD = re.compile(r"\s*[A-Za-z][\w-]*\s*[:=]\s")
#: What the answer to a kind of question often says.
_CUES = tuple(
    (re.compile(kind, re.IGNORECASE), re.compile(cues, re.IGNORECASE))
    for kind, cues in (
        (
            r"^why\b|\bwhy\b|reason",
            r"\b(?:because|since|reasons?|due to|in order to|so that|motivat\w+|rationale|lack|to avoid)\b",
        ),
        (r"\bhow (?:much|many|long|often|far)\b|\bcosts?\b|\bwhen\b", r"\d"),
        (r"\bwho\b", r"\b[A-Z][a-z]+ [A-Z][a-z]+\b"),
        (
            r"replace|instead|alternative",
            r"\b(?:replac\w+|alternativ\w+|instead|recommend\w*|successor|migrat\w+|use)\b",
        ),
        (r"differ|compare", r"\b(?:whereas|while|unlike|differ\w*|than|rather|but|instead|cannot)\b"),
        (r"\bhow\b", r"\b(?:by|using|must|should|allows?|works?)\b"),
    )
)
#: A sentence with a smaller share of the best one's score is not picked.
_SHARE_LEAST = 0.25
_LETTERS_LEAST, _LETTERS_MOST, _ITEM_LEAST = 25, 500, 8
#: Characters between two items of one list, at most: line breaks and a mark.
_BULLET = 8
_ITEM = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s+")
_ADMONITION = re.compile(
    r"^\s*\.\. (?:note|warning|important|attention|caution|tip|admonition)::[^\n]*\n\s*|^\s*>(?!>)\s*(?=\S)"
)
_HEADING = re.compile(
    r"\s*+(?:#{1,6}[ \t]+(?P<hash>[^\n]*)"
    r"|(?:([=\-~*^\"'`])\2{2,}\n)?(?P<over>[^\n]++)\n([=\-~*^\"'`])\4{2,}\s*$)"
)
_HEADING_LINES = 3


def split_question(question: str) -> list[str]:
    """The question's own parts, each of which has words of its own; the whole where it has only one."""
    parts = [part.strip(" ?;,.") for part in _PART.split(question)]
    first = next((n for n, part in enumerate(parts) if terms(part)), len(parts))
    telling = [part for n, part in enumerate(parts) if terms(part) or (n > first and _OF_THAT.match(part))]
    if len(telling) < 2:
        return [question.strip()]
    subject = " ".join(_subject(telling[0]))
    return [
        part if n == 0 or not _leans(part) else f"{part} ({subject})" for n, part in enumerate(telling[:_PARTS_MOST])
    ]


def _leans(part: str) -> bool:
    """Whether a part cannot stand alone: it says little, or points at what was named before it."""
    return len(terms(part)) <= _ALONE_LEAST or _POINTING.search(part) is not None


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


class Sentence(NamedTuple):
    """A sentence as it stands: `text == source[start:end]`; `after` is where the one before it in its block starts;
    `is_item` says whether it is an item of a list."""

    start: int
    end: int
    text: str
    heading: str = ""
    after: int | None = None
    is_item: bool = False


def sentences(text: str) -> list[Sentence]:
    """The sentences of running text and the items of lists; headings, tables, code and header fields are left out."""
    found: list[Sentence] = []
    heading = ""
    for start, block in _blocks(text):
        if (mark := _HEADING.match(block)) and len(block.splitlines()) <= _HEADING_LINES:
            heading = mark["hash"] or mark["over"] or ""
            continue
        body = _ADMONITION.sub("", block)
        item = _ITEM.match(body)
        body = (body[item.end() :] if item else body).lstrip()
        if body and not body.startswith(("|", "```", "===", "---", "..")) and (item or not _is_code(body)):
            found += _within(start + len(block) - len(body), body.rstrip(), heading, is_item=item is not None)
    return found


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs and list items, each with where it starts."""
    at = 0
    for gap in _BLOCK.finditer(text):
        yield at, text[at : gap.start()]
        at = gap.end()
    yield at, text[at:]


def _is_code(block: str) -> bool:
    """Code, tables and header fields: more marks than words, or lines of `Name: value`."""
    lines = [line for line in block.splitlines() if line.strip()]
    fields = sum(bool(_FIELD.match(line)) for line in lines)
    telling = sum(c.isalpha() or c.isspace() for c in block)
    return telling < 0.75 * len(block) or (len(lines) > 1 and fields * 2 > len(lines)) or ">>>" in block


def _within(start: int, block: str, heading: str, *, is_item: bool) -> Iterator[Sentence]:
    """The sentences of one block, in order."""
    before: int | None = None
    at = 0
    for end in [*(m for m in _END.finditer(block) if not _abbreviates(block, m.start())), None]:
        stop = end.end() if end else len(block)
        piece = block[at:stop]
        text = piece.strip()
        begins = start + at + len(piece) - len(piece.lstrip())
        at = stop
        if _is_prose(text) or (is_item and _is_said(text)):
            yield Sentence(begins, begins + len(text), text, heading, before, is_item)
            before = begins
        else:
            before = None


def _abbreviates(block: str, at: int) -> bool:
    """Whether the full stop there ends an abbreviation."""
    before = block[:at].rsplit(None, 1)
    return bool(before) and before[-1].lower().strip("(") in _ABBREVIATIONS


def _is_prose(sentence: str) -> bool:
    is_whole = _LETTERS_LEAST <= len(sentence) <= _LETTERS_MOST and sentence[-1] in ".!?\"'”’):"
    return is_whole and " " in sentence


def _is_said(item: str) -> bool:
    """Whether an item of a list says something, though it is no sentence."""
    return _ITEM_LEAST <= len(item) <= _LETTERS_MOST


class Text(NamedTuple):
    """A text to pick sentences from: what it is called, and which document it is a part of."""

    text: str
    title: str = ""
    heading: str = ""
    source: str = ""


def pick_sentences(
    question: str, texts: Sequence[Text], *, most: int, rarity: Mapping[str, float] | None = None, each: bool = False
) -> list[tuple[int, str]]:
    """At most `most` (index of text, words of it), best first; none that shares no word with the question.

    A sentence counts the question's words that it holds, by rarity, with some credit for those in the title and heading
    above it, and for earlier texts; one that points back ("This …") brings the sentence before it along. With `each`,
    every document is heard before any is heard again.
    """
    pool = list(_pool(texts))
    bags = [frozenset(terms(sentence.text)) for _, sentence in pool]
    asked = _asked(question, rarity, bags)
    scores = [_score(asked, question, texts, bag, *found) for bag, found in zip(bags, pool, strict=True)]
    picked: list[int] = []
    while len(picked) < most:
        left = [i for i in range(len(pool)) if scores[i] > 0 and i not in picked]
        heard = {texts[pool[j][0]].source for j in picked}
        new = [i for i in left if texts[pool[i][0]].source not in heard] if each else []
        best = max(new or left, key=lambda i: _gain(i, scores, bags, picked, texts, pool), default=None)
        if best is None or (not new and scores[best] < _SHARE_LEAST * max(scores)):
            break
        picked.append(best)
    return [(pool[i][0], _whole(texts[pool[i][0]].text, pool[i][1])) for i in picked]


def _pool(texts: Sequence[Text]) -> Iterator[tuple[int, Sentence]]:
    """Every sentence of every text, the same words once."""
    seen: set[str] = set()
    for n, text in enumerate(texts):
        for sentence in sentences(text.text):
            words = " ".join(sentence.text.split()).casefold()
            if words not in seen:
                seen.add(words)
                yield n, sentence


def _asked(question: str, rarity: Mapping[str, float] | None, bags: Sequence[frozenset[str]]) -> dict[str, float]:
    """What each of the question's words counts: its rarity where that is known, else how few sentences hold it."""
    if rarity:
        return {term: weight for word, weight in rarity.items() for term in terms(word)}
    holding = Counter(term for bag in bags for term in bag)
    return {term: math.log(1 + len(bags) / (1 + holding[term])) for term in set(terms(question))}


def _score(
    asked: Mapping[str, float], question: str, texts: Sequence[Text], bag: frozenset[str], at: int, sentence: Sentence
) -> float:
    whole = sum(asked.values()) or 1.0
    held = sum(weight for term, weight in asked.items() if term in bag) / whole
    cue = next((cues for kind, cues in _CUES if kind.search(question)), None)
    if cue and sentence.heading and cue.search(sentence.heading):  # the section that answers such a question
        held += _SECTION
    if not held:
        return 0.0
    heading = sentence.heading or texts[at].heading
    above = frozenset(terms(f"{texts[at].title} {heading}"))
    near = frozenset(terms(texts[at].text))
    held += _ABOVE * sum(weight for term, weight in asked.items() if term in above and term not in bag) / whole
    held += _NEAR * sum(weight for term, weight in asked.items() if term in near - above - bag) / whole
    held *= 1.25 if cue and cue.search(sentence.text) else 1.0
    held *= 0.8 if _BACK.match(sentence.text) and sentence.after is None else 1.0
    return held / (1 + _FALL * at)


def _gain(
    i: int,
    scores: Sequence[float],
    bags: Sequence[frozenset[str]],
    picked: Sequence[int],
    texts: Sequence[Text],
    pool: Sequence[tuple[int, Sentence]],
) -> float:
    """A sentence's score less what was picked already: like words, and the same document again."""
    text = pool[i][1].text
    like = {j: like for j in picked if (like := _jaccard(bags[i], bags[j]))}
    alike = max((share for j, share in like.items() if not is_conflict(text, pool[j][1].text)), default=0.0)
    again = sum(texts[pool[j][0]].source == texts[pool[i][0]].source for j in picked)
    return scores[i] - _DIVERSITY * max(scores) * alike - _AGAIN * again


def _whole(text: str, sentence: Sentence) -> str:
    """The sentence, with the one before it where it points back, and with the list that it is part of or announces."""
    start, end = sentence.start, sentence.end
    if sentence.after is not None and _BACK.match(sentence.text) and end - sentence.after <= _LETTERS_MOST:
        start = sentence.after
    if sentence.is_item or sentence.text.endswith(":"):
        for item in sentences(text):
            follows = item.is_item and item.heading == sentence.heading and 0 <= item.start - end <= _BULLET
            if follows and item.end - start <= _LETTERS_MOST:
                end = item.end
    return text[start:end]


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of words in common."""
    return len(one & other) / len(one | other) if one | other else 0.0


def is_conflict(one: str, other: str) -> bool:
    """Whether two sentences speak of the same in nearly the same words and name different numbers."""
    figures = [frozenset(_NUMBER.findall(text)) for text in (one, other)]
    words = [frozenset(term for term in terms(text) if not term[0].isdigit()) for text in (one, other)]
    differ = bool(figures[0] and figures[1]) and not figures[0] & figures[1]
    return differ and min(map(len, words)) >= _ALIKE_LEAST and _jaccard(*words) >= _ALIKE


def is_repetition(one: str, other: str) -> bool:
    """Whether one of two sentences says nearly all that the other says, in the same words and numbers."""
    if is_conflict(one, other):
        return False
    first, second = frozenset(terms(one)), frozenset(terms(other))
    return len(first & second) > _SAME * max(1, min(len(first), len(second))) if first and second else one == other
