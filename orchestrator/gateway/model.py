"""The one seam beneath every model call: `complete(Request) -> Completion`. Every layer and provider has this shape."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from pydantic import TypeAdapter

from ..envelope import Priority
from ..journal.step import Steps
from ..rules.ability import Ability
from ..rules.outcome import Outcome
from ..rules.price import Prices
from ..settings import Rung
from .box import Box
from .call_time import CallTime
from .line import Turn
from .templates import Message, Template


class Usage(NamedTuple):
    """Tokens as the provider counted them; untrusted input, checked before money is computed from it."""

    tokens_in: int = 0
    tokens_out: int = 0


#: What a server may refuse beside the fields of a rung's `drop_params`: every form of a schema, and the model that it
#: lists itself.
SCHEMA, MODEL = "schema", "model"
#: What is known where nothing was said.
NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that was sent: to which deployment, how it ended, what it cost (micro-dollars), how long it took."""

    rung: str
    lane: str
    outcome: Outcome
    model: str = ""
    detail: str = ""
    usage: Usage = NO_USAGE
    micro_usd: int = 0
    price_source: str = ""
    seconds: float = 0.0
    #: Why `micro_usd` is an estimate, the most it could be; empty where it is known.
    estimated: str = ""

    def recorded(self) -> dict[str, Any]:
        """The attempt for the record."""
        return {
            "rung": self.rung,
            "lane": self.lane,
            "outcome": self.outcome.value,
            "model": self.model,
            "detail": self.detail,
            "usage": self.usage._asdict(),
            "micro_usd": self.micro_usd,
            "price_source": self.price_source,
            "seconds": self.seconds,
            "estimated": self.estimated,
        }


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the gateway did for one call: each attempt in order, and why a rung was passed over without one."""

    attempts: tuple[Attempt, ...] = ()
    passed_over: tuple[str, ...] = ()
    #: Why the answer is worse than it could be; empty when the first rung gave it whole.
    degraded: tuple[str, ...] = ()
    #: The rung that answered, and its tier; empty and 0 where none did, or nobody knows.
    rung: str = ""
    tier: int = 0
    #: Whether the answer is not that of the first rung which may serve the call: a lower one's, or an earlier run's.
    is_stand_in: bool = False

    @property
    def micro_usd(self) -> int:
        """What all attempts together cost, in micro-dollars."""
        return sum(attempt.micro_usd for attempt in self.attempts)

    @property
    def estimated_micro_usd(self) -> int:
        """How much of it is an estimate."""
        return sum(attempt.micro_usd for attempt in self.attempts if attempt.estimated)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer while it streams, for display. `interrupted` says that all pieces so far are void: the
    stream broke, and what comes next is a new answer."""

    text: str = ""
    rung: str = ""
    interrupted: bool = False


@dataclass(slots=True)
class Sendings:
    """How many requests have gone out for one call: what was never sent costs nothing, however it ended."""

    count: int = 0


class Request(NamedTuple):
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
    #: What a provider is asked for in place of it, where it is no object.
    box: Box | None = None
    #: k for the k-th time the same thing is asked because the answer was poor.
    again: int = 0
    #: No rung of a lower or higher tier is asked.
    floor: int = 0
    ceiling: int = 9
    #: The rung that is asked after all others, where no chain names its role; "" is none.
    other_than: str = ""
    priority: Priority = Priority.NORMAL
    #: The most that this call may cost, in micro-dollars; None is what the job's budget allows.
    allowance: int | None = None
    #: Absolute, on the event loop's clock; None is no deadline of its own.
    deadline_s: float | None = None
    #: The most seconds that the call may take, whatever is tried for it, where that is less than the course allows.
    within_s: float | None = None
    #: Told of the answer as it streams; None where nobody looks.
    watch: Callable[[Piece], None] | None = None
    messages: tuple[Message, ...] = ()
    rung: Rung | None = None
    #: The step this call is: every event beneath it carries the key.
    step: str = ""
    #: The most tokens of the answer, where the rung's own bound is not meant.
    tokens_out_most: int | None = None
    #: The most tokens of the question, where a provider has said so.
    tokens_in_most: int | None = None
    #: Whether the schema is told in words alone, because the provider refused it.
    is_prompted: bool = False
    #: Whether it is told in words too, because an answer was off it.
    is_corrected: bool = False
    #: What this server does not take, and is asked without (`Deployment.without`).
    without: frozenset[str] = frozenset()
    #: Whether it goes over a connection of its own, since one that was kept open had been closed.
    is_reconnected: bool = False
    #: Its place before a server of one's own.
    turn: Turn | None = None
    #: Counts what goes out for it, and its time; the chain gives both.
    sendings: Sendings | None = None
    time: CallTime | None = None

    @property
    def until_s(self) -> float:
        """When it is over, on the event loop's clock, as far as is known now."""
        if self.time is not None:
            return self.time.until_s
        return math.inf if self.deadline_s is None else self.deadline_s

    @property
    def form(self) -> Mapping[str, Any] | None:
        """The schema that a provider is told; None for plain text."""
        return self.schema if self.box is None else self.box.schema


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back. `value` is the parsed answer where a schema was asked for; `model` is the id *returned*."""

    outcome: Outcome
    text: str = ""
    value: Any = None
    model: str = ""
    finish_reason: str = ""
    usage: Usage = NO_USAGE
    #: What the provider's own price list says this cost, in micro-dollars; None where it has no price, 0 where nothing
    #: was asked of a model.
    micro_usd: int | None = None
    detail: str = ""
    #: The field of the request that the server does not take; "" where it names none.
    refused: str = ""
    #: Where the server was found to be, where that is not the rung's address.
    address: str = ""
    #: How long the provider asks to be left alone, in seconds; None where it does not say.
    retry_after_s: float | None = None
    receipt: Receipt = field(default_factory=Receipt)


class Model(Protocol):
    """A model, or a layer around one."""

    async def complete(self, request: Request) -> Completion:
        """Answer the request. A poor answer is an outcome; raises Refused only for what must not be tried again."""
        ...


class Card(NamedTuple):
    """What a provider's own list says of a model; None is not known."""

    prices: Prices | None = None
    #: The most tokens that question and answer may have together.
    context_tokens: int | None = None
    #: What the provider says that it is able to do (`rules/ability.py`); None is nothing.
    ability: Ability | None = None


class Provider(Model, Protocol):
    """A model at the bottom of the stack: one attempt per call, no retries, no memory of earlier calls."""

    async def card(self) -> Card:
        """What the provider's own list says of the rung's model."""
        ...

    async def aclose(self) -> None:
        """Let go of connections; closing twice is harmless."""
        ...


class ProviderFactory(Protocol):
    """Makes the provider of one rung. Called once per rung; a missing library or key is found at the first call."""

    def __call__(self, rung: Rung) -> Provider: ...
