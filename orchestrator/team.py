"""A team is plain data: a supervisor, its workers, and where memory, tools, documents and models come from."""

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, Protocol

from .annotations import DEFINE
from .errors import BadInput, InvalidWorker
from .finish import DraftCheck, Drafting, Finish
from .gateway.model import ProviderFactory
from .job import Supervisor
from .ports import CorpusReader, MemoryFactory, ToolboxFactory
from .rules.compose import Compose, compose
from .rules.report import draft_of
from .settings import Rung, Settings
from .text import shorten
from .worker import Contract, Worker, contract_of


class SupervisorFactory(Protocol):
    """Makes the supervisor of one job; it is told what the team's workers can do."""

    def __call__(self, workers: Sequence[Contract], settings: Settings) -> Supervisor: ...


@dataclass(frozen=True)
class Team:
    """Who works on a job and with what. What is None, the team does without."""

    supervisor: SupervisorFactory
    workers: tuple[type[Worker], ...]
    memory: MemoryFactory | None = None
    toolbox: ToolboxFactory | None = None
    corpus: CorpusReader | None = None
    #: Providers beside `litellm` and `openai_http`, by the prefix that a rung's model names.
    providers: Mapping[str, ProviderFactory] = field(default_factory=dict)
    #: The models that answer when none is set and the environment offers none.
    rungs: tuple[Rung, ...] = ()
    #: By provider: what a report must say when that provider answered.
    notices: Mapping[str, str] = field(default_factory=dict)
    #: By name: what the team finds on this machine, in words, for `bullpen doctor`. Raise BadInput for what is amiss.
    facts: Mapping[str, Callable[[Settings], str]] = field(default_factory=dict)
    #: What the values of tasks come to as a draft: the last draft, else all findings; None for a team of another kind.
    draft: Drafting = draft_of
    #: `(Draft, Evidence) -> Draft`, one after another: what may stay in a report beside what its evidence allows.
    checks: tuple[DraftCheck, ...] = ()
    #: How a report is written as text.
    compose: Compose = compose

    @property
    def finish(self) -> Finish:
        """How its jobs end."""
        return Finish(self.draft, self.checks, self.compose)

    def __post_init__(self) -> None:
        for name in ("supervisor", "memory", "toolbox", "corpus"):
            if (made := getattr(self, name)) is not None and not callable(made):
                told = shorten(repr(made), 80)
                raise InvalidWorker(
                    f"the team's `{name}` is {told}, which cannot be called; give the class or function"
                )
        if not isinstance(self.workers, tuple | list):
            raise InvalidWorker(f"the team's `workers` is {shorten(repr(self.workers), 80)}; give a tuple of classes")
        for worker in self.workers:
            if not (isinstance(worker, type) and issubclass(worker, Worker)):
                told = shorten(repr(worker), 80)
                raise InvalidWorker(f"worker {told} of the team is no class derived from Worker; give the class itself")

    def with_worker(self, *workers: type[Worker]) -> "Team":
        """The same team with more workers."""
        return replace(self, workers=(*self.workers, *workers))

    def with_check(self, *checks: DraftCheck) -> "Team":
        """The same team with more checks of what it is about to say, after those that it has."""
        return replace(self, checks=(*self.checks, *checks))

    def replacing(self, worker: type[Worker]) -> "Team":
        """The same team with this worker in place of the one of its name. Raises BadInput where there is none."""
        if worker.name not in (names := [each.name for each in self.workers]):
            raise BadInput(f"worker {worker.name!r} replaces nobody: the team has {', '.join(names)}")
        return replace(self, workers=tuple(worker if each.name == worker.name else each for each in self.workers))

    def supervised(self, settings: Settings) -> Supervisor:
        """A supervisor for one job."""
        return self.supervisor(tuple(self.contracts().values()), settings)

    def contracts(self) -> dict[str, Contract]:
        """What each worker promises, by name. Raises InvalidWorker for a mistake that can be seen by now."""
        found: dict[str, Contract] = {}
        for worker in self.workers:
            try:
                contract = contract_of(worker)
            except NameError as error:
                raise InvalidWorker(f"worker {worker.__name__!r}: {error}; {DEFINE}") from error
            if contract.name in found:
                both = f"{found[contract.name].worker.__qualname__} and {worker.__qualname__}"
                raise InvalidWorker(f"two workers are called {contract.name!r}: {both}; set `name` in one")
            found[contract.name] = contract
        return found


def load_team(path: str) -> Team:
    """The team at `module:attribute`. Raises BadInput where there is none."""
    team = _load("team", path)
    if not isinstance(team, Team):
        raise BadInput(f"team {path!r} is {type(team).__name__}, not a Team; name one as module:attribute")
    return team


def load_worker(path: str) -> type[Worker]:
    """The worker at `module:class`. Raises BadInput where there is none."""
    worker = _load("worker", path)
    if not (isinstance(worker, type) and issubclass(worker, Worker)):
        raise BadInput(f"worker {path!r} is {worker!r}, not a class of workers; name one as module:class")
    return worker


def _load(what: str, path: str) -> Any:
    module, _, attribute = path.partition(":")
    try:
        return getattr(_imported(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadInput(f"{what} {path!r} cannot be loaded: {error}; name it as module:attribute") from error


def _imported(module: str) -> ModuleType:
    """An installed module, else one of the working folder, which is on the path for this import alone, and last.

    What such a module imports later, in a function, is not found in the folder.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        folder = os.getcwd()
        if folder in sys.path or not f"{module}.".startswith(f"{error.name}."):
            raise  # the folder is no news, or the module is there and misses something itself
    sys.path.append(folder)
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(folder)
