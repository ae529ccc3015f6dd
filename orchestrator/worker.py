"""A worker is a class with one method; its context is all that it may touch."""

import functools
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, overload

from pydantic import TypeAdapter

from .annotations import DEFINE, hints_of, names_around
from .codec import as_type, decoded
from .control.asking import APPROVAL_S, ask_leave, read_notes
from .control.controls import Controls
from .doors import MemoryDoor, ToolDoor
from .envelope import Priority, Result, Task
from .errors import InvalidWorker
from .evidence import Claim
from .gateway.abilities import Way
from .gateway.box import Box, box_of
from .gateway.model import Model, Piece, Receipt, Request
from .gateway.templates import Prompts
from .ids import finite
from .journal.step import WAY, Steps
from .limits import Limits
from .rules.ability import Ability
from .rules.excerpts import as_input
from .rules.numbering import Numbered
from .rules.round_trip import adapter_of, problem_of, secret_in

T = TypeVar("T")


class Worker(ABC):
    """An agent that does one kind of task. The docstring says what for: a supervisor and its model read it.

    The annotations of `run` are the contract: what a task's input must be and what comes back. An instance lives for
    one attempt at one task.
    """

    #: What it is called in plans; the class name in snake case unless given.
    name: ClassVar[str] = ""
    #: What its calls are for: rungs and quality floors are set per role. The name unless given.
    role: ClassVar[str] = ""
    #: How many of its tasks run at once, per job.
    slots: ClassVar[int] = 8

    @abstractmethod
    async def run(self, task: Any, ctx: "Context") -> Any:
        """Do the task. Raise NothingFound when there was nothing; anything else raised fails this attempt."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = cls.__dict__.get("name") or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        cls.role = cls.__dict__.get("role") or cls.role or cls.name
        if "run" in cls.__dict__:
            _check_run(cls)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: a name, the role that its calls are for, what it is for, and where its prompts are, its own first."""

    name: str
    role: str
    purpose: str
    prompts: tuple[Path, ...]

    @classmethod
    @functools.cache
    def of(cls, kind: type, name: str, role: str) -> "Identity":
        """The identity of a class: its docstring is its purpose; its prompts are beside its module, or beside those of
        the classes that it is derived from.
        """
        files = (getattr(inspect.getmodule(each), "__file__", None) for each in kind.__mro__)
        folders = dict.fromkeys(Path(file).parent / "prompts" for file in files if file)
        return cls(name, role, inspect.getdoc(kind) or name, tuple(folders))


@dataclass(frozen=True, slots=True)
class Contract:
    """What a worker class promises, worked out once."""

    worker: type[Worker]
    identity: Identity
    input: TypeAdapter[Any]
    output: TypeAdapter[Any]
    #: The annotation of what it returns.
    returns: Any

    @property
    def name(self) -> str:
        """What plans call it."""
        return self.identity.name

    def describe(self) -> dict[str, Any]:
        """What a planner is told: name, purpose and the schemas of input and output."""
        schemas = {"input": self.input.json_schema(), "output": self.output.json_schema()}
        return {"name": self.name, "purpose": self.identity.purpose, **schemas}


def _check_run(cls: type[Worker]) -> None:
    """Report what can be seen wrong when the class is defined; names that are not defined yet wait for the team."""
    run = cls.__dict__["run"]
    if not inspect.iscoroutinefunction(run):
        raise InvalidWorker(f"worker {cls.__name__!r}: `run` must be `async def`")
    parameters = list(inspect.signature(run).parameters)
    if len(parameters) != 3:
        raise InvalidWorker(f"worker {cls.__name__!r}: `run` takes (self, task, ctx), not ({', '.join(parameters)})")
    missing = [name for name in (parameters[1], "return") if name not in run.__annotations__]
    if missing:
        raise InvalidWorker(f"worker {cls.__name__!r}: `run` needs a type annotation for {' and '.join(missing)}")
    try:
        contract_of(cls)
    except NameError:
        return


@functools.cache
def contract_of(cls: type[Worker]) -> Contract:
    """The contract of a worker class. Raises InvalidWorker for types JSON cannot carry, NameError for unknown names."""
    owner = next(each for each in cls.__mro__ if "run" in vars(each))
    names = names_around(cls.run, owner)
    hints = hints_of(cls.run, names)
    task_type = hints[list(inspect.signature(cls.run).parameters)[1]]
    return Contract(
        worker=cls,
        identity=Identity.of(cls, cls.name, cls.role),
        input=adapter_of(f"worker {cls.__name__!r}: its task", task_type, problem_of, names),
        output=adapter_of(f"worker {cls.__name__!r}: its return value", hints["return"], problem_of, names),
        returns=hints["return"],
    )


Delegate = Callable[[Task, str, Any], Awaitable[Result]]
#: Who is told of an answer while it streams.
Watch = Callable[[Piece], None] | None


@dataclass(frozen=True, slots=True)
class Reach:
    """What lies behind one context: the model, the doors, the way to other workers, the prompts, and until when."""

    model: Model
    #: How the work of a role is done.
    way: Callable[[str], Awaitable[Way]]
    memory: MemoryDoor
    tools: ToolDoor
    delegate: Delegate
    controls: Controls
    prompts: Prompts
    limits: Limits
    #: Absolute, on the event loop's clock; None is no deadline.
    deadline_s: float | None = None
    #: The class of its calls to models.
    priority: Priority = Priority.NORMAL


class Answer(NamedTuple, Generic[T]):
    """A model's answer, what the gateway did for it, and the model as its provider named it.

    It is the same when it is read from the record: after a resume, in a replay, in a fork.
    """

    value: T
    receipt: Receipt
    model: str

    @property
    def rung(self) -> str:
        """The rung that answered, as settings name it; "" where an earlier version's record does not say."""
        return self.receipt.rung

    @property
    def tier(self) -> int:
        """The tier of that rung: as `floor`, no lesser rung answers the next call. 0 where nobody knows it."""
        return self.receipt.tier

    @property
    def is_stand_in(self) -> bool:
        """Whether it is not that of the first rung which may serve the call: a lower one's, or an earlier run's."""
        return self.receipt.is_stand_in

    @property
    def degraded(self) -> tuple[str, ...]:
        """Why it may be worth less, in sentences; empty where the first rung gave it whole."""
        return self.receipt.degraded


class Context:
    """All that a worker may touch, and every touch is on record."""

    def __init__(self, task: Task, identity: Identity, steps: Steps, reach: Reach) -> None:
        self._task, self._identity, self._steps, self._reach = task, identity, steps, reach

    @property
    def memory(self) -> MemoryDoor:
        """What the project remembers, as far as this job may see it."""
        return self._reach.memory

    @property
    def limits(self) -> Limits:
        """How much this job reads, and how its report is to be written."""
        return self._reach.limits

    @property
    def results(self) -> tuple[Result, ...]:
        """The results of the tasks this one comes after, in plan order."""
        return self._task.results

    @overload
    async def ask(
        self,
        prompt: str,
        /,
        *,
        returns: type[T],
        again: int = 0,
        floor: int = 0,
        other_than: str = "",
        within_s: float | None = None,
        watch: Watch = None,
        **inputs: Any,
    ) -> T: ...
    @overload
    async def ask(
        self,
        prompt: str,
        /,
        *,
        again: int = 0,
        floor: int = 0,
        other_than: str = "",
        within_s: float | None = None,
        watch: Watch = None,
        **inputs: Any,
    ) -> str: ...
    async def ask(self, prompt: str, /, **asked: Any) -> Any:
        """The model's answer to a prompt, as text or as the type asked for.

        `again=k` asks the k-th time because the answer was poor; no rung of a tier below `floor` is asked; the rung
        `other_than` is asked last, where no chain names the role; `watch` is told each piece as it streams. `within_s`
        bounds a call that can be done without: the seconds for all that is tried, without the time that it waits behind
        calls of its own job before a server of one's own. Raises NoAnswer when no rung gave a good answer, or none
        within `within_s`; Overloaded when there was no turn in time, BudgetExceeded when the budget does not allow the
        call, Misconfigured when a provider refused us, InvalidWorker for a type that JSON cannot carry.
        """
        return (await self.answer(prompt, **asked)).value

    @overload
    async def answer(
        self,
        prompt: str,
        /,
        *,
        returns: type[T],
        again: int = 0,
        floor: int = 0,
        other_than: str = "",
        within_s: float | None = None,
        watch: Watch = None,
        **inputs: Any,
    ) -> Answer[T]: ...
    @overload
    async def answer(
        self,
        prompt: str,
        /,
        *,
        again: int = 0,
        floor: int = 0,
        other_than: str = "",
        within_s: float | None = None,
        watch: Watch = None,
        **inputs: Any,
    ) -> Answer[str]: ...
    async def answer(
        self,
        prompt: str,
        /,
        *,
        returns: Any = str,
        again: int = 0,
        floor: int = 0,
        other_than: str = "",
        within_s: float | None = None,
        watch: Watch = None,
        **inputs: Any,
    ) -> Answer[Any]:
        """What `ask` gives, with the receipt: which model and which rung answered, and why it may be worth less.

        A check that is never of a lower tier than what it checks, and another's where there is another:
        `ctx.answer("check", floor=writer.tier, other_than=writer.rung)`.
        """
        adapter = None if returns is str else _returns(returns)
        request = Request(
            steps=self._steps,
            role=self._identity.role,
            prompt=prompt,
            inputs={name: as_input(value) for name, value in inputs.items()},
            template=self._reach.prompts.template(self._identity.prompts, prompt, self._identity.purpose),
            returns=adapter,
            schema=_schema(returns) if adapter else None,
            box=_box(returns) if adapter else None,
            again=again,
            floor=floor,
            other_than=other_than,
            priority=self._reach.priority,
            deadline_s=self._reach.deadline_s,
            within_s=within_s,
            watch=watch,
        )
        await self._reach.controls.may_go_on()
        completion = await self._reach.model.complete(request)
        value = completion.text if adapter is None else decoded(adapter, completion.value)
        return Answer(value, completion.receipt, completion.model)

    async def way(self, role: str = "") -> Ability:
        """How the work of a role is done, this worker's own unless one is named: `prose`, `select` or `extract`.

        As the first rung is able to that serves the role and can be asked. It is on record and stays so: a job that is
        resumed, replayed or forked goes the same way. Where another rung answers after all, the answer says so.
        """
        asked = role or self._identity.role
        chosen = await self._steps.run(
            WAY, "gateway", {"role": asked}, lambda _: self._reach.way(asked), lambda body: Way(**body), Way._asdict
        )
        return chosen.way

    async def call(self, tool: str, /, **args: Any) -> Any:
        """A tool's result, as plain JSON. Raises ToolError where the tool or its arguments are wrong."""
        await self._reach.controls.may_go_on()
        return await self._reach.tools.call(tool, args)

    async def approve(self, what: str, /, *, within_s: float = APPROVAL_S, **details: Any) -> None:
        """Wait until a person lets you do something: `bullpen ps` shows it, `bullpen approve` answers.

        Raises Refused when it is refused or nobody has answered after `within_s` seconds. No attempt at a task runs out
        of time meanwhile; the job's deadline goes on.
        """
        await ask_leave(self._steps, self._reach.controls, what, details, within_s=within_s)

    async def steering(self) -> tuple[str, ...]:
        """What people have told the job since this was last asked, oldest first: for supervisors."""
        return await read_notes(self._steps, self._reach.controls)

    def quote(self, document: Numbered, numbers: Collection[int], text: str = "") -> Claim:
        """A claim that rests on these lines of a document, as a model names them: on quotes, and on fields as they are.

        Without a text of its own it says what the lines say. Numbers that the document does not have are left out;
        with none that it has, the claim has no evidence, and the report will not take it.
        """
        quotes, records = document.quotes(numbers), document.records(numbers)
        said = text or " ".join(document.lines[n].text for n in sorted(set(numbers)) if n in document.lines)
        return Claim(text=said, quotes=quotes, records=records, rule="field" if records else None)

    def note(self, text: str, /, **values: Any) -> None:
        """Put something on record for whoever reads the transcript."""
        self._steps.check()
        self._steps.note("worker.noted", {"text": text, **values})

    async def delegate(self, worker: type[Worker] | str, input: Any) -> Result:
        """Have another worker do a task and wait for its result. Raises Refused beyond depth and fan-out."""
        self._steps.check()
        name = worker if isinstance(worker, str) else worker.name
        return await self._reach.delegate(self._task, name, input)


def _returns(kind: Any) -> TypeAdapter[Any]:
    return _adapter(as_type("the type asked for", kind))


@functools.lru_cache(maxsize=256)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    try:
        return adapter_of("the type asked for", kind, secret_in, names_around(kind) if isinstance(kind, type) else {})
    except NameError as error:
        raise InvalidWorker(f"the type asked for is {kind!r}: {error}; {DEFINE}") from error


@functools.lru_cache(maxsize=256)
def _schema(kind: Any) -> dict[str, Any]:
    schema: dict[str, Any] = finite(_returns(kind).json_schema())
    return schema


@functools.lru_cache(maxsize=256)
def _box(kind: Any) -> Box | None:
    return box_of(kind, _schema(kind))
