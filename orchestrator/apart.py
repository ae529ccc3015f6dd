"""Runs someone's code apart, so that nothing it does or leaves undone reaches its siblings.

On asyncio it has a task of its own, and between that task and the code stands `_Held`: code that does not stop when it
is cancelled is never resumed again, so that the task ends whatever the code thinks of it. Elsewhere it runs in place:
trio's cancellation cannot be swallowed for good, and nothing there starts a task that outlives its parent.
"""

import asyncio
import sysconfig
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from weakref import WeakSet

import anyio
import anyio.lowlevel

from .clock import monotonic_s

Code = Callable[[], Awaitable[Any]]
#: Told of what somebody should know of an attempt, as the kind and the body of an event.
Remark = Callable[[str, dict[str, Any]], None]
GIVEN_UP, LEFT = "worker.given_up", "worker.left_tasks"

#: How long code may go on after it has met its cancellation, in seconds.
_GRACE_S = 0.5
#: How long it may put off meeting it, behind a shield: a thread that writes is waited for, in seconds.
_SHIELD_S = 10.0
#: How often a task that code has left behind is asked to stop within the grace.
_ASKS = 5
#: Where no worker stands: Python itself, what is installed, and the platform.
_NO_WORKERS = (*(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")), "<")
_PLATFORM = str(Path(__file__).parent)


class Attempt:
    """A piece of someone's code under way: whose it is, until when it may go on, and whether it is over."""

    def __init__(self, job: str, name: str, timeout_s: float, remark: Remark) -> None:
        self.job, self.name, self.timeout_s, self.remark = job, name, timeout_s, remark
        self.until_s = monotonic_s() + timeout_s
        self.scope = anyio.CancelScope(deadline=self.until_s)
        #: On asyncio, its own task and every task that was started from it and may still run.
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self.has_ended = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended or has been told to: nothing more is done in its name."""
        return self.has_ended or self.scope.cancel_called


@dataclass(frozen=True, slots=True)
class Ended:
    """How code ended: with a value or an error; after its time; given up, at a place; with tasks left behind."""

    value: Any = None
    error: BaseException | None = None
    is_late: bool = False
    given_up: str = ""


class Frames:
    """All of other people's code that is under way in one system."""

    def __init__(self) -> None:
        self._under_way: set[Attempt] = set()

    async def run(self, attempt: Attempt, code: Code) -> Ended:
        """Run code until it has ended or its time is up; whatever it raises is in what comes back.

        Only a cancellation of the caller comes out, when the code has stopped or has been given up.
        """
        self._under_way.add(attempt)
        try:
            return await (_in_task(attempt, code) if _on_asyncio() else _in_place(attempt, code))
        finally:
            attempt.has_ended = True
            self._under_way.discard(attempt)

    def stop(self, job: str) -> None:
        """Cancel what is under way for a job, at once."""
        for attempt in tuple(self._under_way):
            if attempt.job == job:
                attempt.scope.cancel()

    def owner_of(self, task: asyncio.Task[Any] | None) -> Attempt | None:
        """The attempt that a task belongs to, if any. May be asked from another thread."""
        return next((attempt for attempt in tuple(self._under_way) if task in attempt.tasks), None)


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


# ---------------------------------------------------------------- in place


async def _in_place(attempt: Attempt, code: Code) -> Ended:
    ended = Ended()
    with attempt.scope:
        try:
            ended = Ended(await code())
        except BaseException as error:
            await anyio.lowlevel.checkpoint_if_cancelled()  # raises again if it is we who are cancelled
            ended = Ended(error=error)
    return Ended(is_late=True) if attempt.scope.cancel_called else ended


# ---------------------------------------------------------------- in a task of its own


async def _in_task(attempt: Attempt, code: Code) -> Ended:
    held = _Held(attempt, code)
    context = copy_context()
    context.run(_OWNER.set, attempt)
    loop = asyncio.get_running_loop()
    _adopt_tasks(loop)
    task = loop.create_task(held.run(), name=attempt.name, context=context)
    attempt.tasks.add(task)
    try:
        await asyncio.wait({task}, timeout=attempt.timeout_s + _SHIELD_S)
    except asyncio.CancelledError:
        attempt.scope.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait({task}, timeout=_SHIELD_S)
        raise
    finally:
        attempt.has_ended = True
        held.give_up(task)
        if held.ended and held.ended.given_up:
            attempt.remark(GIVEN_UP, {"at": held.ended.given_up})
        if any(not left.done() for left in attempt.tasks if left is not task):
            with anyio.CancelScope(shield=True):
                await _stop_left(attempt, task)
    return held.ended or Ended(error=asyncio.CancelledError())  # it cancelled its own task with its last breath


class _Held:
    """Code between our hands: resumed step by step, and never again once it has been given up."""

    def __init__(self, attempt: Attempt, code: Code) -> None:
        self._attempt, self._code = attempt, code
        self._coroutine: Coroutine[Any, Any, Any] = self._started()
        #: When it first met its cancellation, on the event loop's clock.
        self._met_s = 0.0
        self._is_given_up = False
        self.ended: Ended | None = None

    async def run(self) -> None:
        """Resume the code until it ends; how it ended is in `ended`."""
        with self._attempt.scope:
            await self

    def give_up(self, task: "asyncio.Task[None]") -> None:
        """Have the task end at its next step, if it has not ended, and forget what it raises."""
        if not task.done():
            self._is_given_up = True
            self.ended = self._abandon()
            task.cancel()
        task.add_done_callback(_forget)

    async def _started(self) -> Any:
        return await self._code()

    def __await__(self) -> Generator[Any, Any, None]:
        resume: Callable[[Any], Any] = self._coroutine.send
        given: Any = None
        while True:
            try:
                awaited = resume(given)
            except StopIteration as stop:
                self.ended = self._in_time(Ended(stop.value))
                return
            except BaseException as error:
                self.ended = self._in_time(Ended(error=error))
                return
            try:
                given, resume = (yield awaited), self._coroutine.send
            except BaseException as error:
                if self._is_beyond_hope():
                    self.ended = self.ended or self._abandon()
                    return
                given, resume = error, self._coroutine.throw

    def _in_time(self, ended: Ended) -> Ended:
        """By the clock, since code that blocks the loop keeps its own deadline from being seen."""
        is_late = self._attempt.scope.cancel_called or monotonic_s() > self._attempt.until_s
        return Ended(is_late=True) if is_late else ended

    def _is_beyond_hope(self) -> bool:
        """Whether it is cancelled again although it was, long ago, and went on."""
        if not self._attempt.scope.cancel_called:
            return self._is_given_up
        self._met_s = self._met_s or monotonic_s()
        return self._is_given_up or monotonic_s() - self._met_s > _GRACE_S

    def _abandon(self) -> Ended:
        _GIVEN_UP.append(self._coroutine)
        return Ended(is_late=True, given_up=place(_frames_of(self._coroutine)))


#: Code that was given up, kept: letting go of it would resume it once more, to close it.
_GIVEN_UP: list[Coroutine[Any, Any, Any]] = []


def _forget(task: "asyncio.Task[Any]") -> None:
    """Take what a task raised, so that asyncio does not complain that nobody has."""
    if not task.cancelled():
        task.exception()


async def _stop_left(attempt: Attempt, own: "asyncio.Task[Any]") -> None:
    """Stop the tasks that code has started and not waited for, and say which they were."""
    left = {task for task in attempt.tasks if task is not own and not task.done()}
    names = sorted(_describe(task) for task in left)
    running = left
    for _ in range(_ASKS):
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_GRACE_S / _ASKS)
        if not running:
            break
    for task in left:
        task.add_done_callback(_forget)
    attempt.remark(LEFT, {"tasks": names, "still_running": len(running)})


def _describe(task: "asyncio.Task[Any]") -> str:
    coroutine = task.get_coro()
    return f"{getattr(coroutine, '__qualname__', task.get_name())} at {place(_frames_of(coroutine))}"


# ---------------------------------------------------------------- whose task it is

_OWNER: ContextVar[Attempt | None] = ContextVar("bullpen_attempt", default=None)


@contextmanager
def unowned() -> Iterator[None]:
    """What is started inside belongs to nobody's attempt: a library's own tasks outlive the call that began them."""
    token = _OWNER.set(None)
    try:
        yield
    finally:
        _OWNER.reset(token)


class _Adopting:
    """A task factory that tells each attempt of the tasks that are started from it."""

    def __init__(self, before: Any) -> None:
        self._before = before or _new_task

    def __call__(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **kwargs: Any) -> Any:
        task = self._before(loop, coroutine, **kwargs)
        owner = _OWNER.get()
        if owner is not None:
            owner.tasks.add(task)
        return task


def _new_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **kwargs: Any) -> "asyncio.Task[Any]":
    return asyncio.Task(coroutine, loop=loop, **kwargs)


def _adopt_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Stays for the loop's life: taking it off again would take off what others have put on since."""
    factory = loop.get_task_factory()
    if not isinstance(factory, _Adopting):
        loop.set_task_factory(_Adopting(factory))


# ---------------------------------------------------------------- where code stands


def place(frames: Iterable[tuple[CodeType, int]]) -> str:
    """`file:line` of the innermost of these frames, given from the outside in, that is a worker's; else of them all."""
    places = [(code.co_filename, line) for code, line in frames]
    own = [(file, line) for file, line in places if not file.startswith((*_NO_WORKERS, _PLATFORM))]
    return "an unknown place" if not places else "{}:{}".format(*(own or places)[-1])


def stack(frame: FrameType | None) -> list[tuple[CodeType, int]]:
    """The frames of a running thread, from the outside in."""
    found: list[tuple[CodeType, int]] = []
    while frame is not None:
        found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return found[::-1]


def _frames_of(coroutine: Any) -> list[tuple[CodeType, int]]:
    """The frames of a coroutine that waits, from the outside in."""
    found: list[tuple[CodeType, int]] = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        found.append((frame.f_code, frame.f_lineno))
        coroutine = coroutine.cr_await
    return found
