"""Runs someone's code apart, so that nothing it does or leaves undone reaches its siblings.

On asyncio it has a task of its own, and between that task and the code stands `_Held`: code that does not stop when it
is cancelled is never resumed again, so that the task ends whatever the code thinks of it. Elsewhere it runs in place:
trio's cancellation cannot be swallowed for good, and nothing there starts a task that outlives its parent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import anyio
import anyio.lowlevel

from .clock import monotonic_s
from .places import place, waiting

Code = Callable[[], Awaitable[Any]]
#: Told of what somebody should know of a frame, as the kind and the body of an event.
Remark = Callable[[str, dict[str, Any]], None]
GIVEN_UP, LEFT = "worker.given_up", "worker.left_tasks"

#: How long code may go on after it has met its cancellation, in seconds.
_GRACE_S = 0.5
#: How long it may put off meeting it, behind a shield: a thread that writes is waited for, in seconds.
_SHIELD_S = 10.0
#: How often a task that code has left behind is asked to stop within the grace.
_ASKS = 5


class Frame:
    """A piece of someone's code under way: whose it is, until when it may go on, and whether it is over."""

    def __init__(self, job: str, name: str, timeout_s: float, remark: Remark) -> None:
        self.job, self.name, self.timeout_s, self.remark = job, name, timeout_s, remark
        self.until_s = monotonic_s() + timeout_s
        self.scope = anyio.CancelScope()
        #: On asyncio: its own task, and every task that was started from it and may still run, once there is one.
        self.task: asyncio.Task[None] | None = None
        self.started: WeakSet[asyncio.Task[Any]] | None = None
        self.has_ended = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended or has been told to: nothing more is done in its name."""
        return self.has_ended or self.scope.cancel_called

    def owns(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task is its own, or was started from it."""
        return task is self.task or (self.started is not None and task in self.started)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Take note of a task that was started from it."""
        self.started = WeakSet() if self.started is None else self.started
        self.started.add(task)

    @property
    def left(self) -> set[asyncio.Task[Any]]:
        """The tasks that were started from it and still run."""
        return {task for task in self.started or () if not task.done()}


@dataclass(frozen=True, slots=True)
class Ended:
    """How code ended: with a value or an error; after its time; given up, at a place."""

    value: Any = None
    error: BaseException | None = None
    is_late: bool = False
    given_up: str = ""


class Frames:
    """All of other people's code that is under way in one system."""

    def __init__(self) -> None:
        self._under_way: set[Frame] = set()

    async def run(self, frame: Frame, code: Code) -> Ended:
        """Run code until it has ended or its time is up; whatever it raises is in what comes back.

        Only a cancellation of the caller comes out, when the code has stopped or has been given up.
        """
        self._under_way.add(frame)
        try:
            return await (_in_task(frame, code) if _on_asyncio() else _in_place(frame, code))
        finally:
            frame.has_ended = True
            self._under_way.discard(frame)

    def stop(self, job: str) -> None:
        """Cancel what is under way for a job, at once."""
        for frame in tuple(self._under_way):
            if frame.job == job:
                frame.scope.cancel()

    def owner_of(self, task: asyncio.Task[Any] | None) -> Frame | None:
        """The frame that a task belongs to, if any. May be asked from another thread."""
        return next((frame for frame in tuple(self._under_way) if task is not None and frame.owns(task)), None)


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


# ---------------------------------------------------------------- in place


async def _in_place(frame: Frame, code: Code) -> Ended:
    ended = Ended()
    frame.scope.deadline = frame.until_s
    with frame.scope:
        try:
            ended = Ended(await code())
        except BaseException as error:
            await anyio.lowlevel.checkpoint_if_cancelled()  # raises again if it is we who are cancelled
            ended = Ended(error=error)
    return Ended(is_late=True) if frame.scope.cancel_called else ended


# ---------------------------------------------------------------- in a task of its own


async def _in_task(frame: Frame, code: Code) -> Ended:
    held = _Held(frame, code)
    context = copy_context()
    context.run(_OWNER.set, frame)
    loop = asyncio.get_running_loop()
    _adopt_tasks(loop)
    frame.task = task = loop.create_task(held.run(), name=frame.name, context=context)
    try:
        await _until_over(held, frame)
    except asyncio.CancelledError:
        frame.scope.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait({task}, timeout=_SHIELD_S)
        raise
    finally:
        frame.has_ended = True
        held.give_up(task)
        if held.ended and held.ended.given_up:
            frame.remark(GIVEN_UP, {"at": held.ended.given_up})
        if frame.started and frame.left:
            with anyio.CancelScope(shield=True):
                await _stop_left(frame)
    return held.ended or Ended(error=asyncio.CancelledError())  # it cancelled its own task before it had begun


async def _until_over(held: "_Held", frame: Frame) -> None:
    """Wait for code, which is cancelled when its time is up and waited for no longer than a shield may take."""
    loop = asyncio.get_running_loop()
    timer = loop.call_at(frame.until_s, lambda: late())

    def late() -> None:
        nonlocal timer
        frame.scope.cancel()
        timer = loop.call_later(_SHIELD_S, held.say_over)

    try:
        await held.over
    finally:
        timer.cancel()


class _Held:
    """Code between our hands: resumed step by step, and never again once it has been given up."""

    def __init__(self, frame: Frame, code: Code) -> None:
        self._frame, self._code = frame, code
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        #: When it first met its cancellation, on the event loop's clock.
        self._met_s = 0.0
        self._is_given_up = False
        self.ended: Ended | None = None
        #: Done when the code has ended. A task's own callbacks would come a turn of the loop later.
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Resume the code until it ends; how it ended is in `ended`."""
        try:
            with self._frame.scope:
                await self
        finally:
            self.say_over()

    def say_over(self) -> None:
        """Let go whoever waits for `over`."""
        if not self.over.done():
            self.over.set_result(None)

    def give_up(self, task: "asyncio.Task[None]") -> None:
        """Have the task end at its next step, if it has not ended, and forget what it raises."""
        if not task.done():
            self._is_given_up = True
            self.ended = self._abandon()
            task.cancel()
            task.add_done_callback(_forget)
        else:
            _forget(task)

    async def _started(self) -> Any:
        return await self._code()

    def __await__(self) -> Generator[Any, Any, None]:
        self._coroutine = coroutine = self._started()
        resume: Callable[[Any], Any] = coroutine.send
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
                given, resume = (yield awaited), coroutine.send
            except BaseException as error:
                if self._is_beyond_hope():
                    self.ended = self.ended or self._abandon()
                    return
                given, resume = error, coroutine.throw

    def _in_time(self, ended: Ended) -> Ended:
        """By the clock, since code that blocks the loop keeps its own deadline from being seen."""
        is_late = self._frame.scope.cancel_called or monotonic_s() > self._frame.until_s
        return Ended(is_late=True) if is_late else ended

    def _is_beyond_hope(self) -> bool:
        """Whether it is cancelled again although it was, long ago, and went on."""
        if not self._frame.scope.cancel_called:
            return self._is_given_up
        self._met_s = self._met_s or monotonic_s()
        return self._is_given_up or monotonic_s() - self._met_s > _GRACE_S

    def _abandon(self) -> Ended:
        _GIVEN_UP.append(self._coroutine)
        return Ended(is_late=True, given_up=place(waiting(self._coroutine)))


#: Code that was given up, kept: letting go of it would resume it once more, to close it.
_GIVEN_UP: list[Coroutine[Any, Any, Any] | None] = []


def _forget(task: "asyncio.Task[Any]") -> None:
    """Take what a task raised, so that asyncio does not complain that nobody has."""
    if not task.cancelled():
        task.exception()


async def _stop_left(frame: Frame) -> None:
    """Stop the tasks that code has started and not waited for, and say which they were."""
    left = frame.left
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
    frame.remark(LEFT, {"tasks": names, "still_running": len(running)})


def _describe(task: "asyncio.Task[Any]") -> str:
    coroutine = task.get_coro()
    return f"{getattr(coroutine, '__qualname__', task.get_name())} at {place(waiting(coroutine))}"


# ---------------------------------------------------------------- whose task it is

_OWNER: ContextVar[Frame | None] = ContextVar("bullpen_frame", default=None)


@contextmanager
def unowned() -> Iterator[None]:
    """What is started inside belongs to no frame: a library's own tasks outlive the call that began them."""
    token = _OWNER.set(None)
    try:
        yield
    finally:
        _OWNER.reset(token)


class _Adopting:
    """A task factory that tells each frame of the tasks that are started from it."""

    def __init__(self, before: Any) -> None:
        self._before = before or _new_task

    def __call__(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **kwargs: Any) -> Any:
        task = self._before(loop, coroutine, **kwargs)
        owner = _OWNER.get()
        if owner is not None:
            owner.adopt(task)
        return task


def _new_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **kwargs: Any) -> "asyncio.Task[Any]":
    return asyncio.Task(coroutine, loop=loop, **kwargs)


def _adopt_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Stays for the loop's life: taking it off again would take off what others have put on since."""
    factory = loop.get_task_factory()
    if not isinstance(factory, _Adopting):
        loop.set_task_factory(_Adopting(factory))
