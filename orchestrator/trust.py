"""The person's word for what is restricted: a record outside of any project, and BULLPEN_TRUST=1 for a process.

A folder has a file of lines in `$XDG_STATE_HOME/bullpen/trust`, `~/.local/state` by default: one for each thing that
may be done there, under the SHA-256 of what it is. Lines are only added, so that no process waits for another.
"""

import json
import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from io import FileIO
from pathlib import Path

from .errors import BadInput
from .ids import digest
from .regular_files import make_folder, open_regular, read_regular
from .restricted import Restricted

#: With `1` all that this process comes upon is trusted.
VARIABLE = "BULLPEN_TRUST"


class Word(StrEnum):
    """What was said of a thing: that it may be done, or, by beginning a job with it, that this may be gone on with."""

    TRUSTED = "trusted"
    BEGUN = "begun"


class Untrusted(BadInput):
    """A folder or a run wants what only the person may allow. `wanted` waits for a word about `folder`."""

    def __init__(self, message: str, wanted: Sequence[Restricted], folder: Path) -> None:
        super().__init__(message)
        self.wanted, self.folder = tuple(wanted), folder


def check(
    wanted: Sequence[Restricted],
    folder: Path,
    *,
    where: Callable[[Restricted], str],
    mend: str,
    enough: Callable[[Restricted], frozenset[Word]] = lambda _: frozenset({Word.TRUSTED}),
) -> None:
    """Raises Untrusted, one line, unless each has a word that is `enough`. `where` says who wants it. Blocking."""
    if not wanted or is_said_for_all():
        return
    words, damage = _words(folder)
    if waiting := [each for each in wanted if not words.get(each.key, frozenset()) & enough(each)]:
        more = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
        said = f"{where(waiting[0])} {waiting[0].does}, which needs your word{more}: {mend}, or {VARIABLE}=1{damage}"
        raise Untrusted(said, waiting, folder)


def is_said_for_all() -> bool:
    """Whether BULLPEN_TRUST trusts everything. Raises BadInput for a value that says neither."""
    said = os.environ.get(VARIABLE, "").lower()
    if said not in ("", "0", "1", "false", "true"):
        raise BadInput(f"{VARIABLE} = {said!r} is neither 1, which trusts all that this process comes upon, nor 0")
    return said in ("1", "true")


def record(things: Sequence[Restricted], folder: Path, word: Word = Word.TRUSTED) -> None:
    """Keep a word for each of these. Raises BadInput where there is no place for it. Blocking."""
    words, damage = _words(folder)
    if damage:
        raise BadInput(f"nothing is added{damage}")
    new = [each for each in things if not words.get(each.key, frozenset()) & {word, Word.TRUSTED}]
    facts = [{"folder": str(folder.resolve()), "sha256": each.key, "word": word, "does": each.does} for each in new]
    if facts:
        _append(_place(folder), "".join(json.dumps(fact) + "\n" for fact in facts))


def forget(folder: Path) -> bool:
    """Take back every word about a folder; whether there was one. Blocking."""
    path = _place(folder)
    if path is None or not path.exists():
        return False
    path.unlink()
    return True


def words_about(folder: Path) -> dict[str, frozenset[Word]]:
    """What was said, by the thing's key. Raises BadInput for a record that cannot be used. Blocking."""
    words, damage = _words(folder)
    if damage:
        raise BadInput(f"nothing is trusted here{damage}")
    return words


def _append(path: Path | None, lines: str) -> None:
    if path is None:
        raise BadInput(f"there is no place to keep your word in: set HOME or XDG_STATE_HOME, or {VARIABLE}=1")
    try:
        make_folder(path.parent)
        with FileIO(open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "a") as file:
            file.write(lines.encode())
    except OSError as error:
        raise BadInput(f"your word cannot be kept in {str(path)!r}: {error.strerror}; or set {VARIABLE}=1") from error


def _words(folder: Path) -> tuple[dict[str, frozenset[Word]], str]:
    """The words about a folder, by key; none where the record is damaged, and in words that it is."""
    path = _place(folder)
    found: dict[str, frozenset[Word]] = {}
    try:
        for line in read_regular(path).decode().splitlines() if path and path.exists() else ():
            fact = json.loads(line)
            if fact["folder"] != str(folder.resolve()):
                raise ValueError("a record of another folder")
            found[fact["sha256"]] = found.get(fact["sha256"], frozenset()) | {Word(fact["word"])}
    except (OSError, BadInput, ValueError, TypeError, KeyError, RecursionError):
        return {}, f"; {str(path)!r} cannot be read as a record of trust: `bullpen trust --forget` removes it"
    return found, ""


def _place(folder: Path) -> Path | None:
    """Where words about a folder are kept; None where the environment names no place. Source: XDG Base Directory."""
    state, home = os.environ.get("XDG_STATE_HOME", ""), os.environ.get("HOME", "")
    base = Path(state) if os.path.isabs(state) else Path(home, ".local", "state") if os.path.isabs(home) else None
    return base and base / "bullpen" / "trust" / f"{digest(str(folder.resolve()))[:32]}.jsonl"
