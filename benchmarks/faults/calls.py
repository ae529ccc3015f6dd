"""One call through a whole stack, and what can be seen of it from outside."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from bullpen import Rung
from bullpen.orchestrator.clock import monotonic_s
from bullpen.orchestrator.errors import BullpenError
from bullpen.orchestrator.gateway.model import Completion, Model, Piece, ProviderFactory, Request
from bullpen.orchestrator.gateway.providers.litellm import LiteLLM
from bullpen.orchestrator.gateway.providers.openai_http import OpenAIHttp
from bullpen.orchestrator.gateway.templates import Template
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.journal.step import Steps

LANES: dict[str, ProviderFactory] = {"openai_http": OpenAIHttp, "litellm": LiteLLM}
MODEL = {"openai_http": "openai_http:gpt-4o-mini", "litellm": "litellm:openai/gpt-4o-mini"}
#: What an attempt may take unless a case says otherwise, in seconds.
BOUNDS = {"timeout_s": 1.2, "first_s": 0.4, "idle_s": 0.4}


class Answer(BaseModel):
    name: str
    size: int


TEMPLATE = Template("answer", "1", "Answer.", "{{ text }}")
RETURNS: TypeAdapter[Any] = TypeAdapter(Answer)


@dataclass(frozen=True, slots=True)
class Line:
    """How one case went in one lane and mode; `problems` is empty where all is as it should be."""

    row: int
    fault: str
    lane: str
    mode: str
    sees: str
    at_provider: int | None
    on_receipt: int
    seconds: float
    problems: tuple[str, ...]


class Told:
    """One call and what is to be seen of it from outside."""

    def __init__(self) -> None:
        self.completion: Completion | None = None
        self.error: BullpenError | None = None
        self.pieces: list[Piece] = []
        self.seconds = 0.0

    async def make(self, model: Model, request: Request) -> None:
        began_s = monotonic_s()
        try:
            self.completion = await model.complete(request)
        except BullpenError as error:
            self.error = error
        self.seconds = monotonic_s() - began_s

    @property
    def sees(self) -> str:
        """What the person is told beside the answer itself."""
        if self.error is not None:
            return f"{type(self.error).__name__}: {self.error}"
        assert self.completion is not None
        receipt = self.completion.receipt
        prices = [f"the cost is estimated: {a.estimated}" for a in receipt.attempts if a.estimated]
        return "; ".join((*receipt.degraded, *receipt.passed_over, *prices))

    @property
    def shown(self) -> str:
        """What stands on the screen of somebody who watched it stream."""
        last = max((n for n, piece in enumerate(self.pieces) if piece.interrupted), default=-1)
        return "".join(piece.text for piece in self.pieces[last + 1 :])


def request(
    journal: InMemoryJournal,
    n: int,
    told: Told,
    *,
    typed: bool = False,
    streams: bool = False,
    deadline_s: float = 20.0,
) -> Request:
    """The n-th question, each in a task of its own."""
    steps = Steps(journal, "job", f"task-{n}", "matrix")
    asked = Request(steps, "matrix", "answer", {"text": f"Question {n}"}, TEMPLATE)
    asked = asked._replace(deadline_s=monotonic_s() + deadline_s, watch=told.pieces.append if streams else None)
    return asked._replace(returns=RETURNS, schema=RETURNS.json_schema()) if typed else asked


def rung(name: str, lane: str, url: str, **fields: Any) -> Rung:
    prices = {"price_in_usd": 1.0, "price_out_usd": 2.0}
    bounds = {**BOUNDS, **prices, "tokens_out_most": 64, **fields}
    return Rung(model=MODEL[lane], name=name, base_url=url, api_key_env=f"{name.upper()}_KEY", **bounds)
