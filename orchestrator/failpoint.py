"""Places with a name at which a test may kill the process: on both sides of whatever must survive that.

    count = Counter()
    with hooked(lambda name: count.update([name])):
        ...

Outside of tests nothing is hooked and a crossing costs a comparison.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Hook = Callable[[str], None]
_hook: Hook | None = None


def failpoint(name: str) -> None:
    """Cross the place of this name, `area.what_has_happened`. In a thread as well as on the event loop."""
    if _hook is not None:
        _hook(name)


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    """Have the hook told of every crossing in this process."""
    global _hook
    assert _hook is None, "one hook at a time"
    _hook = hook
    try:
        yield
    finally:
        _hook = None
