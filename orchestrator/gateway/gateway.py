"""The door to models: which are asked, through whom, on which course. Opened once, shared by the jobs of a system."""

import importlib
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from ..errors import BadInput, BullpenError
from ..rules.ability import Ability, ability_of, key_of
from ..settings import Rung, Settings, line_of
from .abilities import Way, read_abilities
from .budget import Ledger
from .chain import Course
from .deployment import Deployment
from .model import Model, Provider, ProviderFactory
from .providers.cassette import Cassette, Tape
from .rungs import chains_of, choose_rungs, secrets_of, with_proxy
from .stack import compose
from .stale import Recall

#: Providers that every team has, imported on first use.
_PROVIDERS = {
    "litellm": ("bullpen.orchestrator.gateway.providers.litellm", "LiteLLM"),
    "openai_http": ("bullpen.orchestrator.gateway.providers.openai_http", "OpenAIHttp"),
}


@dataclass(frozen=True)
class Gateway:
    """The rungs, best first, with their deployments. Health and limits are theirs, so that all jobs share them."""

    rungs: tuple[Rung, ...]
    #: Where the rungs are from, in words.
    rungs_from: str
    deployments: tuple[tuple[Deployment, ...], ...]
    course: Course
    #: By deployment (`rules.ability.key_of`), what was found of it.
    abilities: Mapping[str, Ability] = field(default_factory=dict)

    async def way(self, role: str) -> Way:
        """How a role's work is done: as the first of its rungs is able to that can be asked now, else as the first."""
        pairs = dict(zip((rung.label for rung in self.rungs), self.deployments, strict=True))
        serving = [rung for rung in self.course.serving(role, self.rungs) if not self.course.why_not(rung, role)]
        up = [rung for rung in serving if any(each.may_be_asked() for each in pairs[rung.label])]
        for rung in (*up, *serving):
            several = pairs[rung.label]
            found = [self.abilities.get(key_of(each.rung)) for each in several]
            return Way(ability_of(rung, (await several[0].card()).ability, found), rung.label)
        return Way("extract", "")

    def model(self, ledger: Ledger, chance: random.Random, recall: Recall | None = None) -> Model:
        """The stack beneath the calls of one job, which spends from this ledger."""
        return compose(list(zip(self.rungs, self.deployments, strict=True)), ledger, self.course, chance, recall)


@asynccontextmanager
async def open_gateway(
    settings: Settings, environment: Mapping[str, str], own: Sequence[Rung], factories: Mapping[str, ProviderFactory]
) -> AsyncIterator[Gateway]:
    """Choose the rungs and make their providers; leaving closes them. `own` and `factories` are the team's.

    Raises BadInput for rungs, chains and proxies that cannot be used. Nothing is asked of anybody yet.
    """
    chosen, rungs_from = choose_rungs(settings, environment, own)
    rungs = with_proxy(settings, chosen, environment)
    course = Course(
        chains=chains_of(settings, rungs),
        floors=settings.floors,
        ceilings=settings.ceilings,
        backoff_s=settings.backoff_s,
        timeout_s=settings.call_timeout_s,
    )
    open_tape = cache(partial(Tape, mode=settings.cassettes, secrets=secrets_of(rungs, environment)))
    async with AsyncExitStack() as stack:
        deployments: list[tuple[Deployment, ...]] = []
        for rung in rungs:
            several: list[Deployment] = []
            for each in rung.deployed():
                provider = _provider(each, factories, settings, open_tape)
                stack.push_async_callback(provider.aclose)
                several.append(Deployment.of(each, provider))
            deployments.append(tuple(several))
        yield Gateway(rungs, rungs_from, tuple(deployments), course, read_abilities(settings.project))


def provider_of(rung: Rung, factories: Mapping[str, ProviderFactory]) -> Provider:
    """The provider that a rung names, not yet connected. Raises BadInput where there is none, or it cannot be made."""
    if rung.provider in factories:
        return _made(rung, factories[rung.provider])
    if rung.provider not in _PROVIDERS:
        known = ", ".join(sorted((*factories, *_PROVIDERS)))
        where = line_of("rungs", "model")
        raise BadInput(f"rung {rung.model!r}{where}: there is no provider {rung.provider!r}; there are {known}")
    module, name = _PROVIDERS[rung.provider]
    provider: Provider = getattr(importlib.import_module(module), name)(rung)
    return provider


def _made(rung: Rung, factory: ProviderFactory) -> Provider:
    try:
        return factory(rung)
    except BullpenError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise BadInput(f"the provider of rung {rung.label!r} cannot be made: {what}; mend its factory") from error


def _provider(
    rung: Rung, factories: Mapping[str, ProviderFactory], settings: Settings, open_tape: Callable[[Path], Tape]
) -> Provider:
    """Who answers for the rung: its cassette, its model, or one before the other.

    Raises BadInput for a model that would be asked over a network that is switched off.
    """
    tape = None if rung.cassette is None else open_tape(rung.cassette.resolve())
    if tape is not None and tape.mode == "replay":
        return Cassette(rung, tape)
    if not settings.network and (rung.provider in _PROVIDERS or rung.base_url is not None):
        raise BadInput(
            f"rung {rung.label!r} would be asked over the network, which is switched off (`network`): give it a "
            "`cassette` and replay it, use an embedded model, or set BULLPEN_NETWORK=on"
        )
    provider = provider_of(rung, factories)
    return provider if tape is None else Cassette(rung, tape, provider)
