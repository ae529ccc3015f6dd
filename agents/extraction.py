"""Plain extraction: which sentences of some texts say most about a question. Pure.

Sentences are ranked by the share of the question's weight that they hold and picked by maximal marginal relevance
(Carbonell and Goldstein 1998), so that the second does not repeat the first.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .language import terms
from .likeness import is_conflict, jaccard
from .sentences import LETTERS_MOST, POINTS_BACK, Sentence, sentences

#: What like words cost (as a share of the best score) and the same document again; the credit for words in the title
#: and heading above, and in the text around; what each rank costs.
_DIVERSITY, _AGAIN, _ABOVE, _NEAR, _FALL, _SECTION = 0.45, 0.05, 0.5, 0.3, 0.1, 0.3
#: From which cosine on a sentence counts as near, and what each step from there counts beside its share of the words.
_NEAR_LEAST, _MEANT = 0.2, 1.5
#: What a word counts that answers to such a question often hold.
_CUE = 1.5
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
#: Characters between two items of one list, at most: line breaks and a mark.
_BULLET = 8
#: Characters that a sentence may have before they count against it.
_LONG = 240


class Text(NamedTuple):
    """A text to pick sentences from: what it is called, and which document it is a part of."""

    text: str
    title: str = ""
    heading: str = ""
    source: str = ""


def pick_sentences(
    question: str,
    texts: Sequence[Text],
    *,
    most: int,
    rarity: Mapping[str, float] | None = None,
    near: Mapping[str, float] | None = None,
    each: bool = False,
) -> list[tuple[int, str]]:
    """At most `most` (index of text, words of it), best first; none that neither shares a word with the question nor is
    near it.

    A sentence counts the question's words that it holds, by rarity, with some credit for those in the title and heading
    above it, and for earlier texts; to that comes how `near` it is in meaning (a cosine, by its text), where that is
    known. One that points back ("This …") brings the sentence before it along. With `each`, every document is heard
    before any is heard again. Where another document names another figure, the sentence that says so comes too, one
    more than `most` if need be.
    """
    pool = list(_pool(texts))
    bags = [frozenset(terms(sentence.text)) for _, sentence in pool]
    asked = _asked(question, rarity, bags)
    meant = [_MEANT * max(0.0, (near or {}).get(said.text, 0.0) - _NEAR_LEAST) for _, said in pool]
    scores = [_score(asked, question, texts, *found) for found in zip(bags, meant, pool, strict=True)]
    picked: list[int] = []
    while len(picked) < most:
        left = [i for i in range(len(pool)) if scores[i] > 0 and i not in picked]
        heard = {texts[pool[j][0]].source for j in picked}
        new = [i for i in left if texts[pool[i][0]].source not in heard] if each else []
        best = max(new or left, key=lambda i: _gain(i, scores, bags, picked, texts, pool), default=None)
        if best is None or (not new and scores[best] < _SHARE_LEAST * max(scores)):
            break
        picked.append(best)
    picked += _rivals(question, picked, pool, texts, scores)
    whole = [(pool[i][0], _whole(texts[pool[i][0]].text, pool[i][1])) for i in picked]
    return list(dict.fromkeys(whole))  # two sentences of one list are that list


def _rivals(
    question: str,
    picked: Sequence[int],
    pool: Sequence[tuple[int, Sentence]],
    texts: Sequence[Text],
    scores: Sequence[float],
) -> list[int]:
    """The best sentence that says another figure than one that was picked, in another document."""
    for i in picked:
        said, source = pool[i][1].text, texts[pool[i][0]].source
        others = [j for j in range(len(pool)) if scores[j] > 0 and texts[pool[j][0]].source != source]
        rivals = [j for j in others if is_conflict(said, pool[j][1].text, question)]
        if rivals:
            best = max(rivals, key=lambda j: scores[j])
            return [] if best in picked else [best]
    return []


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
    asked: Mapping[str, float],
    question: str,
    texts: Sequence[Text],
    bag: frozenset[str],
    meant: float,
    found: tuple[int, Sentence],
) -> float:
    at, sentence = found
    whole = sum(asked.values()) or 1.0
    held = meant + sum(weight for term, weight in asked.items() if term in bag) / whole
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
    held *= _CUE if cue and cue.search(sentence.text) else 1.0
    held *= 0.8 if POINTS_BACK.match(sentence.text) and sentence.after is None else 1.0
    held /= 1 + max(0, len(sentence.text) - _LONG) / _LONG  # a long sentence holds many words by chance
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
    like = {j: like for j in picked if (like := jaccard(bags[i], bags[j]))}
    alike = max((share for j, share in like.items() if not is_conflict(text, pool[j][1].text)), default=0.0)
    again = sum(texts[pool[j][0]].source == texts[pool[i][0]].source for j in picked)
    return scores[i] - _DIVERSITY * max(scores) * alike - _AGAIN * again


def _whole(text: str, sentence: Sentence) -> str:
    """The sentence, with the one before it where it points back, and with the list that it is part of or announces."""
    start, end = sentence.start, sentence.end
    if sentence.after is not None and POINTS_BACK.match(sentence.text) and end - sentence.after <= LETTERS_MOST:
        start = sentence.after
    if sentence.is_item or sentence.text.endswith(":"):
        items = [item for item in sentences(text) if item.is_item and item.heading == sentence.heading]
        for item in items:
            if 0 <= item.start - end <= _BULLET and item.end - start <= LETTERS_MOST:
                end = item.end
        for item in reversed(items if sentence.is_item else []):
            if 0 <= start - item.end <= _BULLET and end - item.start <= LETTERS_MOST:
                start = item.start
    return text[start:end]
