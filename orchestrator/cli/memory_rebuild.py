"""`bullpen memory rebuild`: vectors and indexes made anew, with how far it has come and the time left."""

import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..ports import KeptMemory, Stored
from ..settings import load_settings
from .printing import console, print_json
from .remembered import opened

#: How often memory is asked how far it is, and how often that is said where nothing can be redrawn, in seconds.
_LOOKED_S, _SAID_S = 0.5, 5.0

Show = Callable[[float, Stored], None]


def run_rebuild(settings: Mapping[str, Any], *, lacking: bool, as_json: bool) -> None:
    """Make everything anew, or what is lacking, and wait for it. Raises Unavailable where that fails."""
    given, set_here = settings.get("embedder"), load_settings().embedder
    anyio.run(_rebuild, settings, lacking, as_json)
    if given not in (None, set_here):
        sys.stderr.write(f'set embedder = "{given}" in bullpen.toml, so that jobs search with it\n')


async def _rebuild(settings: Mapping[str, Any], lacking: bool, as_json: bool) -> None:
    began_s = anyio.current_time()
    async with opened(settings, is_fresh=not lacking) as remembered:
        memory = remembered.memory
        with _shown(is_quiet=as_json) as show:
            await _watched(memory.settle if lacking else memory.rebuild, memory, show)
        stored = await memory.stored()
    seconds = round(anyio.current_time() - began_s, 1)
    if as_json:
        print_json({"seconds": seconds, **stored.model_dump()})
        return
    left = stored.lacking + stored.pending
    rest = f"{left:,} to go" if left else "nothing is lacking"
    sys.stdout.write(f"{stored.vectors:,} vectors by {stored.embedder}, {rest}; {seconds} s\n")


async def _watched(act: Callable[[], Awaitable[None]], memory: KeptMemory, show: Show) -> None:
    """Do it, and show meanwhile how far it is."""
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, memory, show)
            await act()
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _watch(memory: KeptMemory, show: Show) -> None:
    while True:
        await anyio.sleep(_LOOKED_S)
        show(anyio.current_time(), await memory.stored())


@contextmanager
def _shown(*, is_quiet: bool) -> Iterator[Show]:
    """What shows how far it is: bars in a terminal, else lines now and then, on standard error."""
    screen = console(stderr=True)
    if is_quiet or not screen.is_terminal:
        yield (lambda _, __: None) if is_quiet else Lines().show
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as progress:
        vectors, index = progress.add_task("vectors", total=None), progress.add_task("index", total=None)

        def show(_: float, stored: Stored) -> None:
            progress.update(vectors, completed=stored.vectors, total=stored.vectors + stored.lacking)
            progress.update(index, completed=stored.passages - stored.pending, total=stored.passages)

        yield show


class Lines:
    """A line now and then, with the time left as soon as there is something to judge it by."""

    def __init__(self) -> None:
        self._said_s = float("-inf")
        self._first: tuple[float, int] | None = None

    def show(self, now_s: float, stored: Stored) -> None:
        """Say how far it is, unless that has just been said."""
        left = stored.lacking + stored.pending
        self._first = self._first or (now_s, left)
        if now_s - self._said_s >= _SAID_S:
            self._said_s = now_s
            of = stored.vectors + stored.lacking
            told = f"vectors {stored.vectors:,} of {of:,}, {stored.pending:,} passages to be indexed"
            sys.stderr.write(f"{told}{self._time_left(now_s, left)}\n")
            sys.stderr.flush()

    def _time_left(self, now_s: float, left: int) -> str:
        first_s, first = self._first or (now_s, left)
        if now_s <= first_s or left >= first:
            return ""
        return f", about {left * (now_s - first_s) / (first - left):.0f} s left"
