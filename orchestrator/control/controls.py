"""What a running job consults: whether it may go on, what it has been told, and the time that stands still."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from ..clock import monotonic_s
from ..journal.events import Event
from .standing import HEARD, Answer, Standing


class Controls:
    """One job's controls. They change with its events alone: its journal must tell them each."""

    def __init__(self) -> None:
        self.standing = Standing()
        #: Why there is no room on the disk for the record; empty where there is.
        self.full = ""
        #: Set at the next event that may matter, if anybody waits for it.
        self._news: anyio.Event | None = None
        #: The scopes whose time can stand still, with the seconds they had left when it did.
        self._timed: dict[anyio.CancelScope, float] = {}

    @property
    def stands_still(self) -> bool:
        """Whether it waits for a person, or for room on the disk, so that no attempt runs out of time meanwhile."""
        return self.standing.stands_still or bool(self.full)

    @property
    def state(self) -> str:
        """In a few words: what the job is doing, or what it waits for."""
        return "waiting for room on the disk" if self.full else self.standing.state

    def hear(self, event: Event) -> None:
        """Take an event in, and let go on who waited for it."""
        if event.area not in HEARD and event.epoch == self.standing.epoch:
            return  # most are none of its business
        stood_still = self.stands_still
        self.standing.hear(event)
        self._changed(stood_still)

    def storage_full(self, why: str) -> None:
        """Take note that there is no room for the record and why, or, with nothing, that there is again."""
        stood_still = self.stands_still
        self.full = why
        self._changed(stood_still)

    def _changed(self, stood_still: bool) -> None:
        if self.stands_still != stood_still:
            for scope in self._timed:
                self._start(scope) if stood_still else self._stop(scope)
        self._tell()

    async def may_go_on(self) -> None:
        """Return at once, but for a paused job: then when it is resumed."""
        while self.standing.is_paused:
            await self._next()

    async def answer(self, approval: str) -> Answer:
        """Wait for a person's answer; one that was given before counts."""
        while approval not in self.standing.answers:
            await self._next()
        return self.standing.answers[approval]

    async def room(self, *, is_there: bool) -> None:
        """Return when there is, or is not, room on the disk for the record."""
        while is_there == bool(self.full):
            await self._next()

    async def changed(self, *, stands_still: bool) -> None:
        """Return when the job's time does, or does not, stand still."""
        while self.stands_still != stands_still:
            await self._next()

    @contextmanager
    def timed(self, scope: anyio.CancelScope) -> Iterator[None]:
        """Within, the scope's time stands still while the job waits for a person or for room on the disk."""
        self._timed[scope] = 0.0
        if self.stands_still:
            self._stop(scope)
        try:
            yield
        finally:
            del self._timed[scope]

    def _stop(self, scope: anyio.CancelScope) -> None:
        self._timed[scope] = scope.deadline - monotonic_s()
        scope.deadline = float("inf")

    def _start(self, scope: anyio.CancelScope) -> None:
        scope.deadline = monotonic_s() + self._timed[scope]

    async def _next(self) -> None:
        self._news = self._news or anyio.Event()
        await self._news.wait()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()
            self._news = None
