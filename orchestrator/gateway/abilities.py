"""What has been found out about models, kept in the project's folder. Input like any other: it may have been received.

A lie in it makes a job choose the other way of reading, which is as safe.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..errors import BadInput
from ..ids import compact
from ..regular_files import make_folder, read_regular, replacing
from ..rules.ability import Ability, readable

#: Its name in the project's folder, and the most bytes that are read of it.
FILE, _BYTES_MOST = "abilities.json", 256 * 1024
_NAMES_MOST = 500


class Way(NamedTuple):
    """How a role's work is done, and the rung that it was chosen for; "" where none serves the role."""

    way: Ability
    rung: str


def read_abilities(project: Path) -> Mapping[str, Ability]:
    """By `rules.ability.key_of`, what was found; nothing where there is no file, or it is not one of ours.

    Raises BadInput, one line, where something other than a regular file stands there, or too large a one.
    """
    try:
        return readable(json.loads(read_regular(project / FILE, _BYTES_MOST)))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return {}
    except OSError as error:
        raise BadInput(f"{str(project / FILE)!r} cannot be read: {error.strerror}; move it away") from error


def keep_abilities(project: Path, found: Mapping[str, Ability]) -> None:
    """Keep what was found beside what is known, the newest of 500. Raises BadInput where it cannot be written."""
    if not found:
        return
    known = read_abilities(project)
    kept = {**{key: each for key, each in known.items() if key not in found}, **found}
    newest = dict(list(kept.items())[-_NAMES_MOST:])
    try:
        make_folder(project)
        with replacing(project / FILE, project / f"{FILE}.new") as file:
            file.write(compact({"abilities": newest}).encode())
    except OSError as error:
        raise BadInput(f"{str(project / FILE)!r} cannot be written: {error.strerror}; mend its permissions") from error
