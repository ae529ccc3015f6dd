"""A journal that lives as long as its process: no thread, no file, so that it also runs on virtual time."""

import anyio.lowlevel

from ..clock import Clock
from .events import PLAINLY, Chain, Entry, Event, Ways


class InMemoryJournal:
    """Keeps one job's events in a list, under the same rules as the file."""

    def __init__(self, job: str, clock: Clock, ways: Ways = PLAINLY) -> None:
        self.events: list[Event] = []
        self._chain = Chain(job, clock, ways)

    def append(self, entry: Entry) -> Event:
        """Put an entry on record."""
        event, _ = self._chain.seal(entry)
        self.events.append(event)
        return event

    async def commit(self) -> None:
        """Yield once, as a commit to a file would; there is nothing to make durable."""
        await anyio.lowlevel.checkpoint()

    def result_of(self, step: str) -> Event | None:
        """The one result of a step, if there is one."""
        return self._chain.result_of(step)

    async def aclose(self) -> None:
        """Nothing to let go of."""
