"""The model that needs no key, no network and no weights. It is no language model and never pretends to be one.

It answers the prompts of the research desk from their typed inputs, by name, with plain extraction: the sentences of
each document, ranked by the words they share with the question, the same words not twice. It neither writes nor checks.
For a prompt it does not know the outcome is `unsupported`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from anyio import to_thread

from ..orchestrator.gateway.model import Card, Completion, Request
from ..orchestrator.ids import compact
from ..orchestrator.rules.outcome import Outcome
from ..orchestrator.rules.price import Prices
from ..orchestrator.settings import Rung
from .desk import Triage
from .extraction import lines_of, pick_sentences
from .parts import kind_of, split_question
from .ranking import SENTENCES_MOST, read_by_rule
from .reading import Picked, Read, ReadAll
from .supervisor import Steered

NOTICE = "No language model wrote this: every sentence below is quoted from the sources as it stands."


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


def _triage(inputs: Mapping[str, Any]) -> Triage:
    question = inputs["question"]
    points = tuple(dict.fromkeys((*split_question(question), *inputs["notes"])))[:8]
    return Triage(kind=kind_of(question), points=points, queries=points[:4])


def _steer(inputs: Mapping[str, Any]) -> Steered:
    return Steered(parts=tuple(inputs["notes"])[:8])


def _read(inputs: Mapping[str, Any]) -> Read | ReadAll:
    """The best sentences for each point, best first, of all documents together or of each in its turn."""
    points = inputs["points"] or tuple(split_question(inputs["question"]))
    how = {name: inputs[name] for name in ("ranks", "rarity", "near", "each") if name in inputs}
    notes = read_by_rule(points, inputs["documents"], **how)
    silent = tuple(sorted({*range(1, len(points) + 1)} - {note.point for note in notes}))
    if inputs["points"]:
        return Read(notes=notes, not_said=silent)
    return ReadAll(kind=kind_of(inputs["question"]), points=points, notes=notes, not_said=silent)


def _select(inputs: Mapping[str, Any]) -> Picked:
    """The sentences of a passage that share most with the question, by the numbers under which they are shown."""
    lines = list(lines_of(inputs["passage"]["text"], inputs["passage"]["title"]))
    picked = pick_sentences(inputs["question"], lines, most=SENTENCES_MOST)
    return Picked(sentences=tuple(dict.fromkeys(n for group in picked for n in group)))


_ANSWERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "triage": _triage,
    "steer": _steer,
    "read": _read,
    "select": _select,
}
