"""Whole runs and copies of them: checked, exported to a file that stands alone, imported from one. Blocking."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from ..errors import BadInput, BullpenError, JournalDamaged, Unavailable
from ..ids import compact
from ..regular_files import check_named, make_folder, read_regular
from ..text import escaped
from .disk import put
from .events import Event
from .lines import END, FORMAT, HEADER, Content, Damage, whole
from .reader import run_of
from .storage import SUFFIX, is_held, parsed

#: What a job may be called to have a file of its name in the folder of runs.
_JOB = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a run, and everything that is wrong with it."""

    job: str
    #: A job's status, `running` or `interrupted`; `damaged`, or `unreadable` where not even its format is known.
    state: str
    #: How many events can be read.
    events: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """What came of an export or an import."""

    #: What the run is that was copied, and what is wrong with it.
    run: Checked
    path: Path
    #: Of an export: behind which event nothing is in the copy.
    damage: Damage | None = None
    #: Of an import: it was there before.
    was_there: bool = False


def check(path: Path) -> Checked:
    """Whether a run's format, its chain of hashes and the claims of its report hold. Raises nothing for a bad file."""
    try:
        return _judged(path, *_opened(path)[:2])
    except BullpenError as error:
        return Checked(path.stem, "unreadable", 0, (str(error),))


def _judged(path: Path, held: bool, found: Content) -> Checked:
    damage = [str(found.damage)] if found.damage else []
    try:
        run = run_of(path, found.events, held=held)
        problems = (*damage, *_mixed(found.events), *run.problems())
        return Checked(run.id, "damaged" if damage else run.status, len(found.events), problems)
    except (ValueError, KeyError, TypeError) as error:  # the hashes hold, and yet another program made them
        problem = f"its events are of another shape: {type(error).__name__}: {error}"
        return Checked(path.stem, "unreadable", len(found.events), (*damage, problem))


def _mixed(events: Sequence[Event]) -> list[str]:
    jobs = list(dict.fromkeys(event.job for event in events))
    return [f"it has events of {len(jobs)} jobs: {jobs[:2]}; a run has those of one"] if len(jobs) > 1 else []


def export(run: Path, to: Path, runs: Path, *, instead: bool, as_events: bool) -> Copied:
    """Write a run's committed events to a file: as a run of today's format that has been let go of, or a line of JSON
    for each event. Of a damaged run, those before the damage. A file that is there is replaced only if `instead`, and
    none is made in the folder `runs`, where every name has a meaning. It is for its owner alone: prompts are in it.

    Raises BadInput where nothing is in the run, a link leads to the file or it cannot be written, JournalDamaged where
    nothing can be read.
    """
    held, found, _ = _opened(run, committed=True)
    events = found.events
    if not events and found.damage:
        raise JournalDamaged(f"run {str(run)!r} is {found.damage}: no event stands before that; keep the file as it is")
    if not events:
        raise BadInput(f"run {str(run)!r} has no event yet; there is nothing to export")
    check_named(to)
    if to.parent.resolve() == runs.resolve():
        raise BadInput(f"file {str(to)!r} would stand among the runs; name one in another folder")
    if to.is_file() and (to.samefile(run) or is_held(to)):
        raise BadInput(f"file {str(to)!r} is the run itself, or held by a living process; name another one")
    _put(to, b"".join(map(_as_line, events)) if as_events else whole(events), instead=instead, or_else="give --force")
    return Copied(_judged(run, held, found), to, found.damage)


def import_run(file: Path, runs: Path) -> Copied:
    """Check a file wholly and put it into the folder of runs, under its job's id and in today's format.

    The same run may be there already. Raises BadInput where the file is no run, or has a newer format, events of
    several jobs, or a job that is there with other events; JournalDamaged where it is damaged or cut off.
    """
    events = _imported(file)
    path = runs / f"{_job_of(file, events)}{SUFFIX}"
    checked = _judged(path, False, Content(events))
    if checked.state == "unreadable":
        raise BadInput(f"file {str(file)!r} cannot be imported: {checked.problems[0]}; another Bullpen made it")
    was_there = _is_there(path, events)
    if not was_there:
        _make_folder(runs)
        _put(path, whole(events), instead=False, or_else="import it again")
    return Copied(checked, path, was_there=was_there)


def _imported(file: Path) -> list[Event]:
    try:
        _, found, left_over = _opened(file)
    except JournalDamaged as error:
        told = f'it does not begin with {{"format":{FORMAT}}}; `bullpen runs export JOB --to FILE` writes one that does'
        raise BadInput(f"file {str(file)!r} is no run: {told}") from error
    if found.damage or left_over:
        told = str(found.damage or f"cut off behind event {len(found.events)}, {left_over} bytes into the next")
        mend = f"take a better copy, or export its good part first: `bullpen runs export {file} --to FILE`"
        raise JournalDamaged(f"file {str(file)!r} is {told}; {mend}")
    return found.events


def _make_folder(runs: Path) -> None:
    try:
        make_folder(runs)
    except OSError as error:
        raise BadInput(f"folder {str(runs)!r} cannot be made: {error.strerror}; name another one") from error


def _job_of(file: Path, events: Sequence[Event]) -> str:
    """The one job of these events. Raises BadInput where there is none, or more than one, or a name for no file."""
    if not events:
        raise BadInput(f"file {str(file)!r} is a run without events; there is nothing to import")
    if mixed := _mixed(events):
        raise BadInput(f"file {str(file)!r} cannot be imported: {mixed[0]}")
    job = events[0].job
    if not _JOB.fullmatch(job):
        raise BadInput(
            f"file {str(file)!r} is of job {job[:80]!r}, which can be no file's name: up to 200 letters, digits "
            "and '_', '-' or '.' are allowed"
        )
    return job


def _is_there(path: Path, events: Sequence[Event]) -> bool:
    """Whether a run with these events is there. Raises BadInput where one with others is."""
    if not path.is_symlink() and not path.exists():
        return False
    _, found, _ = _opened(path)
    if found.damage is None and found.events == events:
        return True
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(found.events, events, strict=False))))
    there = "damaged there" if found.damage else f"there with {len(found.events)} events"
    raise BadInput(
        f"job {path.stem!r} is {there} and has {len(events)} in the file, {same} of them the same; "
        f"move {str(path)!r} to another folder first, or keep it"
    )


def _opened(path: Path, *, committed: bool = False) -> tuple[bool, Content, int]:
    """Whether a living process holds a run, what can be read of it, and how many bytes are left over behind that.

    With `committed` a commit that its holder is just writing is left out. Raises BadInput where it is no run or of a
    newer format, JournalDamaged where nothing of it can be read.
    """
    try:
        held = is_held(path)  # before reading: a run that ends in between must not look interrupted
        content = read_regular(path)
    except OSError as error:
        raise BadInput(f"run {str(path)!r} cannot be read: {error.strerror}") from error
    found, left_over = parsed(path, content)
    if committed and held and not found.damage and content.startswith(HEADER):
        found, left_over = parsed(path, content[: max(content.rfind(END + END) + len(END + END), len(HEADER))])
    return held, found, left_over


def _put(path: Path, content: bytes, *, instead: bool, or_else: str) -> None:
    try:
        put(path, content, instead=instead)
    except FileExistsError:
        raise BadInput(f"file {str(path)!r} exists and is left as it is; {or_else}, or name another one") from None
    except OSError as error:
        raise BadInput(f"file {str(path)!r} cannot be written: {error.strerror}; name another one") from error
    except Unavailable as error:
        raise Unavailable(f"file {str(path)!r} is just being written: {error}; wait for it") from error


def _as_line(event: Event) -> bytes:
    # Earlier versions recorded numbers that are infinite or none as words which are no JSON.
    has_words = any(word in event.body for word in ("Infinity", "NaN"))
    body = compact(event.value) if has_words else event.body
    return escaped(f'{event.head},"body":{body},"hash":"{event.hash}"}}\n').encode()
