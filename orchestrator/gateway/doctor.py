"""Asks a deployment once or twice, to find out whether it can answer, and what to mend where it cannot.

What is found is a list of checks: values that nothing of a key is ever in. The questions are tiny, and go through the
same layers as those of a job, without its retries.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

import anyio
from pydantic import BaseModel, TypeAdapter

from ..clock import Clock, SystemClock, monotonic_s
from ..errors import Misconfigured
from ..journal.in_memory import InMemoryJournal
from ..journal.step import Steps
from ..rules.ability import CHOICE, CHOSEN_MOST, POINTS, SENTENCES, Ability, Choice, Notes, are_right, is_right
from ..rules.outcome import Outcome
from ..rules.own_server import is_own_server
from ..rules.same_model import is_same_model
from ..settings import Rung
from ..text import shorten
from .again import prompted
from .attempt import Attempt
from .deployment import Deployment
from .doctor_mends import mend_of
from .model import SCHEMA, Card, Completion, ProviderFactory, Request
from .prompt import worded
from .server_date import server_date_ms
from .templates import Template

#: How far a server's clock and ours may be apart, in seconds.
APART_MOST_S = 60
#: The most characters of a detail.
DETAIL_MOST = 300
#: The shortest part of a key that is hidden wherever it turns up, in characters.
_PART = 6
#: The outcomes after which a server need not be asked what time it is.
_AWAY = (Outcome.UNREACHABLE, Outcome.UNTRUSTED, Outcome.TIMED_OUT)
_NO_DATE = "no date came from the server"


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `mend` says what to do; beside `ok` it is advice."""

    name: str
    state: State
    detail: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found of one deployment. `micro_usd` is what asking it cost; None where its price is not known."""

    deployment: str
    checks: tuple[Check, ...]
    micro_usd: int | None
    #: What it was found able to do; None where that was not found out.
    ability: Ability | None = None

    @property
    def can_answer(self) -> bool:
        """Whether nothing was found that keeps it from answering."""
        return not any(check.state is State.FAILED for check in self.checks)


@dataclass(frozen=True, slots=True)
class Bench:
    """What an examination is made with, the same for all deployments."""

    #: Makes a provider for a rung that is set otherwise: to try other ways of asking for a schema.
    provider_of: ProviderFactory
    timeout_s: float = 20.0
    #: Whether jobs have a budget: then a price must be known.
    has_budget: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Values that are hidden, whole and in part.
    secrets: tuple[str, ...] = ()
    clock: Clock = field(default_factory=SystemClock)


class _Colour(BaseModel):
    colour: Literal["green", "red"]


#: The two questions, and the most tokens that their answers may have.
GREETING = Template("doctor_greeting", "1", "You answer in one word.", "Say hello.")
COLOURED = Template("doctor_colour", "1", "You answer in JSON.", "Which colour has grass in spring?")
_DOCUMENT = "\n".join(f"{n}. {sentence}" for n, sentence in enumerate(SENTENCES, start=1))
_POINTS = "\n".join(f"point {n}: {point}" for n, (point, _) in enumerate(POINTS, start=1))
NOTED = Template(
    "doctor_notes",
    "1",
    'You take notes from a document whose sentences are numbered. Answer in JSON: {"notes": [{"point": number of the '
    'point, "text": one sentence, "sentences": [numbers]}]}. Write a note only where the document answers a point; it '
    "says nothing that its sentences do not say. Leave out a point that the document does not answer.",
    f"{_DOCUMENT}\n\n{_POINTS}",
)
CHOSEN = Template(
    "doctor_choice",
    "1",
    'You name sentences of a document by their numbers. Answer in JSON: {"sentences": [numbers]}.',
    f"{_DOCUMENT}\n\nWhich sentences answer the question? Name at most {CHOSEN_MOST}. {CHOICE[0]}",
)
#: By question, the type of its answer, and the most tokens that it may have.
_ANSWERS: Mapping[str, tuple[TypeAdapter[Any] | None, int]] = {
    GREETING.name: (None, 32),
    COLOURED.name: (TypeAdapter(_Colour), 256),
    NOTED.name: (TypeAdapter(Notes), 2048),
    CHOSEN.name: (TypeAdapter(Choice), 256),
}
#: The outcomes that tell that a model cannot, and not that it could not be asked.
_CANNOT = (Outcome.OFF_SCHEMA, Outcome.EMPTY, Outcome.REFUSED, Outcome.UNKNOWN_TOOL)


async def examine(deployment: Deployment, bench: Bench) -> Diagnosis:
    """Everything that can be found out about one deployment. Never raises for what is wrong with it."""
    examination = _Examination(deployment, bench)
    checks = examination.checks
    try:
        await examination.run()
    except Misconfigured as error:  # the key cannot be sent: nothing was asked
        checks[:] = [Check("key", State.FAILED, str(error), "set the key again, without what cannot be sent")]
    except Exception as error:  # whatever a provider of somebody else's does: it is what was to be found out
        detail = f"it raised {type(error).__name__}: {error}"
        checks.append(Check("model", State.FAILED, detail, "mend the provider, or install what it misses"))
    shown = tuple(_without(check, bench.secrets) for check in checks)
    return Diagnosis(deployment.rung.label, shown, examination.micro_usd, examination.ability)


class _Examination:
    """`checks` are in the order in which somebody would look."""

    def __init__(self, deployment: Deployment, bench: Bench) -> None:
        self._deployment, self._rung, self._bench = deployment, deployment.rung, bench
        self.checks: list[Check] = []
        self.micro_usd: int | None = 0
        self.ability: Ability | None = None

    async def run(self) -> None:
        self.checks.append(key_check(self._rung, self._bench.environment))
        card = await self._deployment.card()  # first: what it has to load is no part of the time it takes to answer
        heard = await self._ask(self._deployment, GREETING)
        if heard.outcome is Outcome.UNSUPPORTED and _is_own(self._rung):
            self.checks[:] = [Check("model", State.OK, "needs nothing: answers its team's own prompts")]
            return
        self.checks.append(model_check(self._rung, heard))
        if heard.outcome in (Outcome.OK, Outcome.TRUNCATED):
            self.checks += [await self._schema(), await self._able()]
        else:
            self.checks.append(Check("schema", State.SKIPPED, "it has not answered"))
        self.checks += [*fields_check(self._deployment), size_check(self._rung, card), self._price(card)]
        self.checks.append(Check("clock", State.SKIPPED, _NO_DATE) if heard.outcome in _AWAY else await self._clock())

    async def _ask(self, deployment: Deployment, template: Template) -> Completion:
        returns, tokens_most = _ANSWERS[template.name]
        schema = returns.json_schema() if returns else None
        request = Request(
            steps=Steps(InMemoryJournal("doctor", self._bench.clock), "doctor", "doctor", "doctor"),
            role="doctor",
            prompt=template.name,
            inputs={},
            template=template,
            returns=returns,
            schema=schema,
            rung=deployment.rung,
            tokens_out_most=tokens_most,
            deadline_s=monotonic_s() + self._bench.timeout_s,
        )
        request = request._replace(messages=worded(request))
        completion = Completion(Outcome.FIELD_REFUSED)
        for _ in range(1 + Outcome.FIELD_REFUSED.rule.again):  # each time it is a field less, or another model
            completion = await Attempt(deployment).complete(request)
            self._pay(completion)
            is_schema = completion.outcome is Outcome.NO_SCHEMA_MODE and template is not COLOURED
            if is_schema and not request.is_prompted:
                request = prompted(request)  # as a job's call would be; which mode it takes is asked elsewhere
            elif completion.outcome is not Outcome.FIELD_REFUSED:
                break
        return completion

    def _pay(self, completion: Completion) -> None:
        paid = [attempt for attempt in completion.receipt.attempts if not attempt.outcome.rule.is_free]
        if any(attempt.price_source == "unknown" for attempt in paid) and not self._is_free:
            self.micro_usd = None
        elif self.micro_usd is not None:
            self.micro_usd += completion.receipt.micro_usd

    async def _schema(self) -> Check:
        mode = self._rung.schema_mode
        heard = await self._ask(self._deployment, COLOURED)
        match heard.outcome:
            case Outcome.OK:
                return Check("schema", State.OK, f'an answer in JSON, schema_mode = "{mode}"')
            case Outcome.TRUNCATED:
                detail = f"its answer was cut at {_ANSWERS[COLOURED.name][1]} tokens, before it could be judged"
                return Check("schema", State.SKIPPED, detail)
            case Outcome.NO_SCHEMA_MODE:  # a job's call is asked again in words: it costs a request each time
                return await self._other_mode(State.WARNING, heard)
            case Outcome.UNSUPPORTED | Outcome.BAD_REQUEST:  # it greeted: what it refuses is the schema
                return await self._other_mode(State.FAILED, heard)
            case _:
                return Check("schema", State.WARNING, _story(heard), mend_of(self._rung, heard))

    async def _able(self) -> Check:
        """Whether it can take notes, else whether it can name the sentences that answer a question."""
        if self._rung.ability != "auto":
            return Check("ability", State.OK, f"{self._rung.ability}, as it is set (ability)")
        noted = await self._ask(self._deployment, NOTED)
        if noted.outcome is Outcome.OK and are_right(Notes.model_validate(noted.value)):
            self.ability = "prose"
            return Check("ability", State.OK, "prose: its notes on a small document are right")
        if noted.outcome not in (Outcome.OK, Outcome.TRUNCATED, *_CANNOT):
            return self._unknown(noted)
        chosen = await self._ask(self._deployment, CHOSEN)
        if chosen.outcome is Outcome.OK and is_right(Choice.model_validate(chosen.value)):
            self.ability = "select"
            detail = "select: it names the right sentences of a small document; its notes are not right"
            return Check("ability", State.OK, detail, "use a more capable model for reports that are written")
        for heard in (noted, chosen):  # who was cut short may have been about to
            if heard.outcome not in (Outcome.OK, *_CANNOT):
                return self._unknown(heard)
        self.ability = "extract"
        detail = "extract: it neither takes right notes nor names the right sentences of a small document"
        return Check("ability", State.WARNING, detail, "use a more capable model: this one adds nothing to the rules")

    def _unknown(self, heard: Completion) -> Check:
        """That nothing was found out; how long an answer was let be is ours, and nothing to mend."""
        mend = "" if heard.outcome is Outcome.TRUNCATED else mend_of(self._rung, heard)
        return Check("ability", State.SKIPPED, f"not found out: {_story(heard)}", mend)

    async def _other_mode(self, state: State, heard: Completion) -> Check:
        """The first way of asking for a schema that this model does take."""
        detail = f'it does not take schema_mode = "{self._rung.schema_mode}": {heard.detail}'
        for mode in ("tool", "prompted"):
            if mode == self._rung.schema_mode:
                continue
            rung = self._rung.model_copy(update={"schema_mode": mode})
            other = Deployment.of(rung, self._bench.provider_of(rung))
            try:
                answered = await self._ask(other, COLOURED)
            finally:
                await other.provider.aclose()
            if answered.outcome is Outcome.OK:
                return Check("schema", state, detail, f'set schema_mode = "{mode}"')
        return Check("schema", State.FAILED, detail, "use another model: this one gives no JSON, however it is asked")

    @property
    def _is_free(self) -> bool:
        """Whether what has no price needs none: a server of one's own, where no budget asks for one."""
        return is_own_server(self._rung) and not self._bench.has_budget

    def _price(self, card: Card) -> Check:
        if card.prices is None and self._is_free:
            return Check("price", State.OK, "none is set: a server of one's own counts as free")
        if card.prices is None:
            state = State.FAILED if self._bench.has_budget else State.WARNING
            why = "not known, and a budget is set" if self._bench.has_budget else "not known: it counts as nothing"
            return Check("price", state, why, "set price_in_usd and price_out_usd")
        told = f"${card.prices.in_usd:g} in, ${card.prices.out_usd:g} out, per million tokens"
        return Check("price", State.OK, f"{told} ({self._deployment.price_source})")

    async def _clock(self) -> Check:
        if self._rung.base_url is None:
            return Check("clock", State.SKIPPED, "no address to ask")
        theirs_ms = await server_date_ms(self._rung, min(self._bench.timeout_s, 5.0))
        if theirs_ms is None:
            return Check("clock", State.SKIPPED, _NO_DATE)
        ahead_s = (self._bench.clock.wall_ms() - theirs_ms) / 1000
        if abs(ahead_s) <= APART_MOST_S:
            return Check("clock", State.OK, f"within {APART_MOST_S} s of the server's")
        way = "ahead of" if ahead_s > 0 else "behind"
        detail = f"this machine's clock is {abs(ahead_s):.0f} s {way} the server's"
        return Check("clock", State.WARNING, detail, "set this machine's clock: certificates and waits depend on it")


def key_check(rung: Rung, environment: Mapping[str, str]) -> Check:
    """Whether the variable that holds the key is set. Whether the key is right, only the provider knows."""
    variable = rung.api_key_env or _usual_variable(rung)
    if variable and environment.get(variable, "").strip():
        return Check("key", State.OK, f"{variable} is set")
    if rung.api_key_env:
        mend = f"set {variable}, or name another variable as api_key_env"
        return Check("key", State.FAILED, f"{variable} is not set", mend)
    return Check("key", State.SKIPPED, f"{variable} is not set; it may need none" if variable else "needs none")


def _usual_variable(rung: Rung) -> str:
    """Where the key is looked for when the rung names no variable; "" for a provider of a team's own."""
    if rung.provider == "litellm" and "/" in rung.model_name:
        return f"{rung.model_name.partition('/')[0].upper()}_API_KEY"
    return "OPENAI_API_KEY" if rung.provider in ("litellm", "openai_http") else ""


def model_check(rung: Rung, heard: Completion) -> Check:
    """What came of the greeting. Where it was cut short, it was an answer all the same."""
    if heard.outcome not in (Outcome.OK, Outcome.TRUNCATED):
        # To be told to wait takes a good key and a good address.
        state = State.WARNING if heard.outcome is Outcome.RATE_LIMITED else State.FAILED
        variable = rung.api_key_env or _usual_variable(rung)
        return Check("model", state, _story(heard), mend_of(rung, heard, variable))
    took = f"answered in {sum(attempt.seconds for attempt in heard.receipt.attempts):.2f} s"
    if heard.address:
        told = f"{took}{f' as {heard.model}' if heard.model else ''}, at {heard.address}"
        return Check("model", State.OK, told, f'set base_url = "{heard.address}"')
    if is_same_model(rung.model_name, heard.model) or is_own_server(rung):
        return Check("model", State.OK, f"{took}{f' as {heard.model}' if heard.model else ''}")
    mend = f'set model = "{rung.provider}:{heard.model}" if that is the one you mean, or find out who swaps it'
    return Check("model", State.WARNING, f"{took} as {heard.model}, not as {rung.model_name}", mend)


def fields_check(deployment: Deployment) -> tuple[Check, ...]:
    """What the server was found not to take, where it was: a request that it refuses costs time in each process."""
    found = sorted(deployment.without - {SCHEMA} - set(deployment.rung.drop_params))
    if not found:
        return ()
    told = json.dumps(sorted({*found, *deployment.rung.drop_params}))
    detail = f"it refuses {', '.join(found)}, and is asked without"
    return (Check("request", State.OK, detail, f"set drop_params = {told}"),)


def size_check(rung: Rung, card: Card) -> Check:
    """Whether it is known how long a question may be."""
    if card.context_tokens is None:
        return Check(
            "context", State.WARNING, "its size is not known: nothing is shortened to fit", "set context_tokens"
        )
    source = "settings" if rung.context_tokens else "provider"
    return Check("context", State.OK, f"{card.context_tokens} tokens ({source})")


async def examine_all(deployments: Iterable[Deployment], bench: Bench) -> dict[Deployment, Diagnosis]:
    """All of them at once."""
    found: dict[Deployment, Diagnosis] = {}

    async def one(deployment: Deployment) -> None:
        found[deployment] = await examine(deployment, bench)

    async with anyio.create_task_group() as group:
        for each in deployments:
            group.start_soon(one, each)
    return found


def _is_own(rung: Rung) -> bool:
    """Whether a team brings it and nobody outside is asked."""
    return rung.base_url is None and rung.provider != "litellm"


def _story(heard: Completion) -> str:
    detail = re.sub(r" ssl:(?:\w+|<[^>]*>)", "", heard.detail)  # aiohttp's, and nothing to a reader
    return f"{heard.outcome}: {detail}" if detail else str(heard.outcome)


def _without(check: Check, secrets: Sequence[str]) -> Check:
    """The check without anything of a key: providers repeat keys, sometimes with stars in their middle."""
    return replace(check, detail=hidden(check.detail, secrets), mend=hidden(check.mend, secrets))


def hidden(text: str, secrets: Sequence[str]) -> str:
    """One printable line, with each word that holds a part of a secret, or stars in place of one, as [key]."""
    parts = {secret[n : n + _PART] for secret in secrets for n in range(len(secret) - _PART + 1)}

    def word(match: re.Match[str]) -> str:
        found = match[0]
        is_secret = "**" in found or any(found[n : n + _PART] in parts for n in range(len(found) - _PART + 1))
        return "[key]" if is_secret else found

    return shorten(re.sub(r"\S+", word, text), DETAIL_MOST)
