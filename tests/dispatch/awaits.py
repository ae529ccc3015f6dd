"""Counts the points at which a job gives way to the event loop, and does something at one of them."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import trio


class Awaits:
    """Every resumption of every task of this run, from 1; `act` is done before the one whose number is `at`."""

    def __init__(self, at: int | None, act: Callable[[], None]) -> None:
        self._at, self._act, self.count = at, act, 0

    def tick(self) -> None:
        self.count += 1
        if self.count == self._at:
            self._act()

    def watch(self) -> None:
        """Count from here to the end of the event loop."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            trio.lowlevel.add_instrument(_Instrument(self))
        else:
            before = loop.get_task_factory()
            make: Callable[..., Any] = before or (lambda loop, coroutine, **kwargs: asyncio.Task(coroutine, **kwargs))
            loop.set_task_factory(lambda loop, coroutine, **kwargs: make(loop, self._counted(coroutine), **kwargs))

    async def _counted(self, coroutine: Any) -> Any:
        return await _Counted(coroutine, self.tick)


class _Instrument(trio.abc.Instrument):
    def __init__(self, awaits: Awaits) -> None:
        self._awaits = awaits

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._awaits.tick()


class _Counted:
    """A coroutine that says when it is resumed."""

    def __init__(self, coroutine: Any, tick: Callable[[], None]) -> None:
        self._coroutine, self._tick = coroutine, tick

    def __await__(self) -> Generator[Any, Any, Any]:
        resume, given = self._coroutine.send, None
        while True:
            self._tick()
            try:
                awaited = resume(given)
            except StopIteration as stop:
                return stop.value
            try:
                given, resume = (yield awaited), self._coroutine.send
            except BaseException as error:
                given, resume = error, self._coroutine.throw
