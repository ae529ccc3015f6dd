"""Runs someone's code apart, so that nothing it does or leaves undone reaches its siblings.

On asyncio it has a task of its own, and between that task and the code stands `_Held`: code that does not stop when it
is cancelled is never resumed again, so that the task ends whatever the code thinks of it. Elsewhere it runs in place:
trio's cancellation cannot be swallowed for good.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel

from ..clock import monotonic_s
from .places import place, waiting

Code = Callable[[], Awaitable[Any]]
#: Told of what somebody should know of a frame, as the kind and the body of an event.
Remark = Callable[[str, dict[str, Any]], None]
#: Within which the time of a scope may stand still.
Timed = Callable[[anyio.CancelScope], AbstractContextManager[Any]]
GIVEN_UP = "worker.given_up"

#: How long code may go on after it has met its cancellation, in seconds.
_GRACE_S = 0.5
#: How long it may put off meeting it, behind a shield: a thread that writes is waited for, in seconds.
_SHIELD_S = 10.0


class Frame:
    """A piece of someone's code under way: whose it is, how long it may take, and whether it is over."""

    def __init__(self, job: str, name: str, timeout_s: float, remark: Remark, timed: Timed = nullcontext) -> None:
        self.job, self.name, self.timeout_s, self.remark, self.timed = job, name, timeout_s, remark, timed
        self.scope = anyio.CancelScope()
        #: On asyncio, its own.
        self.task: asyncio.Task[None] | None = None
        self.has_ended = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended or has been told to: nothing more is done in its name."""
        return self.has_ended or self.scope.cancel_called

    @property
    def is_late(self) -> bool:
        """Whether it has been told to end, or should have been: code that blocks the loop keeps that unseen."""
        return self.scope.cancel_called or monotonic_s() > self.scope.deadline


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
        frame.scope.deadline = monotonic_s() + frame.timeout_s
        try:
            with frame.timed(frame.scope):
                return await (_in_task(frame, code) if _on_asyncio() else _in_place(frame, code))
        finally:
            frame.has_ended = True
            self._under_way.discard(frame)

    def stop(self, job: str) -> None:
        """Cancel what is under way for a job, at once."""
        for frame in tuple(self._under_way):
            if frame.job == job:
                frame.scope.cancel()

    def of_task(self, task: asyncio.Task[Any] | None) -> Frame | None:
        """The frame whose own this task is, if any. May be asked from another thread."""
        return next((frame for frame in tuple(self._under_way) if task is not None and frame.task is task), None)


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _in_place(frame: Frame, code: Code) -> Ended:
    ended = Ended()
    with frame.scope:
        try:
            ended = Ended(await code())
        except BaseException as error:
            await anyio.lowlevel.checkpoint_if_cancelled()  # raises again if it is we who are cancelled
            ended = Ended(error=error)
    return Ended(is_late=True) if frame.scope.cancel_called else ended


async def _in_task(frame: Frame, code: Code) -> Ended:
    held = _Held(frame, code)
    frame.task = task = asyncio.get_running_loop().create_task(held.run(), name=frame.name)
    # Not by the scope's own deadline, which is never while its time stands still.
    patience = anyio.CancelScope(deadline=monotonic_s() + frame.timeout_s + _SHIELD_S)
    try:
        with patience, frame.timed(patience):
            await held.over
    except asyncio.CancelledError:
        frame.scope.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait((task,), timeout=_SHIELD_S)
        raise
    finally:
        held.give_up(task)
        if held.ended and held.ended.given_up:
            frame.remark(GIVEN_UP, {"at": held.ended.given_up})
    return held.ended or Ended(error=asyncio.CancelledError())  # it cancelled its own task before it had begun


class _Held:
    """Code between our hands: resumed step by step, and never again once it has been given up."""

    def __init__(self, frame: Frame, code: Code) -> None:
        self._frame, self._code = frame, code
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        #: When it first met its cancellation, on the event loop's clock.
        self._met_s = 0.0
        self._is_given_up = False
        self.ended: Ended | None = None
        #: Done when the code has ended. A task tells a turn of the loop later: a cancellation in between would win.
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Resume the code until it ends; how it ended is in `ended`."""
        try:
            with self._frame.scope:
                await self
        finally:
            if not self.over.done():
                self.over.set_result(None)

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
        self._coroutine = coroutine = self._started()
        resume: Callable[[Any], Any] = coroutine.send
        given: Any = None
        while True:
            try:
                awaited = resume(given)
            except StopIteration as stop:
                self.ended = Ended(is_late=True) if self._frame.is_late else Ended(stop.value)
                return
            except BaseException as error:
                self.ended = Ended(is_late=True) if self._frame.is_late else Ended(error=error)
                return
            try:
                given, resume = (yield awaited), coroutine.send
            except BaseException as error:
                if self._is_beyond_hope():
                    self.ended = self.ended or self._abandon()
                    return
                given, resume = error, coroutine.throw

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
