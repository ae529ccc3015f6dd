"""The model that needs no key, no network and no weights. It is no language model and never pretends to be one.

It answers the research team's prompts from their typed inputs, by name, with plain extraction: sentences of the
passages, ranked by the words they share with the question, the same words not twice. For a prompt it does not know the
outcome is `unsupported`.
"""

import re
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

from anyio import to_thread

from ..orchestrator.evidence import Claim, Passage
from ..orchestrator.gateway.model import Card, Completion, Request
from ..orchestrator.ids import compact
from ..orchestrator.rules.outcome import Outcome
from ..orchestrator.rules.price import Prices
from ..orchestrator.settings import Rung
from .analyze import Conflict, Judgement
from .coverage import contains, key_words
from .extraction import Text, pick_sentences
from .likeness import is_conflict, is_repetition
from .parts import split_question
from .reading import Picked
from .refine import Sentence, Written
from .search import Queries
from .summarize import Excerpt, Statement, Summary
from .supervisor import Brief, Steered

NOTICE = "No language model wrote this: every sentence below is quoted from the sources as it stands."
#: How many sentences answer one part of a question, and how many the whole report has, at most.
_SENTENCES_MOST, _CLAIMS_MOST = 5, 14


#: A sentence as a document is shown to a model.
_NUMBERED = re.compile(r"\[(\d+)\] (?!\((?:field|code)\))(.+)")


class Embedded:
    """A provider that answers by extraction. `model` in its completions is `extract`."""

    def __init__(self, rung: Rung) -> None:
        self._name = rung.model_name

    async def complete(self, request: Request) -> Completion:
        """The extracted answer as JSON; `unsupported` for a prompt of somebody else's."""
        answer = _ANSWERS.get(request.prompt)
        if answer is None:
            detail = f"the embedded model does not know prompt {request.prompt!r}; set a key or a rung for it"
            return Completion(Outcome.UNSUPPORTED, detail=detail, model=self._name)
        text = await to_thread.run_sync(lambda: compact(answer(request.inputs)))
        return Completion(Outcome.OK, text=text, model=self._name, finish_reason="stop")

    async def card(self) -> Card:
        """Free, and able to extract."""
        return Card(Prices(0.0, 0.0), ability="extract")

    async def aclose(self) -> None:
        """Nothing to let go of."""


def _brief(inputs: Mapping[str, Any]) -> Brief:
    parts = split_question(inputs["question"])
    return Brief(sub_questions=(*parts, *inputs["notes"])[:8], effort="comparison" if len(parts) > 1 else "fact")


def _steer(inputs: Mapping[str, Any]) -> Steered:
    return Steered(parts=tuple(inputs["notes"])[:8])


def _search(inputs: Mapping[str, Any]) -> Queries:
    whole = inputs["question"]
    return Queries(queries=() if whole == inputs["about"] else (whole,))


def _summarize(inputs: Mapping[str, Any]) -> Summary:
    passages: list[Passage] = inputs["passages"]
    texts = [Text(p.text, p.title, p.heading, p.source) for p in passages]
    each = bool(inputs.get("each"))
    most = max(_SENTENCES_MOST, min(_CLAIMS_MOST, len({p.source for p in passages}))) if each else _SENTENCES_MOST
    picked = pick_sentences(
        inputs["about"], texts, most=most, rarity=inputs.get("rarity"), near=inputs.get("near"), each=each
    )
    statements = tuple(Statement(text=text, excerpts=(Excerpt(passage=n + 1, text=text),)) for n, text in picked)
    return Summary(statements=statements)


def _analyze(inputs: Mapping[str, Any]) -> Judgement:
    claims: list[Claim] = inputs["claims"]
    keep: list[int] = []
    for n, claim in enumerate(claims, start=1):
        if len(keep) < _CLAIMS_MOST and not any(is_repetition(claim.text, claims[k - 1].text) for k in keep):
            keep.append(n)
    quoted = [n for n in keep if claims[n - 1].quotes]
    pairs = [(a, b) for a, b in combinations(quoted, 2) if _disagree(claims[a - 1], claims[b - 1], inputs["question"])]
    conflicts = [Conflict(about=_shared(claims[a - 1].text, claims[b - 1].text), claims=(a, b)) for a, b in pairs]
    return Judgement(keep=tuple(keep), answer=keep[0] if keep else None, conflicts=tuple(conflicts))


def _disagree(one: Claim, other: Claim, question: str) -> bool:
    """Whether two claims of different documents name different figures for what a part of the question asks."""
    if {quote.source for quote in one.quotes} & {quote.source for quote in other.quotes}:
        return False
    return any(is_conflict(one.text, other.text, part) for part in split_question(question))


def _shared(one: str, other: str) -> str:
    """The telling words that two sentences have in common, as the first one writes them."""
    return " ".join(word for word in key_words(one) if not word[0].isdigit() and contains(other, word))


def _refine(inputs: Mapping[str, Any]) -> Written:
    claims: list[Claim] = inputs["claims"]
    return Written(sentences=tuple(Sentence(text=claim.text, claims=(n,)) for n, claim in enumerate(claims, start=1)))


def _select(inputs: Mapping[str, Any]) -> Picked:
    """The sentences of a document that share most with the question, by the numbers under which they are shown."""
    lines = [found for line in inputs["document"]["text"].splitlines() if (found := _NUMBERED.match(line))]
    texts = [Text(line[2], inputs["document"]["title"]) for line in lines]
    picked = pick_sentences(inputs["question"], texts, most=_SENTENCES_MOST)
    return Picked(sentences=tuple(int(lines[n][1]) for n, _ in picked))


_ANSWERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "brief": _brief,
    "steer": _steer,
    "search": _search,
    "summarize": _summarize,
    "analyze": _analyze,
    "refine": _refine,
    "select": _select,
}
