"""What may go from a folder of runs: those that are too old or too many, and what no run needs. Blocking.

What is to go is chosen by looking alone. Before it is deleted its run is withheld from every other process, and looked
at again: who opens it in the same moment either has it, and nothing is deleted, or finds it gone. Links are not
followed, and what bears none of our names is not touched.
"""

import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import BadInput, JournalDamaged, Unavailable
from ..ids import made_ms
from ..regular_files import is_regular, list_all, read_regular
from .disk import HALF_MADE, locked
from .index import SUFFIX as INDEX
from .lines import END, is_unborn
from .reader import Run, list_runs, open_run
from .storage import FENCE, NEW, SUFFIX, is_held, parsed, withheld

#: How the name ends of what a detached job prints.
LOG = ".log"
_DAY_MS = 24 * 60 * 60 * 1000
#: How the names of files end that are locked by whoever makes them, beside the run or in its stead.
_LOCKED = (FENCE, NEW, HALF_MADE)
#: How long ago something unfinished was made, in seconds, before it is nobody's: to finish it takes much less.
_UNBORN_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that no process works on: `status` is a job's, or `interrupted`."""

    path: Path
    #: The job's id.
    job: str
    status: str
    #: When it was last worked on, in milliseconds since 1970; see `_worked_ms`.
    at_ms: int
    size: int
    question: str
    #: By this a file is known to be the one that was looked at, unchanged.
    sign: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file that no run needs, and its size in bytes."""

    path: Path
    size: int


def ended_runs(runs: Path, *, interrupted: bool) -> Iterator[Ended]:
    """The runs of a folder that have ended, and those that were interrupted if asked for.

    One that cannot be read is none of them: whether it has ended is not known.
    """
    for path in list_runs(runs):
        with suppress(OSError, BadInput, JournalDamaged, ValueError, KeyError, TypeError):
            there = path.lstat()
            run = open_run(path)
            if run.events and (run.report or (interrupted and run.status == "interrupted")):
                yield Ended(path, run.id, run.status, _worked_ms(run), there.st_size, run.question, _sign(there))


def _worked_ms(run: Run) -> int:
    """The latest time on record, its id's among them, which is behind those of all jobs before it.

    Not its last event's alone: a run must not look old because the clock was wrong when it ended.
    """
    return max(made_ms(run.id), *(event.at_ms for event in run.events))


def outdated(runs: Iterable[Ended], now_ms: int, *, days: int | None, most: int | None) -> list[Ended]:
    """Those that ended more than so many days ago, and those beyond the so many newest; oldest first."""
    newest = sorted(runs, key=lambda run: (run.at_ms, run.job), reverse=True)
    too_many = set[Path]() if most is None else {run.path for run in newest[most:]}
    oldest_ms = 0 if days is None else now_ms - days * _DAY_MS
    return [run for run in reversed(newest) if run.at_ms < oldest_ms or run.path in too_many]


def delete(run: Ended, sockets: str) -> None:
    """Delete a run and what stands beside it. `sockets` is how the names of sockets end.

    Raises Unavailable where another process has it or has changed it, OSError where it cannot be deleted.
    """
    with withheld(run.path):
        if _sign(run.path.lstat()) != run.sign:
            raise Unavailable(f"{run.path.name!r} was gone on with")
        for beside in _beside(run.path, sockets):
            beside.unlink()
        run.path.unlink()


def _sign(there: os.stat_result) -> tuple[int, int, int]:
    return there.st_ino, there.st_size, there.st_mtime_ns


def leftovers(runs: Path, sockets: str) -> list[Leftover]:
    """What no run needs and no living process has, by name: what stands beside a run and is of use to its holder alone,
    files that were never made whole, runs that never held a commit. Raises BadInput where the folder cannot be listed.
    """
    found = []
    for path in list_all(runs):
        with suppress(OSError, BadInput):  # it has gone meanwhile, or is somebody else's
            if _is_useless(path, sockets) and not _has_owner(path):
                found.append(Leftover(path, path.lstat().st_size))
    return found


def remove(left: Leftover, sockets: str) -> None:
    """Delete something left over. Raises Unavailable where it is in use again, OSError where it cannot be deleted."""
    path, run = left.path, left.path.with_suffix(SUFFIX)
    if path.suffix == HALF_MADE or not os.path.lexists(run):
        with locked(path, 0) if path.suffix in _LOCKED else nullcontext():
            path.unlink()
    else:
        with withheld(run):
            if not _is_useless(path, sockets):
                raise Unavailable(f"{path.name!r} is in use again")
            if path.suffix != FENCE:  # which goes when the run is let go of
                path.unlink()


def _is_useless(path: Path, sockets: str) -> bool:
    """Whether it is of a kind that nobody needs, unless a living process has it."""
    with suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if path.suffix == sockets:
            return stat.S_ISSOCK(mode) or stat.S_ISLNK(mode)
        if path.suffix in _LOCKED:
            return stat.S_ISREG(mode)
        if path.suffix in (INDEX, LOG):
            return stat.S_ISREG(mode) and not os.path.lexists(path.with_suffix(SUFFIX)) and _is_old(path)
        if path.suffix.startswith(f"{INDEX}-"):
            return stat.S_ISREG(mode) and _is_old(path)
        return path.suffix == SUFFIX and stat.S_ISREG(mode) and _is_unborn(path)
    return False


def _has_owner(path: Path) -> bool:
    """Whether a living process has it, or the run that it stands beside; or that is a link, and not ours to decide."""
    run = path.with_suffix(SUFFIX)
    if path.suffix != HALF_MADE and os.path.lexists(run):
        return not stat.S_ISREG(run.lstat().st_mode) or is_held(run)
    return path.suffix in _LOCKED and is_held(path)


def _is_old(path: Path) -> bool:
    """Whether nobody is just making it."""
    return time.time() - path.lstat().st_mtime >= _UNBORN_S


def _is_unborn(path: Path) -> bool:
    """Whether nothing was ever committed to a run, and its process had the time to."""
    if not _is_old(path):
        return False
    content = read_regular(path)
    if is_unborn(content) or END + END in content:
        return is_unborn(content)
    with suppress(BadInput, JournalDamaged):
        found, _ = parsed(path, content)
        return not found.events and not found.damage
    return False  # nobody knows what it is


def _beside(run: Path, sockets: str) -> Sequence[Path]:
    """What stands beside a run and goes with it; its fence goes when it is let go of."""
    told = [path for suffix in (INDEX, LOG) if is_regular(path := run.with_suffix(suffix))]
    return [*told, *(path for suffix in (NEW, sockets) if _is_useless(path := run.with_suffix(suffix), sockets))]
