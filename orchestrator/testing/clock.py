"""A wall clock that goes only when it is told to."""


class ManualClock:
    """Starts at a fixed time; every reading may move it on by `tick_ms`, so that no two events share a time."""

    def __init__(self, start_ms: int = 1_700_000_000_000, *, tick_ms: int = 0) -> None:
        self._now_ms, self._tick_ms = start_ms, tick_ms

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        self._now_ms += self._tick_ms
        return self._now_ms

    def advance(self, ms: int) -> None:
        """Let time pass."""
        self._now_ms += ms
