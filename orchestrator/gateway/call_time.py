"""How long one call may take, whatever is tried for it. To wait for calls of one's own job is not counted.

A server of one's own has few slots. A call that waits there behind calls of its own job waits for what the job itself
has asked for, so its time stands still until it is its turn; the job's deadline goes on.
"""

import math

import anyio

from ..clock import monotonic_s

#: How much later than its deadline a call is ended that waits where nobody else looks at the time, in seconds.
GRACE_S = 0.25


class CallTime:
    """The time of one call, on the event loop's clock."""

    def __init__(self, most_s: float, deadline_s: float | None = None) -> None:
        """`most_s` are the seconds that it may take from now on, `deadline_s` when it ends in any case."""
        self._deadline_s = math.inf if deadline_s is None else deadline_s
        self._until_s = min(monotonic_s() + most_s, self._deadline_s)
        self._stopped_s: float | None = None
        self._scope: anyio.CancelScope | None = None

    @property
    def until_s(self) -> float:
        """When it ends, as far as is known now."""
        return self._until_s if self._stopped_s is None else self._deadline_s

    def scope(self) -> anyio.CancelScope:
        """A scope that ends a little later, however often the time has stood still."""
        self._scope = anyio.CancelScope(deadline=self.until_s + GRACE_S)
        return self._scope

    def stop(self) -> None:
        """It waits for its siblings from now on."""
        if self._stopped_s is None:
            self._stopped_s = monotonic_s()
            self._tell()

    def go_on(self) -> None:
        """It waits for them no longer; harmless where it did not."""
        if self._stopped_s is not None:
            self._until_s = min(self._until_s + monotonic_s() - self._stopped_s, self._deadline_s)
            self._stopped_s = None
            self._tell()

    def _tell(self) -> None:
        if self._scope is not None:
            self._scope.deadline = self.until_s + GRACE_S
