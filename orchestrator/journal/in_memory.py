"""A journal that lives as long as its process: no thread, no file, so that it also runs on virtual time."""

import anyio.lowlevel

from ..clock import Clock
from .events import Entry, Event
from .journal import PLAINLY, Chain, Ways
from .past import Past


class InMemoryJournal:
    """Keeps one job's events in a list, under the same rules as the file."""

    def __init__(self, job: str, clock: Clock, ways: Ways = PLAINLY, past: Past | None = None) -> None:
        """With a past it goes on after the events of an earlier owner."""
        self._chain = Chain(job, clock, ways, past)
        self.events: list[Event] = list(self.past.events)

    @property
    def past(self) -> Past:
        """What was on record when it was opened."""
        return self._chain.past

    def append(self, entry: Entry) -> Event:
        """Put an entry on record."""
        if said := self._chain.said(entry):
            return said
        event, _ = self._chain.seal(entry)
        self.events.append(event)
        self._chain.tell(event)
        return event

    async def commit(self) -> None:
        """Yield once, as a commit to a file would; there is nothing to make durable."""
        await anyio.lowlevel.checkpoint()

    def result_of(self, step: str) -> Event | None:
        """The one result of a step, if there is one."""
        return self._chain.result_of(step)

    async def aclose(self) -> None:
        """Nothing to let go of."""
