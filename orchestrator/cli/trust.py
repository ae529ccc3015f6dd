"""`bullpen trust`, and the question that a terminal is asked: whether a folder or a run may do what it wants."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import Refused
from ..journal.reader import open_run
from ..restricted import Restricted
from ..settings import runs_folder, wanted_by_folder, where_set
from ..text import printable
from ..trust import Untrusted, forget, record, words_about
from .prepare import named_by
from .printing import print_json


def trust_folder(job: str | None, *, yes: bool, only_list: bool, as_json: bool) -> None:
    """Show what the folder's settings want, or a run, and keep the word that it may. Asks first on a terminal.

    Raises Refused where somebody says no.
    """
    folder = Path.cwd()
    run = None if job is None else open_run(job, runs_folder())
    wanted = wanted_by_folder() if run is None else named_by(run, {})
    where = where_set if run is None else (lambda _: f"run {run.id}")
    if not only_list:
        if wanted and not (yes or as_json) and _is_somebody_there() and not _agree(wanted, folder):
            raise Refused("nothing is trusted")
        record(wanted, folder)
    words = words_about(folder)
    rows = [
        {"setting": where(each), "does": each.does, "words": sorted(words.get(each.key, frozenset()))}
        for each in wanted
    ]
    if as_json:
        print_json({"folder": str(folder.resolve()), "wanted": rows})
        return
    for row in rows:
        sys.stdout.write(printable(f"{', '.join(row['words']) or 'no word yet'}: {row['setting']} {row['does']}\n"))
    if not rows:
        sys.stdout.write("nothing here needs a word\n")


def forget_folder(*, as_json: bool) -> None:
    """Take back every word about the folder."""
    folder = Path.cwd()
    was_there = forget(folder)
    if as_json:
        print_json({"folder": str(folder.resolve()), "forgotten": was_there})
        return
    told = "every word about it is taken back" if was_there else "there is no word about it"
    sys.stdout.write(printable(f"{folder.resolve()}: {told}\n"))


def is_agreed(error: Untrusted) -> bool:
    """Whether somebody at the terminal allows what was refused; then the word is kept. Never where nobody is there."""
    if not (_is_somebody_there() and _agree(error.wanted, error.folder)):
        return False
    record(error.wanted, error.folder)
    return True


def _is_somebody_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _agree(wanted: Sequence[Restricted], folder: Path) -> bool:
    told = "".join(f"  - {printable(each.does)}\n" for each in wanted)
    sys.stderr.write(f"In {printable(str(folder.resolve()))}, what was set or received here:\n{told}May it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
