"""How near in meaning sentences are to a question, and what follows for how far the evidence is trusted.

A question in other words than the documents use shares few with the sentence that answers it. Where memory has no
embedder that can tell meanings apart, words decide alone.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from ..orchestrator.evidence import Passage
from ..orchestrator.text import shorten
from ..orchestrator.worker import Context
from .coverage import COMMON, RARE, REFUSED_BELOW, WEAK_BELOW, is_odd
from .sentences import POINTS_BACK, sentences

#: So many sentences, those of the best passages, are compared with a question: embedding one takes some 5 ms.
SENTENCES_MOST = 96
#: A question whose nearest sentence is no nearer than this (a cosine) is about something else: measured in
#: `benchmarks/answers`, on the half of the paraphrases that is there for it.
FAR = 0.26
#: Where nobody can say what is far: the share of a question's words that is something to go by, with a rare one in it.
SOME = 0.35
#: How many words that stand nowhere, and how many documents, are named where evidence is weak.
_WORDS_MOST, _TITLES_MOST = 4, 3

#: What the evidence allows: an answer, one that is said to be in doubt, or none.
Trust = Literal["sound", "weak", "none"]


def said_in(passages: Sequence[Passage]) -> dict[str, str]:
    """The sentences of passages, each once, in order, with the text that tells what each is about."""
    found: dict[str, str] = {}
    for passage in passages:
        for said in sentences(passage.text):
            is_told_above = passage.title and POINTS_BACK.match(said.text)
            found.setdefault(said.text, f"{passage.title}: {said.text}" if is_told_above else said.text)
    return dict(list(found.items())[:SENTENCES_MOST])


async def closeness_of(question: str, passages: Sequence[Passage], ctx: Context) -> dict[str, float] | None:
    """How near each sentence is to a question, by its words, as a cosine; None where nobody can say so."""
    said = said_in(passages)
    near = await ctx.memory.closeness(question, list(said.values())) if said else None
    return None if near is None else dict(zip(said, near, strict=True))


def trust(held: float, found: Mapping[str, float], near: Mapping[str, float] | None) -> Trust:
    """How far an answer may be trusted.

    `held` is the share of the question's words that one document holds, `found` those that are held anywhere, by
    rarity, and `near` how near each sentence is. There is no answer only where most words are missing, and what there
    is is far in meaning, and no name was found; where nobody can say what is far, little of the question must be held.
    """
    if held >= WEAK_BELOW:
        return "sound"
    if held >= REFUSED_BELOW or any(is_odd(word) and rarity >= COMMON for word, rarity in found.items()):
        return "weak"
    if near is not None:
        return "weak" if max(near.values(), default=-1.0) >= FAR else "none"
    is_told = held >= SOME and any(rarity >= RARE for rarity in found.values())
    return "weak" if is_told else "none"


def doubt(words: Sequence[str], passages: Sequence[Passage]) -> str:
    """Why passages may not answer a question, as a sentence: the words that stand nowhere, and what is nearest."""
    missing = "No document uses all the words of the question"
    if len(words) > _WORDS_MOST:
        missing = "Most words of the question stand in none of the documents found"
    elif words:
        missing = f"None of the documents found uses {listed([f'“{word}”' for word in words])}"
    titles = list(dict.fromkeys(passage.title or passage.source for passage in passages))[:_TITLES_MOST]
    about = listed([f"“{shorten(title, 80)}”" for title in titles])
    return f"{missing}; the nearest passages are from {about}." if about else f"{missing}."


def listed(items: Sequence[str]) -> str:
    """Items as a sentence names them: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
