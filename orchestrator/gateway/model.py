"""The one seam beneath every model call: `complete(Request) -> Completion`. Every layer and provider has this shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import TypeAdapter

from ..envelope import Priority
from ..journal.step import Steps
from ..rules.outcome import Outcome
from ..rules.price import Prices
from ..settings import Rung
from .templates import Message, Template


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; untrusted input, checked before money is computed from it."""

    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that was sent: to which rung, how it ended, what it cost (micro-dollars), how long it took."""

    rung: str
    lane: str
    outcome: Outcome
    model: str = ""
    detail: str = ""
    usage: Usage = Usage()
    micro_usd: int = 0
    price_source: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the gateway did for one call: each attempt in order, and why a rung was passed over without one."""

    attempts: tuple[Attempt, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def micro_usd(self) -> int:
        """What all attempts together cost, in micro-dollars."""
        return sum(attempt.micro_usd for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class Request:
    """One logical call. Network providers send only `messages`; the embedded model reads only `inputs`."""

    steps: Steps
    role: str
    #: The prompt's name: what the embedded model goes by.
    prompt: str
    inputs: Mapping[str, Any]
    template: Template
    #: The type of the answer, or None for plain text; `schema` is its JSON schema.
    returns: TypeAdapter[Any] | None = None
    schema: Mapping[str, Any] | None = None
    #: k for the k-th time the same thing is asked because the answer was poor.
    again: int = 0
    #: Absolute, on the event loop's clock; None is no deadline of its own.
    deadline_s: float | None = None
    priority: Priority = Priority.NORMAL
    messages: tuple[Message, ...] = ()
    rung: Rung | None = None
    #: The step this call is: every event beneath it carries the key.
    step: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back. `value` is the parsed answer where a schema was asked for; `model` is the id *returned*."""

    outcome: Outcome
    text: str = ""
    value: Any = None
    model: str = ""
    finish_reason: str = ""
    usage: Usage = Usage()
    #: What the provider's own price list says this cost, in micro-dollars; None where it has no price.
    micro_usd: int | None = None
    detail: str = ""
    receipt: Receipt = field(default_factory=Receipt)


class Model(Protocol):
    """A model, or a layer around one."""

    async def complete(self, request: Request) -> Completion:
        """Answer the request. A poor answer is an outcome; raises Refused only for what must not be tried again."""
        ...


class Provider(Model, Protocol):
    """A model at the bottom of the stack: one attempt per call, no retries, no memory of earlier calls."""

    async def prices(self) -> Prices | None:
        """What the provider's own list says the rung costs; None where it has no such price."""
        ...

    async def aclose(self) -> None:
        """Let go of connections; closing twice is harmless."""
        ...


class ProviderFactory(Protocol):
    """Makes the provider of one rung. Called once per rung; a missing library or key is found at the first call."""

    def __call__(self, rung: Rung) -> Provider: ...
