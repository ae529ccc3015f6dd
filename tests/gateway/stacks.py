"""A whole stack over scripted models, in memory: what the tests of its layers share."""

from collections.abc import Sequence
from random import Random
from typing import Any

from pydantic import BaseModel, TypeAdapter

from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.deployment import Deployment
from bullpen.orchestrator.gateway.model import Model, Provider, Request
from bullpen.orchestrator.gateway.stack import compose
from bullpen.orchestrator.gateway.stale import Recall
from bullpen.orchestrator.gateway.templates import Template
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ManualClock, ScriptedModel


class Answer(BaseModel):
    name: str
    size: int


TEMPLATE = Template("ask", "1", "You answer.", "{{ text }}")
RETURNS: TypeAdapter[Any] = TypeAdapter(Answer)
GOOD = '{"name": "a", "size": 1}'


def says(*answers: Any) -> ScriptedModel:
    """A model that gives these answers in order."""
    left = list(answers)
    return ScriptedModel(lambda request: left.pop(0))


def always(answer: Any, **options: Any) -> ScriptedModel:
    """A model that gives this answer each time."""
    return ScriptedModel(lambda request: answer, **options)


def stack(
    models: Sequence[Provider], *, limit: int | None = None, **rung: Any
) -> tuple[Model, InMemoryJournal, Request]:
    """Rungs `scripted:m0`, `scripted:m1` … with one model each, the journal they write, and a request for text."""
    rungs = [Rung(model=f"scripted:m{n}", **rung) for n in range(len(models))]
    return stacked([(rung, [model]) for rung, model in zip(rungs, models, strict=True)], limit=limit)


def stacked(
    rungs: Sequence[tuple[Rung, Sequence[Provider]]],
    *,
    limit: int | None = None,
    course: Course | None = None,
    recall: Recall | None = None,
) -> tuple[Model, InMemoryJournal, Request]:
    """The same with rungs as they are given, and a model for each of their deployments."""
    journal = InMemoryJournal("job", ManualClock())
    model = compose(deployed(rungs), Ledger("job", limit), course or Course(), Random(0), recall)
    return model, journal, asked(journal)


def deployed(rungs: Sequence[tuple[Rung, Sequence[Provider]]]) -> list[tuple[Rung, list[Deployment]]]:
    """The rungs with their deployments, which several stacks may share."""
    return [
        (rung, [Deployment.of(each, model) for each, model in zip(rung.deployed(), models, strict=True)])
        for rung, models in rungs
    ]


def asked(journal: InMemoryJournal, text: str = "hello") -> Request:
    """A request for text."""
    return Request(Steps(journal, "job", "t", "w"), "r", "ask", {"text": text}, TEMPLATE)


def typed(request: Request) -> Request:
    """The request, for an `Answer`."""
    return request._replace(returns=RETURNS, schema=RETURNS.json_schema())
